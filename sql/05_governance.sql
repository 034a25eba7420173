-- 05_governance.sql: who sees which rows and which contents, and who runs what runs by itself.
-- Needs: 01 to 04, and a role that may create roles (USERADMIN's CREATE ROLE).
--   Standard edition    roles and their grants
--   Enterprise edition  row access policies, masking policies, classification
-- The order is what keeps it shut: policies and masks first, then grants, then owners; tasks are resumed last. Running it again
-- changes nothing.

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

-- Features whose names suggest personal data or secrets. The recorder redacts values before they reach the disk; this list finds
-- what came another way. Add patterns of your own.
-- grain: one row per pattern
CREATE TABLE IF NOT EXISTS SENSITIVE_KEYS (
    key_pattern  VARCHAR  NOT NULL COMMENT 'LIKE pattern of the feature''s name, in small letters.',
    kind         VARCHAR  NOT NULL COMMENT 'What it suggests: secret, person or content.'
)
COMMENT = 'Names of features that may hold secrets or personal data; grain: one row per pattern.';

MERGE INTO SENSITIVE_KEYS AS known
USING (
    SELECT key_pattern, kind
    FROM (VALUES
        ('%password%', 'secret'), ('%secret%', 'secret'), ('%token', 'secret'), ('%api_key%', 'secret'),
        ('%credential%', 'secret'), ('%private_key%', 'secret'), ('%authorization%', 'secret'),
        ('%email%', 'person'), ('%phone%', 'person'), ('%address%', 'person'), ('%birth%', 'person'), ('%ssn%', 'person'),
        ('%prompt', 'content'), ('%completion', 'content')
    ) AS seed (key_pattern, kind)
) AS wanted
    ON known.key_pattern = wanted.key_pattern
WHEN NOT MATCHED THEN
    INSERT (key_pattern, kind)
    VALUES (wanted.key_pattern, wanted.kind);

-- What the list finds in the last 7 days, values that were redacted left out.
-- grain: one row per (event_name, feature, kind)
CREATE OR REPLACE VIEW V_SENSITIVE_FEATURES
COPY GRANTS
COMMENT = 'Features of the last 7 days whose names are on the list SENSITIVE_KEYS; grain: event_name, feature and kind.'
AS
WITH features AS (
    SELECT
        event.event_name,
        event.ts,
        feature.key AS feature_name,
        feature.value::VARCHAR AS value_text
    FROM V_CURRENT_STREAM AS event,
        LATERAL FLATTEN(INPUT => event.feature_json) AS feature
    WHERE event.ts >= DATEADD(DAY, -7, SYSDATE())
)

SELECT
    features.event_name,
    features.feature_name,
    listed.kind,
    COUNT(*)          AS activities,
    MAX(features.ts)  AS newest_ts
FROM features
INNER JOIN SENSITIVE_KEYS AS listed
    ON LOWER(features.feature_name) LIKE listed.key_pattern
WHERE features.value_text IS NOT NULL
    AND NOT STARTSWITH(features.value_text, '[redacted:')
GROUP BY features.event_name, features.feature_name, listed.kind;

-- snowflake-only from here on: roles, grants and policies are Snowflake's
-- ---------------------------------------------------------------------------------------------------------------------------
-- Roles. WRITER is what writes, READER what people, dashboards and the clients' recall bear; CLIENT is both, for a token has one
-- role and no secondary ones. ENGINE owns tasks and procedures and passes every policy: one that did not would write **** into
-- CONTEXT_CACHE, or nothing. `activity-mcp deploy` replaces the five names where others are given; by hand replace them here.
CREATE ROLE IF NOT EXISTS ACTIVITY_WRITER COMMENT = 'Inserts activities, and can do nothing else.';
CREATE ROLE IF NOT EXISTS ACTIVITY_READER COMMENT = 'Reads activities and contexts, of those rows that ACCESS_MAP gives it.';
CREATE ROLE IF NOT EXISTS ACTIVITY_CLIENT COMMENT = 'Writer and reader in one: what a recorder''s user bears.';
CREATE ROLE IF NOT EXISTS ACTIVITY_ADMIN COMMENT = 'Sees every row unmasked, places legal holds, runs the migration.';
CREATE ROLE IF NOT EXISTS ACTIVITY_ENGINE COMMENT = 'Owns tasks and procedures; passes every policy; borne by no person.';

-- Who sees whose rows; ADMIN and ENGINE see all. Rows are as trustworthy as the writer's key: customer and org_id are what the
-- client says. Empty it gives nobody anything: `activity-mcp deploy --add-user` puts a row in.
-- grain: one row per user or role, and what it may see
CREATE TABLE IF NOT EXISTS ACCESS_MAP (
    user_name     VARCHAR           COMMENT 'Snowflake user it holds for, in capitals; null: by role.',
    role_name     VARCHAR           COMMENT 'Role it holds for, in capitals; null: by user.',
    customer      VARCHAR           COMMENT 'Rows of this customer; null: by organisation.',
    org_id        VARCHAR           COMMENT 'Rows of this organisation; null: by customer.',
    sees_content  BOOLEAN  NOT NULL COMMENT 'Whether contents are shown, or masked.'
)
COMMENT = 'Who may see which rows, and whether masked; grain: one row per user or role and customer or organisation.';

-- ---------------------------------------------------------------------------------------------------------------------------
-- Policies (Enterprise edition). A policy is made shut and then given its body, so that the body is here once and is brought
-- up to date by each run. An edition that has none says so in the answer of the block, and every reader sees all rows unmasked.
--   rows      CUSTOMER_AND_ORG_ROWS, and CUSTOMER_ROWS where rows bear no organisation. None on SUPERSEDED: it is read by the views
--             alone, and a reader who did not see an outranked row there would see it twice in them.
--   features  only what is on the list stays of a VARIANT, and _masked says so: what is not on it is hidden
--   context   counts, files and usage stay
--   samples, texts   nothing stays
EXECUTE IMMEDIATE $$
BEGIN
    CREATE ROW ACCESS POLICY IF NOT EXISTS CUSTOMER_AND_ORG_ROWS AS (row_customer VARCHAR, row_org_id VARCHAR)
    RETURNS BOOLEAN -> FALSE
    COMMENT = 'Rows of the customers and organisations that ACCESS_MAP gives to the user or the role.';

    ALTER ROW ACCESS POLICY CUSTOMER_AND_ORG_ROWS SET BODY ->
        IS_ROLE_IN_SESSION('ACTIVITY_ADMIN')
        OR IS_ROLE_IN_SESSION('ACTIVITY_ENGINE')
        OR EXISTS (
            SELECT 1
            FROM ACCESS_MAP
            WHERE (ACCESS_MAP.user_name = CURRENT_USER() OR IS_ROLE_IN_SESSION(ACCESS_MAP.role_name))
                AND (ACCESS_MAP.customer = row_customer OR ACCESS_MAP.org_id = row_org_id)
        );

    CREATE ROW ACCESS POLICY IF NOT EXISTS CUSTOMER_ROWS AS (row_customer VARCHAR)
    RETURNS BOOLEAN -> FALSE
    COMMENT = 'Rows of the customers that ACCESS_MAP gives to the user or the role.';

    ALTER ROW ACCESS POLICY CUSTOMER_ROWS SET BODY ->
        IS_ROLE_IN_SESSION('ACTIVITY_ADMIN')
        OR IS_ROLE_IN_SESSION('ACTIVITY_ENGINE')
        OR EXISTS (
            SELECT 1
            FROM ACCESS_MAP
            WHERE (ACCESS_MAP.user_name = CURRENT_USER() OR IS_ROLE_IN_SESSION(ACCESS_MAP.role_name))
                AND ACCESS_MAP.customer = row_customer
        );

    CREATE MASKING POLICY IF NOT EXISTS FEATURES_MASK AS (val VARIANT)
    RETURNS VARIANT -> NULL::VARIANT
    COMMENT = 'Leaves of features what cannot hold contents, for those who may not see contents.';

    ALTER MASKING POLICY FEATURES_MASK SET BODY ->
        CASE
            WHEN IS_ROLE_IN_SESSION('ACTIVITY_ADMIN') OR IS_ROLE_IN_SESSION('ACTIVITY_ENGINE') THEN val
            WHEN EXISTS (
                SELECT 1
                FROM ACCESS_MAP
                WHERE (ACCESS_MAP.user_name = CURRENT_USER() OR IS_ROLE_IN_SESSION(ACCESS_MAP.role_name))
                    AND ACCESS_MAP.sees_content
            ) THEN val
            WHEN IS_OBJECT(val) THEN
                OBJECT_INSERT(
                    OBJECT_PICK(
                        val::OBJECT,
                        '_original_size', '_partial', '_redacted', '_truncated', '_unanswered', 'agent_id', 'agent_type',
                        'artifact_id', 'artifact_type', 'bytes_after', 'bytes_before', 'bytes_scanned', 'cache_age_ms',
                        'cache_creation_1h_tokens', 'cache_creation_5m_tokens', 'cache_creation_tokens', 'cache_hit',
                        'cache_read_tokens', 'cli_version', 'completion_tokens', 'confidence', 'context_size',
                        'cost_by_model', 'cost_source', 'cost_usd', 'count', 'credits_used', 'database', 'denied',
                        'duration_ms', 'elapsed_ms', 'error_code', 'error_type', 'event_type', 'expires_at', 'file_path',
                        'file_type', 'from', 'git_branch', 'git_commit', 'git_tracked', 'grain', 'hook_event_name', 'host', 'insight_id',
                        'interrupted', 'latency_ms', 'length', 'lines_affected', 'max_tokens', 'method', 'metric', 'model',
                        'operation', 'pinned', 'project_path', 'prompt_hash', 'prompt_id', 'prompt_tokens', 'query_id',
                        'query_source', 'request_id', 'request_kind', 'result_sha256', 'result_size', 'result_type', 'role',
                        'row_count', 'rows', 'schema', 'segment', 'session_duration_ms', 'session_id', 'severity',
                        'source_events', 'speed', 'sql_sha256', 'stale', 'start_source', 'stream', 'subject', 'success',
                        'temperature', 'to', 'token_source', 'tool_category', 'tool_name', 'tool_use_id',
                        'total_activities', 'total_latency_ms', 'total_tokens', 'user', 'valid_for_hours', 'valid_until',
                        'warehouse', 'web_searches'
                    ),
                    '_masked', TRUE, TRUE
                )::VARIANT
        END;

    CREATE MASKING POLICY IF NOT EXISTS CONTEXT_MASK AS (val VARIANT)
    RETURNS VARIANT -> NULL::VARIANT
    COMMENT = 'Leaves counts, files and usage of a context, for those who may not see contents.';

    ALTER MASKING POLICY CONTEXT_MASK SET BODY ->
        CASE
            WHEN IS_ROLE_IN_SESSION('ACTIVITY_ADMIN') OR IS_ROLE_IN_SESSION('ACTIVITY_ENGINE') THEN val
            WHEN EXISTS (
                SELECT 1
                FROM ACCESS_MAP
                WHERE (ACCESS_MAP.user_name = CURRENT_USER() OR IS_ROLE_IN_SESSION(ACCESS_MAP.role_name))
                    AND ACCESS_MAP.sees_content
            ) THEN val
            WHEN IS_OBJECT(val) THEN
                OBJECT_INSERT(
                    OBJECT_PICK(val::OBJECT, 'version', 'recent_files', 'hours', 'recorded_at'),
                    '_masked', TRUE, TRUE
                )::VARIANT
        END;

    CREATE MASKING POLICY IF NOT EXISTS SAMPLE_MASK AS (val VARIANT)
    RETURNS VARIANT -> NULL::VARIANT
    COMMENT = 'Leaves nothing of sample rows and values, for those who may not see contents.';

    ALTER MASKING POLICY SAMPLE_MASK SET BODY ->
        CASE
            WHEN IS_ROLE_IN_SESSION('ACTIVITY_ADMIN') OR IS_ROLE_IN_SESSION('ACTIVITY_ENGINE') THEN val
            WHEN EXISTS (
                SELECT 1
                FROM ACCESS_MAP
                WHERE (ACCESS_MAP.user_name = CURRENT_USER() OR IS_ROLE_IN_SESSION(ACCESS_MAP.role_name))
                    AND ACCESS_MAP.sees_content
            ) THEN val
        END;

    CREATE MASKING POLICY IF NOT EXISTS TEXT_MASK AS (val VARCHAR)
    RETURNS VARCHAR -> NULL::VARCHAR
    COMMENT = 'Leaves nothing of texts that may hold contents, for those who may not see contents.';

    ALTER MASKING POLICY TEXT_MASK SET BODY ->
        CASE
            WHEN IS_ROLE_IN_SESSION('ACTIVITY_ADMIN') OR IS_ROLE_IN_SESSION('ACTIVITY_ENGINE') THEN val
            WHEN EXISTS (
                SELECT 1
                FROM ACCESS_MAP
                WHERE (ACCESS_MAP.user_name = CURRENT_USER() OR IS_ROLE_IN_SESSION(ACCESS_MAP.role_name))
                    AND ACCESS_MAP.sees_content
            ) THEN val
        END;

    -- A table that has its row access policy already refuses a second one: that refusal alone is passed over.
    LET row_places RESULTSET := (
        SELECT table_name, policy
        FROM (VALUES
            ('CLAUDE_STREAM_V2', 'CUSTOMER_AND_ORG_ROWS ON (customer, org_id)'),
            ('CONTEXT_CACHE', 'CUSTOMER_AND_ORG_ROWS ON (customer, org_id)'),
            ('ARTIFACTS', 'CUSTOMER_AND_ORG_ROWS ON (customer, org_id)'),
            ('INSIGHT_ATOMS', 'CUSTOMER_AND_ORG_ROWS ON (customer, org_id)'),
            ('SCHEMA_DRIFT', 'CUSTOMER_AND_ORG_ROWS ON (customer, org_id)'),
            ('ACTIVITY_STREAM', 'CUSTOMER_ROWS ON (customer)'),
            ('CONTEXT_COUNTS', 'CUSTOMER_ROWS ON (customer)'),
            ('CONTEXT_HOURS', 'CUSTOMER_ROWS ON (customer)'),
            ('CONTEXT_ITEMS', 'CUSTOMER_ROWS ON (customer)'),
            ('REREAD_HOURS', 'CUSTOMER_ROWS ON (customer)')
        ) AS places (table_name, policy)
    );
    LET rows_of CURSOR FOR row_places;
    FOR place IN rows_of DO
        LET attach VARCHAR := 'ALTER TABLE ' || place.table_name || ' ADD ROW ACCESS POLICY ' || place.policy;
        BEGIN
            EXECUTE IMMEDIATE :attach;
        EXCEPTION
            WHEN OTHER THEN
                IF (NOT CONTAINS(UPPER(SQLERRM), 'ALREADY HAS A ROW_ACCESS_POLICY')) THEN
                    RAISE;
                END IF;
        END;
    END FOR;
    BEGIN
        ALTER TABLE SUPERSEDED DROP ROW ACCESS POLICY CUSTOMER_ROWS;
    EXCEPTION
        WHEN OTHER THEN
            LET had_none BOOLEAN := TRUE;
    END;

    ALTER TABLE CLAUDE_STREAM_V2 MODIFY COLUMN feature_json SET MASKING POLICY FEATURES_MASK FORCE;
    ALTER TABLE CONTEXT_CACHE MODIFY COLUMN context_blob SET MASKING POLICY CONTEXT_MASK FORCE;
    ALTER TABLE ARTIFACTS MODIFY COLUMN sample_rows SET MASKING POLICY SAMPLE_MASK FORCE;
    ALTER TABLE ARTIFACTS MODIFY COLUMN content_schema SET MASKING POLICY SAMPLE_MASK FORCE;
    ALTER TABLE INSIGHT_ATOMS MODIFY COLUMN value SET MASKING POLICY SAMPLE_MASK FORCE;
    ALTER TABLE INSIGHT_ATOMS MODIFY COLUMN item SET MASKING POLICY SAMPLE_MASK FORCE;
    ALTER TABLE SCHEMA_DRIFT MODIFY COLUMN sample_reason SET MASKING POLICY TEXT_MASK FORCE;
    ALTER TABLE ACTIVITY_STREAM MODIFY COLUMN feature_1 SET MASKING POLICY TEXT_MASK FORCE;
    ALTER TABLE ACTIVITY_STREAM MODIFY COLUMN feature_2 SET MASKING POLICY TEXT_MASK FORCE;
    ALTER TABLE ACTIVITY_STREAM MODIFY COLUMN feature_3 SET MASKING POLICY TEXT_MASK FORCE;
    RETURN 'policies and masks are in force';
EXCEPTION
    WHEN OTHER THEN
        IF (CONTAINS(LOWER(SQLERRM), 'unsupported feature')) THEN
            RETURN 'this edition has no policies: every reader sees all rows unmasked';
        END IF;
        RAISE;
END;
$$;

-- ---------------------------------------------------------------------------------------------------------------------------
-- Grants. READER is given its views by name: a view that is new is nobody's until it is written here. They are secure: a plain
-- one lets a reader's own predicate see rows that a policy takes away afterwards.
GRANT ROLE ACTIVITY_WRITER TO ROLE ACTIVITY_CLIENT;
GRANT ROLE ACTIVITY_READER TO ROLE ACTIVITY_CLIENT;
GRANT ROLE ACTIVITY_READER TO ROLE ACTIVITY_ADMIN;
GRANT ROLE ACTIVITY_ENGINE TO ROLE IDENTIFIER($activity_role);

GRANT USAGE ON DATABASE IDENTIFIER($activity_database) TO ROLE ACTIVITY_WRITER;
GRANT USAGE ON DATABASE IDENTIFIER($activity_database) TO ROLE ACTIVITY_READER;
GRANT USAGE ON DATABASE IDENTIFIER($activity_database) TO ROLE ACTIVITY_ENGINE;
GRANT USAGE ON SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_WRITER;
GRANT USAGE ON SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_READER;
GRANT USAGE ON SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ENGINE;
GRANT CREATE STREAM ON SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ENGINE;

-- A client that signs in with a password writes with SQL: rows, and the offset of its channel in the same transaction.
GRANT INSERT ON TABLE CLAUDE_STREAM_V2 TO ROLE ACTIVITY_WRITER;
GRANT SELECT, INSERT, UPDATE ON TABLE CHANNEL_OFFSETS TO ROLE ACTIVITY_WRITER;

-- What an older version gave and this one does not.
REVOKE SELECT ON ALL VIEWS IN SCHEMA IDENTIFIER($activity_schema) FROM ROLE ACTIVITY_READER;

GRANT SELECT ON VIEW VW_ACTIVITY_STREAM TO ROLE ACTIVITY_READER;
GRANT SELECT ON VIEW VW_SQL_EVENTS TO ROLE ACTIVITY_READER;
GRANT SELECT ON VIEW VW_LLM_EVENTS TO ROLE ACTIVITY_READER;
GRANT SELECT ON VIEW VW_TOOL_EVENTS TO ROLE ACTIVITY_READER;
GRANT SELECT ON VIEW VW_FILE_EVENTS TO ROLE ACTIVITY_READER;
GRANT SELECT ON VIEW VW_SESSION_EVENTS TO ROLE ACTIVITY_READER;
GRANT SELECT ON VIEW VW_MCP_EVENTS TO ROLE ACTIVITY_READER;
GRANT SELECT ON VIEW VW_SYSTEM_EVENTS TO ROLE ACTIVITY_READER;
GRANT SELECT ON VIEW VW_SQL_EVENTS_HISTORY TO ROLE ACTIVITY_READER;
GRANT SELECT ON VIEW VW_PRODUCT_METRICS TO ROLE ACTIVITY_READER;
GRANT SELECT ON VIEW VW_ACTIVITIES TO ROLE ACTIVITY_READER;
GRANT SELECT ON VIEW V_CHANNELS TO ROLE ACTIVITY_READER;
GRANT SELECT ON VIEW V_DOUBLED_OFFSETS TO ROLE ACTIVITY_READER;
GRANT SELECT ON VIEW V_STREAM_LAG TO ROLE ACTIVITY_READER;
GRANT SELECT ON VIEW V_TASK_MONITORING TO ROLE ACTIVITY_READER;
GRANT SELECT ON TABLE CONTEXT_CACHE TO ROLE ACTIVITY_READER;
GRANT SELECT ON TABLE ARTIFACTS TO ROLE ACTIVITY_READER;
GRANT SELECT ON TABLE INSIGHT_ATOMS TO ROLE ACTIVITY_READER;
GRANT SELECT ON TABLE SCHEMA_DRIFT TO ROLE ACTIVITY_READER;
GRANT SELECT ON TABLE ACTIVITY_SCHEMA_VERSION TO ROLE ACTIVITY_READER;

GRANT SELECT ON ALL TABLES IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ADMIN;
GRANT SELECT ON ALL VIEWS IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ADMIN;
GRANT INSERT, UPDATE ON TABLE LEGAL_HOLDS TO ROLE ACTIVITY_ADMIN;
GRANT UPDATE ON TABLE RETENTION_RULES TO ROLE ACTIVITY_ADMIN;
GRANT INSERT, DELETE ON TABLE SENSITIVE_KEYS TO ROLE ACTIVITY_ADMIN;
GRANT INSERT, UPDATE, DELETE ON TABLE ACCESS_MAP TO ROLE ACTIVITY_ADMIN;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ENGINE;
GRANT SELECT ON ALL VIEWS IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ENGINE;
GRANT USAGE ON ALL FUNCTIONS IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ENGINE;

-- The warehouse is often another team's: where it may not be given, the answer says what its owner has to run.
EXECUTE IMMEDIATE $$
BEGIN
    GRANT USAGE ON WAREHOUSE IDENTIFIER($activity_warehouse) TO ROLE ACTIVITY_READER;
    RETURN 'READER may use the warehouse';
EXCEPTION
    WHEN OTHER THEN
        RETURN 'ask the warehouse''s owner: GRANT USAGE ON WAREHOUSE … TO ROLE ACTIVITY_READER (' || SQLERRM || ')';
END;
$$;

-- ---------------------------------------------------------------------------------------------------------------------------
-- The engine takes over what runs by itself. A task that runs keeps its owner, and one whose owner changes is suspended: so they
-- are suspended here, and resumed by the last statement.
ALTER TASK IF EXISTS REFRESH_CONTEXT_TASK SUSPEND;
ALTER TASK IF EXISTS DAILY_UPKEEP_TASK SUSPEND;
ALTER TASK IF EXISTS DUAL_WRITE_TASK SUSPEND;

GRANT OWNERSHIP ON ALL STREAMS IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ENGINE COPY CURRENT GRANTS;
GRANT OWNERSHIP ON TASK REFRESH_CONTEXT_TASK TO ROLE ACTIVITY_ENGINE COPY CURRENT GRANTS;
GRANT OWNERSHIP ON TASK DAILY_UPKEEP_TASK TO ROLE ACTIVITY_ENGINE COPY CURRENT GRANTS;
GRANT OWNERSHIP ON TASK DUAL_WRITE_TASK TO ROLE ACTIVITY_ENGINE COPY CURRENT GRANTS;
GRANT OWNERSHIP ON ALL PROCEDURES IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ENGINE COPY CURRENT GRANTS;
GRANT USAGE ON ALL PROCEDURES IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ADMIN;

-- Who may see how the tasks fare, and stop or start them.
GRANT MONITOR ON TASK REFRESH_CONTEXT_TASK TO ROLE ACTIVITY_READER;
GRANT MONITOR ON TASK DAILY_UPKEEP_TASK TO ROLE ACTIVITY_READER;
GRANT MONITOR ON TASK DUAL_WRITE_TASK TO ROLE ACTIVITY_READER;
GRANT OPERATE ON TASK REFRESH_CONTEXT_TASK TO ROLE ACTIVITY_ADMIN;
GRANT OPERATE ON TASK DAILY_UPKEEP_TASK TO ROLE ACTIVITY_ADMIN;
GRANT OPERATE ON TASK DUAL_WRITE_TASK TO ROLE ACTIVITY_ADMIN;

-- Only ACCOUNTADMIN can give these two: for any other role the answer says what an administrator has to run.
EXECUTE IMMEDIATE $$
BEGIN
    GRANT EXECUTE TASK, EXECUTE MANAGED TASK ON ACCOUNT TO ROLE ACTIVITY_ENGINE;
    RETURN 'ENGINE may run tasks';
EXCEPTION
    WHEN OTHER THEN
        RETURN 'ask an administrator: GRANT EXECUTE TASK, EXECUTE MANAGED TASK ON ACCOUNT TO ROLE ACTIVITY_ENGINE (' || SQLERRM || ')';
END;
$$;

-- Classification (Enterprise edition) tags whole columns by what it finds in them, and does not read long free text. To switch it
-- on, take the comment marks away; what it would tag can be seen first with SYSTEM$CLASSIFY('CLAUDE_STREAM_V2', NULL).
-- CREATE SNOWFLAKE.DATA_PRIVACY.CLASSIFICATION_PROFILE ACTIVITY_CLASSIFICATION(
--     {'minimum_object_age_for_classification_days': 0, 'maximum_classification_validity_days': 30, 'auto_tag': TRUE}
-- );
-- ALTER SCHEMA IDENTIFIER($activity_schema) SET CLASSIFICATION_PROFILE = 'ACTIVITY_CLASSIFICATION';

-- Last of all. A task that may not run yet stays suspended, and the answer says why: grant what is missing and run this again.
CALL RESUME_TASKS();
