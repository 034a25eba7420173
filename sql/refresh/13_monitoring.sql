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
