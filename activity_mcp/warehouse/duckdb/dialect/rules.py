"""The tables of the translation, and the walk that applies them.

    STATEMENTS  the kinds of statement that are translated
    KEPT        nodes with the same meaning in both dialects, or whose DuckDB form sqlglot writes rightly (it was checked)
    ARGUMENTS   of some kept nodes, the arguments they may have
    RULES       node class → what it becomes, from ``rewrites``
    FUNCTIONS   the same for functions that sqlglot does not know by name
    DROPPED_…   properties and settings that mean nothing to the embedded engine

A node in none of them is an error. The walk is post-order and our own: ``sqlglot.transform`` does not descend into a node that
it has just replaced.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import ErrorLevel, exp

from . import rewrites as to
from .documents import read_once
from .errors import Untranslatable

if TYPE_CHECKING:
    from collections.abc import Mapping

STATEMENTS = (exp.Create, exp.Merge, exp.Insert, exp.Update, exp.Delete)

KEPT = frozenset({
    "Select", "From", "Where", "Group", "Having", "Qualify", "Order", "Ordered", "Limit", "Join", "Subquery", "Paren",
    "With", "CTE", "Table", "TableAlias", "Alias",
    "Identifier", "Star", "Distinct", "Tuple", "Values", "Union", "Except", "Intersect", "Literal", "Null", "Boolean",
    "Var", "Placeholder", "Window", "WindowSpec", "Exists", "Between",
    "Merge", "Whens", "When", "Insert", "Update", "Delete", "Create", "Schema", "ColumnConstraint",
    "NotNullColumnConstraint",
    "And", "Or", "Not", "GT", "GTE", "LT", "LTE", "Is", "Neg", "Add", "Sub", "Mul", "Mod", "DPipe", "Like",
    "ILike", "Case", "If", "NullSafeEQ", "NullSafeNEQ",
    "Coalesce", "Nullif", "Nvl2", "Greatest", "Least", "Abs", "Ceil", "Floor", "Round", "Ln", "Exp", "Pow", "Sqrt",
    "Count", "Sum", "Min", "Max", "LogicalOr", "LogicalAnd", "RowNumber", "Rank", "DenseRank", "Lag", "Lead",
    "Lower", "Upper", "Trim", "Replace", "Left", "Right", "StartsWith", "EndsWith", "Contains",
    "RegexpLike", "RegexpReplace", "MD5", "Concat",
})  # fmt: skip

ARGUMENTS = {
    "Insert": {"this", "expression", "with_"},
    "Table": {"this", "alias", "joins"},
    "When": {"matched", "condition", "then"},
    "With": {"expressions"},
}

RULES: dict[str, to.Rule] = {
    "Column": to.column, "ConvertTimezone": to.convert_timezone, "JSONExtract": to.extract, "Bracket": to.bracket,
    "Cast": to.cast, "TryCast": to.try_cast,
    "Struct": to.object_construct, "PropertyEQ": to.leaf, "JSONObject": to.object_keep_null, "JSONKeyValue": to.leaf,
    "Array": to.array_construct, "ObjectAgg": to.object_agg, "WithinGroup": to.within_group, "ArrayAgg": to.array_agg,
    "PercentileCont": to.percentile, "CountIf": to.count_if,
    "Lateral": to.lateral, "Explode": to.leaf, "Kwarg": to.leaf,
    "EQ": to.compared, "NEQ": to.compared, "EqualNull": to.compared, "In": to.compared,
    "ArraySize": to.macro("variant_array_size"), "Typeof": to.macro("variant_typeof"), "ParseJSON": to.parse_json,
    "IsNullValue": to.is_null_value, "StripNullValue": to.strip_null_value,
    "ToChar": to.to_char, "CurrentTimestamp": to.now,
    "DateAdd": to.time_unit, "DateDiff": to.time_unit, "TimestampTrunc": to.time_unit,
    "Div": to.divide, "DecodeCase": to.decode, "ConcatWs": to.concat_ws, "ToBoolean": to.to_boolean, "SHA2": to.sha2,
    "Length": to.macro("length"), "Substring": to.substring,
    "ColumnDef": to.column_definition, "CommentColumnConstraint": to.leaf, "SchemaCommentProperty": to.leaf,
    "Property": to.leaf, "SecureProperty": to.leaf, "TransientProperty": to.leaf, "CopyGrantsProperty": to.leaf,
    "Properties": to.properties(
        frozenset({"CHANGE_TRACKING", "DATA_RETENTION_TIME_IN_DAYS", "MAX_DATA_EXTENSION_TIME_IN_DAYS"})
    ),
}  # fmt: skip

FUNCTIONS: dict[str, to.Rule] = {
    "SOURCE_RANK": to.leaf,
    "IS_OWN_EVENT": to.leaf,
    "LIST_LIMIT": to.leaf,
    "HOLD_COVERS": to.leaf,  # our own, in sql/
    "TRY_TO_TIMESTAMP_NTZ": to.try_to("TIMESTAMP_NTZ"),
}

_FUNCTION = re.compile(
    r"CREATE\s+OR\s+REPLACE\s+FUNCTION\s+(\w+)\s*\(([^()]*)\)\s.*?\bAS\s+\$\$(.*)\$\$\s*$", re.IGNORECASE | re.DOTALL
)
STORED_HOUR = "hour_start"
DROPPED_SETTINGS = frozenset({"ROW_TIMESTAMP", "ERROR_LOGGING", "CHANGE_TRACKING"})


def translate(sql: str, *, row_timestamps: frozenset[str] = frozenset(), checked: bool = False) -> str | None:
    """One Snowflake statement as DuckDB SQL; None for one that means nothing there (USE, SET, CREATE SCHEMA …).

    ``row_timestamps`` names the tables that get a column ``loaded_at`` in place of Snowflake's metadata column, and with it
    ``hour_start``, which views over them read where Snowflake truncates ``ts``: DuckDB prunes by columns alone. ``checked``
    calls a macro ``as_variant`` where a value goes into a VARIANT: only DuckDB's binder knows the type of a column, so a test
    defines that macro and plans the statements, and the program need not do it at each flush.
    """
    if macro := _function(sql, checked):
        return macro
    tree = sqlglot.parse_one(sql, read="snowflake", error_level=ErrorLevel.RAISE)
    if _is_dropped(tree):
        return None
    if not isinstance(tree, STATEMENTS) or (isinstance(tree, exp.Create) and tree.kind not in ("TABLE", "VIEW")):
        raise Untranslatable(f"statement {type(tree).__name__}: {sql[:80]}")
    if isinstance(tree, exp.Create):
        _add_stored_columns(tree, row_timestamps)
        _read_stored_hour(tree, row_timestamps)
        _leave_out_column_list(tree)
    made = rewritten(tree)
    if not checked:
        to.leave_checks_out(made)
    if not isinstance(made, exp.Create):
        read_once(made)
    return made.sql("duckdb", pretty=True, comments=False, unsupported_level=ErrorLevel.RAISE)


def translate_query(sql: str, names: tuple[str, ...]) -> str:
    """One Snowflake SELECT, whose columns must have these names, as DuckDB SQL."""
    tree = sqlglot.parse_one(sql, read="snowflake", error_level=ErrorLevel.RAISE)
    if not isinstance(tree, exp.Select) or tuple(tree.named_selects) != names:
        raise Untranslatable(f"not a SELECT of {', '.join(names)}: {sql[:80]}")
    made = rewritten(tree)
    to.leave_checks_out(made)
    return made.sql("duckdb", pretty=True, comments=False, unsupported_level=ErrorLevel.RAISE)


def _function(sql: str, checked: bool) -> str | None:
    """``CREATE FUNCTION`` of one expression as a macro; None where the statement is another."""
    found = _FUNCTION.match(sql)
    if found is None:
        return None
    name, parameters, body = found.groups()
    if name.upper() not in FUNCTIONS:
        raise Untranslatable(f"function {name}, which is not in FUNCTIONS")
    (tree,) = sqlglot.parse_one(f"SELECT {body}", read="snowflake", error_level=ErrorLevel.RAISE).expressions
    made = rewritten(exp.Paren(this=tree))
    if not checked:
        to.leave_checks_out(made)
    names = ", ".join(parameter.split()[0] for parameter in parameters.split(",") if parameter.strip())
    text = made.sql("duckdb", pretty=True, comments=False, unsupported_level=ErrorLevel.RAISE)
    return f"CREATE OR REPLACE MACRO {name}({names}) AS {text}"


def _is_dropped(tree: exp.Expr) -> bool:
    if isinstance(tree, exp.Set | exp.Use | exp.Comment):
        return True
    if isinstance(tree, exp.Create):
        return tree.kind in ("DATABASE", "SCHEMA")
    if isinstance(tree, exp.Alter):
        names = {item.name.upper() for item in tree.find_all(exp.Property)}
        only_settings = all(isinstance(action, exp.AlterSet) for action in tree.args["actions"])
        return bool(names) and names <= DROPPED_SETTINGS and only_settings
    return False


def _add_stored_columns(tree: exp.Create, tables: frozenset[str]) -> None:
    if tree.kind == "TABLE" and isinstance(tree.this, exp.Schema) and tree.this.this.name.upper() in tables:
        for name in ("loaded_at", STORED_HOUR):
            kind = exp.DataType.build("TIMESTAMP_NTZ", dialect="snowflake")
            tree.this.append("expressions", exp.ColumnDef(this=exp.to_identifier(name), kind=kind))


def _read_stored_hour(tree: exp.Create, tables: frozenset[str]) -> None:
    """``DATE_TRUNC('HOUR', ts) AS hour_start`` of a view over one of these tables: the column that holds it."""
    for select in tree.find_all(exp.Select) if tree.kind == "VIEW" else ():
        source = select.args.get("from_")
        if source is None or source.this.name.upper() not in tables:
            continue
        for item in select.expressions:
            if isinstance(item, exp.Alias) and item.alias == STORED_HOUR and isinstance(item.this, exp.TimestampTrunc):
                item.replace(exp.column(STORED_HOUR, table=item.this.this.table or None))


def _leave_out_column_list(tree: exp.Create) -> None:
    """The list of a view's columns is there for their comments: it names what the query names."""
    if tree.kind == "VIEW" and isinstance(tree.this, exp.Schema):
        listed, named = [column.name for column in tree.this.expressions], tree.expression.named_selects
        if listed != named:
            raise Untranslatable(f"the columns of {tree.this.this.name} are listed as {listed}, and its query names {named}")
        tree.set("this", tree.this.this)


