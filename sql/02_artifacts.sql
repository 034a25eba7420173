-- 02_artifacts.sql: what is derived from the stream. Only the refresh sequence (03) writes into these tables; a client
-- needs INSERT on CLAUDE_STREAM_V2 and nothing here. The schema's known fields are seeded at the end.
-- Needs: 01. Running it again changes nothing.

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

-- Results worth keeping. The rows themselves stay with the client (or behind the link); here is what they were.
-- grain: one row per artifact_id
CREATE TABLE IF NOT EXISTS ARTIFACTS (
    artifact_id     VARCHAR        NOT NULL COMMENT 'Id of the artifact.',
    artifact_type   VARCHAR                 COMMENT 'Kind of artifact, such as table or text.',
    customer        VARCHAR        NOT NULL COMMENT 'Who stored it.',
    org_id          VARCHAR                 COMMENT 'Organisation of the customer.',
    project         VARCHAR                 COMMENT 'Project it was stored in.',
    session_id      VARCHAR                 COMMENT 'Session it was stored in.',
    row_count       NUMBER(38, 0)           COMMENT 'Rows in the artifact.',
    sample_rows     VARIANT                 COMMENT 'Its first rows, an array.',
    content_schema  VARIANT                 COMMENT 'Names and types of its columns.',
    query_id        VARCHAR                 COMMENT 'Query it is the result of.',
    sql_sha256      VARCHAR                 COMMENT 'SHA-256 of that statement, in hexadecimal.',
    result_sha256   VARCHAR                 COMMENT 'SHA-256 of the content, in hexadecimal.',
    link            VARCHAR                 COMMENT 'Where the content is, if it has a URL.',
    pinned          BOOLEAN        NOT NULL COMMENT 'Kept beyond expires_at.',
    expires_at      TIMESTAMP_NTZ           COMMENT 'When it may be removed, UTC; null: never.',
    stored_at       TIMESTAMP_NTZ  NOT NULL COMMENT 'When it was stored, UTC (the ts of its event).',
    activity_id     VARCHAR        NOT NULL COMMENT 'Event that stored it.',
    channel_id      VARCHAR        NOT NULL COMMENT 'Channel of that event.',
    stream_offset   VARCHAR        NOT NULL COMMENT 'Offset of that event.',
    updated_at      TIMESTAMP_NTZ  NOT NULL COMMENT 'When this row was written last, UTC.'
)
COMMENT = 'Artifacts stored by store_artifact or query; grain: one row per artifact_id.';

-- One value each, with where it comes from, how sure it is and how long it holds.
-- grain: one row per insight_id
CREATE TABLE IF NOT EXISTS INSIGHT_ATOMS (
    insight_id         VARCHAR        NOT NULL COMMENT 'Id of the insight.',
    customer           VARCHAR        NOT NULL COMMENT 'Who recorded it.',
    org_id             VARCHAR                 COMMENT 'Organisation of the customer.',
    project            VARCHAR                 COMMENT 'Project it was recorded in.',
    session_id         VARCHAR                 COMMENT 'Session it was recorded in.',
    subject            VARCHAR                 COMMENT 'What it is about.',
    metric             VARCHAR                 COMMENT 'Which measure of the subject.',
    value              VARIANT                 COMMENT 'The value: a number, a text or any JSON.',
    grain              VARCHAR                 COMMENT 'Grain of the value.',
    confidence         NUMBER(9, 6)            COMMENT 'From 0 to 1.',
    artifact_id        VARCHAR                 COMMENT 'Provenance: the artifact it was read from.',
    query_id           VARCHAR                 COMMENT 'Provenance: the query it was read from.',
    source_events      VARIANT                 COMMENT 'The event_names it was derived from, an array; drift in one of them quarantines it.',
    item               VARIANT                 COMMENT 'The insight as the context shows it, long values cut.',
    recorded_at        TIMESTAMP_NTZ  NOT NULL COMMENT 'When it was recorded, UTC (the ts of its event).',
    valid_until        TIMESTAMP_NTZ           COMMENT 'Until when it holds, UTC; null: until replaced. The reader compares it with its clock.',
    is_quarantined     BOOLEAN        NOT NULL COMMENT 'Left out of contexts because its source drifted.',
    quarantine_reason  VARCHAR                 COMMENT 'Why.',
    quarantined_at     TIMESTAMP_NTZ           COMMENT 'Since when, UTC.',
    activity_id        VARCHAR        NOT NULL COMMENT 'Event that recorded it.',
    channel_id         VARCHAR        NOT NULL COMMENT 'Channel of that event.',
    stream_offset      VARCHAR        NOT NULL COMMENT 'Offset of that event.',
    batch_key          VARCHAR                 COMMENT 'Highest channel and offset of the batch that changed, quarantined or released it last.',
    updated_at         TIMESTAMP_NTZ  NOT NULL COMMENT 'When this row was written last, UTC.'
)
COMMENT = 'Insights with their provenance; grain: one row per insight_id.';

