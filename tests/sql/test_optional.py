"""What a Snowflake team picks up besides: alerts, limits, a semantic view, dbt sources. Nothing deploys it; all of it is held to the views."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from activity_mcp.warehouse.duckdb.dialect.questions import from_snowflake
from duckdb_sql.scripts import split
from sql import snowflake_checks as checks
from sql.support import EVENT_NAMES, ROOT, SQL, warehouse

OPTIONAL = {path.name: path.read_text(encoding="utf-8") for path in sorted((SQL / "optional").glob("*.sql"))}
SCRIPTS = [path.read_text(encoding="utf-8") for path in sorted(SQL.glob("*.sql"))]
UNKNOWN_TO_SQLFLUFF = (
    "CREATE NOTIFICATION INTEGRATION", "CREATE SNOWFLAKE.CORE.BUDGET", "CALL ACTIVITY_BUDGET!", "CREATE OR REPLACE SEMANTIC VIEW",
    "GRANT SELECT ON SEMANTIC VIEW", "CREATE MCP SERVER",
)  # fmt: skip
DBT = ROOT / "examples" / "dbt"


@pytest.mark.parametrize("name", OPTIONAL)
def test_each_statement_parses_as_snowflakes_but_those_sqlfluff_does_not_know(name: str) -> None:
    for statement in split(OPTIONAL[name]):
        words = " ".join(statement.text.split())
        if not words.startswith(UNKNOWN_TO_SQLFLUFF):
            assert checks.parse(f"{statement.text};") == [], words[:80]


def test_each_condition_of_an_alert_is_a_question_that_runs() -> None:
    conditions = re.findall(r"IF \(EXISTS \((SELECT .*?)\)\)\n", OPTIONAL["alerts.sql"])
    assert len(conditions) == 4
    connection = warehouse()
    connection.execute("SET VARIABLE waiting_rows = 0; SET VARIABLE waiting_ms = 0")
    for condition in conditions:
        connection.execute(from_snowflake(condition)).fetchall()


def test_the_semantic_view_names_columns_that_the_views_have() -> None:
    views = checks.resolve(SCRIPTS)
    text = OPTIONAL["semantic_view.sql"]
    tables = dict(re.findall(r"(\w+) AS (VW_\w+) PRIMARY KEY", text))
    assert len(tables) == 3
    body = re.sub(
        r"COMMENT = '[^']*'|WITH SYNONYMS \([^)]*\)", "", text[text.index("FACTS") : text.index("COMMENT = 'What Claude")]
    )
    for table, expression in re.findall(r"(\w+)\.\w+ AS (.*?)(?:,\n|\n    \))", body, re.DOTALL):
        words = set(re.findall(r"[a-z_]{2,}", re.sub(r"'[^']*'", "", expression))) - set(tables)
        assert {word.upper() for word in words} <= set(views[tables[table]]), (table, words)


def test_dbt_sources_are_our_views_and_its_models_run() -> None:
    (source,) = yaml.safe_load((DBT / "models" / "sources.yml").read_text())["sources"]
    views, tables = checks.resolve(SCRIPTS), checks.tables(SCRIPTS)
    for table in source["tables"]:
        known = views.get(table["name"].upper()) or list(tables[table["name"].upper()])
        for column in [column["name"] for column in table.get("columns", [])]:
            assert column.upper() in known, (table["name"], column)
        if table.get("freshness", "given") is not None:
            assert table.get("loaded_at_field", source["loaded_at_field"]).upper() in known, table["name"]
    (accepted,) = [
        test["accepted_values"]["arguments"]["values"]
        for column in source["tables"][0]["columns"]
        for test in column.get("data_tests", [])
        if isinstance(test, dict) and "accepted_values" in test
    ]
    assert sorted(accepted) == sorted(EVENT_NAMES)
    connection = warehouse()
    models = sorted(Path(DBT / "models" / "staging").glob("*.sql"))
    assert models
    for model in models:
        text = re.sub(r"\{\{ source\('activities', '(\w+)'\) \}\}", r"\1", model.read_text())
        connection.execute(from_snowflake(text)).fetchall()
