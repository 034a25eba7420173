-- 04_typed_views.sql: the stream as people query it. VW_ACTIVITY_STREAM is the activity stream of ActivitySchema 2.0; each of
-- the other views shows one kind of event with all known features typed.
-- Needs: 01, 02. Running it again replaces the views.
--
-- A feature that does not fit its type reads NULL and never fails a query: feature_json still has what was sent. Columns bear
-- the features' names, except where Snowflake reserves the word or the unit was missing:
--   rows → row_count, database → database_name, schema → schema_name, user → user_name, from → from_byte, to → to_byte,
--   count → call_count, length → length_chars, result_size → result_size_bytes, context_size → context_size_bytes,
--   input_size → input_size_bytes, _truncated → truncated, _more → more_features, _original_size → original_size_bytes,
--   _schema_errors → schema_errors, _redacted → redacted_count
-- VW_ names what readers query, V_ what operators and the other files read.

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

-- The stream without the rows that another row outranks, each activity once. Everything below reads this view and not
-- VW_ACTIVITY_STREAM: an anti-join lets a filter on ts, customer or event_name through to the stream, while nothing passes below
-- the windows of the occurrence columns. So does one on hour_start: Snowflake prunes by the monotonic function, and the embedded
-- engine, which prunes by columns alone, stores the hour of each row. The anti-join is written as an outer join: there, the
-- embedded engine passes a filter on ts on to SUPERSEDED, which a NOT EXISTS reads whole.
-- grain: one row per activity
CREATE OR REPLACE VIEW V_CURRENT_STREAM
COPY GRANTS
COMMENT = 'CLAUDE_STREAM_V2 without superseded rows, with loaded_at and hour_start; grain: one row per activity.'
AS
SELECT
    stream.activity_id,
    stream.ts,
    stream.customer,
    stream.activity,
    stream.anonymous_customer_id,
    stream.feature_json,
    stream.revenue_impact,
    stream.link,
    stream.event_name,
    stream.session_id,
    stream.project,
    stream.org_id,
    stream.source,
    stream.schema_version,
    stream.channel_id,
    stream.stream_offset,
    CONVERT_TIMEZONE('UTC', stream.METADATA$ROW_LAST_COMMIT_TIME)::TIMESTAMP_NTZ AS loaded_at,
    DATE_TRUNC('HOUR', stream.ts) AS hour_start
FROM CLAUDE_STREAM_V2 AS stream
LEFT JOIN SUPERSEDED AS outranked
    ON stream.channel_id = outranked.channel_id
    AND stream.stream_offset = outranked.stream_offset
    AND stream.ts = outranked.ts
WHERE outranked.channel_id IS NULL;

-- Rows that are stored twice: each queue's line should be one row. REMOVE_DOUBLED_ROWS (03) puts it right.
-- grain: one row per channel and offset that is stored more than once
CREATE OR REPLACE SECURE VIEW V_DOUBLED_OFFSETS (
    channel_id     COMMENT 'Queue.',
    stream_offset  COMMENT 'The place of the line.',
    row_count      COMMENT 'How often it is stored.',
    ts             COMMENT 'Its time, UTC.'
)
COPY GRANTS
COMMENT = 'Channels and offsets stored more than once in the last 7 days, which should be none; grain: channel_id, stream_offset.'
AS
SELECT
    channel_id,
    stream_offset,
    COUNT(*)  AS row_count,
    MIN(ts)   AS ts
FROM CLAUDE_STREAM_V2
WHERE ts >= DATEADD(DAY, -7, SYSDATE())
GROUP BY channel_id, stream_offset
HAVING COUNT(*) > 1;

-- ActivitySchema 2.0: which occurrence of the activity it is for the customer, and when the customer did it next.
-- grain: one row per activity
CREATE OR REPLACE SECURE VIEW VW_ACTIVITY_STREAM (
    activity_id            COMMENT 'Id of the activity; derived, so that the same fact seen twice has the same id.',
    ts                     COMMENT 'When it happened, UTC, in microseconds.',
    customer               COMMENT 'Who did it: an e-mail address, or user@host.',
    activity               COMMENT 'What was done, verb_noun.',
    anonymous_customer_id  COMMENT 'The machine, hashed.',
    feature_json           COMMENT 'The features; their schema is chosen by event_name.',
    revenue_impact         COMMENT 'Money in or out, in US dollars; minus the cost of an llm_event.',
    link                   COMMENT 'A URL with more about it.',
    activity_occurrence    COMMENT 'Which occurrence of the activity it is for the customer.',
    activity_repeated_at   COMMENT 'When the customer did it next, UTC.',
    event_name             COMMENT 'One of the seven kinds of event.',
    session_id             COMMENT 'Claude Code session.',
    project                COMMENT 'Root directory of the project.',
    org_id                 COMMENT 'Organisation of the customer.',
    source                 COMMENT 'How it came here: mcp, hook, import, cli, otel.',
    schema_version         COMMENT 'Version of the event schemas it was written for.',
    channel_id             COMMENT 'Queue it was read from.',
    stream_offset          COMMENT 'Its place in that queue: segment, end byte and CRC-32, compared as text.',
    loaded_at              COMMENT 'When the row was loaded, UTC.'
)
COPY GRANTS
COMMENT = 'The activity stream (ActivitySchema 2.0) with occurrence columns and loaded_at; grain: one row per activity.'
AS
SELECT
    activity_id,
    ts,
    customer,
    activity,
    anonymous_customer_id,
    feature_json,
    revenue_impact,
    link,
    ROW_NUMBER() OVER (PARTITION BY customer, activity ORDER BY ts, activity_id)  AS activity_occurrence,
    LEAD(ts) OVER (PARTITION BY customer, activity ORDER BY ts, activity_id)      AS activity_repeated_at,
    event_name,
    session_id,
    project,
    org_id,
    source,
    schema_version,
    channel_id,
    stream_offset,
    loaded_at
FROM V_CURRENT_STREAM;

-- grain: one row per sql_event
CREATE OR REPLACE SECURE VIEW VW_SQL_EVENTS (
    activity_id            COMMENT 'Id of the activity; derived, so that the same fact seen twice has the same id.',
    ts                     COMMENT 'When it happened, UTC, in microseconds.',
    customer               COMMENT 'Who did it: an e-mail address, or user@host.',
    activity               COMMENT 'What was done, verb_noun.',
    session_id             COMMENT 'Claude Code session.',
    project                COMMENT 'Root directory of the project.',
    org_id                 COMMENT 'Organisation of the customer.',
    tool_use_id            COMMENT 'Claude Code''s id of the tool call this event belongs to.',
    prompt_id              COMMENT 'Claude Code''s id of the prompt that led to this event.',
    agent_id               COMMENT 'Id of the subagent that acted; absent for the main conversation.',
    agent_type             COMMENT 'Kind of the subagent, for example Explore.',
    git_branch             COMMENT 'Git branch checked out in the working directory.',
    query_id               COMMENT 'The warehouse''s id of the query, or one derived by the client.',
    sql                    COMMENT 'The statement''s text, after redaction.',
    success                COMMENT 'Whether the statement succeeded.',
    warehouse              COMMENT 'Virtual warehouse that ran it.',
    role                   COMMENT 'Role it ran as.',
    database_name          COMMENT 'Database it ran in.',
    schema_name            COMMENT 'Schema it ran in.',
    row_count              COMMENT 'Rows returned or changed.',
    bytes_scanned          COMMENT 'Bytes read from storage, in bytes.',
    duration_ms            COMMENT 'Elapsed time, in milliseconds.',
    credits_used           COMMENT 'Cost of the statement, in Snowflake credits.',
    error                  COMMENT 'Error text of a failed statement (its first 1 KiB).',
    error_code             COMMENT 'The engine''s error code, such as 001003 or 42S02.',
    artifact_id            COMMENT 'Artifact that holds the result.',
    interrupted            COMMENT 'True where the call was stopped before it ended; then its success is not known.',
    truncated              COMMENT 'True where values were cut to fit the limits, or the names of the members that were cut.',
    more_features          COMMENT 'The features after the first 999, of an event with more than 1,000, as one JSON text.',
    original_size_bytes    COMMENT 'Size of the features before they were cut, in bytes.',
    schema_errors          COMMENT 'What did not agree with this schema; the event came from a source that cannot correct it.',
    redacted_count         COMMENT 'How many values redaction replaced.',
    anonymous_customer_id  COMMENT 'The machine, hashed.',
    revenue_impact         COMMENT 'Money in or out, in US dollars; minus the cost of an llm_event.',
    link                   COMMENT 'A URL with more about it.',
    source                 COMMENT 'How it came here: mcp, hook, import, cli, otel.',
    schema_version         COMMENT 'Version of the event schemas it was written for.',
    channel_id             COMMENT 'Queue it was read from.',
    stream_offset          COMMENT 'Its place in that queue: segment, end byte and CRC-32, compared as text.',
    loaded_at              COMMENT 'When the row was loaded, UTC.',
    feature_json           COMMENT 'The features; their schema is chosen by event_name.'
)
COPY GRANTS
COMMENT = 'SQL statements that were run; grain: one row per sql_event.'
AS
SELECT
    activity_id,
    ts,
    customer,
    activity,
    session_id,
    project,
    org_id,
    feature_json:tool_use_id::VARCHAR                                AS tool_use_id,
    feature_json:prompt_id::VARCHAR                                  AS prompt_id,
    feature_json:agent_id::VARCHAR                                   AS agent_id,
    feature_json:agent_type::VARCHAR                                 AS agent_type,
    feature_json:git_branch::VARCHAR                                 AS git_branch,
    feature_json:query_id::VARCHAR                                   AS query_id,
    feature_json:sql::VARCHAR                                        AS sql,
    TRY_CAST(feature_json:success::VARCHAR AS BOOLEAN)               AS success,
    feature_json:warehouse::VARCHAR                                  AS warehouse,
    feature_json:role::VARCHAR                                       AS role,
    feature_json['database']::VARCHAR                                AS database_name,
    feature_json['schema']::VARCHAR                                  AS schema_name,
    TRY_CAST(feature_json['rows']::VARCHAR AS NUMBER(38, 0))         AS row_count,
    TRY_CAST(feature_json:bytes_scanned::VARCHAR AS NUMBER(38, 0))   AS bytes_scanned,
    TRY_CAST(feature_json:duration_ms::VARCHAR AS NUMBER(38, 3))     AS duration_ms,
    TRY_CAST(feature_json:credits_used::VARCHAR AS NUMBER(38, 9))    AS credits_used,
    feature_json:error::VARCHAR                                      AS error,
    feature_json:error_code::VARCHAR                                 AS error_code,
    feature_json:artifact_id::VARCHAR                                AS artifact_id,
    TRY_CAST(feature_json:interrupted::VARCHAR AS BOOLEAN)           AS interrupted,
    feature_json:_truncated                                          AS truncated,
    feature_json:_more::VARCHAR                                      AS more_features,
    TRY_CAST(feature_json:_original_size::VARCHAR AS NUMBER(38, 0))  AS original_size_bytes,
    feature_json:_schema_errors                                      AS schema_errors,
    TRY_CAST(feature_json:_redacted::VARCHAR AS NUMBER(38, 0))       AS redacted_count,
    anonymous_customer_id,
    revenue_impact,
    link,
    source,
    schema_version,
    channel_id,
    stream_offset,
    loaded_at,
    feature_json
