-- 01_migration_setup.sql: where everything lives, the stream itself, and what must be left out of it.
-- Needs: a role that may create the database, or owns it. Run first; running it again changes nothing.

-- Parameters, the same block in every file. Change a name here, or let `activity-mcp deploy` do it.
-- Session variables do not outlive one `snow sql -f`, hence each file sets its own.
SET activity_database  = 'CLAUDE_LOGS';
SET activity_schema    = 'ACTIVITIES';
SET activity_warehouse = 'COMPUTE_WH';
SET activity_role      = CURRENT_ROLE();      -- owns what is created here; the connection's role unless changed

USE ROLE      IDENTIFIER($activity_role);
USE WAREHOUSE IDENTIFIER($activity_warehouse);

CREATE DATABASE IF NOT EXISTS IDENTIFIER($activity_database)
    COMMENT = 'What Claude Code did: one governed stream of activities, and the context recalled from it.';
USE DATABASE  IDENTIFIER($activity_database);
CREATE SCHEMA IF NOT EXISTS IDENTIFIER($activity_schema)
    COMMENT = 'The activity stream (ActivitySchema 2.0), its typed views, artifacts, insights and the context cache.';
USE SCHEMA    IDENTIFIER($activity_schema);

-- Which layout these tables have. A client that meets a version above its own stops writing and asks for an upgrade.
-- grain: one row per version that was ever applied; the highest is the one in force
CREATE TABLE IF NOT EXISTS ACTIVITY_SCHEMA_VERSION (
    version      NUMBER(9, 0)   NOT NULL COMMENT 'Layout version, counting up from 1.',
    description  VARCHAR        NOT NULL COMMENT 'What this version brought.',
    applied_at   TIMESTAMP_NTZ  NOT NULL COMMENT 'When it was applied, UTC.'
)
COMMENT = 'Layout version of this schema; grain: one row per version applied, the highest is in force.';

-- What an older layout had otherwise. Tables that are folded from the stream leave, and are rebuilt (REBUILD_CONTEXTS in 03).
-- snowflake-only: the embedded engine changes its file itself, after a copy
EXECUTE IMMEDIATE $$
BEGIN
    LET found NUMBER := 0;
    SELECT COALESCE(MAX(version), 0) AS found INTO :found FROM ACTIVITY_SCHEMA_VERSION;
    IF (found IN (1, 2)) THEN
        ALTER TABLE IF EXISTS INSIGHT_ATOMS RENAME COLUMN quarantined TO is_quarantined;
        DROP TABLE IF EXISTS CONTEXT_CACHE;
        DROP TABLE IF EXISTS CONTEXT_COUNTS;
        DROP TABLE IF EXISTS CONTEXT_HOURS;
        DROP TABLE IF EXISTS CONTEXT_ITEMS;
    END IF;
    RETURN found;
END;
$$;

MERGE INTO ACTIVITY_SCHEMA_VERSION AS known
USING (
    SELECT 1 AS version, 'the stream, artifacts, insights, context cache and typed views' AS description
    UNION ALL
    SELECT 2 AS version, 'contexts are kept by adding to CONTEXT_COUNTS' AS description
    UNION ALL
    SELECT 3 AS version, 'the refresh is one procedure per step; runs are noted in REFRESH_RUNS' AS description
    UNION ALL
    SELECT 4 AS version, 'the embedded engine stores the hour of each row' AS description
) AS wanted
    ON known.version = wanted.version
WHEN NOT MATCHED THEN
    INSERT (version, description, applied_at)
    VALUES (wanted.version, wanted.description, SYSDATE());

-- grain: one row per file of sql/ that `activity-mcp deploy` applied, with the checksum of its text
CREATE TABLE IF NOT EXISTS DEPLOYED_FILES (
    file_name    VARCHAR        NOT NULL COMMENT 'Name of the file below sql/.',
    sha256       VARCHAR        NOT NULL COMMENT 'SHA-256 of the text applied, in hexadecimal.',
    applied_at   TIMESTAMP_NTZ  NOT NULL COMMENT 'When it was applied last, UTC.'
)
COMMENT = 'Files applied by activity-mcp deploy; grain: one row per file.';

-- The stream. It is insert-only and keeps what was sent, each (channel_id, stream_offset) once. No key is declared:
-- Snowflake does not enforce one, and a repeated activity_id is settled in SUPERSEDED instead.
-- Columns are unbounded VARCHAR and nullable where the writer does not guarantee a value, because a row that breaks a
-- constraint is dropped by Snowpipe Streaming while the channel's token moves past it.
-- grain: one row per line of a client's queue
CREATE TABLE IF NOT EXISTS CLAUDE_STREAM_V2 (
    activity_id            VARCHAR        NOT NULL COMMENT 'Id of the activity; derived, so that the same fact seen twice has the same id.',
    ts                     TIMESTAMP_NTZ  NOT NULL COMMENT 'When it happened, UTC, in microseconds.',
    customer               VARCHAR        NOT NULL COMMENT 'Who did it: an e-mail address, or user@host.',
    activity               VARCHAR        NOT NULL COMMENT 'What was done, verb_noun.',
    anonymous_customer_id  VARCHAR                 COMMENT 'The machine, hashed.',
    feature_json           VARIANT                 COMMENT 'The features; their schema is chosen by event_name.',
    revenue_impact         NUMBER(38, 9)           COMMENT 'Money in or out, in US dollars; minus the cost of an llm_event.',
    link                   VARCHAR                 COMMENT 'A URL with more about it.',
    event_name             VARCHAR        NOT NULL COMMENT 'One of the seven kinds of event.',
    session_id             VARCHAR                 COMMENT 'Claude Code session.',
    project                VARCHAR                 COMMENT 'Root directory of the project.',
    org_id                 VARCHAR                 COMMENT 'Organisation of the customer.',
    source                 VARCHAR        NOT NULL COMMENT 'How it came here: mcp, hook, import, cli, otel.',
    schema_version         VARCHAR                 COMMENT 'Version of the event schemas it was written for.',
    channel_id             VARCHAR        NOT NULL COMMENT 'Queue it was read from.',
    stream_offset          VARCHAR        NOT NULL COMMENT 'Its place in that queue: segment, end byte and CRC-32, compared as text.'
)
CHANGE_TRACKING = TRUE
COMMENT = 'Every activity as it was sent, insert-only (ActivitySchema 2.0); grain: one row per line of a queue.';

