-- 03_streams_tasks.sql: assembled from sql/refresh/ by tools/generate_duckdb_sql.py; edit it there.
-- The stream over CLAUDE_STREAM_V2, and the one task that consumes it: the refresh sequence.
-- Needs: 01, 02; EXECUTE TASK and EXECUTE MANAGED TASK for the role below. Running it again replaces tasks and procedures, not the stream.

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

-- The refresh sequence: one procedure for each step, called in this order by FOLD_BATCH inside the one transaction of
-- REFRESH_CONTEXT. On Snowflake a task runs it over the stream above; the embedded warehouse runs the same statements after each
-- batch it has inserted, which lies in a temporary table of the stream's name ("the batch" below).
--
--    REFRESH_SUPERSEDED    SUPERSEDED      rows that a better row with the same activity_id outranks; the hours of CONTEXT_ITEMS
--                                          out of which one of those is taken are cleared, to be read again by REFRESH_ITEMS
--    REFRESH_EXPORTED_CALLS                EXPORTED_CALLS: sizes and error classes that the exporter reported of calls which
--                                          another row shows
--    REFRESH_INSIGHTS      INSIGHT_ATOMS   insights, which travel as mcp_event with method record_insight
--    REFRESH_ARTIFACTS     ARTIFACTS       artifacts, the same with method store_artifact
--    REFRESH_DRIFT         SCHEMA_DRIFT    features that disagree with the schemas
--    REFRESH_QUARANTINE    INSIGHT_ATOMS   quarantine of insights whose source drifted, and its end when the drift is accepted
--    REFRESH_COUNTS        CONTEXT_COUNTS  counts, sums and latency histograms: what the batch adds, less what it outranks
--    REFRESH_HOURS         CONTEXT_HOURS   the same for each touched hour, as the context shows it
--    REFRESH_REREAD_HOURS  REREAD_HOURS    hours of CONTEXT_ITEMS that this run reads again, whole
--    REFRESH_ITEMS         CONTEXT_ITEMS   sessions, files, errors, queries, attempts
--    REFRESH_CACHE         CONTEXT_CACHE   one context per touched (customer, project) and one per touched (customer, '*')
--    REFRESH_PRUNED_ITEMS  CONTEXT_ITEMS   only the newest are kept
--
-- Rules that keep it correct, whatever the cuts between batches and however often a row is sent:
-- * What is added up from batch to batch (occurrences of a drift, CONTEXT_COUNTS) is taken back when its row is outranked later,
--   and what cannot be taken back (the entry of a list) is computed again, whole, for the hour of that row, from the stream
--   without SUPERSEDED. So the result depends on the rows alone, and a refresh reads no more of the stream than it must.
-- * In a run the stream shows what was there when its transaction began, a table what is there now
--   (docs.snowflake.com/en/user-guide/streams-intro, "repeatable read isolation"): a row that lands meanwhile is in the table before
--   it is in a batch. What is found by it early is found again by the next run and comes out even; only an hour that is read whole
--   would hold it once too often. So the next run reads each such hour again if it has rows of it (REREAD_HOURS).
-- * Rows that outrank each other are looked up by ts, between bounds that are values when the statement is compiled: a
--   sub-select there would not prune, and each run would read a customer's whole history.
-- * IS_OWN_EVENT rows are the recorder talking of itself: after REFRESH_SUPERSEDED they count for nothing.
-- * batch_key, the highest channel and offset of the batch, is the name of this run and of no other: it says what this run changed.
-- * A step that FOLD_BATCH leaves out would change nothing; it is only spared the work.
-- * Whatever is in the batch, one statement that no condition spares reads the stream and writes: a run that did not consume
--   the stream would be started again for ever.
-- * No feature can make a statement fail: values are TRY_CAST from text, arrays and objects are taken apart only if they are
--   such. A row that raised an error would hold the stream for ever.
-- * No step has a transaction of its own, and none has DDL: it would commit half of the sequence.

-- grain: one row per outranked row; a row stays in it once it is there. A row outranks another with the same activity_id within a
-- day of it: by SOURCE_RANK, then by the lower (channel_id, stream_offset). What was outranked on arrival has been counted nowhere.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_SUPERSEDED(batch_key VARCHAR, from_ts TIMESTAMP_NTZ, to_ts TIMESTAMP_NTZ)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Finds rows of the stream that a better row with the same activity_id outranks.'
EXECUTE AS OWNER
AS
$$
BEGIN
    INSERT INTO SUPERSEDED (
        channel_id, stream_offset, activity_id, customer, project, ts, is_counted, kept_channel_id, kept_stream_offset,
        batch_key, superseded_at
    )
    WITH candidates AS (
        SELECT
            activity_id,
            ts,
            customer,
            project,
            channel_id,
            stream_offset,
            SOURCE_RANK(source, feature_json) AS source_rank,
            NOT IS_OWN_EVENT(event_name, feature_json) AS is_counted
        FROM CLAUDE_STREAM_V2
        WHERE activity_id IN (SELECT activity_id FROM CLAUDE_STREAM_V2_STREAM)
            AND ts >= :from_ts
            AND ts <= :to_ts
    ),

    arrived AS (
        SELECT DISTINCT channel_id, stream_offset FROM CLAUDE_STREAM_V2_STREAM
    )

    SELECT
        loser.channel_id,
        loser.stream_offset,
        loser.activity_id,
        loser.customer,
        loser.project,
        loser.ts,
        loser.is_counted AND arrived.channel_id IS NULL,
        better.channel_id,
        better.stream_offset,
        :batch_key,
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
    LEFT JOIN arrived
        ON loser.channel_id = arrived.channel_id
        AND loser.stream_offset = arrived.stream_offset
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

    -- The hours that a counted row is taken out of leave the lists; REFRESH_ITEMS reads them once more, whole.
    DELETE FROM CONTEXT_ITEMS
    WHERE (customer, hour_start) IN (
            SELECT customer, DATE_TRUNC('HOUR', ts)
            FROM SUPERSEDED
            WHERE is_counted
                AND batch_key = :batch_key
        );
    RETURN 'done';
END;
$$;

-- What the exporter reported of a call is in a row that the hook's or the import's outranks: its sizes are put beside the row that
-- is kept. Each activity that has a loser of this run is looked at whole; of several reports of the exporter the first counts. A
-- row that is outranked afterwards leaves its entry behind, which nothing reads.
-- grain: one row per row that an exporter's completes; a row stays in it once it is there
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_EXPORTED_CALLS(batch_key VARCHAR, from_ts TIMESTAMP_NTZ, to_ts TIMESTAMP_NTZ)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Puts what the exporter reported of a call beside the row of the call that is kept.'
EXECUTE AS OWNER
AS
$$
BEGIN
    INSERT INTO EXPORTED_CALLS (
        channel_id, stream_offset, ts, activity_id, latency_ms, input_size_bytes, result_size_bytes, error_type, found_at
    )
    WITH calls AS (
        SELECT
            activity_id,
            ts,
            channel_id,
            stream_offset,
            source,
            feature_json
        FROM CLAUDE_STREAM_V2
        WHERE activity_id IN (
                SELECT activity_id
                FROM SUPERSEDED
                WHERE batch_key = :batch_key
                    AND ts >= :from_ts
                    AND ts <= :to_ts
            )
            AND event_name = 'tool_event'
            AND ts >= :from_ts
            AND ts <= :to_ts
    )

    SELECT
        kept.channel_id,
        kept.stream_offset,
        kept.ts,
        kept.activity_id,
        TRY_CAST(exported.feature_json:latency_ms::VARCHAR AS NUMBER(38, 3)),
        TRY_CAST(exported.feature_json:input_size::VARCHAR AS NUMBER(38, 0)),
        TRY_CAST(exported.feature_json:result_size::VARCHAR AS NUMBER(38, 0)),
        exported.feature_json:error_type::VARCHAR,
        SYSDATE()
    FROM calls AS kept
    INNER JOIN calls AS exported
        ON kept.activity_id = exported.activity_id
        AND ABS(DATEDIFF(SECOND, kept.ts, exported.ts)) <= 86400
    WHERE kept.source <> 'otel'
        AND exported.source = 'otel'
        AND NOT EXISTS (
            SELECT 1
            FROM SUPERSEDED AS outranked
            WHERE outranked.channel_id = kept.channel_id
                AND outranked.stream_offset = kept.stream_offset
                AND outranked.ts = kept.ts
        )
        AND NOT EXISTS (
            SELECT 1
            FROM EXPORTED_CALLS AS known
            WHERE known.channel_id = kept.channel_id
                AND known.stream_offset = kept.stream_offset
                AND known.ts = kept.ts
        )
    QUALIFY ROW_NUMBER() OVER (
        PARTITION BY kept.channel_id, kept.stream_offset, kept.ts
        ORDER BY exported.channel_id, exported.stream_offset
    ) = 1;
    RETURN 'done';
END;
$$;

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