-- The tables of the contexts are rewritten by every run, and hold nothing that the stream has not: no time travel, no fail-safe,
-- and REBUILD_CONTEXTS (03) where one is lost.
--
-- What get_context answers from. Nothing in it depends on the hour it is read at: windows are hourly buckets, insights
-- carry valid_until, and the reader sums and filters by its own clock.
-- grain: one row per (customer, project), and one per customer with project '*'
CREATE TRANSIENT TABLE IF NOT EXISTS CONTEXT_CACHE (
    customer      VARCHAR        NOT NULL COMMENT 'Whose context.',
    org_id        VARCHAR                 COMMENT 'Organisation of the customer.',
    project       VARCHAR        NOT NULL COMMENT 'Which project, or * for all of them.',
    context_blob  VARIANT                 COMMENT 'All sections, version 1.',
    watermark     VARIANT                 COMMENT 'Per channel_id the highest stream_offset folded into this row.',
    recorded_at   TIMESTAMP_NTZ           COMMENT 'Newest ts folded in, UTC.',
    refreshed_at  TIMESTAMP_NTZ  NOT NULL COMMENT 'When this row changed last, UTC.',
    row_version   NUMBER(38, 0)  NOT NULL COMMENT 'Counts the changes of this row.'
)
DATA_RETENTION_TIME_IN_DAYS = 0
COMMENT = 'The context recalled by get_context; grain: one row per (customer, project), project * for all.';

-- What CONTEXT_HOURS is made from: sums that a batch adds to, and takes from when it outranks a row counted before. Of the last 8
-- days; an empty name or latency_bucket where there is none. A sum of what no call reported is 0, and its _reported is 0 too.
-- grain: one row per (customer, project, hour_start, event_name, name, latency_bucket), and the same with project '*'
CREATE TRANSIENT TABLE IF NOT EXISTS CONTEXT_COUNTS (
    customer                    VARCHAR         NOT NULL COMMENT 'Whose events.',
    project                     VARCHAR         NOT NULL COMMENT 'Which project, or * for all of them.',
    hour_start                  TIMESTAMP_NTZ   NOT NULL COMMENT 'First moment of the hour, UTC.',
    event_name                  VARCHAR         NOT NULL COMMENT 'Kind of event.',
    name                        VARCHAR         NOT NULL COMMENT 'Tool or model.',
    latency_bucket              VARCHAR         NOT NULL COMMENT 'FLOOR(LN(latency in ms) / LN(1.1)) as text.',
    calls                       NUMBER(38, 0)   NOT NULL COMMENT 'How many events.',
    failures                    NUMBER(38, 0)   NOT NULL COMMENT 'How many of them failed.',
    prompt_tokens               NUMBER(38, 0)   NOT NULL COMMENT 'Their sum.',
    prompt_tokens_reported          NUMBER(38, 0)   NOT NULL COMMENT 'How many events reported it.',
    completion_tokens           NUMBER(38, 0)   NOT NULL COMMENT 'Their sum.',
    completion_tokens_reported      NUMBER(38, 0)   NOT NULL COMMENT 'How many events reported it.',
    cache_read_tokens           NUMBER(38, 0)   NOT NULL COMMENT 'Their sum.',
    cache_read_tokens_reported      NUMBER(38, 0)   NOT NULL COMMENT 'How many events reported it.',
    cache_creation_tokens       NUMBER(38, 0)   NOT NULL COMMENT 'Their sum.',
    cache_creation_tokens_reported  NUMBER(38, 0)   NOT NULL COMMENT 'How many events reported it.',
    cost_usd                    NUMBER(38, 9)   NOT NULL COMMENT 'Their sum, in US dollars.',
    cost_usd_reported               NUMBER(38, 0)   NOT NULL COMMENT 'How many events reported it.',
    batch_key                   VARCHAR                  COMMENT 'Highest channel and offset of the batch that changed it last.'
)
DATA_RETENTION_TIME_IN_DAYS = 0
COMMENT = 'Sums behind CONTEXT_HOURS; grain: customer, project, hour_start, event_name, name, latency_bucket.';

-- Counts and latency histograms of one hour, as the context shows them; at most the last 8 days.
-- grain: one row per (customer, project, hour_start), and the same with project '*'
CREATE TRANSIENT TABLE IF NOT EXISTS CONTEXT_HOURS (
    customer      VARCHAR        NOT NULL COMMENT 'Whose events.',
    project       VARCHAR        NOT NULL COMMENT 'Which project, or * for all of them.',
    hour_start    TIMESTAMP_NTZ  NOT NULL COMMENT 'First moment of the hour, UTC.',
    bucket        VARIANT                 COMMENT 'events, tools and llm of that hour.',
    refreshed_at  TIMESTAMP_NTZ  NOT NULL COMMENT 'When this row was computed, UTC.'
)
DATA_RETENTION_TIME_IN_DAYS = 0
COMMENT = 'Hourly buckets behind CONTEXT_CACHE; grain: one row per (customer, project, hour_start).';

-- The newest few entries of each section. A batch adds to them; only the hour of a row that is outranked later is read again from
-- the stream, so that no refresh scans the history. About twice of what a context shows is kept.
-- grain: one row per (customer, project, section, session_id, item_key, hour_start)
CREATE TRANSIENT TABLE IF NOT EXISTS CONTEXT_ITEMS (
    customer       VARCHAR        NOT NULL COMMENT 'Whose entry.',
    project        VARCHAR        NOT NULL COMMENT 'Which project, or * for all of them.',
    section        VARCHAR        NOT NULL COMMENT 'recent_sessions, recent_errors, recent_files, recent_queries, conclusions, attempts or failed_commands.',
    session_id     VARCHAR        NOT NULL COMMENT 'Session it comes from; empty where there is none.',
    item_key       VARCHAR        NOT NULL COMMENT 'What makes it one entry: a path, a command, an activity.',
    hour_start     TIMESTAMP_NTZ  NOT NULL COMMENT 'Hour of the events it was computed from, UTC.',
    ts             TIMESTAMP_NTZ  NOT NULL COMMENT 'Its time, UTC; the newest stay.',
    activity_id    VARCHAR                 COMMENT 'The activity it was read from; of equal times the lowest stays.',
    item           VARIANT                 COMMENT 'The entry as the context shows it; of a session what that hour holds of it.',
    refreshed_at   TIMESTAMP_NTZ  NOT NULL COMMENT 'When this row was written last, UTC.'
)
DATA_RETENTION_TIME_IN_DAYS = 0
COMMENT = 'Entries behind the lists of CONTEXT_CACHE; grain: customer, project, section, session_id, item_key, hour_start.';

