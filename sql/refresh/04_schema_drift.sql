-- grain: customer, event_name, field, drift_kind, observed_type. An unknown hook of Claude Code is kept as it came,
-- and is no drift. First and last seen look at every row that was sent; occurrences counts those that no other
-- outranks: a row that this batch outranks is taken back, one outranked on arrival is counted and taken back at once.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_DRIFT(batch_key VARCHAR)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Counts features that disagree with the schemas in SCHEMA_DRIFT.'
EXECUTE AS OWNER
AS
$$
BEGIN
    MERGE INTO SCHEMA_DRIFT AS drift
    USING (
        WITH sent AS (
            SELECT customer, org_id, event_name, activity_id, ts, feature_json, 1 AS weight FROM CLAUDE_STREAM_V2_STREAM
            UNION ALL
            SELECT
                event.customer,
                event.org_id,
                event.event_name,
                event.activity_id,
                event.ts,
                event.feature_json,
                -1 AS weight
            FROM SUPERSEDED AS outranked
            INNER JOIN CLAUDE_STREAM_V2 AS event
                ON outranked.ts = event.ts
                AND outranked.channel_id = event.channel_id
                AND outranked.stream_offset = event.stream_offset
            WHERE outranked.batch_key = :batch_key
        ),

        features AS (
            SELECT
                sent.customer,
                sent.org_id,
                sent.event_name,
                sent.activity_id,
                sent.ts,
                sent.weight,
                feature.key AS field,
                feature.value,
                TYPEOF(feature.value) AS kind
            FROM sent,
                LATERAL FLATTEN(INPUT => sent.feature_json, MODE => 'OBJECT') AS feature
            WHERE NOT IS_OWN_EVENT(sent.event_name, sent.feature_json)
                AND (sent.event_name <> 'system_event' OR NOT EQUAL_NULL(sent.feature_json:event_type::VARCHAR, 'hook'))
        ),

        differences AS (
            SELECT
                features.customer,
                features.org_id,
                features.event_name,
                features.field,
                IFF(known.field IS NULL, 'new_key', 'type_changed') AS drift_kind,
                observed.json_type AS observed_type,
                known.json_types AS expected_types,
                features.activity_id,
                features.ts,
                features.weight,
                NULL AS reason
            FROM features
            INNER JOIN (VALUES
                ('VARCHAR', 'string'), ('INTEGER', 'integer'), ('DECIMAL', 'number'), ('DOUBLE', 'number'),
                ('BOOLEAN', 'boolean'), ('OBJECT', 'object'), ('ARRAY', 'array'), ('NULL_VALUE', 'null')
            ) AS observed (kind, json_type)
                ON features.kind = observed.kind
            LEFT JOIN SCHEMA_FIELDS AS known
                ON features.event_name = known.event_name
                AND features.field = known.field
            WHERE IFF(
                known.field IS NULL,
                NOT STARTSWITH(features.field, '_'),
                NOT CONTAINS(' ' || known.json_types || ' ', ' ' || observed.json_type || ' ')
            )
            UNION ALL
            SELECT
                features.customer,
                features.org_id,
                features.event_name,
                COALESCE(failure.value:path::VARCHAR, '*') AS field,
                'failure' AS drift_kind,
                'invalid' AS observed_type,
                NULL AS expected_types,
                features.activity_id,
                features.ts,
                features.weight,
                failure.value:reason::VARCHAR AS reason
            FROM features,
                LATERAL FLATTEN(INPUT => features.value) AS failure
            WHERE features.field = '_schema_errors'
                AND features.kind = 'ARRAY'
        )

        SELECT
            customer,
            MAX(org_id) AS org_id,
            event_name,
            SUBSTR(differences.field, 1, 255) AS field,
            drift_kind,
            observed_type,
            MAX(expected_types) AS expected_types,
            SUM(weight) AS occurrences,
            MIN(ts) AS first_seen_at,
            MAX(ts) AS last_seen_at,
            SUBSTR(MIN(TO_CHAR(ts, 'YYYY-MM-DD HH24:MI:SS.FF6') || ' ' || activity_id), 28) AS first_activity_id,
            SUBSTR(MIN(reason), 1, 300) AS sample_reason,
            (SELECT MAX(schema_version) FROM SCHEMA_FIELDS) AS schema_version
        FROM differences
        GROUP BY customer, event_name, SUBSTR(differences.field, 1, 255), drift_kind, observed_type
    ) AS fresh
        ON drift.customer = fresh.customer
        AND drift.event_name = fresh.event_name
        AND drift.field = fresh.field
        AND drift.drift_kind = fresh.drift_kind
        AND drift.observed_type = fresh.observed_type
    WHEN MATCHED THEN
        UPDATE SET
            org_id = GREATEST(COALESCE(drift.org_id, fresh.org_id), COALESCE(fresh.org_id, drift.org_id)),
            occurrences = drift.occurrences + fresh.occurrences,
            first_activity_id = CASE
                WHEN fresh.first_seen_at < drift.first_seen_at THEN fresh.first_activity_id
                WHEN fresh.first_seen_at > drift.first_seen_at THEN drift.first_activity_id
                ELSE LEAST(fresh.first_activity_id, drift.first_activity_id)
            END,
            first_seen_at = LEAST(drift.first_seen_at, fresh.first_seen_at),
            last_seen_at = GREATEST(drift.last_seen_at, fresh.last_seen_at),
            sample_reason = LEAST(
                COALESCE(drift.sample_reason, fresh.sample_reason), COALESCE(fresh.sample_reason, drift.sample_reason)
            ),
            updated_at = SYSDATE()
    WHEN NOT MATCHED THEN
        INSERT (
            drift_id, customer, org_id, event_name, field, drift_kind, expected_types, observed_type, occurrences,
            first_seen_at, last_seen_at, first_activity_id, sample_reason, schema_version, updated_at
        )
        VALUES (
            SHA2(CONCAT_WS(
                ' ', fresh.customer, fresh.event_name, fresh.field, fresh.drift_kind, fresh.observed_type
            ), 256),
            fresh.customer, fresh.org_id, fresh.event_name, fresh.field, fresh.drift_kind, fresh.expected_types,
            fresh.observed_type, fresh.occurrences, fresh.first_seen_at, fresh.last_seen_at, fresh.first_activity_id,
            fresh.sample_reason, fresh.schema_version, SYSDATE()
        );
    RETURN 'done';
END;
$$;
