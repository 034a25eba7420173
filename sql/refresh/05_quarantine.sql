-- A value whose type changed, or an event that failed validation, may have been misread by what was derived from it; a
-- new key cannot. So the insights of this customer that name such an event_name in source_events are quarantined until
-- every such drift is accepted (SCHEMA_DRIFT.accepted_at). A quarantine with another reason is not touched.
-- by batch_key REFRESH_CACHE finds the contexts that lost or regained an insight.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_QUARANTINE(batch_key VARCHAR)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Quarantines insights whose source drifted, and ends it when the drift is accepted.'
EXECUTE AS OWNER
AS
$$
BEGIN
    MERGE INTO INSIGHT_ATOMS AS atom
    USING (
        WITH drifted AS (
            SELECT
                customer,
                event_name,
                MIN(event_name || '.' || field || ' ' || drift_kind) AS difference
            FROM SCHEMA_DRIFT
            WHERE drift_kind IN ('type_changed', 'failure')
                AND accepted_at IS NULL
                AND occurrences > 0
            GROUP BY customer, event_name
        ),

        judged AS (
            SELECT
                insight.insight_id,
                insight.is_quarantined,
                insight.quarantine_reason,
                'schema drift: ' || MIN(drifted.difference) AS reason
            FROM INSIGHT_ATOMS AS insight
            LEFT JOIN drifted
                ON insight.customer = drifted.customer
                AND CONTAINS(insight.source_events::VARCHAR, '"' || drifted.event_name || '"')
            GROUP BY insight.insight_id, insight.is_quarantined, insight.quarantine_reason
        )

        SELECT
            insight_id,
            reason,
            :batch_key AS batch_key
        FROM judged
        WHERE NOT EQUAL_NULL(reason, quarantine_reason)
            AND (NOT is_quarantined OR STARTSWITH(quarantine_reason, 'schema drift: '))
    ) AS verdict
        ON atom.insight_id = verdict.insight_id
    WHEN MATCHED THEN
        UPDATE SET
            is_quarantined = verdict.reason IS NOT NULL,
            quarantine_reason = verdict.reason,
            quarantined_at = IFF(verdict.reason IS NULL, NULL, SYSDATE()),
            batch_key = verdict.batch_key,
            updated_at = SYSDATE();
    RETURN 'done';
END;
$$;
