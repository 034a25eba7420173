"""A question in Snowflake's dialect → DuckDB's: the rules of ``rules``, and what a question may say beyond them.

``sql/`` is held to what both engines read the same to the last digit. A question may be freer: the scale of a quotient, the
order of an unordered list and the time of now are what the engine makes of them.
"""

from __future__ import annotations

import sqlglot
from sqlglot import ErrorLevel, exp

from . import rewrites as to
from .datatypes import family, strftime_format
from .errors import Untranslatable
from .rules import KEPT, RULES, rewritten

_MORE_KEPT = (KEPT - {"Table"}) | {
    "Intersect", "Except", "Offset", "Fetch", "AllowedValues", "Interval", "IntervalSpan", "Any", "All", "Lambda",
    "Avg", "Median", "Stddev", "StddevSamp", "StddevPop", "Variance", "VariancePop", "ApproxDistinct", "ApproxQuantile",
    "AnyValue",
    "ArgMax", "ArgMin", "FirstValue", "LastValue", "NthValue", "Ntile", "PercentRank", "CumeDist", "CountIf", "Corr", "Mode",
    "Year", "Month", "Day", "Hour", "Minute", "Second", "DayOfWeek", "DayOfYear", "Week", "Quarter", "Extract",
    "Reverse", "Repeat", "SplitPart", "StrPosition", "Sign", "Log", "Date",
}  # fmt: skip


def from_snowflake(sql: str) -> str:
    """One question as DuckDB SQL. Raises Untranslatable, with the reason."""
    try:
        tree = sqlglot.parse_one(sql, read="snowflake", error_level=ErrorLevel.RAISE)
        if not isinstance(tree, exp.Query):
            raise Untranslatable("it is not a SELECT")
        made = rewritten(tree, _RULES, _MORE_KEPT)
        to.leave_checks_out(made)
        return made.sql("duckdb", comments=False, unsupported_level=ErrorLevel.RAISE)
    except RecursionError:
        raise Untranslatable("it is nested too deeply") from None
    except sqlglot.errors.SqlglotError as error:
        raise Untranslatable(" ".join(str(error).split())[:200]) from error


def _now(node: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="utc_now", expressions=[])


def _today(node: exp.Expr) -> exp.Expr:
    return exp.Cast(this=_now(node), to=exp.DataType.build("DATE"))


def _to_char(node: exp.ToChar) -> exp.Expr:
    wanted = node.args.get("format")
    if wanted is None:
        return exp.Anonymous(this="as_text", expressions=[node.this])
    if not wanted.is_string:
        raise Untranslatable("TO_CHAR with a computed format")
    return exp.Anonymous(this="strftime", expressions=[node.this, exp.Literal.string(strftime_format(wanted.name))])


def _array_agg(node: exp.ArrayAgg) -> exp.Expr:
    if isinstance(node.parent, exp.WithinGroup):
        return node
    return exp.Anonymous(this="to_json", expressions=[exp.Anonymous(this="list", expressions=[node.this])])


def _percentile(node: exp.WithinGroup) -> exp.Expr:
    aggregate, order = node.this, node.expression
    if isinstance(aggregate, exp.PercentileCont | exp.PercentileDisc) and isinstance(order, exp.Order):
        (ordered,) = order.expressions
        if not ordered.args.get("desc"):
            name = "quantile_cont" if isinstance(aggregate, exp.PercentileCont) else "quantile_disc"
            value = exp.Cast(this=ordered.this, to=exp.DataType.build("DOUBLE"))
            return exp.Anonymous(this=name, expressions=[value, aggregate.this])
    if isinstance(aggregate, exp.GroupConcat) and isinstance(order, exp.Order):
        aggregate.set("this", exp.Order(this=aggregate.this, expressions=order.expressions))
        return aggregate
    return to.within_group(node)


def _first_match(node: exp.RegexpExtract) -> exp.Expr:
    found = exp.Anonymous(this="regexp_extract", expressions=[node.this, node.expression])
    return exp.Anonymous(this="nullif", expressions=[found, exp.Literal.string("")])


def _cast(node: exp.Cast) -> exp.Expr:
    """A path's value that does not fit reads NULL here, where Snowflake ends the question with an error."""
    is_path = isinstance(node.this, exp.Anonymous) and node.this.this == "json_extract"
    if is_path and family(node.to) in ("BOOLEAN", "TIMESTAMP", "DATE"):
        text = exp.Anonymous(this="variant_text", expressions=node.this.expressions)
        return to.try_cast(exp.TryCast(this=text, to=node.to))
    return to.cast(node)


def _to_number(node: exp.ToNumber) -> exp.Expr:
    if node.args.get("format"):
        raise Untranslatable("TO_NUMBER with a format")
    precision, scale = node.args.get("precision"), node.args.get("scale")
    kind = f"NUMBER({precision or 38}, {scale or 0})"
    made = exp.DataType.build(kind, dialect="snowflake")
    if node.args.get("safe"):
        return to.try_cast(exp.TryCast(this=node.this, to=made))
    return to.cast(exp.Cast(this=node.this, to=made))


def _table(node: exp.Table) -> exp.Expr:
    """This schema by its usual name, and the one view of Snowflake's own that activities are joined with."""
    place = ".".join(part.name.upper() for part in (node.args.get("catalog"), node.args.get("db")) if part)
    if place and place not in _PLACES:
        raise Untranslatable(f"{node.sql('snowflake')}: here are this schema's tables and ACCOUNT_USAGE.QUERY_HISTORY")
    if place == "SNOWFLAKE.ACCOUNT_USAGE" and node.name.upper() != "QUERY_HISTORY":
        raise Untranslatable(f"{node.sql('snowflake')} is Snowflake's own")
    node.set("catalog", None)
    node.set("db", None)
    return node


def _table_function(node: exp.TableFromRows) -> exp.Expr:
    return to.lateral(exp.Lateral(this=node.this, alias=node.args.get("alias")))


_PLACES = {"ACTIVITIES", "CLAUDE_LOGS.ACTIVITIES", "INFORMATION_SCHEMA", "SNOWFLAKE.ACCOUNT_USAGE"}
_RULES: dict[str, to.Rule] = RULES | {
    "CurrentTimestamp": _now, "CurrentDate": _today, "ToChar": _to_char, "ArrayAgg": _array_agg, "WithinGroup": _percentile,
    "PercentileCont": to.leaf, "PercentileDisc": to.leaf, "GroupConcat": to.leaf, "RegexpExtract": _first_match,
    "Cast": _cast, "ToNumber": _to_number, "Table": _table, "TableFromRows": _table_function, "Div": to.leaf,
    "DateAdd": to.leaf, "DateDiff": to.leaf, "TimestampTrunc": to.leaf, "DateTrunc": to.leaf,
}  # fmt: skip
