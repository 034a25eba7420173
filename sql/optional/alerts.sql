-- alerts.sql: whom to alert when nothing is recorded any more. Nothing applies this file but you: snow sql -f sql/optional/alerts.sql
-- Needs: 01 to 05; CREATE INTEGRATION and EXECUTE ALERT, EXECUTE MANAGED ALERT on the account (ACCOUNTADMIN has them). Put your own
-- address in. Each alert runs serverless, some seconds an hour: about 0.02 credits a day together.
SET activity_database  = 'CLAUDE_LOGS';
SET activity_schema    = 'ACTIVITIES';
SET activity_role      = CURRENT_ROLE();

USE ROLE     IDENTIFIER($activity_role);
USE DATABASE IDENTIFIER($activity_database);
USE SCHEMA   IDENTIFIER($activity_schema);

-- The addresses must be verified ones of this account's users.
CREATE NOTIFICATION INTEGRATION IF NOT EXISTS ACTIVITY_MAIL
    TYPE = EMAIL
    ENABLED = TRUE
    ALLOWED_RECIPIENTS = ('data-team@example.com');

-- Rows wait although the task should run once a minute: it is suspended, fails, or its stream is stale.
CREATE OR REPLACE ALERT ACTIVITY_LAG
    SCHEDULE = '60 MINUTES'
    COMMENT = 'Rows have waited for REFRESH_CONTEXT_TASK for more than half an hour.'
    IF (EXISTS (SELECT 1 FROM V_STREAM_LAG WHERE lag_ms > 1800000))
    THEN CALL SYSTEM$SEND_EMAIL(
        'ACTIVITY_MAIL', 'data-team@example.com', 'activity_mcp: contexts stand still',
        'Rows have waited for REFRESH_CONTEXT_TASK for more than half an hour. Runbook: docs/snowflake.md, "When the tasks stand still".'
    );

CREATE OR REPLACE ALERT ACTIVITY_TASK_FAILURES
    SCHEDULE = '60 MINUTES'
    COMMENT = 'The last run of a task failed.'
    IF (EXISTS (SELECT 1 FROM V_TASK_MONITORING WHERE health = 'failing'))
    THEN CALL SYSTEM$SEND_EMAIL(
        'ACTIVITY_MAIL', 'data-team@example.com', 'activity_mcp: a task fails',
        'SELECT * FROM V_TASK_MONITORING says which and why. Runbook: docs/snowflake.md, "When the tasks stand still".'
    );

-- A row that the table could not take: the channel's token has moved past it, and only this table has it.
CREATE OR REPLACE ALERT ACTIVITY_ROWS_LEFT_OUT
    SCHEDULE = '60 MINUTES'
    COMMENT = 'Snowpipe Streaming left rows out.'
    IF (EXISTS (SELECT 1 FROM VW_SYSTEM_EVENTS WHERE event_type = 'rows_left_out' AND loaded_at > DATEADD(HOUR, -1, SYSDATE())))
    THEN CALL SYSTEM$SEND_EMAIL(
        'ACTIVITY_MAIL', 'data-team@example.com', 'activity_mcp: rows were left out',
        'SELECT * FROM ERROR_TABLE(CLAUDE_STREAM_V2) has them and the reason; `activity-mcp flush --retry-dead` sends them again.'
    );

CREATE OR REPLACE ALERT ACTIVITY_DOUBLED_ROWS
    SCHEDULE = 'USING CRON 41 4 * * * UTC'
    COMMENT = 'A line of a queue is stored twice.'
    IF (EXISTS (SELECT 1 FROM V_DOUBLED_OFFSETS))
    THEN CALL SYSTEM$SEND_EMAIL(
        'ACTIVITY_MAIL', 'data-team@example.com', 'activity_mcp: rows are stored twice',
        'Suspend REFRESH_CONTEXT_TASK, CALL REMOVE_DOUBLED_ROWS(), and resume it.'
    );

ALTER ALERT ACTIVITY_LAG RESUME;
ALTER ALERT ACTIVITY_TASK_FAILURES RESUME;
ALTER ALERT ACTIVITY_ROWS_LEFT_OUT RESUME;
ALTER ALERT ACTIVITY_DOUBLED_ROWS RESUME;