-- The time a row was loaded is METADATA$ROW_LAST_COMMIT_TIME: a DEFAULT would be evaluated when Snowpipe Streaming compiles
-- its COPY, not when the row lands. Rejected rows keep their payload in ERROR_TABLE(CLAUDE_STREAM_V2).
ALTER TABLE CLAUDE_STREAM_V2 SET ROW_TIMESTAMP = TRUE;
ALTER TABLE CLAUDE_STREAM_V2 SET ERROR_LOGGING = TRUE;

-- Rows of the stream that another row with the same activity_id outranks. The refresh sequence finds them once; every view
-- leaves them out. Small by nature: only facts that two sources reported are in it.
-- grain: one row per outranked row of the stream
CREATE TRANSIENT TABLE IF NOT EXISTS SUPERSEDED (
    channel_id          VARCHAR        NOT NULL COMMENT 'Channel of the row left out.',
    stream_offset       VARCHAR        NOT NULL COMMENT 'Offset of the row left out.',
    activity_id         VARCHAR        NOT NULL COMMENT 'The activity both rows tell of.',
    customer            VARCHAR        NOT NULL COMMENT 'Whose context it must leave.',
    project             VARCHAR                 COMMENT 'Which context it must leave.',
    ts                  TIMESTAMP_NTZ  NOT NULL COMMENT 'Its time, UTC: retention prunes this table with the stream, and joins prune by it.',
    is_counted          BOOLEAN                 COMMENT 'Whether contexts had counted it: it is no mcp_event of the recorder''s own, and was outranked after its arrival.',
    kept_channel_id     VARCHAR                 COMMENT 'Channel of the row kept when this was decided.',
    kept_stream_offset  VARCHAR                 COMMENT 'Offset of the row kept when this was decided.',
    batch_key           VARCHAR                 COMMENT 'Highest channel and offset of the batch that decided it.',
    superseded_at       TIMESTAMP_NTZ  NOT NULL COMMENT 'When this was decided, UTC.'
)
DATA_RETENTION_TIME_IN_DAYS = 0
COMMENT = 'Rows of CLAUDE_STREAM_V2 that every view leaves out; grain: one row per row left out.';

-- What Claude Code's exporter reported of calls that a better row shows: how large input and result were, how long the call took,
-- and the class of its error. The refresh sequence finds them once, so that VW_TOOL_EVENTS has them by an equal place and time,
-- and a filter on ts passes over both tables.
-- grain: one row per row of the stream that an exporter's row completes
CREATE TRANSIENT TABLE IF NOT EXISTS EXPORTED_CALLS (
    channel_id         VARCHAR        NOT NULL COMMENT 'Channel of the row completed.',
    stream_offset      VARCHAR        NOT NULL COMMENT 'Offset of the row completed.',
    ts                 TIMESTAMP_NTZ  NOT NULL COMMENT 'Its time, UTC: retention prunes this table with the stream, and joins prune by it.',
    activity_id        VARCHAR        NOT NULL COMMENT 'The call both rows tell of.',
    latency_ms         NUMBER(38, 3)           COMMENT 'Duration of the call, in milliseconds.',
    input_size_bytes   NUMBER(38, 0)           COMMENT 'Size of the tool''s input, in bytes.',
    result_size_bytes  NUMBER(38, 0)           COMMENT 'Size of the tool''s output, in bytes.',
    error_type         VARCHAR                 COMMENT 'Class of the error of a failed call, as Claude Code names it.',
    found_at           TIMESTAMP_NTZ  NOT NULL COMMENT 'When the two rows were found, UTC.'
)
DATA_RETENTION_TIME_IN_DAYS = 0
COMMENT = 'What the exporter knew of calls that a better row shows; grain: one row per row it completes.';

-- What every statement asks of a row, said once: which of two rows with one activity_id is kept, and which rows are nobody's activity.
CREATE OR REPLACE FUNCTION SOURCE_RANK(source VARCHAR, features VARIANT)
RETURNS NUMBER(9, 0)
LANGUAGE SQL
COMMENT = 'Place of a row among those with its activity_id, the lowest is kept; what tells only a part of its fact is behind others, and a call without its result behind them all.'
AS
$$
    CASE
        WHEN features:_unanswered::VARCHAR = 'true' THEN 4
        WHEN features:_partial::VARCHAR = 'true' THEN 3
        WHEN source IN ('otel', 'hook') THEN 0
        WHEN source IN ('mcp', 'cli') THEN 1
        WHEN source = 'import' THEN 2
        ELSE 3
    END
$$;

CREATE OR REPLACE FUNCTION IS_OWN_EVENT(event_name VARCHAR, features VARIANT)
RETURNS BOOLEAN
LANGUAGE SQL
COMMENT = 'Whether the recorder talks of itself: a call of its own tools, other than those that store something.'
AS
$$
    event_name = 'mcp_event'
    AND NOT COALESCE(features:method::VARCHAR IN ('record_insight', 'store_artifact'), FALSE)
$$;

-- The highest offset of each channel, for a client that has lost its own note of it. The streaming endpoint's committed
-- token is the truth; this is the last resort, and only as old as the retention of the stream.
-- grain: one row per channel
CREATE OR REPLACE SECURE VIEW V_CHANNELS (
    channel_id      COMMENT 'Queue.',
    highest_offset  COMMENT 'Highest offset stored of it.',
    row_count       COMMENT 'Rows stored of it.',
    oldest_ts       COMMENT 'Oldest activity of it, UTC.',
    newest_ts       COMMENT 'Newest activity of it, UTC.'
)
COPY GRANTS
COMMENT = 'Highest offset stored for each channel (queue); grain: one row per channel_id.'
AS
SELECT
    channel_id,
    MAX(stream_offset)  AS highest_offset,
    COUNT(*)            AS row_count,
    MIN(ts)             AS oldest_ts,
    MAX(ts)             AS newest_ts
FROM CLAUDE_STREAM_V2
GROUP BY channel_id;

