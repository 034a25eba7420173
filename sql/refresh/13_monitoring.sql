-- How far the context is behind the stream. What the stream's offset says is the version of the table it has read up to, which on
-- an idle system is hours ago; so there is a lag only while there is something to read.
-- grain: one row
CREATE OR REPLACE VIEW V_STREAM_LAG
COPY GRANTS
COMMENT = 'Whether rows wait for REFRESH_CONTEXT_TASK and for how long, zero when idle; grain: one row.'
AS
WITH stream AS (
    SELECT
        SYSTEM$STREAM_HAS_DATA('CLAUDE_STREAM_V2_STREAM') AS has_data,
        TO_TIMESTAMP_NTZ(SYSTEM$STREAM_GET_TABLE_TIMESTAMP('CLAUDE_STREAM_V2_STREAM')::NUMBER, 9) AS read_up_to
),

loaded AS (
    SELECT MAX(CONVERT_TIMEZONE('UTC', METADATA$ROW_LAST_COMMIT_TIME)::TIMESTAMP_NTZ) AS newest_load
    FROM CLAUDE_STREAM_V2
    WHERE ts >= DATEADD(DAY, -2, SYSDATE())
)

SELECT
    'CLAUDE_STREAM_V2_STREAM' AS stream_name,
    stream.has_data,
    stream.read_up_to,
    loaded.newest_load,
    IFF(stream.has_data, GREATEST(COALESCE(DATEDIFF(MILLISECOND, stream.read_up_to, loaded.newest_load), 0), 0), 0) AS lag_ms
FROM stream
CROSS JOIN loaded;

-- The tasks of this schema over the last 24 hours. TASK_HISTORY applies its limit before any WHERE: hence one call for each task.
-- health: ok; failing (the last run failed); unsteady (one of the runs did); silent (none ran: suspended, or nothing to do).
-- grain: one row per task that ran
CREATE OR REPLACE VIEW V_TASK_MONITORING
COPY GRANTS
COMMENT = 'State, durations and health of the tasks over 24 hours; grain: one row per task.'
AS
WITH runs AS (
    SELECT name AS task_name, state, error_message, query_start_time, completed_time
    FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(TASK_NAME => 'REFRESH_CONTEXT_TASK', RESULT_LIMIT => 10000))
    UNION ALL
    SELECT name AS task_name, state, error_message, query_start_time, completed_time
    FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(TASK_NAME => 'DAILY_UPKEEP_TASK', RESULT_LIMIT => 100))
    UNION ALL
    SELECT name AS task_name, state, error_message, query_start_time, completed_time
    FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(TASK_NAME => 'DUAL_WRITE_TASK', RESULT_LIMIT => 10000))
),

known AS (
    SELECT task_name
    FROM (VALUES ('REFRESH_CONTEXT_TASK'), ('DAILY_UPKEEP_TASK'), ('DUAL_WRITE_TASK')) AS named (task_name)
),

summed AS (
    SELECT
        task_name,
        COUNT_IF(state IN ('SUCCEEDED', 'FAILED')) AS runs_24h,
        COUNT_IF(state = 'FAILED') AS failures_24h,
        MAX_BY(state, completed_time) AS last_state,
        MAX_BY(error_message, completed_time) AS last_error,
        MAX(completed_time) AS last_completed_at,
        AVG(DATEDIFF(MILLISECOND, query_start_time, completed_time)) AS avg_duration_ms,
        MAX(DATEDIFF(MILLISECOND, query_start_time, completed_time)) AS max_duration_ms
    FROM runs
    WHERE completed_time IS NOT NULL
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
        WHEN summed.last_state = 'FAILED' THEN 'failing'
        WHEN summed.failures_24h > 0 THEN 'unsteady'
        ELSE 'ok'
    END AS health
FROM known
LEFT JOIN summed
    ON known.task_name = summed.task_name;

-- A task is created suspended, and CREATE OR REPLACE suspends it again.
ALTER TASK REFRESH_CONTEXT_TASK RESUME;
ALTER TASK DAILY_UPKEEP_TASK RESUME;