-- The hours that the last run read again for CONTEXT_ITEMS. The embedded engine leaves it empty: nothing lands while it folds.
-- grain: one row per (customer, hour_start)
CREATE TRANSIENT TABLE IF NOT EXISTS REREAD_HOURS (
    customer    VARCHAR        NOT NULL COMMENT 'Whose hour.',
    hour_start  TIMESTAMP_NTZ  NOT NULL COMMENT 'First moment of the hour, UTC.'
)
DATA_RETENTION_TIME_IN_DAYS = 0
COMMENT = 'Hours that the last run of the task read again from the stream; grain: one row per (customer, hour_start).';

-- How many entries of a list are kept in CONTEXT_ITEMS: more than a context shows, because one may be outranked later.
CREATE OR REPLACE FUNCTION LIST_LIMIT(section VARCHAR)
RETURNS NUMBER(9, 0)
LANGUAGE SQL
COMMENT = 'Entries of one list that CONTEXT_ITEMS keeps; lists of sessions and attempts have several for each one shown.'
AS
$$
    CASE
        WHEN section = 'attempts' THEN 500
        WHEN section IN ('session_files', 'recent_sessions') THEN 160
        ELSE 60
    END
$$;

-- The runs of the refresh sequence, one for each batch that was not empty: how far the context is, and how long it takes.
-- grain: one row per run that was committed
CREATE TABLE IF NOT EXISTS REFRESH_RUNS (
    batch_key      VARCHAR        NOT NULL COMMENT 'Highest channel and offset of the batch; the name of the run.',
    row_count      NUMBER(38, 0)  NOT NULL COMMENT 'Rows of the batch.',
    oldest_ts      TIMESTAMP_NTZ  NOT NULL COMMENT 'Time of the oldest activity in it, UTC.',
    newest_ts      TIMESTAMP_NTZ  NOT NULL COMMENT 'Time of the newest activity in it, UTC.',
    started_at     TIMESTAMP_NTZ  NOT NULL COMMENT 'When the run began, UTC.',
    duration_ms    NUMBER(38, 0)           COMMENT 'How long it took; null on Snowflake, where the history of the task has it.'
)
COMMENT = 'Committed runs of the refresh sequence, kept for a week; grain: one row per run.';

-- Where events differ from the schemas: an unknown field, a type that changed, an event that failed validation.
-- Shown by VW_SYSTEM_EVENTS as schema_drift_detected; nothing is written back into the stream.
-- grain: one row per (customer, event_name, field, drift_kind, observed_type)
CREATE TABLE IF NOT EXISTS SCHEMA_DRIFT (
    drift_id           VARCHAR        NOT NULL COMMENT 'Id of the drift, derived from its grain.',
    customer           VARCHAR        NOT NULL COMMENT 'Whose events.',
    org_id             VARCHAR                 COMMENT 'Organisation of the customer.',
    event_name         VARCHAR        NOT NULL COMMENT 'Kind of event.',
    field              VARCHAR        NOT NULL COMMENT 'Which feature, of a failure its path; * for the event as a whole.',
    drift_kind         VARCHAR        NOT NULL COMMENT 'new_key, type_changed or failure (of validation).',
    expected_types     VARCHAR                 COMMENT 'JSON types the schema allows, separated by blanks.',
    observed_type      VARCHAR        NOT NULL COMMENT 'JSON type that was seen; of a failure: invalid.',
    sample_reason      VARCHAR                 COMMENT 'Of a failure: what the validator said of one event.',
    occurrences        NUMBER(38, 0)  NOT NULL COMMENT 'How often it was seen in rows that no other row outranks.',
    first_seen_at      TIMESTAMP_NTZ  NOT NULL COMMENT 'Oldest ts that showed it, outranked rows included, UTC.',
    last_seen_at       TIMESTAMP_NTZ  NOT NULL COMMENT 'Newest ts that showed it, outranked rows included, UTC.',
    first_activity_id  VARCHAR                 COMMENT 'The oldest activity that showed it.',
    schema_version     VARCHAR                 COMMENT 'Version of the event schemas compared with.',
    accepted_at        TIMESTAMP_NTZ           COMMENT 'Set by a person who has read it: it no longer quarantines insights.',
    updated_at         TIMESTAMP_NTZ  NOT NULL COMMENT 'When this row was written last, UTC.'
)
COMMENT = 'Differences between events and their schemas; grain: customer, event_name, field, drift_kind, observed_type.';

-- The known fields, from schemas/event_schemas.json (a test compares them), so that SQL can tell a new field from a known one.
-- grain: one row per (event_name, field)
CREATE TABLE IF NOT EXISTS SCHEMA_FIELDS (
    event_name      VARCHAR  NOT NULL COMMENT 'Kind of event.',
    field           VARCHAR  NOT NULL COMMENT 'Name of the feature.',
    json_types      VARCHAR  NOT NULL COMMENT 'JSON types allowed, sorted, separated by blanks; integer comes beside number.',
    required        BOOLEAN  NOT NULL COMMENT 'Whether every event must have it.',
    schema_version  VARCHAR  NOT NULL COMMENT 'Version of the event schemas.'
)
COMMENT = 'Known features of each kind of event; grain: one row per (event_name, field).';

