-- 03_streams_tasks.sql: the stream over CLAUDE_STREAM_V2 and the one task that consumes it, the refresh sequence.
-- Needs: 01, 02; EXECUTE TASK and EXECUTE MANAGED TASK for the role below. Running it again replaces the task, not the stream.

-- Parameters, the same block in every file. Change a name here, or let `activity-mcp deploy` do it.
-- Session variables do not outlive one `snow sql -f`, hence each file sets its own.
SET activity_database  = 'CLAUDE_LOGS';
SET activity_schema    = 'ACTIVITIES';
SET activity_warehouse = 'COMPUTE_WH';
SET activity_role      = CURRENT_ROLE();      -- owns what is created here; the connection's role unless changed

USE ROLE      IDENTIFIER($activity_role);
USE WAREHOUSE IDENTIFIER($activity_warehouse);
USE DATABASE  IDENTIFIER($activity_database);
USE SCHEMA    IDENTIFIER($activity_schema);

-- What was inserted since the task ran last. Append-only: the deletes of retention do not show up in it.
CREATE STREAM IF NOT EXISTS CLAUDE_STREAM_V2_STREAM
    ON TABLE CLAUDE_STREAM_V2
    APPEND_ONLY = TRUE
    COMMENT = 'Rows of CLAUDE_STREAM_V2 not yet folded into the context; consumed by REFRESH_CONTEXT_TASK alone.';

-- The refresh sequence. On Snowflake this task runs it over the stream above; the embedded warehouse runs the same statements
-- after each batch it has inserted, which lies in a temporary table of the stream's name ("the batch" below).
--
--   1  SUPERSEDED      rows of the stream that a better row with the same activity_id outranks
--   2  INSIGHT_ATOMS   insights, which travel as mcp_event with method record_insight
--   3  ARTIFACTS       artifacts, the same with method store_artifact
--   4  SCHEMA_DRIFT    features that disagree with the schemas
--   5  INSIGHT_ATOMS   quarantine of insights whose source drifted, and its end when the drift is accepted
--   6  CONTEXT_HOURS   counts and latency histograms of the touched hours
--   7  CONTEXT_ITEMS   sessions, files, errors, queries of the touched hours; only the newest are kept
--   8  CONTEXT_CACHE   one context per touched (customer, project) and one per touched (customer, '*')
--
-- Rules that keep it correct, whatever the cuts between batches and however often a row is sent:
-- * An hour is touched when the batch has a row in it, or a row that the batch outranks. What is known of a touched hour is
--   computed again, whole, from the stream without SUPERSEDED; nothing is added up from batch to batch but the occurrences of a
--   drift, and these are taken back when their row is outranked later. So the result depends on the rows alone.
-- * A row outranks another with the same activity_id within a day of it: otel and hook before mcp and cli before import, then
--   the lower (channel_id, stream_offset). Both are looked up by ts, so that no statement reads a customer's history.
-- * mcp_event rows other than those two methods are the recorder talking of itself: after step 1 they count for nothing.
-- * No feature can make a statement fail: values are TRY_CAST from text, arrays and objects are taken apart only if they are
--   such. A row that raised an error would hold the stream for ever.
-- * No DDL here: it would commit half of the sequence.
CREATE OR REPLACE TASK REFRESH_CONTEXT_TASK
    USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'XSMALL'
    TARGET_COMPLETION_INTERVAL = '1 MINUTE'
    USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS = 10
    USER_TASK_TIMEOUT_MS = 600000
    COMMENT = 'Folds new activities into SUPERSEDED, INSIGHT_ATOMS, ARTIFACTS, SCHEMA_DRIFT and CONTEXT_CACHE, in one transaction.'
    WHEN SYSTEM$STREAM_HAS_DATA('CLAUDE_STREAM_V2_STREAM')
