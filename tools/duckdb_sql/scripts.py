"""A file of Snowflake SQL → its statements; the body of a task or procedure → the DML in it. By sqlglot's tokenizer, no parser.

A comment line ``-- snowflake-only: <reason>`` before a statement leaves it out of the embedded engine's SQL, and
``-- snowflake-only from here on: <reason>`` everything after it as well.
``IF (EXISTS (SELECT …)) THEN`` … ``END IF;`` around statements of a task gives each of them that condition.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from sqlglot.dialects.snowflake import Snowflake
from sqlglot.tokenizer_core import Token, TokenType

from .errors import Untranslatable

_MARK = re.compile(r"^[ \t]*--[ \t]*snowflake-only(?P<rest> from here on)?:[ \t]*\S", re.MULTILINE)
_DML = ("INSERT", "MERGE", "UPDATE", "DELETE")
# What a body may hold beside DML: the transaction is the flusher's own on the embedded engine.
_FRAME = re.compile(r"(BEGIN|BEGIN TRANSACTION|COMMIT|END|RETURN '[^']*')$", re.IGNORECASE)
# A handler is Snowflake's own affair: on the embedded engine an error ends the flusher's transaction.
_HANDLER = re.compile(r"EXCEPTION WHEN OTHER THEN$", re.IGNORECASE)
_HANDLED = re.compile(r"(ROLLBACK|RAISE|END)$", re.IGNORECASE)
_CONDITION = re.compile(r"^([ \t]*IF \(EXISTS \(\s*SELECT\b[^;]*?\)\) THEN)[ \t]*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Statement:
    """One statement's text, without its semicolon, the line of the file it starts on, and the query it is run for, if any."""

    text: str
    line: int
    snowflake_only: bool
    condition: str | None = None


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
    """The DML statements in the body of ``CREATE TASK <name> … $$ BEGIN … END; $$`` or of such a PROCEDURE, in order."""
    for statement in split(script):
        if re.match(rf"CREATE\s+(OR\s+REPLACE\s+)?(TASK|PROCEDURE)\s+{name}\b", statement.text, re.IGNORECASE):
            return _body(statement)
    raise Untranslatable(f"no task or procedure {name}")


def _body(routine: Statement) -> list[Statement]:
    parts = routine.text.split("$$")
    if len(parts) != 3:
        raise Untranslatable("a body must be one pair of $$")
    offset = routine.line + parts[0].count("\n") - 1
    made, frame, condition, skipping = [], _FRAME, None, False
    for inner in split(_without_frame(parts[1])):
        words = " ".join(inner.text.split())
        if inner.snowflake_only or skipping:
            skipping = (skipping or words.upper().startswith("IF ")) and words.upper() != "END IF"
            continue
        if _HANDLER.match(words):
            frame = _HANDLED
        elif condition is None and _CONDITION.match(words):
            condition = words[len("IF (EXISTS (") : -len(")) THEN")].strip()
        elif condition is not None and words.upper() == "END IF":
            condition = None
        elif frame is _FRAME and words.split()[0].upper() in _DML:
            made.append(Statement(inner.text, inner.line + offset, inner.snowflake_only, condition))
        elif not frame.match(words):
            raise Untranslatable(f"line {inner.line + offset}: neither DML nor its frame in a body: {words[:80]}")
    return made


def _without_frame(body: str) -> str:
    """BEGIN, IF … THEN and EXCEPTION … THEN have no semicolon of their own: give them one, without moving a line."""
    body = _CONDITION.sub(r"\1;", body)
    body = re.sub(r"^(\s*BEGIN)(?=\s*\n)", r"\1;", body, count=1, flags=re.IGNORECASE)
    return re.sub(r"\b(EXCEPTION\s+WHEN\s+OTHER\s+THEN)\b", r"\1;", body, flags=re.IGNORECASE)