-- ---------------------------------------------------------------------------------------------------------------------------
-- From version 1 to version 2 without downtime. `activity-mcp migrate` runs these steps; each can be repeated.
--
--   dual write on   new rows of ACTIVITY_STREAM follow into CLAUDE_STREAM_V2, forward only
--   backfill        the older rows follow, a day at a time
--   validate        every activity is compared; nothing is switched while a check fails
--   cutover         VW_ACTIVITIES reads version 2
--   rollback        VW_ACTIVITIES reads version 1 again, after BACKFILL_TO_V1 has copied what only version 2 has

-- The activity stream of version 1, as ActivitySchema 1 has it. One that exists already is left as it is. Nothing is NOT NULL,
-- because the rows of an old table are what they are; VALIDATE_MIGRATION counts those that cannot be taken over.
-- grain: one row per activity, as far as its writers kept to that
CREATE TABLE IF NOT EXISTS ACTIVITY_STREAM (
    activity_id           VARCHAR                 COMMENT 'Id of the activity.',
    ts                    TIMESTAMP_NTZ           COMMENT 'When it happened, UTC.',
    customer              VARCHAR                 COMMENT 'Who did it; null while only source and source_id are known.',
    activity              VARCHAR                 COMMENT 'What was done.',
    source                VARCHAR                 COMMENT 'System whose name for the customer is source_id.',
    source_id             VARCHAR                 COMMENT 'Id of the customer in that system.',
    feature_1             VARCHAR                 COMMENT 'First feature of the activity.',
    feature_2             VARCHAR                 COMMENT 'Second feature of the activity.',
    feature_3             VARCHAR                 COMMENT 'Third feature of the activity.',
    revenue_impact        NUMBER(38, 9)           COMMENT 'Money in or out.',
    link                  VARCHAR                 COMMENT 'A URL with more about it.',
    activity_occurrence   NUMBER(38, 0)           COMMENT 'Which occurrence of the activity it is for the customer; kept by its writer.',
    activity_repeated_at  TIMESTAMP_NTZ           COMMENT 'When the customer did it next; kept by its writer.'
)
CHANGE_TRACKING = TRUE
COMMENT = 'The activity stream of version 1 (ActivitySchema 1), until it is migrated; grain: one row per activity.';

-- The switches of the migration. Change them with SET_MIGRATION_FLAG only: dual write has a stream and a task behind it.
-- grain: one row per flag
CREATE TABLE IF NOT EXISTS MIGRATION_FLAGS (
    flag_name   VARCHAR        NOT NULL COMMENT 'dual_write_enabled or read_from_v2.',
    is_on       BOOLEAN        NOT NULL COMMENT 'Whether it is on.',
    changed_at  TIMESTAMP_NTZ  NOT NULL COMMENT 'When it was changed last, UTC.'
)
COMMENT = 'Switches of the migration from version 1 to 2; grain: one row per flag.';

MERGE INTO MIGRATION_FLAGS AS known
USING (
    SELECT flag_name
    FROM (VALUES ('dual_write_enabled'), ('read_from_v2')) AS seed (flag_name)
) AS wanted
    ON known.flag_name = wanted.flag_name
WHEN NOT MATCHED THEN
    INSERT (flag_name, is_on, changed_at)
    VALUES (wanted.flag_name, FALSE, SYSDATE());

-- The rows of version 1 as rows of version 2, by rules that depend on the row alone:
--   activity_id    as it is; where there is none, 'v1-' and a digest of the row
--   customer       as it is; else 'source:source_id', else 'unknown'
--   event_name     by the activity; what matches no rule is a system_event
--   feature_json   feature_1 to feature_3, source and source_id, as far as they are set
--   stream_offset  its time, in the form of a queue's offset, and a digest of its id: the same on every run
-- What BACKFILL_TO_V1 brought here (is_from_v2) reads as it does in version 2, and does not go back there.
-- canonical_text is the row as one text in which no two different rows agree: each value with its length before it, NULL as -,
-- times in UTC with microseconds, numbers with nine decimals.
-- grain: one row per row of ACTIVITY_STREAM
CREATE OR REPLACE VIEW V_V1_ROWS
COPY GRANTS
COMMENT = 'ACTIVITY_STREAM in the shape of CLAUDE_STREAM_V2; grain: one row per row of ACTIVITY_STREAM.'
AS
WITH named AS (
    SELECT
        activity_id AS v1_activity_id,
        COALESCE(
            activity_id,
            'v1-' || MD5(
                COALESCE(TO_CHAR(ts, 'YYYYMMDDHH24MISSFF6'), '-') || ' '
                || COALESCE(LENGTH(customer)::VARCHAR || ':' || customer, '-')
                || COALESCE(LENGTH(activity)::VARCHAR || ':' || activity, '-')
                || COALESCE(LENGTH(source)::VARCHAR || ':' || source, '-')
                || COALESCE(LENGTH(source_id)::VARCHAR || ':' || source_id, '-')
                || COALESCE(LENGTH(feature_1)::VARCHAR || ':' || feature_1, '-')
                || COALESCE(LENGTH(feature_2)::VARCHAR || ':' || feature_2, '-')
                || COALESCE(LENGTH(feature_3)::VARCHAR || ':' || feature_3, '-')
            )
        ) AS activity_id,
        ts,
        COALESCE(customer, source || ':' || source_id, 'unknown') AS customer,
        activity,
        IFF(COALESCE(source, '') = 'claude_stream_v2', source_id, source || ':' || source_id) AS anonymous_customer_id,
        feature_1,
        feature_2,
        feature_3,
        source,
        source_id,
        revenue_impact,
        link
    FROM ACTIVITY_STREAM
)

