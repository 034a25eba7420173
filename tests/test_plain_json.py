"""The same JSON as ``json``'s, in a process that has not loaded it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity_mcp.plain_json import dumps, loads

REPO = Path(__file__).resolve().parents[1]
DOCUMENT = '{"a": [1, -2.5e3, {"b": "x\\u00e9\\ud83d\\ude00y"}], "c": null, "d": true}'
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
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
    with pytest.raises(RecursionError):
        loads("[" * 200_000)


def test_broken_texts_are_value_errors_where_json_was_never_loaded() -> None:
    """The C code looks for json's own exception, which is not there: what it does then must not escape."""
    code = """if True:
        import sys
        sys.path.append(sys.argv[1])
        from activity_mcp.plain_json import dumps, loads
        text, refused = sys.argv[2], 0
        pieces = [text[:n] for n in range(len(text))] + [text[:n] + '"' + text[n:] for n in range(len(text))]
        for piece in [*pieces, "", "nul", "[1,]", '{"a" 1}', '"\\\\x"', "1 2", "\\ufeff{}", "NaN", '"' + chr(0xd800) + '"']:
            try:
                loads(piece)
            except ValueError:
                refused += 1
        assert "json" not in sys.modules and "re" not in sys.modules, "loaded after all"
        print(refused, dumps(loads(text)))
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(REPO), DOCUMENT], capture_output=True, text=True, check=True
    )
    refused, again = done.stdout.split(" ", 1)
    assert (int(refused) > 90, json.loads(again)) == (True, json.loads(DOCUMENT))
