"""The tasks of sql/: what Snowflake does to one that leaves its stream unread, or asks a large table by a sub-select."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest
from sqlglot import exp

from duckdb_sql.scripts import split
from sql import snowflake_checks as checks
from sql.support import SQL

SCRIPTS = {path.name: path.read_text(encoding="utf-8") for path in sorted(SQL.glob("*.sql"))}
WHOLE = "\n".join(SCRIPTS.values())
LARGE = {"CLAUDE_STREAM_V2", "ACTIVITY_STREAM"}
TRIGGERED = {"REFRESH_CONTEXT_TASK": "CLAUDE_STREAM_V2_STREAM", "DUAL_WRITE_TASK": "ACTIVITY_STREAM_V1_STREAM"}
TASK = re.compile(r"CREATE OR REPLACE TASK (\w+)(.*?)\bAS\b(.*)", re.DOTALL)
DML = ("INSERT", "MERGE", "UPDATE", "DELETE")


@cache
def triggered() -> dict[str, tuple[str, str]]:
    """Each task that a stream triggers: the stream, and what the task does."""
    made = {}
    for statement in split(WHOLE):
        if (found := TASK.match(statement.text)) and (stream := re.search(r"SYSTEM\$STREAM_HAS_DATA\('(\w+)'\)", found[2])):
            made[found[1]] = (stream[1], found[3])
    return made


def always_run(body: str, script: str = WHOLE) -> Iterator[str]:
    """The statements of a body that no condition spares; where it calls a procedure, those of that one."""
    inner = body.split("$$")[1] if "$$" in body else body
    inner = re.sub(r"--[^\n]*", "", inner)
    inner = re.sub(r"\bIF \(.*?\) THEN\b.*?\bEND IF;", "", inner, flags=re.DOTALL)
    for piece in inner.split(";"):
        words = piece.split()
        while words and words[0] in ("BEGIN", "TRANSACTION", "THEN"):
            words.pop(0)
        if words[:1] == ["CALL"]:
            name = words[1].partition("(")[0]
            procedure = re.search(rf"CREATE OR REPLACE PROCEDURE {name}\(.*?\$\$;", script, re.DOTALL)
            assert procedure is not None, name
            yield from always_run(procedure[0], script)
        elif words:
            yield " ".join(words)


def consumes(stream: str, body: str, script: str = WHOLE) -> bool:
    found = [statement for statement in always_run(body, script) if statement.startswith(DML)]
    return any(re.search(rf"\bFROM {stream}\b", statement) for statement in found)


def test_both_tasks_of_a_stream_are_looked_at() -> None:
    assert {task: stream for task, (stream, _) in triggered().items()} == TRIGGERED


@pytest.mark.parametrize("task", TRIGGERED)
def test_a_task_writes_from_its_stream_whatever_is_in_it(task: str) -> None:
    """Else SYSTEM$STREAM_HAS_DATA stays true, and Snowflake starts it again until another batch comes."""
    assert consumes(*triggered()[task])


def test_a_stream_read_by_a_query_or_under_a_condition_only_would_be_noticed() -> None:
    stream, body = triggered()["REFRESH_CONTEXT_TASK"]
    insert = re.search(r"    INSERT INTO REFRESH_RUNS .*?;\n", WHOLE, re.DOTALL)
    assert insert is not None
    assert not consumes(stream, body, WHOLE.replace(insert[0], f"    IF (has_activities) THEN\n    {insert[0]}    END IF;\n"))
    assert not consumes(stream, body, WHOLE.replace(insert[0], f"    SELECT COUNT(*) FROM {stream};\n"))


def sub_select_bounds(text: str) -> list[str]:
    """Comparisons of a large table's ts with a sub-select: they bound what comes out, and the whole table is read."""
    found = []
    for tree in checks.trees(text):
        for comparison in tree.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.Between):
            sides = [comparison.this, comparison.args.get("expression"), comparison.args.get("low")]
            columns = [side for side in sides if isinstance(side, exp.Column) and side.name == "ts"]
            if columns and any(isinstance(side, exp.Subquery) for side in sides) and _reads_a_large_table(comparison):
                found.append(comparison.sql("snowflake"))
    return found


def _reads_a_large_table(node: exp.Expr) -> bool:
    scope = node.find_ancestor(exp.Select, exp.Delete, exp.Update, exp.Merge)
    assert scope is not None
    sources = [scope.this] if isinstance(scope, exp.Delete) else [part.this for part in scope.find_all(exp.From, exp.Join)]
    return any(isinstance(source, exp.Table) and source.name in LARGE | {"V_V1_ROWS"} for source in sources)


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_bound_of_a_large_table_is_a_sub_select(name: str) -> None:
    assert sub_select_bounds(SCRIPTS[name]) == []


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO A SELECT 1 FROM CLAUDE_STREAM_V2 WHERE ts >= (SELECT MIN(ts) FROM S)",
        "DELETE FROM CLAUDE_STREAM_V2 WHERE ts < (SELECT MIN(x) FROM S)",
        "INSERT INTO A SELECT 1 FROM CLAUDE_STREAM_V2 AS event WHERE event.ts BETWEEN (SELECT MIN(ts) FROM S) AND SYSDATE()",
    ],
)
def test_such_a_bound_would_be_noticed(query: str) -> None:
    assert len(sub_select_bounds(f"{query};")) == 1


def test_a_run_over_an_ordinary_batch_is_nine_statements() -> None:
    """Two questions, the note of the run and four steps between BEGIN and COMMIT; a check that finds nothing costs no statement."""
    (procedure,) = re.findall(r"CREATE OR REPLACE PROCEDURE FOLD_BATCH\(.*?\$\$;", WHOLE, re.DOTALL)
    ordinary = procedure.replace("IF (has_activities OR has_repeats) THEN", "").replace(
        "    END IF;\n    IF (has_long", "    IF (has_long"
    )
    run = [piece for piece in always_run(ordinary) if not piece.startswith(("LET ", "RETURN ", "END"))]
    assert [piece.split()[0] for piece in run] == ["SELECT", "INSERT", "SELECT", "MERGE", "MERGE", "MERGE", "MERGE"]
