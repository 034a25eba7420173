"""Prompts typed while Claude works: recorded once, whatever lines the version writes of them; those taken back are not."""

from __future__ import annotations

from typing import Any

import pytest

from claude_code.conftest import Read, Script, unique

ATTACHED = {"type": "queued_command", "commandMode": "prompt"}


def queue(operation: str, **members: Any) -> tuple[str, dict[str, Any]]:
    return "queue-operation", {"operation": operation, "uuid": ..., "cwd": ..., "version": ..., **members}


def enqueue(text: Any) -> tuple[str, dict[str, Any]]:
    return queue("enqueue", content=text)


def attachment(prompt: Any) -> tuple[str, dict[str, Any]]:
    return "attachment", {"attachment": {**ATTACHED, "prompt": prompt}}


@pytest.mark.parametrize(
    ("meanwhile", "asked"),
    [
        ([enqueue("two"), queue("remove")], ["two"]),
        ([enqueue("two"), queue("remove", content="two")], ["two"]),
        ([enqueue("two"), queue("remove", reason="absorbed_mid_turn")], ["two"]),
        ([enqueue("two"), queue("remove", reason="cancelled")], []),
        ([enqueue("two"), queue("remove"), attachment("two")], ["two"]),
        ([enqueue("two"), attachment([{"type": "text", "text": "two"}, {"type": "image"}]), queue("remove")], ["two"]),
        ([enqueue([{"type": "text", "text": "two"}]), queue("remove")], ["two"]),
        ([enqueue("<ide_opened_file>x</ide_opened_file>\ntwo"), queue("remove")], ["two"]),
        (
            [enqueue("two"), enqueue("three"), queue("remove", content="three"), queue("remove", content="two")],
            ["three", "two"],
        ),
        ([enqueue("two"), enqueue("two"), queue("remove"), queue("remove")], ["two", "two"]),
        ([enqueue("two"), queue("popAll", content="two")], []),
        ([enqueue("two"), enqueue("three"), queue("popAll")], []),
        ([enqueue("two"), enqueue("three"), queue("popAll", content="two"), queue("popAll", content="three")], []),
        (
            [enqueue("two"), enqueue("three"), queue("popAll", content="two\nthree"), enqueue("both"), queue("remove")],
            ["both"],
        ),
        ([enqueue("two")], []),  # it waits
        ([enqueue("two"), queue("a new operation")], []),
        ([enqueue("/compact"), queue("remove")], []),
        ([enqueue("<task-notification>done</task-notification>"), queue("remove")], []),
    ],
)
def test_what_was_typed_within_a_turn_is_asked_once(script: Script, read: Read, meanwhile: Any, asked: list[str]) -> None:
    call, first, last = unique("toolu", "t"), unique("msg", "m1"), unique("msg", "m2")
    script.prompt("one")
    script.calls("Bash", call, {"command": "make"}, first)
    for kind, members in meanwhile:
        script.line(kind, **members)
    script.result(call)
    script.says("done", last)
    activities, _ = read(script.path)
    found = [activity for activity in activities if activity.activity in ("asked", "concluded_turn")]
    words = [activity.feature_json["excerpt"] for activity in found]
    assert sorted(words) == sorted(["one", *asked, "done"])
    assert len({activity.activity_id for activity in found}) == len(found)


@pytest.mark.parametrize("order", ["dequeue first", "line first"])
def test_what_waited_for_the_next_turn_is_asked_by_its_own_line(script: Script, read: Read, order: str) -> None:
    script.prompt("one")
    kind, members = enqueue("two")
    script.line(kind, **members)
    script.says("done", unique("msg", "m1"))
    kind, members = queue("dequeue")
    if order == "line first":
        script.prompt("two")
    script.line(kind, **members)
    if order == "dequeue first":
        script.prompt("two")
    activities, _ = read(script.path)
    assert [one.feature_json["excerpt"] for one in activities if one.activity == "asked"] == ["one", "two"]
