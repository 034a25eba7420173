-- Of each list only the newest stay: more than a context shows, because one may be outranked later.
-- snowflake-only: a step of REFRESH_CONTEXT, whose statements the embedded engine runs itself
CREATE OR REPLACE PROCEDURE REFRESH_PRUNED_ITEMS()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Leaves of each list in CONTEXT_ITEMS only the newest.'
EXECUTE AS OWNER
AS
$$
BEGIN
    DELETE FROM CONTEXT_ITEMS AS kept
    USING (
        SELECT customer, project, section, session_id, item_key, hour_start
        FROM CONTEXT_ITEMS
        WHERE customer IN (SELECT customer FROM CLAUDE_STREAM_V2_STREAM)
        QUALIFY ROW_NUMBER() OVER (
            PARTITION BY customer, project, section ORDER BY ts DESC, session_id, item_key, hour_start
        ) > LIST_LIMIT(section)
    ) AS beyond
    WHERE kept.customer = beyond.customer
        AND kept.project = beyond.project
        AND kept.section = beyond.section
        AND kept.session_id = beyond.session_id
        AND kept.item_key = beyond.item_key
        AND kept.hour_start = beyond.hour_start;
    RETURN 'done';
END;
$$;
