"""What one node becomes, where DuckDB's reading of it differs. Each function gets a node whose children are translated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlglot
from sqlglot import exp

from .datatypes import duckdb_type, family, json_path, literal_path, strftime_format
from .errors import Untranslatable

Rule = Callable[[Any], exp.Expr]

LOAD_TIME = "METADATA$ROW_LAST_COMMIT_TIME"
# Months and weeks are left out: nobody needed them yet, and they are where date arithmetic differs.
TIME_UNITS = frozenset({"DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"})
_MEANINGLESS = (exp.SchemaCommentProperty, exp.CopyGrantsProperty, exp.SecureProperty, exp.TransientProperty)
_TRY_MACROS = {"BOOLEAN": "try_boolean", "DOUBLE": "try_float", "TIMESTAMP": "try_timestamp", "DATE": "try_date"}
_VARIANT_CALLS = frozenset({"json_extract", "as_variant", "json_object", "json_array", "to_json"})


def _call(name: str, *arguments: exp.Expr | str) -> exp.Anonymous:
    made = [exp.Literal.string(a) if isinstance(a, str) else a for a in arguments]
    return exp.Anonymous(this=name, expressions=made)


def _is_call(node: exp.Expr, *names: str) -> bool:
    return isinstance(node, exp.Anonymous) and node.this in names


def _as_type(node: exp.Expr, kind: str, *, safe: bool = False) -> exp.Expr:
    made = exp.DataType.build(kind, dialect="duckdb")
    return exp.TryCast(this=node, to=made) if safe else exp.Cast(this=node, to=made)


def _source(node: exp.Expr) -> str:
    return node.sql("snowflake")[:200]


def leaf(node: exp.Expr) -> exp.Expr:
    """Kept; the rule of its parent looks into it."""
    return node


def macro(name: str) -> Rule:
    """One argument, another name."""

    def rule(node: exp.Expr) -> exp.Expr:
        return _call(name, node.this)

    return rule


# --- names, paths, casts


def column(node: exp.Column) -> exp.Expr:
    name = node.name.upper()
    if name == LOAD_TIME:
        return exp.column("loaded_at", table=node.table or None)
    if "$" in name:
        raise Untranslatable(f"column {name}")
    return node


def convert_timezone(node: exp.ConvertTimezone) -> exp.Expr:
    stamp: exp.Expr = node.args["timestamp"]
    if node.args["target_tz"].name == "UTC" and not node.args.get("source_tz") and stamp.name == "loaded_at":
        return stamp
    raise Untranslatable(f"CONVERT_TIMEZONE other than of {LOAD_TIME} to UTC")


def extract(node: exp.JSONExtract) -> exp.Expr:
    return _call("json_extract", node.this, json_path(node.expression))


def bracket(node: exp.Bracket) -> exp.Expr:
    (index,) = node.expressions
    return _call("json_extract", node.this, literal_path(index))


def cast(node: exp.Cast) -> exp.Expr:
    value, wanted = node.this, family(node.to)
    if wanted == "VARCHAR":
        return _text(value)
    if wanted == "JSON":
        return value if _is_call(value, *_VARIANT_CALLS) else _call("as_variant", value)
    if _is_call(value, "json_extract"):
        return _must(_text(value), node.to)
    if isinstance(value, exp.Column) and wanted in ("NUMBER", "DOUBLE"):  # VARIANT or not: only DuckDB's binder knows
        plain = _as_type(value.copy(), duckdb_type(node.to))
        is_text = exp.In(this=_call("typeof", value.copy()), expressions=[exp.Literal.string(t) for t in ("JSON", "VARCHAR")])
        return exp.case().when(is_text, _must(_text(value), node.to)).else_(plain)
    return _as_type(value, duckdb_type(node.to))


def _text(value: exp.Expr) -> exp.Expr:
    if _is_call(value, "json_extract"):
        return _call("variant_text", *(part.copy() for part in value.expressions))
    return value if isinstance(value, exp.Literal) and value.is_string else _call("as_text", value.copy())


def compared(node: exp.EQ | exp.NEQ | exp.EqualNull | exp.In) -> exp.Expr:
    """A path's text beside words: how a number would print cannot matter, so the plain function does, which costs a third."""
    value = node.this
    others = node.expressions if isinstance(node, exp.In) else [node.expression]
    if _is_call(value, "variant_text") and others and all(_is_word(other) for other in others):
        node.set("this", _call("json_extract_string", *value.expressions))
    return node


