"""sql/*.sql is genuine Snowflake, as far as that can be known without an account. It does not replace one run on an account."""

from __future__ import annotations

import re
from functools import cache

import pytest
import sqlglot
from sqlglot import exp

from lengths import some
from sql import snowflake_checks as checks
from sql.snowflake_functions import DEFINED, FUNCTIONS, calls, documentation
from sql.support import EVENT_NAMES, SCHEMAS, SQL

NAMES = [path.name for path in sorted(SQL.glob("*.sql"))]
LONGEST = pytest.param("03_streams_tasks.sql", marks=pytest.mark.slow)  # seven seconds; the translator reads it in any case
PARAMETERS = "-- Parameters, the same block in every file."


@cache
def script(name: str) -> str:
    return (SQL / name).read_text(encoding="utf-8")


@cache
def views() -> dict[str, list[str]]:
    return checks.resolve([script(name) for name in NAMES])


def test_all_files_are_looked_at() -> None:
    assert NAMES == [
        "01_migration_setup.sql", "02_artifacts.sql", "03_streams_tasks.sql", "04_typed_views.sql", "05_governance.sql",
    ]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("name", some(NAMES, 1))
def test_sqlfluff_parses_every_file_as_snowflake(name: str) -> None:
    assert checks.parse(script(name)) == []


@pytest.mark.long
@pytest.mark.parametrize(
    "name", [*some([name for name in NAMES if "$$" in script(name) and name != LONGEST.values[0]], 1), LONGEST]
)
def test_sqlfluff_parses_the_bodies_between_dollars(name: str) -> None:
    text = checks.opened_bodies(script(name))
    assert text
    assert "$$" not in text
    assert checks.parse(text) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "check", [checks.functions, checks.traps, checks.expansions, checks.objects], ids=lambda check: check.__name__
)
def test_the_other_checks_have_no_complaint(name: str, check: checks.Check) -> None:
    assert check(script(name)) == []


def test_every_function_on_the_list_is_called() -> None:
    called = {name for file in NAMES for name, _, _ in calls(checks.opened(script(file)))}
    assert called <= FUNCTIONS.keys() | DEFINED.keys()
    assert FUNCTIONS.keys() - called <= {"ARRAY_CONSTRUCT", "PARSE_JSON"}
    assert {
        match for file in NAMES for match in re.findall(r"CREATE OR REPLACE FUNCTION (\w+)", script(file))
    } == DEFINED.keys()
    assert documentation("SYSTEM$STREAM_HAS_DATA").endswith("/functions/system_stream_has_data")


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


def test_every_view_resolves_against_the_tables() -> None:
    found = views()
    kinds = {f"VW_{name.removesuffix('_event').upper()}_EVENTS" for name in EVENT_NAMES}
    assert kinds | {
        "V_CHANNELS", "V_CURRENT_STREAM", "VW_ACTIVITY_STREAM", "VW_PRODUCT_METRICS", "VW_SQL_EVENTS_HISTORY", "VW_ACTIVITIES",
        "V_VALIDATE_MIGRATION", "V_STREAM_LAG", "V_TASK_MONITORING",
    } <= found.keys()  # fmt: skip
    for name, columns in found.items():
        assert len(set(columns)) == len(columns), name


def test_every_table_that_holds_a_customers_rows_has_a_row_access_policy() -> None:
    found = checks.tables([script(name) for name in NAMES])
    holding = {name: "ORG_ID" in columns for name, columns in found.items() if "CUSTOMER" in columns}
    given = re.findall(r"\('(\w+)', '(\w+) ON \(customer(, org_id)?\)'\)", script("05_governance.sql"))
    policies = {True: "CUSTOMER_AND_ORG_ROWS", False: "CUSTOMER_ROWS"}
    by_grant_alone = {"LEGAL_HOLDS", "ACCESS_MAP", "SUPERSEDED"}
    assert {table: policy for table, policy, _ in given} == {
        name: policies[with_org] for name, with_org in holding.items() if name not in by_grant_alone
    }


def test_a_typed_view_shows_as_many_columns_as_its_event_has_known_fields() -> None:
    found = views()
    passed_on = 7 + 9  # identity first, provenance last
    for name, schema in SCHEMAS["$defs"].items():
        fields = [field for field in schema["properties"] if field != "session_id"]
        assert len(found[f"VW_{name.removesuffix('_event').upper()}_EVENTS"]) == passed_on + len(fields)