SELECT
    v1_activity_id,
    activity_id,
    ts,
    customer,
    activity,
    anonymous_customer_id,
    feature_1,
    feature_2,
    feature_3,
    source,
    source_id,
    IFF(
        COALESCE(source, '') = 'claude_stream_v2',
        TRY_PARSE_JSON(feature_2),
        OBJECT_CONSTRUCT(
            'feature_1', feature_1,
            'feature_2', feature_2,
            'feature_3', feature_3,
            'source', source,
            'source_id', source_id
        )::VARIANT
    ) AS feature_json,
    revenue_impact::NUMBER(38, 9) AS revenue_impact,
    link,
    CASE
        WHEN source = 'claude_stream_v2' THEN feature_1
        WHEN activity = 'ran_sql' THEN 'sql_event'
        WHEN activity = 'called_llm' THEN 'llm_event'
        WHEN activity = 'used_tool' THEN 'tool_event'
        WHEN activity = 'called_mcp' THEN 'mcp_event'
        WHEN ENDSWITH(activity, '_file') THEN 'file_event'
        WHEN ENDSWITH(activity, '_session') OR activity IN ('asked', 'concluded_turn') THEN 'session_event'
        ELSE 'system_event'
    END AS event_name,
    TO_CHAR(ts, 'YYYYMMDDHH24MI') || ':0000' || TO_CHAR(ts, 'SSFF6') || ':' || MD5(activity_id) AS stream_offset,
    COALESCE(source = 'claude_stream_v2', FALSE) AS is_from_v2,
    ts IS NOT NULL AND activity IS NOT NULL AS can_follow,
    LENGTH(activity_id)::VARCHAR || ':' || activity_id
    || ' ' || COALESCE(TO_CHAR(ts, 'YYYY-MM-DD HH24:MI:SS.FF6'), '-')
    || ' ' || LENGTH(customer)::VARCHAR || ':' || customer
    || ' ' || COALESCE(LENGTH(activity)::VARCHAR || ':' || activity, '-')
    || ' ' || COALESCE(LENGTH(anonymous_customer_id)::VARCHAR || ':' || anonymous_customer_id, '-')
    || ' ' || COALESCE(LENGTH(feature_1)::VARCHAR || ':' || feature_1, '-')
    || ' ' || COALESCE(LENGTH(feature_2)::VARCHAR || ':' || feature_2, '-')
    || ' ' || COALESCE(LENGTH(feature_3)::VARCHAR || ':' || feature_3, '-')
    || ' ' || COALESCE(LENGTH(source)::VARCHAR || ':' || source, '-')
    || ' ' || COALESCE(LENGTH(source_id)::VARCHAR || ':' || source_id, '-')
    || ' ' || COALESCE(revenue_impact::NUMBER(38, 9)::VARCHAR, '-')
    || ' ' || COALESCE(LENGTH(link)::VARCHAR || ':' || link, '-') AS canonical_text
FROM named;

-- What version 2 holds of version 1, with the same canonical text made from what is stored there.
-- grain: one row per row of CLAUDE_STREAM_V2 with channel_id v1
CREATE OR REPLACE VIEW V_V1_FOLLOWED
COPY GRANTS
COMMENT = 'Rows of CLAUDE_STREAM_V2 that came from version 1; grain: one row per such row.'
AS
SELECT
    activity_id,
    ts,
    LENGTH(activity_id)::VARCHAR || ':' || activity_id
    || ' ' || TO_CHAR(ts, 'YYYY-MM-DD HH24:MI:SS.FF6')
    || ' ' || LENGTH(customer)::VARCHAR || ':' || customer
    || ' ' || LENGTH(activity)::VARCHAR || ':' || activity
    || ' ' || COALESCE(LENGTH(anonymous_customer_id)::VARCHAR || ':' || anonymous_customer_id, '-')
    || ' ' || COALESCE(LENGTH(feature_json:feature_1::VARCHAR)::VARCHAR || ':' || feature_json:feature_1::VARCHAR, '-')
    || ' ' || COALESCE(LENGTH(feature_json:feature_2::VARCHAR)::VARCHAR || ':' || feature_json:feature_2::VARCHAR, '-')
    || ' ' || COALESCE(LENGTH(feature_json:feature_3::VARCHAR)::VARCHAR || ':' || feature_json:feature_3::VARCHAR, '-')
    || ' ' || COALESCE(LENGTH(feature_json:source::VARCHAR)::VARCHAR || ':' || feature_json:source::VARCHAR, '-')
    || ' ' || COALESCE(LENGTH(feature_json:source_id::VARCHAR)::VARCHAR || ':' || feature_json:source_id::VARCHAR, '-')
    || ' ' || COALESCE(revenue_impact::NUMBER(38, 9)::VARCHAR, '-')
    || ' ' || COALESCE(LENGTH(link)::VARCHAR || ':' || link, '-') AS canonical_text
FROM CLAUDE_STREAM_V2
WHERE channel_id = 'v1';

-- The days that backfill has still to do. Rows that came late are found like any other.
-- grain: one row per day with something to do
CREATE OR REPLACE VIEW V_BACKFILL_PENDING
COPY GRANTS
COMMENT = 'Days of version 1 of which activities are missing in version 2; grain: one row per day.'
AS
WITH missing AS (
    SELECT v1.activity_id, MIN(v1.ts) AS first_ts
    FROM V_V1_ROWS AS v1
    WHERE v1.can_follow
        AND NOT v1.is_from_v2
        AND NOT EXISTS (
            SELECT 1
            FROM CLAUDE_STREAM_V2 AS followed
            WHERE followed.channel_id = 'v1'
                AND followed.activity_id = v1.activity_id
        )
    GROUP BY v1.activity_id
)

SELECT
    DATE_TRUNC('DAY', first_ts)  AS day_start,
    COUNT(*)                     AS activities
FROM missing
GROUP BY DATE_TRUNC('DAY', first_ts);

-- The days of which version 2 has activities that version 1 lacks: what a rollback would not show.
-- grain: one row per day with something to do
CREATE OR REPLACE VIEW V_ROLLBACK_PENDING
COPY GRANTS
COMMENT = 'Days of version 2 of which activities are missing in version 1; grain: one row per day.'
AS
WITH missing AS (
    SELECT kept.activity_id, MIN(kept.ts) AS first_ts
    FROM CLAUDE_STREAM_V2 AS kept
    WHERE kept.channel_id <> 'v1'
        AND NOT EXISTS (
            SELECT 1
            FROM SUPERSEDED AS outranked
            WHERE outranked.channel_id = kept.channel_id
                AND outranked.stream_offset = kept.stream_offset
                AND outranked.ts = kept.ts
        )
        AND NOT EXISTS (SELECT 1 FROM ACTIVITY_STREAM AS v1 WHERE v1.activity_id = kept.activity_id)
    GROUP BY kept.activity_id
)