def _is_word(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Literal) and node.is_string and node.name[:1].isalpha()


def _must(text: exp.Expr, to: exp.DataType) -> exp.Expr:
    """A cast that raises where Snowflake raises."""
    if family(to) not in ("NUMBER", "DOUBLE"):
        raise Untranslatable(f"a VARIANT cast to {to.sql('snowflake')}: write TRY_CAST(path::VARCHAR AS …)")
    return _as_type(_call("must_be_number", text), duckdb_type(to))


def try_cast(node: exp.TryCast) -> exp.Expr:
    value, wanted = node.this, family(node.to)
    if _is_call(value, "json_extract"):
        raise Untranslatable("TRY_CAST takes text only: write path::VARCHAR inside it")
    if wanted == "NUMBER":
        if _is_call(value, "variant_text"):  # the number alone; how it prints does not matter
            value = _call("json_extract_string", *value.expressions)
        return _as_type(_call("number_part", value), duckdb_type(node.to), safe=True)
    if wanted not in _TRY_MACROS:
        raise Untranslatable(f"TRY_CAST to {node.to.sql('snowflake')}")
    return _call(_TRY_MACROS[wanted], value)


# --- semi-structured values


def object_construct(node: exp.Struct) -> exp.Expr:
    """OBJECT_CONSTRUCT leaves out a member whose value is SQL NULL, and keeps a JSON null."""
    if not node.expressions:
        return _call("json_object")
    if not all(isinstance(pair, exp.PropertyEQ) for pair in node.expressions):
        raise Untranslatable(_source(node))
    rows = [_call("row", pair.this, _variant(pair.expression)) for pair in node.expressions]
    present = _call("list_filter", exp.Array(expressions=rows), _second_is_not_null())
    return _call("to_json", _call("map_from_entries", present))


def _variant(value: exp.Expr) -> exp.Expr:
    return value if _is_call(value, *_VARIANT_CALLS) else _call("as_variant", value)


def leave_checks_out(tree: exp.Expr) -> None:
    """``as_variant``, which refuses a timestamp, as the plain function: planning the check costs more than a small flush."""
    for node in tree.find_all(exp.Anonymous):
        if node.this == "as_variant":
            node.set("this", "to_json")


def _second_is_not_null() -> exp.Expr:
    tree = sqlglot.parse_one("f(lambda pair: pair[2] IS NOT NULL)", read="duckdb")
    found: exp.Expr = tree.expressions[0]
    return found


def object_keep_null(node: exp.JSONObject) -> exp.Expr:
    return _call("json_object", *(part for pair in node.expressions for part in (pair.this, _variant(pair.expression))))


def array_construct(node: exp.Array) -> exp.Expr:
    return _call("json_array", *(_variant(element) for element in node.expressions))


def object_agg(node: exp.ObjectAgg) -> exp.Expr:
    """A NULL key or value is skipped; keys are sorted, so that the same rows give the same text."""
    key, value = node.this, _variant(node.expression)
    pair = exp.Order(this=_call("row", key.copy(), value.copy()), expressions=[exp.Ordered(this=key.copy())])
    rows = exp.Filter(this=_call("list", pair), expression=exp.Where(this=exp.and_(_not_null(key), _not_null(value))))
    return exp.Coalesce(this=_call("to_json", _call("map_from_entries", rows)), expressions=[_call("json_object")])


def within_group(node: exp.WithinGroup) -> exp.Expr:
    """ARRAY_AGG skips NULLs and is an empty array where nothing is left."""
    aggregate, order = node.this, node.expression
    if isinstance(aggregate, exp.PercentileCont) and isinstance(order, exp.Order):
        return _percentile(aggregate, order)
    if not isinstance(aggregate, exp.ArrayAgg) or not isinstance(order, exp.Order):
        raise Untranslatable(f"WITHIN GROUP of {_source(aggregate)}")
    if isinstance(aggregate.this, exp.Distinct):
        raise Untranslatable("ARRAY_AGG(DISTINCT …): the engines order it differently")
    element = _variant(aggregate.this)
    ordered = exp.Order(this=element.copy(), expressions=order.expressions)
    rows = exp.Filter(this=_call("list", ordered), expression=exp.Where(this=_not_null(element)))
    return exp.Coalesce(this=_call("to_json", rows), expressions=[_call("json_array")])


