-- 05_governance.sql: how long rows are kept, what is kept beyond that, who sees which rows and which contents.
-- Needs: 01 to 04, and a role that may create roles (USERADMIN's CREATE ROLE) for the second half.
--   Standard edition    retention, legal holds, roles and their grants
--   Enterprise edition  row access policies, masking policies, classification
-- Running it again changes nothing but the policies' bodies.

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
    BEGIN TRANSACTION;

    DELETE FROM CLAUDE_STREAM_V2
    WHERE ts < (SELECT MIN(DATEADD(DAY, -keep_days, SYSDATE())) FROM RETENTION_RULES WHERE subject = 'activities')
        AND NOT EXISTS (
            SELECT 1
            FROM LEGAL_HOLDS AS hold
            WHERE hold.released_at IS NULL
                AND COALESCE(hold.customer = CLAUDE_STREAM_V2.customer, hold.customer IS NULL)
                AND COALESCE(hold.org_id = CLAUDE_STREAM_V2.org_id, hold.org_id IS NULL)
                AND COALESCE(hold.project = CLAUDE_STREAM_V2.project, hold.project IS NULL)
                AND COALESCE(hold.session_id = CLAUDE_STREAM_V2.session_id, hold.session_id IS NULL)
                AND COALESCE(hold.from_ts <= CLAUDE_STREAM_V2.ts, TRUE)
                AND COALESCE(hold.until_ts > CLAUDE_STREAM_V2.ts, TRUE)
        );

    -- A row that is held and outranked stays outranked: else the fact would show twice.
    DELETE FROM SUPERSEDED
    WHERE ts < (SELECT MIN(DATEADD(DAY, -keep_days, SYSDATE())) FROM RETENTION_RULES WHERE subject = 'activities')
        AND NOT EXISTS (
            SELECT 1
            FROM CLAUDE_STREAM_V2 AS held
            WHERE held.channel_id = SUPERSEDED.channel_id
                AND held.stream_offset = SUPERSEDED.stream_offset
                AND held.ts = SUPERSEDED.ts
        );

    -- Version 1 knows neither organisation, project nor session: a hold on one of them holds all of the customer.
    DELETE FROM ACTIVITY_STREAM
    WHERE ts < (SELECT MIN(DATEADD(DAY, -keep_days, SYSDATE())) FROM RETENTION_RULES WHERE subject = 'activities')
        AND NOT EXISTS (
            SELECT 1
            FROM LEGAL_HOLDS AS hold
            WHERE hold.released_at IS NULL
                AND COALESCE(hold.customer = ACTIVITY_STREAM.customer, hold.customer IS NULL)
                AND COALESCE(hold.from_ts <= ACTIVITY_STREAM.ts, TRUE)
                AND COALESCE(hold.until_ts > ACTIVITY_STREAM.ts, TRUE)
        );

    -- An insight outlives its event for as long as it says it holds.
    DELETE FROM INSIGHT_ATOMS
    WHERE GREATEST(recorded_at, COALESCE(valid_until, recorded_at))
        < (SELECT MIN(DATEADD(DAY, -keep_days, SYSDATE())) FROM RETENTION_RULES WHERE subject = 'activities')
        AND NOT EXISTS (
            SELECT 1
            FROM LEGAL_HOLDS AS hold
            WHERE hold.released_at IS NULL
                AND COALESCE(hold.customer = INSIGHT_ATOMS.customer, hold.customer IS NULL)
                AND COALESCE(hold.org_id = INSIGHT_ATOMS.org_id, hold.org_id IS NULL)
                AND COALESCE(hold.project = INSIGHT_ATOMS.project, hold.project IS NULL)
                AND COALESCE(hold.session_id = INSIGHT_ATOMS.session_id, hold.session_id IS NULL)
                AND COALESCE(hold.from_ts <= INSIGHT_ATOMS.recorded_at, TRUE)
                AND COALESCE(hold.until_ts > INSIGHT_ATOMS.recorded_at, TRUE)
        );

    DELETE FROM ARTIFACTS
    WHERE stored_at < (SELECT MIN(DATEADD(DAY, -keep_days, SYSDATE())) FROM RETENTION_RULES WHERE subject = 'artifacts')
        AND NOT pinned
        AND NOT EXISTS (
            SELECT 1
            FROM LEGAL_HOLDS AS hold
            WHERE hold.released_at IS NULL
                AND COALESCE(hold.customer = ARTIFACTS.customer, hold.customer IS NULL)
                AND COALESCE(hold.org_id = ARTIFACTS.org_id, hold.org_id IS NULL)
                AND COALESCE(hold.project = ARTIFACTS.project, hold.project IS NULL)
                AND COALESCE(hold.session_id = ARTIFACTS.session_id, hold.session_id IS NULL)
                AND COALESCE(hold.from_ts <= ARTIFACTS.stored_at, TRUE)
                AND COALESCE(hold.until_ts > ARTIFACTS.stored_at, TRUE)
        );

    -- What is only derived from the stream is not evidence: no hold keeps it. The lists inside a context that is still in use
    -- lose what is too old with its next refresh.
    DELETE FROM CONTEXT_ITEMS
    WHERE ts < (SELECT MIN(DATEADD(DAY, -keep_days, SYSDATE())) FROM RETENTION_RULES WHERE subject = 'activities');

    DELETE FROM CONTEXT_HOURS
    WHERE hour_start < (SELECT MIN(DATEADD(DAY, -keep_days, SYSDATE())) FROM RETENTION_RULES WHERE subject = 'activities');

    DELETE FROM CONTEXT_CACHE
    WHERE recorded_at < (SELECT MIN(DATEADD(DAY, -keep_days, SYSDATE())) FROM RETENTION_RULES WHERE subject = 'activities');

    DELETE FROM SCHEMA_DRIFT
    WHERE last_seen_at < (SELECT MIN(DATEADD(DAY, -keep_days, SYSDATE())) FROM RETENTION_RULES WHERE subject = 'activities');

    COMMIT;
    RETURN 'removed what is older than RETENTION_RULES allows';
EXCEPTION
    WHEN OTHER THEN
        ROLLBACK;
        RAISE;
END;
$$;