def rewritten(node: exp.Expr, rules: Mapping[str, to.Rule] = RULES, kept: frozenset[str] = KEPT) -> exp.Expr:
    if isinstance(node, exp.DataType | exp.JSONPath):  # read by the rule of the parent
        return node
    rule = _rule_of(node, rules, kept)
    for key, value in list(node.args.items()):
        if isinstance(value, exp.Expr):
            node.set(key, rewritten(value, rules, kept))
        elif isinstance(value, list):
            node.set(key, [rewritten(item, rules, kept) if isinstance(item, exp.Expr) else item for item in value])
    return rule(node)


def _rule_of(node: exp.Expr, rules: Mapping[str, to.Rule], kept: frozenset[str]) -> to.Rule:
    name = type(node).__name__
    if name == "Anonymous":
        called = str(node.this).upper()
        if called not in FUNCTIONS:
            raise Untranslatable(f"function {called}")
        return FUNCTIONS[called]
    if name in rules:
        return rules[name]
    if name not in kept:
        raise Untranslatable(f"{name}: {node.sql('snowflake')[:200]}")
    known = ARGUMENTS.get(name, set(node.args))
    for key, value in node.args.items():
        if value and key not in known:
            raise Untranslatable(f"{name} with {key}: {node.sql('snowflake')[:200]}")
    return to.leaf