MERGE INTO SCHEMA_FIELDS AS known
USING (
    SELECT event_name, field, json_types, required, '1' AS schema_version
    FROM (VALUES
        ('sql_event', 'query_id', 'string', TRUE),
        ('sql_event', 'sql', 'string', TRUE),
        ('sql_event', 'success', 'boolean', TRUE),
        ('sql_event', 'warehouse', 'null string', FALSE),
        ('sql_event', 'role', 'null string', FALSE),
        ('sql_event', 'database', 'null string', FALSE),
        ('sql_event', 'schema', 'null string', FALSE),
        ('sql_event', 'rows', 'integer null', FALSE),
        ('sql_event', 'bytes_scanned', 'integer null', FALSE),
        ('sql_event', 'duration_ms', 'integer null number', FALSE),
        ('sql_event', 'credits_used', 'integer null number', FALSE),
        ('sql_event', 'error', 'null string', FALSE),
        ('sql_event', 'error_code', 'integer null string', FALSE),
        ('sql_event', 'artifact_id', 'null string', FALSE),
        ('sql_event', 'interrupted', 'boolean null', FALSE),
        ('sql_event', 'tool_use_id', 'null string', FALSE),
        ('sql_event', 'prompt_id', 'null string', FALSE),
        ('sql_event', 'agent_id', 'null string', FALSE),
        ('sql_event', 'agent_type', 'null string', FALSE),
        ('sql_event', 'git_branch', 'null string', FALSE),
        ('sql_event', '_truncated', 'array boolean null', FALSE),
        ('sql_event', '_more', 'null string', FALSE),
        ('sql_event', '_original_size', 'integer null', FALSE),
        ('sql_event', '_schema_errors', 'array null', FALSE),
        ('sql_event', '_redacted', 'integer null', FALSE),
        ('llm_event', 'model', 'string', TRUE),
        ('llm_event', 'prompt_tokens', 'integer', TRUE),
        ('llm_event', 'completion_tokens', 'integer', TRUE),
        ('llm_event', 'prompt_hash', 'null string', FALSE),
        ('llm_event', 'total_tokens', 'integer null', FALSE),
        ('llm_event', 'cache_read_tokens', 'integer null', FALSE),
        ('llm_event', 'cache_creation_tokens', 'integer null', FALSE),
        ('llm_event', 'latency_ms', 'integer null number', FALSE),
        ('llm_event', 'total_latency_ms', 'integer null number', FALSE),
        ('llm_event', 'cost_usd', 'integer null number', FALSE),
        ('llm_event', 'cost_source', 'null string', FALSE),
        ('llm_event', 'token_source', 'null string', FALSE),
        ('llm_event', 'temperature', 'integer null number', FALSE),
        ('llm_event', 'max_tokens', 'integer null', FALSE),
        ('llm_event', 'stream', 'boolean null', FALSE),
        ('llm_event', 'request_id', 'null string', FALSE),
        ('llm_event', 'cache_creation_5m_tokens', 'integer null', FALSE),
        ('llm_event', 'cache_creation_1h_tokens', 'integer null', FALSE),
        ('llm_event', 'web_searches', 'integer null', FALSE),
        ('llm_event', 'speed', 'null string', FALSE),
        ('llm_event', 'effort', 'null string', FALSE),
        ('llm_event', 'service_tier', 'null string', FALSE),
        ('llm_event', 'query_source', 'null string', FALSE),
        ('llm_event', 'request_kind', 'null string', FALSE),
        ('llm_event', 'skill', 'null string', FALSE),
        ('llm_event', 'mcp_server', 'null string', FALSE),
        ('llm_event', 'mcp_tool', 'null string', FALSE),
        ('llm_event', 'cli_version', 'null string', FALSE),
        ('llm_event', 'tool_use_id', 'null string', FALSE),
        ('llm_event', 'prompt_id', 'null string', FALSE),
        ('llm_event', 'agent_id', 'null string', FALSE),
        ('llm_event', 'agent_type', 'null string', FALSE),
        ('llm_event', 'git_branch', 'null string', FALSE),
        ('llm_event', '_truncated', 'array boolean null', FALSE),
        ('llm_event', '_more', 'null string', FALSE),
        ('llm_event', '_original_size', 'integer null', FALSE),
        ('llm_event', '_schema_errors', 'array null', FALSE),
        ('llm_event', '_redacted', 'integer null', FALSE),
        ('tool_event', 'tool_name', 'string', TRUE),
        ('tool_event', 'success', 'boolean', TRUE),
        ('tool_event', 'tool_category', 'null string', FALSE),
        ('tool_event', 'parameters', 'null object', FALSE),
        ('tool_event', 'latency_ms', 'integer null number', FALSE),
        ('tool_event', 'error', 'null string', FALSE),
        ('tool_event', 'result_size', 'integer null', FALSE),
        ('tool_event', 'result_type', 'null string', FALSE),
        ('tool_event', 'denied', 'null string', FALSE),
        ('tool_event', 'interrupted', 'boolean null', FALSE),
        ('tool_event', 'elapsed_ms', 'integer null number', FALSE),
        ('tool_event', 'error_type', 'null string', FALSE),
        ('tool_event', 'input_size', 'integer null', FALSE),
        ('tool_event', 'tool_use_id', 'null string', FALSE),
        ('tool_event', 'prompt_id', 'null string', FALSE),
        ('tool_event', 'agent_id', 'null string', FALSE),
        ('tool_event', 'agent_type', 'null string', FALSE),
        ('tool_event', 'git_branch', 'null string', FALSE),
        ('tool_event', 'git_commit', 'null string', FALSE),
        ('tool_event', '_truncated', 'array boolean null', FALSE),
        ('tool_event', '_more', 'null string', FALSE),
        ('tool_event', '_original_size', 'integer null', FALSE),
        ('tool_event', '_schema_errors', 'array null', FALSE),
        ('tool_event', '_redacted', 'integer null', FALSE),
        ('file_event', 'operation', 'string', TRUE),
        ('file_event', 'file_path', 'string', TRUE),
        ('file_event', 'file_type', 'null string', FALSE),
        ('file_event', 'lines_affected', 'integer null', FALSE),
        ('file_event', 'bytes_before', 'integer null', FALSE),
        ('file_event', 'bytes_after', 'integer null', FALSE),
        ('file_event', 'success', 'boolean null', FALSE),
        ('file_event', 'git_tracked', 'boolean null', FALSE),
        ('file_event', 'interrupted', 'boolean null', FALSE),
        ('file_event', 'tool_use_id', 'null string', FALSE),
        ('file_event', 'prompt_id', 'null string', FALSE),
        ('file_event', 'agent_id', 'null string', FALSE),
        ('file_event', 'agent_type', 'null string', FALSE),
        ('file_event', 'git_branch', 'null string', FALSE),
        ('file_event', '_truncated', 'array boolean null', FALSE),
        ('file_event', '_more', 'null string', FALSE),
        ('file_event', '_original_size', 'integer null', FALSE),
        ('file_event', '_schema_errors', 'array null', FALSE),
        ('file_event', '_redacted', 'integer null', FALSE),
        ('session_event', 'session_id', 'string', TRUE),
        ('session_event', 'event_type', 'string', TRUE),
        ('session_event', 'project_path', 'null string', FALSE),
        ('session_event', 'user', 'null string', FALSE),
        ('session_event', 'host', 'null string', FALSE),
        ('session_event', 'cli_version', 'null string', FALSE),
        ('session_event', 'total_activities', 'integer null', FALSE),
        ('session_event', 'total_tokens', 'integer null', FALSE),
        ('session_event', 'session_duration_ms', 'integer null number', FALSE),
        ('session_event', 'excerpt', 'null string', FALSE),
        ('session_event', 'prompt_hash', 'null string', FALSE),
        ('session_event', 'length', 'integer null', FALSE),
        ('session_event', 'reason', 'null string', FALSE),
        ('session_event', 'start_source', 'null string', FALSE),
        ('session_event', 'error', 'null string', FALSE),
        ('session_event', 'title', 'null string', FALSE),
        ('session_event', 'duration_ms', 'integer null number', FALSE),
        ('session_event', 'model', 'null string', FALSE),
        ('session_event', 'cost_usd', 'integer null number', FALSE),
        ('session_event', 'cost_by_model', 'null object', FALSE),
        ('session_event', 'context_used_percent', 'integer null number', FALSE),
        ('session_event', 'limits', 'null object', FALSE),
        ('session_event', 'tool_use_id', 'null string', FALSE),
        ('session_event', 'prompt_id', 'null string', FALSE),
        ('session_event', 'agent_id', 'null string', FALSE),
        ('session_event', 'agent_type', 'null string', FALSE),
        ('session_event', 'git_branch', 'null string', FALSE),
        ('session_event', 'git_commit', 'null string', FALSE),
        ('session_event', '_truncated', 'array boolean null', FALSE),
        ('session_event', '_more', 'null string', FALSE),
        ('session_event', '_original_size', 'integer null', FALSE),
        ('session_event', '_schema_errors', 'array null', FALSE),
        ('session_event', '_redacted', 'integer null', FALSE),
        ('mcp_event', 'method', 'string', TRUE),
        ('mcp_event', 'latency_ms', 'integer number', TRUE),
        ('mcp_event', 'cache_hit', 'boolean null', FALSE),
        ('mcp_event', 'cache_age_ms', 'integer null number', FALSE),
        ('mcp_event', 'stale', 'boolean null', FALSE),
        ('mcp_event', 'context_size', 'integer null', FALSE),
        ('mcp_event', 'success', 'boolean null', FALSE),
        ('mcp_event', 'error_type', 'null string', FALSE),
        ('mcp_event', 'count', 'integer null', FALSE),
        ('mcp_event', 'insight_id', 'null string', FALSE),
        ('mcp_event', 'artifact_id', 'null string', FALSE),
        ('mcp_event', 'subject', 'null string', FALSE),
        ('mcp_event', 'metric', 'null string', FALSE),
        ('mcp_event', 'value', 'array boolean integer null number object string', FALSE),
        ('mcp_event', 'grain', 'null string', FALSE),
        ('mcp_event', 'confidence', 'integer null number', FALSE),
        ('mcp_event', 'query_id', 'null string', FALSE),
        ('mcp_event', 'valid_for_hours', 'integer null number', FALSE),
        ('mcp_event', 'valid_until', 'null string', FALSE),
        ('mcp_event', 'source_events', 'array null', FALSE),
        ('mcp_event', 'artifact_type', 'null string', FALSE),
        ('mcp_event', 'row_count', 'integer null', FALSE),
        ('mcp_event', 'sample_rows', 'array null', FALSE),
        ('mcp_event', 'content_schema', 'array null object', FALSE),
        ('mcp_event', 'expires_at', 'null string', FALSE),
        ('mcp_event', 'sql_sha256', 'null string', FALSE),
        ('mcp_event', 'result_sha256', 'null string', FALSE),
        ('mcp_event', 'pinned', 'boolean null', FALSE),
        ('mcp_event', 'tool_use_id', 'null string', FALSE),
        ('mcp_event', 'prompt_id', 'null string', FALSE),
        ('mcp_event', 'agent_id', 'null string', FALSE),
        ('mcp_event', 'agent_type', 'null string', FALSE),
        ('mcp_event', 'git_branch', 'null string', FALSE),
        ('mcp_event', '_truncated', 'array boolean null', FALSE),
        ('mcp_event', '_more', 'null string', FALSE),
        ('mcp_event', '_original_size', 'integer null', FALSE),
        ('mcp_event', '_schema_errors', 'array null', FALSE),
        ('mcp_event', '_redacted', 'integer null', FALSE),
        ('system_event', 'event_type', 'string', TRUE),
        ('system_event', 'severity', 'null string', FALSE),
        ('system_event', 'message', 'null string', FALSE),
        ('system_event', 'metrics', 'null object', FALSE),
        ('system_event', 'action_taken', 'null string', FALSE),
        ('system_event', 'hook_event_name', 'null string', FALSE),
        ('system_event', 'raw', 'array null object string', FALSE),
        ('system_event', 'segment', 'integer null', FALSE),
        ('system_event', 'from', 'integer null', FALSE),
        ('system_event', 'to', 'integer null', FALSE),
        ('system_event', 'reason', 'null string', FALSE),
        ('system_event', 'tool_use_id', 'null string', FALSE),
        ('system_event', 'prompt_id', 'null string', FALSE),
        ('system_event', 'agent_id', 'null string', FALSE),
        ('system_event', 'agent_type', 'null string', FALSE),
        ('system_event', 'git_branch', 'null string', FALSE),
        ('system_event', '_truncated', 'array boolean null', FALSE),
        ('system_event', '_more', 'null string', FALSE),
        ('system_event', '_original_size', 'integer null', FALSE),
        ('system_event', '_schema_errors', 'array null', FALSE),
        ('system_event', '_redacted', 'integer null', FALSE)
    ) AS seed (event_name, field, json_types, required)
) AS wanted
    ON known.event_name = wanted.event_name
    AND known.field = wanted.field