def _percentile(aggregate: exp.PercentileCont, order: exp.Order) -> exp.Expr:
    """Of a NUMBER each engine's result has another scale: of FLOATs it is the same. Both skip NULLs."""
    (ordered,) = order.expressions
    if ordered.args.get("desc") or not any(_is_float(part) for part in ordered.this.walk()):
        raise Untranslatable(f"PERCENTILE_CONT: write WITHIN GROUP (ORDER BY …::FLOAT), ascending: {_source(order)}")
    return _call("quantile_cont", ordered.this, aggregate.this)


def percentile(node: exp.PercentileCont) -> exp.Expr:
    if not isinstance(node.parent, exp.WithinGroup):
        raise Untranslatable("PERCENTILE_CONT without WITHIN GROUP (ORDER BY …)")
    return node


def count_if(node: exp.CountIf) -> exp.Expr:
    """Of no rows it is 0; DuckDB's count_if would be NULL."""
    return exp.Count(this=exp.case().when(node.this, exp.Literal.number(1)))


def array_agg(node: exp.ArrayAgg) -> exp.Expr:
    if not isinstance(node.parent, exp.WithinGroup):
        raise Untranslatable("ARRAY_AGG without WITHIN GROUP (ORDER BY …)")
    return node


def _not_null(value: exp.Expr) -> exp.Expr:
    if _is_call(value, "as_variant"):  # which is NULL for NULL, and else is not
        (value,) = value.expressions
    return exp.Not(this=exp.Is(this=exp.Paren(this=value.copy()), expression=exp.Null()))


def lateral(node: exp.Lateral) -> exp.Expr:
    """``LATERAL FLATTEN(INPUT => v) AS f`` → a table macro with the columns key, index and value."""
    flatten, alias = node.this, node.args.get("alias")
    if not isinstance(flatten, exp.Explode) or alias is None:
        raise Untranslatable(f"LATERAL other than FLATTEN with an alias: {_source(node)}")
    arguments = [flatten.this, *flatten.expressions]
    if not all(isinstance(argument, exp.Kwarg) for argument in arguments):
        raise Untranslatable(f"FLATTEN without INPUT => …: {_source(node)}")
    given = {argument.this.name.upper(): argument.expression for argument in arguments}
    value, mode = given.pop("INPUT", None), given.pop("MODE", None)
    if value is None or given or (mode is not None and mode.name != "OBJECT"):
        raise Untranslatable(f"FLATTEN with more than INPUT => … and MODE => 'OBJECT': {_source(node)}")
    call = exp.Table(this=_call("flatten_variant" if mode is None else "flatten_object", value))
    return exp.Lateral(this=call, alias=exp.TableAlias(this=alias.this))


def is_null_value(node: exp.IsNullValue) -> exp.Expr:
    return exp.EQ(this=_call("json_type", node.this), expression=exp.Literal.string("NULL"))


def strip_null_value(node: exp.StripNullValue) -> exp.Expr:
    return _call("nullif", node.this, _as_type(exp.Literal.string("null"), "JSON"))


def parse_json(node: exp.ParseJSON) -> exp.Expr:
    return _as_type(node.this, "JSON", safe=bool(node.args.get("safe")))


# --- functions


def to_char(node: exp.ToChar) -> exp.Expr:
    wanted = node.args.get("format")
    if wanted is None or not wanted.is_string:
        raise Untranslatable("TO_CHAR without a literal format")
    return _call("strftime", node.this, strftime_format(wanted.name))


def now(node: exp.CurrentTimestamp) -> exp.Expr:
    if not node.args.get("sysdate"):
        raise Untranslatable("CURRENT_TIMESTAMP() depends on the session: write SYSDATE()")
    return _call("utc_now")


