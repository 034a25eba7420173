"""What one statement becomes. Every kind of node must be in a table here; post-order, so that a rule sees translated children.

    KEPT        same meaning in both dialects, or sqlglot's own DuckDB writing was checked and is right
    RULES       node class → function(node with translated children) → new node
    FUNCTIONS   functions sqlglot does not know by name → the same
    DROPPED_*   properties and statements that have no meaning on the embedded engine

``sqlglot.transform`` is not used: it does not descend into a node that it has just replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlglot
from sqlglot import ErrorLevel, exp

from .errors import Untranslatable
from .types import duckdb_type, family, json_path, literal_path, strftime_format

Rule = Callable[[Any], exp.Expression]

KEPT = frozenset(
    """
    Select From Where Group Having Qualify Order Ordered Limit Join Subquery Paren With CTE Table TableAlias Alias Column
    Identifier Star Distinct Tuple Values Union Except Intersect Literal Null Boolean Var Window WindowSpec Exists In Between
    Merge Whens When Insert Update Delete Returning
    Create Schema ColumnDef ColumnConstraint NotNullColumnConstraint
    And Or Not EQ NEQ GT GTE LT LTE Is Neg Add Sub Mul Mod DPipe Like ILike Case If EqualNull NullSafeEQ NullSafeNEQ
    Coalesce Nullif Nvl2 Greatest Least Abs Ceil Floor Round Ln Exp Pow Sqrt
    Count CountIf Sum Min Max AnyValue LogicalOr LogicalAnd Median
    RowNumber Rank DenseRank Lag Lead
    Lower Upper Trim Replace Substring Left Right StartsWith EndsWith Contains RegexpLike RegexpReplace MD5
    DateAdd DateDiff TimestampTrunc Concat
    """.split()
)

DROPPED_PROPERTIES = frozenset({"CHANGE_TRACKING", "DATA_RETENTION_TIME_IN_DAYS", "MAX_DATA_EXTENSION_TIME_IN_DAYS"})
DROPPED_SETTINGS = frozenset({"ROW_TIMESTAMP", "ERROR_LOGGING", "CHANGE_TRACKING"})
LOAD_TIME = "METADATA$ROW_LAST_COMMIT_TIME"


def translate(sql: str, *, row_timestamps: frozenset[str] = frozenset()) -> str | None:
    """One Snowflake statement as DuckDB SQL; None for one that means nothing there (USE, SET, CREATE SCHEMA …).

    ``row_timestamps`` names the tables that get a column ``loaded_at`` in place of Snowflake's metadata column.
    """
    tree = sqlglot.parse_one(sql, read="snowflake", error_level=ErrorLevel.RAISE)
    if _is_dropped(tree):
        return None
    if isinstance(tree, exp.Create):
        _add_load_time(tree, row_timestamps)
    return _rewrite(tree).sql("duckdb", pretty=True, comments=False, unsupported_level=ErrorLevel.RAISE)


def _is_dropped(tree: exp.Expression) -> bool:
    if isinstance(tree, exp.Set | exp.Use | exp.Comment):
        return True
    if isinstance(tree, exp.Create):
        return tree.kind in ("DATABASE", "SCHEMA")
    if isinstance(tree, exp.Alter):
        names = {item.name.upper() for item in tree.find_all(exp.Property)}
        actions = tree.args["actions"]
        if names and names <= DROPPED_SETTINGS and all(isinstance(action, exp.AlterSet) for action in actions):
            return True
    return False


def _add_load_time(tree: exp.Create, tables: frozenset[str]) -> None:
    if tree.kind == "TABLE" and isinstance(tree.this, exp.Schema) and tree.this.this.name.upper() in tables:
        column = exp.ColumnDef(this=exp.to_identifier("loaded_at"), kind=exp.DataType.build("TIMESTAMP_NTZ", dialect="snowflake"))
        tree.this.append("expressions", column)


def _rewrite(node: exp.Expression) -> exp.Expression:
    rule = _rule_of(node)
    for key, value in list(node.args.items()):
        if isinstance(value, exp.Expression) and not _is_leaf(value):
            node.set(key, _rewrite(value))
        elif isinstance(value, list):
            node.set(key, [_rewrite(v) if isinstance(v, exp.Expression) and not _is_leaf(v) else v for v in value])
    return rule(node) if rule else node


def _is_leaf(node: exp.Expression) -> bool:
    return isinstance(node, exp.DataType | exp.JSONPath)


def _rule_of(node: exp.Expression) -> Rule | None:
    name = type(node).__name__
    if name == "Anonymous":
        called = str(node.this).upper()
        if called not in FUNCTIONS:
            raise Untranslatable(f"function {called}")
        return FUNCTIONS[called]
    if name in RULES:
        return RULES[name]
    if name in KEPT:
        return None
    raise Untranslatable(f"{name}: {node.sql('snowflake')[:200]}")


def _call(name: str, *arguments: exp.Expression | str) -> exp.Anonymous:
    made = [exp.Literal.string(a) if isinstance(a, str) else a for a in arguments]
    return exp.Anonymous(this=name, expressions=made)


def _is_call(node: exp.Expression, name: str) -> bool:
    return isinstance(node, exp.Anonymous) and node.this == name


def _as_type(node: exp.Expression, kind: str, *, safe: bool = False) -> exp.Expression:
    made = exp.DataType.build(kind, dialect="duckdb")
    return exp.TryCast(this=node, to=made) if safe else exp.Cast(this=node, to=made)


def _only(node: exp.Expression, *known: str) -> None:
    """Raise on an argument that the rule would ignore."""
    for key, value in node.args.items():
        if key not in known and value not in (None, False, []):
            raise Untranslatable(f"{type(node).__name__} with {key}: {node.sql('snowflake')[:200]}")


# --- names, paths, casts ---------------------------------------------------------------------------------------------------


def _column(node: exp.Column) -> exp.Expression:
    name = node.name.upper()
    if name == LOAD_TIME:
        return exp.column("loaded_at", table=node.table or None)
    if "$" in name:
        raise Untranslatable(f"column {name}")
    return node


def _convert_timezone(node: exp.ConvertTimezone) -> exp.Expression:
    if node.args["target_tz"].name == "UTC" and not node.args.get("source_tz") and node.args["timestamp"].name == "loaded_at":
        return node.args["timestamp"]
    raise Untranslatable(f"CONVERT_TIMEZONE other than of {LOAD_TIME} to UTC")


def _extract(node: exp.JSONExtract) -> exp.Expression:
    return _call("json_extract", node.this, json_path(node.expression))


def _bracket(node: exp.Bracket) -> exp.Expression:
    (index,) = node.expressions
    return _call("json_extract", node.this, literal_path(index))


def _cast(node: exp.Cast) -> exp.Expression:
    value, wanted = node.this, family(node.to)
    if wanted == "VARCHAR":
        return _text(value)
    if wanted == "JSON":
        return _variant(value)
    if _is_call(value, "json_extract"):
        return _as_type(_text(value), duckdb_type(node.to))
    if isinstance(value, exp.Column):  # may be a VARIANT; only DuckDB's binder knows
        return exp.case().when(_is_json(value), _as_type(_text(value), duckdb_type(node.to))).else_(
            _as_type(value.copy(), duckdb_type(node.to))
        )
    return _as_type(value, duckdb_type(node.to))


def _is_json(value: exp.Expression) -> exp.Expression:
    return exp.EQ(this=_call("typeof", value.copy()), expression=exp.Literal.string("JSON"))


def _text(value: exp.Expression) -> exp.Expression:
    if _is_call(value, "json_extract"):
        return _call("variant_text", *(part.copy() for part in value.expressions))
    return value if isinstance(value, exp.Literal) and value.is_string else _call("as_text", value.copy())


def _variant(value: exp.Expression) -> exp.Expression:
    keep = ("json_extract", "as_variant", "object_of", "array_of")
    return value if any(_is_call(value, name) for name in keep) else _call("as_variant", value)


def _try_cast(node: exp.TryCast) -> exp.Expression:
    value, wanted = node.this, family(node.to)
    if _is_call(value, "json_extract"):
        raise Untranslatable("TRY_CAST takes text only: write path::VARCHAR inside it")
    if _is_call(value, "variant_text") and wanted == "NUMBER":  # the digits alone; how they print does not matter
        value = _call("json_extract_string", *value.expressions)
    if wanted == "NUMBER":
        return _as_type(_call("number_text", value), duckdb_type(node.to), safe=True)
    macros = {"BOOLEAN": "try_boolean", "DOUBLE": "try_float", "TIMESTAMP": "try_timestamp", "DATE": "try_date"}
    if wanted not in macros:
        raise Untranslatable(f"TRY_CAST to {node.to.sql('snowflake')}")
    return _call(macros[wanted], value)


# --- semi-structured values ------------------------------------------------------------------------------------------------


def _object(node: exp.Struct) -> exp.Expression:
    """OBJECT_CONSTRUCT leaves out a member whose value is SQL NULL, and keeps a JSON null."""
    if not node.expressions:
        return _call("json_object")
    rows = [_call("row", pair.this, _variant(pair.expression)) for pair in node.expressions if isinstance(pair, exp.PropertyEQ)]
    if len(rows) != len(node.expressions):
        raise Untranslatable(f"OBJECT_CONSTRUCT of {node.sql('snowflake')[:200]}")
    present = _call("list_filter", exp.Array(expressions=rows), _not_null_lambda())
    return _call("to_json", _call("map_from_entries", present))


def _not_null_lambda() -> exp.Expression:
    """``lambda pair: pair[2] IS NOT NULL``, as DuckDB 2 writes it."""
    return sqlglot.parse_one("SELECT f(lambda pair: pair[2] IS NOT NULL)", read="duckdb").expressions[0].expressions[0]


def _object_keep_null(node: exp.JSONObject) -> exp.Expression:
    _only(node, "expressions")
    arguments = [part for pair in node.expressions for part in (pair.this, _variant(pair.expression))]
    return _call("json_object", *arguments)


def _array(node: exp.Array) -> exp.Expression:
    return _call("json_array", *(_variant(element) for element in node.expressions))


def _object_agg(node: exp.ObjectAgg) -> exp.Expression:
    """A NULL key or value is skipped; keys are sorted, so that the same rows give the same text."""
    key, value = node.this, _variant(node.expression)
    pair = exp.Order(this=_call("row", key.copy(), value.copy()), expressions=[exp.Ordered(this=key.copy())])
    present = exp.and_(_not_null(key), _not_null(value))
    rows = exp.Filter(this=_call("list", pair), expression=exp.Where(this=present))
    return exp.Coalesce(this=_call("to_json", _call("map_from_entries", rows)), expressions=[_call("json_object")])


def _not_null(value: exp.Expression) -> exp.Expression:
    return exp.Not(this=exp.Is(this=exp.Paren(this=value.copy()), expression=exp.Null()))


def _within_group(node: exp.WithinGroup) -> exp.Expression:
    if not isinstance(node.this, exp.ArrayAgg) or not isinstance(node.expression, exp.Order):
        raise Untranslatable(f"WITHIN GROUP of {node.this.sql('snowflake')[:200]}")
    value = node.this.this
    if isinstance(value, exp.Distinct):
        raise Untranslatable("ARRAY_AGG(DISTINCT …): the engines order it differently")
    element = _variant(value)
    ordered = exp.Order(this=element.copy(), expressions=node.expression.expressions)
    rows = exp.Filter(this=_call("list", ordered), expression=exp.Where(this=_not_null(element)))
    return exp.Coalesce(this=_call("to_json", rows), expressions=[_call("json_array")])


def _array_agg(node: exp.ArrayAgg) -> exp.Expression:
    if not isinstance(node.parent, exp.WithinGroup):
        raise Untranslatable("ARRAY_AGG without WITHIN GROUP (ORDER BY …)")
    return node


def _lateral(node: exp.Lateral) -> exp.Expression:
    """``LATERAL FLATTEN(INPUT => v) AS f`` → a table macro with the columns key, index, value."""
    arguments = {item.name.upper(): item.expression for item in node.this.expressions}
    if isinstance(node.this.this, exp.Kwarg):
        arguments[node.this.this.name.upper()] = node.this.this.expression
    unknown = set(arguments) - {"INPUT", "OUTER"}
    if not isinstance(node.this, exp.Explode) or unknown or "INPUT" not in arguments:
        raise Untranslatable(f"LATERAL other than FLATTEN(INPUT => …): {node.sql('snowflake')[:200]}")
    if "OUTER" in arguments:
        raise Untranslatable("FLATTEN(…, OUTER => TRUE): left join the flattened rows instead")
    call = exp.Table(this=_call("flatten_variant", arguments["INPUT"]))
    return exp.Lateral(this=call, alias=exp.TableAlias(this=node.args["alias"].this))


def _kwarg(node: exp.Kwarg) -> exp.Expression:
    return node


# --- functions -------------------------------------------------------------------------------------------------------------


def _macro(name: str) -> Rule:
    def rule(node: exp.Expression) -> exp.Expression:
        _only(node, "this")
        return _call(name, node.this)

    return rule


def _to_char(node: exp.ToChar) -> exp.Expression:
    wanted = node.args.get("format")
    if wanted is None or not wanted.is_string:
        raise Untranslatable("TO_CHAR without a literal format")
    return _call("strftime", node.this, strftime_format(wanted.name))


def _now(node: exp.CurrentTimestamp) -> exp.Expression:
    if not node.args.get("sysdate"):
        raise Untranslatable("CURRENT_TIMESTAMP() depends on the session: write SYSDATE()")
    return _call("utc_now")


def _divide(node: exp.Div) -> exp.Expression:
    """A quotient of NUMBERs has another scale on each engine; of FLOATs it is the same."""
    if not any(_is_float(part) for side in (node.this, node.expression) for part in side.walk()):
        raise Untranslatable(f"division without ::FLOAT: {node.sql('snowflake')[:200]}")
    return node


def _is_float(node: exp.Expression) -> bool:
    is_cast = isinstance(node, exp.Cast) and family(node.to) == "DOUBLE"
    return is_cast or isinstance(node, exp.Ln | exp.Exp | exp.Sqrt)


def _decode(node: exp.DecodeCase) -> exp.Expression:
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


def _concat_ws(node: exp.ConcatWs) -> exp.Expression:
    """NULL if any part is NULL; DuckDB's concat_ws would skip it."""
    separator, *parts = node.expressions
    made = parts[0]
    for part in parts[1:]:
        made = exp.DPipe(this=exp.DPipe(this=made, expression=separator.copy()), expression=part)
    return exp.Paren(this=made)