WHEN MATCHED AND (
    known.json_types <> wanted.json_types
    OR known.required <> wanted.required
    OR known.schema_version <> wanted.schema_version
) THEN
    UPDATE SET
        json_types = wanted.json_types,
        required = wanted.required,
        schema_version = wanted.schema_version
WHEN NOT MATCHED THEN
    INSERT (event_name, field, json_types, required, schema_version)
    VALUES (wanted.event_name, wanted.field, wanted.json_types, wanted.required, wanted.schema_version);

DELETE FROM SCHEMA_FIELDS WHERE schema_version <> '1';

-- The offset of each channel that was written by a client with SQL and not by Snowpipe Streaming: read, compared and set in the
-- transaction that inserts the rows. The embedded engine keeps all of its offsets here.
-- grain: one row per channel
CREATE TABLE IF NOT EXISTS CHANNEL_OFFSETS (
    channel_id        VARCHAR        NOT NULL COMMENT 'Queue it is the offset of.',
    committed_offset  VARCHAR        NOT NULL COMMENT 'Highest offset that was stored.',
    updated_at        TIMESTAMP_NTZ  NOT NULL COMMENT 'When it was set, UTC.'
)
COMMENT = 'Offsets of channels written with SQL; grain: one row per channel.';

-- What the first write of a channel locks, for it has no row of its own yet.
-- snowflake-only: the embedded engine has one writer at a time
MERGE INTO CHANNEL_OFFSETS AS known
USING (SELECT '' AS channel_id) AS first
    ON known.channel_id = first.channel_id