SELECT
    DATE_TRUNC('DAY', first_ts)  AS day_start,
    COUNT(*)                     AS activities
FROM missing
GROUP BY DATE_TRUNC('DAY', first_ts);

-- Each activity of version 1 beside what version 2 has of it, by full outer join. Of several rows of version 1 with one id the
-- one that agrees with version 2 stands for them, else the earliest.
-- grain: one row per activity_id in either
CREATE OR REPLACE VIEW V_MIGRATION_PAIRS
COPY GRANTS
COMMENT = 'Digests of each activity in version 1 and version 2; grain: one row per activity_id in either.'
AS
WITH new AS (
    SELECT
        activity_id,
        MIN(ts) AS ts,
        MIN(MD5(canonical_text)) AS digest,
        COUNT(*) AS row_count
    FROM V_V1_FOLLOWED
    GROUP BY activity_id
),

v1 AS (
    SELECT activity_id, ts, MD5(canonical_text) AS digest
    FROM V_V1_ROWS
    WHERE can_follow
        AND NOT is_from_v2
),

old AS (
    SELECT
        v1.activity_id,
        v1.ts,
        v1.digest,
        COUNT(*) OVER (PARTITION BY v1.activity_id) AS row_count,
        MIN(v1.digest) OVER (PARTITION BY v1.activity_id)
        <> MAX(v1.digest) OVER (PARTITION BY v1.activity_id) AS is_conflicting
    FROM v1
    LEFT JOIN new
        ON v1.activity_id = new.activity_id
    QUALIFY ROW_NUMBER() OVER (
        PARTITION BY v1.activity_id
        ORDER BY IFF(EQUAL_NULL(v1.digest, new.digest), 0, 1), v1.ts, v1.digest
    ) = 1
)

SELECT
    COALESCE(old.activity_id, new.activity_id)  AS activity_id,
    old.ts                                      AS old_ts,
    new.ts                                      AS new_ts,
    old.digest                                  AS old_digest,
    new.digest                                  AS new_digest,
    COALESCE(old.row_count, 0)                  AS old_rows,
    COALESCE(new.row_count, 0)                  AS new_rows,
    COALESCE(old.is_conflicting, FALSE)         AS is_conflicting
FROM old
FULL OUTER JOIN new
    ON old.activity_id = new.activity_id;

-- What VALIDATE_MIGRATION returns. FAIL: do not switch. WARN: version 1 itself is ambiguous there, and nothing is lost.
--   activities, first_ts, last_ts, days   must agree
--   day YYYY-MM-DD                        one row for each day whose number of activities differs
--   missing, extra, different             activities only in version 1, only in version 2, or not equal; five of their ids
--   duplicate                             ids with several rows; version 2 must have none
--   conflicting                           ids of which version 1 has rows that disagree; version 2 has one of them
--   left_out                              rows of version 1 without ts or activity: complete or delete them there
-- grain: one row per check
CREATE OR REPLACE VIEW V_VALIDATE_MIGRATION
COPY GRANTS
COMMENT = 'Checks of the migration, PASS, WARN or FAIL, with five sample ids; grain: one row per check.'
AS
WITH pairs AS (
    SELECT activity_id, old_ts, new_ts, old_digest, new_digest, old_rows, new_rows, is_conflicting
    FROM V_MIGRATION_PAIRS
),

days AS (
    SELECT day_start, SUM(old_count) AS old_count, SUM(new_count) AS new_count
    FROM (
        SELECT DATE_TRUNC('DAY', old_ts) AS day_start, 1 AS old_count, 0 AS new_count
        FROM pairs
        WHERE old_ts IS NOT NULL
        UNION ALL
        SELECT DATE_TRUNC('DAY', new_ts) AS day_start, 0 AS old_count, 1 AS new_count
        FROM pairs
        WHERE new_ts IS NOT NULL
    )
    GROUP BY day_start
),

totals AS (
    SELECT
        COUNT(old_digest) AS old_activities,
        COUNT(new_digest) AS new_activities,
        TO_CHAR(MIN(old_ts), 'YYYY-MM-DD HH24:MI:SS.FF6') AS old_first,
        TO_CHAR(MIN(new_ts), 'YYYY-MM-DD HH24:MI:SS.FF6') AS new_first,
        TO_CHAR(MAX(old_ts), 'YYYY-MM-DD HH24:MI:SS.FF6') AS old_last,
        TO_CHAR(MAX(new_ts), 'YYYY-MM-DD HH24:MI:SS.FF6') AS new_last
    FROM pairs
),

findings AS (
    SELECT 'missing' AS check_name, activity_id, 1 AS in_old, 0 AS in_new
    FROM pairs
    WHERE new_digest IS NULL
    UNION ALL
    SELECT 'extra' AS check_name, activity_id, 0 AS in_old, 1 AS in_new
    FROM pairs
    WHERE old_digest IS NULL
    UNION ALL
    SELECT 'different' AS check_name, activity_id, 1 AS in_old, 1 AS in_new
    FROM pairs
    WHERE old_digest <> new_digest
    UNION ALL
    SELECT 'duplicate' AS check_name, activity_id, IFF(old_rows > 1, 1, 0) AS in_old, IFF(new_rows > 1, 1, 0) AS in_new
    FROM pairs
    WHERE old_rows > 1
        OR new_rows > 1
    UNION ALL
    SELECT 'conflicting' AS check_name, activity_id, 1 AS in_old, 0 AS in_new
    FROM pairs
    WHERE is_conflicting
    UNION ALL
    SELECT 'left_out' AS check_name, activity_id, 1 AS in_old, 0 AS in_new
    FROM V_V1_ROWS
    WHERE NOT can_follow
),

ranked AS (
    SELECT
        check_name,
        activity_id,
        in_old,
        in_new,
        ROW_NUMBER() OVER (PARTITION BY check_name ORDER BY activity_id) AS nth
    FROM findings
),

