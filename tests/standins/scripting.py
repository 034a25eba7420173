"""Snowflake Scripting, as far as sql/ uses it: LET, IF, FOR over a cursor, nested blocks with a handler, RETURN and RAISE.

Statements are handed to a function; conditions and values are worked out by DuckDB, with the block's variables as columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import duckdb

Run = Callable[[str, dict[str, Any]], Any]
_TOKEN = re.compile(r"'(?:[^']|'')*'|--[^\n]*|;|[^;'-]+|-", re.DOTALL)
_HEADS = (
    r"BEGIN(?! TRANSACTION)", r"EXCEPTION", r"WHEN OTHER THEN", r"IF \(.*?\) THEN(?=\s)", r"ELSE(?=\s)", r"FOR \w+ IN \w+ DO",
)  # fmt: skip
_HEAD = re.compile(rf"\s*({'|'.join(_HEADS)})", re.DOTALL)


class Raised(Exception):
    """An error inside a block, which its handler may catch."""


class Returned(Exception):
    def __init__(self, value: Any) -> None:
        super().__init__(str(value))
        self.value = value


class Block:
    """The body of a procedure, from BEGIN to END: a list of heads and statements."""

    def __init__(self, body: str) -> None:
        self.pieces = _pieces(body)
        self.at = 0

    def peek(self) -> str:
        return self.pieces[self.at]

    def next(self) -> str:
        self.at += 1
        return self.pieces[self.at - 1]


def run_block(block: Block, run: Run, variables: dict[str, Any]) -> Any:
    """What the block returns."""
    try:
        assert block.next() == "BEGIN"
        _run(_parsed(block), run, variables)
    except Returned as returned:
        return returned.value
    return None


@cache
def _pieces(body: str) -> list[str]:
    text = "".join("" if token.startswith("--") else token for token in _TOKEN.findall(body))
    made, rest = [], text
    while rest.strip():
        if found := _HEAD.match(rest):
            made.append(" ".join(found[1].split()))
            rest = rest[found.end() :]
            continue
        end = _end_of_statement(rest)
        made.append(rest[:end].strip())
        rest = rest[end + 1 :]
    return [piece for piece in made if piece]


def _end_of_statement(text: str) -> int:
    quoted = False
    for place, letter in enumerate(text):
        quoted ^= letter == "'"
        if letter == ";" and not quoted:
            return place
    return len(text)


def _parsed(block: Block) -> tuple[list[Any], list[Any] | None]:
    """The statements up to this block's END, and those of its handler."""
    made: list[Any] = []
    handler: list[Any] | None = None
    into = made
    while True:
        piece = block.next()
        if piece in ("END", "END IF", "END FOR"):
            return made, handler
        if piece == "BEGIN":
            into.append(("block", _parsed(block)))
        elif piece == "EXCEPTION":
            assert block.next() == "WHEN OTHER THEN"
            handler = into = []
        elif piece.startswith("IF ("):
            into.append(_if(piece, block))
        elif piece.startswith("FOR "):
            _, name, _, cursor, _ = piece.split()
            into.append(("for", name, cursor, _parsed(block)))
        else:
            into.append(("statement", piece))


def _if(head: str, block: Block) -> tuple[Any, ...]:
    yes: list[Any] = []
    no: list[Any] = []
    into = yes
    while True:
        piece = block.peek()
        if piece == "END IF":
            block.next()
            return ("if", head[len("IF (") : -len(") THEN")], yes, no)
        if piece == "ELSE":
            block.next()
            into = no
        elif piece == "BEGIN":
            block.next()
            into.append(("block", _parsed(block)))
        elif piece.startswith("IF ("):
            into.append(_if(block.next(), block))
        else:
            into.append(("statement", block.next()))


def _run(parsed: tuple[list[Any], list[Any] | None], run: Run, variables: dict[str, Any]) -> None:
    statements, handler = parsed
    try:
        _run_all(statements, run, variables)
    except Raised as raised:
        if handler is None:
            raise
        _run_all(handler, run, variables | {"SQLERRM": str(raised)}, variables)


def _run_all(statements: list[Any], run: Run, seen: dict[str, Any], kept: dict[str, Any] | None = None) -> None:
    for statement in statements:
        match statement:
            case ("block", inner):
                _run(inner, run, seen)
            case ("if", condition, yes, no):
                _run_all(yes if value_of(condition, seen) else no, run, seen, kept)
            case ("for", name, cursor, body):
                for row in seen[cursor]:
                    _run(body, run, seen | {f"{name}.{column}": value for column, value in row.items()})
            case ("statement", text):
                _one(text, run, seen)
        if kept is not None:
            kept.update({name: value for name, value in seen.items() if name != "SQLERRM"})


def _one(text: str, run: Run, variables: dict[str, Any]) -> None:
    words = " ".join(text.split())
    if words == "RAISE":
        raise Raised(str(variables["SQLERRM"]))
    if words.startswith("RETURN "):
        raise Returned(value_of(words.removeprefix("RETURN "), variables))
    if found := re.match(r"LET (\w+) CURSOR FOR (\w+)$", words):
        variables[found[1]] = variables[found[2]]
    elif found := re.match(r"LET (\w+) RESULTSET := \((.*)\)$", words):
        variables[found[1]] = _rows(found[2])
    elif found := re.match(r"(?:LET )?(\w+)(?: \w+)? := (.*)$", words):
        variables[found[1]] = value_of(found[2], variables)
    else:
        run(text, variables)


def _rows(query: str) -> list[dict[str, Any]]:
    cursor = duckdb.sql(query)
    assert cursor is not None, query
    return [dict(zip(cursor.columns, row, strict=True)) for row in cursor.fetchall()]


def value_of(expression: str, variables: dict[str, Any]) -> Any:
    """The value of an expression of Snowflake's over the block's variables."""
    text = re.sub(r"\bIFF\(", "if(", expression).replace("SUBSTR(", "substr(")
    for name in sorted(variables, key=len, reverse=True):
        if not isinstance(variables[name], list):
            text = _outside_quotes(text, rf"(?<![\w.]):?{re.escape(name)}\b", _literal(variables[name]))
    return _value(text)


@cache
def _value(expression: str) -> Any:
    """Cached: its variables are literals by now, and the accounts of a run work out the same ones."""
    found = duckdb.sql(f"SELECT {expression}")
    assert found is not None, expression
    return found.fetchall()[0][0]


def _outside_quotes(text: str, pattern: str, replacement: str) -> str:
    parts = re.split(r"('(?:[^']|'')*')", text)
    return "".join(part if part.startswith("'") else re.sub(pattern, lambda _: replacement, part) for part in parts)


def _literal(value: Any) -> str:
    if value is None or isinstance(value, bool | int):
        return (
            {None: "NULL", True: "TRUE", False: "FALSE"}.get(value, str(value))
            if not isinstance(value, int) or isinstance(value, bool)
            else str(value)
        )
    return "'" + str(value).replace("'", "''") + "'"
