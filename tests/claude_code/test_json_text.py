"""Editing JSON files of others: what was not touched stays byte for byte, and taking out what was added gives the old text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity_mcp.claude_code.setup.json_editor import JsonText
from activity_mcp.errors import InvalidInput

ADDED = {"type": "stdio", "args": ["serve", "ü"], "env": {}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{\n  "a": 1\n}\n', '{\n  "a": 1,\n  "s": {\n    "k": 2\n  }\n}\n'),
        ('{\n\t"a": [\n\t\t1\n\t]\n}', '{\n\t"a": [\n\t\t1\n\t],\n\t"s": {\n\t\t"k": 2\n\t}\n}'),
        ('{\r\n    "a": 1\r\n}\r\n', '{\r\n    "a": 1,\r\n    "s": {\r\n        "k": 2\r\n    }\r\n}\r\n'),
        ('{"a":1}', '{"a":1, "s": {"k": 2}}'),
        ('{\n  "s": {}\n}', '{\n  "s": {\n    "k": 2\n  }\n}'),
        ('{\n  "s": {"j": 1}\n}', '{\n  "s": {"j": 1, "k": 2}\n}'),
        ("", '{\n  "s": {\n    "k": 2\n  }\n}\n'),
        ("{}\n", '{\n  "s": {\n    "k": 2\n  }\n}\n'),
        ('\ufeff{"a": 1}', '\ufeff{"a": 1, "s": {"k": 2}}'),
        ('{"a": "}{,\\"s\\":"}', '{"a": "}{,\\"s\\":", "s": {"k": 2}}'),
    ],
)
def test_a_member_is_added_in_the_style_of_its_neighbours(before: str, after: str) -> None:
    assert JsonText.parse(before, "f").put(("s", "k"), 2).text == after


def test_a_value_is_replaced_in_its_place() -> None:
    text = '{ "n": 1.50,\n  "deep": [ {"x":  "old"}, 2e3 ] }'
    assert JsonText.parse(text, "f").put(("deep", 0, "x"), "new").text == text.replace('"old"', '"new"')


def test_the_same_value_again_changes_nothing() -> None:
    text = '{"a":{"b":[1,2]}}'
    assert JsonText.parse(text, "f").put(("a",), {"b": [1, 2]}).text == text


@pytest.mark.parametrize(
    ("path", "left"),
    [
        (("a",), '{\n  "b": [1, 2, 3],\n  "c": {}\n}'),
        (("b", 0), '{\n  "a": 1,\n  "b": [2, 3],\n  "c": {}\n}'),
        (("b", 1), '{\n  "a": 1,\n  "b": [1, 3],\n  "c": {}\n}'),
        (("b", 2), '{\n  "a": 1,\n  "b": [1, 2],\n  "c": {}\n}'),
        (("c",), '{\n  "a": 1,\n  "b": [1, 2, 3]\n}'),
        (("d",), '{\n  "a": 1,\n  "b": [1, 2, 3],\n  "c": {}\n}'),
        (("a", "x"), '{\n  "a": 1,\n  "b": [1, 2, 3],\n  "c": {}\n}'),
    ],
)
def test_what_is_removed_takes_its_comma_along(path: tuple[str | int, ...], left: str) -> None:
    assert JsonText.parse('{\n  "a": 1,\n  "b": [1, 2, 3],\n  "c": {}\n}', "f").remove(path).text == left


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": 1,}', "line 1 column"),
        ('{\n  // why\n  "a": 1}', "line 2 column 3"),
        ("[1]", "no JSON object"),
        ('{"a": 1, "a": 2}', "'a' occurs twice"),
        ('{"a": 1} {"b": 2}', "Extra data"),
        ("[" * 100_000, "not JSON that can be read"),
        ('{"a":' * 600 + "1" + "}" * 600, "not JSON that can be read"),
    ],
)
def test_what_cannot_be_kept_whole_is_refused(text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        JsonText.parse(text, "/home/ada/.claude.json")
    assert says in refused.value.message
    assert refused.value.message.startswith("/home/ada/.claude.json")
    assert refused.value.message.endswith("nothing was changed")


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
KEYS = st.text(max_size=4)
OBJECTS = st.dictionaries(
    KEYS, st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8),
    max_size=4,
)  # fmt: skip
SPACES = st.sampled_from([{"indent": 2}, {"indent": "\t"}, {"indent": None}, {"separators": (",", ":")}])


@settings(max_examples=50)
@given(OBJECTS, SPACES, st.booleans())
def test_any_file_is_what_it_was_when_the_addition_is_taken_out(
    found: dict[str, Any], style: dict[str, Any], escaped: bool
) -> None:
    found.pop("ours", None)
    found.setdefault("kept", [])
    text = json.dumps(found, ensure_ascii=escaped, **style)
    added = JsonText.parse(text, "f").put(("ours",), ADDED)
    assert json.loads(added.text) == {**found, "ours": ADDED}
    assert added.remove(("ours",)).text == text
