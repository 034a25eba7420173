"""Every payload there is, and what should never come: each fact once, no word too many, nothing lost without being counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from activity_mcp import schema
from activity_mcp.activity import Activity, derived_id, sha256_hex
from activity_mcp.claude_code.hooks import hook
from activity_mcp.claude_code.session_state import SessionState
from claude_code.conftest import Read, Script
from claude_code.hooked import Hooked, payload, tool_use
from fakes import FakeClock
from lengths import LONG

ASKED = "Why is the total wrong?"


@pytest.fixture
def hooked(tmp_path: Path) -> Hooked:
    return Hooked(tmp_path / "home")


def take(hooked: Hooked, given: Any, **environ: str) -> bytes:
    """The hook's own function, in this process: thousands of payloads are too many processes."""
    data = given if isinstance(given, bytes) or given is None else json.dumps(given).encode()
    return hook.run(data, hooked.environ | environ)


def reported(line: dict[str, Any]) -> tuple[str, Any]:
    features = line["feature_json"]
    return line["event_name"], features.get("event_type") or features.get("tool_name") or features.get("operation")


CALL = {"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": "toolu_01AAAAAAAAAAAAAAAAAAAAAA"}
REFUSED = "<tool_use_error>InputValidationError: a parameter is missing</tool_use_error>"
EVENTS: list[tuple[str, dict[str, Any], list[tuple[str, Any]]]] = [
    ("SessionStart", {"source": "startup", "model": "opus", "session_title": "x"}, [("session_event", "start")]),
    ("SessionStart", {"source": "resume"}, [("session_event", "start")]),
    ("SessionEnd", {"reason": "prompt_input_exit"}, [("session_event", "end")]),
    ("UserPromptSubmit", {"prompt": ASKED}, [("session_event", "user_prompt")]),
    ("UserPromptSubmit", {"prompt": "<task-notification>done</task-notification>"}, []),
    ("UserPromptSubmit", {"prompt": "<command-name>/clear</command-name>"}, [("system_event", "hook")]),
    ("UserPromptExpansion", {"expansion_type": "slash_command", "command_name": "review", "prompt": ASKED}, [("system_event", "hook")]),
    ("PreToolUse", CALL, []),
    ("PostToolUse", {**CALL, "tool_response": {"stdout": "a"}, "duration_ms": 5}, [("tool_event", "Bash")]),
    ("PostToolUse", {"tool_name": "Edit", "tool_input": {"file_path": "/a.py"}, "tool_use_id": "t2"}, [("tool_event", "Edit"), ("file_event", "edit")]),
    ("PostToolUse", {"tool_name": "Bash", "tool_input": {"command": "psql -c 'select 1'"}, "tool_use_id": "t3"}, [("tool_event", "Bash"), ("sql_event", None)]),
    ("PostToolUse", {"tool_name": "mcp__activity__get_context", "tool_input": {}, "tool_use_id": "t4"}, []),
    ("PostToolUseFailure", {**CALL, "error": "Exit code 1", "is_interrupt": True}, [("tool_event", "Bash")]),
    ("PostToolBatch", {"tool_calls": [CALL, {**CALL, "tool_use_id": "t5", "tool_response": REFUSED}]}, [("tool_event", "Bash")]),
    ("PostToolBatch", {"tool_calls": []}, []),
    ("PermissionRequest", {**CALL, "permission_suggestions": []}, [("system_event", "hook")]),
    ("PermissionDenied", {**CALL, "reason": "rule"}, [("tool_event", "Bash")]),
    ("Stop", {"stop_hook_active": False, "last_assistant_message": "A float."}, [("session_event", "turn_end")]),
    ("SubagentStop", {"last_assistant_message": "Found.", "agent_id": "a1", "agent_type": "Explore"}, [("session_event", "turn_end")]),
    ("SubagentStop", {"last_assistant_message": "<summary>", "agent_id": "a1", "agent_type": ""}, []),
    ("StopFailure", {"error": "rate_limit", "last_assistant_message": "half"}, [("session_event", "turn_stopped")]),
    ("SubagentStart", {"agent_id": "a1", "agent_type": "Explore"}, [("session_event", "subagent_start")]),
    ("Notification", {"message": "waiting", "title": "x", "notification_type": "idle"}, [("system_event", "hook")]),
    ("PreCompact", {"trigger": "auto", "custom_instructions": ""}, [("system_event", "hook")]),
    ("PostCompact", {"trigger": "auto", "compact_summary": "We did this."}, [("system_event", "hook")]),
    *(
        (name, {"file_path": "/a", "anything": [1, {"b": None}]}, [("system_event", "hook")])
        for name in (
            "InstructionsLoaded", "ConfigChange", "CwdChanged", "DirectoryAdded", "FileChanged", "TaskCreated", "TaskCompleted",
            "TeammateIdle", "WorktreeRemove", "Elicitation", "ElicitationResult", "MessageDisplay", "Setup", "PreModelSwitch",
            "PostModelSwitch", "SomethingOfNextWeek", "", "x" * 5000,
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "members", "expected"), EVENTS, ids=[f"{event[:20]}-{n}" for n, (event, _, _) in enumerate(EVENTS)]
)
def test_each_event_says_what_it_should_and_satisfies_its_schema(
    hooked: Hooked, event: str, members: dict[str, Any], expected: list[Any]
) -> None:
    given = payload(event, agent_id="a1", agent_type="Explore") | members
    assert take(hooked, given) == b""
    lines = hooked.lines() if hooked.home.exists() else []
    assert [reported(line) for line in lines] == expected
    for line in lines:
        assert [line["feature_json"][name] for name in ("prompt_id", "agent_id", "agent_type")] == ["p1", "a1", "Explore"]
        assert (line["session_id"], line["source"], "v" in line) == ("s1", "hook", False)
        schema.validate(Activity.of_columns(line))
    take(hooked, given)  # the same payload again: a plugin and the settings both registered the hook
    again = hooked.lines() if hooked.home.exists() else []
    assert [line["activity_id"] for line in again] == [line["activity_id"] for line in lines] * 2
    assert hooked.dropped() == {}


def test_what_the_events_say_in_full(hooked: Hooked) -> None:
    for event, members in (
        ("SessionStart", {"source": "startup", "model": "opus"}),
        ("UserPromptSubmit", {"prompt": f"  {ASKED}\n"}),
        ("PostToolUseFailure", {**CALL, "error": "Exit code 1\nboom", "is_interrupt": True, "duration_ms": 1500}),
        ("Stop", {"last_assistant_message": "A float. password=hunter22x"}),
        ("SubagentStop", {"agent_id": "a1"}),
        ("SessionEnd", {"reason": "clear"}),
        ("Notification", {"message": "token=hunter22x", "n": float("nan")}),
    ):
        take(hooked, payload(event, **members))
    said = {"session_id": "s1", "prompt_id": "p1"}
    assert [line["feature_json"] for line in hooked.lines()] == [
        {**said, "event_type": "start", "start_source": "startup", "model": "opus", "project_path": "/work/shop"},
        {**said, "event_type": "user_prompt", "excerpt": ASKED, "length": 23, "prompt_hash": sha256_hex(ASKED)},
        {
            "tool_name": "Bash", "success": False, "tool_category": "shell", "parameters": {"command": "ls"}, "error": "Exit code 1\nboom",
            "elapsed_ms": 1500, "tool_use_id": CALL["tool_use_id"], "prompt_id": "p1", "interrupted": True,
        },
        {
            **said, "event_type": "turn_end", "excerpt": "A float. password=[redacted:password]", "length": 27,
            "prompt_hash": sha256_hex("A float. password=hunter22x"), "_redacted": 1,
        },
        {**said, "event_type": "turn_end", "agent_id": "a1"},
        {**said, "event_type": "end", "reason": "clear", "project_path": "/work/shop"},
        {
            "event_type": "hook", "hook_event_name": "Notification", "prompt_id": "p1", "_redacted": 1,
            "raw": {
                "session_id": "s1", "transcript_path": "/nowhere/s1.jsonl", "cwd": "/work/shop", "permission_mode": "default",
                "prompt_id": "p1", "hook_event_name": "Notification", "message": "token=[redacted:token]", "n": None,
            },
        },
    ]  # fmt: skip


def test_a_call_is_dated_by_its_beginning(hooked: Hooked) -> None:
    take(hooked, tool_use(duration_ms=3_600_000))
    take(hooked, tool_use(call="t2"))
    early, late = (line["ts"] for line in hooked.lines())
    assert early[:13] != late[:13]


@pytest.mark.parametrize(("policy", "kept"), [("hash", None), ("excerpt", "x" * 300), ("full", "x" * 1000)])
def test_the_policy_for_prompts_holds_wherever_somebody_speaks(hooked: Hooked, policy: str, kept: str | None) -> None:
    words = "x" * 1000
    take(hooked, payload("PostCompact", compact_summary=words), ACTIVITY_PROMPTS=policy)
    take(hooked, payload("UserPromptExpansion", prompt=words, command_args=words), ACTIVITY_PROMPTS=policy)
    take(hooked, payload("UserPromptSubmit", prompt=words), ACTIVITY_PROMPTS=policy)
    raws = [line["feature_json"]["raw"] for line in hooked.lines()[:2]]
    take(hooked, payload("SessionStart", source="startup", session_title=words), ACTIVITY_PROMPTS=policy)
    assert ("session_title" in hooked.lines()[3]["feature_json"]) is (policy != "hash")
    hashed = {"prompt_hash": sha256_hex(words), "length": 1000}
    assert raws[0]["compact_summary"] == raws[1]["prompt"] == raws[1]["command_args"] == (kept or hashed)
    features = hooked.lines()[2]["feature_json"]
    assert features.get("text", features.get("excerpt")) == kept


def test_the_call_and_not_its_announcement_is_recorded_in_whatever_order_they_come(hooked: Hooked) -> None:
    for event in ("PreToolUse", "PostToolUse", "PreToolUse", "PostToolBatch"):
        members = {"tool_calls": [CALL]} if event == "PostToolBatch" else {**CALL, "duration_ms": 5}
        take(hooked, payload(event, **members))
    lines = hooked.lines()
    assert {line["activity_id"] for line in lines} == {derived_id("tool_event", "tool_use_id", str(CALL["tool_use_id"]))}
    assert [line["feature_json"].get("latency_ms") for line in lines] == [5]


def test_of_a_batch_only_what_claude_code_refused_itself_is_recorded(hooked: Hooked) -> None:
    reported_by_others = [
        "x",
        "cat: nonexist: No such file or directory",
        {"stdout": "x"},
        "Permission to use Bash has been denied.",
        None,
    ]
    calls = [
        {**CALL, "tool_use_id": f"t{n}", "tool_response": reported} for n, reported in enumerate((*reported_by_others, REFUSED))
    ]
    take(hooked, payload("PostToolBatch", tool_calls=calls))
    assert [(line["feature_json"]["tool_use_id"], line["feature_json"]["error"]) for line in hooked.lines()] == [
        ("t5", "InputValidationError: a parameter is missing")
    ]


def test_a_turn_that_an_api_error_ended_is_named_as_an_import_names_it(hooked: Hooked) -> None:
    take(hooked, payload("StopFailure", error="server_error", last_assistant_message="API Error: 529 token=hunter22x"))
    (line,) = hooked.lines()
    assert line["activity_id"] == derived_id("session_event", "turn_stopped", "s1\0p1\0failed")
    assert line["feature_json"]["excerpt"] == "failed: API Error: 529 token=[redacted:token]"


def test_the_end_of_a_session_is_named_by_its_last_start(hooked: Hooked) -> None:
    def fire(event: str, **members: Any) -> str:
        take(hooked, payload(event, **members))
        return str(hooked.lines()[-1]["activity_id"])

    start = fire("SessionStart", source="startup")
    fire("SessionStart", source="compact")  # the process is still the same
    first = fire("SessionEnd", reason="other", prompt_id="of /exit, which no transcript has")
    resumed = fire("SessionStart", source="resume", context_tokens=12)
    second = fire("SessionEnd", reason="other")
    assert (first, second) == tuple(derived_id("session_event", "end", f"s1\0{of}") for of in (start, resumed))


def test_a_call_without_an_id_is_named_by_what_it_was(hooked: Hooked) -> None:
    given = tool_use("Read", {"file_path": "/a"})
    del given["tool_use_id"]
    for members in ({}, {}, {"tool_input": {"file_path": "/b"}}):
        take(hooked, given | members)
    ids = [line["activity_id"] for line in hooked.lines()]
    assert ids[:2] == ids[2:4] != ids[4:]
    assert all("tool_use_id" not in line["feature_json"] for line in hooked.lines())


def test_a_tool_that_says_it_failed_has_failed(hooked: Hooked) -> None:
    response = {"isError": True, "content": [{"type": "text", "text": "no such table"}]}
    take(hooked, tool_use("mcp__db__query", {"sql": "select 1"}, tool_response=response))
    assert [(line["feature_json"]["success"], line["feature_json"]["error"]) for line in hooked.lines()] == [
        (False, "no such table")
    ] * 2


# --- what should never come

BROKEN: list[Any] = [None, True, -1, 10**30, "", "\ud800", [], {"a": [{"b": []}]}, [None, 5, "x"]]


@pytest.mark.long
def test_no_field_of_any_event_is_of_a_type_that_breaks_it(hooked: Hooked) -> None:
    """In `make test` three values for each field, in turn, so that each value stands in fields of every kind."""
    count = 0
    for event, members in {event: members for event, members, _ in EVENTS[:25] if event[:1] != "I"}.items():
        given = payload(event, agent_id="a1") | members
        for place, name in enumerate([*given, "tool_response", "error", "duration_ms", "unknown"]):
            for value in BROKEN if LONG else BROKEN[place % 3 :: 3]:
                assert take(hooked, given | {name: value}) == b""
                count += 1
        for name in given:
            take(hooked, {other: value for other, value in given.items() if other != name})
    assert hooked.dropped() == {}, f"of {count} payloads"
    for line in hooked.lines():
        json.dumps(line, allow_nan=False).encode()


NO_OBJECT = [
    None, b"", b" \n", b"nonsense", b"{", b'{"a":', b"[]", b"5", b'"text"', b"null", b"{} {}", b"\x00\x01\x02", b"\xff\xfe{\x00}\x00",
    b"[" * 100_000, *(b'{"a":' * levels + b"1" + b"}" * levels for levels in (600, 1200, 5000, 100_000)), b'{"hook_event_name": "Stop"' + b" " * 1000,
]  # fmt: skip


@pytest.mark.parametrize("data", NO_OBJECT, ids=[str(data)[:24] for data in NO_OBJECT])
def test_what_is_no_object_is_dropped_and_counted(hooked: Hooked, data: bytes | None) -> None:
    assert take(hooked, data) == b""
    assert hooked.dropped() == {"payload": 1}
    assert hooked.lines() == []


def test_what_can_be_read_in_spite_of_its_form_is_recorded(hooked: Hooked) -> None:
    text = json.dumps(tool_use("Bash", {"command": "ls"}))
    take(hooked, b"\xef\xbb\xbf " + text.encode() + b"\n\n")
    take(hooked, text.replace('"ls"', '"l\xff"').encode("latin-1"))
    take(hooked, text.replace('"ls"', '"a\tb"').encode())
    take(hooked, text.replace('"ls"', "NaN").encode())
    take(hooked, text.replace('"ls"', '"\\ud800"').encode())
    take(hooked, text.replace('"ls"', "[" * 500 + "]" * 500).encode())
    take(hooked, text.replace('"ls"', '{"a":' * 200 + "1" + "}" * 200).encode())
    commands = [line["feature_json"]["parameters"]["command"] for line in hooked.lines()]
    assert commands[:5] == ["ls", "l\ufffd", "a\tb", None, "?"]
    assert len(commands) == 7
    assert hooked.dropped() == {}


def test_an_object_with_nothing_in_it_is_an_unknown_event(hooked: Hooked) -> None:
    take(hooked, {})
    (line,) = hooked.lines()
    assert (line["feature_json"]["hook_event_name"], line["session_id"], line["project"]) == ("unknown", None, None)


@pytest.mark.parametrize(
    "members",
    [
        {"tool_response": {"stdout": "x" * 10_000_000}},
        {"tool_input": {"command": "x" * 10_000_000}},
        {"tool_input": {f"member{n}": "x" * 100 for n in range(50_000)}},
        {"tool_response": [{"type": "text", "text": "é" * 100}] * 20_000},
        {"error": "x" * 10_000_000},
    ],
)
def test_ten_megabytes_become_a_line_of_ordinary_size(hooked: Hooked, members: dict[str, Any]) -> None:
    take(hooked, tool_use(**members))
    (line,) = hooked.lines()
    assert len(json.dumps(line)) < 64 * 1024
    assert hooked.dropped() == {}


UNNAMED = payload("UserPromptSubmit", prompt="continue")
del UNNAMED["prompt_id"]


@pytest.mark.parametrize(("apart_s", "asked"), [(0.2, 1), (2, 2), (3600, 2), (-5, 1)])
def test_a_prompt_without_an_id_said_again_is_another_and_its_hook_registered_twice_is_not(
    hooked: Hooked, apart_s: float, asked: int
) -> None:
    clock = FakeClock()
    for moment_s in (0, apart_s):
        clock.advance(moment_s)
        hook.run(json.dumps(UNNAMED).encode(), hooked.environ, clock=clock)
    assert len({line["activity_id"] for line in hooked.lines()}) == asked


def test_an_import_names_a_prompt_that_was_said_again_as_the_hook_did(hooked: Hooked, script: Script, read: Read) -> None:
    clock = FakeClock()
    for _ in range(3):
        clock.advance(60)
        hook.run(json.dumps(UNNAMED).encode(), hooked.environ, clock=clock)
        script.prompt("continue")
    script.prompt("continue")  # of this no hook knew
    (queue,) = (hooked.home / "queue").iterdir()
    activities, _ = read(script.path, repeats_of=SessionState(str(queue)).repeats_of)
    imported = [activity.activity_id for activity in activities if activity.activity == "asked"]
    assert imported[:3] == [line["activity_id"] for line in hooked.lines()]
    assert len(set(imported)) == 4