-- grain: one artifact; of two events that name the same one the later wins. One whose event was outranked since is read anew, as an
-- insight is.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_ARTIFACTS(may_withdraw BOOLEAN)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Folds artifacts that the batch brought into ARTIFACTS.'
EXECUTE AS OWNER
AS
$$
BEGIN
    MERGE INTO ARTIFACTS AS artifact
    USING (
        WITH withdrawn AS (
            SELECT known.artifact_id
            FROM ARTIFACTS AS known
            INNER JOIN SUPERSEDED AS outranked
                ON known.channel_id = outranked.channel_id
                AND known.stream_offset = outranked.stream_offset
                AND known.stored_at = outranked.ts
            WHERE :may_withdraw
        ),

        events AS (
            SELECT
                customer, org_id, project, session_id, feature_json, link, ts, activity_id, channel_id, stream_offset,
                COALESCE(NULLIF(feature_json:artifact_id::VARCHAR, ''), activity_id) AS artifact_id
            FROM CLAUDE_STREAM_V2_STREAM
            WHERE event_name = 'mcp_event'
                AND feature_json:method::VARCHAR = 'store_artifact'
            UNION ALL
            SELECT
                event.customer, event.org_id, event.project, event.session_id, event.feature_json, event.link, event.ts,
                event.activity_id, event.channel_id, event.stream_offset, withdrawn.artifact_id
            FROM CLAUDE_STREAM_V2 AS event
            INNER JOIN withdrawn
                ON COALESCE(NULLIF(event.feature_json:artifact_id::VARCHAR, ''), event.activity_id) = withdrawn.artifact_id
            WHERE :may_withdraw
                AND event.event_name = 'mcp_event'
                AND event.feature_json:method::VARCHAR = 'store_artifact'
        ),

        newest AS (
            SELECT
                *,
                COALESCE(TRY_CAST(pinned_text AS BOOLEAN), FALSE) AS pinned,
                TRY_CAST(expires_at_text AS TIMESTAMP_NTZ) AS expires_at
            FROM (
                SELECT
                    event.artifact_id,
                    event.feature_json:artifact_type::VARCHAR AS artifact_type,
                    event.customer,
                    event.org_id,
                    event.project,
                    event.session_id,
                    TRY_CAST(event.feature_json:row_count::VARCHAR AS NUMBER(18, 0)) AS row_count,
                    IFF(ARRAY_SIZE(event.feature_json:sample_rows) >= 0, event.feature_json:sample_rows, NULL) AS sample_rows,
                    event.feature_json:content_schema AS content_schema,
                    event.feature_json:query_id::VARCHAR AS query_id,
                    event.feature_json:sql_sha256::VARCHAR AS sql_sha256,
                    event.feature_json:result_sha256::VARCHAR AS result_sha256,
                    event.link,
                    event.feature_json:pinned::VARCHAR AS pinned_text,
                    event.feature_json:expires_at::VARCHAR AS expires_at_text,
                    event.ts AS stored_at,
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
            QUALIFY ROW_NUMBER() OVER (PARTITION BY artifact_id ORDER BY stored_at DESC, activity_id) = 1
        )

        SELECT newest.*, withdrawn.artifact_id AS withdrawn_id
        FROM newest
        FULL OUTER JOIN withdrawn
            ON newest.artifact_id = withdrawn.artifact_id
    ) AS fresh
        ON artifact.artifact_id = COALESCE(fresh.artifact_id, fresh.withdrawn_id)
    WHEN MATCHED AND fresh.artifact_id IS NULL THEN DELETE
    WHEN MATCHED AND (
        fresh.withdrawn_id IS NOT NULL
        OR fresh.stored_at > artifact.stored_at
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
    RETURN 'done';
END;
$$;

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

-- grain: customer, project or '*', hour, event_name, tool or model, latency bucket; only the last 8 days (7 days and the
-- readers' time zones). A row that was sent adds one, a row that this run outranks takes one away, one that was outranked
-- on arrival does both: so the sums are those of the rows nothing outranks, and no hour is read again. The bucket of a
-- latency is FLOOR(LN(ms) / LN(1.1)), so that hours merge and a percentile read from it is right within 5 %. The responses whose
-- cost is an estimate have a bucket of their own, 'estimated': so their dollars stay apart in every sum.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_COUNTS(batch_key VARCHAR)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Adds what the batch counts to CONTEXT_COUNTS, and takes away what it outranks.'
EXECUTE AS OWNER
AS
$$
BEGIN
    MERGE INTO CONTEXT_COUNTS AS kept
    USING (
        WITH sent AS (
            SELECT customer, project, ts, event_name, feature_json, 1 AS weight FROM CLAUDE_STREAM_V2_STREAM
            UNION ALL
            SELECT event.customer, event.project, event.ts, event.event_name, event.feature_json, -1 AS weight
            FROM SUPERSEDED AS outranked
            INNER JOIN CLAUDE_STREAM_V2 AS event
                ON outranked.ts = event.ts
                AND outranked.channel_id = event.channel_id
                AND outranked.stream_offset = event.stream_offset
            WHERE outranked.batch_key = :batch_key
        ),

        live AS (
            SELECT
                customer,
                project,
                DATE_TRUNC('HOUR', ts) AS hour_start,
                event_name,
                CASE event_name
                    WHEN 'tool_event' THEN SUBSTR(COALESCE(feature_json:tool_name::VARCHAR, 'unknown'), 1, 255)
                    WHEN 'llm_event' THEN SUBSTR(COALESCE(feature_json:model::VARCHAR, 'unknown'), 1, 255)
                    ELSE ''
                END AS name,
                CASE event_name
                    WHEN 'tool_event' THEN TRY_CAST(feature_json:latency_ms::VARCHAR AS NUMBER(18, 3))
                END AS latency_ms,
                CASE event_name
                    WHEN 'tool_event' THEN IFF(
                        feature_json:denied::VARCHAR IS NULL
                        AND NOT COALESCE(TRY_CAST(feature_json:interrupted::VARCHAR AS BOOLEAN), FALSE),
                        TRY_CAST(feature_json:success::VARCHAR AS BOOLEAN),
                        NULL
                    )
                END AS success,
                CASE event_name
                    WHEN 'llm_event' THEN TRY_CAST(feature_json:prompt_tokens::VARCHAR AS NUMBER(18, 0))
                END AS prompt_tokens,
                CASE event_name
                    WHEN 'llm_event' THEN TRY_CAST(feature_json:completion_tokens::VARCHAR AS NUMBER(18, 0))
                END AS completion_tokens,
                CASE event_name
                    WHEN 'llm_event' THEN TRY_CAST(feature_json:cache_read_tokens::VARCHAR AS NUMBER(18, 0))
                END AS cache_read_tokens,
                CASE event_name
                    WHEN 'llm_event' THEN TRY_CAST(feature_json:cache_creation_tokens::VARCHAR AS NUMBER(18, 0))
                END AS cache_creation_tokens,
                CASE event_name
                    WHEN 'llm_event' THEN TRY_CAST(feature_json:cost_usd::VARCHAR AS NUMBER(18, 9))
                END AS cost_usd,
                CASE event_name
                    WHEN 'llm_event' THEN feature_json:cost_source::VARCHAR = 'estimated'
                END AS is_estimated,
                weight
            FROM sent
            WHERE ts >= DATE_TRUNC('HOUR', DATEADD(DAY, -8, SYSDATE()))
                AND NOT IS_OWN_EVENT(event_name, feature_json)
        ),

        summed AS (
            SELECT
                customer,
                project,
                hour_start,
                event_name,
                name,
                COALESCE(
                    FLOOR(LN(IFF(latency_ms < 0.01, 0.01, latency_ms))::FLOAT / LN(1.1))::INTEGER::VARCHAR,
                    IFF(is_estimated AND cost_usd IS NOT NULL, 'estimated', '')
                ) AS latency_bucket,
                SUM(weight) AS calls,
                SUM(IFF(NOT success, weight, 0)) AS failures,
                SUM(weight * prompt_tokens) AS prompt_tokens,
                SUM(IFF(prompt_tokens IS NULL, 0, weight)) AS prompt_tokens_reported,
                SUM(weight * completion_tokens) AS completion_tokens,
                SUM(IFF(completion_tokens IS NULL, 0, weight)) AS completion_tokens_reported,
                SUM(weight * cache_read_tokens) AS cache_read_tokens,
                SUM(IFF(cache_read_tokens IS NULL, 0, weight)) AS cache_read_tokens_reported,
                SUM(weight * cache_creation_tokens) AS cache_creation_tokens,
                SUM(IFF(cache_creation_tokens IS NULL, 0, weight)) AS cache_creation_tokens_reported,
                SUM(weight * cost_usd) AS cost_usd,
                SUM(IFF(cost_usd IS NULL, 0, weight)) AS cost_usd_reported
            FROM live
            GROUP BY customer, project, hour_start, event_name, name, latency_bucket
        ),

        scopes AS (
            SELECT *, '*' AS scope FROM summed
            UNION ALL
            SELECT *, project AS scope FROM summed WHERE project <> '*'
        )

        SELECT
            customer,
            scope AS project,
            hour_start,
            event_name,
            name,
            latency_bucket,
            SUM(calls) AS calls,
            SUM(failures) AS failures,
            COALESCE(SUM(prompt_tokens), 0) AS prompt_tokens,
            SUM(prompt_tokens_reported) AS prompt_tokens_reported,
            COALESCE(SUM(completion_tokens), 0) AS completion_tokens,
            SUM(completion_tokens_reported) AS completion_tokens_reported,
            COALESCE(SUM(cache_read_tokens), 0) AS cache_read_tokens,
            SUM(cache_read_tokens_reported) AS cache_read_tokens_reported,
            COALESCE(SUM(cache_creation_tokens), 0) AS cache_creation_tokens,
            SUM(cache_creation_tokens_reported) AS cache_creation_tokens_reported,
            COALESCE(SUM(cost_usd), 0) AS cost_usd,
            SUM(cost_usd_reported) AS cost_usd_reported,
            :batch_key AS batch_key
        FROM scopes
        GROUP BY customer, scope, hour_start, event_name, name, latency_bucket
    ) AS fresh
        ON kept.customer = fresh.customer
        AND kept.project = fresh.project
        AND kept.hour_start = fresh.hour_start
        AND kept.event_name = fresh.event_name
        AND kept.name = fresh.name
        AND kept.latency_bucket = fresh.latency_bucket
    WHEN MATCHED THEN
        UPDATE SET
            calls = kept.calls + fresh.calls,
            failures = kept.failures + fresh.failures,
            prompt_tokens = kept.prompt_tokens + fresh.prompt_tokens,
            prompt_tokens_reported = kept.prompt_tokens_reported + fresh.prompt_tokens_reported,
            completion_tokens = kept.completion_tokens + fresh.completion_tokens,
            completion_tokens_reported = kept.completion_tokens_reported + fresh.completion_tokens_reported,
            cache_read_tokens = kept.cache_read_tokens + fresh.cache_read_tokens,
            cache_read_tokens_reported = kept.cache_read_tokens_reported + fresh.cache_read_tokens_reported,
            cache_creation_tokens = kept.cache_creation_tokens + fresh.cache_creation_tokens,
            cache_creation_tokens_reported = kept.cache_creation_tokens_reported + fresh.cache_creation_tokens_reported,
            cost_usd = kept.cost_usd + fresh.cost_usd,
            cost_usd_reported = kept.cost_usd_reported + fresh.cost_usd_reported,
            batch_key = fresh.batch_key
    WHEN NOT MATCHED THEN
        INSERT (
            customer, project, hour_start, event_name, name, latency_bucket, calls, failures, prompt_tokens,
            prompt_tokens_reported, completion_tokens, completion_tokens_reported, cache_read_tokens, cache_read_tokens_reported,
            cache_creation_tokens, cache_creation_tokens_reported, cost_usd, cost_usd_reported, batch_key
        )
        VALUES (
            fresh.customer, fresh.project, fresh.hour_start, fresh.event_name, fresh.name, fresh.latency_bucket, fresh.calls,
            fresh.failures, fresh.prompt_tokens, fresh.prompt_tokens_reported, fresh.completion_tokens,
            fresh.completion_tokens_reported, fresh.cache_read_tokens, fresh.cache_read_tokens_reported, fresh.cache_creation_tokens,
            fresh.cache_creation_tokens_reported, fresh.cost_usd, fresh.cost_usd_reported, fresh.batch_key
        );
    RETURN 'done';
END;
$$;

-- grain: customer, project or '*', hour: the hours that this run counted in, as the context shows them. What no call
-- reported is null, not zero.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_HOURS(batch_key VARCHAR)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Writes the hours that the batch counted in to CONTEXT_HOURS, as the context shows them.'
EXECUTE AS OWNER
AS
$$
BEGIN
    MERGE INTO CONTEXT_HOURS AS kept
    USING (
        WITH touched AS (
            SELECT DISTINCT customer, project, hour_start
            FROM CONTEXT_COUNTS
            WHERE batch_key = :batch_key
        ),

        -- grain: customer, project or '*', hour, event_name, tool or model; usage is what the context says of that one
        names AS (
            SELECT
                customer,
                project,
                hour_start,
                event_name,
                name,
                calls,
                CASE event_name
                    WHEN 'tool_event' THEN OBJECT_CONSTRUCT_KEEP_NULL(
                        'calls', calls,
                        'failures', failures,
                        'latency', latency
                    )
                    WHEN 'llm_event' THEN OBJECT_CONSTRUCT_KEEP_NULL(
                        'calls', calls,
                        'prompt_tokens', prompt_tokens,
                        'completion_tokens', completion_tokens,
                        'cache_read_tokens', cache_read_tokens,
                        'cache_creation_tokens', cache_creation_tokens,
                        'cost_usd', cost_usd,
                        'cost_estimated_usd', cost_estimated_usd,
                        'calls_without_cost', calls_without_cost
                    )
                END AS usage
            FROM (
                SELECT
                    counts.customer,
                    counts.project,
                    counts.hour_start,
                    counts.event_name,
                    counts.name,
                    SUM(counts.calls) AS calls,
                    SUM(counts.failures) AS failures,
                    OBJECT_AGG(NULLIF(counts.latency_bucket, ''), counts.calls::VARIANT) AS latency,
                    SUM(IFF(counts.prompt_tokens_reported > 0, counts.prompt_tokens, NULL)) AS prompt_tokens,
                    SUM(IFF(counts.completion_tokens_reported > 0, counts.completion_tokens, NULL)) AS completion_tokens,
                    SUM(IFF(counts.cache_read_tokens_reported > 0, counts.cache_read_tokens, NULL)) AS cache_read_tokens,
                    SUM(
                        IFF(counts.cache_creation_tokens_reported > 0, counts.cache_creation_tokens, NULL)
                    ) AS cache_creation_tokens,
                    SUM(IFF(counts.cost_usd_reported > 0, counts.cost_usd, NULL)) AS cost_usd,
                    SUM(IFF(counts.latency_bucket = 'estimated', counts.cost_usd, NULL)) AS cost_estimated_usd,
                    SUM(counts.calls - counts.cost_usd_reported) AS calls_without_cost
                FROM CONTEXT_COUNTS AS counts
                INNER JOIN touched
                    ON counts.customer = touched.customer
                    AND counts.project = touched.project
                    AND counts.hour_start = touched.hour_start
                WHERE counts.calls > 0
                GROUP BY counts.customer, counts.project, counts.hour_start, counts.event_name, counts.name
            )
        ),

        events AS (
            SELECT
                customer,
                project,
                hour_start,
                event_name,
                CASE event_name WHEN 'tool_event' THEN 'tools' WHEN 'llm_event' THEN 'llm' END AS section,
                SUM(calls) AS event_count,
                OBJECT_AGG(name, usage::VARIANT) AS names
            FROM names
            GROUP BY customer, project, hour_start, event_name
        ),

        buckets AS (
            SELECT
                customer,
                project,
                hour_start,
                OBJECT_AGG(event_name, event_count::VARIANT) AS events,
                OBJECT_AGG(section, names::VARIANT) AS details
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
                OBJECT_CONSTRUCT_KEEP_NULL(
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
    RETURN 'done';
END;
$$;

-- grain: customer, hour. Which hours of CONTEXT_ITEMS this run reads again, beside those of rows that it has outranked itself (the
-- lists are without these already): those that the run before read again, if this batch has rows of them. Such a row may have
-- landed while that run read, and stand in the lists of its hour already.
-- snowflake-only: nothing lands while the embedded engine folds: a fold sees the stream as its batch left it
CREATE OR REPLACE PROCEDURE REFRESH_REREAD_HOURS(batch_key VARCHAR)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Notes the hours that this run reads again for CONTEXT_ITEMS, and removes what is kept of them.'
EXECUTE AS OWNER
AS
$$
BEGIN
    DELETE FROM REREAD_HOURS
    WHERE NOT EXISTS (
            SELECT 1
            FROM CLAUDE_STREAM_V2_STREAM AS event
            WHERE event.customer = REREAD_HOURS.customer
                AND DATE_TRUNC('HOUR', event.ts) = REREAD_HOURS.hour_start
                AND NOT IS_OWN_EVENT(event.event_name, event.feature_json)
        );

    DELETE FROM CONTEXT_ITEMS
    WHERE (customer, hour_start) IN (SELECT customer, hour_start FROM REREAD_HOURS);

    INSERT INTO REREAD_HOURS (customer, hour_start)
    SELECT DISTINCT outranked.customer, DATE_TRUNC('HOUR', outranked.ts)
    FROM SUPERSEDED AS outranked
    LEFT JOIN REREAD_HOURS AS known
        ON outranked.customer = known.customer
        AND DATE_TRUNC('HOUR', outranked.ts) = known.hour_start
    WHERE outranked.is_counted
        AND outranked.batch_key = :batch_key
        AND known.customer IS NULL;
    RETURN 'done';
END;
$$;

-- grain: customer, project or '*', section, session_id, item_key, hour; of any age, for a context may rest for weeks.
-- Sections of the context have an empty session_id; session_files and failed_commands are lists of one session;
-- recent_sessions holds, for each hour of a session (and of what belongs to none), what that hour holds of it; attempts, for each
-- hour of what a tool was called with (item_key: tool, space, argument), how often it succeeded, failed and was refused.
-- The batch adds to what is kept: of a list's entries with one key in an hour the newest stays. A row that is read
-- twice adds nothing.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_ITEMS(batch_key VARCHAR)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Adds the sessions, files, errors, queries and attempts of the batch to CONTEXT_ITEMS.'
EXECUTE AS OWNER
AS
$$
BEGIN
    MERGE INTO CONTEXT_ITEMS AS kept
    USING (
        WITH again AS (
            SELECT customer, DATE_TRUNC('HOUR', ts) AS hour_start, DATEADD(HOUR, 1, DATE_TRUNC('HOUR', ts)) AS hour_end
            FROM SUPERSEDED
            WHERE is_counted
                AND batch_key = :batch_key
            UNION
            SELECT customer, hour_start, DATEADD(HOUR, 1, hour_start) AS hour_end
            FROM REREAD_HOURS
        ),

        events AS (
            SELECT
                customer, project, event_name, activity_id, ts, session_id, org_id, feature_json, channel_id, stream_offset
            FROM CLAUDE_STREAM_V2_STREAM
            UNION ALL
            SELECT
                event.customer, event.project, event.event_name, event.activity_id, event.ts, event.session_id, event.org_id,
                event.feature_json, event.channel_id, event.stream_offset
            FROM CLAUDE_STREAM_V2 AS event
            INNER JOIN again
                ON event.customer = again.customer
                AND event.ts >= again.hour_start
                AND event.ts < again.hour_end
        ),

        live AS (
            SELECT
                event.customer,
                event.project,
                DATE_TRUNC('HOUR', event.ts) AS hour_start,
                event.event_name,
                event.activity_id,
                event.ts,
                TO_CHAR(event.ts, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"') AS at_text,
                COALESCE(event.session_id, '') AS session_id,
                event.org_id,
                event.feature_json:git_branch::VARCHAR AS git_branch,
                -- what a subagent asks and concludes is not what the session does
                CASE
                    WHEN event.event_name = 'session_event' AND event.feature_json:agent_id::VARCHAR IS NULL
                        THEN event.feature_json:event_type::VARCHAR
                END AS moment,
                CASE event.event_name
                    WHEN 'session_event' THEN SUBSTR(event.feature_json:excerpt::VARCHAR, 1, 300)
                END AS excerpt,
                CASE event.event_name
                    WHEN 'session_event' THEN SUBSTR(
                        COALESCE(event.feature_json:title::VARCHAR, event.feature_json:session_title::VARCHAR), 1, 300
                    )
                END AS title,
                event.feature_json:denied::VARCHAR AS denied,
                CASE
                    WHEN event.event_name = 'system_event'
                        THEN event.feature_json:severity::VARCHAR NOT IN ('error', 'critical')
                    WHEN event.event_name NOT IN ('llm_event', 'session_event')
                        -- nobody's No, and nothing that was interrupted, is a failure
                        AND event.feature_json:denied::VARCHAR IS NULL
                        AND NOT COALESCE(TRY_CAST(event.feature_json:interrupted::VARCHAR AS BOOLEAN), FALSE)
                        THEN TRY_CAST(event.feature_json:success::VARCHAR AS BOOLEAN)
                END AS success,
                CASE event.event_name
                    WHEN 'file_event' THEN NULLIF(SUBSTR(event.feature_json:file_path::VARCHAR, 1, 1024), '')
                    WHEN 'tool_event' THEN event.feature_json:tool_name::VARCHAR
                END AS subject,
                event.feature_json
            FROM events AS event
            WHERE NOT IS_OWN_EVENT(event.event_name, event.feature_json)
                AND NOT EXISTS (
                    SELECT 1
                    FROM SUPERSEDED AS outranked
                    WHERE outranked.channel_id = event.channel_id
                        AND outranked.stream_offset = event.stream_offset
                        AND outranked.ts = event.ts
                )
        ),

        sections AS (
            SELECT section, is_of_all
            FROM (VALUES
                ('recent_errors', TRUE), ('recent_files', TRUE), ('recent_queries', TRUE), ('session_files', TRUE),
                ('failed_commands', TRUE), ('recent_sessions', TRUE), ('attempts', TRUE), ('conclusions', TRUE),
                ('recent_errors', FALSE), ('recent_files', FALSE), ('recent_queries', FALSE), ('session_files', FALSE),
                ('failed_commands', FALSE), ('recent_sessions', FALSE), ('attempts', FALSE), ('conclusions', FALSE)
            ) AS listed (section, is_of_all)
        ),

        -- few are in any list: what the sections ask of each is asked of these alone
        listable AS (
            SELECT *
            FROM live
            WHERE NOT success OR event_name IN ('file_event', 'sql_event') OR moment = 'turn_end'
        ),

        entries AS (
            SELECT
                live.customer,
                IFF(sections.is_of_all, '*', live.project) AS project,
                sections.section,
                IFF(sections.section IN ('session_files', 'failed_commands'), live.session_id, '') AS session_id,
                CASE
                    WHEN sections.section IN ('recent_files', 'session_files') THEN live.subject
                    WHEN sections.section = 'failed_commands'
                        THEN SUBSTR(COALESCE(
                            IFF(live.subject = 'Bash', live.feature_json:parameters.command::VARCHAR, NULL),
                            live.subject,
                            'unknown'
                        ), 1, 300)
                    ELSE live.activity_id
                END AS item_key,
                live.hour_start,
                live.ts,
                live.activity_id,
                CASE sections.section
                    WHEN 'recent_errors' THEN OBJECT_CONSTRUCT_KEEP_NULL(
                        'ts', live.at_text,
                        'event_name', live.event_name,
                        'name', SUBSTR(CASE live.event_name
                            WHEN 'tool_event' THEN live.subject
                            WHEN 'sql_event' THEN 'sql'
                            WHEN 'file_event' THEN live.feature_json:operation::VARCHAR
                            WHEN 'mcp_event' THEN live.feature_json:method::VARCHAR
                            ELSE live.feature_json:event_type::VARCHAR
                        END, 1, 255),
                        'error', SUBSTR(COALESCE(
                            live.feature_json:error::VARCHAR,
                            live.feature_json:message::VARCHAR,
                            live.feature_json:error_type::VARCHAR
                        ), 1, 300),
                        'session_id', NULLIF(live.session_id, ''),
                        'project', live.project,
                        'activity_id', live.activity_id
                    )
                    WHEN 'recent_files' THEN OBJECT_CONSTRUCT_KEEP_NULL(
                        'file_path', live.subject,
                        'operation', SUBSTR(live.feature_json:operation::VARCHAR, 1, 255),
                        'ts', live.at_text,
                        'session_id', NULLIF(live.session_id, ''),
                        'project', live.project
                    )
                    WHEN 'recent_queries' THEN OBJECT_CONSTRUCT_KEEP_NULL(
                        'ts', live.at_text,
                        'sql', SUBSTR(live.feature_json:sql::VARCHAR, 1, 300),
                        'query_id', live.feature_json:query_id::VARCHAR,
                        'rows', TRY_CAST(live.feature_json['rows']::VARCHAR AS NUMBER(18, 0)),
                        'duration_ms', TRY_CAST(live.feature_json:duration_ms::VARCHAR AS NUMBER(18, 3)),
                        'artifact_id', live.feature_json:artifact_id::VARCHAR,
                        'session_id', NULLIF(live.session_id, ''),
                        'project', live.project,
                        'activity_id', live.activity_id
                    )
                    WHEN 'conclusions' THEN OBJECT_CONSTRUCT_KEEP_NULL(
                        'ts', live.at_text,
                        'text', live.excerpt,
                        'session_id', NULLIF(live.session_id, ''),
                        'project', live.project,
                        'activity_id', live.activity_id
                    )
                END AS item
            FROM listable AS live
            INNER JOIN sections
                ON (sections.is_of_all OR live.project <> '*')
                AND CASE sections.section
                    -- one failure, one place: a call's own event says it for the statements and files in it
                    WHEN 'recent_errors' THEN NOT live.success AND (
                        live.event_name NOT IN ('sql_event', 'file_event')
                        OR live.feature_json:tool_use_id::VARCHAR IS NULL
                    )
                    WHEN 'recent_files' THEN live.event_name = 'file_event'
                    WHEN 'recent_queries' THEN live.event_name = 'sql_event' AND live.success
                    WHEN 'session_files' THEN live.event_name = 'file_event' AND live.session_id <> ''
                    WHEN 'failed_commands'
                        THEN live.event_name = 'tool_event' AND NOT live.success AND live.session_id <> ''
                    WHEN 'conclusions' THEN live.moment = 'turn_end' AND live.excerpt IS NOT NULL
                END
        ),

        -- what the rows hold of an hour of a session in a project; a text stands behind the time it is from, so that the greatest
        -- is the newest and the least the first
        session_hours AS (
            SELECT
                customer,
                project,
                session_id,
                hour_start,
                MAX(ts) AS ts,
                MIN(at_text) AS first_at,
                MIN(IFF(moment = 'start', at_text, NULL)) AS started,
                MAX(IFF(moment = 'end', at_text, NULL)) AS ended,
                MIN(IFF(moment = 'user_prompt', at_text || ' ' || excerpt, NULL)) AS first_asked,
                MAX(IFF(moment = 'user_prompt', at_text || ' ' || excerpt, NULL)) AS asked,
                MAX(IFF(moment = 'turn_end', at_text || ' ' || excerpt, NULL)) AS concluded,
                MAX(IFF(moment = 'turn_stopped', at_text || ' ' || excerpt, NULL)) AS stopped,
                MAX(at_text || ' ' || title) AS title,
                MAX(at_text || ' ' || git_branch) AS git_branch,
                MAX(at_text || ' ' || project) AS session_project,
                MAX(at_text || ' ' || org_id) AS org_id
            FROM live
            GROUP BY customer, project, session_id, hour_start
        ),

        -- the same for a project and for all of them, and what is kept already
        moments AS (
            SELECT
                hours.customer,
                IFF(sections.is_of_all, '*', hours.project) AS project,
                hours.session_id,
                hours.hour_start,
                hours.ts,
                hours.first_at,
                hours.started,
                hours.ended,
                hours.first_asked,
                hours.asked,
                hours.concluded,
                hours.stopped,
                hours.title,
                hours.git_branch,
                hours.session_project,
                hours.org_id,
                1 AS is_fresh
            FROM session_hours AS hours
            INNER JOIN sections
                ON (sections.is_of_all OR hours.project <> '*')
                AND sections.section = 'recent_sessions'
            UNION ALL
            SELECT
                customer,
                project,
                session_id,
                hour_start,
                ts,
                item:first::VARCHAR,
                item:started::VARCHAR,
                item:ended::VARCHAR,
                COALESCE(item:first_asked::VARCHAR, item:asked::VARCHAR),
                item:asked::VARCHAR,
                item:concluded::VARCHAR,
                item:stopped::VARCHAR,
                item:title::VARCHAR,
                item:git_branch::VARCHAR,
                item:project::VARCHAR,
                item:org_id::VARCHAR,
                0 AS is_fresh
            FROM CONTEXT_ITEMS
            WHERE section = 'recent_sessions'
                AND (customer, hour_start) IN (SELECT customer, hour_start FROM live)
        ),

        -- calls whose outcome a later one of the same may overcome. Reading and searching succeed so often that only their
        -- failures are kept, and a start in the background is no success.
        calls AS (
            SELECT
                live.customer,
                live.project,
                SUBSTR(
                    COALESCE(live.subject, 'unknown') || ' ' || COALESCE(
                        live.feature_json:parameters.command::VARCHAR,
                        live.feature_json:parameters.file_path::VARCHAR,
                        live.feature_json:parameters.notebook_path::VARCHAR,
                        live.feature_json:parameters.path::VARCHAR,
                        live.feature_json:parameters.url::VARCHAR,
                        live.feature_json:parameters.query::VARCHAR,
                        live.feature_json:parameters.pattern::VARCHAR,
                        ''
                    ), 1, 300
                ) AS item_key,
                live.hour_start,
                live.ts,
                live.at_text,
                live.at_text || ' ' || live.session_id AS at_session,
                live.activity_id,
                CASE
                    WHEN live.denied IS NOT NULL THEN 'denied'
                    WHEN NOT live.success THEN 'failed'
                    WHEN live.success AND COALESCE(
                        TRY_CAST(live.feature_json:parameters.run_in_background::VARCHAR AS BOOLEAN), FALSE
                    ) THEN 'background'
                    WHEN live.success AND COALESCE(live.subject, 'unknown') NOT IN (
                        'Read', 'NotebookRead', 'Grep', 'Glob', 'LS', 'ToolSearch', 'TodoWrite', 'BashOutput', 'TaskOutput'
                    ) THEN 'ok'
                END AS outcome,
                SUBSTR(COALESCE(live.feature_json:latency_ms::VARCHAR, ''), 1, 20) AS latency,
                SUBSTR(COALESCE(
                    live.feature_json:error::VARCHAR,
                    live.feature_json:message::VARCHAR,
                    live.feature_json:error_type::VARCHAR,
                    ''
                ), 1, 300) AS error
            FROM live
            WHERE live.event_name = 'tool_event'
        ),

        attempts AS (
            SELECT
                calls.customer,
                IFF(sections.is_of_all, '*', calls.project) AS project,
                calls.item_key,
                calls.hour_start,
                calls.ts,
                calls.at_text,
                calls.at_session,
                calls.activity_id,
                calls.outcome,
                calls.latency,
                calls.error
            FROM calls
            INNER JOIN sections
                ON (sections.is_of_all OR calls.project <> '*')
                AND sections.section = 'attempts'
        ),

        -- a row that is read twice counts once
        outcomes AS (
            SELECT
                customer,
                project,
                item_key,
                hour_start,
                MAX(ts) AS ts,
                COUNT(DISTINCT IFF(outcome = 'ok', activity_id, NULL)) AS ok,
                COUNT(DISTINCT IFF(outcome = 'failed', activity_id, NULL)) AS failed,
                COUNT(DISTINCT IFF(outcome = 'denied', activity_id, NULL)) AS denied,
                MIN(IFF(outcome = 'ok', at_text, NULL)) AS first_ok_at,
                MAX(IFF(outcome = 'ok', at_text || ' ' || latency, NULL)) AS ok_at,
                MAX(IFF(outcome = 'failed', at_text || ' ' || error, NULL)) AS failed_at,
                MAX(IFF(outcome = 'failed', at_session, NULL)) AS failed_in,
                MAX(IFF(outcome = 'denied', at_text, NULL)) AS denied_at,
                MAX(IFF(outcome = 'background', at_session, NULL)) AS background_in,
                1 AS is_fresh
            FROM attempts
            WHERE outcome IS NOT NULL
            GROUP BY customer, project, item_key, hour_start
            UNION ALL
            SELECT
                customer,
                project,
                item_key,
                hour_start,
                ts,
                item:ok::NUMBER(18, 0),
                item:failed::NUMBER(18, 0),
                item:denied::NUMBER(18, 0),
                item:first_ok_at::VARCHAR,
                item:ok_at::VARCHAR,
                item:failed_at::VARCHAR,
                item:failed_in::VARCHAR,
                item:denied_at::VARCHAR,
                item:background_in::VARCHAR,
                0 AS is_fresh
            FROM CONTEXT_ITEMS
            WHERE section = 'attempts'
                AND (customer, hour_start) IN (SELECT customer, hour_start FROM live)
        ),

        newest AS (
            SELECT customer, project, section, session_id, item_key, hour_start, ts, activity_id, item
            FROM entries
            WHERE item_key IS NOT NULL
            QUALIFY ROW_NUMBER() OVER (
                PARTITION BY customer, project, section, session_id, item_key, hour_start ORDER BY ts DESC, activity_id
            ) = 1
        )

        SELECT customer, project, section, session_id, item_key, hour_start, ts, activity_id, item
        FROM newest
        QUALIFY ROW_NUMBER() OVER (
            PARTITION BY customer, project, section ORDER BY ts DESC, session_id, item_key, hour_start
        ) <= LIST_LIMIT(section)
        UNION ALL
        SELECT
            customer,
            project,
            'recent_sessions' AS section,
            session_id,
            '' AS item_key,
            hour_start,
            MAX(ts) AS ts,
            '' AS activity_id,
            OBJECT_CONSTRUCT_KEEP_NULL(
                'first', MIN(first_at),
                'started', MIN(started),
                'ended', MAX(ended),
                'first_asked', MIN(first_asked),
                'asked', MAX(asked),
                'concluded', MAX(concluded),
                'stopped', MAX(stopped),
                'title', MAX(title),
                'git_branch', MAX(git_branch),
                'project', MAX(session_project),
                'org_id', MAX(org_id)
            ) AS item
        FROM moments
        GROUP BY customer, project, session_id, hour_start
        HAVING MAX(is_fresh) = 1
        UNION ALL
        SELECT
            customer,
            project,
            'attempts' AS section,
            '' AS session_id,
            item_key,
            hour_start,
            MAX(ts) AS ts,
            '' AS activity_id,
            OBJECT_CONSTRUCT_KEEP_NULL(
                'ok', SUM(ok),
                'failed', SUM(failed),
                'denied', SUM(denied),
                'first_ok_at', MIN(first_ok_at),
                'ok_at', MAX(ok_at),
                'failed_at', MAX(failed_at),
                'failed_in', MAX(failed_in),
                'denied_at', MAX(denied_at),
                'background_in', MAX(background_in)
            ) AS item
        FROM outcomes
        GROUP BY customer, project, item_key, hour_start
        HAVING MAX(is_fresh) = 1
    ) AS fresh
        ON kept.customer = fresh.customer
        AND kept.project = fresh.project
        AND kept.section = fresh.section
        AND kept.session_id = fresh.session_id
        AND kept.item_key = fresh.item_key
        AND kept.hour_start = fresh.hour_start
    WHEN MATCHED AND (
        fresh.section IN ('recent_sessions', 'attempts')
        OR fresh.ts > kept.ts
        OR (fresh.ts = kept.ts AND fresh.activity_id < kept.activity_id)
    ) THEN
        UPDATE SET
            ts = fresh.ts,
            activity_id = fresh.activity_id,
            item = fresh.item,
            refreshed_at = SYSDATE()
    WHEN NOT MATCHED THEN
        INSERT (customer, project, section, session_id, item_key, hour_start, ts, activity_id, item, refreshed_at)
        VALUES (
            fresh.customer, fresh.project, fresh.section, fresh.session_id, fresh.item_key, fresh.hour_start, fresh.ts,
            fresh.activity_id, fresh.item, SYSDATE()
        );
    RETURN 'done';
END;
$$;

-- grain: customer, project or '*'. Nothing here depends on the hour it is read at: hours are buckets, insights carry
-- valid_until, and the reader sums and filters by its own clock.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_CACHE(batch_key VARCHAR)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Writes the context of each touched customer and project to CONTEXT_CACHE.'
EXECUTE AS OWNER
AS
$$
BEGIN
    MERGE INTO CONTEXT_CACHE AS kept
    USING (
        WITH scopes AS (
            SELECT is_of_all FROM (VALUES (TRUE), (FALSE)) AS listed (is_of_all)
        ),

        batch AS (
            SELECT
                customer,
                IFF(scopes.is_of_all, '*', project) AS project,
                channel_id,
                MAX(stream_offset) AS stream_offset
            FROM CLAUDE_STREAM_V2_STREAM
            INNER JOIN scopes
                ON scopes.is_of_all OR project <> '*'
            WHERE NOT IS_OWN_EVENT(event_name, feature_json)
            GROUP BY customer, IFF(scopes.is_of_all, '*', project), channel_id
        ),

        -- an insight that is recorded again in another project leaves the contexts that list it
        recorded AS (
            SELECT
                atom.customer,
                atom.project,
                OBJECT_CONSTRUCT_KEEP_NULL('insight_id', atom.insight_id)::VARCHAR AS named
            FROM INSIGHT_ATOMS AS atom
            INNER JOIN CLAUDE_STREAM_V2_STREAM AS event
                ON atom.channel_id = event.channel_id
                AND atom.stream_offset = event.stream_offset
        ),

        changed AS (
            SELECT cache.customer, cache.project
            FROM recorded
            INNER JOIN CONTEXT_CACHE AS cache
                ON (cache.customer <> recorded.customer OR cache.project NOT IN ('*', COALESCE(recorded.project, '*')))
                AND CONTAINS(cache.context_blob:insights::VARCHAR, SUBSTR(recorded.named, 2, LENGTH(recorded.named) - 2))
            UNION ALL
            SELECT customer, project
            FROM SUPERSEDED
            WHERE is_counted
                AND batch_key = :batch_key
            UNION ALL
            SELECT customer, project
            FROM INSIGHT_ATOMS
            WHERE batch_key = :batch_key
        ),

        touched AS (
            SELECT customer, project FROM batch
            UNION
            SELECT changed.customer, IFF(scopes.is_of_all, '*', changed.project) AS project
            FROM changed
            INNER JOIN scopes
                ON scopes.is_of_all OR changed.project <> '*'
        ),

        watermarks AS (
            SELECT customer, project, OBJECT_AGG(channel_id, stream_offset::VARIANT) AS watermark
            FROM (
                SELECT customer, project, channel_id, MAX(stream_offset) AS stream_offset
                FROM (
                    SELECT customer, project, channel_id, stream_offset FROM batch
                    UNION ALL
                    SELECT cached.customer, cached.project, channel.key, channel.value::VARCHAR
                    FROM (
                        SELECT cache.customer, cache.project, cache.watermark
                        FROM CONTEXT_CACHE AS cache
                        INNER JOIN touched
                            ON cache.customer = touched.customer
                            AND cache.project = touched.project
                    ) AS cached,
                        LATERAL FLATTEN(INPUT => cached.watermark, MODE => 'OBJECT') AS channel
                )
                GROUP BY customer, project, channel_id
            )
            GROUP BY customer, project
        ),

        hours AS (
            SELECT touched.customer, touched.project, ARRAY_AGG(hour.bucket) WITHIN GROUP (ORDER BY hour.hour_start) AS hours
            FROM touched
            INNER JOIN CONTEXT_HOURS AS hour
                ON touched.customer = hour.customer
                AND touched.project = hour.project
            WHERE hour.hour_start >= DATE_TRUNC('HOUR', DATEADD(DAY, -8, SYSDATE()))
            GROUP BY touched.customer, touched.project
        ),

        -- of the lists what REFRESH_PRUNED_ITEMS leaves, whether or not it runs
        items AS (
            SELECT item.customer, item.project, item.section, item.session_id, item.item_key, item.ts, item.item
            FROM touched
            INNER JOIN CONTEXT_ITEMS AS item
                ON touched.customer = item.customer
                AND touched.project = item.project
            QUALIFY ROW_NUMBER() OVER (
                PARTITION BY item.customer, item.project, item.section
                ORDER BY item.ts DESC, item.session_id, item.item_key, item.hour_start
            ) <= LIST_LIMIT(item.section)
        ),

        -- every entry of a list: one newest row for each item_key, in the order of ts
        entries AS (
            SELECT customer, project, section, session_id, item_key, ts, item
            FROM items
            WHERE section NOT IN ('recent_sessions', 'attempts')
            UNION ALL
            SELECT
                touched.customer,
                touched.project,
                'insights',
                '',
                atom.insight_id,
                atom.recorded_at,
                atom.item
            FROM touched
            INNER JOIN INSIGHT_ATOMS AS atom
                ON touched.customer = atom.customer
                AND (touched.project = '*' OR touched.project = atom.project)
            WHERE NOT atom.is_quarantined
                AND COALESCE(atom.artifact_id, atom.query_id) IS NOT NULL
                AND COALESCE(atom.valid_until > SYSDATE(), TRUE)
        ),

        newest AS (
            SELECT customer, project, section, session_id, item_key, ts, item
            FROM entries
            QUALIFY ROW_NUMBER() OVER (PARTITION BY customer, project, section, session_id, item_key ORDER BY ts DESC) = 1
        ),

        -- grain: customer, project or '*', and '' or a session: an object with one array for each section
        lists AS (
            SELECT customer, project, session_id, OBJECT_AGG(section, list::VARIANT) AS lists
            FROM (
                SELECT
                    customer,
                    project,
                    section,
                    session_id,
                    ARRAY_AGG(entry) WITHIN GROUP (ORDER BY nth) AS list
                FROM (
                    SELECT
                        customer,
                        project,
                        section,
                        session_id,
                        COALESCE(item, item_key::VARIANT) AS entry,
                        ROW_NUMBER() OVER (
                            PARTITION BY customer, project, section, session_id ORDER BY ts DESC, item_key
                        ) AS nth
                    FROM newest
                )
                WHERE nth <= CASE section
                    WHEN 'recent_files' THEN 20
                    WHEN 'insights' THEN 20
                    WHEN 'conclusions' THEN 15
                    WHEN 'session_files' THEN 8
                    WHEN 'failed_commands' THEN 3
                    ELSE 10
                END
                GROUP BY customer, project, section, session_id
            )
            GROUP BY customer, project, session_id
        ),

        -- the hours of an attempt put together; of them those that failed, were refused or wait last, those that succeed most
        -- often, and those that succeeded last, which may have overcome a failure
        attempts AS (
            SELECT
                item.customer,
                item.project,
                item.item_key,
                SUM(item.item:ok::NUMBER(18, 0)) AS ok,
                SUM(item.item:failed::NUMBER(18, 0)) AS failed,
                SUM(item.item:denied::NUMBER(18, 0)) AS denied,
                MIN(item.item:first_ok_at::VARCHAR) AS first_ok_at,
                MAX(item.item:ok_at::VARCHAR) AS ok_at,
                MAX(item.item:failed_at::VARCHAR) AS failed_at,
                MAX(item.item:failed_in::VARCHAR) AS failed_in,
                MAX(item.item:denied_at::VARCHAR) AS denied_at,
                MAX(item.item:background_in::VARCHAR) AS background_in
            FROM items AS item
            WHERE item.section = 'attempts'
            GROUP BY item.customer, item.project, item.item_key
        ),

        attempt_lists AS (
            SELECT
                customer,
                project,
                ARRAY_AGG(OBJECT_CONSTRUCT_KEEP_NULL(
                    'what', item_key,
                    'ok', ok,
                    'failed', failed,
                    'denied', denied,
                    'first_ok_at', first_ok_at,
                    'ok_at', ok_at,
                    'failed_at', failed_at,
                    'failed_in', failed_in,
                    'denied_at', denied_at,
                    'background_in', background_in
                )) WITHIN GROUP (ORDER BY item_key) AS attempts
            FROM (
                SELECT
                    *,
                    ROW_NUMBER() OVER (
                        PARTITION BY customer, project
                        ORDER BY
                            GREATEST(COALESCE(failed_at, ''), COALESCE(denied_at, ''), COALESCE(background_in, '')) DESC,
                            item_key
                    ) AS nth_open,
                    ROW_NUMBER() OVER (
                        PARTITION BY customer, project ORDER BY ok DESC, COALESCE(ok_at, '') DESC, item_key
                    ) AS nth_habit,
                    ROW_NUMBER() OVER (
                        PARTITION BY customer, project ORDER BY COALESCE(ok_at, '') DESC, item_key
                    ) AS nth_recent
                FROM attempts
            )
            WHERE nth_open <= 20
                OR nth_habit <= 20
                OR nth_recent <= 20
            GROUP BY customer, project
        ),

        -- the hours of a session put together; a text stands behind the 27 characters of its time
        sessions AS (
            SELECT
                item.customer,
                item.project,
                item.session_id,
                MAX(item.ts) AS last_ts,
                COALESCE(MIN(item.item:started::VARCHAR), MIN(item.item:first::VARCHAR)) AS started,
                MAX(item.item:ended::VARCHAR) AS ended,
                MIN(COALESCE(item.item:first_asked::VARCHAR, item.item:asked::VARCHAR)) AS first_asked,
                MAX(item.item:asked::VARCHAR) AS asked,
                MAX(item.item:concluded::VARCHAR) AS concluded,
                MAX(item.item:stopped::VARCHAR) AS stopped,
                MAX(item.item:title::VARCHAR) AS title,
                MAX(item.item:git_branch::VARCHAR) AS git_branch,
                MAX(item.item:project::VARCHAR) AS session_project,
                MAX(item.item:org_id::VARCHAR) AS org_id
            FROM items AS item
            WHERE item.section = 'recent_sessions'
            GROUP BY item.customer, item.project, item.session_id
        ),

        recent AS (
            SELECT
                customer,
                project,
                MAX(last_ts) AS recorded_at,
                SUBSTR(MAX(org_id), 29) AS org_id,
                ARRAY_AGG(IFF(nth <= 5 AND session_id <> '', session, NULL))
                    WITHIN GROUP (ORDER BY nth) AS recent_sessions
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
                    ) AS nth,
                    OBJECT_CONSTRUCT_KEEP_NULL(
                        'session_id', sessions.session_id,
                        'project', SUBSTR(sessions.session_project, 29),
                        'git_branch', SUBSTR(sessions.git_branch, 29),
                        'started', sessions.started,
                        'ended', sessions.ended,
                        'last_ts', TO_CHAR(sessions.last_ts, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"'),
                        'first_asked', SUBSTR(sessions.first_asked, 29),
                        'first_asked_ts', SUBSTR(sessions.first_asked, 1, 27),
                        'asked', SUBSTR(sessions.asked, 29),
                        'asked_ts', SUBSTR(sessions.asked, 1, 27),
                        'concluded', SUBSTR(sessions.concluded, 29),
                        'concluded_ts', SUBSTR(sessions.concluded, 1, 27),
                        'stopped', SUBSTR(sessions.stopped, 29),
                        'stopped_ts', SUBSTR(sessions.stopped, 1, 27),
                        'title', SUBSTR(sessions.title, 29),
                        'title_ts', SUBSTR(sessions.title, 1, 27),
                        'files', lists.lists:session_files,
                        'failed_commands', lists.lists:failed_commands
                    ) AS session
                FROM sessions
                LEFT JOIN lists
                    ON sessions.customer = lists.customer
                    AND sessions.project = lists.project
                    AND sessions.session_id = lists.session_id
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
                'recent_sessions', recent.recent_sessions,
                'recent_errors', lists.lists:recent_errors,
                'recent_files', lists.lists:recent_files,
                'insights', lists.lists:insights,
                'recent_queries', lists.lists:recent_queries,
                'conclusions', lists.lists:conclusions,
                'attempts', attempt_lists.attempts,
                'hours', hours.hours,
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
            AND lists.session_id = ''
        LEFT JOIN attempt_lists
            ON touched.customer = attempt_lists.customer
            AND touched.project = attempt_lists.project
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
    RETURN 'done';
END;
$$;

-- Of each list only the newest stay: more than a context shows, because one may be outranked later.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_PRUNED_ITEMS()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Leaves of each list in CONTEXT_ITEMS only the newest.'
EXECUTE AS OWNER
AS
$$
BEGIN
    DELETE FROM CONTEXT_ITEMS AS kept
    USING (
        SELECT customer, project, section, session_id, item_key, hour_start
        FROM CONTEXT_ITEMS
        WHERE customer IN (SELECT customer FROM CLAUDE_STREAM_V2_STREAM)
        QUALIFY ROW_NUMBER() OVER (
            PARTITION BY customer, project, section ORDER BY ts DESC, session_id, item_key, hour_start
        ) > LIST_LIMIT(section)
    ) AS beyond
    WHERE kept.customer = beyond.customer
        AND kept.project = beyond.project
        AND kept.section = beyond.section
        AND kept.session_id = beyond.session_id
        AND kept.item_key = beyond.item_key
        AND kept.hour_start = beyond.hour_start;
    RETURN 'done';
END;
$$;

-- What the batch holds is read twice, at its beginning, and kept in variables: a bound value prunes where a sub-select would
-- not, and eight questions between the steps would cost more than they spare. To be called inside a transaction.
-- snowflake-only: the embedded engine runs the statements of its steps, in this order and under these conditions
CREATE OR REPLACE PROCEDURE FOLD_BATCH()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Runs the steps of the refresh sequence over what the stream holds, and so consumes it.'
EXECUTE AS OWNER
AS
$$
BEGIN
    LET batch_key VARCHAR := NULL;
    LET from_ts TIMESTAMP_NTZ := NULL;
    LET to_ts TIMESTAMP_NTZ := NULL;
    LET has_activities BOOLEAN := FALSE;
    LET has_insights BOOLEAN := FALSE;
    LET has_artifacts BOOLEAN := FALSE;
    LET may_quarantine BOOLEAN := FALSE;
    LET may_withdraw BOOLEAN := FALSE;
    LET has_repeats BOOLEAN := FALSE;
    LET has_drift BOOLEAN := FALSE;
    LET has_long_lists BOOLEAN := FALSE;
    LET has_reread BOOLEAN := FALSE;

    -- A row can outrank one within a day of it.
    SELECT
        MAX(channel_id || ' ' || stream_offset) AS batch_key,
        DATEADD(DAY, -1, MIN(ts)) AS from_ts,
        DATEADD(DAY, 1, MAX(ts)) AS to_ts,
        COUNT_IF(NOT IS_OWN_EVENT(event_name, feature_json)) > 0 AS has_activities,
        COUNT_IF(event_name = 'mcp_event' AND feature_json:method::VARCHAR = 'record_insight') > 0 AS has_insights,
        COUNT_IF(event_name = 'mcp_event' AND feature_json:method::VARCHAR = 'store_artifact') > 0 AS has_artifacts,
        COUNT_IF(event_name = 'mcp_event' AND feature_json:method::VARCHAR = 'record_insight')
        + (SELECT COUNT(*) FROM INSIGHT_ATOMS) > 0 AS may_quarantine
    INTO :batch_key, :from_ts, :to_ts, :has_activities, :has_insights, :has_artifacts, :may_quarantine
    FROM CLAUDE_STREAM_V2_STREAM;

    -- This statement consumes the stream, whatever is left out below.
    -- snowflake-only: the embedded engine notes a run when its duration is known
    INSERT INTO REFRESH_RUNS (batch_key, row_count, oldest_ts, newest_ts, started_at)
    SELECT MAX(channel_id || ' ' || stream_offset), COUNT(*), MIN(ts), MAX(ts), SYSDATE()
    FROM CLAUDE_STREAM_V2_STREAM
    HAVING COUNT(*) > 0;

    SELECT
        (
            SELECT COUNT(*)
            FROM (
                SELECT activity_id
                FROM CLAUDE_STREAM_V2
                WHERE activity_id IN (SELECT activity_id FROM CLAUDE_STREAM_V2_STREAM)
                    AND ts >= :from_ts
                    AND ts <= :to_ts
                GROUP BY activity_id
                HAVING COUNT(*) > 1
            )
        ) > 0 AS has_repeats,
        (
            SELECT COUNT(*)
            FROM (
                SELECT DISTINCT sent.event_name, feature.key AS field, TYPEOF(feature.value) AS kind
                FROM CLAUDE_STREAM_V2_STREAM AS sent,
                    LATERAL FLATTEN(INPUT => sent.feature_json, MODE => 'OBJECT') AS feature
            ) AS observed
            LEFT JOIN SCHEMA_FIELDS AS known
                ON observed.event_name = known.event_name
                AND observed.field = known.field
            WHERE observed.field = '_schema_errors'
                OR IFF(
                    known.field IS NULL,
                    NOT STARTSWITH(observed.field, '_'),
                    NOT CONTAINS(' ' || known.json_types || ' ', CASE observed.kind
                        WHEN 'VARCHAR' THEN ' string '
                        WHEN 'INTEGER' THEN ' integer '
                        WHEN 'BOOLEAN' THEN ' boolean '
                        WHEN 'OBJECT' THEN ' object '
                        WHEN 'ARRAY' THEN ' array '
                        WHEN 'NULL_VALUE' THEN ' null '
                        ELSE ' number '
                    END)
                )
        ) > 0 AS has_drift,
        (
            SELECT COUNT(*)
            FROM (
                SELECT section
                FROM CONTEXT_ITEMS
                WHERE customer IN (SELECT customer FROM CLAUDE_STREAM_V2_STREAM)
                GROUP BY customer, project, section
                HAVING COUNT(*) > 2 * LIST_LIMIT(section)
            )
        ) > 0 AS has_long_lists,
        (SELECT COUNT(*) FROM REREAD_HOURS) > 0 AS has_reread,
        -- the event that one of these is kept from may be outranked by this batch
        (
            SELECT COUNT(*)
            FROM (
                SELECT activity_id FROM INSIGHT_ATOMS
                UNION ALL
                SELECT activity_id FROM ARTIFACTS
            )
            WHERE activity_id IN (SELECT activity_id FROM CLAUDE_STREAM_V2_STREAM)
        ) > 0 AS may_withdraw
    INTO :has_repeats, :has_drift, :has_long_lists, :has_reread, :may_withdraw;

    IF (has_repeats) THEN
        CALL REFRESH_SUPERSEDED(:batch_key, :from_ts, :to_ts);
        CALL REFRESH_EXPORTED_CALLS(:batch_key, :from_ts, :to_ts);
    END IF;
    -- snowflake-only: the embedded engine leaves REREAD_HOURS empty
    IF (has_repeats OR has_reread) THEN
        CALL REFRESH_REREAD_HOURS(:batch_key);
    END IF;
    IF (has_insights OR may_withdraw) THEN
        CALL REFRESH_INSIGHTS(:batch_key, :may_withdraw);
    END IF;
    IF (has_artifacts OR may_withdraw) THEN
        CALL REFRESH_ARTIFACTS(:may_withdraw);
    END IF;
    IF (has_drift OR has_repeats) THEN
        CALL REFRESH_DRIFT(:batch_key);
    END IF;
    IF (may_quarantine) THEN
        CALL REFRESH_QUARANTINE(:batch_key);
    END IF;
    IF (has_activities OR has_repeats) THEN
        CALL REFRESH_COUNTS(:batch_key);
        CALL REFRESH_HOURS(:batch_key);
        CALL REFRESH_ITEMS(:batch_key);
        CALL REFRESH_CACHE(:batch_key);
    END IF;
    IF (has_long_lists) THEN
        CALL REFRESH_PRUNED_ITEMS();
    END IF;
    RETURN 'done';
END;
$$;

-- One run of the refresh sequence: all of it or nothing. It can be called by hand.
-- snowflake-only: on the embedded engine the transaction is the flusher's
CREATE OR REPLACE PROCEDURE REFRESH_CONTEXT()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Folds new activities into SUPERSEDED, INSIGHT_ATOMS, ARTIFACTS, SCHEMA_DRIFT and CONTEXT_CACHE, in one transaction.'
EXECUTE AS OWNER
AS
$$
BEGIN
    BEGIN TRANSACTION;
    CALL FOLD_BATCH();
    COMMIT;
    RETURN 'done';
EXCEPTION
    WHEN OTHER THEN
        ROLLBACK;
        RAISE;
END;
$$;

-- Contexts, and all else that is folded from the stream, rebuilt from it: after the stream went stale (the task rested longer
-- than the table keeps its history), or when a context is doubted. A stream that shows what the table holds already is one batch
-- of everything; each known loser is taken back from it as if it had been outranked in this run.
-- snowflake-only: the embedded engine rebuilds its contexts in chunks
CREATE OR REPLACE PROCEDURE REBUILD_CONTEXTS()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Rebuilds the stream and everything folded from it. Suspend REFRESH_CONTEXT_TASK before, and resume it afterwards.'
EXECUTE AS OWNER
AS
$$
BEGIN
    CREATE OR REPLACE STREAM CLAUDE_STREAM_V2_STREAM
        ON TABLE CLAUDE_STREAM_V2
        APPEND_ONLY = TRUE
        SHOW_INITIAL_ROWS = TRUE
        COMMENT = 'Rows of CLAUDE_STREAM_V2 not yet folded into the context; consumed by REFRESH_CONTEXT_TASK alone.';

    BEGIN TRANSACTION;

    DELETE FROM CONTEXT_COUNTS;

    DELETE FROM CONTEXT_HOURS;

    DELETE FROM CONTEXT_ITEMS;

    DELETE FROM CONTEXT_CACHE;

    UPDATE SCHEMA_DRIFT
    SET occurrences = 0;

    UPDATE SUPERSEDED
    SET
        is_counted = FALSE,
        batch_key = (SELECT MAX(channel_id || ' ' || stream_offset) FROM CLAUDE_STREAM_V2_STREAM);

    CALL FOLD_BATCH();

    COMMIT;
    RETURN 'rebuilt';
EXCEPTION
    WHEN OTHER THEN
        ROLLBACK;
        RAISE;
END;
$$;

-- A row that is stored twice, with one channel and one offset: no source outranks itself, so SUPERSEDED does not settle it. It can
-- come about when a channel and every note of its offset are lost together (V_DOUBLED_OFFSETS shows it; docs/snowflake.md says how).
-- One of them stays, and everything is folded again, for the stream would show it as new.
-- snowflake-only: the embedded engine reads the offset in the transaction that writes
CREATE OR REPLACE PROCEDURE REMOVE_DOUBLED_ROWS()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Leaves one row of each channel and offset, and rebuilds everything folded from the stream. Suspend REFRESH_CONTEXT_TASK before.'
EXECUTE AS OWNER
AS
$$
BEGIN
    CREATE OR REPLACE TEMPORARY TABLE KEPT_ROWS AS
    SELECT *
    FROM CLAUDE_STREAM_V2
    QUALIFY COUNT(*) OVER (PARTITION BY channel_id, stream_offset) > 1
        AND ROW_NUMBER() OVER (PARTITION BY channel_id, stream_offset ORDER BY ts, activity_id) = 1;

    BEGIN TRANSACTION;

    DELETE FROM CLAUDE_STREAM_V2
    WHERE (channel_id, stream_offset) IN (SELECT channel_id, stream_offset FROM KEPT_ROWS);

    INSERT INTO CLAUDE_STREAM_V2
    SELECT *
    FROM KEPT_ROWS;

    COMMIT;

    CALL REBUILD_CONTEXTS();
    RETURN 'one row of each channel and offset is left';
EXCEPTION
    WHEN OTHER THEN
        ROLLBACK;
        RAISE;
END;
$$;

CREATE OR REPLACE TASK REFRESH_CONTEXT_TASK
    USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'XSMALL'
    SERVERLESS_TASK_MAX_STATEMENT_SIZE = 'SMALL'
    TARGET_COMPLETION_INTERVAL = '60 SECONDS'
    USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS = 60
    USER_TASK_TIMEOUT_MS = 600000
    SUSPEND_TASK_AFTER_NUM_FAILURES = 0
    QUERY_TAG = 'activity-mcp refresh'
    COMMENT = 'Runs REFRESH_CONTEXT when activities have come, at most once a minute.'
    WHEN SYSTEM$STREAM_HAS_DATA('CLAUDE_STREAM_V2_STREAM')
AS
CALL REFRESH_CONTEXT();

-- Once a day: what has expired and what is older than its rule allows (02) leaves, unless LEGAL_HOLDS names it.
CREATE OR REPLACE TASK DAILY_UPKEEP_TASK
    USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'XSMALL'
    SERVERLESS_TASK_MAX_STATEMENT_SIZE = 'MEDIUM'
    SCHEDULE = 'USING CRON 17 3 * * * UTC'
    USER_TASK_TIMEOUT_MS = 3600000
    SUSPEND_TASK_AFTER_NUM_FAILURES = 0
    QUERY_TAG = 'activity-mcp upkeep'
    COMMENT = 'Removes what has expired and what is too old, once a day.'
AS
EXECUTE IMMEDIATE $$
BEGIN
    CALL CLEAN_UP();
    CALL APPLY_RETENTION();
END;
$$;

-- A task is created suspended, and CREATE OR REPLACE suspends it again. One that may not run does not keep the others from it.
CREATE OR REPLACE PROCEDURE RESUME_TASKS()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Resumes every task that is to run, and gives for the others the reason.'
EXECUTE AS OWNER
AS
$$
BEGIN
    LET states VARCHAR := '';
    LET runs_dual_write BOOLEAN := FALSE;
    BEGIN
        ALTER TASK REFRESH_CONTEXT_TASK RESUME;
        states := states || ' | REFRESH_CONTEXT_TASK runs';
    EXCEPTION
        WHEN OTHER THEN
            states := states || ' | REFRESH_CONTEXT_TASK is suspended: ' || SQLERRM;
    END;
    BEGIN
        ALTER TASK DAILY_UPKEEP_TASK RESUME;
        states := states || ' | DAILY_UPKEEP_TASK runs';
    EXCEPTION
        WHEN OTHER THEN
            states := states || ' | DAILY_UPKEEP_TASK is suspended: ' || SQLERRM;
    END;
    SELECT COUNT_IF(flag_name = 'dual_write_enabled' AND is_on) > 0 AS runs_dual_write
    INTO :runs_dual_write
    FROM MIGRATION_FLAGS;
    IF (runs_dual_write) THEN
        BEGIN
            ALTER TASK DUAL_WRITE_TASK RESUME;
            states := states || ' | DUAL_WRITE_TASK runs';
        EXCEPTION
            WHEN OTHER THEN
                states := states || ' | DUAL_WRITE_TASK is suspended: ' || SQLERRM;
        END;
    END IF;
    RETURN SUBSTR(states, 4);
END;
$$;

-- How far the context is behind the stream, from when the oldest of the waiting rows was loaded; zero when none waits. What
-- the stream's offset says is the version of the table it has read up to, which on an idle system is hours ago: it tells only
-- which rows wait.
-- grain: one row
CREATE OR REPLACE SECURE VIEW V_STREAM_LAG (
    stream_name   COMMENT 'The stream.',
    has_data      COMMENT 'Whether rows wait for the task.',
    read_up_to    COMMENT 'Version of the table that was read last, UTC.',
    newest_load   COMMENT 'When a row was loaded last, UTC.',
    waiting_rows  COMMENT 'How many rows wait.',
    lag_ms        COMMENT 'For how long the oldest of them has waited, in milliseconds; zero when none does.'
)
COPY GRANTS
COMMENT = 'Whether rows wait for REFRESH_CONTEXT_TASK and for how long, zero when idle; grain: one row.'
AS
WITH stream AS (
    SELECT
        SYSTEM$STREAM_HAS_DATA('CLAUDE_STREAM_V2_STREAM') AS has_data,
        TO_TIMESTAMP_NTZ(SYSTEM$STREAM_GET_TABLE_TIMESTAMP('CLAUDE_STREAM_V2_STREAM')::NUMBER, 9) AS read_up_to
),

loaded AS (
    SELECT CONVERT_TIMEZONE('UTC', METADATA$ROW_LAST_COMMIT_TIME)::TIMESTAMP_NTZ AS loaded_at
    FROM CLAUDE_STREAM_V2
    WHERE ts >= DATEADD(DAY, -2, SYSDATE())
),

waiting AS (
    SELECT
        MAX(loaded.loaded_at) AS newest_load,
        MIN(IFF(loaded.loaded_at > stream.read_up_to, loaded.loaded_at, NULL)) AS oldest_waiting,
        COUNT_IF(loaded.loaded_at > stream.read_up_to) AS waiting_rows
    FROM loaded
    CROSS JOIN stream
)

SELECT
    'CLAUDE_STREAM_V2_STREAM' AS stream_name,
    stream.has_data,
    stream.read_up_to,
    waiting.newest_load,
    waiting.waiting_rows,
    IFF(stream.has_data, GREATEST(COALESCE(DATEDIFF(MILLISECOND, waiting.oldest_waiting, SYSDATE()), 0), 0), 0) AS lag_ms
FROM stream
CROSS JOIN waiting;

-- A view cannot ask where it lies: a session may be anywhere else.
-- grain: one row
CREATE TABLE IF NOT EXISTS DEPLOYED_PLACE (
    database_name  VARCHAR  NOT NULL COMMENT 'Database of this schema.',
    schema_name    VARCHAR  NOT NULL COMMENT 'Name of this schema.'
)
COMMENT = 'Where this schema lies; grain: one row.';

MERGE INTO DEPLOYED_PLACE AS known
USING (SELECT CURRENT_DATABASE() AS database_name, CURRENT_SCHEMA() AS schema_name) AS place
    ON TRUE
WHEN MATCHED THEN
    UPDATE SET database_name = place.database_name, schema_name = place.schema_name
WHEN NOT MATCHED THEN
    INSERT (database_name, schema_name)
    VALUES (place.database_name, place.schema_name);

-- The tasks of this schema over the last 24 hours. TASK_HISTORY applies its limit before any WHERE, and without a schema it mixes
-- the tasks of one name: hence one call for each task, with both. It shows the runs of tasks that the reader's role may monitor.
-- health: ok; failing (the last run failed, or failures suspended the task); unsteady (one of the runs failed); silent (none ran:
-- suspended, nothing to do, or not shown to this role). V_STREAM_LAG tells those apart: a lag that grows while this is silent.
-- grain: one row per task
CREATE OR REPLACE SECURE VIEW V_TASK_MONITORING (
    task_name          COMMENT 'The task.',
    state              COMMENT 'How its last run ended.',
    last_completed_at  COMMENT 'When that was.',
    runs_24h           COMMENT 'Runs of the last 24 hours.',
    failures_24h       COMMENT 'How many of them failed.',
    avg_duration_ms    COMMENT 'Their average time, in milliseconds.',
    max_duration_ms    COMMENT 'The longest, in milliseconds.',
    last_error         COMMENT 'What the last run said, if it failed.',
    health             COMMENT 'ok, failing, unsteady or silent.'
)
COPY GRANTS
COMMENT = 'State, durations and health of the tasks over 24 hours; grain: one row per task.'
AS
WITH runs AS (
    SELECT name AS task_name, database_name, schema_name, state, error_message, query_start_time, completed_time
    FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(
        TASK_NAME => 'REFRESH_CONTEXT_TASK',
        SCHEDULED_TIME_RANGE_START => DATEADD(HOUR, -24, CURRENT_TIMESTAMP()),
        RESULT_LIMIT => 10000
    ))
    UNION ALL
    SELECT name AS task_name, database_name, schema_name, state, error_message, query_start_time, completed_time
    FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(
        TASK_NAME => 'DAILY_UPKEEP_TASK',
        SCHEDULED_TIME_RANGE_START => DATEADD(HOUR, -24, CURRENT_TIMESTAMP()),
        RESULT_LIMIT => 100
    ))
    UNION ALL
    SELECT name AS task_name, database_name, schema_name, state, error_message, query_start_time, completed_time
    FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(
        TASK_NAME => 'DUAL_WRITE_TASK',
        SCHEDULED_TIME_RANGE_START => DATEADD(HOUR, -24, CURRENT_TIMESTAMP()),
        RESULT_LIMIT => 10000
    ))
),

known AS (
    SELECT task_name
    FROM (VALUES ('REFRESH_CONTEXT_TASK'), ('DAILY_UPKEEP_TASK'), ('DUAL_WRITE_TASK')) AS named (task_name)
),

summed AS (
    SELECT
        task_name,
        COUNT_IF(state = 'SUCCEEDED' OR STARTSWITH(state, 'FAILED')) AS runs_24h,
        COUNT_IF(STARTSWITH(state, 'FAILED')) AS failures_24h,
        MAX_BY(state, completed_time) AS last_state,
        MAX_BY(error_message, completed_time) AS last_error,
        MAX(completed_time) AS last_completed_at,
        AVG(DATEDIFF(MILLISECOND, query_start_time, completed_time)) AS avg_duration_ms,
        MAX(DATEDIFF(MILLISECOND, query_start_time, completed_time)) AS max_duration_ms
    FROM runs
    WHERE completed_time IS NOT NULL
        AND (database_name, schema_name) IN (SELECT database_name, schema_name FROM DEPLOYED_PLACE)
    GROUP BY task_name
)

SELECT
    known.task_name,
    summed.last_state AS state,
    summed.last_completed_at,
    COALESCE(summed.runs_24h, 0) AS runs_24h,
    COALESCE(summed.failures_24h, 0) AS failures_24h,
    summed.avg_duration_ms,
    summed.max_duration_ms,
    summed.last_error,
    CASE
        WHEN COALESCE(summed.runs_24h, 0) = 0 THEN 'silent'
        WHEN STARTSWITH(summed.last_state, 'FAILED') THEN 'failing'
        WHEN summed.failures_24h > 0 THEN 'unsteady'
        ELSE 'ok'
    END AS health
FROM known
LEFT JOIN summed
    ON known.task_name = summed.task_name;

-- Where contexts left with an older layout, they are rebuilt before the first run.
EXECUTE IMMEDIATE $$
BEGIN
    LET contexts NUMBER := 0;
    LET activities NUMBER := 0;
    SELECT COUNT(*) AS contexts INTO :contexts FROM CONTEXT_CACHE;
    SELECT COUNT(*) AS activities INTO :activities FROM CLAUDE_STREAM_V2;
    IF (contexts = 0 AND activities > 0) THEN
        CALL REBUILD_CONTEXTS();
        RETURN 'contexts were rebuilt';
    END IF;
    RETURN 'contexts are as they were';
END;
$$;

CALL RESUME_TASKS();
