-- grain: one artifact; of two events that name the same one the later wins. One whose event was outranked since is read anew, as an
-- insight is.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_ARTIFACTS(may_withdraw BOOLEAN)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Folds artifacts that the batch brought into ARTIFACTS.'
EXECUTE AS OWNER
AS
$$
BEGIN
    MERGE INTO ARTIFACTS AS artifact
    USING (
        WITH withdrawn AS (
            SELECT known.artifact_id
            FROM ARTIFACTS AS known
            INNER JOIN SUPERSEDED AS outranked
                ON known.channel_id = outranked.channel_id
                AND known.stream_offset = outranked.stream_offset
                AND known.stored_at = outranked.ts
            WHERE :may_withdraw
        ),

        events AS (
            SELECT
                customer, org_id, project, session_id, feature_json, link, ts, activity_id, channel_id, stream_offset,
                COALESCE(NULLIF(feature_json:artifact_id::VARCHAR, ''), activity_id) AS artifact_id
            FROM CLAUDE_STREAM_V2_STREAM
            WHERE event_name = 'mcp_event'
                AND feature_json:method::VARCHAR = 'store_artifact'
            UNION ALL
            SELECT
                event.customer, event.org_id, event.project, event.session_id, event.feature_json, event.link, event.ts,
                event.activity_id, event.channel_id, event.stream_offset, withdrawn.artifact_id
            FROM CLAUDE_STREAM_V2 AS event
            INNER JOIN withdrawn
                ON COALESCE(NULLIF(event.feature_json:artifact_id::VARCHAR, ''), event.activity_id) = withdrawn.artifact_id
            WHERE :may_withdraw
                AND event.event_name = 'mcp_event'
                AND event.feature_json:method::VARCHAR = 'store_artifact'
        ),

        newest AS (
            SELECT
                *,
                COALESCE(TRY_CAST(pinned_text AS BOOLEAN), FALSE) AS pinned,
                TRY_CAST(expires_at_text AS TIMESTAMP_NTZ) AS expires_at
            FROM (
                SELECT
                    event.artifact_id,
                    event.feature_json:artifact_type::VARCHAR AS artifact_type,
                    event.customer,
                    event.org_id,
                    event.project,
                    event.session_id,
                    TRY_CAST(event.feature_json:row_count::VARCHAR AS NUMBER(18, 0)) AS row_count,
                    IFF(ARRAY_SIZE(event.feature_json:sample_rows) >= 0, event.feature_json:sample_rows, NULL) AS sample_rows,
                    event.feature_json:content_schema AS content_schema,
                    event.feature_json:query_id::VARCHAR AS query_id,
                    event.feature_json:sql_sha256::VARCHAR AS sql_sha256,
                    event.feature_json:result_sha256::VARCHAR AS result_sha256,
                    event.link,
                    event.feature_json:pinned::VARCHAR AS pinned_text,
                    event.feature_json:expires_at::VARCHAR AS expires_at_text,
                    event.ts AS stored_at,
                    event.activity_id,
                    event.channel_id,
                    event.stream_offset
                FROM events AS event
                WHERE NOT EXISTS (
                        SELECT 1
                        FROM SUPERSEDED AS outranked
                        WHERE outranked.channel_id = event.channel_id
                            AND outranked.stream_offset = event.stream_offset
                            AND outranked.ts = event.ts
                    )
            ) AS recorded
            QUALIFY ROW_NUMBER() OVER (PARTITION BY artifact_id ORDER BY stored_at DESC, activity_id) = 1
        )

        SELECT newest.*, withdrawn.artifact_id AS withdrawn_id
        FROM newest
        FULL OUTER JOIN withdrawn
            ON newest.artifact_id = withdrawn.artifact_id
    ) AS fresh
        ON artifact.artifact_id = COALESCE(fresh.artifact_id, fresh.withdrawn_id)
    WHEN MATCHED AND fresh.artifact_id IS NULL THEN DELETE
    WHEN MATCHED AND (
        fresh.withdrawn_id IS NOT NULL
        OR fresh.stored_at > artifact.stored_at
        OR (fresh.stored_at = artifact.stored_at AND fresh.activity_id < artifact.activity_id)
    ) THEN
        UPDATE SET
            artifact_type = fresh.artifact_type,
            customer = fresh.customer,
            org_id = fresh.org_id,
            project = fresh.project,
            session_id = fresh.session_id,
            row_count = fresh.row_count,
            sample_rows = fresh.sample_rows,
            content_schema = fresh.content_schema,
            query_id = fresh.query_id,
            sql_sha256 = fresh.sql_sha256,
            result_sha256 = fresh.result_sha256,
            link = fresh.link,
            pinned = fresh.pinned,
            expires_at = fresh.expires_at,
            stored_at = fresh.stored_at,
            activity_id = fresh.activity_id,
            channel_id = fresh.channel_id,
            stream_offset = fresh.stream_offset,
            updated_at = SYSDATE()
    WHEN NOT MATCHED THEN
        INSERT (
            artifact_id, artifact_type, customer, org_id, project, session_id, row_count, sample_rows, content_schema, query_id,
            sql_sha256, result_sha256, link, pinned, expires_at, stored_at, activity_id, channel_id, stream_offset, updated_at
        )
        VALUES (
            fresh.artifact_id, fresh.artifact_type, fresh.customer, fresh.org_id, fresh.project, fresh.session_id,
            fresh.row_count, fresh.sample_rows, fresh.content_schema, fresh.query_id, fresh.sql_sha256, fresh.result_sha256,
            fresh.link, fresh.pinned, fresh.expires_at, fresh.stored_at, fresh.activity_id, fresh.channel_id,
            fresh.stream_offset, SYSDATE()
        );
    RETURN 'done';
END;
$$;