FROM V_CURRENT_STREAM
WHERE event_name = 'sql_event';

-- grain: one row per llm_event
CREATE OR REPLACE SECURE VIEW VW_LLM_EVENTS (
    activity_id               COMMENT 'Id of the activity; derived, so that the same fact seen twice has the same id.',
    ts                        COMMENT 'When it happened, UTC, in microseconds.',
    customer                  COMMENT 'Who did it: an e-mail address, or user@host.',
    activity                  COMMENT 'What was done, verb_noun.',
    session_id                COMMENT 'Claude Code session.',
    project                   COMMENT 'Root directory of the project.',
    org_id                    COMMENT 'Organisation of the customer.',
    tool_use_id               COMMENT 'Claude Code''s id of the tool call this event belongs to.',
    prompt_id                 COMMENT 'Claude Code''s id of the prompt that led to this event.',
    agent_id                  COMMENT 'Id of the subagent that acted; absent for the main conversation.',
    agent_type                COMMENT 'Kind of the subagent, for example Explore.',
    git_branch                COMMENT 'Git branch checked out in the working directory.',
    model                     COMMENT 'Model id as the provider names it.',
    prompt_tokens             COMMENT 'Input tokens that were neither read from nor written to the cache, in tokens.',
    completion_tokens         COMMENT 'Output tokens, in tokens.',
    prompt_hash               COMMENT 'SHA-256 of the prompt, in hexadecimal.',
    total_tokens              COMMENT 'All tokens of the request, in tokens.',
    cache_read_tokens         COMMENT 'Input tokens read from the prompt cache, in tokens.',
    cache_creation_tokens     COMMENT 'Input tokens written to the prompt cache, in tokens.',
    latency_ms                COMMENT 'Time to the first token, in milliseconds.',
    total_latency_ms          COMMENT 'Time to the last token, in milliseconds.',
    cost_usd                  COMMENT 'Cost of the request, in US dollars.',
    cost_source               COMMENT 'Where the cost comes from: otel (measured by Claude Code), estimated (from a list of prices), caller.',
    token_source              COMMENT 'Where the token counts come from: otel, transcript, caller.',
    temperature               COMMENT 'Sampling temperature, without unit.',
    max_tokens                COMMENT 'Upper limit asked for, in tokens.',
    stream                    COMMENT 'Whether the response was streamed.',
    request_id                COMMENT 'The provider''s id of the request.',
    cache_creation_5m_tokens  COMMENT 'Of the tokens written to the prompt cache, those kept for 5 minutes, in tokens.',
    cache_creation_1h_tokens  COMMENT 'Of the tokens written to the prompt cache, those kept for an hour, in tokens.',
    web_searches              COMMENT 'Web searches that the provider ran for the request, which it charges for.',
    speed                     COMMENT 'How fast the model was asked to be: normal, fast.',
    effort                    COMMENT 'How much effort the model was asked for.',
    service_tier              COMMENT 'Tier that the provider served the request in.',
    query_source              COMMENT 'Who asked, in Claude Code''s words: repl_main_thread, sdk, agent:…, compact and others; the list is open.',
    request_kind              COMMENT 'Who asked, in one word: main, subagent, or auxiliary (compactions, titles, web searches, hooks).',
    skill                     COMMENT 'Skill that was running.',
    mcp_server                COMMENT 'MCP server on whose behalf the request was made.',
    mcp_tool                  COMMENT 'Tool of that server.',
    cli_version               COMMENT 'Version of Claude Code.',
    truncated                 COMMENT 'True where values were cut to fit the limits, or the names of the members that were cut.',
    more_features             COMMENT 'The features after the first 999, of an event with more than 1,000, as one JSON text.',
    original_size_bytes       COMMENT 'Size of the features before they were cut, in bytes.',
    schema_errors             COMMENT 'What did not agree with this schema; the event came from a source that cannot correct it.',
    redacted_count            COMMENT 'How many values redaction replaced.',
    anonymous_customer_id     COMMENT 'The machine, hashed.',
    revenue_impact            COMMENT 'Money in or out, in US dollars; minus the cost of an llm_event.',
    link                      COMMENT 'A URL with more about it.',
    source                    COMMENT 'How it came here: mcp, hook, import, cli, otel.',
    schema_version            COMMENT 'Version of the event schemas it was written for.',
    channel_id                COMMENT 'Queue it was read from.',
    stream_offset             COMMENT 'Its place in that queue: segment, end byte and CRC-32, compared as text.',
    loaded_at                 COMMENT 'When the row was loaded, UTC.',
    feature_json              COMMENT 'The features; their schema is chosen by event_name.'
)
COPY GRANTS
COMMENT = 'Responses of language models, with tokens and cost; grain: one row per llm_event.'
AS
SELECT
    activity_id,
    ts,
    customer,
    activity,
    session_id,
    project,
    org_id,
    feature_json:tool_use_id::VARCHAR                                          AS tool_use_id,
    feature_json:prompt_id::VARCHAR                                            AS prompt_id,
    feature_json:agent_id::VARCHAR                                             AS agent_id,
    feature_json:agent_type::VARCHAR                                           AS agent_type,
    feature_json:git_branch::VARCHAR                                           AS git_branch,
    feature_json:model::VARCHAR                                                AS model,
    TRY_CAST(feature_json:prompt_tokens::VARCHAR AS NUMBER(38, 0))             AS prompt_tokens,
    TRY_CAST(feature_json:completion_tokens::VARCHAR AS NUMBER(38, 0))         AS completion_tokens,
    feature_json:prompt_hash::VARCHAR                                          AS prompt_hash,
    TRY_CAST(feature_json:total_tokens::VARCHAR AS NUMBER(38, 0))              AS total_tokens,
    TRY_CAST(feature_json:cache_read_tokens::VARCHAR AS NUMBER(38, 0))         AS cache_read_tokens,
    TRY_CAST(feature_json:cache_creation_tokens::VARCHAR AS NUMBER(38, 0))     AS cache_creation_tokens,
    TRY_CAST(feature_json:latency_ms::VARCHAR AS NUMBER(38, 3))                AS latency_ms,
    TRY_CAST(feature_json:total_latency_ms::VARCHAR AS NUMBER(38, 3))          AS total_latency_ms,
    TRY_CAST(feature_json:cost_usd::VARCHAR AS NUMBER(38, 9))                  AS cost_usd,
    feature_json:cost_source::VARCHAR                                          AS cost_source,
    feature_json:token_source::VARCHAR                                         AS token_source,
    TRY_CAST(feature_json:temperature::VARCHAR AS NUMBER(9, 6))                AS temperature,
    TRY_CAST(feature_json:max_tokens::VARCHAR AS NUMBER(38, 0))                AS max_tokens,
    TRY_CAST(feature_json:stream::VARCHAR AS BOOLEAN)                          AS stream,
    feature_json:request_id::VARCHAR                                           AS request_id,
    TRY_CAST(feature_json:cache_creation_5m_tokens::VARCHAR AS NUMBER(38, 0))  AS cache_creation_5m_tokens,
    TRY_CAST(feature_json:cache_creation_1h_tokens::VARCHAR AS NUMBER(38, 0))  AS cache_creation_1h_tokens,
    TRY_CAST(feature_json:web_searches::VARCHAR AS NUMBER(38, 0))              AS web_searches,
    feature_json:speed::VARCHAR                                                AS speed,
    feature_json:effort::VARCHAR                                               AS effort,
    feature_json:service_tier::VARCHAR                                         AS service_tier,
    feature_json:query_source::VARCHAR                                         AS query_source,
    feature_json:request_kind::VARCHAR                                         AS request_kind,
    feature_json:skill::VARCHAR                                                AS skill,
    feature_json:mcp_server::VARCHAR                                           AS mcp_server,
    feature_json:mcp_tool::VARCHAR                                             AS mcp_tool,
    feature_json:cli_version::VARCHAR                                          AS cli_version,
    feature_json:_truncated                                                    AS truncated,
    feature_json:_more::VARCHAR                                                AS more_features,
    TRY_CAST(feature_json:_original_size::VARCHAR AS NUMBER(38, 0))            AS original_size_bytes,
    feature_json:_schema_errors                                                AS schema_errors,
    TRY_CAST(feature_json:_redacted::VARCHAR AS NUMBER(38, 0))                 AS redacted_count,
    anonymous_customer_id,
    revenue_impact,
    link,
    source,
    schema_version,
    channel_id,
    stream_offset,
    loaded_at,
    feature_json