WHEN NOT MATCHED THEN
    INSERT (channel_id, committed_offset, updated_at)
    VALUES ('', '', SYSDATE());

-- How long rows are kept. Change keep_days to keep them longer; without its rule nothing of a kind is removed.
-- grain: one row per kind of row
CREATE TABLE IF NOT EXISTS RETENTION_RULES (
    subject    VARCHAR        NOT NULL COMMENT 'activities or artifacts.',
    keep_days  NUMBER(9, 0)   NOT NULL COMMENT 'Rows older than so many days are removed.'
)
COMMENT = 'How many days rows are kept; grain: one row per subject.';

MERGE INTO RETENTION_RULES AS known
USING (
    SELECT subject, keep_days
    FROM (VALUES ('activities', 180), ('artifacts', 90)) AS seed (subject, keep_days)
) AS wanted
    ON known.subject = wanted.subject
WHEN NOT MATCHED THEN
    INSERT (subject, keep_days)
    VALUES (wanted.subject, wanted.keep_days);

-- What retention, clean-up and expiry must leave alone. A hold is a row here and not a column of what it holds: the stream is
-- insert-only, and an UPDATE would move its load time. Each NULL column means "any": a hold with none set keeps everything.
-- To end a hold set released_at; the row stays as the record of it.
-- grain: one row per hold
CREATE TABLE IF NOT EXISTS LEGAL_HOLDS (
    hold_id      VARCHAR        NOT NULL COMMENT 'Id of the hold, such as the number of the case.',
    customer     VARCHAR                 COMMENT 'Whose rows are held; null: everyone''s.',
    org_id       VARCHAR                 COMMENT 'Rows of which organisation; null: of any and of none.',
    project      VARCHAR                 COMMENT 'Rows of which project; null: of any and of none.',
    session_id   VARCHAR                 COMMENT 'Rows of which session; null: of any and of none.',
    from_ts      TIMESTAMP_NTZ           COMMENT 'Rows from this time on, UTC; null: from the beginning.',
    until_ts     TIMESTAMP_NTZ           COMMENT 'Rows before this time, UTC; null: without end.',
    reason       VARCHAR        NOT NULL COMMENT 'Why they are held.',
    placed_by    VARCHAR        NOT NULL COMMENT 'Who placed the hold.',
    placed_at    TIMESTAMP_NTZ  NOT NULL COMMENT 'When it was placed, UTC.',
    released_at  TIMESTAMP_NTZ           COMMENT 'When it ended, UTC; null: in force.'
)
COMMENT = 'Legal holds: what no retention removes; grain: one row per hold.';