def _to_boolean(node: exp.ToBoolean) -> exp.Expression:
    if not node.args.get("safe"):
        raise Untranslatable("TO_BOOLEAN raises on what it does not know: write TRY_TO_BOOLEAN")
    return _call("try_boolean", node.this)


def _sha2(node: exp.SHA2) -> exp.Expression:
    if node.args.get("length") is not None and node.args["length"].name != "256":
        raise Untranslatable("SHA2 other than 256")
    return _call("sha256", node.this)


def _parse_json(node: exp.ParseJSON) -> exp.Expression:
    return _as_type(node.this, "JSON", safe=bool(node.args.get("safe")))


def _is_null_value(node: exp.IsNullValue) -> exp.Expression:
    return exp.EQ(this=_call("json_type", node.this), expression=exp.Literal.string("NULL"))


def _strip_null_value(node: exp.StripNullValue) -> exp.Expression:
    return _call("nullif", node.this, _as_type(exp.Literal.string("null"), "JSON"))


def _try_to(kind: str) -> Rule:
    def rule(node: exp.Anonymous) -> exp.Expression:
        (value,) = node.expressions
        return _try_cast(exp.TryCast(this=value, to=exp.DataType.build(kind, dialect="snowflake")))

    return rule


# --- definitions -----------------------------------------------------------------------------------------------------------


