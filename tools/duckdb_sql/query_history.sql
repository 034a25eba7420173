-- Snowflake records every query; the embedded engine none. So what is joined with that record finds nothing here.

-- statement
CREATE OR REPLACE VIEW V_QUERY_HISTORY AS
SELECT
    CAST(NULL AS VARCHAR) AS query_id,
    CAST(NULL AS TIMESTAMP) AS started_at,
    CAST(NULL AS VARCHAR) AS execution_status,
    CAST(NULL AS DECIMAL(38, 0)) AS elapsed_ms,
    CAST(NULL AS DECIMAL(38, 0)) AS bytes_scanned,
    CAST(NULL AS DECIMAL(38, 0)) AS rows_produced,
    CAST(NULL AS VARCHAR) AS warehouse_name,
    CAST(NULL AS DECIMAL(38, 9)) AS credits_cloud_services,
    CAST(NULL AS VARCHAR) AS error_message
WHERE FALSE;

-- statement
-- The same under Snowflake's own names: SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY in a question is this one.
CREATE OR REPLACE VIEW QUERY_HISTORY AS
SELECT
    CAST(NULL AS VARCHAR) AS query_id,
    CAST(NULL AS VARCHAR) AS query_text,
    CAST(NULL AS VARCHAR) AS query_tag,
    CAST(NULL AS VARCHAR) AS user_name,
    CAST(NULL AS VARCHAR) AS warehouse_name,
    CAST(NULL AS VARCHAR) AS execution_status,
    CAST(NULL AS TIMESTAMP) AS start_time,
    CAST(NULL AS TIMESTAMP) AS end_time,
    CAST(NULL AS DECIMAL(38, 0)) AS total_elapsed_time,
    CAST(NULL AS DECIMAL(38, 0)) AS bytes_scanned,
    CAST(NULL AS DECIMAL(38, 0)) AS rows_produced,
    CAST(NULL AS DECIMAL(38, 9)) AS credits_used_cloud_services,
    CAST(NULL AS VARCHAR) AS error_message
WHERE FALSE;
