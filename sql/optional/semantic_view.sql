-- semantic_view.sql: tools, models, cost and health by the words people use for them, for Cortex Analyst and for tools that read
-- semantic views. Nothing applies this file but you: snow sql -f sql/optional/semantic_view.sql
-- Needs: 01 to 05, CREATE SEMANTIC VIEW on the schema. Who asks it needs SELECT on the semantic view and on the three views below.
SET activity_database  = 'CLAUDE_LOGS';
SET activity_schema    = 'ACTIVITIES';
SET activity_role      = CURRENT_ROLE();

USE ROLE     IDENTIFIER($activity_role);
USE DATABASE IDENTIFIER($activity_database);
USE SCHEMA   IDENTIFIER($activity_schema);

CREATE OR REPLACE SEMANTIC VIEW ACTIVITY_ANALYSIS
    TABLES (
        tools AS VW_TOOL_EVENTS PRIMARY KEY (activity_id)
            WITH SYNONYMS ('tool calls', 'commands') COMMENT = 'One row per tool call of Claude Code.',
        models AS VW_LLM_EVENTS PRIMARY KEY (activity_id)
            WITH SYNONYMS ('LLM calls', 'responses') COMMENT = 'One row per response of a model.',
        health AS VW_PRODUCT_METRICS PRIMARY KEY (customer, hour)
            COMMENT = 'One row per customer and hour: usage, latencies, losses and a score.'
    )
    FACTS (
        tools.latency AS latency_ms COMMENT = 'How long the call took, in milliseconds.',
        models.tokens AS prompt_tokens + completion_tokens COMMENT = 'Tokens in and out.',
        models.cost AS cost_usd COMMENT = 'What the response cost, in US dollars, where it is known.'
    )
    DIMENSIONS (
        tools.tool_name AS tool_name WITH SYNONYMS ('tool') COMMENT = 'Name of the tool, such as Bash or Edit.',
        tools.project AS project COMMENT = 'Root directory of the project.',
        tools.customer AS customer WITH SYNONYMS ('developer', 'user') COMMENT = 'Who did it.',
        tools.day AS DATE_TRUNC('DAY', ts) COMMENT = 'Day of the call, UTC.',
        models.model AS model COMMENT = 'The model that answered.',
        models.developer AS customer COMMENT = 'Whose session it was.',
        models.cost_day AS DATE_TRUNC('DAY', ts) COMMENT = 'Day of the response, UTC.',
        health.hour AS hour COMMENT = 'The hour, UTC.'
    )
    METRICS (
        tools.calls AS COUNT(tools.activity_id) COMMENT = 'How many tool calls.',
        tools.failures AS COUNT_IF(NOT tools.success) COMMENT = 'How many of them failed.',
        tools.p95_latency AS PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY tools.latency_ms)
            COMMENT = 'Latency that 95 % of the calls stay below, in milliseconds.',
        models.total_cost AS SUM(models.cost_usd) WITH SYNONYMS ('spend') COMMENT = 'US dollars.',
        models.total_tokens AS SUM(models.prompt_tokens + models.completion_tokens) COMMENT = 'Tokens in and out.',
        health.average_score AS AVG(health.health_score) COMMENT = 'Health from 0 to 100; VW_PRODUCT_METRICS says how it is made.'
    )
    COMMENT = 'What Claude Code did, at what cost, and how well: over the typed views of activity_mcp.';

GRANT SELECT ON SEMANTIC VIEW ACTIVITY_ANALYSIS TO ROLE ACTIVITY_READER;

-- Snowflake's own MCP server: the semantic view for questions in words, and SQL under the reader's role and policies.
CREATE MCP SERVER IF NOT EXISTS ACTIVITY_ANALYST
    FROM SPECIFICATION $$
tools:
  - name: "ask_activities"
    type: "CORTEX_ANALYST_MESSAGE"
    identifier: "CLAUDE_LOGS.ACTIVITIES.ACTIVITY_ANALYSIS"
    title: "Ask about Claude Code's activities"
    description: "Tool calls, failures, latencies, models, tokens and cost, in words."
  - name: "query_activities"
    type: "SYSTEM_EXECUTE_SQL"
    title: "Query Claude Code's activities"
    description: "SELECT on the views of CLAUDE_LOGS.ACTIVITIES: VW_TOOL_EVENTS, VW_SQL_EVENTS, VW_SESSION_EVENTS and so on."
$$;