AS
EXECUTE IMMEDIATE $$
BEGIN
    BEGIN TRANSACTION;

    -- 1. grain: one row per outranked row; a row stays in it once it is there
    INSERT INTO SUPERSEDED (
        channel_id, stream_offset, activity_id, customer, project, ts, kept_channel_id, kept_stream_offset, superseded_at
    )
    WITH candidates AS (
        SELECT
            activity_id,
            ts,
            customer,
            project,
            channel_id,
            stream_offset,
            CASE source
                WHEN 'otel' THEN 0
                WHEN 'hook' THEN 0
                WHEN 'mcp' THEN 1
                WHEN 'cli' THEN 1
                WHEN 'import' THEN 2
                ELSE 3
            END AS source_rank
        FROM CLAUDE_STREAM_V2
        WHERE activity_id IN (SELECT activity_id FROM CLAUDE_STREAM_V2_STREAM)
            AND ts >= (SELECT DATEADD(DAY, -1, MIN(ts)) FROM CLAUDE_STREAM_V2_STREAM)
            AND ts <= (SELECT DATEADD(DAY, 1, MAX(ts)) FROM CLAUDE_STREAM_V2_STREAM)
    )
    SELECT
        loser.channel_id,
        loser.stream_offset,
        loser.activity_id,
        loser.customer,
        loser.project,
        loser.ts,
        better.channel_id,
        better.stream_offset,
        SYSDATE()
    FROM candidates AS loser
    INNER JOIN candidates AS better
        ON loser.activity_id = better.activity_id
        AND ABS(DATEDIFF(SECOND, loser.ts, better.ts)) <= 86400
        AND (
            better.source_rank < loser.source_rank
            OR (better.source_rank = loser.source_rank AND better.channel_id < loser.channel_id)
            OR (
                better.source_rank = loser.source_rank
                AND better.channel_id = loser.channel_id
                AND better.stream_offset < loser.stream_offset
            )
        )
    WHERE NOT EXISTS (
        SELECT 1
        FROM SUPERSEDED AS known
        WHERE known.channel_id = loser.channel_id
            AND known.stream_offset = loser.stream_offset
            AND known.ts = loser.ts
    )
    QUALIFY ROW_NUMBER() OVER (
        PARTITION BY loser.channel_id, loser.stream_offset
        ORDER BY better.source_rank, better.channel_id, better.stream_offset
    ) = 1;

    -- 2. grain: one insight; of two events that name the same one the later wins
    MERGE INTO INSIGHT_ATOMS AS atom
    USING (
        SELECT
            COALESCE(event.feature_json:insight_id::VARCHAR, event.activity_id) AS insight_id,
            event.customer,
            event.org_id,
            event.project,
            event.session_id,
            event.feature_json:subject::VARCHAR AS subject,
            event.feature_json:metric::VARCHAR AS metric,
            event.feature_json:value AS value,
            event.feature_json:grain::VARCHAR AS grain,
            TRY_CAST(event.feature_json:confidence::VARCHAR AS NUMBER(9, 6)) AS confidence,
            event.feature_json:artifact_id::VARCHAR AS artifact_id,
            event.feature_json:query_id::VARCHAR AS query_id,
            IFF(TYPEOF(event.feature_json:source_events) = 'ARRAY', event.feature_json:source_events, NULL) AS source_events,
            event.ts AS recorded_at,
            COALESCE(
                TRY_CAST(event.feature_json:valid_until::VARCHAR AS TIMESTAMP_NTZ),
                DATEADD(
                    SECOND,
                    (LEAST(TRY_CAST(event.feature_json:valid_for_hours::VARCHAR AS NUMBER(18, 3)), 500000) * 3600)::INTEGER,
                    LEAST(event.ts, '9900-01-01'::TIMESTAMP_NTZ)
                )
            ) AS valid_until,
            event.activity_id,
            event.channel_id,
            event.stream_offset
        FROM CLAUDE_STREAM_V2_STREAM AS event
        WHERE event.event_name = 'mcp_event'
            AND event.feature_json:method::VARCHAR = 'record_insight'
            AND NOT EXISTS (
                SELECT 1
                FROM SUPERSEDED AS outranked
                WHERE outranked.channel_id = event.channel_id
                    AND outranked.stream_offset = event.stream_offset
                    AND outranked.ts = event.ts
            )
        QUALIFY ROW_NUMBER() OVER (PARTITION BY insight_id ORDER BY event.ts DESC, event.activity_id) = 1
    ) AS fresh
        ON atom.insight_id = fresh.insight_id
    WHEN MATCHED AND (
        fresh.recorded_at > atom.recorded_at
        OR (fresh.activity_id = atom.activity_id AND ABS(DATEDIFF(SECOND, fresh.recorded_at, atom.recorded_at)) <= 86400)
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
            recorded_at = fresh.recorded_at,
            valid_until = fresh.valid_until,
            activity_id = fresh.activity_id,
            channel_id = fresh.channel_id,
            stream_offset = fresh.stream_offset,
            updated_at = SYSDATE()
    WHEN NOT MATCHED THEN
        INSERT (
            insight_id, customer, org_id, project, session_id, subject, metric, value, grain, confidence, artifact_id, query_id,
            source_events, recorded_at, valid_until, quarantined, activity_id, channel_id, stream_offset, updated_at
        )
        VALUES (
            fresh.insight_id, fresh.customer, fresh.org_id, fresh.project, fresh.session_id, fresh.subject, fresh.metric,
            fresh.value, fresh.grain, fresh.confidence, fresh.artifact_id, fresh.query_id, fresh.source_events,
            fresh.recorded_at, fresh.valid_until, FALSE, fresh.activity_id, fresh.channel_id, fresh.stream_offset, SYSDATE()
        );

    -- 3. grain: one artifact; of two events that name the same one the later wins
    MERGE INTO ARTIFACTS AS artifact
    USING (
        SELECT
            COALESCE(event.feature_json:artifact_id::VARCHAR, event.activity_id) AS artifact_id,
            event.feature_json:artifact_type::VARCHAR AS artifact_type,
            event.customer,
            event.org_id,
            event.project,
            event.session_id,
            TRY_CAST(event.feature_json:row_count::VARCHAR AS NUMBER(18, 0)) AS row_count,
            IFF(TYPEOF(event.feature_json:sample_rows) = 'ARRAY', event.feature_json:sample_rows, NULL) AS sample_rows,
            IFF(
                TYPEOF(event.feature_json:content_schema) IN ('ARRAY', 'OBJECT'), event.feature_json:content_schema, NULL
            ) AS content_schema,
            event.feature_json:query_id::VARCHAR AS query_id,
            event.feature_json:sql_sha256::VARCHAR AS sql_sha256,
            event.feature_json:result_sha256::VARCHAR AS result_sha256,
            event.link,
            COALESCE(TRY_CAST(event.feature_json:pinned::VARCHAR AS BOOLEAN), FALSE) AS pinned,
            TRY_CAST(event.feature_json:expires_at::VARCHAR AS TIMESTAMP_NTZ) AS expires_at,
            event.ts AS stored_at,
            event.activity_id,
            event.channel_id,
            event.stream_offset
        FROM CLAUDE_STREAM_V2_STREAM AS event
        WHERE event.event_name = 'mcp_event'
            AND event.feature_json:method::VARCHAR = 'store_artifact'
            AND NOT EXISTS (
                SELECT 1
                FROM SUPERSEDED AS outranked
                WHERE outranked.channel_id = event.channel_id
                    AND outranked.stream_offset = event.stream_offset
                    AND outranked.ts = event.ts
            )
        QUALIFY ROW_NUMBER() OVER (PARTITION BY artifact_id ORDER BY event.ts DESC, event.activity_id) = 1
    ) AS fresh
        ON artifact.artifact_id = fresh.artifact_id
    WHEN MATCHED AND (
        fresh.stored_at > artifact.stored_at
        OR (fresh.activity_id = artifact.activity_id AND ABS(DATEDIFF(SECOND, fresh.stored_at, artifact.stored_at)) <= 86400)
        OR (fresh.stored_at = artifact.stored_at AND fresh.activity_id < artifact.activity_id)
    ) THEN
        UPDATE SET
            artifact_type = fresh.artifact_type,
            customer = fresh.customer,
            org_id = fresh.org_id,
            project = fresh.project,
            session_id = fresh.session_id,
            row_count = fresh.row_count,
            sample_rows = fresh.sample_rows,
            content_schema = fresh.content_schema,
            query_id = fresh.query_id,
            sql_sha256 = fresh.sql_sha256,
            result_sha256 = fresh.result_sha256,
            link = fresh.link,
            pinned = fresh.pinned,
            expires_at = fresh.expires_at,
            stored_at = fresh.stored_at,
            activity_id = fresh.activity_id,
            channel_id = fresh.channel_id,
            stream_offset = fresh.stream_offset,
            updated_at = SYSDATE()
    WHEN NOT MATCHED THEN
        INSERT (
            artifact_id, artifact_type, customer, org_id, project, session_id, row_count, sample_rows, content_schema, query_id,
            sql_sha256, result_sha256, link, pinned, expires_at, stored_at, activity_id, channel_id, stream_offset, updated_at
        )
        VALUES (
            fresh.artifact_id, fresh.artifact_type, fresh.customer, fresh.org_id, fresh.project, fresh.session_id,
            fresh.row_count, fresh.sample_rows, fresh.content_schema, fresh.query_id, fresh.sql_sha256, fresh.result_sha256,
            fresh.link, fresh.pinned, fresh.expires_at, fresh.stored_at, fresh.activity_id, fresh.channel_id,
            fresh.stream_offset, SYSDATE()
        );


    -- 4. grain: customer, event_name, field, drift_kind, observed_type. occurrences counts rows that no other outranks; first and
    --    last seen look at every row that was sent. An unknown hook of Claude Code is kept as it came, and is no drift.
    MERGE INTO SCHEMA_DRIFT AS drift
    USING (
        WITH sent AS (
            SELECT
                event.customer,
                event.org_id,
                event.event_name,
                event.activity_id,
                event.ts,
                event.channel_id,
                event.stream_offset,
                event.feature_json,
                IFF(outranked.activity_id IS NULL, 1, 0) AS weight
            FROM CLAUDE_STREAM_V2_STREAM AS event
            LEFT JOIN SUPERSEDED AS outranked
                ON event.channel_id = outranked.channel_id
                AND event.stream_offset = outranked.stream_offset
                AND event.ts = outranked.ts
            UNION ALL
            -- counted by an earlier run, outranked by a row of this batch
            SELECT
                event.customer,
                event.org_id,
                event.event_name,
                event.activity_id,
                event.ts,
                event.channel_id,
                event.stream_offset,
                event.feature_json,
                -1 AS weight
            FROM SUPERSEDED AS outranked
            INNER JOIN CLAUDE_STREAM_V2_STREAM AS winner
                ON outranked.kept_channel_id = winner.channel_id
                AND outranked.kept_stream_offset = winner.stream_offset
            INNER JOIN CLAUDE_STREAM_V2 AS event
                ON outranked.channel_id = event.channel_id
                AND outranked.stream_offset = event.stream_offset
                AND outranked.ts = event.ts
            WHERE NOT EXISTS (
                SELECT 1
                FROM CLAUDE_STREAM_V2_STREAM AS batch
                WHERE batch.channel_id = outranked.channel_id
                    AND batch.stream_offset = outranked.stream_offset
            )
        ),

        features AS (
            SELECT
                sent.customer,
                sent.org_id,
                sent.event_name,
                sent.activity_id,
                sent.ts,
                sent.channel_id,
                sent.stream_offset,
                sent.weight,
                feature.key AS field,
                feature.value,
                CASE TYPEOF(feature.value)
                    WHEN 'VARCHAR' THEN 'string'
                    WHEN 'INTEGER' THEN 'integer'
                    WHEN 'DECIMAL' THEN 'number'
                    WHEN 'DOUBLE' THEN 'number'
                    WHEN 'NULL_VALUE' THEN 'null'
                    ELSE LOWER(TYPEOF(feature.value))
                END AS observed_type
            FROM sent,
                LATERAL FLATTEN(INPUT => sent.feature_json) AS feature
            WHERE TYPEOF(sent.feature_json) = 'OBJECT'
                AND (sent.event_name <> 'mcp_event' OR sent.feature_json:method::VARCHAR IN ('record_insight', 'store_artifact'))
                AND NOT (sent.event_name = 'system_event' AND COALESCE(sent.feature_json:event_type::VARCHAR, '') = 'hook')
        ),

        differences AS (
            SELECT
                features.customer,
                features.org_id,
                features.event_name,
                SUBSTR(features.field, 1, 255) AS field,
                IFF(known.field IS NULL, 'new_key', 'type_changed') AS drift_kind,
                features.observed_type,
                known.json_types AS expected_types,
                features.activity_id,
                features.ts,
                features.weight,
                NULL AS reason
            FROM features
            LEFT JOIN SCHEMA_FIELDS AS known
                ON features.event_name = known.event_name
                AND features.field = known.field
            WHERE (known.field IS NULL AND NOT STARTSWITH(features.field, '_'))
                OR (
                    NOT CONTAINS(' ' || known.json_types || ' ', ' ' || features.observed_type || ' ')
                    -- 12.0 is an integer to JSON Schema, and to Snowflake
                    AND NOT (
                        features.observed_type = 'number'
                        AND CONTAINS(known.json_types, 'integer')
                        AND COALESCE(TRY_CAST(features.value::VARCHAR AS NUMBER(38, 9)) % 1 = 0, FALSE)
                    )
                )
            UNION ALL
            SELECT
                features.customer,
                features.org_id,
                features.event_name,
                SUBSTR(COALESCE(failure.value:path::VARCHAR, '*'), 1, 255) AS field,
                'failure' AS drift_kind,
                'invalid' AS observed_type,
                NULL AS expected_types,
                features.activity_id,
                features.ts,
                features.weight,
                SUBSTR(failure.value:reason::VARCHAR, 1, 300) AS reason
            FROM features,
                LATERAL FLATTEN(INPUT => features.value) AS failure
            WHERE features.field = '_schema_errors'
                AND features.observed_type = 'array'
        )

        SELECT
            customer,
            MAX(org_id) AS org_id,
            event_name,
            field,
            drift_kind,
            observed_type,
            MAX(expected_types) AS expected_types,
            SUM(weight) AS occurrences,
            MIN(ts) AS first_seen_at,
            MAX(ts) AS last_seen_at,
            SUBSTR(MIN(TO_CHAR(ts, 'YYYY-MM-DD HH24:MI:SS.FF6') || ' ' || activity_id), 28) AS first_activity_id,
            MIN(reason) AS sample_reason,
            (SELECT MAX(schema_version) FROM SCHEMA_FIELDS) AS schema_version
        FROM differences
        GROUP BY customer, event_name, field, drift_kind, observed_type
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
            drift_id, customer, org_id, event_name, field, drift_kind, expected_types, observed_type, occurrences, first_seen_at,
            last_seen_at, first_activity_id, sample_reason, schema_version, updated_at
        )
        VALUES (
            SHA2(CONCAT_WS(
                ' ', fresh.customer, fresh.event_name, fresh.field, fresh.drift_kind, fresh.observed_type
            ), 256),
            fresh.customer, fresh.org_id, fresh.event_name, fresh.field, fresh.drift_kind, fresh.expected_types,
            fresh.observed_type, fresh.occurrences, fresh.first_seen_at, fresh.last_seen_at, fresh.first_activity_id,
            fresh.sample_reason, fresh.schema_version, SYSDATE()
        );

    -- 5. A value whose type changed, or an event that failed validation, may have been misread by what was derived from it; a
    --    new key cannot. So the insights of this customer that name such an event_name in source_events are quarantined until
    --    every such drift is accepted (SCHEMA_DRIFT.accepted_at). A quarantine with another reason is not touched.
    --    batch_key tells step 8 which contexts lost or regained an insight: it is the same text in every statement of a run.
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
                AND customer IN (SELECT customer FROM CLAUDE_STREAM_V2_STREAM)
            GROUP BY customer, event_name
        ),

        judged AS (
            SELECT
                insight.insight_id,
                insight.quarantined,
                insight.quarantine_reason,
                'schema drift: ' || MIN(drifted.difference) AS reason
            FROM INSIGHT_ATOMS AS insight
            LEFT JOIN drifted
                ON insight.customer = drifted.customer
                AND CONTAINS(insight.source_events::VARCHAR, '"' || drifted.event_name || '"')
            WHERE insight.customer IN (SELECT customer FROM CLAUDE_STREAM_V2_STREAM)
            GROUP BY insight.insight_id, insight.quarantined, insight.quarantine_reason
        )

        SELECT
            insight_id,
            reason,
            (SELECT MAX(channel_id || ' ' || stream_offset) FROM CLAUDE_STREAM_V2_STREAM) AS batch_key
        FROM judged
        WHERE NOT EQUAL_NULL(reason, quarantine_reason)
            AND (NOT quarantined OR STARTSWITH(quarantine_reason, 'schema drift: '))
    ) AS verdict
        ON atom.insight_id = verdict.insight_id
    WHEN MATCHED THEN
        UPDATE SET
            quarantined = verdict.reason IS NOT NULL,
            quarantine_reason = verdict.reason,
            quarantined_at = IFF(verdict.reason IS NULL, NULL, SYSDATE()),
            batch_key = verdict.batch_key,
            updated_at = SYSDATE();

    -- 6. grain: customer, project or '*', hour; only the last 8 days (7 days and the readers' time zones). The bucket of a latency
    --    is FLOOR(LN(ms) / LN(1.1)), so that hours merge and a percentile read from it is right within 5 %.
    MERGE INTO CONTEXT_HOURS AS kept
    USING (
        WITH touched_rows AS (
            SELECT
                customer,
                project,
                DATE_TRUNC('HOUR', ts) AS hour_start
            FROM CLAUDE_STREAM_V2_STREAM
            WHERE event_name <> 'mcp_event'
                OR feature_json:method::VARCHAR IN ('record_insight', 'store_artifact')
            UNION
            SELECT
                customer,
                project,
                DATE_TRUNC('HOUR', ts) AS hour_start
            FROM SUPERSEDED
            WHERE ts >= (SELECT DATEADD(DAY, -1, MIN(ts)) FROM CLAUDE_STREAM_V2_STREAM)
                AND activity_id IN (
                    SELECT activity_id
                    FROM CLAUDE_STREAM_V2_STREAM
                    WHERE event_name <> 'mcp_event'
                        OR feature_json:method::VARCHAR IN ('record_insight', 'store_artifact')
                )
        ),

        touched AS (
            SELECT customer, '*' AS project, hour_start FROM touched_rows WHERE hour_start >= DATE_TRUNC('HOUR', DATEADD(DAY, -8, SYSDATE()))
            UNION
            SELECT customer, project, hour_start FROM touched_rows WHERE project <> '*'
                AND hour_start >= DATE_TRUNC('HOUR', DATEADD(DAY, -8, SYSDATE()))
        ),

        live AS (
            SELECT
                event.customer,
                event.project,
                hour.hour_start,
                event.event_name,
                CASE event.event_name
                    WHEN 'tool_event' THEN SUBSTR(COALESCE(event.feature_json:tool_name::VARCHAR, 'unknown'), 1, 255)
                    WHEN 'llm_event' THEN SUBSTR(COALESCE(event.feature_json:model::VARCHAR, 'unknown'), 1, 255)
                END AS name,
                CASE event.event_name
                    WHEN 'tool_event' THEN TRY_CAST(event.feature_json:latency_ms::VARCHAR AS NUMBER(18, 3))
                END AS latency_ms,
                CASE event.event_name
                    WHEN 'tool_event' THEN TRY_CAST(event.feature_json:success::VARCHAR AS BOOLEAN)
                END AS success,
                CASE event.event_name
                    WHEN 'llm_event' THEN TRY_CAST(event.feature_json:prompt_tokens::VARCHAR AS NUMBER(18, 0))
                END AS prompt_tokens,
                CASE event.event_name
                    WHEN 'llm_event' THEN TRY_CAST(event.feature_json:completion_tokens::VARCHAR AS NUMBER(18, 0))
                END AS completion_tokens,
                CASE event.event_name
                    WHEN 'llm_event' THEN TRY_CAST(event.feature_json:cache_read_tokens::VARCHAR AS NUMBER(18, 0))
                END AS cache_read_tokens,
                CASE event.event_name
                    WHEN 'llm_event' THEN TRY_CAST(event.feature_json:cache_creation_tokens::VARCHAR AS NUMBER(18, 0))
                END AS cache_creation_tokens,
                CASE event.event_name
                    WHEN 'llm_event' THEN TRY_CAST(event.feature_json:cost_usd::VARCHAR AS NUMBER(18, 9))
                END AS cost_usd
            FROM CLAUDE_STREAM_V2 AS event
            INNER JOIN (SELECT DISTINCT customer, hour_start FROM touched) AS hour
                ON event.customer = hour.customer
                AND DATE_TRUNC('HOUR', event.ts) = hour.hour_start
            WHERE event.ts >= (SELECT MIN(hour_start) FROM touched)
                AND event.ts < (SELECT DATEADD(HOUR, 1, MAX(hour_start)) FROM touched)
                AND (
                    event.event_name <> 'mcp_event'
                    OR event.feature_json:method::VARCHAR IN ('record_insight', 'store_artifact')
                )
                AND NOT EXISTS (
                    SELECT 1
                    FROM SUPERSEDED AS outranked
                    WHERE outranked.channel_id = event.channel_id
                        AND outranked.stream_offset = event.stream_offset
                        AND outranked.ts = event.ts
                )
        ),

        -- grain: customer, project or '*', hour, event_name, tool or model, latency bucket
        leaves AS (
            SELECT
                touched.customer,
                touched.project,
                touched.hour_start,
                live.event_name,
                live.name,
                CASE
                    WHEN live.latency_ms IS NULL THEN NULL
                    ELSE FLOOR(LN(GREATEST(live.latency_ms, 0.01))::FLOAT / LN(1.1))::INTEGER::VARCHAR
                END AS latency_bucket,
                COUNT(*) AS calls,
                COUNT_IF(NOT live.success) AS failures,
                SUM(live.prompt_tokens) AS prompt_tokens,
                SUM(live.completion_tokens) AS completion_tokens,
                SUM(live.cache_read_tokens) AS cache_read_tokens,
                SUM(live.cache_creation_tokens) AS cache_creation_tokens,
                SUM(live.cost_usd) AS cost_usd,
                COUNT_IF(live.cost_usd IS NULL) AS calls_without_cost
            FROM live
            INNER JOIN touched
                ON live.customer = touched.customer
                AND live.hour_start = touched.hour_start
                AND (touched.project = '*' OR touched.project = live.project)
            GROUP BY
                touched.customer, touched.project, touched.hour_start, live.event_name, live.name, latency_bucket
        ),

        names AS (
            SELECT
                customer,
                project,
                hour_start,
                event_name,
                name,
                SUM(calls) AS calls,
                SUM(failures) AS failures,
                OBJECT_AGG(latency_bucket, calls::VARIANT) AS latency,
                SUM(prompt_tokens) AS prompt_tokens,
                SUM(completion_tokens) AS completion_tokens,
                SUM(cache_read_tokens) AS cache_read_tokens,
                SUM(cache_creation_tokens) AS cache_creation_tokens,
                SUM(cost_usd) AS cost_usd,
                SUM(calls_without_cost) AS calls_without_cost
            FROM leaves
            GROUP BY customer, project, hour_start, event_name, name
        ),

        events AS (
            SELECT
                customer,
                project,
                hour_start,
                event_name,
                SUM(calls) AS event_count,
                OBJECT_AGG(
                    name,
                    CASE event_name
                        WHEN 'tool_event' THEN OBJECT_CONSTRUCT('calls', calls, 'failures', failures, 'latency', latency)
                        ELSE OBJECT_CONSTRUCT(
                            'calls', calls,
                            'prompt_tokens', prompt_tokens,
                            'completion_tokens', completion_tokens,
                            'cache_read_tokens', cache_read_tokens,
                            'cache_creation_tokens', cache_creation_tokens,
                            'cost_usd', cost_usd,
                            'calls_without_cost', calls_without_cost
                        )
                    END::VARIANT
                ) AS names
            FROM names
            GROUP BY customer, project, hour_start, event_name
        ),

        buckets AS (
            SELECT
                customer,
                project,
                hour_start,
                OBJECT_AGG(event_name, event_count::VARIANT) AS events,
                OBJECT_AGG(CASE event_name WHEN 'tool_event' THEN 'tools' WHEN 'llm_event' THEN 'llm' END, names::VARIANT) AS details
            FROM events
            GROUP BY customer, project, hour_start
        )

        SELECT
            touched.customer,
            touched.project,
            touched.hour_start,
            IFF(
                buckets.events IS NULL,
                NULL,
                OBJECT_CONSTRUCT(
                    'hour', TO_CHAR(touched.hour_start, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"'),
                    'events', buckets.events,
                    'tools', buckets.details:tools,
                    'llm', buckets.details:llm
                )
            ) AS bucket
        FROM touched
        LEFT JOIN buckets
            ON touched.customer = buckets.customer
            AND touched.project = buckets.project
            AND touched.hour_start = buckets.hour_start
    ) AS fresh
        ON kept.customer = fresh.customer
        AND kept.project = fresh.project
        AND kept.hour_start = fresh.hour_start
    WHEN MATCHED AND fresh.bucket IS NULL THEN DELETE
    WHEN MATCHED THEN
        UPDATE SET
            bucket = fresh.bucket,
            refreshed_at = SYSDATE()
    WHEN NOT MATCHED AND fresh.bucket IS NOT NULL THEN
        INSERT (customer, project, hour_start, bucket, refreshed_at)
        VALUES (fresh.customer, fresh.project, fresh.hour_start, fresh.bucket, SYSDATE());

    -- 7. grain: customer, project or '*', section, session_id, item_key, hour; of any age, for a context may rest for weeks.
    --    What the context shows is the newest 5 sessions, 20 files, 10 errors, 10 queries; what is kept is about twice that.
    --    A row here may be computed again (its hour was touched), or fall out because newer ones came.
    MERGE INTO CONTEXT_ITEMS AS kept
    USING (
        WITH touched_rows AS (
            SELECT
                customer,
                project,
                DATE_TRUNC('HOUR', ts) AS hour_start
            FROM CLAUDE_STREAM_V2_STREAM
            WHERE event_name <> 'mcp_event'
                OR feature_json:method::VARCHAR IN ('record_insight', 'store_artifact')
            UNION
            SELECT
                customer,
                project,
                DATE_TRUNC('HOUR', ts) AS hour_start
            FROM SUPERSEDED
            WHERE ts >= (SELECT DATEADD(DAY, -1, MIN(ts)) FROM CLAUDE_STREAM_V2_STREAM)
                AND activity_id IN (
                    SELECT activity_id
                    FROM CLAUDE_STREAM_V2_STREAM
                    WHERE event_name <> 'mcp_event'
                        OR feature_json:method::VARCHAR IN ('record_insight', 'store_artifact')
                )
        ),

        touched AS (
            SELECT customer, '*' AS project, hour_start FROM touched_rows
            UNION
            SELECT customer, project, hour_start FROM touched_rows WHERE project <> '*'
        ),

        live AS (
            SELECT
                event.customer,
                event.project,
                hour.hour_start,
                event.event_name,
                event.activity_id,
                event.ts,
                TO_CHAR(event.ts, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"') AS at_text,
                COALESCE(event.session_id, '') AS session_id,
                event.org_id,
                event.feature_json:git_branch::VARCHAR AS git_branch,
                CASE event.event_name
                    WHEN 'session_event' THEN event.feature_json:event_type::VARCHAR
                END AS moment,
                CASE
                    WHEN event.event_name = 'session_event' THEN SUBSTR(event.feature_json:excerpt::VARCHAR, 1, 300)
                END AS excerpt,
                CASE
                    WHEN event.event_name = 'system_event'
                        THEN IFF(event.feature_json:severity::VARCHAR IN ('error', 'critical'), FALSE, NULL)
                    WHEN event.event_name IN ('tool_event', 'sql_event', 'file_event', 'mcp_event')
                        THEN TRY_CAST(event.feature_json:success::VARCHAR AS BOOLEAN)
                END AS success,
                CASE event.event_name
                    WHEN 'file_event' THEN SUBSTR(event.feature_json:file_path::VARCHAR, 1, 1024)
                    WHEN 'tool_event' THEN event.feature_json:tool_name::VARCHAR
                END AS subject,
                event.feature_json
            FROM CLAUDE_STREAM_V2 AS event
            INNER JOIN (SELECT DISTINCT customer, hour_start FROM touched) AS hour
                ON event.customer = hour.customer
                AND DATE_TRUNC('HOUR', event.ts) = hour.hour_start
            WHERE event.ts >= (SELECT MIN(hour_start) FROM touched)
                AND event.ts < (SELECT DATEADD(HOUR, 1, MAX(hour_start)) FROM touched)
                AND (
                    event.event_name <> 'mcp_event'
                    OR event.feature_json:method::VARCHAR IN ('record_insight', 'store_artifact')
                )
                AND NOT EXISTS (
                    SELECT 1
                    FROM SUPERSEDED AS outranked
                    WHERE outranked.channel_id = event.channel_id
                        AND outranked.stream_offset = event.stream_offset
                        AND outranked.ts = event.ts
                )
        ),

        -- a row of the stream gives at most one error, one failed command, and one file or query
        items AS (
            SELECT
                customer,
                project,
                hour_start,
                'recent_errors' AS section,
                session_id,
                activity_id AS item_key,
                ts,
                activity_id,
                OBJECT_CONSTRUCT(
                    'ts', at_text,
                    'event_name', event_name,
                    'name', SUBSTR(CASE event_name
                        WHEN 'tool_event' THEN subject
                        WHEN 'sql_event' THEN 'sql'
                        WHEN 'file_event' THEN feature_json:operation::VARCHAR
                        WHEN 'mcp_event' THEN feature_json:method::VARCHAR
                        ELSE feature_json:event_type::VARCHAR
                    END, 1, 255),
                    'error', SUBSTR(COALESCE(
                        feature_json:error::VARCHAR, feature_json:message::VARCHAR, feature_json:error_type::VARCHAR
                    ), 1, 300),
                    'session_id', NULLIF(session_id, ''),
                    'project', project,
                    'activity_id', activity_id
                ) AS item
            FROM live
            WHERE NOT success
            UNION ALL
            SELECT
                customer,
                project,
                hour_start,
                'failed_commands' AS section,
                session_id,
                SUBSTR(COALESCE(
                    IFF(subject = 'Bash', feature_json:parameters.command::VARCHAR, NULL), subject, 'unknown'
                ), 1, 300) AS item_key,
                ts,
                activity_id,
                NULL AS item
            FROM live
            WHERE event_name = 'tool_event'
                AND NOT success
                AND session_id <> ''
            UNION ALL
            SELECT
                customer,
                project,
                hour_start,
                'recent_files' AS section,
                session_id,
                subject AS item_key,
                ts,
                activity_id,
                OBJECT_CONSTRUCT(
                    'file_path', subject,
                    'operation', SUBSTR(feature_json:operation::VARCHAR, 1, 255),
                    'ts', at_text,
                    'session_id', NULLIF(session_id, ''),
                    'project', project
                ) AS item
            FROM live
            WHERE event_name = 'file_event'
                AND subject IS NOT NULL
            UNION ALL
            SELECT
                customer,
                project,
                hour_start,
                'recent_queries' AS section,
                session_id,
                activity_id AS item_key,
                ts,
                activity_id,
                OBJECT_CONSTRUCT(
                    'ts', at_text,
                    'sql', SUBSTR(feature_json:sql::VARCHAR, 1, 300),
                    'query_id', feature_json:query_id::VARCHAR,
                    'rows', TRY_CAST(feature_json['rows']::VARCHAR AS NUMBER(18, 0)),
                    'duration_ms', TRY_CAST(feature_json:duration_ms::VARCHAR AS NUMBER(18, 3)),
                    'artifact_id', feature_json:artifact_id::VARCHAR,
                    'session_id', NULLIF(session_id, ''),
                    'project', project,
                    'activity_id', activity_id
                ) AS item
            FROM live
            WHERE event_name = 'sql_event'
                AND success
        ),

        fresh AS (
            SELECT
                touched.customer,
                touched.project,
                items.section,
                items.session_id,
                items.item_key,
                touched.hour_start,
                items.ts,
                items.item
            FROM items
            INNER JOIN touched
                ON items.customer = touched.customer
                AND items.hour_start = touched.hour_start
                AND (touched.project = '*' OR touched.project = items.project)
            QUALIFY ROW_NUMBER() OVER (
                PARTITION BY
                    touched.customer, touched.project, items.section, items.session_id, items.item_key, touched.hour_start
                ORDER BY items.ts DESC, items.activity_id
            ) = 1
            UNION ALL
            -- one part of a session for each hour it was active in; session '' gathers what belongs to none. A text stands behind
            -- the time it is from, so that the greatest is the newest.
            SELECT
                touched.customer,
                touched.project,
                'recent_sessions' AS section,
                live.session_id,
                '' AS item_key,
                touched.hour_start,
                MAX(live.ts) AS ts,
                OBJECT_CONSTRUCT(
                    'first', MIN(live.at_text),
                    'started', MIN(IFF(live.moment = 'start', live.at_text, NULL)),
                    'ended', MAX(IFF(live.moment = 'end', live.at_text, NULL)),
                    'asked', MAX(IFF(live.moment = 'user_prompt', live.at_text || ' ' || live.excerpt, NULL)),
                    'concluded', MAX(IFF(live.moment = 'turn_end', live.at_text || ' ' || live.excerpt, NULL)),
                    'git_branch', MAX(live.at_text || ' ' || live.git_branch),
                    'project', MAX(live.at_text || ' ' || live.project),
                    'org_id', MAX(live.at_text || ' ' || live.org_id)
                ) AS item
            FROM live
            INNER JOIN touched
                ON live.customer = touched.customer
                AND live.hour_start = touched.hour_start
                AND (touched.project = '*' OR touched.project = live.project)
            GROUP BY touched.customer, touched.project, touched.hour_start, live.session_id
        ),

        -- what is kept of the touched contexts so far; is_stale where its hour is being computed again
        stored AS (
            SELECT
                item.customer,
                item.project,
                item.section,
                item.session_id,
                item.item_key,
                item.hour_start,
                item.ts,
                touched.hour_start IS NOT NULL AS is_stale
            FROM CONTEXT_ITEMS AS item
            INNER JOIN (SELECT DISTINCT customer, project FROM touched) AS scope
                ON item.customer = scope.customer
                AND item.project = scope.project
            LEFT JOIN touched
                ON item.customer = touched.customer
                AND item.project = touched.project
                AND item.hour_start = touched.hour_start
        ),

        candidates AS (
            SELECT customer, project, section, session_id, item_key, hour_start, ts, TRUE AS is_fresh, item FROM fresh
            UNION ALL
            SELECT customer, project, section, session_id, item_key, hour_start, ts, FALSE AS is_fresh, NULL AS item
            FROM stored
            WHERE NOT is_stale
        ),

        aged AS (
            SELECT
                *,
                MAX(ts) OVER (PARTITION BY customer, project, section, session_id, item_key) AS key_ts,
                MAX(ts) OVER (PARTITION BY customer, project, session_id) AS session_ts
            FROM candidates
        ),

        ranked AS (
            SELECT
                *,
                ROW_NUMBER() OVER (
                    PARTITION BY customer, project, section, session_id, item_key ORDER BY ts DESC
                ) AS rank_in_key,
                DENSE_RANK() OVER (
                    PARTITION BY customer, project, section, session_id ORDER BY key_ts DESC, item_key
                ) AS rank_in_session,
                DENSE_RANK() OVER (
                    PARTITION BY customer, project, section ORDER BY key_ts DESC, session_id, item_key
                ) AS rank_in_section,
                DENSE_RANK() OVER (PARTITION BY customer, project ORDER BY session_ts DESC, session_id) AS session_rank
            FROM aged
        ),

        judged AS (
            SELECT
                *,
                CASE section
                    WHEN 'recent_sessions' THEN session_rank <= 11 AND rank_in_key <= 200
                    WHEN 'failed_commands' THEN session_rank <= 11 AND rank_in_session <= 6 AND rank_in_key <= 3
                    WHEN 'recent_files' THEN rank_in_key <= 3
                        AND (rank_in_section <= 40 OR (session_rank <= 11 AND rank_in_session <= 16))
                    ELSE rank_in_section <= 20 AND rank_in_key <= 3
                END AS is_kept
            FROM ranked
        )

        SELECT customer, project, section, session_id, item_key, hour_start, ts, item, is_kept
        FROM judged
        WHERE is_fresh
            OR NOT is_kept
        UNION ALL
        SELECT
            stored.customer,
            stored.project,
            stored.section,
            stored.session_id,
            stored.item_key,
            stored.hour_start,
            stored.ts,
            NULL AS item,
            FALSE AS is_kept
        FROM stored
        LEFT JOIN fresh
            ON stored.customer = fresh.customer
            AND stored.project = fresh.project
            AND stored.section = fresh.section
            AND stored.session_id = fresh.session_id
            AND stored.item_key = fresh.item_key
            AND stored.hour_start = fresh.hour_start
        WHERE stored.is_stale
            AND fresh.customer IS NULL
    ) AS verdict
        ON kept.customer = verdict.customer
        AND kept.project = verdict.project
        AND kept.section = verdict.section
        AND kept.session_id = verdict.session_id
        AND kept.item_key = verdict.item_key
        AND kept.hour_start = verdict.hour_start
    WHEN MATCHED AND NOT verdict.is_kept THEN DELETE
    WHEN MATCHED THEN
        UPDATE SET
            ts = verdict.ts,
            item = verdict.item,
            refreshed_at = SYSDATE()
    WHEN NOT MATCHED AND verdict.is_kept THEN
        INSERT (customer, project, section, session_id, item_key, hour_start, ts, item, refreshed_at)
        VALUES (
            verdict.customer, verdict.project, verdict.section, verdict.session_id, verdict.item_key, verdict.hour_start,
            verdict.ts, verdict.item, SYSDATE()
        );

    -- 8. grain: customer, project or '*'. Nothing here depends on the hour it is read at: hours are buckets, insights carry
    --    valid_until, and the reader sums and filters by its own clock.
    MERGE INTO CONTEXT_CACHE AS kept
    USING (
        WITH batch AS (
            SELECT activity_id, ts, customer, project, channel_id, stream_offset
            FROM CLAUDE_STREAM_V2_STREAM
            WHERE event_name <> 'mcp_event'
                OR feature_json:method::VARCHAR IN ('record_insight', 'store_artifact')
        ),

        touched_rows AS (
            SELECT customer, project FROM batch
            UNION
            SELECT customer, project
            FROM SUPERSEDED
            WHERE ts >= (SELECT DATEADD(DAY, -1, MIN(ts)) FROM batch)
                AND activity_id IN (SELECT activity_id FROM batch)
            UNION
            SELECT customer, project
            FROM INSIGHT_ATOMS
            WHERE batch_key = (SELECT MAX(channel_id || ' ' || stream_offset) FROM CLAUDE_STREAM_V2_STREAM)
        ),

        touched AS (
            SELECT customer, '*' AS project FROM touched_rows
            UNION
            SELECT customer, project FROM touched_rows WHERE project <> '*'
        ),

        offsets AS (
            SELECT touched.customer, touched.project, batch.channel_id, batch.stream_offset
            FROM batch
            INNER JOIN touched
                ON batch.customer = touched.customer
                AND (touched.project = '*' OR touched.project = batch.project)
            UNION ALL
            SELECT cached.customer, cached.project, channel.key AS channel_id, channel.value::VARCHAR AS stream_offset
            FROM (
                SELECT cache.customer, cache.project, cache.watermark
                FROM CONTEXT_CACHE AS cache
                INNER JOIN touched
                    ON cache.customer = touched.customer
                    AND cache.project = touched.project
            ) AS cached,
                LATERAL FLATTEN(INPUT => cached.watermark) AS channel
        ),

        watermarks AS (
            SELECT
                customer,
                project,
                OBJECT_AGG(channel_id, stream_offset::VARIANT) AS watermark
            FROM (
                SELECT customer, project, channel_id, MAX(stream_offset) AS stream_offset
                FROM offsets
                GROUP BY customer, project, channel_id
            )
            GROUP BY customer, project
        ),

        hours AS (
            SELECT
                touched.customer,
                touched.project,
                ARRAY_AGG(hour.bucket) WITHIN GROUP (ORDER BY hour.hour_start) AS hours
            FROM touched
            INNER JOIN CONTEXT_HOURS AS hour
                ON touched.customer = hour.customer
                AND touched.project = hour.project
            WHERE hour.hour_start >= DATE_TRUNC('HOUR', DATEADD(DAY, -8, SYSDATE()))
            GROUP BY touched.customer, touched.project
        ),

        insights AS (
            SELECT
                customer,
                project,
                ARRAY_AGG(insight) WITHIN GROUP (ORDER BY recorded_at DESC, insight_id) AS insights
            FROM (
                SELECT
                    touched.customer,
                    touched.project,
                    atom.recorded_at,
                    atom.insight_id,
                    OBJECT_CONSTRUCT(
                        'insight_id', atom.insight_id,
                        'subject', atom.subject,
                        'metric', atom.metric,
                        'value', atom.value,
                        'grain', atom.grain,
                        'confidence', atom.confidence,
                        'artifact_id', atom.artifact_id,
                        'query_id', atom.query_id,
                        'recorded_at', TO_CHAR(atom.recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"'),
                        'valid_until', TO_CHAR(atom.valid_until, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"')
                    ) AS insight
                FROM touched
                INNER JOIN INSIGHT_ATOMS AS atom
                    ON touched.customer = atom.customer
                    AND (touched.project = '*' OR touched.project = atom.project)
                WHERE NOT atom.quarantined
                    AND (atom.artifact_id IS NOT NULL OR atom.query_id IS NOT NULL)
                    AND (atom.valid_until IS NULL OR atom.valid_until > SYSDATE())
                QUALIFY ROW_NUMBER() OVER (
                    PARTITION BY touched.customer, touched.project ORDER BY atom.recorded_at DESC, atom.insight_id
                ) <= 20
            )
            GROUP BY customer, project
        ),

        items AS (
            SELECT
                item.customer,
                item.project,
                item.section,
                item.session_id,
                item.item_key,
                item.hour_start,
                item.ts,
                item.item
            FROM CONTEXT_ITEMS AS item
            INNER JOIN touched
                ON item.customer = touched.customer
                AND item.project = touched.project
        ),

        -- newest first, each entry once: for the lists of the context, and for the lists of a session
        listed AS (
            SELECT
                customer,
                project,
                section,
                session_id,
                item_key,
                item,
                ts,
                ROW_NUMBER() OVER (
                    PARTITION BY customer, project, section, item_key ORDER BY ts DESC, session_id
                ) AS nth_of_key,
                ROW_NUMBER() OVER (
                    PARTITION BY customer, project, section, session_id, item_key ORDER BY ts DESC
                ) AS nth_of_key_in_session
            FROM items
            WHERE section <> 'recent_sessions'
        ),

        lists AS (
            SELECT
                customer,
                project,
                ARRAY_AGG(IFF(section = 'recent_errors' AND position <= 10, item, NULL))
                    WITHIN GROUP (ORDER BY position) AS recent_errors,
                ARRAY_AGG(IFF(section = 'recent_files', item, NULL)) WITHIN GROUP (ORDER BY position) AS recent_files,
                ARRAY_AGG(IFF(section = 'recent_queries' AND position <= 10, item, NULL))
                    WITHIN GROUP (ORDER BY position) AS recent_queries
            FROM (
                SELECT
                    customer,
                    project,
                    section,
                    item,
                    ROW_NUMBER() OVER (PARTITION BY customer, project, section ORDER BY ts DESC, item_key) AS position
                FROM listed
                WHERE nth_of_key = 1
                    AND section <> 'failed_commands'
            )
            WHERE position <= 20
            GROUP BY customer, project
        ),

        session_lists AS (
            SELECT
                customer,
                project,
                session_id,
                ARRAY_AGG(IFF(section = 'recent_files', item_key, NULL)) WITHIN GROUP (ORDER BY position) AS files,
                ARRAY_AGG(IFF(section = 'failed_commands' AND position <= 3, item_key, NULL))
                    WITHIN GROUP (ORDER BY position) AS failed_commands
            FROM (
                SELECT
                    customer,
                    project,
                    section,
                    session_id,
                    item_key,
                    ROW_NUMBER() OVER (
                        PARTITION BY customer, project, section, session_id ORDER BY ts DESC, item_key
                    ) AS position
                FROM listed
                WHERE nth_of_key_in_session = 1
                    AND section IN ('recent_files', 'failed_commands')
            )
            WHERE position <= 8
            GROUP BY customer, project, session_id
        ),

        -- the parts of a session put together; a text stands behind the 27 characters of its time
        sessions AS (
            SELECT
                customer,
                project,
                session_id,
                MAX(ts) AS last_ts,
                COALESCE(MIN(item:started::VARCHAR), MIN(item:first::VARCHAR)) AS started,
                MAX(item:ended::VARCHAR) AS ended,
                MAX(item:asked::VARCHAR) AS asked,
                MAX(item:concluded::VARCHAR) AS concluded,
                MAX(item:git_branch::VARCHAR) AS git_branch,
                MAX(item:project::VARCHAR) AS session_project,
                MAX(item:org_id::VARCHAR) AS org_id
            FROM items
            WHERE section = 'recent_sessions'
            GROUP BY customer, project, session_id
        ),

        recent AS (
            SELECT
                customer,
                project,
                MAX(last_ts) AS recorded_at,
                SUBSTR(MAX(org_id), 29) AS org_id,
                ARRAY_AGG(IFF(position <= 5 AND session_id <> '', session, NULL))
                    WITHIN GROUP (ORDER BY position) AS recent_sessions
            FROM (
                SELECT
                    sessions.customer,
                    sessions.project,
                    sessions.session_id,
                    sessions.last_ts,
                    sessions.org_id,
                    ROW_NUMBER() OVER (
                        PARTITION BY sessions.customer, sessions.project
                        ORDER BY IFF(sessions.session_id = '', 1, 0), sessions.last_ts DESC, sessions.session_id
                    ) AS position,
                    OBJECT_CONSTRUCT(
                        'session_id', sessions.session_id,
                        'project', SUBSTR(sessions.session_project, 29),
                        'git_branch', SUBSTR(sessions.git_branch, 29),
                        'started', sessions.started,
                        'ended', sessions.ended,
                        'last_ts', TO_CHAR(sessions.last_ts, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"'),
                        'asked', SUBSTR(sessions.asked, 29),
                        'asked_ts', SUBSTR(sessions.asked, 1, 27),
                        'concluded', SUBSTR(sessions.concluded, 29),
                        'concluded_ts', SUBSTR(sessions.concluded, 1, 27),
                        'files', COALESCE(session_lists.files, ARRAY_CONSTRUCT()),
                        'failed_commands', COALESCE(session_lists.failed_commands, ARRAY_CONSTRUCT())
                    ) AS session
                FROM sessions
                LEFT JOIN session_lists
                    ON sessions.customer = session_lists.customer
                    AND sessions.project = session_lists.project
                    AND sessions.session_id = session_lists.session_id
            )
            GROUP BY customer, project
        )

        SELECT
            touched.customer,
            touched.project,
            recent.org_id,
            recent.recorded_at,
            watermarks.watermark,
            OBJECT_CONSTRUCT_KEEP_NULL(
                'version', 1,
                'recent_sessions', COALESCE(recent.recent_sessions, ARRAY_CONSTRUCT()),
                'recent_errors', COALESCE(lists.recent_errors, ARRAY_CONSTRUCT()),
                'recent_files', COALESCE(lists.recent_files, ARRAY_CONSTRUCT()),
                'insights', COALESCE(insights.insights, ARRAY_CONSTRUCT()),
                'recent_queries', COALESCE(lists.recent_queries, ARRAY_CONSTRUCT()),
                'hours', COALESCE(hours.hours, ARRAY_CONSTRUCT()),
                'recorded_at', TO_CHAR(recent.recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"')
            ) AS context_blob
        FROM touched
        LEFT JOIN watermarks
            ON touched.customer = watermarks.customer
            AND touched.project = watermarks.project
        LEFT JOIN recent
            ON touched.customer = recent.customer
            AND touched.project = recent.project
        LEFT JOIN lists
            ON touched.customer = lists.customer
            AND touched.project = lists.project
        LEFT JOIN insights
            ON touched.customer = insights.customer
            AND touched.project = insights.project
        LEFT JOIN hours
            ON touched.customer = hours.customer
            AND touched.project = hours.project
    ) AS fresh
        ON kept.customer = fresh.customer
        AND kept.project = fresh.project
    WHEN MATCHED THEN
        UPDATE SET
            org_id = fresh.org_id,
            context_blob = fresh.context_blob,
            watermark = fresh.watermark,
            recorded_at = fresh.recorded_at,
            refreshed_at = SYSDATE(),
            row_version = kept.row_version + 1
    WHEN NOT MATCHED THEN
        INSERT (customer, org_id, project, context_blob, watermark, recorded_at, refreshed_at, row_version)
        VALUES (
            fresh.customer, fresh.org_id, fresh.project, fresh.context_blob, fresh.watermark, fresh.recorded_at, SYSDATE(), 1
        );

    COMMIT;
EXCEPTION
    WHEN OTHER THEN
        ROLLBACK;
        RAISE;
END;
$$;

-- A task is created suspended, and CREATE OR REPLACE suspends it again.
ALTER TASK REFRESH_CONTEXT_TASK RESUME;