FROM V_CURRENT_STREAM
WHERE event_name = 'llm_event';

-- What Claude Code's exporter reported of a call stands in the row of the hook or the import that outranks it: sizes and error
-- class as the exporter gives them, the latency where the row has none.
-- grain: one row per tool_event
CREATE OR REPLACE SECURE VIEW VW_TOOL_EVENTS (
    activity_id            COMMENT 'Id of the activity; derived, so that the same fact seen twice has the same id.',
    ts                     COMMENT 'When it happened, UTC, in microseconds.',
    customer               COMMENT 'Who did it: an e-mail address, or user@host.',
    activity               COMMENT 'What was done, verb_noun.',
    session_id             COMMENT 'Claude Code session.',
    project                COMMENT 'Root directory of the project.',
    org_id                 COMMENT 'Organisation of the customer.',
    tool_use_id            COMMENT 'Claude Code''s id of the tool call this event belongs to.',
    prompt_id              COMMENT 'Claude Code''s id of the prompt that led to this event.',
    agent_id               COMMENT 'Id of the subagent that acted; absent for the main conversation.',
    agent_type             COMMENT 'Kind of the subagent, for example Explore.',
    git_branch             COMMENT 'Git branch checked out in the working directory.',
    git_commit             COMMENT 'Id of the commit that the call made, as git printed it; often its beginning.',
    tool_name              COMMENT 'Name of the tool, such as Bash or mcp__server__tool.',
    success                COMMENT 'Whether the call succeeded.',
    tool_category          COMMENT 'Family of the tool: file, shell, search, web, mcp, agent, other.',
    parameters             COMMENT 'The tool''s input after redaction; each value is cut at 4 KiB.',
    latency_ms             COMMENT 'Duration of the call, in milliseconds.',
    error                  COMMENT 'Error text of a failed call (its first 1 KiB).',
    result_size_bytes      COMMENT 'Size of the tool''s output, in bytes.',
    result_type            COMMENT 'JSON type of the tool''s output.',
    denied                 COMMENT 'Who said no to the call: user, or rule. It is no failure: nothing was done.',
    interrupted            COMMENT 'True where the call was stopped before it ended; then its success is not known.',
    elapsed_ms             COMMENT 'Time until the result, other calls and dialogs included, in milliseconds; no latency.',
    error_type             COMMENT 'Class of the error of a failed call, as Claude Code names it.',
    input_size_bytes       COMMENT 'Size of the tool''s input, in bytes.',
    truncated              COMMENT 'True where values were cut to fit the limits, or the names of the members that were cut.',
    more_features          COMMENT 'The features after the first 999, of an event with more than 1,000, as one JSON text.',
    original_size_bytes    COMMENT 'Size of the features before they were cut, in bytes.',
    schema_errors          COMMENT 'What did not agree with this schema; the event came from a source that cannot correct it.',
    redacted_count         COMMENT 'How many values redaction replaced.',
    anonymous_customer_id  COMMENT 'The machine, hashed.',
    revenue_impact         COMMENT 'Money in or out, in US dollars; minus the cost of an llm_event.',
    link                   COMMENT 'A URL with more about it.',
    source                 COMMENT 'How it came here: mcp, hook, import, cli, otel.',
    schema_version         COMMENT 'Version of the event schemas it was written for.',
    channel_id             COMMENT 'Queue it was read from.',
    stream_offset          COMMENT 'Its place in that queue: segment, end byte and CRC-32, compared as text.',
    loaded_at              COMMENT 'When the row was loaded, UTC.',
    feature_json           COMMENT 'The features; their schema is chosen by event_name.'
)
COPY GRANTS
COMMENT = 'Tool calls of Claude Code; grain: one row per tool_event.'
AS
SELECT
    event.activity_id,
    event.ts,
    event.customer,
    event.activity,
    event.session_id,
    event.project,
    event.org_id,
    event.feature_json:tool_use_id::VARCHAR                                                                   AS tool_use_id,
    event.feature_json:prompt_id::VARCHAR                                                                     AS prompt_id,
    event.feature_json:agent_id::VARCHAR                                                                      AS agent_id,
    event.feature_json:agent_type::VARCHAR                                                                    AS agent_type,
    event.feature_json:git_branch::VARCHAR                                                                    AS git_branch,
    event.feature_json:git_commit::VARCHAR                                                                    AS git_commit,
    event.feature_json:tool_name::VARCHAR                                                                     AS tool_name,
    TRY_CAST(event.feature_json:success::VARCHAR AS BOOLEAN)                                                  AS success,
    event.feature_json:tool_category::VARCHAR                                                                 AS tool_category,
    event.feature_json:parameters                                                                             AS parameters,
    COALESCE(TRY_CAST(event.feature_json:latency_ms::VARCHAR AS NUMBER(38, 3)), exported.latency_ms)          AS latency_ms,
    event.feature_json:error::VARCHAR                                                                         AS error,
    COALESCE(exported.result_size_bytes, TRY_CAST(event.feature_json:result_size::VARCHAR AS NUMBER(38, 0)))  AS result_size_bytes,
    event.feature_json:result_type::VARCHAR                                                                   AS result_type,
    event.feature_json:denied::VARCHAR                                                                        AS denied,
    TRY_CAST(event.feature_json:interrupted::VARCHAR AS BOOLEAN)                                              AS interrupted,
    TRY_CAST(event.feature_json:elapsed_ms::VARCHAR AS NUMBER(38, 3))                                         AS elapsed_ms,
    COALESCE(exported.error_type, event.feature_json:error_type::VARCHAR)                                     AS error_type,
    COALESCE(exported.input_size_bytes, TRY_CAST(event.feature_json:input_size::VARCHAR AS NUMBER(38, 0)))    AS input_size_bytes,
    event.feature_json:_truncated                                                                             AS truncated,
    event.feature_json:_more::VARCHAR                                                                         AS more_features,
    TRY_CAST(event.feature_json:_original_size::VARCHAR AS NUMBER(38, 0))                                     AS original_size_bytes,
    event.feature_json:_schema_errors                                                                         AS schema_errors,
    TRY_CAST(event.feature_json:_redacted::VARCHAR AS NUMBER(38, 0))                                          AS redacted_count,
    event.anonymous_customer_id,
    event.revenue_impact,
    event.link,
    event.source,
    event.schema_version,
    event.channel_id,
    event.stream_offset,
    event.loaded_at,
    event.feature_json
FROM V_CURRENT_STREAM AS event
LEFT JOIN EXPORTED_CALLS AS exported
    ON event.channel_id = exported.channel_id
    AND event.stream_offset = exported.stream_offset
    AND event.ts = exported.ts
WHERE event.event_name = 'tool_event';

