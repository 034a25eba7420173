"""SQL in tool calls: what was run is recorded statement by statement, and what only looks like SQL is not."""

from __future__ import annotations

import gc
import subprocess
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.activity import derived_id
from activity_mcp.claude_code.events import tool_activities
from activity_mcp.claude_code.shell import commands_of
from activity_mcp.claude_code.sql_statements import split_statements
from activity_mcp.redaction import Redactor
from lengths import examples, some


def ran(tool: str, tool_input: dict[str, Any], **outcome: Any) -> list[tuple[str, dict[str, Any]]]:
    """(sql, what else its event says of it) for each statement."""
    outcome = {"success": True} | outcome
    drafts = tool_activities("t1", tool, tool_input, redactor=Redactor(), **outcome)
    events = [(draft.activity_id, draft.features) for draft in drafts if draft.event_name == "sql_event"]
    for ordinal, (activity_id, features) in enumerate(events, 1):
        assert activity_id == derived_id("sql_event", "tool_use_id", f"t1#{ordinal}")
        assert (features.pop("query_id"), features.pop("tool_use_id")) == (f"t1#{ordinal}", "t1")
        assert features.pop("success") is outcome["success"]
    return [(features.pop("sql"), features) for _, features in events]


POSTGRES, DUCK, LITE, SNOW = ({"engine": name} for name in ("postgresql", "duckdb", "sqlite", "snowflake"))
COMMANDS: list[tuple[str, list[tuple[str, dict[str, Any]]]]] = [
    ("psql -c 'select 1'", [("select 1", POSTGRES)]),
    ("psql -h db -U app -d shop -c \"select count(*) from \\\"orders\\\"\"", [('select count(*) from "orders"', POSTGRES | {"database": "shop"})]),
    ("PGPASSWORD=x psql shop -tAc 'select 1; select 2;'", [("select 1", POSTGRES | {"database": "shop"}), ("select 2", POSTGRES | {"database": "shop"})]),
    ("psql --command='select 1' --dbname=shop && psql -c'select 2'", [("select 1", POSTGRES | {"database": "shop"}), ("select 2", POSTGRES)]),
    ("cd /srv && sudo -u postgres psql -c 'vacuum' | head -5 > out.txt 2>&1", [("vacuum", POSTGRES)]),
    ("docker compose exec -T db psql -U app -c 'select 1'", [("select 1", POSTGRES)]),
    ("/usr/bin/psql <<'SQL'\n\\timing on\nselect *\n  from orders -- all; of them\n  where note = 'a;b';\nselect 2\nSQL\necho done", [
        ("select *\n  from orders -- all; of them\n  where note = 'a;b'", POSTGRES), ("select 2", POSTGRES)]),
    ("psql shop <<-EOF\n\tselect $N;\n\tEOF\n", [("select $N", POSTGRES | {"database": "shop", "unexpanded": True})]),
    ("psql -c \"select * from $TABLE\"", [("select * from $TABLE", POSTGRES | {"unexpanded": True})]),
    ("for t in a b; do psql -c 'select 1'; done", [("select 1", POSTGRES)]),
    ("if psql -c 'select 1'; then echo yes; fi", [("select 1", POSTGRES)]),
    ("duckdb shop.db \"SELECT 1\"", [("SELECT 1", DUCK | {"database": "shop.db"})]),
    ("duckdb -readonly -json shop.db 'FROM orders' 'SELECT 2'", [("FROM orders", DUCK | {"database": "shop.db"}), ("SELECT 2", DUCK | {"database": "shop.db"})]),
    ("duckdb -c \"COPY (SELECT 1) TO 'x;y.csv'\"", [("COPY (SELECT 1) TO 'x;y.csv'", DUCK)]),
    ("echo 'select 1;' | duckdb shop.db", [("select 1", DUCK | {"database": "shop.db"})]),
    ("duckdb shop.db <<< 'select 1'", [("select 1", DUCK | {"database": "shop.db"})]),
    ("sqlite3 -header -separator ';' a.db '.mode csv' 'select 1' \".tables\"", [("select 1", LITE | {"database": "a.db"})]),
    ("sqlite3 a.db <<EOF\n.headers on\nselect 1;\nEOF", [("select 1", LITE | {"database": "a.db"})]),
    ("snow sql -q 'select 1' --database D --warehouse W -c prod", [("select 1", SNOW | {"database": "D", "warehouse": "W"})]),
    ("snow sql --query=\"call p(1)\" --role R", [("call p(1)", SNOW | {"role": "R"})]),
    ("snow sql -i <<'X'\ncreate table t (a int);\nX", [("create table t (a int)", SNOW)]),
    ("timeout 60 snow sql -q $'select\\n1'", [("select\n1", SNOW)]),
    ("psql -c 'select $$a;b$$, $t$c;$t$; /* no; */ select 2'", [("select $$a;b$$, $t$c;$t$", POSTGRES), ("/* no; */ select 2", POSTGRES)]),
]  # fmt: skip


@pytest.mark.parametrize(("command", "expected"), COMMANDS, ids=[command[:40] for command, _ in COMMANDS])
def test_sql_that_a_command_runs_is_recorded_statement_by_statement(command: str, expected: list[Any]) -> None:
    assert ran("Bash", {"command": command}) == expected


