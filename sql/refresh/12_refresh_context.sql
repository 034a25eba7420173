-- One run of the refresh sequence: all of it or nothing. It can be called by hand.
-- snowflake-only: on the embedded engine the transaction is the flusher's
CREATE OR REPLACE PROCEDURE REFRESH_CONTEXT()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Folds new activities into SUPERSEDED, INSIGHT_ATOMS, ARTIFACTS, SCHEMA_DRIFT and CONTEXT_CACHE, in one transaction.'
EXECUTE AS OWNER
AS
$$
BEGIN
    BEGIN TRANSACTION;
    CALL FOLD_BATCH();
    COMMIT;
    RETURN 'done';
EXCEPTION
    WHEN OTHER THEN
        ROLLBACK;
        RAISE;
END;
$$;

-- Contexts, and all else that is folded from the stream, rebuilt from it: after the stream went stale (the task rested longer
-- than the table keeps its history), or when a context is doubted. A stream that shows what the table holds already is one batch
-- of everything; each known loser is taken back from it as if it had been outranked in this run.
-- snowflake-only: the embedded engine rebuilds its contexts in chunks
CREATE OR REPLACE PROCEDURE REBUILD_CONTEXTS()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Rebuilds the stream and everything folded from it. Suspend REFRESH_CONTEXT_TASK before, and resume it afterwards.'
EXECUTE AS OWNER
AS
$$
BEGIN
    CREATE OR REPLACE STREAM CLAUDE_STREAM_V2_STREAM
        ON TABLE CLAUDE_STREAM_V2
        APPEND_ONLY = TRUE
        SHOW_INITIAL_ROWS = TRUE
        COMMENT = 'Rows of CLAUDE_STREAM_V2 not yet folded into the context; consumed by REFRESH_CONTEXT_TASK alone.';

    BEGIN TRANSACTION;

    DELETE FROM CONTEXT_COUNTS;

    DELETE FROM CONTEXT_HOURS;

    DELETE FROM CONTEXT_ITEMS;

    DELETE FROM CONTEXT_CACHE;

    UPDATE SCHEMA_DRIFT
    SET occurrences = 0;

    UPDATE SUPERSEDED
    SET
        is_counted = FALSE,
        batch_key = (SELECT MAX(channel_id || ' ' || stream_offset) FROM CLAUDE_STREAM_V2_STREAM);

    CALL FOLD_BATCH();

    COMMIT;
    RETURN 'rebuilt';
EXCEPTION
    WHEN OTHER THEN
        ROLLBACK;
        RAISE;
END;
$$;

-- A row that is stored twice, with one channel and one offset: no source outranks itself, so SUPERSEDED does not settle it. It can
-- come about when a channel and every note of its offset are lost together (V_DOUBLED_OFFSETS shows it; docs/snowflake.md says how).
-- One of them stays, and everything is folded again, for the stream would show it as new.
-- snowflake-only: the embedded engine reads the offset in the transaction that writes
CREATE OR REPLACE PROCEDURE REMOVE_DOUBLED_ROWS()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Leaves one row of each channel and offset, and rebuilds everything folded from the stream. Suspend REFRESH_CONTEXT_TASK before.'
EXECUTE AS OWNER
AS
$$
BEGIN
    CREATE OR REPLACE TEMPORARY TABLE KEPT_ROWS AS
    SELECT *
    FROM CLAUDE_STREAM_V2
    QUALIFY COUNT(*) OVER (PARTITION BY channel_id, stream_offset) > 1
        AND ROW_NUMBER() OVER (PARTITION BY channel_id, stream_offset ORDER BY ts, activity_id) = 1;

    BEGIN TRANSACTION;

    DELETE FROM CLAUDE_STREAM_V2
    WHERE (channel_id, stream_offset) IN (SELECT channel_id, stream_offset FROM KEPT_ROWS);

    INSERT INTO CLAUDE_STREAM_V2
    SELECT *
    FROM KEPT_ROWS;

    COMMIT;

    CALL REBUILD_CONTEXTS();
    RETURN 'one row of each channel and offset is left';
EXCEPTION
    WHEN OTHER THEN
        ROLLBACK;
        RAISE;
END;
$$;

CREATE OR REPLACE TASK REFRESH_CONTEXT_TASK
    USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'XSMALL'
    SERVERLESS_TASK_MAX_STATEMENT_SIZE = 'SMALL'
    TARGET_COMPLETION_INTERVAL = '60 SECONDS'
    USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS = 60
    USER_TASK_TIMEOUT_MS = 600000
    SUSPEND_TASK_AFTER_NUM_FAILURES = 0
    QUERY_TAG = 'activity-mcp refresh'
    COMMENT = 'Runs REFRESH_CONTEXT when activities have come, at most once a minute.'
    WHEN SYSTEM$STREAM_HAS_DATA('CLAUDE_STREAM_V2_STREAM')
AS
CALL REFRESH_CONTEXT();

-- Once a day: what has expired and what is older than its rule allows (02) leaves, unless LEGAL_HOLDS names it.
CREATE OR REPLACE TASK DAILY_UPKEEP_TASK
    USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'XSMALL'
    SERVERLESS_TASK_MAX_STATEMENT_SIZE = 'MEDIUM'
    SCHEDULE = 'USING CRON 17 3 * * * UTC'
    USER_TASK_TIMEOUT_MS = 3600000
    SUSPEND_TASK_AFTER_NUM_FAILURES = 0
    QUERY_TAG = 'activity-mcp upkeep'
    COMMENT = 'Removes what has expired and what is too old, once a day.'
AS
EXECUTE IMMEDIATE $$
BEGIN
    CALL CLEAN_UP();
    CALL APPLY_RETENTION();
END;
$$;

-- A task is created suspended, and CREATE OR REPLACE suspends it again. One that may not run does not keep the others from it.
CREATE OR REPLACE PROCEDURE RESUME_TASKS()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Resumes every task that is to run, and gives for the others the reason.'
EXECUTE AS OWNER
AS
$$
BEGIN
    LET states VARCHAR := '';
    LET runs_dual_write BOOLEAN := FALSE;
    BEGIN
        ALTER TASK REFRESH_CONTEXT_TASK RESUME;
        states := states || ' | REFRESH_CONTEXT_TASK runs';
    EXCEPTION
        WHEN OTHER THEN
            states := states || ' | REFRESH_CONTEXT_TASK is suspended: ' || SQLERRM;
    END;
    BEGIN
        ALTER TASK DAILY_UPKEEP_TASK RESUME;
        states := states || ' | DAILY_UPKEEP_TASK runs';
    EXCEPTION
        WHEN OTHER THEN
            states := states || ' | DAILY_UPKEEP_TASK is suspended: ' || SQLERRM;
    END;
    SELECT COUNT_IF(flag_name = 'dual_write_enabled' AND is_on) > 0 AS runs_dual_write
    INTO :runs_dual_write
    FROM MIGRATION_FLAGS;
    IF (runs_dual_write) THEN
        BEGIN
            ALTER TASK DUAL_WRITE_TASK RESUME;
            states := states || ' | DUAL_WRITE_TASK runs';
        EXCEPTION
            WHEN OTHER THEN
                states := states || ' | DUAL_WRITE_TASK is suspended: ' || SQLERRM;
        END;
    END IF;
    RETURN SUBSTR(states, 4);
END;
$$;
