-- grain: customer, project or '*', hour, event_name, tool or model, latency bucket; only the last 8 days (7 days and the
-- readers' time zones). A row that was sent adds one, a row that this run outranks takes one away, one that was outranked
-- on arrival does both: so the sums are those of the rows nothing outranks, and no hour is read again. The bucket of a
-- latency is FLOOR(LN(ms) / LN(1.1)), so that hours merge and a percentile read from it is right within 5 %. The responses whose
-- cost is an estimate have a bucket of their own, 'estimated': so their dollars stay apart in every sum.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_COUNTS(batch_key VARCHAR)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Adds what the batch counts to CONTEXT_COUNTS, and takes away what it outranks.'
EXECUTE AS OWNER
AS
$$
BEGIN
    MERGE INTO CONTEXT_COUNTS AS kept
    USING (
        WITH sent AS (
            SELECT customer, project, ts, event_name, feature_json, 1 AS weight FROM CLAUDE_STREAM_V2_STREAM
            UNION ALL
            SELECT event.customer, event.project, event.ts, event.event_name, event.feature_json, -1 AS weight
            FROM SUPERSEDED AS outranked
            INNER JOIN CLAUDE_STREAM_V2 AS event
                ON outranked.ts = event.ts
                AND outranked.channel_id = event.channel_id
                AND outranked.stream_offset = event.stream_offset
            WHERE outranked.batch_key = :batch_key
        ),

        live AS (
            SELECT
                customer,
                project,
                DATE_TRUNC('HOUR', ts) AS hour_start,
                event_name,
                CASE event_name
                    WHEN 'tool_event' THEN SUBSTR(COALESCE(feature_json:tool_name::VARCHAR, 'unknown'), 1, 255)
                    WHEN 'llm_event' THEN SUBSTR(COALESCE(feature_json:model::VARCHAR, 'unknown'), 1, 255)
                    ELSE ''
                END AS name,
                CASE event_name
                    WHEN 'tool_event' THEN TRY_CAST(feature_json:latency_ms::VARCHAR AS NUMBER(18, 3))
                END AS latency_ms,
                CASE event_name
                    WHEN 'tool_event' THEN IFF(
                        feature_json:denied::VARCHAR IS NULL
                        AND NOT COALESCE(TRY_CAST(feature_json:interrupted::VARCHAR AS BOOLEAN), FALSE),
                        TRY_CAST(feature_json:success::VARCHAR AS BOOLEAN),
                        NULL
                    )
                END AS success,
                CASE event_name
                    WHEN 'llm_event' THEN TRY_CAST(feature_json:prompt_tokens::VARCHAR AS NUMBER(18, 0))
                END AS prompt_tokens,
                CASE event_name
                    WHEN 'llm_event' THEN TRY_CAST(feature_json:completion_tokens::VARCHAR AS NUMBER(18, 0))
                END AS completion_tokens,
                CASE event_name
                    WHEN 'llm_event' THEN TRY_CAST(feature_json:cache_read_tokens::VARCHAR AS NUMBER(18, 0))
                END AS cache_read_tokens,
                CASE event_name
                    WHEN 'llm_event' THEN TRY_CAST(feature_json:cache_creation_tokens::VARCHAR AS NUMBER(18, 0))
                END AS cache_creation_tokens,
                CASE event_name
                    WHEN 'llm_event' THEN TRY_CAST(feature_json:cost_usd::VARCHAR AS NUMBER(18, 9))
                END AS cost_usd,
                CASE event_name
                    WHEN 'llm_event' THEN feature_json:cost_source::VARCHAR = 'estimated'
                END AS is_estimated,
                weight
            FROM sent
            WHERE ts >= DATE_TRUNC('HOUR', DATEADD(DAY, -8, SYSDATE()))
                AND NOT IS_OWN_EVENT(event_name, feature_json)
        ),

        summed AS (
            SELECT
                customer,
                project,
                hour_start,
                event_name,
                name,
                COALESCE(
                    FLOOR(LN(IFF(latency_ms < 0.01, 0.01, latency_ms))::FLOAT / LN(1.1))::INTEGER::VARCHAR,
                    IFF(is_estimated AND cost_usd IS NOT NULL, 'estimated', '')
                ) AS latency_bucket,
                SUM(weight) AS calls,
                SUM(IFF(NOT success, weight, 0)) AS failures,
                SUM(weight * prompt_tokens) AS prompt_tokens,
                SUM(IFF(prompt_tokens IS NULL, 0, weight)) AS prompt_tokens_reported,
                SUM(weight * completion_tokens) AS completion_tokens,
                SUM(IFF(completion_tokens IS NULL, 0, weight)) AS completion_tokens_reported,
                SUM(weight * cache_read_tokens) AS cache_read_tokens,
                SUM(IFF(cache_read_tokens IS NULL, 0, weight)) AS cache_read_tokens_reported,
                SUM(weight * cache_creation_tokens) AS cache_creation_tokens,
                SUM(IFF(cache_creation_tokens IS NULL, 0, weight)) AS cache_creation_tokens_reported,
                SUM(weight * cost_usd) AS cost_usd,
                SUM(IFF(cost_usd IS NULL, 0, weight)) AS cost_usd_reported
            FROM live
            GROUP BY customer, project, hour_start, event_name, name, latency_bucket
        ),

        scopes AS (
            SELECT *, '*' AS scope FROM summed
            UNION ALL
            SELECT *, project AS scope FROM summed WHERE project <> '*'
        )

        SELECT
            customer,
            scope AS project,
            hour_start,
            event_name,
            name,
            latency_bucket,
            SUM(calls) AS calls,
            SUM(failures) AS failures,
            COALESCE(SUM(prompt_tokens), 0) AS prompt_tokens,
            SUM(prompt_tokens_reported) AS prompt_tokens_reported,
            COALESCE(SUM(completion_tokens), 0) AS completion_tokens,
            SUM(completion_tokens_reported) AS completion_tokens_reported,
            COALESCE(SUM(cache_read_tokens), 0) AS cache_read_tokens,
            SUM(cache_read_tokens_reported) AS cache_read_tokens_reported,
            COALESCE(SUM(cache_creation_tokens), 0) AS cache_creation_tokens,
            SUM(cache_creation_tokens_reported) AS cache_creation_tokens_reported,
            COALESCE(SUM(cost_usd), 0) AS cost_usd,
            SUM(cost_usd_reported) AS cost_usd_reported,
            :batch_key AS batch_key
        FROM scopes
        GROUP BY customer, scope, hour_start, event_name, name, latency_bucket
    ) AS fresh
        ON kept.customer = fresh.customer
        AND kept.project = fresh.project
        AND kept.hour_start = fresh.hour_start
        AND kept.event_name = fresh.event_name
        AND kept.name = fresh.name
        AND kept.latency_bucket = fresh.latency_bucket
    WHEN MATCHED THEN
        UPDATE SET
            calls = kept.calls + fresh.calls,
            failures = kept.failures + fresh.failures,
            prompt_tokens = kept.prompt_tokens + fresh.prompt_tokens,
            prompt_tokens_reported = kept.prompt_tokens_reported + fresh.prompt_tokens_reported,
            completion_tokens = kept.completion_tokens + fresh.completion_tokens,
            completion_tokens_reported = kept.completion_tokens_reported + fresh.completion_tokens_reported,
            cache_read_tokens = kept.cache_read_tokens + fresh.cache_read_tokens,
            cache_read_tokens_reported = kept.cache_read_tokens_reported + fresh.cache_read_tokens_reported,
            cache_creation_tokens = kept.cache_creation_tokens + fresh.cache_creation_tokens,
            cache_creation_tokens_reported = kept.cache_creation_tokens_reported + fresh.cache_creation_tokens_reported,
            cost_usd = kept.cost_usd + fresh.cost_usd,
            cost_usd_reported = kept.cost_usd_reported + fresh.cost_usd_reported,
            batch_key = fresh.batch_key
    WHEN NOT MATCHED THEN
        INSERT (
            customer, project, hour_start, event_name, name, latency_bucket, calls, failures, prompt_tokens,
            prompt_tokens_reported, completion_tokens, completion_tokens_reported, cache_read_tokens, cache_read_tokens_reported,
            cache_creation_tokens, cache_creation_tokens_reported, cost_usd, cost_usd_reported, batch_key
        )
        VALUES (
            fresh.customer, fresh.project, fresh.hour_start, fresh.event_name, fresh.name, fresh.latency_bucket, fresh.calls,
            fresh.failures, fresh.prompt_tokens, fresh.prompt_tokens_reported, fresh.completion_tokens,
            fresh.completion_tokens_reported, fresh.cache_read_tokens, fresh.cache_read_tokens_reported, fresh.cache_creation_tokens,
            fresh.cache_creation_tokens_reported, fresh.cost_usd, fresh.cost_usd_reported, fresh.batch_key
        );
    RETURN 'done';
END;
$$;
