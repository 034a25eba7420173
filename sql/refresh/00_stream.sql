-- The stream over CLAUDE_STREAM_V2, and the one task that consumes it: the refresh sequence.
-- Needs: 01, 02; EXECUTE TASK and EXECUTE MANAGED TASK for the role below. Running it again replaces tasks and procedures, not the stream.

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

-- What was inserted since the task ran last. Append-only: the deletes of retention do not show up in it.
CREATE STREAM IF NOT EXISTS CLAUDE_STREAM_V2_STREAM
    ON TABLE CLAUDE_STREAM_V2
    APPEND_ONLY = TRUE
    COMMENT = 'Rows of CLAUDE_STREAM_V2 not yet folded into the context; consumed by REFRESH_CONTEXT_TASK alone.';

-- The refresh sequence: one procedure for each step, called in this order by FOLD_BATCH inside the one transaction of
-- REFRESH_CONTEXT. On Snowflake a task runs it over the stream above; the embedded warehouse runs the same statements after each
-- batch it has inserted, which lies in a temporary table of the stream's name ("the batch" below).
--
--    REFRESH_SUPERSEDED    SUPERSEDED      rows that a better row with the same activity_id outranks; the hours of CONTEXT_ITEMS
--                                          out of which one of those is taken are cleared, to be read again by REFRESH_ITEMS
--    REFRESH_EXPORTED_CALLS                EXPORTED_CALLS: sizes and error classes that the exporter reported of calls which
--                                          another row shows
--    REFRESH_INSIGHTS      INSIGHT_ATOMS   insights, which travel as mcp_event with method record_insight
--    REFRESH_ARTIFACTS     ARTIFACTS       artifacts, the same with method store_artifact
--    REFRESH_DRIFT         SCHEMA_DRIFT    features that disagree with the schemas
--    REFRESH_QUARANTINE    INSIGHT_ATOMS   quarantine of insights whose source drifted, and its end when the drift is accepted
--    REFRESH_COUNTS        CONTEXT_COUNTS  counts, sums and latency histograms: what the batch adds, less what it outranks
--    REFRESH_HOURS         CONTEXT_HOURS   the same for each touched hour, as the context shows it
--    REFRESH_REREAD_HOURS  REREAD_HOURS    hours of CONTEXT_ITEMS that this run reads again, whole
--    REFRESH_ITEMS         CONTEXT_ITEMS   sessions, files, errors, queries, attempts
--    REFRESH_CACHE         CONTEXT_CACHE   one context per touched (customer, project) and one per touched (customer, '*')
--    REFRESH_PRUNED_ITEMS  CONTEXT_ITEMS   only the newest are kept
--
-- Rules that keep it correct, whatever the cuts between batches and however often a row is sent:
-- * What is added up from batch to batch (occurrences of a drift, CONTEXT_COUNTS) is taken back when its row is outranked later,
--   and what cannot be taken back (the entry of a list) is computed again, whole, for the hour of that row, from the stream
--   without SUPERSEDED. So the result depends on the rows alone, and a refresh reads no more of the stream than it must.
-- * In a run the stream shows what was there when its transaction began, a table what is there now
--   (docs.snowflake.com/en/user-guide/streams-intro, "repeatable read isolation"): a row that lands meanwhile is in the table before
--   it is in a batch. What is found by it early is found again by the next run and comes out even; only an hour that is read whole
--   would hold it once too often. So the next run reads each such hour again if it has rows of it (REREAD_HOURS).
-- * Rows that outrank each other are looked up by ts, between bounds that are values when the statement is compiled: a
--   sub-select there would not prune, and each run would read a customer's whole history.
-- * IS_OWN_EVENT rows are the recorder talking of itself: after REFRESH_SUPERSEDED they count for nothing.
-- * batch_key, the highest channel and offset of the batch, is the name of this run and of no other: it says what this run changed.
-- * A step that FOLD_BATCH leaves out would change nothing; it is only spared the work.
-- * Whatever is in the batch, one statement that no condition spares reads the stream and writes: a run that did not consume
--   the stream would be started again for ever.
-- * No feature can make a statement fail: values are TRY_CAST from text, arrays and objects are taken apart only if they are
--   such. A row that raised an error would hold the stream for ever.
-- * No step has a transaction of its own, and none has DDL: it would commit half of the sequence.
