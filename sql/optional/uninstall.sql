-- uninstall.sql: takes everything away, the activities included. Nothing applies this file but you: snow sql -f sql/optional/uninstall.sql
-- Needs: the role that deployed. What is wanted later is to be copied first; a dropped schema can be had back with UNDROP SCHEMA
-- for as long as its time travel lasts (a day, unless it was set otherwise), without its transient tables.
SET activity_database  = 'CLAUDE_LOGS';
SET activity_schema    = 'ACTIVITIES';
SET activity_role      = CURRENT_ROLE();

USE ROLE     IDENTIFIER($activity_role);
USE DATABASE IDENTIFIER($activity_database);
USE SCHEMA   IDENTIFIER($activity_schema);

ALTER TASK IF EXISTS REFRESH_CONTEXT_TASK SUSPEND;
ALTER TASK IF EXISTS DAILY_UPKEEP_TASK SUSPEND;
ALTER TASK IF EXISTS DUAL_WRITE_TASK SUSPEND;

DROP SCHEMA IF EXISTS IDENTIFIER($activity_schema);

DROP ROLE IF EXISTS ACTIVITY_CLIENT;
DROP ROLE IF EXISTS ACTIVITY_WRITER;
DROP ROLE IF EXISTS ACTIVITY_READER;
DROP ROLE IF EXISTS ACTIVITY_ADMIN;
DROP ROLE IF EXISTS ACTIVITY_ENGINE;