-- Whether a hold covers a row: said once, for everything that removes rows.
CREATE OR REPLACE FUNCTION HOLD_COVERS(
    hold_customer VARCHAR, hold_org_id VARCHAR, hold_project VARCHAR, hold_session_id VARCHAR, hold_from_ts TIMESTAMP_NTZ,
    hold_until_ts TIMESTAMP_NTZ, hold_released_at TIMESTAMP_NTZ, customer VARCHAR, org_id VARCHAR, project VARCHAR,
    session_id VARCHAR, ts TIMESTAMP_NTZ
)
RETURNS BOOLEAN
LANGUAGE SQL
COMMENT = 'Whether a legal hold is in force and covers a row of this customer, organisation, project, session and time.'
AS
$$
    hold_released_at IS NULL
    AND COALESCE(hold_customer = customer, hold_customer IS NULL)
    AND COALESCE(hold_org_id = org_id, hold_org_id IS NULL)
    AND COALESCE(hold_project = project, hold_project IS NULL)
    AND COALESCE(hold_session_id = session_id, hold_session_id IS NULL)
    AND COALESCE(hold_from_ts <= ts, TRUE)
    AND COALESCE(hold_until_ts > ts, TRUE)
$$;

-- What has said itself when it ends: artifacts after expires_at unless pinned, insights 30 days after valid_until. LEGAL_HOLDS
-- holds it all the same. Runs once a day (DAILY_UPKEEP_TASK in 03).
-- snowflake-only: the embedded engine runs the body's statements, from generated/run_clean_up.sql
CREATE OR REPLACE PROCEDURE CLEAN_UP()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Removes artifacts and insights that have expired and are not under LEGAL_HOLDS.'
EXECUTE AS OWNER
AS
$$
BEGIN
    BEGIN TRANSACTION;

    DELETE FROM ARTIFACTS
    WHERE expires_at <= SYSDATE()
        AND NOT pinned
        AND NOT EXISTS (
            SELECT 1
            FROM LEGAL_HOLDS AS hold
            WHERE HOLD_COVERS(
                hold.customer, hold.org_id, hold.project, hold.session_id, hold.from_ts, hold.until_ts, hold.released_at,
                ARTIFACTS.customer, ARTIFACTS.org_id, ARTIFACTS.project, ARTIFACTS.session_id, ARTIFACTS.stored_at
            )
        );

    DELETE FROM INSIGHT_ATOMS
    WHERE valid_until <= DATEADD(DAY, -30, SYSDATE())
        AND NOT EXISTS (
            SELECT 1
            FROM LEGAL_HOLDS AS hold
            WHERE HOLD_COVERS(
                hold.customer, hold.org_id, hold.project, hold.session_id, hold.from_ts, hold.until_ts, hold.released_at,
                INSIGHT_ATOMS.customer, INSIGHT_ATOMS.org_id, INSIGHT_ATOMS.project, INSIGHT_ATOMS.session_id, INSIGHT_ATOMS.recorded_at
            )
        );

    COMMIT;
    RETURN 'removed what has expired';
EXCEPTION
    WHEN OTHER THEN
        ROLLBACK;
        RAISE;
END;
$$;

-- A person has read a drift and finds it harmless: with the customer's next activities the insights it quarantined come back,
-- unless another drift of the same kind of event is still open.
-- snowflake-only: the embedded engine runs the UPDATE, from generated/run_accept_drift.sql
CREATE OR REPLACE PROCEDURE ACCEPT_DRIFT(accepted_id VARCHAR)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Accepts a row of SCHEMA_DRIFT, so that it no longer quarantines insights.'
EXECUTE AS OWNER
AS
$$
BEGIN
    UPDATE SCHEMA_DRIFT
    SET accepted_at = SYSDATE(), updated_at = SYSDATE()
    WHERE drift_id = :accepted_id
        AND accepted_at IS NULL;
    RETURN 'done';
END;
$$;

-- A person does not trust an insight: it leaves every context with the customer's next activities, and no accepted drift brings it back.
-- snowflake-only: the embedded engine runs the UPDATE, from generated/run_quarantine.sql
CREATE OR REPLACE PROCEDURE QUARANTINE_INSIGHT(doubtful_id VARCHAR, why VARCHAR)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Quarantines an insight for a reason of its own.'
EXECUTE AS OWNER
AS
$$
BEGIN
    UPDATE INSIGHT_ATOMS
    SET is_quarantined = TRUE, quarantine_reason = :why, quarantined_at = SYSDATE(), updated_at = SYSDATE()
    WHERE insight_id = :doubtful_id;
    RETURN 'done';
