"""What a user adds in ``redaction.json``: patterns, names, hashes, hidden paths."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from activity_mcp.claude_code.events import tool_activities
from activity_mcp.config import read_config
from activity_mcp.errors import InvalidConfig
from activity_mcp.redaction import Redactor
from activity_mcp.redaction.settings import RedactionSettings


def with_settings(**members: object) -> Redactor:
    return Redactor(settings=RedactionSettings(members))


def test_a_users_pattern_hides_its_group_with_or_without_a_literal() -> None:
    rows = [
        {"name": "badge", "pattern": "badge-([0-9]{6})", "literal": "Badge-"},
        {"name": "ticket", "pattern": "(?<=T#)[0-9]+"},
    ]
    redactor = with_settings(patterns=rows)
    assert redactor.text("BADGE-1 badge-123456, T#99") == "BADGE-1 badge-[redacted:badge], T#[redacted:ticket]"
    assert redactor.count == 2


def test_a_users_names_hide_values_of_keys_options_and_members_in_every_spelling() -> None:
    redactor = with_settings(names=["employee_no"])
    assert redactor.value({"EmployeeNo": "abc", "args": ["--employee-no", "abc"], "other": "abc"}) == {
        "EmployeeNo": "[redacted:named]", "args": ["--employee-no", "[redacted:named]"], "other": "abc",
    }  # fmt: skip


def test_what_is_kept_as_a_hash_can_be_compared_and_not_read() -> None:
    redactor = with_settings(hash_only=["command"])
    one, same, other = (redactor.value({"command": text, "n": 1}) for text in ("make deploy", "make deploy", "make test"))
    assert one == same != other
    assert one == {"command": f"[sha256:{hashlib.sha256(b'make deploy').hexdigest()} length:11]", "n": 1}
    assert redactor.value({"command": None}) == {"command": None}


def test_of_a_hidden_file_nothing_is_kept_but_that_something_was_done() -> None:
    redactor = with_settings(paths={"deny": ["*/secrets/*", "*.pem"], "allow": ["/work/*", "~/notes/*"]})
    hidden = ["/work/secrets/a.txt", "/work/a/secrets/b/c", "/work/key.pem", "/etc/passwd", "C:\\secrets\\a"]
    shown = ["/work/a.py", "/work/secrets", os.path.expanduser("~/notes/x"), "/work/pem"]
    assert [path for path in hidden + shown if redactor.hides(path)] == hidden
    call = {"file_path": "/work/key.pem", "content": "MIIE", "edits": [{"new": "x"}], "limit": 5, "all": True}
    blank = "[redacted:path]"
    assert redactor.value({"tool_input": call}) == {
        "tool_input": {"file_path": blank, "content": blank, "edits": blank, "limit": 5, "all": True}
    }
    assert (redactor.path("/work/a.py"), redactor.path("/work/key.pem")) == ("/work/a.py", blank)


def test_a_tool_call_on_a_hidden_file_tells_neither_its_path_nor_its_content_nor_its_error() -> None:
    redactor = with_settings(paths={"deny": ["*.pem"]})
    given = {"file_path": "/work/key.pem", "old_string": "MIIE", "new_string": "MIIF"}
    drafts = tool_activities("t1", "Edit", given, redactor=redactor, success=False, error="MIIE not found in /work/key.pem")
    reported = json.dumps([draft.features for draft in drafts])
    assert [draft.event_name for draft in drafts] == ["tool_event", "file_event"]
    assert "MII" not in reported
    assert "key" not in reported
    assert "pem" not in reported


def test_what_is_kept_as_a_hash_is_in_none_of_the_events_of_a_call() -> None:
    redactor = with_settings(hash_only=["command", "file_path", "query"])
    calls: list[tuple[str, dict[str, object], list[str]]] = [
        ("Bash", {"command": "psql -c 'select very_private'"}, ["tool_event"]),
        ("mcp__db__run_query", {"query": "select very_private from t"}, ["tool_event"]),
        ("Edit", {"file_path": "/work/very_private.py"}, ["tool_event", "file_event"]),
    ]
    for tool, tool_input, expected in calls:
        drafts = tool_activities("t1", tool, tool_input, redactor=redactor, success=True)
        assert [draft.event_name for draft in drafts] == expected
        reported = json.dumps([draft.features for draft in drafts])
        assert "very_private" not in reported
        assert reported.count("[sha256:") == len(expected)


def test_email_addresses_are_replaced_when_asked_for() -> None:
    assert with_settings(emails=True).text("ada.l+x@mail.example.org, a@b, x@y.z1") == "[redacted:email], a@b, x@y.z1"
    assert with_settings().text("ada@example.org") == "ada@example.org"


def test_settings_hold_nothing_back_where_redaction_is_off() -> None:
    settings = RedactionSettings({"hash_only": ["a"], "paths": {"deny": ["*"]}})
    assert Redactor(enabled=False, settings=settings).value({"a": "b", "path": "/x"}) == {"a": "b", "path": "/x"}


@pytest.mark.parametrize(
    "members",
    [
        [], "x", None, {"version": 2}, {"pattern": []}, {"patterns": {}}, {"patterns": ["x"]}, {"patterns": [{"name": "a"}]},
        {"patterns": [{"name": "a", "pattern": "("}]}, {"patterns": [{"name": "a", "pattern": "x", "literal": ""}]},
        {"patterns": [{"name": "a", "pattern": "x", "flags": "i"}]}, {"names": "x"}, {"names": [5]}, {"hash_only": [""]},
        {"paths": []}, {"paths": {"block": []}}, {"paths": {"deny": "x"}}, {"emails": "yes"},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_used_are_an_error_that_names_the_file(members: object) -> None:
    with pytest.raises(InvalidConfig, match=r"redaction\.json: "):
        RedactionSettings(members)


def test_every_path_to_the_disk_asks_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "redaction.json").write_text('{"names": ["employee_no"]}')
    config = read_config({"ACTIVITY_HOME": str(tmp_path)})
    assert config.redactor().value({"employee_no": "abc"}) == {"employee_no": "[redacted:named]"}
    (tmp_path / "redaction.json").write_text("{")
    with pytest.raises(InvalidConfig, match="not JSON"):
        config.redactor()
    assert read_config({"ACTIVITY_HOME": str(tmp_path), "ACTIVITY_REDACT": "off"}).redactor().enabled is False


def test_a_users_names_are_found_in_texts_as_well() -> None:
    redactor = with_settings(names=["employee_no"])
    assert (
        redactor.text("employee-no: abc123\nEMPLOYEE_NO=abc123")
        == "employee-no: [redacted:named]\nEMPLOYEE_NO=[redacted:named]"
    )
