"""What one Snowflake data type, variant path or date format is in DuckDB."""

from __future__ import annotations

import re

from sqlglot import exp

from .errors import Untranslatable

T = exp.DataType.Type
_PLAIN = {
    T.VARCHAR: "VARCHAR", T.TEXT: "VARCHAR", T.BOOLEAN: "BOOLEAN", T.DATE: "DATE", T.TIMESTAMPNTZ: "TIMESTAMP",
    T.DOUBLE: "DOUBLE", T.FLOAT: "DOUBLE", T.VARIANT: "JSON", T.OBJECT: "JSON", T.ARRAY: "JSON",
}  # fmt: skip
_WHOLE = {T.INT, T.BIGINT, T.SMALLINT, T.TINYINT}  # all of them are NUMBER(38, 0) on Snowflake

# Elements of a Snowflake date format → DuckDB's strftime. Longest first; an element that is not here is an error.
_FORMAT = {
    "YYYY": "%Y", "MM": "%m", "DD": "%d", "HH24": "%H", "MI": "%M", "SS": "%S", "FF3": "%g", "FF6": "%f",
}  # fmt: skip
_TOKEN = re.compile('"([^"]*)"|(' + "|".join(sorted(_FORMAT, key=len, reverse=True)) + ")|([-:./ T])")


def family(kind: exp.DataType) -> str:
    """VARCHAR, NUMBER, DOUBLE, BOOLEAN, DATE, TIMESTAMP or JSON."""
    if kind.this == T.DECIMAL or kind.this in _WHOLE:
        return "NUMBER"
    return str(duckdb_type(kind))


def duckdb_type(kind: exp.DataType) -> str:
    """The type's text. Lengths of text and precisions of time are dropped: Snowflake's are larger than what is stored."""
    if kind.this in _WHOLE:
        return "DECIMAL(38, 0)"
    if kind.this == T.DECIMAL:
        parameters = [parameter.name for parameter in kind.expressions] or ["38"]
        precision, scale = (*parameters, "0")[:2]
        return f"DECIMAL({precision}, {scale})"
    if kind.this not in _PLAIN:
        raise Untranslatable(f"data type {kind.sql('snowflake')}")
    return _PLAIN[kind.this]


def json_path(path: exp.JSONPath) -> str:
    """``$."a"."b"[0]``: keys are always quoted, because DuckDB gives some characters a meaning."""
    parts = ["$"]
    for step in path.expressions[1:]:
        if isinstance(step, exp.JSONPathKey) and isinstance(step.this, str):
            parts.append(_quoted_key(step.this))
        elif isinstance(step, exp.JSONPathSubscript) and isinstance(step.this, int):
            parts.append(f"[{step.this}]")
        else:
            raise Untranslatable(f"path element {step!r}")
    return "".join(parts)


def literal_path(index: exp.Expr) -> str:
    """The path of ``v['key']`` or ``v[0]``."""
    if not isinstance(index, exp.Literal):
        raise Untranslatable(f"a computed path: [{index.sql('snowflake')}]")
    return "$" + (_quoted_key(index.name) if index.is_string else f"[{int(index.name)}]")


def strftime_format(text: str) -> str:
    """A Snowflake date format as strftime has it."""
    made, place = [], 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise Untranslatable(f"date format element at {text[place:]!r} in {text!r}")
        literal, element, mark = found.groups()
        made.append(_FORMAT[element] if element else (literal if literal is not None else mark).replace("%", "%%"))
        place = found.end()
    return "".join(made)


def _quoted_key(key: str) -> str:
    if '"' in key or "*" in key or "\\" in key:
        raise Untranslatable(f"path key {key!r}")
    return f'."{key}"'