def time_unit(node: exp.DateAdd | exp.DateDiff | exp.TimestampTrunc) -> exp.Expr:
    unit = node.args["unit"].name.upper()
    if unit not in TIME_UNITS:
        raise Untranslatable(f"unit {unit} of {_source(node)}")
    return node


def divide(node: exp.Div) -> exp.Expr:
    """A quotient of NUMBERs has another scale on each engine; of FLOATs it is the same."""
    if not any(_is_float(part) for side in (node.this, node.expression) for part in side.walk()):
        raise Untranslatable(f"division without ::FLOAT: {_source(node)}")
    return node


def _is_float(node: exp.Expr) -> bool:
    is_cast = isinstance(node, exp.Cast) and family(node.to) == "DOUBLE"
    return is_cast or isinstance(node, exp.Ln | exp.Exp | exp.Sqrt)


def decode(node: exp.DecodeCase) -> exp.Expr:
    """DECODE finds NULL equal to NULL; with literals to look for, CASE does the same."""
    subject, *rest = node.expressions
    pairs, default = (rest[:-1], rest[-1]) if len(rest) % 2 else (rest, None)
    made = exp.Case(this=subject, ifs=[])
    for wanted, result in zip(pairs[::2], pairs[1::2], strict=True):
        if not isinstance(wanted, exp.Literal):
            raise Untranslatable("DECODE that looks for something other than literals")
        made.append("ifs", exp.If(this=wanted, true=result))
    made.set("default", default)
    return made


def substring(node: exp.Substring) -> exp.Expr:
    """From a literal place on: what sqlglot writes for others, where zero is one, is planned as a CASE each time."""
    start, length = node.args.get("start"), node.args.get("length")
    literals = [part for part in (start, length) if part is not None]
    if start is None or not all(
        isinstance(part, exp.Literal) and part.name.isdecimal() and int(part.name) for part in literals
    ):
        return node
    return _call("substr", node.this, *literals)


def concat_ws(node: exp.ConcatWs) -> exp.Expr:
    """NULL if any part is NULL; DuckDB's concat_ws would skip it."""
    separator, *parts = node.expressions
    made = parts[0]
    for part in parts[1:]:
        made = exp.DPipe(this=exp.DPipe(this=made, expression=separator.copy()), expression=part)
    return exp.Paren(this=made)


def to_boolean(node: exp.ToBoolean) -> exp.Expr:
    if not node.args.get("safe"):
        raise Untranslatable("TO_BOOLEAN: write TRY_TO_BOOLEAN")
    return _call("try_boolean", node.this)


def sha2(node: exp.SHA2) -> exp.Expr:
    if node.args.get("length") is not None and node.args["length"].name != "256":
        raise Untranslatable("SHA2 other than 256")
    return _call("sha256", node.this)


def try_to(kind: str) -> Rule:
    """TRY_TO_…(text) is TRY_CAST(text AS …)."""

    def rule(node: exp.Anonymous) -> exp.Expr:
        if len(node.expressions) != 1:
            raise Untranslatable(f"{node.this} with a format")
        return try_cast(exp.TryCast(this=node.expressions[0], to=exp.DataType.build(kind, dialect="snowflake")))

    return rule


# --- definitions


def properties(dropped: frozenset[str]) -> Rule:
    """COMMENT, COPY GRANTS, SECURE, TRANSIENT and the named properties mean nothing to DuckDB; any other is an error."""

    def rule(node: exp.Properties) -> exp.Expr:
        for item in node.expressions:
            named = type(item) is exp.Property and item.name.upper() in dropped
            if not named and not isinstance(item, _MEANINGLESS):
                raise Untranslatable(f"property {_source(item)}")
        node.set("expressions", [])
        return node

    return rule


def column_definition(node: exp.ColumnDef) -> exp.Expr:
    if node.kind is not None:
        node.set("kind", exp.DataType.build(duckdb_type(node.kind), dialect="duckdb"))
    constraints = [c for c in node.args.get("constraints") or [] if not isinstance(c.kind, exp.CommentColumnConstraint)]
    node.set("constraints", constraints)
    return node
