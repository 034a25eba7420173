-- grain: one row per outranked row; a row stays in it once it is there. A row outranks another with the same activity_id within a
-- day of it: by SOURCE_RANK, then by the lower (channel_id, stream_offset). What was outranked on arrival has been counted nowhere.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_SUPERSEDED(batch_key VARCHAR, from_ts TIMESTAMP_NTZ, to_ts TIMESTAMP_NTZ)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Finds rows of the stream that a better row with the same activity_id outranks.'
EXECUTE AS OWNER
AS
$$
BEGIN
    INSERT INTO SUPERSEDED (
        channel_id, stream_offset, activity_id, customer, project, ts, is_counted, kept_channel_id, kept_stream_offset,
        batch_key, superseded_at
    )
    WITH candidates AS (
        SELECT
            activity_id,
            ts,
            customer,
            project,
            channel_id,
            stream_offset,
            SOURCE_RANK(source, feature_json) AS source_rank,
            NOT IS_OWN_EVENT(event_name, feature_json) AS is_counted
        FROM CLAUDE_STREAM_V2
        WHERE activity_id IN (SELECT activity_id FROM CLAUDE_STREAM_V2_STREAM)
            AND ts >= :from_ts
            AND ts <= :to_ts
    ),

    arrived AS (
        SELECT DISTINCT channel_id, stream_offset FROM CLAUDE_STREAM_V2_STREAM
    )

    SELECT
        loser.channel_id,
        loser.stream_offset,
        loser.activity_id,
        loser.customer,
        loser.project,
        loser.ts,
        loser.is_counted AND arrived.channel_id IS NULL,
        better.channel_id,
        better.stream_offset,
        :batch_key,
        SYSDATE()
    FROM candidates AS loser
    INNER JOIN candidates AS better
        ON loser.activity_id = better.activity_id
        AND ABS(DATEDIFF(SECOND, loser.ts, better.ts)) <= 86400
        AND (
            better.source_rank < loser.source_rank
            OR (better.source_rank = loser.source_rank AND better.channel_id < loser.channel_id)
            OR (
                better.source_rank = loser.source_rank
                AND better.channel_id = loser.channel_id
                AND better.stream_offset < loser.stream_offset
            )
        )
    LEFT JOIN arrived
        ON loser.channel_id = arrived.channel_id
        AND loser.stream_offset = arrived.stream_offset
    WHERE NOT EXISTS (
        SELECT 1
        FROM SUPERSEDED AS known
        WHERE known.channel_id = loser.channel_id
            AND known.stream_offset = loser.stream_offset
            AND known.ts = loser.ts
    )
    QUALIFY ROW_NUMBER() OVER (
        PARTITION BY loser.channel_id, loser.stream_offset
        ORDER BY better.source_rank, better.channel_id, better.stream_offset
    ) = 1;

    -- The hours that a counted row is taken out of leave the lists; REFRESH_ITEMS reads them once more, whole.
    DELETE FROM CONTEXT_ITEMS
    WHERE (customer, hour_start) IN (
            SELECT customer, DATE_TRUNC('HOUR', ts)
            FROM SUPERSEDED
            WHERE is_counted
                AND batch_key = :batch_key
        );
    RETURN 'done';
END;
$$;

-- What the exporter reported of a call is in a row that the hook's or the import's outranks: its sizes are put beside the row that
-- is kept. Each activity that has a loser of this run is looked at whole; of several reports of the exporter the first counts. A
-- row that is outranked afterwards leaves its entry behind, which nothing reads.
-- grain: one row per row that an exporter's completes; a row stays in it once it is there
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_EXPORTED_CALLS(batch_key VARCHAR, from_ts TIMESTAMP_NTZ, to_ts TIMESTAMP_NTZ)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Puts what the exporter reported of a call beside the row of the call that is kept.'
EXECUTE AS OWNER
AS
$$
BEGIN
    INSERT INTO EXPORTED_CALLS (
        channel_id, stream_offset, ts, activity_id, latency_ms, input_size_bytes, result_size_bytes, error_type, found_at
    )
    WITH calls AS (
        SELECT
            activity_id,
            ts,
            channel_id,
            stream_offset,
            source,
            feature_json
        FROM CLAUDE_STREAM_V2
        WHERE activity_id IN (
                SELECT activity_id
                FROM SUPERSEDED
                WHERE batch_key = :batch_key
                    AND ts >= :from_ts
                    AND ts <= :to_ts
            )
            AND event_name = 'tool_event'
            AND ts >= :from_ts
            AND ts <= :to_ts
    )

    SELECT
        kept.channel_id,
        kept.stream_offset,
        kept.ts,
        kept.activity_id,
        TRY_CAST(exported.feature_json:latency_ms::VARCHAR AS NUMBER(38, 3)),
        TRY_CAST(exported.feature_json:input_size::VARCHAR AS NUMBER(38, 0)),
        TRY_CAST(exported.feature_json:result_size::VARCHAR AS NUMBER(38, 0)),
        exported.feature_json:error_type::VARCHAR,
        SYSDATE()
    FROM calls AS kept
    INNER JOIN calls AS exported
        ON kept.activity_id = exported.activity_id
        AND ABS(DATEDIFF(SECOND, kept.ts, exported.ts)) <= 86400
    WHERE kept.source <> 'otel'
        AND exported.source = 'otel'
        AND NOT EXISTS (
            SELECT 1
            FROM SUPERSEDED AS outranked
            WHERE outranked.channel_id = kept.channel_id
                AND outranked.stream_offset = kept.stream_offset
                AND outranked.ts = kept.ts
        )
        AND NOT EXISTS (
            SELECT 1
            FROM EXPORTED_CALLS AS known
            WHERE known.channel_id = kept.channel_id
                AND known.stream_offset = kept.stream_offset
                AND known.ts = kept.ts
        )
    QUALIFY ROW_NUMBER() OVER (
        PARTITION BY kept.channel_id, kept.stream_offset, kept.ts
        ORDER BY exported.channel_id, exported.stream_offset
    ) = 1;
    RETURN 'done';
END;
$$;
