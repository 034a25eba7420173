"""sql/*.sql is genuine Snowflake, as far as that can be told without an account. It does not replace one run on an account."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlfluff.core import FluffConfig, Linter
from sqlglot import ErrorLevel, exp
from sqlglot.optimizer.qualify import qualify

from duckdb_sql.scripts import Statement, split
from sql.support import EVENT_NAMES, SCHEMAS, SQL

FILES = sorted(SQL.glob("*.sql"))
NAMES = [path.name for path in FILES]
STATEFUL = ("TABLE", "STREAM", "DATABASE", "SCHEMA")
CREATES = re.compile(
    r"CREATE\s+(?P<replace>OR\s+REPLACE\s+)?(?P<kind>\w+(?:\s+(?:ACCESS\s+)?POLICY)?)\s+(?P<exists>IF\s+NOT\s+EXISTS\s+)?", re.I
)
PARAMETERS = "-- Parameters, the same block in every file."


@cache
def script(name: str) -> str:
    return (SQL / name).read_text(encoding="utf-8")


def statements_of(name: str) -> list[Statement]:
    return split(script(name))


def opened(text: str) -> str:
    """The script with its $$ bodies as statements of their own: a body is opaque to a parser, and sqlfluff skips it."""
    parts = text.split("$$")
    assert len(parts) % 2 == 1
    for body in range(1, len(parts), 2):
        parts[body - 1] = parts[body - 1].replace("EXECUTE IMMEDIATE ", "SELECT 1;\n")
        parts[body + 1] = parts[body + 1].lstrip().removeprefix(";")
    return "".join(parts)


def violations(text: str) -> list[str]:
    """Where sqlfluff cannot parse the text. Without the limit of 0 a file over 20,000 bytes is skipped silently."""
    config = FluffConfig(overrides={"dialect": "snowflake", "large_file_skip_byte_limit": 0})
    parsed = Linter(config=config).parse_string(text)
    assert parsed.tree is not None
    return [str(violation) for violation in parsed.violations]


def test_all_files_are_looked_at() -> None:
    assert NAMES[:2] == ["01_migration_setup.sql", "02_artifacts.sql"]
    assert "04_typed_views.sql" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_sqlfluff_parses_every_file_as_snowflake(name: str) -> None:
    assert violations(script(name)) == []


@pytest.mark.parametrize("name", [name for name in NAMES if "$$" in script(name)])
def test_sqlfluff_parses_the_bodies_between_dollars(name: str) -> None:
    text = opened(script(name))
    assert "$$" not in text
    assert violations(text) == []


def test_sqlfluff_would_notice_a_mistake_in_a_long_file() -> None:
    padding = "-- nothing to see here\n" * 1000
    assert len(padding) > 20_000
    assert violations(padding + "SELECT a FROM t WHERE b = 1;\n") == []
    assert violations(padding + "SELECT a FROM t WHERE WHERE b = 1;\n") != []


@pytest.mark.parametrize("name", NAMES)
def test_snow_sql_has_nothing_to_expand(name: str) -> None:
    assert "&" not in script(name)
    assert "<%" not in script(name)
    assert "{{" not in script(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_file_opens_with_the_same_parameters(name: str) -> None:
    block = script("01_migration_setup.sql").split(PARAMETERS)[1].split("\n\nCREATE")[0]
    assert PARAMETERS + block in script(name)
    for setting in (
        "activity_database  = 'CLAUDE_LOGS'",
        "activity_schema    = 'ACTIVITIES'",
        "activity_warehouse = 'COMPUTE_WH'",
    ):
        assert f"SET {setting};" in block
    assert "USE DATABASE  IDENTIFIER($activity_database);" in script(name)
    assert "USE SCHEMA    IDENTIFIER($activity_schema);" in script(name)


def created(name: str) -> list[tuple[Statement, re.Match[str]]]:
    found = [(statement, CREATES.match(statement.text)) for statement in statements_of(name)]
    return [(statement, match) for statement, match in found if match]


@pytest.mark.parametrize("name", NAMES)
def test_what_holds_data_is_never_replaced_and_what_holds_none_always_is(name: str) -> None:
    for statement, match in created(name):
        kind = match["kind"].upper()
        assert kind != "TRANSIENT", statement.text[:80]
        if kind in STATEFUL:
            assert match["exists"], statement.text[:80]
            assert not match["replace"], statement.text[:80]
        elif kind == "VIEW":
            assert match["replace"], statement.text[:80]
            assert "COPY GRANTS" in statement.text, f"deploying again would take the grants away: {statement.text[:80]}"
    assert not re.search(r"^\s*(DROP|TRUNCATE|UNDROP)\b", script(name), re.I | re.M)


@pytest.mark.parametrize("name", NAMES)
def test_every_object_and_every_column_of_a_table_has_a_comment(name: str) -> None:
    for statement, match in created(name):
        assert re.search(r"COMMENT\s*=\s*'[^']{10,}", statement.text), statement.text[:80]
        if match["kind"].upper() == "TABLE":
            (tree,) = sqlglot.parse(statement.text, read="snowflake")
            assert isinstance(tree, exp.Create)
            for column in tree.this.find_all(exp.ColumnDef):
                assert column.find(exp.CommentColumnConstraint), f"{statement.text[:60]}: {column.name}"
            assert "grain:" in statement.text


BANNED = {
    "an operator of another dialect": "->>",
    "an index, which is for hybrid tables only": "CREATE INDEX",
    "a clause of another dialect": "ON CONFLICT",
    "FILTER, which is for other dialects": "FILTER (WHERE",
    "a function that does not exist": "TRY_TO_VARCHAR",
    "the session's time": "CURRENT_TIMESTAMP",
    "a key that nothing enforces": "PRIMARY KEY",
    "a check that does not exist": "CHECK (",
}


def without_comments(text: str) -> str:
    text = re.sub(r"--[^\n]*", "", text)
    return re.sub(r"'[^']*'", "''", text).upper()


@pytest.mark.parametrize("name", NAMES)
def test_known_traps_are_not_in_the_text(name: str) -> None:
    text = without_comments(script(name))
    assert {why: word for why, word in BANNED.items() if word in text} == {}


@cache
def trees(name: str) -> list[exp.Expr]:
    """The statements of a file that sqlglot knows, those between dollars included."""
    made: list[exp.Expr] = []
    for statement in split(opened(script(name))):
        text = re.sub(
            r"^(BEGIN\s+BEGIN TRANSACTION|BEGIN|EXCEPTION\s+WHEN OTHER THEN)\b", "", statement.text, flags=re.I
        ).strip()
        if re.match(r"(WITH|SELECT|INSERT|MERGE|UPDATE|DELETE|CREATE\s+(OR\s+REPLACE\s+)?(TABLE|VIEW))\b", text, re.I):
            made.append(sqlglot.parse_one(text, read="snowflake", error_level=ErrorLevel.RAISE))
    return made


@pytest.mark.parametrize("name", NAMES)
def test_no_aggregate_is_inside_another_and_no_try_is_on_a_bare_path(name: str) -> None:
    for tree in trees(name):
        assert not isinstance(tree, exp.Command), tree.sql()[:80]
        for aggregate in tree.find_all(exp.AggFunc):
            outer = aggregate.find_ancestor(exp.AggFunc, exp.Select, exp.Window)
            assert not isinstance(outer, exp.AggFunc) or isinstance(aggregate.parent, exp.WithinGroup), aggregate.sql(
                "snowflake"
            )
        for attempt in tree.find_all(exp.TryCast):
            assert not isinstance(attempt.this, exp.JSONExtract | exp.Bracket), attempt.sql("snowflake")


@cache
def tables() -> dict[str, object]:
    """The columns of every table in the DDL, as sqlglot's schema."""
    made: dict[str, object] = {}
    for name in NAMES:
        for tree in trees(name):
            if isinstance(tree, exp.Create) and tree.kind == "TABLE":
                columns = {column.name.upper(): column.kind.sql("snowflake") for column in tree.this.find_all(exp.ColumnDef)}
                if tree.this.this.name == "CLAUDE_STREAM_V2":
                    columns["METADATA$ROW_LAST_COMMIT_TIME"] = "TIMESTAMP_LTZ"
                made[tree.this.this.name.upper()] = columns
    return made


