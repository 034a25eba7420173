-- cost_guard.sql: what the record may cost. Nothing applies this file but you: snow sql -f sql/optional/cost_guard.sql
-- Needs: ACCOUNTADMIN, for resource monitors are its own. Put your own numbers in; docs/snowflake.md has the sums they come from.
SET activity_database  = 'CLAUDE_LOGS';
SET activity_schema    = 'ACTIVITIES';

USE DATABASE IDENTIFIER($activity_database);
USE SCHEMA   IDENTIFIER($activity_schema);

-- A warehouse for reading alone, which a minute without a question suspends. Name it in the clients' connections.
CREATE WAREHOUSE IF NOT EXISTS ACTIVITY_READING
    WAREHOUSE_SIZE = 'XSMALL'
    AUTO_SUSPEND = 60
    AUTO_RESUME = TRUE
    INITIALLY_SUSPENDED = TRUE
    STATEMENT_TIMEOUT_IN_SECONDS = 120
    COMMENT = 'Recall and questions of activity_mcp.';

CREATE RESOURCE MONITOR IF NOT EXISTS ACTIVITY_READING_LIMIT
    WITH CREDIT_QUOTA = 60
    FREQUENCY = MONTHLY
    START_TIMESTAMP = IMMEDIATELY
    TRIGGERS
        ON 75 PERCENT DO NOTIFY
        ON 100 PERCENT DO SUSPEND;

ALTER WAREHOUSE ACTIVITY_READING SET RESOURCE_MONITOR = ACTIVITY_READING_LIMIT;
GRANT USAGE ON WAREHOUSE ACTIVITY_READING TO ROLE ACTIVITY_READER;

-- A resource monitor does not see serverless tasks; a budget over the schema does, and tells before the month is over.
CREATE SNOWFLAKE.CORE.BUDGET IF NOT EXISTS ACTIVITY_BUDGET();
CALL ACTIVITY_BUDGET!SET_SPENDING_LIMIT(100);
CALL ACTIVITY_BUDGET!SET_EMAIL_NOTIFICATIONS('data-team@example.com');
CALL ACTIVITY_BUDGET!ADD_RESOURCE(SYSTEM$REFERENCE('SCHEMA', 'ACTIVITIES', 'SESSION', 'APPLYBUDGET'));
