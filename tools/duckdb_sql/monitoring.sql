-- How the embedded warehouse fares, under the names that Snowflake's views have. There the stream waits for a task; here the queue
-- waits for its leader, who runs the same statements after each batch.

-- statement
-- What waits in the queue, as the process that asks knows it; nothing where that was not said.
-- grain: one row
CREATE OR REPLACE VIEW V_STREAM_LAG AS
WITH runs AS (
    SELECT MAX(started_at) AS newest_load, MAX(newest_ts) AS read_up_to FROM REFRESH_RUNS
)

SELECT
    'QUEUE' AS stream_name,
    COALESCE(CAST(getvariable('waiting_rows') AS BIGINT), 0) > 0 AS has_data,
    runs.read_up_to,
    runs.newest_load,
    COALESCE(CAST(getvariable('waiting_rows') AS BIGINT), 0) AS waiting_rows,
    COALESCE(CAST(getvariable('waiting_ms') AS BIGINT), 0) AS lag_ms
FROM runs;

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
