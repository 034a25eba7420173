-- 05_governance.sql: how long rows are kept, what is kept beyond that, who sees which rows and which contents.
-- Needs: 01 to 04, and a role that may create roles (USERADMIN's CREATE ROLE) for the second half.
--   Standard edition    retention, legal holds, roles and their grants
--   Enterprise edition  row access policies, masking policies, classification
-- Running it again changes nothing. The body of a policy that exists is changed with ALTER … POLICY … SET BODY.

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

-- How long rows are kept. Change keep_days to keep them longer; without its rule nothing of a kind is removed.
-- grain: one row per kind of row
CREATE TABLE IF NOT EXISTS RETENTION_RULES (
    subject    VARCHAR        NOT NULL COMMENT 'activities or artifacts.',
    keep_days  NUMBER(9, 0)   NOT NULL COMMENT 'Rows older than so many days are removed.'
)
COMMENT = 'How many days rows are kept; grain: one row per subject.';

MERGE INTO RETENTION_RULES AS known
USING (
    SELECT subject, keep_days
    FROM (VALUES ('activities', 180), ('artifacts', 90)) AS seed (subject, keep_days)
) AS wanted
    ON known.subject = wanted.subject
WHEN NOT MATCHED THEN
    INSERT (subject, keep_days)
    VALUES (wanted.subject, wanted.keep_days);

-- What retention, clean-up and expiry must leave alone. A hold is a row here and not a column of what it holds: the stream is
-- insert-only, and an UPDATE would move its load time. Each NULL column means "any": a hold with none set keeps everything.
-- To end a hold set released_at; the row stays as the record of it.
-- grain: one row per hold
CREATE TABLE IF NOT EXISTS LEGAL_HOLDS (
    hold_id      VARCHAR        NOT NULL COMMENT 'Id of the hold, such as the number of the case.',
    customer     VARCHAR                 COMMENT 'Whose rows are held; null: everyone''s.',
    org_id       VARCHAR                 COMMENT 'Rows of which organisation; null: of any and of none.',
    project      VARCHAR                 COMMENT 'Rows of which project; null: of any and of none.',
    session_id   VARCHAR                 COMMENT 'Rows of which session; null: of any and of none.',
    from_ts      TIMESTAMP_NTZ           COMMENT 'Rows from this time on, UTC; null: from the beginning.',
    until_ts     TIMESTAMP_NTZ           COMMENT 'Rows before this time, UTC; null: without end.',
    reason       VARCHAR        NOT NULL COMMENT 'Why they are held.',
    placed_by    VARCHAR        NOT NULL COMMENT 'Who placed the hold.',
    placed_at    TIMESTAMP_NTZ  NOT NULL COMMENT 'When it was placed, UTC.',
    released_at  TIMESTAMP_NTZ           COMMENT 'When it ended, UTC; null: in force.'
)
COMMENT = 'Legal holds: what no retention removes; grain: one row per hold.';

-- Runs once a day (DAILY_UPKEEP_TASK in 03); the embedded engine runs the same statements.
-- snowflake-only: the embedded engine runs the body's statements, from generated/run_retention.sql
CREATE OR REPLACE PROCEDURE APPLY_RETENTION()
RETURNS VARCHAR
LANGUAGE SQL
COMMENT = 'Removes rows older than RETENTION_RULES allows and not under LEGAL_HOLDS, in one transaction.'
EXECUTE AS OWNER
AS
$$
BEGIN
    LET activities_from TIMESTAMP_NTZ := NULL;
    LET artifacts_from TIMESTAMP_NTZ := NULL;

    BEGIN TRANSACTION;

    SELECT
        MIN(IFF(subject = 'activities', DATEADD(DAY, -keep_days, SYSDATE()), NULL)) AS activities_from,
        MIN(IFF(subject = 'artifacts', DATEADD(DAY, -keep_days, SYSDATE()), NULL)) AS artifacts_from
    INTO :activities_from, :artifacts_from
    FROM RETENTION_RULES;

    DELETE FROM CLAUDE_STREAM_V2
    WHERE ts < :activities_from
        AND NOT EXISTS (
            SELECT 1
            FROM LEGAL_HOLDS AS hold
            WHERE hold.released_at IS NULL
                AND COALESCE(hold.customer = CLAUDE_STREAM_V2.customer, hold.customer IS NULL)
                AND COALESCE(hold.org_id = CLAUDE_STREAM_V2.org_id, hold.org_id IS NULL)
                AND COALESCE(hold.project = CLAUDE_STREAM_V2.project, hold.project IS NULL)
                AND COALESCE(hold.session_id = CLAUDE_STREAM_V2.session_id, hold.session_id IS NULL)
                AND COALESCE(hold.from_ts <= CLAUDE_STREAM_V2.ts, TRUE)
                AND COALESCE(hold.until_ts > CLAUDE_STREAM_V2.ts, TRUE)
        );

    -- A row that is held and outranked stays outranked: else the fact would show twice.
    DELETE FROM SUPERSEDED
    WHERE ts < :activities_from
        AND NOT EXISTS (
            SELECT 1
            FROM CLAUDE_STREAM_V2 AS held
            WHERE held.channel_id = SUPERSEDED.channel_id
                AND held.stream_offset = SUPERSEDED.stream_offset
                AND held.ts = SUPERSEDED.ts
        );

    -- Version 1 knows neither organisation, project nor session: a hold on one of them holds all of the customer.
    DELETE FROM ACTIVITY_STREAM
    WHERE ts < :activities_from
        AND NOT EXISTS (
            SELECT 1
            FROM LEGAL_HOLDS AS hold
            WHERE hold.released_at IS NULL
                AND COALESCE(hold.customer = ACTIVITY_STREAM.customer, hold.customer IS NULL)
                AND COALESCE(hold.from_ts <= ACTIVITY_STREAM.ts, TRUE)
                AND COALESCE(hold.until_ts > ACTIVITY_STREAM.ts, TRUE)
        );

    -- An insight outlives its event for as long as it says it holds.
    DELETE FROM INSIGHT_ATOMS
    WHERE GREATEST(recorded_at, COALESCE(valid_until, recorded_at))
        < :activities_from
        AND NOT EXISTS (
            SELECT 1
            FROM LEGAL_HOLDS AS hold
            WHERE hold.released_at IS NULL
                AND COALESCE(hold.customer = INSIGHT_ATOMS.customer, hold.customer IS NULL)
                AND COALESCE(hold.org_id = INSIGHT_ATOMS.org_id, hold.org_id IS NULL)
                AND COALESCE(hold.project = INSIGHT_ATOMS.project, hold.project IS NULL)
                AND COALESCE(hold.session_id = INSIGHT_ATOMS.session_id, hold.session_id IS NULL)
                AND COALESCE(hold.from_ts <= INSIGHT_ATOMS.recorded_at, TRUE)
                AND COALESCE(hold.until_ts > INSIGHT_ATOMS.recorded_at, TRUE)
        );

    DELETE FROM ARTIFACTS
    WHERE stored_at < :artifacts_from
        AND NOT pinned
        AND NOT EXISTS (
            SELECT 1
            FROM LEGAL_HOLDS AS hold
            WHERE hold.released_at IS NULL
                AND COALESCE(hold.customer = ARTIFACTS.customer, hold.customer IS NULL)
                AND COALESCE(hold.org_id = ARTIFACTS.org_id, hold.org_id IS NULL)
                AND COALESCE(hold.project = ARTIFACTS.project, hold.project IS NULL)
                AND COALESCE(hold.session_id = ARTIFACTS.session_id, hold.session_id IS NULL)
                AND COALESCE(hold.from_ts <= ARTIFACTS.stored_at, TRUE)
                AND COALESCE(hold.until_ts > ARTIFACTS.stored_at, TRUE)
        );

    -- What is only derived from the stream is not evidence: no hold keeps it. The lists inside a context that is still in use
    -- lose what is too old with its next refresh.
    DELETE FROM CONTEXT_ITEMS
    WHERE ts < :activities_from;

    -- No context looks further back than 8 days into these two.
    DELETE FROM CONTEXT_COUNTS
    WHERE hour_start < DATEADD(DAY, -9, SYSDATE());

    DELETE FROM CONTEXT_HOURS
    WHERE hour_start < DATEADD(DAY, -9, SYSDATE());

    DELETE FROM CONTEXT_CACHE
    WHERE recorded_at < :activities_from;

    DELETE FROM SCHEMA_DRIFT
    WHERE last_seen_at < :activities_from;

    COMMIT;
    RETURN 'removed what is older than RETENTION_RULES allows';
EXCEPTION
    WHEN OTHER THEN
        ROLLBACK;
        RAISE;
END;
$$;

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
-- Roles. WRITER is what the clients' Snowpipe connection bears, READER what people, dashboards and the clients' recall bear.
-- ENGINE owns tasks and procedures and passes every policy: one that did not would write **** into CONTEXT_CACHE, or nothing.
-- `activity-mcp deploy` replaces the four names where others are given; by hand replace them in this file.
CREATE ROLE IF NOT EXISTS ACTIVITY_WRITER COMMENT = 'Inserts activities, and can do nothing else.';
CREATE ROLE IF NOT EXISTS ACTIVITY_READER COMMENT = 'Reads activities and contexts, of those rows that ACCESS_MAP gives it.';
CREATE ROLE IF NOT EXISTS ACTIVITY_ADMIN COMMENT = 'Sees every row unmasked, places legal holds, runs the migration.';
CREATE ROLE IF NOT EXISTS ACTIVITY_ENGINE COMMENT = 'Owns tasks and procedures; passes every policy; borne by no person.';

GRANT ROLE ACTIVITY_READER TO ROLE ACTIVITY_ADMIN;
GRANT ROLE ACTIVITY_ENGINE TO ROLE IDENTIFIER($activity_role);

GRANT USAGE ON DATABASE IDENTIFIER($activity_database) TO ROLE ACTIVITY_WRITER;
GRANT USAGE ON DATABASE IDENTIFIER($activity_database) TO ROLE ACTIVITY_READER;
GRANT USAGE ON DATABASE IDENTIFIER($activity_database) TO ROLE ACTIVITY_ENGINE;
GRANT USAGE ON SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_WRITER;
GRANT USAGE ON SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_READER;
GRANT USAGE ON SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ENGINE;
GRANT CREATE STREAM ON SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ENGINE;

GRANT INSERT ON TABLE CLAUDE_STREAM_V2 TO ROLE ACTIVITY_WRITER;

GRANT SELECT ON ALL VIEWS IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_READER;
GRANT SELECT ON TABLE CONTEXT_CACHE TO ROLE ACTIVITY_READER;
GRANT SELECT ON TABLE ARTIFACTS TO ROLE ACTIVITY_READER;
GRANT SELECT ON TABLE INSIGHT_ATOMS TO ROLE ACTIVITY_READER;
GRANT SELECT ON TABLE SCHEMA_DRIFT TO ROLE ACTIVITY_READER;
GRANT SELECT ON TABLE ACTIVITY_SCHEMA_VERSION TO ROLE ACTIVITY_READER;

GRANT SELECT ON ALL TABLES IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ADMIN;
GRANT INSERT, UPDATE ON TABLE LEGAL_HOLDS TO ROLE ACTIVITY_ADMIN;
GRANT UPDATE ON TABLE RETENTION_RULES TO ROLE ACTIVITY_ADMIN;
GRANT INSERT, DELETE ON TABLE SENSITIVE_KEYS TO ROLE ACTIVITY_ADMIN;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ENGINE;
GRANT SELECT ON ALL VIEWS IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ENGINE;
GRANT SELECT ON ALL STREAMS IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ENGINE;

-- ---------------------------------------------------------------------------------------------------------------------------
-- The engine takes over what runs by itself. A task whose owner changes is suspended, so they are resumed here; that
-- needs EXECUTE TASK and EXECUTE MANAGED TASK ON ACCOUNT for ACTIVITY_ENGINE, which only ACCOUNTADMIN can grant.
GRANT OWNERSHIP ON ALL PROCEDURES IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ENGINE COPY CURRENT GRANTS;
GRANT OWNERSHIP ON ALL STREAMS IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ENGINE COPY CURRENT GRANTS;
GRANT OWNERSHIP ON TASK REFRESH_CONTEXT_TASK TO ROLE ACTIVITY_ENGINE COPY CURRENT GRANTS;
GRANT OWNERSHIP ON TASK DAILY_UPKEEP_TASK TO ROLE ACTIVITY_ENGINE COPY CURRENT GRANTS;
GRANT OWNERSHIP ON TASK DUAL_WRITE_TASK TO ROLE ACTIVITY_ENGINE COPY CURRENT GRANTS;
GRANT USAGE ON ALL PROCEDURES IN SCHEMA IDENTIFIER($activity_schema) TO ROLE ACTIVITY_ADMIN;

ALTER TASK REFRESH_CONTEXT_TASK RESUME;
ALTER TASK DAILY_UPKEEP_TASK RESUME;

-- ---------------------------------------------------------------------------------------------------------------------------
-- enterprise-only from here on: row access and masking policies
-- Row access (Enterprise edition). Who sees whose rows; ADMIN and ENGINE see all. Rows are as trustworthy as the writer's key:
-- customer and org_id are what the client says.
-- grain: one row per user or role, and what it may see
CREATE TABLE IF NOT EXISTS ACCESS_MAP (
    user_name     VARCHAR           COMMENT 'Snowflake user it holds for, in capitals; null: by role.',
    role_name     VARCHAR           COMMENT 'Role it holds for, in capitals; null: by user.',
    customer      VARCHAR           COMMENT 'Rows of this customer; null: by organisation.',
    org_id        VARCHAR           COMMENT 'Rows of this organisation; null: by customer.',
    sees_content  BOOLEAN  NOT NULL COMMENT 'Whether contents are shown, or masked.'
)
COMMENT = 'Who may see which rows, and whether masked; grain: one row per user or role and customer or organisation.';

GRANT INSERT, UPDATE, DELETE ON TABLE ACCESS_MAP TO ROLE ACTIVITY_ADMIN;

CREATE ROW ACCESS POLICY IF NOT EXISTS CUSTOMER_AND_ORG_ROWS AS (row_customer VARCHAR, row_org_id VARCHAR)
RETURNS BOOLEAN ->
    IS_ROLE_IN_SESSION('ACTIVITY_ADMIN')
    OR IS_ROLE_IN_SESSION('ACTIVITY_ENGINE')
    OR EXISTS (
        SELECT 1
        FROM ACCESS_MAP
        WHERE (ACCESS_MAP.user_name = CURRENT_USER() OR IS_ROLE_IN_SESSION(ACCESS_MAP.role_name))
            AND (ACCESS_MAP.customer = row_customer OR ACCESS_MAP.org_id = row_org_id)
    )
COMMENT = 'Rows of the customers and organisations that ACCESS_MAP gives to the user or the role.';

-- For tables whose rows bear no organisation.
CREATE ROW ACCESS POLICY IF NOT EXISTS CUSTOMER_ROWS AS (row_customer VARCHAR)
RETURNS BOOLEAN ->
    IS_ROLE_IN_SESSION('ACTIVITY_ADMIN')
    OR IS_ROLE_IN_SESSION('ACTIVITY_ENGINE')
    OR EXISTS (
        SELECT 1
        FROM ACCESS_MAP
        WHERE (ACCESS_MAP.user_name = CURRENT_USER() OR IS_ROLE_IN_SESSION(ACCESS_MAP.role_name))
            AND ACCESS_MAP.customer = row_customer
    )
COMMENT = 'Rows of the customers that ACCESS_MAP gives to the user or the role.';

-- A table that has its policy already refuses a second one: that refusal alone is passed over.
EXECUTE IMMEDIATE $$
BEGIN
    LET wanted RESULTSET := (
        SELECT table_name, policy
        FROM (VALUES
            ('CLAUDE_STREAM_V2', 'CUSTOMER_AND_ORG_ROWS ON (customer, org_id)'),
            ('CONTEXT_CACHE', 'CUSTOMER_AND_ORG_ROWS ON (customer, org_id)'),
            ('ARTIFACTS', 'CUSTOMER_AND_ORG_ROWS ON (customer, org_id)'),
            ('INSIGHT_ATOMS', 'CUSTOMER_AND_ORG_ROWS ON (customer, org_id)'),
            ('SCHEMA_DRIFT', 'CUSTOMER_AND_ORG_ROWS ON (customer, org_id)'),
            ('ACTIVITY_STREAM', 'CUSTOMER_ROWS ON (customer)'),
            ('SUPERSEDED', 'CUSTOMER_ROWS ON (customer)'),
            ('CONTEXT_COUNTS', 'CUSTOMER_ROWS ON (customer)'),
            ('CONTEXT_HOURS', 'CUSTOMER_ROWS ON (customer)'),
            ('CONTEXT_ITEMS', 'CUSTOMER_ROWS ON (customer)')
        ) AS places (table_name, policy)
    );
    LET places CURSOR FOR wanted;
    FOR place IN places DO
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
END;
$$;

-- ---------------------------------------------------------------------------------------------------------------------------
-- Masks (Enterprise edition). A VARIANT stays a VARIANT: the members that hold contents are taken out, and _masked says so.
CREATE MASKING POLICY IF NOT EXISTS FEATURES_MASK AS (val VARIANT)
RETURNS VARIANT ->
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
                OBJECT_DELETE(
                    val::OBJECT,
                    'sql', 'error', 'parameters', 'excerpt', 'raw', 'message', 'value', 'sample_rows', 'content_schema',
                    'feature_1', 'feature_2', 'feature_3'
                ),
                '_masked', TRUE, TRUE
            )::VARIANT
    END
