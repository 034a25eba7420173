-- How the embedded warehouse fares, under the names that Snowflake's views have. There the stream waits for a task; here the queue
-- waits for its leader, who appends its batches and runs the same statements over them every few seconds.

-- statement
-- Rows of CLAUDE_STREAM_V2 that are not folded yet, as Snowflake's stream holds them for its task: filled in the transaction that
-- inserts them, emptied in the one that folds them.
CREATE TABLE IF NOT EXISTS CLAUDE_STREAM_V2_UNFOLDED AS SELECT * FROM CLAUDE_STREAM_V2 LIMIT 0;

-- statement
-- What waits to be folded: in the queue, as the process that asks knows it (nothing where that was not said), and in the file.
-- grain: one row
CREATE OR REPLACE VIEW V_STREAM_LAG AS
WITH runs AS (
    SELECT MAX(started_at) AS newest_load, MAX(newest_ts) AS read_up_to FROM REFRESH_RUNS
),

waiting AS (
    SELECT COUNT(*) + COALESCE(CAST(getvariable('waiting_rows') AS BIGINT), 0) AS waiting_rows FROM CLAUDE_STREAM_V2_UNFOLDED
)

SELECT
    'QUEUE' AS stream_name,
    waiting.waiting_rows > 0 AS has_data,
    runs.read_up_to,
    runs.newest_load,
    waiting.waiting_rows,
    COALESCE(CAST(getvariable('waiting_ms') AS BIGINT), 0) AS lag_ms
FROM runs, waiting;

-- statement
-- Flushes and their refreshes as runs. A run that failed left nothing behind: the queue keeps its batch, and it is done again.
-- grain: one row per task
CREATE OR REPLACE VIEW V_TASK_MONITORING AS
WITH summed AS (
    SELECT
        COUNT(*) AS runs_24h,
        MAX(started_at) AS last_completed_at,
        AVG(duration_ms) AS avg_duration_ms,
        MAX(duration_ms) AS max_duration_ms
    FROM REFRESH_RUNS
    WHERE started_at >= utc_now() - INTERVAL 24 HOUR
)

SELECT
    'REFRESH_CONTEXT_TASK' AS task_name,
    CASE WHEN runs_24h > 0 THEN 'SUCCEEDED' END AS state,
    last_completed_at,
    runs_24h,
    0 AS failures_24h,
    avg_duration_ms,
    max_duration_ms,
    CAST(NULL AS VARCHAR) AS last_error,
    CASE WHEN runs_24h > 0 THEN 'ok' ELSE 'silent' END AS health
FROM summed;