-- grain: one row per file_event
CREATE OR REPLACE SECURE VIEW VW_FILE_EVENTS (
    activity_id            COMMENT 'Id of the activity; derived, so that the same fact seen twice has the same id.',
    ts                     COMMENT 'When it happened, UTC, in microseconds.',
    customer               COMMENT 'Who did it: an e-mail address, or user@host.',
    activity               COMMENT 'What was done, verb_noun.',
    session_id             COMMENT 'Claude Code session.',
    project                COMMENT 'Root directory of the project.',
    org_id                 COMMENT 'Organisation of the customer.',
    tool_use_id            COMMENT 'Claude Code''s id of the tool call this event belongs to.',
    prompt_id              COMMENT 'Claude Code''s id of the prompt that led to this event.',
    agent_id               COMMENT 'Id of the subagent that acted; absent for the main conversation.',
    agent_type             COMMENT 'Kind of the subagent, for example Explore.',
    git_branch             COMMENT 'Git branch checked out in the working directory.',
    operation              COMMENT 'What was done to the file.',
    file_path              COMMENT 'Path of the file; of a rename, the new one.',
    file_type              COMMENT 'The file''s suffix without its dot, such as py.',
    lines_affected         COMMENT 'Lines added, removed or read, in lines.',
    bytes_before           COMMENT 'Size before the operation, in bytes.',
    bytes_after            COMMENT 'Size after the operation, in bytes.',
    success                COMMENT 'Whether the operation succeeded.',
    git_tracked            COMMENT 'Whether git tracks the file.',
    interrupted            COMMENT 'True where the call was stopped before it ended; then its success is not known.',
    truncated              COMMENT 'True where values were cut to fit the limits, or the names of the members that were cut.',
    more_features          COMMENT 'The features after the first 999, of an event with more than 1,000, as one JSON text.',
    original_size_bytes    COMMENT 'Size of the features before they were cut, in bytes.',
    schema_errors          COMMENT 'What did not agree with this schema; the event came from a source that cannot correct it.',
    redacted_count         COMMENT 'How many values redaction replaced.',
    anonymous_customer_id  COMMENT 'The machine, hashed.',
    revenue_impact         COMMENT 'Money in or out, in US dollars; minus the cost of an llm_event.',
    link                   COMMENT 'A URL with more about it.',
    source                 COMMENT 'How it came here: mcp, hook, import, cli, otel.',
    schema_version         COMMENT 'Version of the event schemas it was written for.',
    channel_id             COMMENT 'Queue it was read from.',
    stream_offset          COMMENT 'Its place in that queue: segment, end byte and CRC-32, compared as text.',
    loaded_at              COMMENT 'When the row was loaded, UTC.',
    feature_json           COMMENT 'The features; their schema is chosen by event_name.'
)
COPY GRANTS
COMMENT = 'Files that were read or changed; grain: one row per file_event.'
AS
SELECT
    activity_id,
    ts,
    customer,
    activity,
    session_id,
    project,
    org_id,
    feature_json:tool_use_id::VARCHAR                                AS tool_use_id,
    feature_json:prompt_id::VARCHAR                                  AS prompt_id,
    feature_json:agent_id::VARCHAR                                   AS agent_id,
    feature_json:agent_type::VARCHAR                                 AS agent_type,
    feature_json:git_branch::VARCHAR                                 AS git_branch,
    feature_json:operation::VARCHAR                                  AS operation,
    feature_json:file_path::VARCHAR                                  AS file_path,
    feature_json:file_type::VARCHAR                                  AS file_type,
    TRY_CAST(feature_json:lines_affected::VARCHAR AS NUMBER(38, 0))  AS lines_affected,
    TRY_CAST(feature_json:bytes_before::VARCHAR AS NUMBER(38, 0))    AS bytes_before,
    TRY_CAST(feature_json:bytes_after::VARCHAR AS NUMBER(38, 0))     AS bytes_after,
    TRY_CAST(feature_json:success::VARCHAR AS BOOLEAN)               AS success,
    TRY_CAST(feature_json:git_tracked::VARCHAR AS BOOLEAN)           AS git_tracked,
    TRY_CAST(feature_json:interrupted::VARCHAR AS BOOLEAN)           AS interrupted,
    feature_json:_truncated                                          AS truncated,
    feature_json:_more::VARCHAR                                      AS more_features,
    TRY_CAST(feature_json:_original_size::VARCHAR AS NUMBER(38, 0))  AS original_size_bytes,
    feature_json:_schema_errors                                      AS schema_errors,
    TRY_CAST(feature_json:_redacted::VARCHAR AS NUMBER(38, 0))       AS redacted_count,
    anonymous_customer_id,
    revenue_impact,
    link,
    source,
    schema_version,
    channel_id,
    stream_offset,
    loaded_at,
    feature_json
FROM V_CURRENT_STREAM
WHERE event_name = 'file_event';

-- grain: one row per session_event
CREATE OR REPLACE SECURE VIEW VW_SESSION_EVENTS (
    activity_id            COMMENT 'Id of the activity; derived, so that the same fact seen twice has the same id.',
    ts                     COMMENT 'When it happened, UTC, in microseconds.',
    customer               COMMENT 'Who did it: an e-mail address, or user@host.',
    activity               COMMENT 'What was done, verb_noun.',
    session_id             COMMENT 'Claude Code''s id of the session.',
    project                COMMENT 'Root directory of the project.',
    org_id                 COMMENT 'Organisation of the customer.',
    tool_use_id            COMMENT 'Claude Code''s id of the tool call this event belongs to.',
    prompt_id              COMMENT 'Claude Code''s id of the prompt that led to this event.',
    agent_id               COMMENT 'Id of the subagent that acted; absent for the main conversation.',
    agent_type             COMMENT 'Kind of the subagent, for example Explore.',
    git_branch             COMMENT 'Git branch checked out in the working directory.',
    git_commit             COMMENT 'Id of the commit that was checked out when the turn ended.',
    event_type             COMMENT 'What happened: start, end, heartbeat, context_hydration, user_prompt, turn_end, turn_stopped, subagent_start, title, pull_request, turn_duration, compaction, api_error, cost_state, status; the list is open.',
    project_path           COMMENT 'Working directory of the session.',
    user_name              COMMENT 'Operating system user.',
    host                   COMMENT 'Host name.',
    cli_version            COMMENT 'Version of Claude Code.',
    total_activities       COMMENT 'Events the session recorded.',
    total_tokens           COMMENT 'Tokens the session used, in tokens.',
    session_duration_ms    COMMENT 'Time from start to end, in milliseconds.',
    excerpt                COMMENT 'First characters of the prompt or of the turn''s last message, redacted (as ACTIVITY_PROMPTS allows).',
    prompt_hash            COMMENT 'SHA-256 of the text, in hexadecimal.',
    length_chars           COMMENT 'Length of the text before it was cut, in characters.',
    reason                 COMMENT 'Why the session ended, as Claude Code says it; of turn_stopped: failed, interrupted, unfinished; of a compaction: auto, manual.',
    start_source           COMMENT 'How the session started: startup, resume, clear, compact, fork.',
    error                  COMMENT 'What Claude Code showed of the error that ended the turn (its first 1 KiB).',
    title                  COMMENT 'Title of the session, redacted (as ACTIVITY_PROMPTS allows).',
    duration_ms            COMMENT 'Time of the turn, in milliseconds.',
    model                  COMMENT 'Model in use.',
    cost_usd               COMMENT 'Claude Code''s own sum for the session so far, in US dollars; a fork begins with its parent''s.',
    cost_by_model          COMMENT 'The same by model: dollars, and tokens by class.',
    context_used_percent   COMMENT 'How full the context window is, in percent.',
    limits                 COMMENT 'The subscription''s limits: of five_hour and seven_day the percentage used, and when it is reset.',
    truncated              COMMENT 'True where values were cut to fit the limits, or the names of the members that were cut.',
    more_features          COMMENT 'The features after the first 999, of an event with more than 1,000, as one JSON text.',
    original_size_bytes    COMMENT 'Size of the features before they were cut, in bytes.',
    schema_errors          COMMENT 'What did not agree with this schema; the event came from a source that cannot correct it.',
    redacted_count         COMMENT 'How many values redaction replaced.',
    anonymous_customer_id  COMMENT 'The machine, hashed.',
    revenue_impact         COMMENT 'Money in or out, in US dollars; minus the cost of an llm_event.',
    link                   COMMENT 'A URL with more about it.',
    source                 COMMENT 'How it came here: mcp, hook, import, cli, otel.',
    schema_version         COMMENT 'Version of the event schemas it was written for.',
    channel_id             COMMENT 'Queue it was read from.',
    stream_offset          COMMENT 'Its place in that queue: segment, end byte and CRC-32, compared as text.',
    loaded_at              COMMENT 'When the row was loaded, UTC.',
    feature_json           COMMENT 'The features; their schema is chosen by event_name.'
)
COPY GRANTS
COMMENT = 'Moments in the life of sessions; grain: one row per session_event.'
AS
SELECT
    activity_id,
    ts,
    customer,
    activity,
    COALESCE(session_id, feature_json:session_id::VARCHAR)                 AS session_id,
    project,
    org_id,
    feature_json:tool_use_id::VARCHAR                                      AS tool_use_id,
    feature_json:prompt_id::VARCHAR                                        AS prompt_id,
    feature_json:agent_id::VARCHAR                                         AS agent_id,
    feature_json:agent_type::VARCHAR                                       AS agent_type,
    feature_json:git_branch::VARCHAR                                       AS git_branch,
    feature_json:git_commit::VARCHAR                                       AS git_commit,
    feature_json:event_type::VARCHAR                                       AS event_type,
    feature_json:project_path::VARCHAR                                     AS project_path,
    feature_json:user::VARCHAR                                             AS user_name,
    feature_json:host::VARCHAR                                             AS host,
    feature_json:cli_version::VARCHAR                                      AS cli_version,
    TRY_CAST(feature_json:total_activities::VARCHAR AS NUMBER(38, 0))      AS total_activities,
    TRY_CAST(feature_json:total_tokens::VARCHAR AS NUMBER(38, 0))          AS total_tokens,
    TRY_CAST(feature_json:session_duration_ms::VARCHAR AS NUMBER(38, 3))   AS session_duration_ms,
    feature_json:excerpt::VARCHAR                                          AS excerpt,
    feature_json:prompt_hash::VARCHAR                                      AS prompt_hash,
    TRY_CAST(feature_json:length::VARCHAR AS NUMBER(38, 0))                AS length_chars,
    feature_json:reason::VARCHAR                                           AS reason,
    feature_json:start_source::VARCHAR                                     AS start_source,
    feature_json:error::VARCHAR                                            AS error,
    feature_json:title::VARCHAR                                            AS title,
    TRY_CAST(feature_json:duration_ms::VARCHAR AS NUMBER(38, 3))           AS duration_ms,
    feature_json:model::VARCHAR                                            AS model,
    TRY_CAST(feature_json:cost_usd::VARCHAR AS NUMBER(38, 9))              AS cost_usd,
    feature_json:cost_by_model                                             AS cost_by_model,
    TRY_CAST(feature_json:context_used_percent::VARCHAR AS NUMBER(38, 3))  AS context_used_percent,
    feature_json:limits                                                    AS limits,
    feature_json:_truncated                                                AS truncated,
    feature_json:_more::VARCHAR                                            AS more_features,
    TRY_CAST(feature_json:_original_size::VARCHAR AS NUMBER(38, 0))        AS original_size_bytes,
    feature_json:_schema_errors                                            AS schema_errors,
    TRY_CAST(feature_json:_redacted::VARCHAR AS NUMBER(38, 0))             AS redacted_count,
    anonymous_customer_id,
    revenue_impact,
    link,
    source,
    schema_version,
    channel_id,
    stream_offset,
    loaded_at,
    feature_json
