"""A terminal obeys none of what was recorded, typed or found as a file's name: it is shown as an escape, in JSON as JSON's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.__main__ import run
from activity_mcp.context.visible import for_terminal, for_terminal_json

HOSTILE = "a\x1b]0;owned\x07\x1b[31mred \x9b2J \x90q\x9c \u202egnp.exe \u2066x\u2069 \u200b\x7f\b\r\U000e0041z"


def raw(said: str) -> set[str]:
    return {char for char in said if not char.isprintable() and char not in "\n\t"}


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setenv("ACTIVITY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ACTIVITY_CUSTOMER", "ada@example.com")
    monkeypatch.setenv("HOME", str(tmp_path))

    def called(*arguments: str) -> str:
        run(list(arguments))
        return "".join(capfd.readouterr())

    return called


COMMANDS: list[tuple[str, ...]] = [
    (HOSTILE,),
    ("log", HOSTILE),
    ("log", "tool_event", "--feature", f"tool_name={HOSTILE}", "--feature", "success=false", "--feature", f"error={HOSTILE}"),
    ("log", "tool_event", "--feature", HOSTILE),
    ("log", "tool_event", "--json", HOSTILE),
    ("context", HOSTILE),
    ("context", HOSTILE, "--json"),
    ("context", "--project", HOSTILE),
    ("context", "--type", HOSTILE),
    ("query", f"SELECT '{HOSTILE}' AS \"{HOSTILE}\""),
    ("query", f"SELECT '{HOSTILE}' AS \"{HOSTILE}\"", "--json"),
    ("query", HOSTILE),
    ("import", HOSTILE),
    ("forget", "--match", f"({HOSTILE}", "--dry-run"),
    ("forget", "--project", HOSTILE, "--dry-run"),
    ("deploy", "--only", HOSTILE),
    ("bench", HOSTILE),
    ("install", "--scope", HOSTILE),
]


def test_no_command_hands_a_terminal_what_it_would_obey(call: Any, tmp_path: Path) -> None:
    folder = tmp_path / HOSTILE.replace("\x00", "")
    folder.mkdir()
    (folder / f"{HOSTILE}.jsonl").write_text('{"type": "user", "sessionId": "s", "message": {"content": "x"}}\nno json')
    call("log", "tool_event", "--feature", f"tool_name={HOSTILE}", "--feature", "success=true", "--project", HOSTILE)
    call("flush")
    for arguments in [
        *COMMANDS,
        ("import", str(folder)),
        ("import", str(folder), "--json"),
        ("context",),
        ("status", "--json"),
    ]:
        assert raw(call(*arguments)) == set(), arguments


def test_a_state_directory_with_such_a_name_is_named_harmlessly(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIVITY_HOME", str(tmp_path / HOSTILE))
    for arguments in (("log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true"), ("flush",), ("status",),
                      ("status", "--json"), ("doctor",), ("doctor", "--json"), ("uninstall",), ("uninstall", "--purge", "--yes")):  # fmt: skip
        assert raw(call(*arguments)) == set(), arguments


@given(st.text())
def test_any_text_is_shown_without_what_a_terminal_obeys(text: str) -> None:
    assert raw(for_terminal(text)) == set()


@given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_a_json_document_stays_what_it_is(document: Any) -> None:
    text = json.dumps(document, ensure_ascii=False)
    assert json.loads(for_terminal_json(text)) == json.loads(text)
    assert raw(for_terminal_json(text)) == set()
