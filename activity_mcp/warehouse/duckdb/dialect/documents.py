"""A select that reads many members of a document: DuckDB parses it once for all of them, and not once for each.

Snowflake stores a VARIANT by its members, so ``feature_json:a::VARCHAR`` costs the same wherever it is written. DuckDB parses
the text at each call of a JSON function, and a fold would do so thirty times a row. A list of paths is one call: so the source
of such a select becomes

    (SELECT *, JSON_EXTRACT_STRING(feature_json, [paths]) AS feature_json_texts,
        JSON_TYPE(feature_json, [paths]) AS feature_json_types FROM source)

and each member an element of these lists. This is done in statements that change rows, which run whole: of a view only the
columns that somebody asks for are worked out. And of CTEs and of the batch alone: of a table that is joined to a few rows, each
row would be parsed before the join leaves most of them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = "CLAUDE_STREAM_V2_STREAM"
MIN_PARSES = 4
"""Fewer calls than these stay as they are: two lists take two."""
_PARSES = {"json_extract_string": 1, "variant_text": 2}
_OTHER_SCOPES = (exp.Subquery, exp.Select, exp.Union)


def read_once(tree: exp.Expr) -> None:
    """Rewrite each select of a translated statement that reads many members of one column."""
    sources = {cte.alias.upper() for cte in tree.find_all(exp.CTE)} | {BATCH}
    for select in list(tree.find_all(exp.Select)):
        for table in _sources_of(select):
            if table.name.upper() in sources and not select.is_star:
                _read_once_from(select, table)


def _sources_of(select: exp.Select) -> list[exp.Table]:
    joins = select.args.get("joins") or []
    named = [source.this for source in (select.args.get("from_"), *joins) if source is not None]
    return [source for source in named if isinstance(source, exp.Table)]


def _read_once_from(select: exp.Select, table: exp.Table) -> None:
    by_column: dict[str, list[exp.Anonymous]] = {}
    for call in _calls_in(select, table):
        by_column.setdefault(call.expressions[0].name, []).append(call)
    lists = [_Lists(column, calls) for column, calls in by_column.items() if _parses(calls) >= MIN_PARSES]
    if not lists:
        return
    read = exp.select("*", *(made for each in lists for made in each.columns())).from_(exp.table_(table.this.copy()))
    for each in lists:
        each.replace_calls(table.alias_or_name)
    table.replace(exp.Subquery(this=read, alias=exp.TableAlias(this=exp.to_identifier(table.alias_or_name))))


def _parses(calls: list[exp.Anonymous]) -> int:
    return sum(_PARSES[call.this] for call in calls)


def _calls_in(select: exp.Select, table: exp.Table) -> Iterator[exp.Anonymous]:
    """The calls of this select, not of those inside it, that read a member of a column of ``table``."""
    is_only_source = not select.args.get("joins") and not select.args.get("laterals")
    names = {table.alias_or_name, ""} if is_only_source else {table.alias_or_name}
    for node in select.walk(prune=lambda node: node is not select and isinstance(node, _OTHER_SCOPES)):
        if isinstance(node, exp.Anonymous) and node.this in _PARSES:
            column, path = node.expressions
            if isinstance(column, exp.Column) and column.table in names and isinstance(path, exp.Literal):
                yield node


class _Lists:
    """The lists of a column's texts and types, and the calls that they answer."""

    def __init__(self, column: str, calls: list[exp.Anonymous]) -> None:
        self._column = column
        self._calls = calls
        self._paths = list(dict.fromkeys(call.expressions[1].name for call in calls))
        typed = {call.expressions[1].name for call in calls if call.this == "variant_text"}
        self._typed = [path for path in self._paths if path in typed]

    def columns(self) -> list[exp.Expr]:
        texts = self._listed("json_extract_string", self._paths, "texts")
        return [texts, self._listed("json_type", self._typed, "types")] if self._typed else [texts]

    def replace_calls(self, table: str) -> None:
        for call in self._calls:
            path = call.expressions[1].name
            text = self._element(table, "texts", self._paths.index(path))
            if call.this == "variant_text":
                text = _call("typed_text", text, self._element(table, "types", self._typed.index(path)))
            call.replace(text)

    def _listed(self, function: str, paths: list[str], name: str) -> exp.Expr:
        listed = exp.Array(expressions=[exp.Literal.string(path) for path in paths])
        return exp.alias_(_call(function, exp.column(self._column), listed), f"{self._column}_{name}")

    def _element(self, table: str, name: str, at: int) -> exp.Expr:
        return _call("list_extract", exp.column(f"{self._column}_{name}", table=table), exp.Literal.number(at + 1))


def _call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))
