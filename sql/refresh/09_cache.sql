-- grain: customer, project or '*'. Nothing here depends on the hour it is read at: hours are buckets, insights carry
-- valid_until, and the reader sums and filters by its own clock.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_CACHE(batch_key VARCHAR)
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Writes the context of each touched customer and project to CONTEXT_CACHE.'
EXECUTE AS OWNER
AS
$$
BEGIN
    MERGE INTO CONTEXT_CACHE AS kept
    USING (
        WITH scopes AS (
            SELECT is_of_all FROM (VALUES (TRUE), (FALSE)) AS listed (is_of_all)
        ),

        batch AS (
            SELECT
                customer,
                IFF(scopes.is_of_all, '*', project) AS project,
                channel_id,
                MAX(stream_offset) AS stream_offset
            FROM CLAUDE_STREAM_V2_STREAM
            INNER JOIN scopes
                ON scopes.is_of_all OR project <> '*'
            WHERE NOT IS_OWN_EVENT(event_name, feature_json)
            GROUP BY customer, IFF(scopes.is_of_all, '*', project), channel_id
        ),

        -- an insight that is recorded again in another project leaves the contexts that list it
        recorded AS (
            SELECT
                atom.customer,
                atom.project,
                OBJECT_CONSTRUCT_KEEP_NULL('insight_id', atom.insight_id)::VARCHAR AS named
            FROM INSIGHT_ATOMS AS atom
            INNER JOIN CLAUDE_STREAM_V2_STREAM AS event
                ON atom.channel_id = event.channel_id
                AND atom.stream_offset = event.stream_offset
        ),

        changed AS (
            SELECT cache.customer, cache.project
            FROM recorded
            INNER JOIN CONTEXT_CACHE AS cache
                ON (cache.customer <> recorded.customer OR cache.project NOT IN ('*', COALESCE(recorded.project, '*')))
                AND CONTAINS(cache.context_blob:insights::VARCHAR, SUBSTR(recorded.named, 2, LENGTH(recorded.named) - 2))
            UNION ALL
            SELECT customer, project
            FROM SUPERSEDED
            WHERE is_counted
                AND batch_key = :batch_key
            UNION ALL
            SELECT customer, project
            FROM INSIGHT_ATOMS
            WHERE batch_key = :batch_key
        ),

        touched AS (
            SELECT customer, project FROM batch
            UNION
            SELECT changed.customer, IFF(scopes.is_of_all, '*', changed.project) AS project
            FROM changed
            INNER JOIN scopes
                ON scopes.is_of_all OR changed.project <> '*'
        ),

        watermarks AS (
            SELECT customer, project, OBJECT_AGG(channel_id, stream_offset::VARIANT) AS watermark
            FROM (
                SELECT customer, project, channel_id, MAX(stream_offset) AS stream_offset
                FROM (
                    SELECT customer, project, channel_id, stream_offset FROM batch
                    UNION ALL
                    SELECT cached.customer, cached.project, channel.key, channel.value::VARCHAR
                    FROM (
                        SELECT cache.customer, cache.project, cache.watermark
                        FROM CONTEXT_CACHE AS cache
                        INNER JOIN touched
                            ON cache.customer = touched.customer
                            AND cache.project = touched.project
                    ) AS cached,
                        LATERAL FLATTEN(INPUT => cached.watermark, MODE => 'OBJECT') AS channel
                )
                GROUP BY customer, project, channel_id
            )
            GROUP BY customer, project
        ),

        hours AS (
            SELECT touched.customer, touched.project, ARRAY_AGG(hour.bucket) WITHIN GROUP (ORDER BY hour.hour_start) AS hours
            FROM touched
            INNER JOIN CONTEXT_HOURS AS hour
                ON touched.customer = hour.customer
                AND touched.project = hour.project
            WHERE hour.hour_start >= DATE_TRUNC('HOUR', DATEADD(DAY, -8, SYSDATE()))
            GROUP BY touched.customer, touched.project
        ),

        -- of the lists what REFRESH_PRUNED_ITEMS leaves, whether or not it runs
        items AS (
            SELECT item.customer, item.project, item.section, item.session_id, item.item_key, item.ts, item.item
            FROM touched
            INNER JOIN CONTEXT_ITEMS AS item
                ON touched.customer = item.customer
                AND touched.project = item.project
            QUALIFY ROW_NUMBER() OVER (
                PARTITION BY item.customer, item.project, item.section
                ORDER BY item.ts DESC, item.session_id, item.item_key, item.hour_start
            ) <= LIST_LIMIT(item.section)
        ),

        -- every entry of a list: one newest row for each item_key, in the order of ts
        entries AS (
            SELECT customer, project, section, session_id, item_key, ts, item
            FROM items
            WHERE section NOT IN ('recent_sessions', 'attempts')
            UNION ALL
            SELECT
                touched.customer,
                touched.project,
                'insights',
                '',
                atom.insight_id,
                atom.recorded_at,
                atom.item
            FROM touched
            INNER JOIN INSIGHT_ATOMS AS atom
                ON touched.customer = atom.customer
                AND (touched.project = '*' OR touched.project = atom.project)
            WHERE NOT atom.is_quarantined
                AND COALESCE(atom.artifact_id, atom.query_id) IS NOT NULL
                AND COALESCE(atom.valid_until > SYSDATE(), TRUE)
        ),

        newest AS (
            SELECT customer, project, section, session_id, item_key, ts, item
            FROM entries
            QUALIFY ROW_NUMBER() OVER (PARTITION BY customer, project, section, session_id, item_key ORDER BY ts DESC) = 1
        ),

        -- grain: customer, project or '*', and '' or a session: an object with one array for each section
        lists AS (
            SELECT customer, project, session_id, OBJECT_AGG(section, list::VARIANT) AS lists
            FROM (
                SELECT
                    customer,
                    project,
                    section,
                    session_id,
                    ARRAY_AGG(entry) WITHIN GROUP (ORDER BY nth) AS list
                FROM (
                    SELECT
                        customer,
                        project,
                        section,
                        session_id,
                        COALESCE(item, item_key::VARIANT) AS entry,
                        ROW_NUMBER() OVER (
                            PARTITION BY customer, project, section, session_id ORDER BY ts DESC, item_key
                        ) AS nth
                    FROM newest
                )
                WHERE nth <= CASE section
                    WHEN 'recent_files' THEN 20
                    WHEN 'insights' THEN 20
                    WHEN 'conclusions' THEN 15
                    WHEN 'session_files' THEN 8
                    WHEN 'failed_commands' THEN 3
                    ELSE 10
                END
                GROUP BY customer, project, section, session_id
            )
            GROUP BY customer, project, session_id
        ),

        -- the hours of an attempt put together; of them those that failed, were refused or wait last, those that succeed most
        -- often, and those that succeeded last, which may have overcome a failure
        attempts AS (
            SELECT
                item.customer,
                item.project,
                item.item_key,
                SUM(item.item:ok::NUMBER(18, 0)) AS ok,
                SUM(item.item:failed::NUMBER(18, 0)) AS failed,
                SUM(item.item:denied::NUMBER(18, 0)) AS denied,
                MIN(item.item:first_ok_at::VARCHAR) AS first_ok_at,
                MAX(item.item:ok_at::VARCHAR) AS ok_at,
                MAX(item.item:failed_at::VARCHAR) AS failed_at,
                MAX(item.item:failed_in::VARCHAR) AS failed_in,
                MAX(item.item:denied_at::VARCHAR) AS denied_at,
                MAX(item.item:background_in::VARCHAR) AS background_in
            FROM items AS item
            WHERE item.section = 'attempts'
            GROUP BY item.customer, item.project, item.item_key
        ),

        attempt_lists AS (
            SELECT
                customer,
                project,
                ARRAY_AGG(OBJECT_CONSTRUCT_KEEP_NULL(
                    'what', item_key,
                    'ok', ok,
                    'failed', failed,
                    'denied', denied,
                    'first_ok_at', first_ok_at,
                    'ok_at', ok_at,
                    'failed_at', failed_at,
                    'failed_in', failed_in,
                    'denied_at', denied_at,
                    'background_in', background_in
                )) WITHIN GROUP (ORDER BY item_key) AS attempts
            FROM (
                SELECT
                    *,
                    ROW_NUMBER() OVER (
                        PARTITION BY customer, project
                        ORDER BY
                            GREATEST(COALESCE(failed_at, ''), COALESCE(denied_at, ''), COALESCE(background_in, '')) DESC,
                            item_key
                    ) AS nth_open,
                    ROW_NUMBER() OVER (
                        PARTITION BY customer, project ORDER BY ok DESC, COALESCE(ok_at, '') DESC, item_key
                    ) AS nth_habit,
                    ROW_NUMBER() OVER (
                        PARTITION BY customer, project ORDER BY COALESCE(ok_at, '') DESC, item_key
                    ) AS nth_recent
                FROM attempts
            )
            WHERE nth_open <= 20
                OR nth_habit <= 20
                OR nth_recent <= 20
            GROUP BY customer, project
        ),

        -- the hours of a session put together; a text stands behind the 27 characters of its time
        sessions AS (
            SELECT
                item.customer,
                item.project,
                item.session_id,
                MAX(item.ts) AS last_ts,
                COALESCE(MIN(item.item:started::VARCHAR), MIN(item.item:first::VARCHAR)) AS started,
                MAX(item.item:ended::VARCHAR) AS ended,
                MIN(COALESCE(item.item:first_asked::VARCHAR, item.item:asked::VARCHAR)) AS first_asked,
                MAX(item.item:asked::VARCHAR) AS asked,
                MAX(item.item:concluded::VARCHAR) AS concluded,
                MAX(item.item:stopped::VARCHAR) AS stopped,
                MAX(item.item:title::VARCHAR) AS title,
                MAX(item.item:git_branch::VARCHAR) AS git_branch,
                MAX(item.item:project::VARCHAR) AS session_project,
                MAX(item.item:org_id::VARCHAR) AS org_id
            FROM items AS item
            WHERE item.section = 'recent_sessions'
            GROUP BY item.customer, item.project, item.session_id
        ),

        recent AS (
            SELECT
                customer,
                project,
                MAX(last_ts) AS recorded_at,
                SUBSTR(MAX(org_id), 29) AS org_id,
                ARRAY_AGG(IFF(nth <= 5 AND session_id <> '', session, NULL))
                    WITHIN GROUP (ORDER BY nth) AS recent_sessions
            FROM (
                SELECT
                    sessions.customer,
                    sessions.project,
                    sessions.session_id,
                    sessions.last_ts,
                    sessions.org_id,
                    ROW_NUMBER() OVER (
                        PARTITION BY sessions.customer, sessions.project
                        ORDER BY IFF(sessions.session_id = '', 1, 0), sessions.last_ts DESC, sessions.session_id
                    ) AS nth,
                    OBJECT_CONSTRUCT_KEEP_NULL(
                        'session_id', sessions.session_id,
                        'project', SUBSTR(sessions.session_project, 29),
                        'git_branch', SUBSTR(sessions.git_branch, 29),
                        'started', sessions.started,
                        'ended', sessions.ended,
                        'last_ts', TO_CHAR(sessions.last_ts, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"'),
                        'first_asked', SUBSTR(sessions.first_asked, 29),
                        'first_asked_ts', SUBSTR(sessions.first_asked, 1, 27),
                        'asked', SUBSTR(sessions.asked, 29),
                        'asked_ts', SUBSTR(sessions.asked, 1, 27),
                        'concluded', SUBSTR(sessions.concluded, 29),
                        'concluded_ts', SUBSTR(sessions.concluded, 1, 27),
                        'stopped', SUBSTR(sessions.stopped, 29),
                        'stopped_ts', SUBSTR(sessions.stopped, 1, 27),
                        'title', SUBSTR(sessions.title, 29),
                        'title_ts', SUBSTR(sessions.title, 1, 27),
                        'files', lists.lists:session_files,
                        'failed_commands', lists.lists:failed_commands
                    ) AS session
                FROM sessions
                LEFT JOIN lists
                    ON sessions.customer = lists.customer
                    AND sessions.project = lists.project
                    AND sessions.session_id = lists.session_id
            )
            GROUP BY customer, project
        )

        SELECT
            touched.customer,
            touched.project,
            recent.org_id,
            recent.recorded_at,
            watermarks.watermark,
            OBJECT_CONSTRUCT_KEEP_NULL(
                'version', 1,
                'recent_sessions', recent.recent_sessions,
                'recent_errors', lists.lists:recent_errors,
                'recent_files', lists.lists:recent_files,
                'insights', lists.lists:insights,
                'recent_queries', lists.lists:recent_queries,
                'conclusions', lists.lists:conclusions,
                'attempts', attempt_lists.attempts,
                'hours', hours.hours,
                'recorded_at', TO_CHAR(recent.recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"')
            ) AS context_blob
        FROM touched
        LEFT JOIN watermarks
            ON touched.customer = watermarks.customer
            AND touched.project = watermarks.project
        LEFT JOIN recent
            ON touched.customer = recent.customer
            AND touched.project = recent.project
        LEFT JOIN lists
            ON touched.customer = lists.customer
            AND touched.project = lists.project
            AND lists.session_id = ''
        LEFT JOIN attempt_lists
            ON touched.customer = attempt_lists.customer
            AND touched.project = attempt_lists.project
        LEFT JOIN hours
            ON touched.customer = hours.customer
            AND touched.project = hours.project
    ) AS fresh
        ON kept.customer = fresh.customer
        AND kept.project = fresh.project
    WHEN MATCHED THEN
        UPDATE SET
            org_id = fresh.org_id,
            context_blob = fresh.context_blob,
            watermark = fresh.watermark,
            recorded_at = fresh.recorded_at,
            refreshed_at = SYSDATE(),
            row_version = kept.row_version + 1
    WHEN NOT MATCHED THEN
        INSERT (customer, org_id, project, context_blob, watermark, recorded_at, refreshed_at, row_version)
        VALUES (
            fresh.customer, fresh.org_id, fresh.project, fresh.context_blob, fresh.watermark, fresh.recorded_at, SYSDATE(), 1
        );
    RETURN 'done';
END;
$$;