counted AS (
    SELECT
        check_name,
        SUM(in_old) AS old_count,
        SUM(in_new) AS new_count,
        ARRAY_AGG(IFF(nth <= 5, activity_id, NULL)) WITHIN GROUP (ORDER BY nth) AS sample_ids
    FROM ranked
    GROUP BY check_name
),

checks AS (
    SELECT check_name, nth
    FROM (VALUES
        ('missing', 5), ('extra', 6), ('different', 7), ('duplicate', 8), ('conflicting', 9), ('left_out', 10)
    ) AS known (check_name, nth)
)

SELECT
    'activities' AS check_name,
    old_activities::VARCHAR AS old_value,
    new_activities::VARCHAR AS new_value,
    IFF(old_activities = new_activities, 'PASS', 'FAIL') AS status,
    NULL AS sample_ids,
    1 AS nth
FROM totals
UNION ALL
SELECT
    'first_ts' AS check_name,
    old_first AS old_value,
    new_first AS new_value,
    IFF(EQUAL_NULL(old_first, new_first), 'PASS', 'FAIL') AS status,
    NULL AS sample_ids,
    2 AS nth
FROM totals
UNION ALL
SELECT
    'last_ts' AS check_name,
    old_last AS old_value,
    new_last AS new_value,
    IFF(EQUAL_NULL(old_last, new_last), 'PASS', 'FAIL') AS status,
    NULL AS sample_ids,
    3 AS nth
FROM totals
UNION ALL
SELECT
    'days' AS check_name,
    COUNT_IF(old_count > 0)::VARCHAR AS old_value,
    COUNT_IF(new_count > 0)::VARCHAR AS new_value,
    IFF(COUNT_IF(old_count <> new_count) = 0, 'PASS', 'FAIL') AS status,
    NULL AS sample_ids,
    4 AS nth
FROM days
UNION ALL
SELECT
    checks.check_name,
    COALESCE(counted.old_count, 0)::VARCHAR AS old_value,
    COALESCE(counted.new_count, 0)::VARCHAR AS new_value,
    CASE
        WHEN counted.check_name IS NULL THEN 'PASS'
        WHEN checks.check_name = 'conflicting' THEN 'WARN'
        WHEN checks.check_name = 'duplicate' AND counted.new_count = 0 THEN 'WARN'
        ELSE 'FAIL'
    END AS status,
    counted.sample_ids::VARCHAR AS sample_ids,
    checks.nth
FROM checks
LEFT JOIN counted
    ON checks.check_name = counted.check_name
UNION ALL
SELECT
    'day ' || TO_CHAR(day_start, 'YYYY-MM-DD') AS check_name,
    old_count::VARCHAR AS old_value,
    new_count::VARCHAR AS new_value,
    'FAIL' AS status,
    NULL AS sample_ids,
    11 AS nth
FROM days
WHERE old_count <> new_count;

-- What consumers read: version 1 as it is until cutover, version 2 afterwards, in one shape. A query on version 1 needs only this
-- name in place of ACTIVITY_STREAM.
-- grain: one row per activity (of version 1: per row)
CREATE OR REPLACE SECURE VIEW VW_ACTIVITIES (
    activity_id            COMMENT 'Id of the activity.',
    ts                     COMMENT 'When it happened, UTC, in microseconds.',
    customer               COMMENT 'Who did it: an e-mail address, or user@host.',
    activity               COMMENT 'What was done, verb_noun.',
    anonymous_customer_id  COMMENT 'The machine, hashed.',
    feature_1              COMMENT 'First feature of the activity.',
    feature_2              COMMENT 'Second feature of the activity.',
    feature_3              COMMENT 'Third feature of the activity.',
    feature_json           COMMENT 'The features; of version 1 as feature_1 to feature_3.',
    revenue_impact         COMMENT 'Money in or out, in US dollars; minus the cost of an llm_event.',
    link                   COMMENT 'A URL with more about it.',
    source                 COMMENT 'How it came here: mcp, hook, import, cli, otel.',
    source_id              COMMENT 'Id of the customer in that system.',
    event_name             COMMENT 'One of the seven kinds of event.'
)
COPY GRANTS
COMMENT = 'Activities of version 1 or 2, by the flag read_from_v2; grain: one row per activity.'
AS
SELECT
    v1.activity_id,
    v1.ts,
    v1.customer,
    v1.activity,
    v1.anonymous_customer_id,
    v1.feature_1,
    v1.feature_2,
    v1.feature_3,
    v1.feature_json,
    v1.revenue_impact,
    v1.link,
    v1.source,
    v1.source_id,
    v1.event_name
FROM V_V1_ROWS AS v1
WHERE (SELECT COUNT(*) FROM MIGRATION_FLAGS WHERE flag_name = 'read_from_v2' AND is_on) = 0
UNION ALL
SELECT
    kept.activity_id,
    kept.ts,
    kept.customer,
    kept.activity,
    kept.anonymous_customer_id,
    kept.feature_json:feature_1::VARCHAR AS feature_1,
    kept.feature_json:feature_2::VARCHAR AS feature_2,
    kept.feature_json:feature_3::VARCHAR AS feature_3,
    kept.feature_json,
    kept.revenue_impact,
    kept.link,
    IFF(kept.channel_id = 'v1', kept.feature_json:source::VARCHAR, kept.source) AS source,
    IFF(kept.channel_id = 'v1', kept.feature_json:source_id::VARCHAR, NULL) AS source_id,
    kept.event_name
FROM CLAUDE_STREAM_V2 AS kept
WHERE (SELECT COUNT(*) FROM MIGRATION_FLAGS WHERE flag_name = 'read_from_v2' AND is_on) > 0
    AND NOT EXISTS (
        SELECT 1
        FROM SUPERSEDED AS outranked
        WHERE outranked.channel_id = kept.channel_id
            AND outranked.stream_offset = kept.stream_offset
            AND outranked.ts = kept.ts
    );

