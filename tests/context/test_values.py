"""A value reads as it does in the refresh sequence. And what is read of a text is remembered, and never without a bound."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.context.facts import Fact
from activity_mcp.context.values import as_boolean, as_number, as_text, remembering
from context.samples import event
from sql.malformed import BOOLEANS_AS_TEXT, NOT_NUMBERS, NUMBERS, NUMBERS_AS_TEXT, NUMBERS_WITHOUT_TEXT, STRUCTURES, TEXTS
from sql.support import statements

BOOLEANS: tuple[Any, ...] = (
    True,
    False,
    None,
    0,
    1,
    2,
    1.0,
    0.0,
    0.5,
    " true ",
    "yes\n",
    "\tno",
    [],
    {},
    [True],
    {"true": 1},
    *BOOLEANS_AS_TEXT,
)


class Engine:
    """The casts of the refresh sequence, as the embedded warehouse translates them."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        for statement in statements("00_macros.sql"):
            self._connection.execute(statement)

    def read(self, cast: str, value: Any) -> Any:
        document = json.dumps({"a": value}, ensure_ascii=False)
        found = self._connection.execute(f"SELECT {cast.format(text=TEXT)} FROM (SELECT CAST(? AS JSON) AS v)", [document])
        return found.fetchall()[0][0]


TEXT = "variant_text(v, '$.a')"
BOOLEAN = "try_boolean({text})"
NUMBER = "TRY_CAST(number_part({text}) AS DECIMAL(18, 3))"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.builds(lambda digits, power: float(f"{digits}e{power}"), st.integers(-(10**17), 10**17), st.integers(-25, 25))
PLAIN = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | FLOATS | WHOLE | st.text(st.characters(max_codepoint=126))
)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab\x1b\n", max_size=3), inner)
)


@given(value=VALUES)
def test_a_value_of_any_type_prints_as_in_the_warehouse(engine: Engine, value: Any) -> None:
    assert as_text(value, 10_000) == engine.read("{text}", value)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (89.0, "89"), (-0.0, "-0"), (0.0, "0"), (0.5, "0.5"), (1e16, "10000000000000000"), (1e20, "100000000000000000000"),
        (-1.5e20, "-150000000000000000000"), (1e21, "1e21"), (1.5e300, "1.5e300"), (1e-6, "0.000001"), (1.5e-7, "1.5e-7"),
        (2**63, "9223372036854775808"), (10**30, "1" + "0" * 30), ("89.0", "89.0"), (True, "true"),
        ([89.0, 1e20, "é"], '[89.0,100000000000000000000.0,"é"]'), ({"a": {"b": -0.0, "c": None}}, '{"a":{"b":-0.0,"c":null}}'),
        (["\x1b\n\\u001b"], '["\\u001B\\n\\\\u001b"]'), ({}, "{}"), ([], "[]"), ("", ""), (None, None),
    ],
)  # fmt: skip
def test_a_whole_number_prints_without_a_fraction_and_what_holds_others_is_compact(
    engine: Engine, value: Any, printed: str | None
) -> None:
    assert as_text(value) == engine.read("{text}", value) == printed


@pytest.mark.parametrize("value", BOOLEANS)
def test_what_may_be_a_boolean_is_one_where_the_warehouse_reads_one(engine: Engine, value: Any) -> None:
    assert as_boolean(value) is engine.read(BOOLEAN, value)


@pytest.mark.parametrize(
    "value", [*NUMBERS, *NUMBERS_WITHOUT_TEXT, *NUMBERS_AS_TEXT, *NOT_NUMBERS, *TEXTS, *STRUCTURES, "\x1c1"]
)
def test_what_may_be_a_number_is_one_where_the_warehouse_reads_one(engine: Engine, value: Any) -> None:
    found, read = as_number(value), engine.read(NUMBER, value)
    assert (found is None) is (read is None)
    assert found is None or float(read) == pytest.approx(found, abs=0.00051)


@pytest.mark.parametrize("value", BOOLEANS)
def test_a_call_in_the_background_is_one_where_the_warehouse_reads_one(engine: Engine, value: Any) -> None:
    parameters = {"command": "make", "run_in_background": value}
    tried = Fact(event("tool_event", {"tool_name": "Bash", "success": True, "parameters": parameters})).tried
    assert tried is not None
    assert (tried.outcome == "background") is (engine.read(BOOLEAN, value) is True)


def test_what_was_read_is_read_once_even_where_it_is_nothing() -> None:
    read: list[str] = []

    @remembering(3)
    def length(text: str) -> int | None:
        read.append(text)
        return len(text) or None

    assert [length(text) for text in ("a", "", "a", "", "bb")] == [1, None, 1, None, 2]
    assert read == ["a", "", "bb"]


def test_it_begins_again_where_it_remembers_as_many_as_it_may() -> None:
    read: list[str] = []

    @remembering(2)
    def same(text: str) -> str:
        read.append(text)
        return text

    assert [same(text) for text in "abcca"] == list("abcca")
    assert read == ["a", "b", "c", "a"]
