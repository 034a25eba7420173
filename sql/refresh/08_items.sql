-- grain: customer, hour. Which hours of CONTEXT_ITEMS this run reads again, beside those of rows that it has outranked itself (the
-- lists are without these already): those that the run before read again, if this batch has rows of them. Such a row may have
-- landed while that run read, and stand in the lists of its hour already.
-- snowflake-only: nothing lands while the embedded engine folds: a fold sees the stream as its batch left it
CREATE OR REPLACE PROCEDURE REFRESH_REREAD_HOURS(batch_key VARCHAR)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Notes the hours that this run reads again for CONTEXT_ITEMS, and removes what is kept of them.'
EXECUTE AS OWNER
AS
$$
BEGIN
    DELETE FROM REREAD_HOURS
    WHERE NOT EXISTS (
            SELECT 1
            FROM CLAUDE_STREAM_V2_STREAM AS event
            WHERE event.customer = REREAD_HOURS.customer
                AND DATE_TRUNC('HOUR', event.ts) = REREAD_HOURS.hour_start
                AND NOT IS_OWN_EVENT(event.event_name, event.feature_json)
        );

    DELETE FROM CONTEXT_ITEMS
    WHERE (customer, hour_start) IN (SELECT customer, hour_start FROM REREAD_HOURS);

    INSERT INTO REREAD_HOURS (customer, hour_start)
    SELECT DISTINCT outranked.customer, DATE_TRUNC('HOUR', outranked.ts)
    FROM SUPERSEDED AS outranked
    LEFT JOIN REREAD_HOURS AS known
        ON outranked.customer = known.customer
        AND DATE_TRUNC('HOUR', outranked.ts) = known.hour_start
    WHERE outranked.is_counted
        AND outranked.batch_key = :batch_key
        AND known.customer IS NULL;
    RETURN 'done';
END;
$$;