FROM V_CURRENT_STREAM
WHERE event_name = 'session_event';

-- grain: one row per mcp_event, which stands for call_count calls
CREATE OR REPLACE SECURE VIEW VW_MCP_EVENTS (
    activity_id            COMMENT 'Id of the activity; derived, so that the same fact seen twice has the same id.',
    ts                     COMMENT 'When it happened, UTC, in microseconds.',
    customer               COMMENT 'Who did it: an e-mail address, or user@host.',
    activity               COMMENT 'What was done, verb_noun.',
    session_id             COMMENT 'Claude Code session.',
    project                COMMENT 'Root directory of the project.',
    org_id                 COMMENT 'Organisation of the customer.',
    tool_use_id            COMMENT 'Claude Code''s id of the tool call this event belongs to.',
    prompt_id              COMMENT 'Claude Code''s id of the prompt that led to this event.',
    agent_id               COMMENT 'Id of the subagent that acted; absent for the main conversation.',
    agent_type             COMMENT 'Kind of the subagent, for example Explore.',
    git_branch             COMMENT 'Git branch checked out in the working directory.',
    method                 COMMENT 'MCP method or tool that was called.',
    latency_ms             COMMENT 'Duration of the call, in milliseconds; where count calls are reported as one, their mean.',
    cache_hit              COMMENT 'Whether the answer came from the local cache.',
    cache_age_ms           COMMENT 'Age of the cached answer, in milliseconds.',
    stale                  COMMENT 'Whether the answer was older than its time to live.',
    context_size_bytes     COMMENT 'Size of the context returned, in bytes.',
    success                COMMENT 'Whether the call succeeded.',
    error_type             COMMENT 'Class of the error of a failed call.',
    call_count             COMMENT 'How many calls this event stands for; absent means one.',
    insight_id             COMMENT 'Id of the insight recorded.',
    artifact_id            COMMENT 'Id of the artifact stored, or the one an insight rests on.',
    subject                COMMENT 'What the insight is about.',
    metric                 COMMENT 'Which measure of the subject.',
    value                  COMMENT 'The measure''s value: any JSON value, in the unit its metric names.',
    grain                  COMMENT 'Grain of the value, such as day or customer.',
    confidence             COMMENT 'Confidence from 0 to 1, without unit.',
    query_id               COMMENT 'Query the insight or artifact rests on.',
    valid_for_hours        COMMENT 'How long the insight holds, in hours.',
    valid_until            COMMENT 'Until when the insight holds, UTC, ISO 8601.',
    source_events          COMMENT 'The event_names the value was derived from.',
    artifact_type          COMMENT 'Kind of artifact, such as table or text.',
    row_count              COMMENT 'Rows in the artifact.',
    sample_rows            COMMENT 'The artifact''s first rows.',
    content_schema         COMMENT 'Names and types of the artifact''s columns.',
    expires_at             COMMENT 'When the artifact may be removed, UTC, ISO 8601.',
    sql_sha256             COMMENT 'SHA-256 of the statement behind the result, in hexadecimal.',
    result_sha256          COMMENT 'SHA-256 of the artifact''s content, in hexadecimal.',
    pinned                 COMMENT 'Whether the artifact is kept beyond its expiry.',
    truncated              COMMENT 'True where values were cut to fit the limits, or the names of the members that were cut.',
    more_features          COMMENT 'The features after the first 999, of an event with more than 1,000, as one JSON text.',
    original_size_bytes    COMMENT 'Size of the features before they were cut, in bytes.',
    schema_errors          COMMENT 'What did not agree with this schema; the event came from a source that cannot correct it.',
    redacted_count         COMMENT 'How many values redaction replaced.',
    anonymous_customer_id  COMMENT 'The machine, hashed.',
    revenue_impact         COMMENT 'Money in or out, in US dollars; minus the cost of an llm_event.',
    link                   COMMENT 'A URL with more about it.',
    source                 COMMENT 'How it came here: mcp, hook, import, cli, otel.',
    schema_version         COMMENT 'Version of the event schemas it was written for.',
    channel_id             COMMENT 'Queue it was read from.',
    stream_offset          COMMENT 'Its place in that queue: segment, end byte and CRC-32, compared as text.',
    loaded_at              COMMENT 'When the row was loaded, UTC.',
    feature_json           COMMENT 'The features; their schema is chosen by event_name.'
)
COPY GRANTS
COMMENT = 'Calls of the MCP server, insights and artifacts; grain: one row per mcp_event, which stands for call_count calls.'
AS
SELECT
    activity_id,
    ts,
    customer,
    activity,
    session_id,
    project,
    org_id,
    feature_json:tool_use_id::VARCHAR                                 AS tool_use_id,
    feature_json:prompt_id::VARCHAR                                   AS prompt_id,
    feature_json:agent_id::VARCHAR                                    AS agent_id,
    feature_json:agent_type::VARCHAR                                  AS agent_type,
    feature_json:git_branch::VARCHAR                                  AS git_branch,
    feature_json:method::VARCHAR                                      AS method,
    TRY_CAST(feature_json:latency_ms::VARCHAR AS NUMBER(38, 3))       AS latency_ms,
    TRY_CAST(feature_json:cache_hit::VARCHAR AS BOOLEAN)              AS cache_hit,
    TRY_CAST(feature_json:cache_age_ms::VARCHAR AS NUMBER(38, 3))     AS cache_age_ms,
    TRY_CAST(feature_json:stale::VARCHAR AS BOOLEAN)                  AS stale,
    TRY_CAST(feature_json:context_size::VARCHAR AS NUMBER(38, 0))     AS context_size_bytes,
    TRY_CAST(feature_json:success::VARCHAR AS BOOLEAN)                AS success,
    feature_json:error_type::VARCHAR                                  AS error_type,
    TRY_CAST(feature_json:count::VARCHAR AS NUMBER(38, 0))            AS call_count,
    feature_json:insight_id::VARCHAR                                  AS insight_id,
    feature_json:artifact_id::VARCHAR                                 AS artifact_id,
    feature_json:subject::VARCHAR                                     AS subject,
    feature_json:metric::VARCHAR                                      AS metric,
    feature_json:value                                                AS value,
    feature_json:grain::VARCHAR                                       AS grain,
    TRY_CAST(feature_json:confidence::VARCHAR AS NUMBER(9, 6))        AS confidence,
    feature_json:query_id::VARCHAR                                    AS query_id,
    TRY_CAST(feature_json:valid_for_hours::VARCHAR AS NUMBER(38, 3))  AS valid_for_hours,
    TRY_CAST(feature_json:valid_until::VARCHAR AS TIMESTAMP_NTZ)      AS valid_until,
    feature_json:source_events                                        AS source_events,
    feature_json:artifact_type::VARCHAR                               AS artifact_type,
    TRY_CAST(feature_json:row_count::VARCHAR AS NUMBER(38, 0))        AS row_count,
    feature_json:sample_rows                                          AS sample_rows,
    feature_json:content_schema                                       AS content_schema,
    TRY_CAST(feature_json:expires_at::VARCHAR AS TIMESTAMP_NTZ)       AS expires_at,
    feature_json:sql_sha256::VARCHAR                                  AS sql_sha256,
    feature_json:result_sha256::VARCHAR                               AS result_sha256,
    TRY_CAST(feature_json:pinned::VARCHAR AS BOOLEAN)                 AS pinned,
    feature_json:_truncated                                           AS truncated,
    feature_json:_more::VARCHAR                                       AS more_features,
    TRY_CAST(feature_json:_original_size::VARCHAR AS NUMBER(38, 0))   AS original_size_bytes,
    feature_json:_schema_errors                                       AS schema_errors,
    TRY_CAST(feature_json:_redacted::VARCHAR AS NUMBER(38, 0))        AS redacted_count,
    anonymous_customer_id,
    revenue_impact,
    link,
    source,
    schema_version,
    channel_id,
    stream_offset,
    loaded_at,
    feature_json