END;
$$;

-- Runs once a day (DAILY_UPKEEP_TASK in 03); the embedded engine runs the same statements.
-- snowflake-only: the embedded engine runs the body's statements, from generated/run_retention.sql
CREATE OR REPLACE PROCEDURE APPLY_RETENTION()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Removes rows older than RETENTION_RULES allows and not under LEGAL_HOLDS, in one transaction.'
EXECUTE AS OWNER
AS
$$
BEGIN
    LET activities_from TIMESTAMP_NTZ := NULL;
    LET artifacts_from TIMESTAMP_NTZ := NULL;

    BEGIN TRANSACTION;

    SELECT
        MIN(IFF(subject = 'activities', DATEADD(DAY, -keep_days, SYSDATE()), NULL)) AS activities_from,
        MIN(IFF(subject = 'artifacts', DATEADD(DAY, -keep_days, SYSDATE()), NULL)) AS artifacts_from
    INTO :activities_from, :artifacts_from
    FROM RETENTION_RULES;

    DELETE FROM CLAUDE_STREAM_V2
    WHERE ts < :activities_from
        AND NOT EXISTS (
            SELECT 1
            FROM LEGAL_HOLDS AS hold
            WHERE HOLD_COVERS(
                hold.customer, hold.org_id, hold.project, hold.session_id, hold.from_ts, hold.until_ts, hold.released_at,
                CLAUDE_STREAM_V2.customer, CLAUDE_STREAM_V2.org_id, CLAUDE_STREAM_V2.project, CLAUDE_STREAM_V2.session_id, CLAUDE_STREAM_V2.ts
            )
        );

    -- A row that is held and outranked stays outranked: else the fact would show twice.
    DELETE FROM SUPERSEDED
    WHERE ts < :activities_from
        AND NOT EXISTS (
            SELECT 1
            FROM CLAUDE_STREAM_V2 AS held
            WHERE held.channel_id = SUPERSEDED.channel_id
                AND held.stream_offset = SUPERSEDED.stream_offset
                AND held.ts = SUPERSEDED.ts
        );

    DELETE FROM EXPORTED_CALLS
    WHERE ts < :activities_from
        AND NOT EXISTS (
            SELECT 1
            FROM CLAUDE_STREAM_V2 AS held
            WHERE held.channel_id = EXPORTED_CALLS.channel_id
                AND held.stream_offset = EXPORTED_CALLS.stream_offset
                AND held.ts = EXPORTED_CALLS.ts
        );

    -- Version 1 has neither organisation, project nor session: a hold on one of them holds all of the customer.
    DELETE FROM ACTIVITY_STREAM
    WHERE ts < :activities_from
        AND NOT EXISTS (
            SELECT 1
            FROM LEGAL_HOLDS AS hold
            WHERE HOLD_COVERS(
                hold.customer, NULL, NULL, NULL, hold.from_ts, hold.until_ts, hold.released_at,
                ACTIVITY_STREAM.customer, NULL, NULL, NULL, ACTIVITY_STREAM.ts
            )
        );

    -- An insight outlives its event until its own end.
    DELETE FROM INSIGHT_ATOMS
    WHERE GREATEST(recorded_at, COALESCE(valid_until, recorded_at))
        < :activities_from
        AND NOT EXISTS (
            SELECT 1
            FROM LEGAL_HOLDS AS hold
            WHERE HOLD_COVERS(
                hold.customer, hold.org_id, hold.project, hold.session_id, hold.from_ts, hold.until_ts, hold.released_at,
                INSIGHT_ATOMS.customer, INSIGHT_ATOMS.org_id, INSIGHT_ATOMS.project, INSIGHT_ATOMS.session_id, INSIGHT_ATOMS.recorded_at
            )
        );

    DELETE FROM ARTIFACTS
    WHERE stored_at < :artifacts_from
        AND NOT pinned
        AND NOT EXISTS (
            SELECT 1
            FROM LEGAL_HOLDS AS hold
            WHERE HOLD_COVERS(
                hold.customer, hold.org_id, hold.project, hold.session_id, hold.from_ts, hold.until_ts, hold.released_at,
                ARTIFACTS.customer, ARTIFACTS.org_id, ARTIFACTS.project, ARTIFACTS.session_id, ARTIFACTS.stored_at
            )
        );

    -- What is only derived from the stream is not evidence: no hold keeps it. The lists inside a context that is still in use
    -- lose what is too old with its next refresh.
    DELETE FROM CONTEXT_ITEMS
    WHERE ts < :activities_from;

    -- No context looks further back than 8 days into these two.
    DELETE FROM CONTEXT_COUNTS
    WHERE hour_start < DATEADD(DAY, -9, SYSDATE());

    DELETE FROM CONTEXT_HOURS
    WHERE hour_start < DATEADD(DAY, -9, SYSDATE());

    DELETE FROM CONTEXT_CACHE
    WHERE recorded_at < :activities_from;

    DELETE FROM REFRESH_RUNS
    WHERE started_at < DATEADD(DAY, -7, SYSDATE());

    DELETE FROM SCHEMA_DRIFT
    WHERE last_seen_at < :activities_from;

    COMMIT;
    RETURN 'removed what is older than RETENTION_RULES allows';
EXCEPTION
    WHEN OTHER THEN
        ROLLBACK;
        RAISE;
END;
$$;
