-- What the batch holds is read twice, at its beginning, and kept in variables: a bound value prunes where a sub-select would
-- not, and eight questions between the steps would cost more than they spare. To be called inside a transaction.
-- snowflake-only: the embedded engine runs the statements of its steps, in this order and under these conditions
CREATE OR REPLACE PROCEDURE FOLD_BATCH()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Runs the steps of the refresh sequence over what the stream holds, and so consumes it.'
EXECUTE AS OWNER
AS
$$
BEGIN
    LET batch_key VARCHAR := NULL;
    LET from_ts TIMESTAMP_NTZ := NULL;
    LET to_ts TIMESTAMP_NTZ := NULL;
    LET has_activities BOOLEAN := FALSE;
    LET has_insights BOOLEAN := FALSE;
    LET has_artifacts BOOLEAN := FALSE;
    LET may_quarantine BOOLEAN := FALSE;
    LET may_withdraw BOOLEAN := FALSE;
    LET has_repeats BOOLEAN := FALSE;
    LET has_drift BOOLEAN := FALSE;
    LET has_long_lists BOOLEAN := FALSE;
    LET has_reread BOOLEAN := FALSE;

    -- A row can outrank one within a day of it.
    SELECT
        MAX(channel_id || ' ' || stream_offset) AS batch_key,
        DATEADD(DAY, -1, MIN(ts)) AS from_ts,
        DATEADD(DAY, 1, MAX(ts)) AS to_ts,
        COUNT_IF(NOT IS_OWN_EVENT(event_name, feature_json)) > 0 AS has_activities,
        COUNT_IF(event_name = 'mcp_event' AND feature_json:method::VARCHAR = 'record_insight') > 0 AS has_insights,
        COUNT_IF(event_name = 'mcp_event' AND feature_json:method::VARCHAR = 'store_artifact') > 0 AS has_artifacts,
        COUNT_IF(event_name = 'mcp_event' AND feature_json:method::VARCHAR = 'record_insight')
        + (SELECT COUNT(*) FROM INSIGHT_ATOMS) > 0 AS may_quarantine
    INTO :batch_key, :from_ts, :to_ts, :has_activities, :has_insights, :has_artifacts, :may_quarantine
    FROM CLAUDE_STREAM_V2_STREAM;

    -- This statement consumes the stream, whatever is left out below.
    -- snowflake-only: the embedded engine notes a run when its duration is known
    INSERT INTO REFRESH_RUNS (batch_key, row_count, oldest_ts, newest_ts, started_at)
    SELECT MAX(channel_id || ' ' || stream_offset), COUNT(*), MIN(ts), MAX(ts), SYSDATE()
    FROM CLAUDE_STREAM_V2_STREAM
    HAVING COUNT(*) > 0;

    SELECT
        (
            SELECT COUNT(*)
            FROM (
                SELECT activity_id
                FROM CLAUDE_STREAM_V2
                WHERE activity_id IN (SELECT activity_id FROM CLAUDE_STREAM_V2_STREAM)
                    AND ts >= :from_ts
                    AND ts <= :to_ts
                GROUP BY activity_id
                HAVING COUNT(*) > 1
            )
        ) > 0 AS has_repeats,
        (
            SELECT COUNT(*)
            FROM (
                SELECT DISTINCT sent.event_name, feature.key AS field, TYPEOF(feature.value) AS kind
                FROM CLAUDE_STREAM_V2_STREAM AS sent,
                    LATERAL FLATTEN(INPUT => sent.feature_json, MODE => 'OBJECT') AS feature
            ) AS observed
            LEFT JOIN SCHEMA_FIELDS AS known
                ON observed.event_name = known.event_name
                AND observed.field = known.field
            WHERE observed.field = '_schema_errors'
                OR IFF(
                    known.field IS NULL,
                    NOT STARTSWITH(observed.field, '_'),
                    NOT CONTAINS(' ' || known.json_types || ' ', CASE observed.kind
                        WHEN 'VARCHAR' THEN ' string '
                        WHEN 'INTEGER' THEN ' integer '
                        WHEN 'BOOLEAN' THEN ' boolean '
                        WHEN 'OBJECT' THEN ' object '
                        WHEN 'ARRAY' THEN ' array '
                        WHEN 'NULL_VALUE' THEN ' null '
                        ELSE ' number '
                    END)
                )
        ) > 0 AS has_drift,
        (
            SELECT COUNT(*)
            FROM (
                SELECT section
                FROM CONTEXT_ITEMS
                WHERE customer IN (SELECT customer FROM CLAUDE_STREAM_V2_STREAM)
                GROUP BY customer, project, section
                HAVING COUNT(*) > 2 * LIST_LIMIT(section)
            )
        ) > 0 AS has_long_lists,
        (SELECT COUNT(*) FROM REREAD_HOURS) > 0 AS has_reread,
        -- the event that one of these is kept from may be outranked by this batch
        (
            SELECT COUNT(*)
            FROM (
                SELECT activity_id FROM INSIGHT_ATOMS
                UNION ALL
                SELECT activity_id FROM ARTIFACTS
            )
            WHERE activity_id IN (SELECT activity_id FROM CLAUDE_STREAM_V2_STREAM)
        ) > 0 AS may_withdraw
    INTO :has_repeats, :has_drift, :has_long_lists, :has_reread, :may_withdraw;

    IF (has_repeats) THEN
        CALL REFRESH_SUPERSEDED(:batch_key, :from_ts, :to_ts);
        CALL REFRESH_EXPORTED_CALLS(:batch_key, :from_ts, :to_ts);
    END IF;
    -- snowflake-only: the embedded engine leaves REREAD_HOURS empty
    IF (has_repeats OR has_reread) THEN
        CALL REFRESH_REREAD_HOURS(:batch_key);
    END IF;
    IF (has_insights OR may_withdraw) THEN
        CALL REFRESH_INSIGHTS(:batch_key, :may_withdraw);
    END IF;
    IF (has_artifacts OR may_withdraw) THEN
        CALL REFRESH_ARTIFACTS(:may_withdraw);
    END IF;
    IF (has_drift OR has_repeats) THEN
        CALL REFRESH_DRIFT(:batch_key);
    END IF;
    IF (may_quarantine) THEN
        CALL REFRESH_QUARANTINE(:batch_key);
    END IF;
    IF (has_activities OR has_repeats) THEN
        CALL REFRESH_COUNTS(:batch_key);
        CALL REFRESH_HOURS(:batch_key);
        CALL REFRESH_ITEMS(:batch_key);
        CALL REFRESH_CACHE(:batch_key);
    END IF;
    IF (has_long_lists) THEN
        CALL REFRESH_PRUNED_ITEMS();
    END IF;
    RETURN 'done';
END;
$$;
