-- grain: customer, project or '*', hour: the hours that this run counted in, as the context shows them. What no call
-- reported is null, not zero.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_HOURS(batch_key VARCHAR)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Writes the hours that the batch counted in to CONTEXT_HOURS, as the context shows them.'
EXECUTE AS OWNER
AS
$$
BEGIN
    MERGE INTO CONTEXT_HOURS AS kept
    USING (
        WITH touched AS (
            SELECT DISTINCT customer, project, hour_start
            FROM CONTEXT_COUNTS
            WHERE batch_key = :batch_key
        ),

        -- grain: customer, project or '*', hour, event_name, tool or model; usage is what the context says of that one
        names AS (
            SELECT
                customer,
                project,
                hour_start,
                event_name,
                name,
                calls,
                CASE event_name
                    WHEN 'tool_event' THEN OBJECT_CONSTRUCT_KEEP_NULL(
                        'calls', calls,
                        'failures', failures,
                        'latency', latency
                    )
                    WHEN 'llm_event' THEN OBJECT_CONSTRUCT_KEEP_NULL(
                        'calls', calls,
                        'prompt_tokens', prompt_tokens,
                        'completion_tokens', completion_tokens,
                        'cache_read_tokens', cache_read_tokens,
                        'cache_creation_tokens', cache_creation_tokens,
                        'cost_usd', cost_usd,
                        'cost_estimated_usd', cost_estimated_usd,
                        'calls_without_cost', calls_without_cost
                    )
                END AS usage
            FROM (
                SELECT
                    counts.customer,
                    counts.project,
                    counts.hour_start,
                    counts.event_name,
                    counts.name,
                    SUM(counts.calls) AS calls,
                    SUM(counts.failures) AS failures,
                    OBJECT_AGG(NULLIF(counts.latency_bucket, ''), counts.calls::VARIANT) AS latency,
                    SUM(IFF(counts.prompt_tokens_reported > 0, counts.prompt_tokens, NULL)) AS prompt_tokens,
                    SUM(IFF(counts.completion_tokens_reported > 0, counts.completion_tokens, NULL)) AS completion_tokens,
                    SUM(IFF(counts.cache_read_tokens_reported > 0, counts.cache_read_tokens, NULL)) AS cache_read_tokens,
                    SUM(
                        IFF(counts.cache_creation_tokens_reported > 0, counts.cache_creation_tokens, NULL)
                    ) AS cache_creation_tokens,
                    SUM(IFF(counts.cost_usd_reported > 0, counts.cost_usd, NULL)) AS cost_usd,
                    SUM(IFF(counts.latency_bucket = 'estimated', counts.cost_usd, NULL)) AS cost_estimated_usd,
                    SUM(counts.calls - counts.cost_usd_reported) AS calls_without_cost
                FROM CONTEXT_COUNTS AS counts
                INNER JOIN touched
                    ON counts.customer = touched.customer
                    AND counts.project = touched.project
                    AND counts.hour_start = touched.hour_start
                WHERE counts.calls > 0
                GROUP BY counts.customer, counts.project, counts.hour_start, counts.event_name, counts.name
            )
        ),

        events AS (
            SELECT
                customer,
                project,
                hour_start,
                event_name,
                CASE event_name WHEN 'tool_event' THEN 'tools' WHEN 'llm_event' THEN 'llm' END AS section,
                SUM(calls) AS event_count,
                OBJECT_AGG(name, usage::VARIANT) AS names
            FROM names
            GROUP BY customer, project, hour_start, event_name
        ),

        buckets AS (
            SELECT
                customer,
                project,
                hour_start,
                OBJECT_AGG(event_name, event_count::VARIANT) AS events,
                OBJECT_AGG(section, names::VARIANT) AS details
            FROM events
            GROUP BY customer, project, hour_start
        )

        SELECT
            touched.customer,
            touched.project,
            touched.hour_start,
            IFF(
                buckets.events IS NULL,
                NULL,
                OBJECT_CONSTRUCT_KEEP_NULL(
                    'hour', TO_CHAR(touched.hour_start, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"'),
                    'events', buckets.events,
                    'tools', buckets.details:tools,
                    'llm', buckets.details:llm
                )
            ) AS bucket
        FROM touched
        LEFT JOIN buckets
            ON touched.customer = buckets.customer
            AND touched.project = buckets.project
            AND touched.hour_start = buckets.hour_start
    ) AS fresh
        ON kept.customer = fresh.customer
        AND kept.project = fresh.project
        AND kept.hour_start = fresh.hour_start
    WHEN MATCHED AND fresh.bucket IS NULL THEN DELETE
    WHEN MATCHED THEN
        UPDATE SET
            bucket = fresh.bucket,
            refreshed_at = SYSDATE()
    WHEN NOT MATCHED AND fresh.bucket IS NOT NULL THEN
        INSERT (customer, project, hour_start, bucket, refreshed_at)
        VALUES (fresh.customer, fresh.project, fresh.hour_start, fresh.bucket, SYSDATE());
    RETURN 'done';
END;
$$;
