"""The same JSON as ``json``'s, in a process that has not loaded it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.plain_json import MAX_NESTING, NestedTooDeeply, dumps, loads
from lengths import examples

REPO = Path(__file__).resolve().parents[1]
DOCUMENT = '{"a": [1, -2.5e3, {"b": "x\\u00e9\\ud83d\\ude00y"}], "c": null, "d": true}'
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@examples(66, 400)
@given(_json)
def test_texts_and_values_are_those_of_json(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    assert dumps(value) == text
    assert loads(json.dumps(value)) == loads(f" \n{text}\t\r") == value


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": -math.inf}, object(), {1, 2}, {("a",): 1}, b"bytes"])
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        dumps(value)


def test_a_circle_and_a_tower_are_errors_not_crashes() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError):
        dumps(circle)
    with pytest.raises(ValueError):
        loads("[" * 200_000)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("levels", [MAX_NESTING + 1, 900, 1200, 5000, 9990])
def test_a_tower_is_refused_from_the_same_level_on_by_every_interpreter(opening: str, levels: int) -> None:
    closing = "]" if opening == "[" else "}"

    def tower(height: int) -> str:
        return opening * height + "1" + closing * height

    assert loads(tower(MAX_NESTING)) == json.loads(tower(MAX_NESTING))
    for text in (tower(levels), tower(levels).encode(), "[1,%s]" % tower(levels)):
        with pytest.raises(NestedTooDeeply):
            loads(text)


def test_many_containers_beside_each_other_are_no_tower() -> None:
    assert loads("[%s]" % ",".join(["[{}]"] * 5000)) == [[{}]] * 5000


def test_broken_texts_are_value_errors_where_json_was_never_loaded() -> None:
    """The C code looks for json's own exception, which is not there: what it does then must not escape.

    From 3.12 on the interpreter loads the exception when it raises it; nothing is loaded for texts that are whole.
    """
    code = """if True:
        import sys
        sys.path.append(sys.argv[1])
        from activity_mcp.plain_json import dumps, loads
        text, refused = sys.argv[2], 0
        assert loads(text) and "json" not in sys.modules
        pieces = [text[:n] for n in range(len(text))] + [text[:n] + '"' + text[n:] for n in range(len(text))]
        for piece in [*pieces, "", "nul", "[1,]", '{"a" 1}', '"\\\\x"', "1 2", "\\ufeff{}", "NaN", '"' + chr(0xd800) + '"']:
            try:
                loads(piece)
            except ValueError:
                refused += 1
        assert sys.version_info >= (3, 12) or not {"json", "re"} & set(sys.modules), "loaded after all"
        print(refused, dumps(loads(text)))
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(REPO), DOCUMENT], capture_output=True, text=True, check=True
    )
    refused, again = done.stdout.split(" ", 1)
    assert (int(refused) > 90, json.loads(again)) == (True, json.loads(DOCUMENT))
