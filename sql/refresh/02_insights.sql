-- grain: one insight; of two events that name the same one the later wins. An insight whose event was outranked since is read
-- anew: from the better event if that names it, else from an earlier event of the stream that does, else it is removed.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_INSIGHTS(batch_key VARCHAR, may_withdraw BOOLEAN)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Folds insights that the batch brought into INSIGHT_ATOMS.'
EXECUTE AS OWNER
AS
$$
BEGIN
    MERGE INTO INSIGHT_ATOMS AS atom
    USING (
        WITH withdrawn AS (
            SELECT known.insight_id
            FROM INSIGHT_ATOMS AS known
            INNER JOIN SUPERSEDED AS outranked
                ON known.channel_id = outranked.channel_id
                AND known.stream_offset = outranked.stream_offset
                AND known.recorded_at = outranked.ts
            WHERE :may_withdraw
        ),

        events AS (
            SELECT
                customer, org_id, project, session_id, feature_json, ts, activity_id, channel_id, stream_offset,
                COALESCE(NULLIF(feature_json:insight_id::VARCHAR, ''), activity_id) AS insight_id
            FROM CLAUDE_STREAM_V2_STREAM
            WHERE event_name = 'mcp_event'
                AND feature_json:method::VARCHAR = 'record_insight'
            UNION ALL
            SELECT
                event.customer, event.org_id, event.project, event.session_id, event.feature_json, event.ts, event.activity_id,
                event.channel_id, event.stream_offset, withdrawn.insight_id
            FROM CLAUDE_STREAM_V2 AS event
            INNER JOIN withdrawn
                ON COALESCE(NULLIF(event.feature_json:insight_id::VARCHAR, ''), event.activity_id) = withdrawn.insight_id
            WHERE :may_withdraw
                AND event.event_name = 'mcp_event'
                AND event.feature_json:method::VARCHAR = 'record_insight'
        ),

        newest AS (
            SELECT
                *,
                OBJECT_CONSTRUCT_KEEP_NULL(
                    'insight_id', insight_id,
                    'subject', SUBSTR(subject, 1, 300),
                    'metric', SUBSTR(metric, 1, 300),
                    'value', IFF(LENGTH(value_text) > 2000, SUBSTR(value_text, 1, 2000)::VARIANT, value),
                    'grain', SUBSTR(grain, 1, 300),
                    'confidence', confidence,
                    'artifact_id', artifact_id,
                    'query_id', query_id,
                    'recorded_at', TO_CHAR(recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"'),
                    'valid_until', TO_CHAR(valid_until, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"')
                ) AS item
            FROM (
                SELECT
                    *,
                    TRY_CAST(confidence_text AS NUMBER(9, 6)) AS confidence,
                    COALESCE(
                        TRY_CAST(valid_until_text AS TIMESTAMP_NTZ),
                        IFF(
                            recorded_at < '9900-01-01'::TIMESTAMP_NTZ,
                            DATEADD(SECOND, ROUND(valid_hours * 3600), recorded_at),
                            NULL
                        )
                    ) AS valid_until
                FROM (
                    SELECT
                        event.insight_id,
                        event.customer,
                        event.org_id,
                        event.project,
                        event.session_id,
                        event.feature_json:subject::VARCHAR AS subject,
                        event.feature_json:metric::VARCHAR AS metric,
                        event.feature_json:value AS value,
                        event.feature_json:value::VARCHAR AS value_text,
                        event.feature_json:grain::VARCHAR AS grain,
                        event.feature_json:confidence::VARCHAR AS confidence_text,
                        event.feature_json:artifact_id::VARCHAR AS artifact_id,
                        event.feature_json:query_id::VARCHAR AS query_id,
                        IFF(
                            ARRAY_SIZE(event.feature_json:source_events) >= 0, event.feature_json:source_events, NULL
                        ) AS source_events,
                        event.feature_json:valid_until::VARCHAR AS valid_until_text,
                        LEAST(TRY_CAST(event.feature_json:valid_for_hours::VARCHAR AS NUMBER(18, 3)), 500000) AS valid_hours,
                        event.ts AS recorded_at,
                        event.activity_id,
                        event.channel_id,
                        event.stream_offset
                    FROM events AS event
                    WHERE NOT EXISTS (
                            SELECT 1
                            FROM SUPERSEDED AS outranked
                            WHERE outranked.channel_id = event.channel_id
                                AND outranked.stream_offset = event.stream_offset
                                AND outranked.ts = event.ts
                        )
                ) AS recorded
            ) AS read
            QUALIFY ROW_NUMBER() OVER (PARTITION BY insight_id ORDER BY recorded_at DESC, activity_id) = 1
        )

        SELECT newest.*, withdrawn.insight_id AS withdrawn_id
        FROM newest
        FULL OUTER JOIN withdrawn
            ON newest.insight_id = withdrawn.insight_id
    ) AS fresh
        ON atom.insight_id = COALESCE(fresh.insight_id, fresh.withdrawn_id)
    WHEN MATCHED AND fresh.insight_id IS NULL THEN DELETE
    WHEN MATCHED AND (
        fresh.withdrawn_id IS NOT NULL
        OR fresh.recorded_at > atom.recorded_at
        OR (fresh.recorded_at = atom.recorded_at AND fresh.activity_id < atom.activity_id)
    ) THEN
        UPDATE SET
            customer = fresh.customer,
            org_id = fresh.org_id,
            project = fresh.project,
            session_id = fresh.session_id,
            subject = fresh.subject,
            metric = fresh.metric,
            value = fresh.value,
            grain = fresh.grain,
            confidence = fresh.confidence,
            artifact_id = fresh.artifact_id,
            query_id = fresh.query_id,
            source_events = fresh.source_events,
            item = fresh.item,
            recorded_at = fresh.recorded_at,
            valid_until = fresh.valid_until,
            activity_id = fresh.activity_id,
            channel_id = fresh.channel_id,
            stream_offset = fresh.stream_offset,
            batch_key = :batch_key,
            updated_at = SYSDATE()
    WHEN NOT MATCHED THEN
        INSERT (
            insight_id, customer, org_id, project, session_id, subject, metric, value, grain, confidence, artifact_id, query_id,
            source_events, item, recorded_at, valid_until, is_quarantined, activity_id, channel_id, stream_offset, updated_at
        )
        VALUES (
            fresh.insight_id, fresh.customer, fresh.org_id, fresh.project, fresh.session_id, fresh.subject, fresh.metric,
            fresh.value, fresh.grain, fresh.confidence, fresh.artifact_id, fresh.query_id, fresh.source_events, fresh.item,
            fresh.recorded_at, fresh.valid_until, FALSE, fresh.activity_id, fresh.channel_id, fresh.stream_offset, SYSDATE()
        );
    RETURN 'done';
END;
$$;