-- One part of the backfill: the rows of from_ts <= ts < to_ts that version 2 does not have.
-- snowflake-only: the embedded engine runs the body's statements, from generated/run_backfill_to_v2.sql
CREATE OR REPLACE PROCEDURE BACKFILL_RANGE_TO_V2(from_ts TIMESTAMP_NTZ, to_ts TIMESTAMP_NTZ)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Copies the activities of one range of time from version 1 to version 2; those already there stay as they are.'
EXECUTE AS OWNER
AS
$$
BEGIN
    MERGE INTO CLAUDE_STREAM_V2 AS kept
    USING (
        SELECT *
        FROM V_V1_ROWS
        WHERE can_follow
            AND NOT is_from_v2
            AND ts >= :from_ts
            AND ts < :to_ts
        QUALIFY ROW_NUMBER() OVER (PARTITION BY activity_id ORDER BY ts, canonical_text) = 1
    ) AS fresh
        ON kept.activity_id = fresh.activity_id
        AND kept.channel_id = 'v1'
    WHEN NOT MATCHED THEN
        INSERT (
            activity_id, ts, customer, activity, anonymous_customer_id, feature_json, revenue_impact, link, event_name, source,
            channel_id, stream_offset
        )
        VALUES (
            fresh.activity_id, fresh.ts, fresh.customer, fresh.activity, fresh.anonymous_customer_id, fresh.feature_json,
            fresh.revenue_impact, fresh.link, fresh.event_name, 'v1', 'v1', fresh.stream_offset
        );
    RETURN 'copied what was missing';
END;
$$;

-- One part of the way back: what only version 2 has, of from_ts <= ts < to_ts, in the columns that version 1 has for it:
-- feature_1 is the event_name, feature_2 the features and feature_3 the rest, both as JSON. source is where it is from, and
-- keeps it out of dual write and backfill.
-- snowflake-only: the embedded engine runs the body's statements, from generated/run_backfill_to_v1.sql
CREATE OR REPLACE PROCEDURE BACKFILL_RANGE_TO_V1(from_ts TIMESTAMP_NTZ, to_ts TIMESTAMP_NTZ)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Copies the activities of one range of time that only version 2 has to version 1.'
EXECUTE AS OWNER
AS
$$
BEGIN
    MERGE INTO ACTIVITY_STREAM AS kept
    USING (
        SELECT
            stream.activity_id,
            stream.ts,
            stream.customer,
            stream.activity,
            stream.anonymous_customer_id,
            stream.event_name,
            stream.feature_json::VARCHAR AS features,
            OBJECT_CONSTRUCT(
                'session_id', stream.session_id,
                'project', stream.project,
                'org_id', stream.org_id,
                'source', stream.source
            )::VARCHAR AS provenance,
            stream.revenue_impact,
            stream.link
        FROM CLAUDE_STREAM_V2 AS stream
        WHERE stream.channel_id <> 'v1'
            AND stream.ts >= :from_ts
            AND stream.ts < :to_ts
            AND NOT EXISTS (
                SELECT 1
                FROM SUPERSEDED AS outranked
                WHERE outranked.channel_id = stream.channel_id
                    AND outranked.stream_offset = stream.stream_offset
                    AND outranked.ts = stream.ts
            )
        QUALIFY ROW_NUMBER() OVER (
            PARTITION BY stream.activity_id ORDER BY stream.ts, stream.channel_id, stream.stream_offset
        ) = 1
    ) AS fresh
        ON kept.activity_id = fresh.activity_id
    WHEN NOT MATCHED THEN
        INSERT (
            activity_id, ts, customer, activity, source, source_id, feature_1, feature_2, feature_3, revenue_impact, link
        )
        VALUES (
            fresh.activity_id, fresh.ts, fresh.customer, fresh.activity, 'claude_stream_v2', fresh.anonymous_customer_id,
            fresh.event_name, fresh.features, fresh.provenance, fresh.revenue_impact, fresh.link
        );
    RETURN 'copied what was missing';
END;
$$;

-- snowflake-only: a loop; the embedded engine's is in Python, over the same view and the same statement
CREATE OR REPLACE PROCEDURE BACKFILL_TO_V2(from_ts TIMESTAMP_NTZ DEFAULT NULL, to_ts TIMESTAMP_NTZ DEFAULT NULL)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Copies what version 2 lacks of version 1, a day at a time; stopped halfway it goes on where it was.'
EXECUTE AS OWNER
AS
$$
BEGIN
    LET done INTEGER := 0;
    LET pending RESULTSET := (
        SELECT
            GREATEST(day_start, COALESCE(:from_ts, day_start)) AS first_ts,
            LEAST(DATEADD(DAY, 1, day_start), COALESCE(:to_ts, DATEADD(DAY, 1, day_start))) AS last_ts
        FROM V_BACKFILL_PENDING
        WHERE day_start < COALESCE(:to_ts, DATEADD(DAY, 1, day_start))
            AND DATEADD(DAY, 1, day_start) > COALESCE(:from_ts, day_start)
        ORDER BY day_start
    );
    LET days CURSOR FOR pending;
    FOR one_day IN days DO
        LET first_ts TIMESTAMP_NTZ := one_day.first_ts;
        LET last_ts TIMESTAMP_NTZ := one_day.last_ts;
        CALL BACKFILL_RANGE_TO_V2(:first_ts, :last_ts);
        done := done + 1;
    END FOR;
    RETURN done || ' days backfilled';
END;
$$;

-- snowflake-only: a loop; the embedded engine's is in Python, over the same view and the same statement
CREATE OR REPLACE PROCEDURE BACKFILL_TO_V1()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Copies what only version 2 has to version 1, a day at a time, so that a rollback shows it.'
EXECUTE AS OWNER
AS
$$
BEGIN
    LET done INTEGER := 0;
    LET days CURSOR FOR SELECT day_start, DATEADD(DAY, 1, day_start) AS next_day FROM V_ROLLBACK_PENDING ORDER BY day_start;
    FOR one_day IN days DO
        LET first_ts TIMESTAMP_NTZ := one_day.day_start;
        LET last_ts TIMESTAMP_NTZ := one_day.next_day;
        CALL BACKFILL_RANGE_TO_V1(:first_ts, :last_ts);
        done := done + 1;
    END FOR;
    RETURN done || ' days copied back';
END;
$$;

