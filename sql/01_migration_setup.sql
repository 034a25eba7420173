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

-- Which layout these tables have. A client that meets a higher version than it knows stops writing and says "upgrade".
-- grain: one row per version that was ever applied; the highest is the one in force
CREATE TABLE IF NOT EXISTS ACTIVITY_SCHEMA_VERSION (
    version      NUMBER(9, 0)   NOT NULL COMMENT 'Layout version, counting up from 1.',
    description  VARCHAR        NOT NULL COMMENT 'What this version brought.',
    applied_at   TIMESTAMP_NTZ  NOT NULL COMMENT 'When it was applied, UTC.'
)
COMMENT = 'Layout version of this schema; grain: one row per version applied, the highest is in force.';

MERGE INTO ACTIVITY_SCHEMA_VERSION AS known
USING (
    SELECT
        1 AS version,
        'the stream, artifacts, insights, context cache and typed views' AS description
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
CREATE TABLE IF NOT EXISTS SUPERSEDED (
    channel_id          VARCHAR        NOT NULL COMMENT 'Channel of the row left out.',
    stream_offset       VARCHAR        NOT NULL COMMENT 'Offset of the row left out.',
    activity_id         VARCHAR        NOT NULL COMMENT 'The activity both rows tell of.',
    customer            VARCHAR        NOT NULL COMMENT 'Whose context it must leave.',
    project             VARCHAR                 COMMENT 'Which context it must leave.',
    ts                  TIMESTAMP_NTZ  NOT NULL COMMENT 'Its time, UTC: retention prunes this table with the stream, and joins prune by it.',
    is_counted          BOOLEAN                 COMMENT 'Whether contexts count it: not the recorder''s own mcp_event.',
    kept_channel_id     VARCHAR                 COMMENT 'Channel of the row kept when this was decided.',
    kept_stream_offset  VARCHAR                 COMMENT 'Offset of the row kept when this was decided.',
    batch_key           VARCHAR                 COMMENT 'Highest channel and offset of the batch that decided it.',
    superseded_at       TIMESTAMP_NTZ  NOT NULL COMMENT 'When this was decided, UTC.'
)
COMMENT = 'Rows of CLAUDE_STREAM_V2 that every view leaves out; grain: one row per row left out.';

-- The highest offset of each channel, for a client that has lost its own note of it. The streaming endpoint's committed
-- token is the truth; this is the last resort, and only as old as the retention of the stream.
-- grain: one row per channel
CREATE OR REPLACE VIEW V_CHANNELS
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
    source                VARCHAR                 COMMENT 'System that knows the customer as source_id.',
    source_id             VARCHAR                 COMMENT 'Id of the customer in that system.',
    feature_1             VARCHAR                 COMMENT 'First feature of the activity.',
    feature_2             VARCHAR                 COMMENT 'Second feature of the activity.',
    feature_3             VARCHAR                 COMMENT 'Third feature of the activity.',
    revenue_impact        NUMBER(38, 9)           COMMENT 'Money in or out.',
    link                  VARCHAR                 COMMENT 'A URL with more about it.',
    activity_occurrence   NUMBER(38, 0)           COMMENT 'Which occurrence of the activity it is for the customer; kept by whoever wrote it.',
    activity_repeated_at  TIMESTAMP_NTZ           COMMENT 'When the customer did it next; kept by whoever wrote it.'
)
CHANGE_TRACKING = TRUE
COMMENT = 'The activity stream of version 1 (ActivitySchema 1), until it is migrated; grain: one row per activity.';