def _properties(node: exp.Properties) -> exp.Expression:
    kept = []
    for item in node.expressions:
        if isinstance(item, exp.SchemaCommentProperty):
            continue
        if type(item) is exp.Property and item.name.upper() in DROPPED_PROPERTIES:
            continue
        raise Untranslatable(f"property {item.sql('snowflake')}")
    node.set("expressions", kept)
    return node


def _leaf(node: exp.Expression) -> exp.Expression:
    return node


def _column_definition(node: exp.ColumnDef) -> exp.Expression:
    if node.kind is not None:
        node.set("kind", exp.DataType.build(duckdb_type(node.kind), dialect="duckdb"))
    constraints = [c for c in node.args.get("constraints") or [] if not isinstance(c.kind, exp.CommentColumnConstraint)]
    node.set("constraints", constraints)
    return node


RULES: dict[str, Rule] = {
    "Column": _column, "ConvertTimezone": _convert_timezone, "JSONExtract": _extract, "Bracket": _bracket,
    "Cast": _cast, "TryCast": _try_cast,
    "Struct": _object, "PropertyEQ": _leaf, "JSONObject": _object_keep_null, "JSONKeyValue": _leaf, "Array": _array,
    "ObjectAgg": _object_agg, "WithinGroup": _within_group, "ArrayAgg": _array_agg,
    "Lateral": _lateral, "Explode": _leaf, "Kwarg": _kwarg,
    "ArraySize": _macro("variant_array_size"), "Typeof": _macro("variant_typeof"), "Length": _macro("length"),
    "ToBoolean": _to_boolean, "DecodeCase": _decode, "ConcatWs": _concat_ws,
    "ToChar": _to_char, "CurrentTimestamp": _now, "Div": _divide, "SHA2": _sha2, "ParseJSON": _parse_json,
    "JSONFormat": _macro("as_json_text"), "IsNullValue": _is_null_value, "StripNullValue": _strip_null_value,
    "Properties": _properties, "Property": _leaf, "SchemaCommentProperty": _leaf, "CommentColumnConstraint": _leaf,
    "ColumnDef": _column_definition,
}  # fmt: skip

FUNCTIONS: dict[str, Rule] = {
    "TRY_TO_TIMESTAMP_NTZ": _try_to("TIMESTAMP_NTZ"),
}