-- grain: customer, project or '*', section, session_id, item_key, hour; of any age, for a context may rest for weeks.
-- Sections of the context have an empty session_id; session_files and failed_commands are lists of one session;
-- recent_sessions holds, for each hour of a session (and of what belongs to none), what that hour holds of it; attempts, for each
-- hour of what a tool was called with (item_key: tool, space, argument), how often it succeeded, failed and was refused.
-- The batch adds to what is kept: of a list's entries with one key in an hour the newest stays. A row that is read
-- twice adds nothing.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_ITEMS(batch_key VARCHAR)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Adds the sessions, files, errors, queries and attempts of the batch to CONTEXT_ITEMS.'
EXECUTE AS OWNER
AS
$$
BEGIN
    MERGE INTO CONTEXT_ITEMS AS kept
    USING (
        WITH again AS (
            SELECT customer, DATE_TRUNC('HOUR', ts) AS hour_start, DATEADD(HOUR, 1, DATE_TRUNC('HOUR', ts)) AS hour_end
            FROM SUPERSEDED
            WHERE is_counted
                AND batch_key = :batch_key
            UNION
            SELECT customer, hour_start, DATEADD(HOUR, 1, hour_start) AS hour_end
            FROM REREAD_HOURS
        ),

        events AS (
            SELECT
                customer, project, event_name, activity_id, ts, session_id, org_id, feature_json, channel_id, stream_offset
            FROM CLAUDE_STREAM_V2_STREAM
            UNION ALL
            SELECT
                event.customer, event.project, event.event_name, event.activity_id, event.ts, event.session_id, event.org_id,
                event.feature_json, event.channel_id, event.stream_offset
            FROM CLAUDE_STREAM_V2 AS event
            INNER JOIN again
                ON event.customer = again.customer
                AND event.ts >= again.hour_start
                AND event.ts < again.hour_end
        ),

        live AS (
            SELECT
                event.customer,
                event.project,
                DATE_TRUNC('HOUR', event.ts) AS hour_start,
                event.event_name,
                event.activity_id,
                event.ts,
                TO_CHAR(event.ts, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"') AS at_text,
                COALESCE(event.session_id, '') AS session_id,
                event.org_id,
                event.feature_json:git_branch::VARCHAR AS git_branch,
                -- what a subagent asks and concludes is not what the session does
                CASE
                    WHEN event.event_name = 'session_event' AND event.feature_json:agent_id::VARCHAR IS NULL
                        THEN event.feature_json:event_type::VARCHAR
                END AS moment,
                CASE event.event_name
                    WHEN 'session_event' THEN SUBSTR(event.feature_json:excerpt::VARCHAR, 1, 300)
                END AS excerpt,
                CASE event.event_name
                    WHEN 'session_event' THEN SUBSTR(
                        COALESCE(event.feature_json:title::VARCHAR, event.feature_json:session_title::VARCHAR), 1, 300
                    )
                END AS title,
                event.feature_json:denied::VARCHAR AS denied,
                CASE
                    WHEN event.event_name = 'system_event'
                        THEN event.feature_json:severity::VARCHAR NOT IN ('error', 'critical')
                    WHEN event.event_name NOT IN ('llm_event', 'session_event')
                        -- nobody's No, and nothing that was interrupted, is a failure
                        AND event.feature_json:denied::VARCHAR IS NULL
                        AND NOT COALESCE(TRY_CAST(event.feature_json:interrupted::VARCHAR AS BOOLEAN), FALSE)
                        THEN TRY_CAST(event.feature_json:success::VARCHAR AS BOOLEAN)
                END AS success,
                CASE event.event_name
                    WHEN 'file_event' THEN NULLIF(SUBSTR(event.feature_json:file_path::VARCHAR, 1, 1024), '')
                    WHEN 'tool_event' THEN event.feature_json:tool_name::VARCHAR
                END AS subject,
                event.feature_json
            FROM events AS event
            WHERE NOT IS_OWN_EVENT(event.event_name, event.feature_json)
                AND NOT EXISTS (
                    SELECT 1
                    FROM SUPERSEDED AS outranked
                    WHERE outranked.channel_id = event.channel_id
                        AND outranked.stream_offset = event.stream_offset
                        AND outranked.ts = event.ts
                )
        ),

        sections AS (
            SELECT section, is_of_all
            FROM (VALUES
                ('recent_errors', TRUE), ('recent_files', TRUE), ('recent_queries', TRUE), ('session_files', TRUE),
                ('failed_commands', TRUE), ('recent_sessions', TRUE), ('attempts', TRUE), ('conclusions', TRUE),
                ('recent_errors', FALSE), ('recent_files', FALSE), ('recent_queries', FALSE), ('session_files', FALSE),
                ('failed_commands', FALSE), ('recent_sessions', FALSE), ('attempts', FALSE), ('conclusions', FALSE)
            ) AS listed (section, is_of_all)
        ),

        -- few are in any list: what the sections ask of each is asked of these alone
        listable AS (
            SELECT *
            FROM live
            WHERE NOT success OR event_name IN ('file_event', 'sql_event') OR moment = 'turn_end'
        ),

        entries AS (
            SELECT
                live.customer,
                IFF(sections.is_of_all, '*', live.project) AS project,
                sections.section,
                IFF(sections.section IN ('session_files', 'failed_commands'), live.session_id, '') AS session_id,
                CASE
                    WHEN sections.section IN ('recent_files', 'session_files') THEN live.subject
                    WHEN sections.section = 'failed_commands'
                        THEN SUBSTR(COALESCE(
                            IFF(live.subject = 'Bash', live.feature_json:parameters.command::VARCHAR, NULL),
                            live.subject,
                            'unknown'
                        ), 1, 300)
                    ELSE live.activity_id
                END AS item_key,
                live.hour_start,
                live.ts,
                live.activity_id,
                CASE sections.section
                    WHEN 'recent_errors' THEN OBJECT_CONSTRUCT_KEEP_NULL(
                        'ts', live.at_text,
                        'event_name', live.event_name,
                        'name', SUBSTR(CASE live.event_name
                            WHEN 'tool_event' THEN live.subject
                            WHEN 'sql_event' THEN 'sql'
                            WHEN 'file_event' THEN live.feature_json:operation::VARCHAR
                            WHEN 'mcp_event' THEN live.feature_json:method::VARCHAR
                            ELSE live.feature_json:event_type::VARCHAR
                        END, 1, 255),
                        'error', SUBSTR(COALESCE(
                            live.feature_json:error::VARCHAR,
                            live.feature_json:message::VARCHAR,
                            live.feature_json:error_type::VARCHAR
                        ), 1, 300),
                        'session_id', NULLIF(live.session_id, ''),
                        'project', live.project,
                        'activity_id', live.activity_id
                    )
                    WHEN 'recent_files' THEN OBJECT_CONSTRUCT_KEEP_NULL(
                        'file_path', live.subject,
                        'operation', SUBSTR(live.feature_json:operation::VARCHAR, 1, 255),
                        'ts', live.at_text,
                        'session_id', NULLIF(live.session_id, ''),
                        'project', live.project
                    )
                    WHEN 'recent_queries' THEN OBJECT_CONSTRUCT_KEEP_NULL(
                        'ts', live.at_text,
                        'sql', SUBSTR(live.feature_json:sql::VARCHAR, 1, 300),
                        'query_id', live.feature_json:query_id::VARCHAR,
                        'rows', TRY_CAST(live.feature_json['rows']::VARCHAR AS NUMBER(18, 0)),
                        'duration_ms', TRY_CAST(live.feature_json:duration_ms::VARCHAR AS NUMBER(18, 3)),
                        'artifact_id', live.feature_json:artifact_id::VARCHAR,
                        'session_id', NULLIF(live.session_id, ''),
                        'project', live.project,
                        'activity_id', live.activity_id
                    )
                    WHEN 'conclusions' THEN OBJECT_CONSTRUCT_KEEP_NULL(
                        'ts', live.at_text,
                        'text', live.excerpt,
                        'session_id', NULLIF(live.session_id, ''),
                        'project', live.project,
                        'activity_id', live.activity_id
                    )
                END AS item
            FROM listable AS live
            INNER JOIN sections
                ON (sections.is_of_all OR live.project <> '*')
                AND CASE sections.section
                    -- one failure, one place: a call's own event says it for the statements and files in it
                    WHEN 'recent_errors' THEN NOT live.success AND (
                        live.event_name NOT IN ('sql_event', 'file_event')
                        OR live.feature_json:tool_use_id::VARCHAR IS NULL
                    )
                    WHEN 'recent_files' THEN live.event_name = 'file_event'
                    WHEN 'recent_queries' THEN live.event_name = 'sql_event' AND live.success
                    WHEN 'session_files' THEN live.event_name = 'file_event' AND live.session_id <> ''
                    WHEN 'failed_commands'
                        THEN live.event_name = 'tool_event' AND NOT live.success AND live.session_id <> ''
                    WHEN 'conclusions' THEN live.moment = 'turn_end' AND live.excerpt IS NOT NULL
                END
        ),

        -- what the rows hold of an hour of a session in a project; a text stands behind the time it is from, so that the greatest
        -- is the newest and the least the first
        session_hours AS (
            SELECT
                customer,
                project,
                session_id,
                hour_start,
                MAX(ts) AS ts,
                MIN(at_text) AS first_at,
                MIN(IFF(moment = 'start', at_text, NULL)) AS started,
                MAX(IFF(moment = 'end', at_text, NULL)) AS ended,
                MIN(IFF(moment = 'user_prompt', at_text || ' ' || excerpt, NULL)) AS first_asked,
                MAX(IFF(moment = 'user_prompt', at_text || ' ' || excerpt, NULL)) AS asked,
                MAX(IFF(moment = 'turn_end', at_text || ' ' || excerpt, NULL)) AS concluded,
                MAX(IFF(moment = 'turn_stopped', at_text || ' ' || excerpt, NULL)) AS stopped,
                MAX(at_text || ' ' || title) AS title,
                MAX(at_text || ' ' || git_branch) AS git_branch,
                MAX(at_text || ' ' || project) AS session_project,
                MAX(at_text || ' ' || org_id) AS org_id
            FROM live
            GROUP BY customer, project, session_id, hour_start
        ),

        -- the same for a project and for all of them, and what is kept already
        moments AS (
            SELECT
                hours.customer,
                IFF(sections.is_of_all, '*', hours.project) AS project,
                hours.session_id,
                hours.hour_start,
                hours.ts,
                hours.first_at,
                hours.started,
                hours.ended,
                hours.first_asked,
                hours.asked,
                hours.concluded,
                hours.stopped,
                hours.title,
                hours.git_branch,
                hours.session_project,
                hours.org_id,
                1 AS is_fresh
            FROM session_hours AS hours
            INNER JOIN sections
                ON (sections.is_of_all OR hours.project <> '*')
                AND sections.section = 'recent_sessions'
            UNION ALL
            SELECT
                customer,
                project,
                session_id,
                hour_start,
                ts,
                item:first::VARCHAR,
                item:started::VARCHAR,
                item:ended::VARCHAR,
                COALESCE(item:first_asked::VARCHAR, item:asked::VARCHAR),
                item:asked::VARCHAR,
                item:concluded::VARCHAR,
                item:stopped::VARCHAR,
                item:title::VARCHAR,
                item:git_branch::VARCHAR,
                item:project::VARCHAR,
                item:org_id::VARCHAR,
                0 AS is_fresh
            FROM CONTEXT_ITEMS
            WHERE section = 'recent_sessions'
                AND (customer, hour_start) IN (SELECT customer, hour_start FROM live)
        ),

        -- calls whose outcome a later one of the same may overcome. Reading and searching succeed so often that only their
        -- failures are kept, and a start in the background is no success.
        calls AS (
            SELECT
                live.customer,
                live.project,
                SUBSTR(
                    COALESCE(live.subject, 'unknown') || ' ' || COALESCE(
                        live.feature_json:parameters.command::VARCHAR,
                        live.feature_json:parameters.file_path::VARCHAR,
                        live.feature_json:parameters.notebook_path::VARCHAR,
                        live.feature_json:parameters.path::VARCHAR,
                        live.feature_json:parameters.url::VARCHAR,
                        live.feature_json:parameters.query::VARCHAR,
                        live.feature_json:parameters.pattern::VARCHAR,
                        ''
                    ), 1, 300
                ) AS item_key,
                live.hour_start,
                live.ts,
                live.at_text,
                live.at_text || ' ' || live.session_id AS at_session,
                live.activity_id,
                CASE
                    WHEN live.denied IS NOT NULL THEN 'denied'
                    WHEN NOT live.success THEN 'failed'
                    WHEN live.success AND COALESCE(
                        TRY_CAST(live.feature_json:parameters.run_in_background::VARCHAR AS BOOLEAN), FALSE
                    ) THEN 'background'
                    WHEN live.success AND COALESCE(live.subject, 'unknown') NOT IN (
                        'Read', 'NotebookRead', 'Grep', 'Glob', 'LS', 'ToolSearch', 'TodoWrite', 'BashOutput', 'TaskOutput'
                    ) THEN 'ok'
                END AS outcome,
                SUBSTR(COALESCE(live.feature_json:latency_ms::VARCHAR, ''), 1, 20) AS latency,
                SUBSTR(COALESCE(
                    live.feature_json:error::VARCHAR,
                    live.feature_json:message::VARCHAR,
                    live.feature_json:error_type::VARCHAR,
                    ''
                ), 1, 300) AS error
            FROM live
            WHERE live.event_name = 'tool_event'
        ),

        attempts AS (
            SELECT
                calls.customer,
                IFF(sections.is_of_all, '*', calls.project) AS project,
                calls.item_key,
                calls.hour_start,
                calls.ts,
                calls.at_text,
                calls.at_session,
                calls.activity_id,
                calls.outcome,
                calls.latency,
                calls.error
            FROM calls
            INNER JOIN sections
                ON (sections.is_of_all OR calls.project <> '*')
                AND sections.section = 'attempts'
        ),

        -- a row that is read twice counts once
        outcomes AS (
            SELECT
                customer,
                project,
                item_key,
                hour_start,
                MAX(ts) AS ts,
                COUNT(DISTINCT IFF(outcome = 'ok', activity_id, NULL)) AS ok,
                COUNT(DISTINCT IFF(outcome = 'failed', activity_id, NULL)) AS failed,
                COUNT(DISTINCT IFF(outcome = 'denied', activity_id, NULL)) AS denied,
                MIN(IFF(outcome = 'ok', at_text, NULL)) AS first_ok_at,
                MAX(IFF(outcome = 'ok', at_text || ' ' || latency, NULL)) AS ok_at,
                MAX(IFF(outcome = 'failed', at_text || ' ' || error, NULL)) AS failed_at,
                MAX(IFF(outcome = 'failed', at_session, NULL)) AS failed_in,
                MAX(IFF(outcome = 'denied', at_text, NULL)) AS denied_at,
                MAX(IFF(outcome = 'background', at_session, NULL)) AS background_in,
                1 AS is_fresh
            FROM attempts
            WHERE outcome IS NOT NULL
            GROUP BY customer, project, item_key, hour_start
            UNION ALL
            SELECT
                customer,
                project,
                item_key,
                hour_start,
                ts,
                item:ok::NUMBER(18, 0),
                item:failed::NUMBER(18, 0),
                item:denied::NUMBER(18, 0),
                item:first_ok_at::VARCHAR,
                item:ok_at::VARCHAR,
                item:failed_at::VARCHAR,
                item:failed_in::VARCHAR,
                item:denied_at::VARCHAR,
                item:background_in::VARCHAR,
                0 AS is_fresh
            FROM CONTEXT_ITEMS
            WHERE section = 'attempts'
                AND (customer, hour_start) IN (SELECT customer, hour_start FROM live)
        ),

        newest AS (
            SELECT customer, project, section, session_id, item_key, hour_start, ts, activity_id, item
            FROM entries
            WHERE item_key IS NOT NULL
            QUALIFY ROW_NUMBER() OVER (
                PARTITION BY customer, project, section, session_id, item_key, hour_start ORDER BY ts DESC, activity_id
            ) = 1
        )

        SELECT customer, project, section, session_id, item_key, hour_start, ts, activity_id, item
        FROM newest
        QUALIFY ROW_NUMBER() OVER (
            PARTITION BY customer, project, section ORDER BY ts DESC, session_id, item_key, hour_start
        ) <= LIST_LIMIT(section)
        UNION ALL
        SELECT
            customer,
            project,
            'recent_sessions' AS section,
            session_id,
            '' AS item_key,
            hour_start,
            MAX(ts) AS ts,
            '' AS activity_id,
            OBJECT_CONSTRUCT_KEEP_NULL(
                'first', MIN(first_at),
                'started', MIN(started),
                'ended', MAX(ended),
                'first_asked', MIN(first_asked),
                'asked', MAX(asked),
                'concluded', MAX(concluded),
                'stopped', MAX(stopped),
                'title', MAX(title),
                'git_branch', MAX(git_branch),
                'project', MAX(session_project),
                'org_id', MAX(org_id)
            ) AS item
        FROM moments
        GROUP BY customer, project, session_id, hour_start
        HAVING MAX(is_fresh) = 1
        UNION ALL
        SELECT
            customer,
            project,
            'attempts' AS section,
            '' AS session_id,
            item_key,
            hour_start,
            MAX(ts) AS ts,
            '' AS activity_id,
            OBJECT_CONSTRUCT_KEEP_NULL(
                'ok', SUM(ok),
                'failed', SUM(failed),
                'denied', SUM(denied),
                'first_ok_at', MIN(first_ok_at),
                'ok_at', MAX(ok_at),
                'failed_at', MAX(failed_at),
                'failed_in', MAX(failed_in),
                'denied_at', MAX(denied_at),
                'background_in', MAX(background_in)
            ) AS item
        FROM outcomes
        GROUP BY customer, project, item_key, hour_start
        HAVING MAX(is_fresh) = 1
    ) AS fresh
        ON kept.customer = fresh.customer
        AND kept.project = fresh.project
        AND kept.section = fresh.section
        AND kept.session_id = fresh.session_id
        AND kept.item_key = fresh.item_key
        AND kept.hour_start = fresh.hour_start
    WHEN MATCHED AND (
        fresh.section IN ('recent_sessions', 'attempts')
        OR fresh.ts > kept.ts
        OR (fresh.ts = kept.ts AND fresh.activity_id < kept.activity_id)
    ) THEN
        UPDATE SET
            ts = fresh.ts,
            activity_id = fresh.activity_id,
            item = fresh.item,
            refreshed_at = SYSDATE()
    WHEN NOT MATCHED THEN
        INSERT (customer, project, section, session_id, item_key, hour_start, ts, activity_id, item, refreshed_at)
        VALUES (
            fresh.customer, fresh.project, fresh.section, fresh.session_id, fresh.item_key, fresh.hour_start, fresh.ts,
            fresh.activity_id, fresh.item, SYSDATE()
        );
    RETURN 'done';
END;
$$;
