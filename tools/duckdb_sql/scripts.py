"""A file of Snowflake SQL → its statements; the body of a task or procedure → the DML in it. By sqlglot's tokenizer, no parser.

A comment line ``-- snowflake-only: <reason>`` before a statement leaves it out of the embedded engine's SQL, and
``-- snowflake-only from here on: <reason>`` everything after it as well.
A procedure may be a sequence: it asks for facts (``SELECT … INTO :name, …``), and calls steps, which are procedures too.
``IF (name OR name) THEN`` … ``END IF;`` around a call: without one of those facts the step would change nothing.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace

from sqlglot.dialects.snowflake import Snowflake
from sqlglot.tokenizer_core import Token, TokenType

from activity_mcp.warehouse.duckdb.dialect.errors import Untranslatable

_MARK = re.compile(r"^[ \t]*--[ \t]*snowflake-only(?P<rest> from here on)?:[ \t]*\S", re.MULTILINE)
_DML = ("INSERT", "MERGE", "UPDATE", "DELETE")
# What a body may hold beside DML: the transaction is the flusher's own on the embedded engine.
_FRAME = re.compile(r"(BEGIN|BEGIN TRANSACTION|COMMIT|END|RETURN '[^']*')$", re.IGNORECASE)
# A handler is Snowflake's own affair: on the embedded engine an error ends the flusher's transaction.
_HANDLER = re.compile(r"EXCEPTION WHEN OTHER THEN$", re.IGNORECASE)
_HANDLED = re.compile(r"(ROLLBACK|RAISE|END)$", re.IGNORECASE)
_CONDITION = re.compile(r"^([ \t]*IF \(\w+( OR \w+)*\) THEN)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_VARIABLE = re.compile(r"LET \w+ \w+ := (NULL|FALSE)$", re.IGNORECASE)
_CALL = re.compile(r"CALL (\w+)\(([^()]*)\)$", re.IGNORECASE)
_INTO = re.compile(r"\bINTO\s+(:\w+(?:\s*,\s*:\w+)*)", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """One statement's text, without its semicolon, and the line of the file it starts on.

    Of a sequence: ``needs`` are the facts of which one must be true, else it would change nothing; ``asks`` the facts that a
    question gives, in the order of its columns.
    """

    text: str
    line: int
    snowflake_only: bool
    needs: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()


def split(script: str) -> list[Statement]:
    """The statements of a script. A semicolon inside ``$$ … $$``, a string or a comment does not end one."""
    return list(_split(script))


@functools.lru_cache(maxsize=32)
def _split(script: str) -> tuple[Statement, ...]:
    made: list[Statement] = []
    start, marked = 0, False
    pending: list[Token] = []
    for token in [*Snowflake().tokenize(script), None]:
        if token is not None and token.token_type is not TokenType.SEMICOLON:
            pending.append(token)
            continue
        if pending:
            mark = _MARK.search(script[start : pending[0].start])
            marked = marked or (mark is not None and mark["rest"] is not None)
            text = script[pending[0].start : token.start if token else len(script)].strip()
            made.append(Statement(text, pending[0].line, marked or mark is not None))
        start, pending = token.end + 1 if token else len(script), []
    return tuple(made)


def body_of(script: str, name: str) -> list[Statement]:
    """The DML statements in the body of ``CREATE PROCEDURE <name> … $$ BEGIN … END; $$``, or of such a TASK, in order; where it
    calls a procedure of the same script, those of that one."""
    for statement in split(script):
        if re.match(rf"CREATE\s+(OR\s+REPLACE\s+)?(TASK|PROCEDURE)\s+{name}\b", statement.text, re.IGNORECASE):
            return _body(script, statement)
    raise Untranslatable(f"no task or procedure {name}")


def _body(script: str, routine: Statement) -> list[Statement]:
    parts = routine.text.split("$$")
    if len(parts) != 3:
        raise Untranslatable("a body must be one pair of $$")
    offset = routine.line + parts[0].count("\n") - 1
    made: list[Statement] = []
    frame, skipping = _FRAME, False
    needs: tuple[str, ...] = ()
    for inner in split(_without_frame(parts[1])):
        words, line = " ".join(inner.text.split()), inner.line + offset
        if inner.snowflake_only or skipping:
            skipping = (skipping or words.upper().startswith("IF ")) and words.upper() != "END IF"
        elif _HANDLER.match(words):
            frame = _HANDLED
        elif not needs and _CONDITION.match(words):
            needs = tuple(words[len("IF (") : -len(") THEN")].split(" OR "))
        elif needs and words.upper() == "END IF":
            needs = ()
        elif frame is _FRAME and (called := _CALL.match(words)):
            made += [replace(statement, needs=needs) for statement in _called(script, called[1], called[2], line)]
        elif frame is _FRAME and words.split()[0].upper() in _DML:
            made.append(Statement(inner.text, line, inner.snowflake_only, needs))
        elif frame is _FRAME and words.upper().startswith("SELECT ") and (asked := _INTO.search(inner.text)):
            made.append(Statement(_INTO.sub("", inner.text, count=1), line, False, needs, _names(asked[1])))
        elif not frame.match(words) and not _VARIABLE.match(words):
            raise Untranslatable(f"line {line}: neither DML nor its frame in a body: {words[:80]}")
    return made


def _called(script: str, name: str, arguments: str, line: int) -> list[Statement]:
    """The statements of a step. Its parameters are called as what it is called with: no statement has to be rewritten."""
    head = re.search(rf"\bPROCEDURE\s+{name}\s*\(([^()]*)\)", script, re.IGNORECASE)
    parameters = tuple(part.split()[0] for part in head[1].split(",") if part.strip()) if head else ()
    if head is None or _names(arguments) != parameters:
        raise Untranslatable(f"line {line}: CALL {name}({arguments}) is not of a procedure here with parameters of these names")
    return body_of(script, name)


def _names(variables: str) -> tuple[str, ...]:
    return tuple(name.strip().removeprefix(":") for name in variables.split(",") if name.strip())


def _without_frame(body: str) -> str:
    """BEGIN, IF … THEN and EXCEPTION … THEN have no semicolon of their own: give them one, without moving a line."""
    body = _CONDITION.sub(r"\1;", body)
    body = re.sub(r"^(\s*BEGIN)(?=\s*\n)", r"\1;", body, count=1, flags=re.IGNORECASE)
    return re.sub(r"\b(EXCEPTION\s+WHEN\s+OTHER\s+THEN)\b", r"\1;", body, flags=re.IGNORECASE)