def commented() -> dict[str, dict[str, str]]:
    """The comments of the columns of every view that readers have."""
    found: dict[str, dict[str, str]] = {}
    for name in NAMES:
        for tree in checks.trees(script(name)):
            if isinstance(tree, exp.Create) and tree.kind == "VIEW" and tree.find(exp.SecureProperty):
                assert isinstance(tree.this, exp.Schema), tree.this.name
                found[tree.this.this.name] = {
                    column.name: column.find(exp.CommentColumnConstraint).this.name for column in tree.this.expressions
                }
    return found


def test_every_column_of_every_view_that_readers_have_says_what_it_is() -> None:
    found, resolved = commented(), views()
    assert len(found) == 15
    for name, comments in found.items():
        assert [column.upper() for column in comments] == resolved[name], name
        assert min(map(len, comments.values())) > 5, name


def test_a_typed_column_is_described_as_the_schemas_describe_its_feature() -> None:
    found = commented()
    for event_name, schema in SCHEMAS["$defs"].items():
        comments = found[f"VW_{event_name.removesuffix('_event').upper()}_EVENTS"]
        for field, rule in schema["properties"].items():
            if field in comments and field != "session_id":
                assert comments[field] == rule["description"], (event_name, field)


# --- the checks catch mistakes

TABLE = """
-- grain: one row per a
CREATE TABLE IF NOT EXISTS T (
    a VARCHAR COMMENT 'The letter.', ts TIMESTAMP_NTZ COMMENT 'The time.', f VARIANT COMMENT 'The features.'
)
COMMENT = 'A table; grain: one row per a.';
"""
TASK = """
CREATE OR REPLACE TASK K
    SCHEDULE = '60 MINUTES'
    COMMENT = 'A task that moves rows.'
AS
EXECUTE IMMEDIATE $$
BEGIN
    <body>
END;
$$;
"""


def view(query: str) -> str:
    return f"\n-- grain: a\nCREATE OR REPLACE VIEW V\nCOPY GRANTS\nCOMMENT = 'A view of letters.'\nAS\n{query};\n"


def complaints(text: str) -> list[str]:
    """What the first check that has something to say, says of a script; the order is that of the tests above."""
    resolving = lambda text: [str(columns) for columns in checks.resolve([text]).values() if not columns]  # noqa: E731
    in_turn: list[checks.Check] = [
        checks.parse, lambda text: checks.parse(checks.opened_bodies(text)), checks.functions, checks.traps, checks.expansions,
        checks.objects, resolving,
    ]  # fmt: skip
    for check in in_turn:
        try:
            found = check(text)
        except sqlglot.errors.SqlglotError as error:
            found = [str(error)]
        if found:
            return found
    return []