@cache
def views() -> dict[str, Any]:
    """Every view, qualified against the tables and the views before it: a wrong or ambiguous column raises."""
    known = dict(tables())
    made = {}
    for name in NAMES:
        for tree in trees(name):
            if isinstance(tree, exp.Create) and tree.kind == "VIEW":
                query = qualify(tree.expression.copy(), schema=known, dialect="snowflake", validate_qualify_columns=True)
                columns = [column.alias_or_name.upper() for column in query.selects]
                made[tree.this.name.upper()] = columns
                known[tree.this.name.upper()] = dict.fromkeys(columns, "VARIANT")
    return made


def test_every_view_resolves_against_the_tables() -> None:
    found = views()
    kinds = {f"VW_{name.removesuffix('_event').upper()}_EVENTS" for name in EVENT_NAMES}
    assert kinds | {"V_CHANNELS", "V_CURRENT_STREAM", "VW_ACTIVITY_STREAM"} <= found.keys()
    for name, columns in found.items():
        assert len(set(columns)) == len(columns), name


def test_a_view_on_a_column_that_does_not_exist_would_raise() -> None:
    with pytest.raises(sqlglot.errors.OptimizeError):
        qualify(
            sqlglot.parse_one("SELECT ts, customre FROM CLAUDE_STREAM_V2", read="snowflake"),
            schema=tables(),
            dialect="snowflake",
        )


def test_a_typed_view_shows_as_many_columns_as_its_event_has_known_fields() -> None:
    found = views()
    passed_on = 7 + 9  # identity first, provenance last
    for name, schema in SCHEMAS["$defs"].items():
        fields = [field for field in schema["properties"] if field != "session_id"]
        assert len(found[f"VW_{name.removesuffix('_event').upper()}_EVENTS"]) == passed_on + len(fields)


def test_paths_are_files_of_this_repository() -> None:
    assert all(isinstance(path, Path) and path.stat().st_size for path in FILES)