@pytest.mark.parametrize(
    "command",
    [
        "psql --version", "psql -f migrate.sql shop", "psql -l", "psql -c \"$SQL\"", "psql shop < dump.sql", "cat a.sql | psql shop",
        "echo \"psql -c 'select 1'\"", "grep -rn 'psql -c' .", "man psql", "# psql -c 'select 1'", "git commit -m \"psql -c 'select 1'\"",
        "psql -c 'select 1", "psql -c \"select 1", "psql <<EOF\nselect 1;", "psql -c \"$(cat x.sql)\"", "psql -c", "psql -c ''",
        "psql -c '\\dt'", "sqlite3 a.db .tables", "sqlite3 a.db .dump", "duckdb shop.db", "duckdb 'select 1'", "snow app run -q 'select 1'",
        "snow connection test", "brew install duckdb sqlite3", "pip install psql-x; which psql", "ls snow psql", "psql-c 'select 1'",
        "mypsql -c 'select 1'", "export PSQL='psql -c 1'", "psql -c '-- nothing but a comment'", "printf x | psql",
    ],
)  # fmt: skip
def test_what_runs_no_sql_of_its_own_is_no_statement(command: str) -> None:
    assert ran("Bash", {"command": command}) == []


@pytest.mark.parametrize(
    ("tool", "given_input", "expected"),
    [
        ("mcp__snowflake__run_query", {"query": "SELECT 1", "database": "D"}, [("SELECT 1", SNOW | {"database": "D"})]),
        ("mcp__warehouse__execute_sql", {"sql": "from orders"}, [("from orders", {})]),
        ("mcp__postgres__query", {"sql": "select 1; select 2"}, [("select 1", POSTGRES), ("select 2", POSTGRES)]),
        ("mcp__db__statement", {"statement": "-- why\nUPDATE t\nSET a = 1"}, [("-- why\nUPDATE t\nSET a = 1", {})]),
        ("mcp__x__query", {"query": "with a as (select 1) select * from a"}, [("with a as (select 1) select * from a", {})]),
        ("mcp__x__query", {"query": "SHOW TABLES"}, [("SHOW TABLES", {})]),
        ("mcp__x__query_docs", {"query": "select the best plan"}, []),
        ("mcp__x__query_docs", {"query": "how do I create a table?"}, []),
        ("mcp__x__query_docs", {"query": "show me orders"}, []),
        ("mcp__x__query_docs", {"query": "update on the release"}, []),
        ("mcp__github__search_issues", {"query": "select * from x"}, []),
        ("mcp__activity__query", {"sql": "select 1"}, [("select 1", {})]),  # own calls never come this far
        ("mcp__x__run_query", {"query": ["select 1"]}, []),
        ("WebSearch", {"query": "select * from x"}, []),
    ],
)
def test_an_mcp_tool_whose_name_says_so_runs_sql(tool: str, given_input: dict[str, Any], expected: list[Any]) -> None:
    assert ran(tool, given_input) == expected


def test_outcome_duration_and_secrets_of_a_statement() -> None:
    one = {"command": "psql -c \"create user a password 'hunter22x'\""}
    assert ran("Bash", one, success=False, error="ERROR: no", latency_ms=12.5) == [
        (
            "create user a password '[redacted:password]'",
            POSTGRES | {"error": "ERROR: no", "duration_ms": 12.5, "_redacted": 1},
        )
    ]
    two = {"command": "psql -c 'alter user a with password = ''x''; select 1' 'postgres://a:hunter22x@db/x'"}
    assert [features for _, features in ran("Bash", two, success=False, error="ERROR", latency_ms=1)] == [
        POSTGRES
        | {"error": "ERROR", "_outcome_of_call": True, "database": "postgres://a:[redacted:url_password]@db/x", "_redacted": 1}
    ] * 2


def test_many_and_long_statements_are_cut() -> None:
    found = ran("Bash", {"command": f"psql -c '{'select 1;' * 80}'"})
    assert len(found) == 50
    ((sql, features),) = ran("Bash", {"command": f"psql -c 'select {'1+' * 20_000}1'"})
    assert (len(sql), features["_truncated"]) == (16 * 1024, ["sql"])


_SIMPLE = [
    command for command, _ in COMMANDS if not any(mark in command for mark in ("&&", ";", "$TABLE", "=x ", "<", "|", "\n"))
]


@pytest.mark.parametrize("line", _SIMPLE)
def test_words_are_those_that_a_real_shell_makes(line: str) -> None:
    """A simple command's words, as bash itself would hand them to the program."""
    echoed = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True).stdout.decode()
    (command,) = commands_of(line)
    assert command.words == echoed.split("\0")[:-1]


@examples(100, 600)
@given(st.text(alphabet=st.sampled_from("ps ql-c'\"\\$`(){}<>|&;#\n\t=EOF1"), max_size=60))
def test_no_line_is_too_broken_to_be_read(line: str) -> None:
    for command in commands_of(line):
        assert all(isinstance(word, str) for word in command.words)
    ran("Bash", {"command": f"psql {line}"})


@pytest.mark.long
@pytest.mark.parametrize(
    "piece",
    some(["'", '"', "$(", "`", "<<A\n", "<", "\\", "#", "a ", "(", "$", "--\n", "/*", "$a$", ";", "psql -c 'select 1' "], 5),
)
def test_reading_is_linear_in_the_length(piece: str) -> None:
    def spent(characters: int) -> float:
        text = piece * (characters // len(piece))
        best = 9.0
        gc.disable()  # what it costs to look through all that other tests have left is not reading
        try:
            for _ in range(5):
                began = time.process_time()
                commands_of(text)
                split_statements(text)
                best = min(best, time.process_time() - began)
        finally:
            gc.enable()
        return best

    assert spent(60_000) < 10 * max(spent(15_000), 0.005)