MISTAKES = {
    "a word twice": view("SELECT a FROM T WHERE WHERE a = 'x'"),
    "a parenthesis that stays open": view("SELECT COUNT(a FROM T"),
    "a comma too many": view("SELECT a, FROM FROM T"),
    "a column that does not exist": view("SELECT customre FROM T"),
    "a table that does not exist": view("SELECT x.a FROM T"),
    "a column two tables have": view("SELECT a FROM T AS one INNER JOIN T AS two ON one.ts = two.ts"),
    "a function that does not exist": view("SELECT TRY_TO_VARCHAR(a) AS a FROM T"),
    "a function of another dialect": view("SELECT STRFTIME(ts, '%Y') AS y FROM T"),
    "an argument too few": view("SELECT IFF(a = 'x', 1) AS n FROM T"),
    "an argument too many": view("SELECT NULLIF(a, 'x', 'y') AS n FROM T"),
    "a key without a value": view("SELECT OBJECT_CONSTRUCT('a', a, 'ts') AS o FROM T"),
    "TRY_CAST on a path": view("SELECT TRY_CAST(f:x AS NUMBER) AS x FROM T"),
    "an aggregate inside another": view("SELECT MAX(SUM(LENGTH(a))) AS n FROM T"),
    "the greatest of booleans": view("SELECT MAX(a = 'x') AS b FROM T"),
    "ARRAY_AGG without an order": view("SELECT ARRAY_AGG(a) AS all_of_them FROM T"),
    "OBJECT_AGG of a text": view("SELECT OBJECT_AGG(a, 'x') AS o FROM T"),
    "an arrow of another dialect": view("SELECT f ->> 'x' AS x FROM T"),
    "FILTER": view("SELECT COUNT(*) FILTER (WHERE a = 'x') AS n FROM T"),
    "the session's time": view("SELECT CURRENT_TIMESTAMP() AS now FROM T"),
    "ON CONFLICT": "INSERT INTO T (a) VALUES ('x') ON CONFLICT DO NOTHING;",
    "an index": "CREATE INDEX I ON T (a);",
    "a key": TABLE.replace("COMMENT 'The features.'", "COMMENT 'The features.', PRIMARY KEY (a)"),
    "a table replaced": TABLE.replace("CREATE TABLE IF NOT EXISTS", "CREATE OR REPLACE TABLE"),
    "a table that may exist": TABLE.replace("IF NOT EXISTS ", ""),
    "a column without a comment": TABLE.replace(" COMMENT 'The letter.'", ""),
    "a table without its grain": TABLE.replace("; grain: one row per a.", " of letters."),
    "a clustering key": TABLE.replace(")\nCOMMENT", ")\nCLUSTER BY (ts)\nCOMMENT"),
    "a stream replaced": "CREATE OR REPLACE STREAM S ON TABLE T COMMENT = 'Rows that are new.';",
    "a view without COPY GRANTS": view("SELECT a FROM T").replace("COPY GRANTS\n", ""),
    "a view without a comment": view("SELECT a FROM T").replace("COMMENT = 'A view of letters.'\n", ""),
    "a table dropped": "DROP TABLE T;",
    "an ampersand": view("SELECT a FROM T WHERE a = '&{x}'"),
    "a template": view("SELECT a FROM T WHERE a = '<% x %>'"),
    "a mistake inside a body": TASK.replace("<body>", "INSERT INTO T (a) SELECT a FROM WHERE T;"),
    "a wrong function inside a body": TASK.replace("<body>", "INSERT INTO T (a) SELECT TO_VARCHARS(a) FROM T;"),
    "a body without its END IF": TASK.replace("<body>", "IF (EXISTS (SELECT 1 FROM T)) THEN DELETE FROM T WHERE a = 'x';"),
    "a body that replaces a table": TASK.replace("<body>", "CREATE OR REPLACE TABLE T (a VARCHAR);"),
    "PARSE_JSON in VALUES": "INSERT INTO T (f) VALUES (PARSE_JSON('1'));",
}  # fmt: skip


@pytest.mark.parametrize("text", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_seeded_mistake_is_caught(text: str) -> None:
    script = text if "T (\n" in text else TABLE + text
    assert complaints(script) != []


def test_what_is_right_is_not_complained_about() -> None:
    """Else the mistakes above would be caught for the wrong reason."""
    rights = ["SELECT a FROM T", "SELECT COUNT(a) AS n FROM T", "SELECT TRY_CAST(f:x::VARCHAR AS NUMBER) AS x FROM T",
              "SELECT ARRAY_AGG(a) WITHIN GROUP (ORDER BY a) AS all_of_them FROM T", "SELECT OBJECT_AGG(a, a::VARIANT) AS o FROM T",
              "SELECT IFF(a = 'x', 1, 2) AS n, OBJECT_CONSTRUCT('a', a) AS o, SYSDATE() AS now FROM T"]  # fmt: skip
    bodies = [
        "INSERT INTO T (a) SELECT UPPER(a) FROM T;",
        "IF (EXISTS (SELECT 1 FROM T)) THEN DELETE FROM T WHERE a = 'x'; END IF;",
        "LET n NUMBER := 0; SELECT COUNT(*) AS n INTO :n FROM T; IF (n) THEN DELETE FROM T WHERE a = 'x'; END IF;",
    ]
    for text in (*map(view, rights), *(TASK.replace("<body>", body) for body in bodies)):
        assert complaints(TABLE + text) == [], text


def test_sqlfluff_would_notice_a_mistake_in_a_long_file() -> None:
    padding = "-- nothing to see here\n" * 1000
    assert len(padding) > 20_000
    assert checks.parse(padding + "SELECT a FROM t WHERE b = 1;\n") == []
    assert checks.parse(padding + "SELECT a FROM t WHERE WHERE b = 1;\n") != []