COMMENT = 'Takes statements, parameters, texts and samples out of features, for those who may not see contents.';

CREATE MASKING POLICY IF NOT EXISTS CONTEXT_MASK AS (val VARIANT)
RETURNS VARIANT ->
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
                OBJECT_DELETE(val::OBJECT, 'recent_sessions', 'recent_errors', 'recent_queries', 'insights'),
                '_masked', TRUE, TRUE
            )::VARIANT
    END
COMMENT = 'Leaves counts, files and usage of a context, for those who may not see contents.';

CREATE MASKING POLICY IF NOT EXISTS SAMPLE_MASK AS (val VARIANT)
RETURNS VARIANT ->
    CASE
        WHEN IS_ROLE_IN_SESSION('ACTIVITY_ADMIN') OR IS_ROLE_IN_SESSION('ACTIVITY_ENGINE') THEN val
        WHEN EXISTS (
            SELECT 1
            FROM ACCESS_MAP
            WHERE (ACCESS_MAP.user_name = CURRENT_USER() OR IS_ROLE_IN_SESSION(ACCESS_MAP.role_name))
                AND ACCESS_MAP.sees_content
        ) THEN val
    END
COMMENT = 'Leaves nothing of sample rows and values, for those who may not see contents.';

ALTER TABLE CLAUDE_STREAM_V2 MODIFY COLUMN feature_json SET MASKING POLICY FEATURES_MASK FORCE;
ALTER TABLE CONTEXT_CACHE MODIFY COLUMN context_blob SET MASKING POLICY CONTEXT_MASK FORCE;
ALTER TABLE ARTIFACTS MODIFY COLUMN sample_rows SET MASKING POLICY SAMPLE_MASK FORCE;
ALTER TABLE INSIGHT_ATOMS MODIFY COLUMN value SET MASKING POLICY SAMPLE_MASK FORCE;
ALTER TABLE INSIGHT_ATOMS MODIFY COLUMN item SET MASKING POLICY SAMPLE_MASK FORCE;

-- Classification (Enterprise edition) tags whole columns by what it finds in them, and does not read long free text. To switch it
-- on, take the comment marks away; what it would tag can be seen first with SYSTEM$CLASSIFY('CLAUDE_STREAM_V2', NULL).
-- CREATE SNOWFLAKE.DATA_PRIVACY.CLASSIFICATION_PROFILE ACTIVITY_CLASSIFICATION(
--     {'minimum_object_age_for_classification_days': 0, 'maximum_classification_validity_days': 30, 'auto_tag': TRUE}
-- );
-- ALTER SCHEMA IDENTIFIER($activity_schema) SET CLASSIFICATION_PROFILE = 'ACTIVITY_CLASSIFICATION';