FROM V_CURRENT_STREAM
WHERE event_name = 'mcp_event';

-- Events of the recorder and of Claude Code, and beside them what SCHEMA_DRIFT knows: nothing writes that back into the stream.
-- grain: one row per system_event, and one per drift
CREATE OR REPLACE SECURE VIEW VW_SYSTEM_EVENTS (
    activity_id            COMMENT 'Id of the activity; derived, so that the same fact seen twice has the same id.',
    ts                     COMMENT 'When it happened, UTC, in microseconds.',
    customer               COMMENT 'Who did it: an e-mail address, or user@host.',
    activity               COMMENT 'What was done, verb_noun.',
    session_id             COMMENT 'Claude Code session.',
    project                COMMENT 'Root directory of the project.',
    org_id                 COMMENT 'Organisation of the customer.',
    tool_use_id            COMMENT 'Claude Code''s id of the tool call this event belongs to.',
    prompt_id              COMMENT 'Claude Code''s id of the prompt that led to this event.',
    agent_id               COMMENT 'Id of the subagent that acted; absent for the main conversation.',
    agent_type             COMMENT 'Kind of the subagent, for example Explore.',
    git_branch             COMMENT 'Git branch checked out in the working directory.',
    event_type             COMMENT 'What happened: backpressure, error_recovery, degraded, refused, an unknown hook; the list is open.',
    severity               COMMENT 'How grave it is.',
    message                COMMENT 'One sentence for a person.',
    metrics                COMMENT 'Numbers that belong to it; each name carries its unit.',
    action_taken           COMMENT 'What was done about it.',
    hook_event_name        COMMENT 'Hook event of Claude Code that reported it.',
    raw                    COMMENT 'The payload as it came, redacted and cut, where nothing better is known.',
    segment                COMMENT 'Queue segment concerned.',
    from_byte              COMMENT 'First byte concerned in the segment, in bytes.',
    to_byte                COMMENT 'First byte after the part concerned, in bytes.',
    reason                 COMMENT 'Why it happened.',
    truncated              COMMENT 'True where values were cut to fit the limits, or the names of the members that were cut.',
    more_features          COMMENT 'The features after the first 999, of an event with more than 1,000, as one JSON text.',
    original_size_bytes    COMMENT 'Size of the features before they were cut, in bytes.',
    schema_errors          COMMENT 'What did not agree with this schema; the event came from a source that cannot correct it.',
    redacted_count         COMMENT 'How many values redaction replaced.',
    anonymous_customer_id  COMMENT 'The machine, hashed.',
    revenue_impact         COMMENT 'Money in or out, in US dollars; minus the cost of an llm_event.',
    link                   COMMENT 'A URL with more about it.',
    source                 COMMENT 'How it came here: mcp, hook, import, cli, otel.',
    schema_version         COMMENT 'Version of the event schemas it was written for.',
    channel_id             COMMENT 'Queue it was read from.',
    stream_offset          COMMENT 'Its place in that queue: segment, end byte and CRC-32, compared as text.',
    loaded_at              COMMENT 'When the row was loaded, UTC.',
    feature_json           COMMENT 'The features; their schema is chosen by event_name.'
)
COPY GRANTS
COMMENT = 'System events, and schema drift as schema_drift_detected; grain: one row per system_event, and one per drift.'
AS
WITH differences AS (
    SELECT
        drift_id,
        customer,
        org_id,
        event_name,
        field,
        drift_kind,
        observed_type,
        sample_reason,
        first_seen_at,
        accepted_at,
        schema_version,
        updated_at,
        OBJECT_CONSTRUCT(
            'event_type', 'schema_drift_detected',
            'event_name', event_name,
            'field', field,
            'drift_kind', drift_kind,
            'expected_types', expected_types,
            'observed_type', observed_type,
            'occurrences', occurrences,
            'first_activity_id', first_activity_id,
            'first_seen_at', TO_CHAR(first_seen_at, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"'),
            'last_seen_at', TO_CHAR(last_seen_at, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"'),
            'accepted_at', TO_CHAR(accepted_at, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"')
        )::VARIANT AS details
    FROM SCHEMA_DRIFT
    WHERE occurrences > 0
)

SELECT
    activity_id,
    ts,
    customer,
    activity,
    session_id,
    project,
    org_id,
    feature_json:tool_use_id::VARCHAR                                AS tool_use_id,
    feature_json:prompt_id::VARCHAR                                  AS prompt_id,
    feature_json:agent_id::VARCHAR                                   AS agent_id,
    feature_json:agent_type::VARCHAR                                 AS agent_type,
    feature_json:git_branch::VARCHAR                                 AS git_branch,
    feature_json:event_type::VARCHAR                                 AS event_type,
    feature_json:severity::VARCHAR                                   AS severity,
    feature_json:message::VARCHAR                                    AS message,
    feature_json:metrics                                             AS metrics,
    feature_json:action_taken::VARCHAR                               AS action_taken,
    feature_json:hook_event_name::VARCHAR                            AS hook_event_name,
    feature_json:raw                                                 AS raw,
    TRY_CAST(feature_json:segment::VARCHAR AS NUMBER(38, 0))         AS segment,
    TRY_CAST(feature_json['from']::VARCHAR AS NUMBER(38, 0))         AS from_byte,
    TRY_CAST(feature_json['to']::VARCHAR AS NUMBER(38, 0))           AS to_byte,
    feature_json:reason::VARCHAR                                     AS reason,
    feature_json:_truncated                                          AS truncated,
    feature_json:_more::VARCHAR                                      AS more_features,
    TRY_CAST(feature_json:_original_size::VARCHAR AS NUMBER(38, 0))  AS original_size_bytes,
    feature_json:_schema_errors                                      AS schema_errors,
    TRY_CAST(feature_json:_redacted::VARCHAR AS NUMBER(38, 0))       AS redacted_count,
    anonymous_customer_id,
    revenue_impact,
    link,
    source,
    schema_version,
    channel_id,
    stream_offset,
    loaded_at,
    feature_json
FROM V_CURRENT_STREAM
WHERE event_name = 'system_event'
UNION ALL
SELECT
    drift_id AS activity_id,
    first_seen_at AS ts,
    customer,
    'raised_schema_drift_detected' AS activity,
    NULL AS session_id,
    NULL AS project,
    org_id,
    NULL AS tool_use_id,
    NULL AS prompt_id,
    NULL AS agent_id,
    NULL AS agent_type,
    NULL AS git_branch,
    'schema_drift_detected' AS event_type,
    IFF(drift_kind = 'new_key', 'info', 'warning') AS severity,
    event_name || '.' || field || ': ' || drift_kind || ', ' || observed_type || ' seen' AS message,
    details AS metrics,
    CASE
        WHEN accepted_at IS NOT NULL THEN 'accepted'
        WHEN drift_kind = 'new_key' THEN 'none'
        ELSE 'insights derived from ' || event_name || ' are quarantined'
    END AS action_taken,
    NULL AS hook_event_name,
    NULL AS raw,
    NULL AS segment,
    NULL AS from_byte,
    NULL AS to_byte,
    sample_reason AS reason,
    NULL AS truncated,
    NULL AS more_features,
    NULL AS original_size_bytes,
    NULL AS schema_errors,
    NULL AS redacted_count,
    NULL AS anonymous_customer_id,
    NULL AS revenue_impact,
    NULL AS link,
    'warehouse' AS source,
    schema_version,
    NULL AS channel_id,
    NULL AS stream_offset,
    updated_at AS loaded_at,
    details AS feature_json
FROM differences;

-- What Snowflake itself knows of the queries of the account, of anybody: readers are not given it, but VW_SQL_EVENTS_HISTORY, which
-- shows of it the queries of their own rows. It lags up to 45 minutes behind, and a month of it is read. The schema's owner needs IMPORTED
-- PRIVILEGES on the database SNOWFLAKE; until an administrator grants them this view is empty, and deploying again makes it right.
-- snowflake-only: the embedded engine has an empty view of this name
EXECUTE IMMEDIATE $$
BEGIN
    CREATE OR REPLACE VIEW V_QUERY_HISTORY
    COPY GRANTS
    COMMENT = 'Queries of the last 31 days as Snowflake recorded them, up to 45 minutes late; for operators; grain: one row per query.'
    AS
    SELECT
        query_id,
        CONVERT_TIMEZONE('UTC', start_time)::TIMESTAMP_NTZ AS started_at,
        execution_status,
        total_elapsed_time::NUMBER(38, 0) AS elapsed_ms,
        bytes_scanned::NUMBER(38, 0) AS bytes_scanned,
        rows_produced::NUMBER(38, 0) AS rows_produced,
        warehouse_name,
        credits_used_cloud_services::NUMBER(38, 9) AS credits_cloud_services,
        error_message
    FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY
    WHERE start_time >= DATEADD(DAY, -31, SYSDATE());
EXCEPTION
    WHEN OTHER THEN
        CREATE OR REPLACE VIEW V_QUERY_HISTORY
        COPY GRANTS
        COMMENT = 'Empty until IMPORTED PRIVILEGES on the database SNOWFLAKE are granted and this file runs again.'
        AS
        SELECT
            NULL::VARCHAR AS query_id,
            NULL::TIMESTAMP_NTZ AS started_at,
            NULL::VARCHAR AS execution_status,
            NULL::NUMBER(38, 0) AS elapsed_ms,
            NULL::NUMBER(38, 0) AS bytes_scanned,
            NULL::NUMBER(38, 0) AS rows_produced,
            NULL::VARCHAR AS warehouse_name,
            NULL::NUMBER(38, 9) AS credits_cloud_services,
            NULL::VARCHAR AS error_message
        WHERE FALSE;
END;
$$;

-- Statements as they were reported, beside what Snowflake recorded of them, joined on query_id alone: a query tag names a session.
-- A statement younger than 45 minutes may have no history yet; see is_in_history.
-- grain: one row per sql_event
CREATE OR REPLACE SECURE VIEW VW_SQL_EVENTS_HISTORY (
    activity_id             COMMENT 'Id of the activity; derived, so that the same fact seen twice has the same id.',
    ts                      COMMENT 'When it happened, UTC, in microseconds.',
    customer                COMMENT 'Who did it: an e-mail address, or user@host.',
    session_id              COMMENT 'Claude Code session.',
    project                 COMMENT 'Root directory of the project.',
    org_id                  COMMENT 'Organisation of the customer.',
    query_id                COMMENT 'The warehouse''s id of the query, or one derived by the client.',
    sql                     COMMENT 'The statement''s text, after redaction.',
    success                 COMMENT 'Whether the statement succeeded.',
    artifact_id             COMMENT 'Artifact that holds the result.',
    reported_duration_ms    COMMENT 'As the client measured it, in milliseconds.',
    reported_row_count      COMMENT 'As the client counted them.',
    reported_bytes_scanned  COMMENT 'As reported to the client.',
    is_in_history           COMMENT 'Whether Snowflake has recorded it yet.',
    started_at              COMMENT 'When Snowflake started it, UTC.',
    execution_status        COMMENT 'How it ended there.',
    elapsed_ms              COMMENT 'How long it took there, in milliseconds.',
    bytes_scanned           COMMENT 'Bytes it read.',
    rows_produced           COMMENT 'Rows it gave.',
    warehouse_name          COMMENT 'Warehouse it ran on.',
    credits_cloud_services  COMMENT 'Credits of cloud services it used.',
    error_message           COMMENT 'Why it failed there.'
)
COPY GRANTS
COMMENT = 'SQL events with Snowflake''s record of the query, which is up to 45 minutes late; grain: one row per sql_event.'
AS
SELECT
    event.activity_id,
    event.ts,
    event.customer,
    event.session_id,
    event.project,
    event.org_id,
    event.query_id,
    event.sql,
    event.success,
    event.artifact_id,
    event.duration_ms                                                         AS reported_duration_ms,
    event.row_count                                                           AS reported_row_count,
    event.bytes_scanned                                                       AS reported_bytes_scanned,
    COALESCE(history.query_id IS NOT NULL, FALSE)                             AS is_in_history,
    history.started_at,
    history.execution_status,
    history.elapsed_ms,
    history.bytes_scanned,
    history.rows_produced,
    history.warehouse_name,
    history.credits_cloud_services,
    history.error_message
FROM VW_SQL_EVENTS AS event
LEFT JOIN V_QUERY_HISTORY AS history
    ON event.query_id = history.query_id;

-- How the product does, hour by hour. A rate or a percentile without data is NULL, and so is the flag of its service level.
--
--   success_rate       of the events that say whether they succeeded (an aggregated mcp_event counts as its calls)
--   stale_share        of the get_context answers that say whether they were stale
--   provenance_share   of the activities that name where they come from: tool_use_id, prompt_id, query_id, artifact_id, request_id or link
--   ingestion_lag      from an event to its row; imports and rows of version 1 are not in it, they are old when they arrive
--   context_lag        age of what get_context answered from
--   meets_get_context  p95 of get_context below 25 ms         meets_refresh     p95 of refresh_context below 5 s
--   meets_first_token  p95 of the first token below 300 ms    meets_end_to_end  p95 of ingestion_lag below 8 s
--
--   health_score = 100 * (0.4 * success_rate + 0.3 * service levels met / service levels with data
--                         + 0.2 * (1 - stale_share) + 0.1 * (1 if nothing was refused, quarantined or rejected, else 0))
--                  over the sum of the weights of those parts that have data; the last part always has.
--
-- A filter on hour or customer reaches the stream: only the rows of those hours are taken apart.
-- grain: one row per (customer, hour)
CREATE OR REPLACE SECURE VIEW VW_PRODUCT_METRICS (
    customer              COMMENT 'Whose hour.',
    hour                  COMMENT 'First moment of the hour, UTC.',
    activities            COMMENT 'Rows of that hour.',
    event_names           COMMENT 'How many kinds of event.',
    sessions              COMMENT 'Sessions with a row in that hour.',
    sql_events            COMMENT 'Rows of the kind sql_event.',
    llm_events            COMMENT 'Rows of the kind llm_event.',
    tool_events           COMMENT 'Rows of the kind tool_event.',
    file_events           COMMENT 'Rows of the kind file_event.',
    session_events        COMMENT 'Rows of the kind session_event.',
    mcp_events            COMMENT 'Rows of the kind mcp_event.',
    system_events         COMMENT 'Rows of the kind system_event.',
    get_context_calls     COMMENT 'Calls of get_context.',
    tool_p50_ms           COMMENT 'Latency that 50 % of the tool calls stay below, in milliseconds.',
    tool_p95_ms           COMMENT 'Latency that 95 % of the tool calls stay below, in milliseconds.',
    tool_p99_ms           COMMENT 'Latency that 99 % of the tool calls stay below, in milliseconds.',
    get_context_p50_ms    COMMENT 'Latency that 50 % of the calls of get_context stay below, in milliseconds.',
    get_context_p95_ms    COMMENT 'Latency that 95 % of the calls of get_context stay below, in milliseconds.',
    get_context_p99_ms    COMMENT 'Latency that 99 % of the calls of get_context stay below, in milliseconds.',
    refresh_p95_ms        COMMENT 'Latency that 95 % of the calls of refresh_context stay below, in milliseconds.',
    first_token_p95_ms    COMMENT 'Time to the first token that 95 % of the responses stay below, in milliseconds.',
    ingestion_lag_p95_ms  COMMENT 'From an event to its row, 95 % stay below, in milliseconds; imports are left out.',
    context_lag_p95_ms    COMMENT 'Age of what get_context answered from, 95 % stay below, in milliseconds.',
    success_rate          COMMENT 'Share of the events that say so which succeeded; null without one.',
    stale_share           COMMENT 'Share of the get_context answers that were stale.',
    tokens                COMMENT 'Tokens in and out.',
    cost_usd              COMMENT 'Cost of the responses, in US dollars, where it is known.',
    cost_estimated_usd    COMMENT 'The part of it that is an estimate from a list of prices, in US dollars.',
    refused               COMMENT 'Events the queue refused.',
    quarantined           COMMENT 'Damaged ranges of a queue that were set aside.',
    rejected              COMMENT 'Rows the table could not take.',
    provenance_share      COMMENT 'Share of the activities that name where they come from.',
    meets_get_context     COMMENT 'p95 of get_context below 25 ms.',
    meets_refresh         COMMENT 'p95 of refresh_context below 5 s.',
    meets_first_token     COMMENT 'p95 of the first token below 300 ms.',
    meets_end_to_end      COMMENT 'p95 of the ingestion lag below 8 s.',
    health_score          COMMENT 'From 0 to 100; the comment of the file says how it is made.'
)
COPY GRANTS
COMMENT = 'Usage, latencies, lags, cost, losses and service levels by hour; grain: one row per customer and hour.'
AS
WITH events AS (
    SELECT
        customer,
        hour_start AS hour,
        event_name,
        session_id,
        CASE
            WHEN event_name = 'mcp_event' THEN GREATEST(COALESCE(TRY_CAST(feature_json:count::VARCHAR AS NUMBER(18, 0)), 1), 1)
            ELSE 1
        END AS calls,
        CASE
            WHEN event_name = 'mcp_event' THEN feature_json:method::VARCHAR
        END AS method,
        CASE
            WHEN event_name IN ('tool_event', 'llm_event', 'mcp_event')
                THEN TRY_CAST(feature_json:latency_ms::VARCHAR AS NUMBER(18, 3))
        END AS latency_ms,
        CASE
            WHEN event_name IN ('sql_event', 'tool_event', 'file_event', 'mcp_event')
                AND feature_json:denied::VARCHAR IS NULL
                AND NOT COALESCE(TRY_CAST(feature_json:interrupted::VARCHAR AS BOOLEAN), FALSE)
                THEN TRY_CAST(feature_json:success::VARCHAR AS BOOLEAN)
        END AS success,
        CASE
            WHEN event_name = 'mcp_event' THEN TRY_CAST(feature_json:cache_age_ms::VARCHAR AS NUMBER(18, 3))
        END AS cache_age_ms,
        CASE
            WHEN event_name = 'mcp_event' THEN TRY_CAST(feature_json:stale::VARCHAR AS BOOLEAN)
        END AS stale,
        CASE
            WHEN event_name = 'llm_event' THEN
                COALESCE(TRY_CAST(feature_json:prompt_tokens::VARCHAR AS NUMBER(18, 0)), 0)
                + COALESCE(TRY_CAST(feature_json:completion_tokens::VARCHAR AS NUMBER(18, 0)), 0)
            ELSE 0
        END AS tokens,
        CASE
            WHEN event_name = 'llm_event' THEN TRY_CAST(feature_json:cost_usd::VARCHAR AS NUMBER(18, 9))
        END AS cost_usd,
        CASE
            WHEN event_name = 'llm_event' THEN feature_json:cost_source::VARCHAR = 'estimated'
        END AS is_estimated,
        CASE
            WHEN event_name = 'system_event' THEN feature_json:event_type::VARCHAR
        END AS system_event_type,
        CASE
            WHEN event_name = 'system_event' THEN TRY_CAST(feature_json:metrics.refused::VARCHAR AS NUMBER(18, 0))
        END AS refused_count,
        CASE
            WHEN event_name = 'system_event' THEN TRY_CAST(feature_json:metrics['rows']::VARCHAR AS NUMBER(18, 0))
        END AS rejected_count,
        CASE
            WHEN source NOT IN ('import', 'v1') THEN DATEDIFF(MILLISECOND, ts, loaded_at)
        END AS ingestion_lag_ms,
        COALESCE(
            link,
            feature_json:tool_use_id::VARCHAR,
            feature_json:prompt_id::VARCHAR,
            feature_json:query_id::VARCHAR,
            feature_json:artifact_id::VARCHAR,
            feature_json:request_id::VARCHAR
        ) IS NOT NULL AS has_provenance
    FROM V_CURRENT_STREAM
),

hours AS (
    SELECT
        customer,
        hour,
        COUNT(*) AS activities,
        COUNT(DISTINCT event_name) AS event_names,
        COUNT(DISTINCT session_id) AS sessions,
        COUNT_IF(event_name = 'sql_event') AS sql_events,
        COUNT_IF(event_name = 'llm_event') AS llm_events,
        COUNT_IF(event_name = 'tool_event') AS tool_events,
        COUNT_IF(event_name = 'file_event') AS file_events,
        COUNT_IF(event_name = 'session_event') AS session_events,
        COUNT_IF(event_name = 'mcp_event') AS mcp_events,
        COUNT_IF(event_name = 'system_event') AS system_events,
        SUM(IFF(method = 'get_context', calls, 0)) AS get_context_calls,
        PERCENTILE_CONT(0.50) WITHIN GROUP (ORDER BY IFF(event_name = 'tool_event', latency_ms, NULL)::FLOAT) AS tool_p50_ms,
        PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY IFF(event_name = 'tool_event', latency_ms, NULL)::FLOAT) AS tool_p95_ms,
        PERCENTILE_CONT(0.99) WITHIN GROUP (ORDER BY IFF(event_name = 'tool_event', latency_ms, NULL)::FLOAT) AS tool_p99_ms,
        PERCENTILE_CONT(0.50)
            WITHIN GROUP (ORDER BY IFF(method = 'get_context', latency_ms::FLOAT / calls, NULL)::FLOAT) AS get_context_p50_ms,
        PERCENTILE_CONT(0.95)
            WITHIN GROUP (ORDER BY IFF(method = 'get_context', latency_ms::FLOAT / calls, NULL)::FLOAT) AS get_context_p95_ms,
        PERCENTILE_CONT(0.99)
            WITHIN GROUP (ORDER BY IFF(method = 'get_context', latency_ms::FLOAT / calls, NULL)::FLOAT) AS get_context_p99_ms,
        PERCENTILE_CONT(0.95)
            WITHIN GROUP (ORDER BY IFF(method = 'refresh_context', latency_ms::FLOAT / calls, NULL)::FLOAT) AS refresh_p95_ms,
        PERCENTILE_CONT(0.95)
            WITHIN GROUP (ORDER BY IFF(event_name = 'llm_event', latency_ms, NULL)::FLOAT) AS first_token_p95_ms,
        PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY ingestion_lag_ms::FLOAT) AS ingestion_lag_p95_ms,
        PERCENTILE_CONT(0.95)
            WITHIN GROUP (ORDER BY IFF(method = 'get_context', cache_age_ms, NULL)::FLOAT) AS context_lag_p95_ms,
        SUM(IFF(success, calls, 0))::FLOAT / NULLIF(SUM(IFF(success IS NOT NULL, calls, 0)), 0) AS success_rate,
        SUM(IFF(method = 'get_context' AND stale, calls, 0))::FLOAT
        / NULLIF(SUM(IFF(method = 'get_context' AND stale IS NOT NULL, calls, 0)), 0) AS stale_share,
        SUM(tokens) AS tokens,
        COALESCE(SUM(cost_usd), 0) AS cost_usd,
        COALESCE(SUM(IFF(is_estimated, cost_usd, NULL)), 0) AS cost_estimated_usd,
        SUM(IFF(system_event_type = 'queue_refused', COALESCE(refused_count, 1), 0)) AS refused,
        COUNT_IF(system_event_type = 'error_recovery') AS quarantined,
        SUM(IFF(system_event_type = 'rows_left_out', COALESCE(rejected_count, 1), 0)) AS rejected,
        COUNT_IF(has_provenance)::FLOAT / COUNT(*) AS provenance_share
    FROM events
    GROUP BY customer, hour
),

judged AS (
    SELECT
        *,
        get_context_p95_ms < 25 AS meets_get_context,
        refresh_p95_ms < 5000 AS meets_refresh,
        first_token_p95_ms < 300 AS meets_first_token,
        ingestion_lag_p95_ms < 8000 AS meets_end_to_end
    FROM hours
),

counted AS (
    SELECT
        *,
        IFF(meets_get_context IS NULL, 0, 1) + IFF(meets_refresh IS NULL, 0, 1)
        + IFF(meets_first_token IS NULL, 0, 1) + IFF(meets_end_to_end IS NULL, 0, 1) AS levels,
        IFF(meets_get_context, 1, 0) + IFF(meets_refresh, 1, 0)
        + IFF(meets_first_token, 1, 0) + IFF(meets_end_to_end, 1, 0) AS levels_met
    FROM judged
)

SELECT
    customer,
    hour,
    activities,
    event_names,
    sessions,
    sql_events,
    llm_events,
    tool_events,
    file_events,
    session_events,
    mcp_events,
    system_events,
    get_context_calls,
    tool_p50_ms,
    tool_p95_ms,
    tool_p99_ms,
    get_context_p50_ms,
    get_context_p95_ms,
    get_context_p99_ms,
    refresh_p95_ms,
    first_token_p95_ms,
    ingestion_lag_p95_ms,
    context_lag_p95_ms,
    success_rate,
    stale_share,
    tokens,
    cost_usd,
    cost_estimated_usd,
    refused,
    quarantined,
    rejected,
    provenance_share,
    meets_get_context,
    meets_refresh,
    meets_first_token,
    meets_end_to_end,
    100 * (
        COALESCE(0.4::FLOAT * success_rate, 0)
        + COALESCE(0.3::FLOAT * levels_met / NULLIF(levels, 0), 0)
        + COALESCE(0.2::FLOAT * (1 - stale_share), 0)
        + IFF(refused + quarantined + rejected = 0, 0.1::FLOAT, 0)
    ) / (
        IFF(success_rate IS NULL, 0, 0.4::FLOAT)
        + IFF(levels = 0, 0, 0.3::FLOAT)
        + IFF(stale_share IS NULL, 0, 0.2::FLOAT)
        + 0.1::FLOAT
    ) AS health_score
FROM counted;