-- snowflake-only: the view holds the checks
CREATE OR REPLACE PROCEDURE VALIDATE_MIGRATION()
RETURNS TABLE (check_name VARCHAR, old_value VARCHAR, new_value VARCHAR, status VARCHAR, sample_ids VARCHAR)
LANGUAGE SQL
COMMENT = 'Compares version 1 and version 2: check_name, old_value, new_value, status and sample ids.'
EXECUTE AS OWNER
AS
$$
BEGIN
    LET found RESULTSET := (
        SELECT check_name, old_value, new_value, status, sample_ids
        FROM V_VALIDATE_MIGRATION
        ORDER BY nth, check_name
    );
    RETURN TABLE(found);
END;
$$;

-- What is inserted into version 1 from the moment dual write is switched on.
-- snowflake-only: the embedded engine has no streams; backfill takes over what came since
CREATE STREAM IF NOT EXISTS ACTIVITY_STREAM_V1_STREAM
    ON TABLE ACTIVITY_STREAM
    APPEND_ONLY = TRUE
    COMMENT = 'Rows of ACTIVITY_STREAM not yet followed by CLAUDE_STREAM_V2; consumed by DUAL_WRITE_TASK alone.';

-- Dual write, forward only: what a writer of version 1 inserts follows into version 2 within a minute. Suspended unless switched on.
-- The transaction shows both statements the same rows of the stream, and the second consumes them whatever they are.
-- snowflake-only: the embedded engine has no tasks; the body's statements are tested there all the same
CREATE OR REPLACE PROCEDURE FOLLOW_V1()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Copies what was inserted into version 1 since the last run to version 2, in one transaction.'
EXECUTE AS OWNER
AS
$$
BEGIN
    LET from_ts TIMESTAMP_NTZ := NULL;
    LET to_ts TIMESTAMP_NTZ := NULL;

    BEGIN TRANSACTION;

    SELECT MIN(ts) AS from_ts, MAX(ts) AS to_ts INTO :from_ts, :to_ts FROM ACTIVITY_STREAM_V1_STREAM;

    MERGE INTO CLAUDE_STREAM_V2 AS kept
    USING (
        SELECT *
        FROM V_V1_ROWS AS v1
        WHERE v1.can_follow
            AND NOT v1.is_from_v2
            AND v1.ts >= :from_ts
            AND v1.ts <= :to_ts
            AND EXISTS (
                SELECT 1
                FROM ACTIVITY_STREAM_V1_STREAM AS arrived
                WHERE arrived.ts = v1.ts
                    AND COALESCE(arrived.activity_id, '') = COALESCE(v1.v1_activity_id, '')
            )
        QUALIFY ROW_NUMBER() OVER (PARTITION BY v1.activity_id ORDER BY v1.ts, v1.canonical_text) = 1
    ) AS fresh
        ON kept.activity_id = fresh.activity_id
        AND kept.channel_id = 'v1'
    WHEN NOT MATCHED THEN
        INSERT (
            activity_id, ts, customer, activity, anonymous_customer_id, feature_json, revenue_impact, link, event_name, source,
            channel_id, stream_offset
        )
        VALUES (
            fresh.activity_id, fresh.ts, fresh.customer, fresh.activity, fresh.anonymous_customer_id, fresh.feature_json,
            fresh.revenue_impact, fresh.link, fresh.event_name, 'v1', 'v1', fresh.stream_offset
        );

    COMMIT;
    RETURN 'done';
EXCEPTION
    WHEN OTHER THEN
        ROLLBACK;
        RAISE;
END;
$$;

-- snowflake-only: the embedded engine has no tasks
CREATE OR REPLACE TASK DUAL_WRITE_TASK
    USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'XSMALL'
    SERVERLESS_TASK_MAX_STATEMENT_SIZE = 'SMALL'
    TARGET_COMPLETION_INTERVAL = '60 SECONDS'
    USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS = 60
    USER_TASK_TIMEOUT_MS = 600000
    SUSPEND_TASK_AFTER_NUM_FAILURES = 0
    QUERY_TAG = 'activity-mcp dual write'
    COMMENT = 'Lets new rows of version 1 follow into version 2, while dual_write_enabled is on.'
    WHEN SYSTEM$STREAM_HAS_DATA('ACTIVITY_STREAM_V1_STREAM')
AS
CALL FOLLOW_V1();

-- Switching on starts the stream anew at this moment, and copies what came before: no row falls between the two. A row that is in
-- both follows once.
-- snowflake-only: streams and tasks
CREATE OR REPLACE PROCEDURE PREPARE_DUAL_WRITE(is_on BOOLEAN)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Starts or stops what is behind dual_write_enabled; called by SET_MIGRATION_FLAG.'
EXECUTE AS OWNER
AS
$$
BEGIN
    IF (is_on) THEN
        CREATE OR REPLACE STREAM ACTIVITY_STREAM_V1_STREAM
            ON TABLE ACTIVITY_STREAM
            APPEND_ONLY = TRUE
            COMMENT = 'Rows of ACTIVITY_STREAM not yet followed by CLAUDE_STREAM_V2; consumed by DUAL_WRITE_TASK alone.';
        ALTER TASK DUAL_WRITE_TASK RESUME;
        CALL BACKFILL_TO_V2();
    ELSE
        ALTER TASK DUAL_WRITE_TASK SUSPEND;
    END IF;
    RETURN 'done';
END;
$$;

-- snowflake-only: the embedded engine runs the UPDATE, from generated/run_set_flag.sql
CREATE OR REPLACE PROCEDURE SET_MIGRATION_FLAG(flag_name VARCHAR, is_on BOOLEAN)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Switches dual_write_enabled or read_from_v2.'
EXECUTE AS OWNER
AS
$$
BEGIN
    -- snowflake-only: the command line knows the names
    IF (flag_name NOT IN ('dual_write_enabled', 'read_from_v2')) THEN
        RETURN 'no such flag; there are dual_write_enabled and read_from_v2';
    END IF;

    -- snowflake-only: streams and tasks
    IF (flag_name = 'dual_write_enabled') THEN
        CALL PREPARE_DUAL_WRITE(:is_on);
    END IF;

    UPDATE MIGRATION_FLAGS
    SET is_on = :is_on, changed_at = SYSDATE()
    WHERE MIGRATION_FLAGS.flag_name = :flag_name;
    RETURN 'done';
END;
$$;
