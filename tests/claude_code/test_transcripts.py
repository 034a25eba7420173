"""What follows from the lines of a transcript, and what no line may break."""

from __future__ import annotations

import itertools
import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.activity import Origin, derived_id, sha256_hex
from activity_mcp.claude_code.ids import unnamed_prompt_key
from activity_mcp.claude_code.transcripts import TranscriptReader, TranscriptReport
from activity_mcp.claude_code.transcripts.key_set import KeySet
from activity_mcp.clock import iso
from activity_mcp.redaction import Redactor
from claude_code.conftest import Read, Script, unique
from claude_code.hooked import Hooked, payload
from lengths import examples

START_US = 1_790_000_000_000_000
LATER_US = 1_900_000_000_000_000


def events(activities, event_name: str, event_type: str | None = None) -> list[dict[str, Any]]:
    found = [activity.feature_json for activity in activities if activity.event_name == event_name]
    return [event for event in found if event_type is None or event["event_type"] == event_type]


# --- calls


def test_a_call_without_a_result_failed_once_the_session_is_over(script, read) -> None:
    script.prompt("go")
    script.calls("Bash", "t1", {"command": "sleep 999"}, "m1")
    (event,) = events(read(script.path)[0], "tool_event")
    assert (event["success"], event["error"]) == (False, "no result recorded")
    assert "latency_ms" not in event


def test_a_call_without_a_result_is_not_judged_while_the_session_runs(script, read) -> None:
    script.prompt("go")
    script.calls("Bash", "t1", {"command": "make"}, "m1")
    activities, _ = read(script.path, now_us=script.now_us + 60_000_000)
    assert [activity.activity for activity in activities] == ["started_session", "asked"]


def test_calls_that_run_side_by_side_find_their_own_results_but_no_latency(script, read) -> None:
    for call in ("t1", "t2", "t3"):
        script.calls("Bash", call, {"command": call}, "m1")
    script.result("t3", "Exit code 2", is_error=True)
    script.result("t1")
    script.result("t2")
    script.calls("Bash", "t4", {}, "m2")
    script.result("t4", permissionDecision={"decision": "accept", "source": "config"})
    found = {event["tool_use_id"]: event for event in events(read(script.path)[0], "tool_event")}
    assert {call: (event["success"], event.get("latency_ms"), event.get("elapsed_ms")) for call, event in found.items()} == {
        "t1": (True, None, 4000.0),
        "t2": (True, None, 4000.0),
        "t3": (False, None, 1000.0),
        "t4": (True, 1000.0, None),
    }


def test_the_time_a_dialog_stood_open_is_no_latency(script, read) -> None:
    script.calls("Bash", "t1", {}, "m1")
    script.seconds += 60
    script.result("t1", line={"permissionDecision": {"decision": "accept", "source": "user_temporary"}})
    (event,) = events(read(script.path)[0], "tool_event")
    assert (event.get("latency_ms"), event["elapsed_ms"]) == (None, 61_000.0)


DENIALS = [
    ("The user doesn't want to proceed with this tool use. The tool use was rejected", "user-rejected", {"denied": "user"}),
    ("Claude requested permissions to write to /x, but you haven't granted it yet.", "user-rejected", {"denied": "user"}),
    ("Permission to use Bash with command rm -rf build has been denied.", "permission-rule", {"denied": "rule"}),
    ("Permission for this action has been denied. Reason: it is dangerous", "automode-blocked", {"denied": "rule"}),
    ("[Request interrupted by user for tool use]", "cancelled", {"interrupted": True}),
    ("[Tool call interrupted: the session ended before this call's result was recorded]", "interrupted", {"interrupted": True}),
]


@pytest.mark.parametrize("says_kind", [True, False], ids=["newer", "older"])
@pytest.mark.parametrize(("text", "kind", "marks"), DENIALS)
def test_somebodys_no_is_recorded_as_that_and_not_as_a_failure(script, read, text, kind, marks, says_kind) -> None:
    script.calls("Bash", "t1", {"command": "psql -c 'select 1'"}, "m1")
    script.result("t1", text, is_error=True, line={"toolDenialKind": kind} if says_kind else {})
    drafts = [activity for activity in read(script.path)[0] if activity.event_name in ("tool_event", "sql_event")]
    call = drafts[0].feature_json
    assert {name: call.get(name) for name in ("success", "denied", "interrupted", "latency_ms", "elapsed_ms")} == {
        "success": False, "denied": None, "interrupted": None, "latency_ms": None,
        "elapsed_ms": 1000.0 if "interrupted" in marks else None, **marks,
    }  # fmt: skip
    if "denied" in marks:
        assert (len(drafts), "error" in call) == (1, False), "it touched nothing, and nothing went wrong"
    else:
        assert drafts[1].feature_json["interrupted"] is True


def test_a_kind_of_denial_of_next_week_is_a_rules(script, read) -> None:
    script.calls("Bash", "t1", {}, "m1")
    script.result("t1", "something new", is_error=True, line={"toolDenialKind": "moon-phase"})
    assert events(read(script.path)[0], "tool_event")[0]["denied"] == "rule"


def test_the_event_has_the_time_of_the_call_and_a_derived_id(script, read) -> None:
    call = unique("toolu", "t1")
    line = script.calls("Grep", call, {"pattern": "x"}, "m1")
    script.result(call, [{"type": "text", "text": "äb"}, {"type": "image", "source": {"data": "AAAA"}}])
    (activity,) = [activity for activity in read(script.path)[0] if activity.event_name == "tool_event"]
    assert activity.ts == line["timestamp"]
    assert activity.activity_id == derived_id("tool_event", "tool_use_id", call)
    assert (activity.feature_json["result_size"], activity.feature_json["result_type"]) == (3 + 4, "array")


FILE_CALLS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "Read",
        {"file_path": "/a/b.PY"},
        {"file": {"numLines": 7}},
        {"operation": "read", "file_type": "py", "lines_affected": 7},
    ),
    (
        "Write",
        {"file_path": "/a/b", "content": "x\ny"},
        {"type": "create"},
        {"operation": "create", "lines_affected": 2, "bytes_after": 3},
    ),
    (
        "Write",
        {"file_path": "/a/.env", "content": "é\n"},
        {"type": "update", "originalFile": "ab", "structuredPatch": [{"lines": ["-ab", "+é", " c"]}]},
        {"operation": "write", "lines_affected": 2, "bytes_before": 2, "bytes_after": 3},
    ),
    (
        "Edit",
        {"file_path": "/a/b.txt", "old_string": "a", "new_string": "bb"},
        {
            "originalFile": "a-a",
            "oldString": "a",
            "newString": "bb",
            "replaceAll": True,
            "structuredPatch": [{"lines": ["-a", "+b"]}],
        },
        {"operation": "edit", "file_type": "txt", "lines_affected": 2, "bytes_before": 3, "bytes_after": 5},
    ),
    ("MultiEdit", {"file_path": "/a/b.c", "edits": []}, {}, {"operation": "edit", "file_type": "c"}),
    (
        "NotebookEdit",
        {"notebook_path": "/n.ipynb", "new_source": "a\nb\n"},
        {},
        {"operation": "edit", "file_type": "ipynb", "lines_affected": 2},
    ),
]


@pytest.mark.parametrize(("tool", "given_input", "structured", "expected"), FILE_CALLS)
def test_each_of_the_five_file_tools_reports_what_it_did(script, read, tool, given_input, structured, expected) -> None:
    script.calls(tool, "t1", given_input, "m1")
    script.result("t1", structured=structured)
    (event,) = events(read(script.path)[0], "file_event")
    path = given_input.get("file_path") or given_input["notebook_path"]
    assert event == {"file_path": path, "success": True, "git_branch": "main", "tool_use_id": "t1", **expected}


def test_no_other_tool_gives_a_file_event(script, read) -> None:
    for number, (tool, tool_input) in enumerate(
        [("Bash", {"command": "rm x"}), ("Glob", {"pattern": "*"}), ("NotebookRead", {"notebook_path": "/n"})]
    ):
        script.calls(tool, f"t{number}", tool_input, f"m{number}")
        script.result(f"t{number}")
    assert events(read(script.path)[0], "file_event") == []


def test_a_failed_edit_is_a_failed_file_event(script, read) -> None:
    script.calls("Edit", "t1", {"file_path": "/a.py", "old_string": "x", "new_string": "y"}, "m1")
    script.result("t1", "<tool_use_error>String to replace not found in file.</tool_use_error>", "Error: …", is_error=True)
    activities, _ = read(script.path)
    (file,), (tool,) = events(activities, "file_event"), events(activities, "tool_event")
    assert (file["operation"], file["success"], tool["error"]) == ("edit", False, "String to replace not found in file.")


def test_parameters_and_errors_are_redacted_and_cut(script, read) -> None:
    secret = "hun" + "ter22x"
    inside = "x" * 4090 + f" password='{secret}' " + "y" * 9000  # the secret lies across the cut
    script.calls("Bash", "t1", {"command": inside, "token": secret, "edits": [{"old": "é" * 4000}], "timeout": 5}, "m1")
    script.result("t1", f"export DB_PASSWORD={secret} failed " + "z" * 5000, is_error=True)
    (event,) = events(read(script.path)[0], "tool_event")
    assert secret[:4] not in json.dumps(event)
    assert event["parameters"]["token"] == "[redacted:token]"
    assert event["parameters"]["timeout"] == 5
    assert len(event["parameters"]["command"]) == 4096
    assert len(json.dumps(event["parameters"]["edits"], ensure_ascii=False).encode()) <= 4200
    assert event["error"].startswith("export DB_PASSWORD=[redacted:password] failed zzz")
    assert len(event["error"].encode()) == 1024
    assert event["_truncated"] == ["parameters.command", "parameters.edits"]
    assert event["_redacted"] == 3


def test_redaction_that_is_off_leaves_all_as_it_is(script, read) -> None:
    script.calls("Bash", "t1", {"command": "x", "token": "abc"}, "m1")
    script.result("t1")
    (event,) = events(read(script.path, redactor=Redactor(enabled=False))[0], "tool_event")
    assert event["parameters"] == {"command": "x", "token": "abc"}


def test_calls_of_this_very_server_are_left_out(script, read) -> None:
    for number, tool in enumerate(("mcp__activity__get_context", "mcp__plugin_x_activity-mcp__log_event", "mcp__other__query")):
        script.calls(tool, f"t{number}", {}, f"m{number}")
        script.result(f"t{number}")
    activities, reader = read(script.path)
    assert [event["tool_name"] for event in events(activities, "tool_event")] == ["mcp__other__query"]
    assert reader.report.own == 2


# --- responses


M1, M2, M3 = (unique("msg", name) for name in ("m1", "m2", "m3"))


def usage(output: int) -> dict[str, int]:
    return {"input_tokens": 5, "output_tokens": output, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 0}


def test_lines_of_one_response_count_once_with_the_largest_counts(script, read) -> None:
    first = script.says("a", M1, usage(1))
    script.calls("Bash", "t1", {}, M1, usage(40))
    script.result("t1")
    script.calls("Bash", "t2", {}, M1, usage(90))
    script.result("t2")
    script.says("b", M2, usage(3))
    activities, reader = read(script.path)
    one, two = [activity for activity in activities if activity.event_name == "llm_event"]
    assert one.feature_json == {
        "model": "opus", "prompt_tokens": 5, "completion_tokens": 90, "cache_read_tokens": 7, "cache_creation_tokens": 0,
        "total_tokens": 102, "token_source": "transcript", "request_id": f"req_{M1}", "request_kind": "main",
        "cli_version": "2.1.240", "git_branch": "main",
    }  # fmt: skip
    assert (one.ts, one.activity_id) == (first["timestamp"], derived_id("llm_event", "request_id", f"req_{M1}"))
    assert one.revenue_impact is None
    assert two.feature_json["completion_tokens"] == 3
    assert reader.report.tokens["opus"]["total_tokens"] == 102 + 15


def test_a_side_chain_that_replays_its_parent_adds_nothing(script, read) -> None:
    agent = {"isSidechain": True, "agentId": "a1", "requestId": "req_other"}
    script.says("a", M1, usage(10))
    script.says("a", M1, usage(999), **agent)  # while the parent's is open
    script.says("c", M3, usage(30), isSidechain=True, agentId="a1")
    script.says("b", M2, usage(20))
    script.says("a", M1, usage(999), **agent)  # and when it is over
    activities, _ = read(script.path)
    found = {event["request_id"]: event for event in events(activities, "llm_event")}
    assert {name: (event["completion_tokens"], event.get("agent_id")) for name, event in found.items()} == {
        f"req_{M1}": (10, None),
        f"req_{M2}": (20, None),
        f"req_{M3}": (30, "a1"),
    }
    (end,) = events(activities, "session_event", "end")
    assert end["total_tokens"] == sum(event["total_tokens"] for event in found.values())


def test_side_chains_that_run_side_by_side_keep_their_own_responses(script, read) -> None:
    script.says("a", "m1", usage(1), isSidechain=True, agentId="a1")
    script.says("b", "m2", usage(1), isSidechain=True, agentId="a2")
    script.calls("Bash", "t1", {}, "m1", usage(50), isSidechain=True, agentId="a1")
    script.calls("Bash", "t2", {}, "m2", usage(60), isSidechain=True, agentId="a2")
    found = events(read(script.path)[0], "llm_event")
    assert {event["agent_id"]: event["completion_tokens"] for event in found} == {"a1": 50, "a2": 60}


def synthetic(text: str) -> dict[str, Any]:
    return {"id": "m1", "model": "<synthetic>", "content": [{"type": "text", "text": text}]}


def test_what_claude_code_says_in_the_models_name_is_no_response(script, read) -> None:
    script.prompt("go")
    script.line("assistant", message=synthetic("No response requested."))
    activities, reader = read(script.path)
    assert events(activities, "llm_event") == events(activities, "session_event", "turn_end") == []
    assert reader.report.skipped_types == {"synthetic": 1}


# --- prompts and turns


def test_only_what_a_person_asked_is_a_prompt(script, read) -> None:
    script.prompt("first")
    script.prompt([{"type": "text", "text": "second"}, {"type": "image", "source": {}}])
    script.prompt("<command-name>/model</command-name>\n<command-args></command-args>")
    script.prompt("<local-command-stdout>ok</local-command-stdout>")
    script.prompt("<local-command-caveat>Caveat: …</local-command-caveat>")
    script.prompt("<bash-input>ls</bash-input>")
    script.prompt("Caveat: The messages below were generated by the user while running local commands. DO NOT respond")
    script.prompt("<task-notification>done</task-notification>")
    script.prompt("Stop hook feedback: …", isMeta=True)
    script.prompt("This session is being continued", isCompactSummary=True)
    script.prompt("Find all callers", isSidechain=True, agentId="a1")
    script.prompt("from a timer", origin={"kind": "task-notification"})
    script.prompt("[Request interrupted by user for tool use]")
    script.prompt("   ")
    script.line("attachment", attachment={"type": "queued_command", "commandMode": "prompt", "prompt": "third, while working"})
    script.line("attachment", attachment={"type": "queued_command", "commandMode": "task-notification", "prompt": "x"})
    script.line("attachment", attachment={"type": "todo_reminder", "content": []})
    script.prompt("fourth", origin={"kind": "human"}, promptSource="typed", promptId="p4")
    found = events(read(script.path)[0], "session_event", "user_prompt")
    assert [event["excerpt"] for event in found] == ["first", "second", "third, while working", "fourth"]
    assert [event.get("images") for event in found] == [None, 1, None, None]
    assert found[0] == {
        "session_id": "s1", "event_type": "user_prompt", "prompt_hash": sha256_hex("first"), "length": 5, "excerpt": "first",
        "git_branch": "main",
    }  # fmt: skip


@pytest.mark.parametrize("policy", ["hash", "excerpt", "full"])
def test_the_policy_decides_what_is_kept_of_prompts_and_answers(script, read, policy: str) -> None:
    secret = "hun" + "ter22x"
    text = f"  export DB_PASSWORD={secret} " + "word " * 200
    script.prompt(text)
    script.says(text, "m1")
    activities, _ = read(script.path, prompts=policy)
    redacted = Redactor().text(text.strip())
    expected: dict[str, Any] = {"prompt_hash": sha256_hex(text.strip()), "length": len(text.strip())}
    if policy != "hash":
        expected |= {"excerpt": redacted[:300].strip(), "_redacted": 1}
    if policy == "full":
        expected["text"] = redacted
    for event_type in ("user_prompt", "turn_end"):
        (event,) = events(activities, "session_event", event_type)
        known = {"session_id", "event_type", "git_branch"}
        assert {name: value for name, value in event.items() if name not in known} == expected
    assert secret.encode() not in b"".join(activity.line() for activity in activities)


def test_a_full_prompt_of_a_megabyte_is_cut_but_keeps_its_excerpt(script, read) -> None:
    script.prompt("long " * 200_000)
    (event,) = events(read(script.path, prompts="full")[0], "session_event", "user_prompt")
    assert (len(event["text"]), event["_truncated"], event["excerpt"][:9]) == (128 * 1024, ["text"], "long long")


def test_a_turn_ends_with_its_last_message_before_the_next_prompt(script, read) -> None:
    script.prompt("one", promptId="p1")
    script.says("I will look.", "m1")
    script.calls("Bash", "t1", {}, "m1")
    script.result("t1")
    last = script.says("It is done.", "m2")
    script.says("And documented.", "m2")
    script.says("an agent's own words", "m9", isSidechain=True, agentId="a1")
    script.prompt("<command-name>/review</command-name>", promptId="p2")
    script.says("Reviewed.", "m3")
    activities, _ = read(script.path)
    ends = events(activities, "session_event", "turn_end")
    assert [(end["excerpt"], end["prompt_id"]) for end in ends] == [
        ("It is done.\nAnd documented.", "p1"),
        ("Reviewed.", "p2"),
    ]
    first = next(activity for activity in activities if activity.feature_json.get("event_type") == "turn_end")
    assert iso(START_US) < last["timestamp"] < first.ts
    assert first.activity_id == derived_id(
        "session_event", "turn_end", "\0".join(("s1", "p1", sha256_hex("It is done.\nAnd documented.")))
    )


def stopped(activities: list[Any]) -> list[tuple[str, str, str]]:
    found = events(activities, "session_event", "turn_stopped")
    return [(event["prompt_id"], event["reason"], event["excerpt"]) for event in found]


def test_a_turn_that_failed_was_interrupted_or_never_ended_has_concluded_nothing(script, read) -> None:
    script.prompt("one", promptId="p1")
    script.says("I begin.", "m1")
    script.calls("Bash", "t1", {}, "m1")
    script.result("t1")
    script.line("assistant", message=synthetic("API Error: 529 overloaded"), isApiErrorMessage=True)
    script.prompt("two", promptId="p2")
    script.says("Half of", "m2")
    script.prompt("[Request interrupted by user]", promptId="p2")
    script.prompt("three", promptId="p3")
    script.says("I run it.", "m3")
    script.calls("Bash", "t3", {}, "m3")  # and here the process was killed; it was resumed with:
    script.prompt("four", promptId="p4")
    script.calls("Bash", "t4", {}, "m4")
    activities, _ = read(script.path)
    assert events(activities, "session_event", "turn_end") == []
    assert stopped(activities) == [
        ("p1", "failed", "failed: API Error: 529 overloaded"),
        ("p2", "interrupted", "interrupted"),
        ("p3", "unfinished", "unfinished"),
        ("p4", "unfinished", "unfinished"),
    ]


def test_a_turn_that_answers_in_a_form_has_ended_without_a_word_under_the_name_its_hook_gives_it(
    script: Script, read: Read, tmp_path: Path
) -> None:
    """``claude -p --json-schema``: the call of StructuredOutput is the last, once it is accepted."""
    script.prompt("which colour?", promptId="p1")
    script.says("I answer.", "m1")
    script.calls("StructuredOutput", "t1", {"colour": 1}, "m1")
    script.result("t1", "colour: expected string", is_error=True)
    script.calls("StructuredOutput", "t2", {"colour": "red"}, "m2")
    script.calls("Bash", "t3", {}, "m2")
    script.result("t2")
    script.result("t3")
    script.prompt("and which form?", promptId="p2")
    script.calls("StructuredOutput", "t4", {"form": 1}, "m3")
    script.result("t4", "form: expected string", is_error=True)
    activities, _ = read(script.path)
    (end,) = [activity for activity in activities if activity.feature_json.get("event_type") == "turn_end"]
    assert (end.feature_json["prompt_id"], end.feature_json.get("excerpt")) == ("p1", None)
    assert stopped(activities) == [("p2", "unfinished", "unfinished")]
    hooked = Hooked(tmp_path / "home")
    hooked.fire(payload("Stop", prompt_id="p1", last_assistant_message=None))
    assert [line["activity_id"] for line in hooked.lines()] == [end.activity_id]


class OneOfTwo:
    """A process that goes on with a session: each line it writes follows its own last one."""

    def __init__(self, script: Script, name: str, after: str) -> None:
        self._script, self._name, self._last = script, name, after
        self.steps = [self._prompt, self._call, self._result, self._answer, self._prompt_again, self._answer_again]

    def _write(self, write: Callable[..., dict[str, Any]], *arguments: Any, **members: Any) -> None:
        self._last = write(*arguments, parentUuid=self._last, **members)["uuid"]

    def _prompt(self) -> None:
        self._write(self._script.line, "attachment", attachment={"type": "hook_success"})
        self._write(self._script.prompt, f"ask {self._name}", promptId=f"p-{self._name}")
        earlier = iso(self._script.now_us - 1000)  # than the prompt that it follows: it is read before it
        self._write(self._script.line, "attachment", attachment={"type": "skill_listing"}, timestamp=earlier)

    def _call(self) -> None:
        self._write(self._script.calls, "Bash", unique("toolu", self._name), {}, unique("msg", f"1{self._name}"))

    def _result(self) -> None:
        line = {"parentUuid": self._last, "promptId": f"p-{self._name}"}
        self._last = self._script.result(unique("toolu", self._name), line=line)["uuid"]

    def _answer(self) -> None:
        self._write(self._script.says, f"{self._name} is done.", unique("msg", f"2{self._name}"), stop="end_turn")

    def _prompt_again(self) -> None:
        self._write(self._script.prompt, f"ask {self._name} more", promptId=f"q-{self._name}")

    def _answer_again(self) -> None:
        self._write(self._script.says, f"{self._name} is done again.", unique("msg", f"3{self._name}"), stop="end_turn")


def test_two_processes_that_go_on_with_one_session_each_conclude_their_own_turns(tmp_path: Path, read: Read) -> None:
    """In whatever order their lines come: every seventh of 924."""
    for number, turns_of_a in enumerate(itertools.islice(itertools.combinations(range(12), 6), 0, None, 7)):
        script = Script(tmp_path / f"s{number}.jsonl")
        script.prompt("first", promptId="p0")
        before = script.says("First answer.", "m0")["uuid"]
        a, b = OneOfTwo(script, "a", before), OneOfTwo(script, "b", before)
        steps = {True: iter(a.steps), False: iter(b.steps)}
        for place in range(12):
            next(steps[place in turns_of_a])()
        activities, _ = read(script.path)
        ends = {(end["excerpt"], end["prompt_id"]) for end in events(activities, "session_event", "turn_end")}
        assert ends == {("First answer.", "p0")} | {
            (f"{name} is done{more}.", f"{key}-{name}") for name in "ab" for key, more in (("p", ""), ("q", " again"))
        }
        assert stopped(activities) == []
        calls = events(activities, "tool_event")
        assert {call["tool_use_id"].removeprefix("toolu_01")[0]: call["prompt_id"] for call in calls} == {
            "a": "p-a",
            "b": "p-b",
        }


def test_what_a_person_went_back_from_was_concluded_all_the_same(script: Script, read: Read) -> None:
    first = script.prompt("one", promptId="p1", parentUuid=None)
    said = script.says("One is done.", "m1", parentUuid=first["uuid"])
    second = script.prompt("two", promptId="p2", parentUuid=said["uuid"])
    script.says("Two is done.", "m2", parentUuid=second["uuid"])
    again = script.prompt("two, but better", promptId="p3", parentUuid=said["uuid"])
    script.says("Better.", "m3", parentUuid=again["uuid"])
    ends = events(read(script.path)[0], "session_event", "turn_end")
    assert {(end["excerpt"], end["prompt_id"]) for end in ends} == {
        ("One is done.", "p1"),
        ("Two is done.", "p2"),
        ("Better.", "p3"),
    }


def test_a_turn_that_somebody_is_still_at_is_not_judged(script, read) -> None:
    script.prompt("go", promptId="p1")
    script.calls("Bash", "t1", {}, "m1")
    assert stopped(read(script.path, now_us=script.now_us + 60_000_000)[0]) == []


@pytest.mark.parametrize(
    "text",
    [
        "<task-notification>\n<task-id>a1</task-id>\n</task-notification>",
        "<bash-input>echo x</bash-input>",
        "<local-command-stdout>See ya!</local-command-stdout>",
    ],
)
def test_what_begins_a_turn_without_being_a_prompt_names_its_conclusion(script, read, text: str) -> None:
    script.prompt("go", promptId="p1")
    script.says("I wait for it.", "m1")
    script.prompt(text, promptId="p2")
    script.says("It has ended.", "m2")
    activities, _ = read(script.path)
    ends = events(activities, "session_event", "turn_end")
    assert [(end["prompt_id"], end["excerpt"]) for end in ends] == [("p1", "I wait for it."), ("p2", "It has ended.")]
    assert [event["excerpt"] for event in events(activities, "session_event", "user_prompt")] == ["go"]


@pytest.mark.parametrize("flag", ["isMeta", "isSidechain", "isCompactSummary"])
def test_what_is_not_the_users_begins_no_turn(script, read, flag: str) -> None:
    script.prompt("go", promptId="p1")
    script.says("One moment.", "m1")
    script.prompt("a remark", promptId="p2", **{flag: True})
    script.says("Done.", "m2")
    assert [end["excerpt"] for end in events(read(script.path)[0], "session_event", "turn_end")] == ["Done."]


def test_the_end_of_a_session_is_named_by_the_start_that_a_hook_noted(script, read) -> None:
    script.prompt("go", promptId="p1")
    script.says("Done.", "m1")
    end = read(script.path, start_of={"s1": "the-start"}.get)[0][-1]
    assert end.activity_id == derived_id("session_event", "end", "s1\0the-start")


def test_two_turns_that_conclude_alike_are_two(script, read) -> None:
    for number in (1, 2):
        script.prompt(f"do {number}")
        script.says("Done.", f"m{number}")
    assert len(events(read(script.path)[0], "session_event", "turn_end")) == 2


def test_a_prompts_id_is_claude_codes_own_and_else_its_lines(script, read) -> None:
    one = script.prompt("a", promptId="p1")
    two = script.prompt("b", promptId="p1")  # a second prompt of the same id is still another prompt
    script.prompt("c")  # without an id: what a hook would call it
    four = script.prompt("c")
    found = [activity.activity_id for activity in read(script.path)[0] if activity.activity == "asked"]
    keys = (one["promptId"], two["uuid"], unnamed_prompt_key("s1", " c "), four["uuid"])
    assert found == [derived_id("session_event", "user_prompt", key) for key in keys]


def test_lines_written_twice_count_once(script, read) -> None:
    script.prompt("go", promptId="p1")
    script.calls("Read", "t1", {"file_path": "/a.py"}, "m0")
    script.result("t1")
    script.says("working", "m1")
    script.prompt("more")
    script.says("done", "m2")
    text = script.path.read_text(encoding="utf-8")
    once, _ = read(script.path)
    replayed = "".join(text.splitlines(keepends=True)[:4])
    script.path.write_text(text + replayed, encoding="utf-8")
    twice, _ = read(script.path)
    assert [activity.activity_id for activity in twice[:-1]] == [activity.activity_id for activity in once[:-1]]
    assert (once[-1].activity, twice[-1].activity) == ("ended_session", "ended_session")
    assert [event["excerpt"] for event in events(twice, "session_event", "turn_end")] == ["working", "done"]


def test_files_of_one_import_that_repeat_each_other_are_sent_once(script, read, tmp_path: Path) -> None:
    script.prompt("go")
    script.calls("Bash", "t1", {}, "m1")
    script.result("t1")
    script.says("done", "m2")
    copy = tmp_path / "agent-a1.jsonl"
    copy.write_bytes(script.path.read_bytes())
    seen = KeySet()
    assert len(read(script.path, seen=seen)[0]) == 7
    assert read(copy, seen=seen)[0] == []


# --- sessions


def test_several_sessions_of_one_file_are_kept_apart(script, read) -> None:
    script.line("queue-operation", cwd=..., uuid=...)
    script.prompt("one")
    script.says("first", "m1")
    script.session, script.cwd = "s2", "/work/other"
    script.prompt("two", parentUuid=None)
    script.says("second", "m2")
    script.session, script.cwd = "s1", "/work/shop/sub"
    script.prompt("three")
    script.says("third", "m3")
    activities, reader = read(script.path)
    reported = [(activity.session_id, activity.project, activity.activity) for activity in activities]
    assert {entry[:2] for entry in reported} == {("s1", "/work/shop"), ("s2", "/work/other")}, (
        "the project is the first folder's"
    )
    assert reported.count(("s1", "/work/shop", "started_session")) == reported.count(("s1", "/work/shop", "ended_session")) == 1
    assert reported.count(("s1", "/work/shop", "concluded_turn")) == 2
    assert reported.count(("s2", "/work/other", "concluded_turn")) == 1
    start, end = (events(activities, "session_event", kind)[0] for kind in ("start", "end"))
    assert start["session_id"] == "s1"
    assert end == {
        "session_id": "s2", "event_type": "end", "project_path": "/work/other", "cli_version": "2.1.240", "git_branch": "main",
        "session_duration_ms": 1000.0, "total_activities": 4, "total_tokens": 10,
    }  # fmt: skip
    assert reader.report.sessions == {"s1", "s2"}


def test_the_start_is_the_first_time_of_the_session_whatever_line_has_it(script, read) -> None:
    queued = script.line("queue-operation", operation="enqueue", cwd=..., uuid=...)
    script.prompt("one")
    activities, _ = read(script.path)
    assert (activities[0].activity, activities[0].ts) == ("started_session", queued["timestamp"])
    assert activities[0].feature_json["project_path"] == "/work/shop"


def test_a_project_named_late_holds_from_there_on(script, read) -> None:
    script.prompt("one", cwd=...)
    script.prompt("two")
    found = [activity.project for activity in read(script.path)[0] if activity.activity == "asked"]
    assert found == [None, "/work/shop"]


def test_a_subagents_file_starts_and_ends_no_session(script, read) -> None:
    agent = {"isSidechain": True, "agentId": "a1"}
    script.prompt("Find callers", **agent)
    script.calls("Grep", "t1", {}, "m1", **agent)
    script.line(
        "user", message={"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "x"}]}, **agent
    )
    script.says("Two callers.", "m2", **agent)
    activities, _ = read(script.path)
    assert sorted(activity.event_name for activity in activities) == ["llm_event", "llm_event", "tool_event"]
    assert {activity.feature_json["agent_id"] for activity in activities} == {"a1"}
    assert {activity.session_id for activity in activities} == {"s1"}


def test_a_session_that_wrote_within_half_an_hour_has_not_ended(script, read) -> None:
    script.prompt("go")
    script.says("done", "m1")
    just, over = script.now_us + 29 * 60_000_000, script.now_us + 30 * 60_000_000
    assert [activity.activity for activity in read(script.path, now_us=just)[0]] == ["started_session", "asked"]
    assert [activity.activity for activity in read(script.path, now_us=over)[0]] == [
        "started_session", "asked", "called_llm", "concluded_turn", "ended_session",
    ]  # fmt: skip


def test_a_session_whose_clock_was_ahead_ends_when_its_file_was_written_last(script, read) -> None:
    script.prompt("go", timestamp=iso(LATER_US + 400 * 86_400_000_000))
    os.utime(script.path, ns=(script.now_us * 1000,) * 2)
    activities, reader = read(script.path)
    assert [activity.activity for activity in activities][-1] == "ended_session"
    assert reader.mark.is_complete(script.path.stat().st_size, LATER_US, None)


def test_a_project_that_is_not_to_be_recorded_leaves_nothing_and_is_not_forgotten(script, read) -> None:
    script.prompt("go")
    script.says("done", "m1")
    activities, reader = read(script.path, origin_for=lambda session, cwd: None)
    assert (activities, reader.report.ignored, reader.mark) == ([], 5, None)


# --- what no line may break


BROKEN = [
    "not json", "{", '{"type":"user"', "[1,2]", '"text"', "12", "null", "\xff\xfe", "[" * 100_000,
    *('{"a":' * levels + "1" + "}" * levels for levels in (600, 1200, 5000)),
]  # fmt: skip
ODD: list[tuple[str, dict[str, Any]]] = [
    ("message", {"type": "assistant", "message": "text"}),
    ("message", {"type": "user", "message": None}),
    ("message", {"type": "user", "message": ["x"]}),
    ("content", {"type": "assistant", "message": {"id": "m", "content": 5, "usage": {"output_tokens": 1}}}),
    ("content", {"type": "user", "message": {"content": None}}),
    ("usage", {"type": "assistant", "message": {"id": "ma", "content": []}}),
    ("usage", {"type": "assistant", "message": {"id": "mb", "content": [], "usage": None}}),
    ("usage", {"type": "assistant", "message": {"id": "mc", "content": [], "usage": "many"}}),
    (
        "usage",
        {"type": "assistant", "message": {"id": "md", "content": [], "usage": {"input_tokens": "3", "output_tokens": None}}},
    ),
    (
        "usage",
        {"type": "assistant", "message": {"id": "me", "content": [], "usage": {"input_tokens": -3, "output_tokens": True}}},
    ),
    (
        "tool_use",
        {"type": "assistant", "message": {"id": "mf", "usage": {"output_tokens": 1}, "content": [{"type": "tool_use"}]}},
    ),
    (
        "tool_result without its tool_use",
        {"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": "zz"}]}},
    ),
    ("tool_result without its tool_use", {"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": 5}]}}),
    ("timestamp", {"type": "system", "timestamp": "yesterday"}),
    ("timestamp", {"type": "system", "timestamp": 1_790_000_000}),
    ("timestamp", {"type": "system", "timestamp": "2026-13-45T00:00:00Z"}),
    ("sessionId", {"type": "user", "sessionId": 7, "message": {"content": []}}),
]


def test_broken_lines_are_counted_and_cost_no_other(script, read) -> None:
    expected = None
    for round_ in range(2):
        script.prompt("go", uuid=f"u-{round_}")
        script.calls("Bash", f"t{round_}", {"command": "x"}, f"m{round_}")
        script.result(f"t{round_}")
        if round_ == 0:
            script.raw("\n".join(BROKEN).encode("latin-1") + b"\n\n   \n")
            script.raw("".join(json.dumps({"sessionId": "s1", **line}) + "\n" for _, line in ODD))
    activities, reader = read(script.path)
    assert len(events(activities, "tool_event")) == len(events(activities, "session_event", "user_prompt")) == 2
    assert reader.report.malformed == len(BROKEN)
    assert reader.report.lines == 6 + len(BROKEN) + len(ODD)
    expected = {name: sum(kind == name for kind, _ in ODD) for name, _ in ODD}
    assert dict(reader.report.problems) == expected


def test_a_transcript_exported_as_one_list_is_read_like_its_lines(script, read, tmp_path: Path) -> None:
    script.prompt("go")
    script.calls("Bash", "t1", {"command": "x"}, M1)
    script.result("t1")
    plain, _ = read(script.path)
    listed = tmp_path / "listed.jsonl"
    listed.write_text(f"[{','.join(script.path.read_text().splitlines())}]\n")
    activities, reader = read(listed)
    assert {one.activity_id for one in activities} == {one.activity_id for one in plain}
    assert (reader.report.malformed, reader.report.mended) == (0, 1)


def test_unknown_types_are_counted_by_name_apart_from_known_ones_without_events(script, read) -> None:
    for kind in ("system", "summary", "queue-operation", "file-history-snapshot", "brand-new", "brand-new"):
        script.line(kind)
    script.raw('{"no":"type"}\n{"type":5}\n')
    _, reader = read(script.path)
    assert reader.report.skipped_types == {"system": 1, "summary": 1, "queue-operation": 1, "file-history-snapshot": 1}
    assert reader.report.unknown_types == {"brand-new": 2, "[NoneType]": 1, "[int]": 1}


def test_a_file_that_is_no_transcript_does_not_fill_the_report(script, read) -> None:
    script.raw("".join(json.dumps({"type": f"t{number}" * 100}) + "\n" for number in range(500)))
    _, reader = read(script.path)
    assert len(reader.report.unknown_types) <= 51
    assert sum(reader.report.unknown_types.values()) == 500
    assert max(map(len, reader.report.unknown_types)) <= 60


def test_a_line_without_a_time_has_the_one_before(script, read) -> None:
    line = script.prompt("go")
    script.calls("Bash", "t1", {}, "m1", timestamp="soon")
    script.result("t1")
    (activity,) = [activity for activity in read(script.path)[0] if activity.event_name == "tool_event"]
    assert activity.ts == line["timestamp"]
    assert "latency_ms" not in activity.feature_json, "a guessed time measures nothing"


def test_a_file_that_cannot_be_read_is_reported(read, tmp_path: Path) -> None:
    activities, reader = read(tmp_path / "gone.jsonl")
    assert (activities, reader.mark) == ([], None)
    assert reader.report.unreadable == [f"{tmp_path / 'gone.jsonl'}: No such file or directory"]
    assert read(tmp_path)[1].report.unreadable == [f"{tmp_path}: not a regular file"]


def test_reports_of_several_files_add_up(script, read, example) -> None:
    script.prompt("go")
    script.line("brand-new")
    total = TranscriptReport()
    for path in (script.path, example):
        total.add(read(path, now_us=1_900_000_000_000_000)[1].report)
    assert (total.files, total.lines, total.activities["session_event"]) == (2, 35, 2 + 1 + 8)
    assert total.unknown_types == {"brand-new": 1}
    assert total.first_ts_us is not None
    assert total.last_ts_us is not None
    assert total.first_ts_us < total.last_ts_us
    assert len(total.sessions) == 2


_value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["user", "t1", "tool_use"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "id", "name", "input", "content", "text", "usage", "input_tokens", "tool_use_id", "model", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=10,
)
_line = st.fixed_dictionaries(
    {"type": st.sampled_from(["user", "assistant", "attachment", "system"]) | _value},
    optional=dict.fromkeys(
        (
            "message",
            "timestamp",
            "sessionId",
            "cwd",
            "uuid",
            "isMeta",
            "requestId",
            "toolUseResult",
            "attachment",
            "origin",
            "promptId",
            "agentId",
        ),
        _value,
    ),
)


@examples(25, 120)
@given(st.lists(_line, max_size=6))
def test_no_object_whatever_stops_the_import(tmp_path: Path, read, lines: list[dict[str, Any]]) -> None:
    path = tmp_path / "fuzz.jsonl"
    good = {"type": "user", "sessionId": "s9", "uuid": "zz", "message": {"content": "the last line"}}
    path.write_text("".join(json.dumps(line) + "\n" for line in (*lines, good)), encoding="utf-8")
    activities, reader = read(path)
    assert reader.report.lines == len(lines) + 1
    assert sum(event.get("excerpt") == "the last line" for event in events(activities, "session_event", "user_prompt")) == 1


# --- memory


def long_transcript(path: Path, calls: int) -> None:
    output = "a line of output\\n" * 1200
    with open(path, "w", encoding="utf-8") as file:
        for number in range(calls):
            stamp = f"2026-11-01T10:{number // 60 % 60:02d}:{number % 60:02d}.000Z"
            common = f'"sessionId":"s1","cwd":"/w","uuid":"u{number}","timestamp":"{stamp}"'
            use = f'{{"type":"tool_use","id":"t{number}","name":"Bash","input":{{"command":"make"}}}}'
            file.write(
                f'{{"type":"assistant",{common},"message":{{"id":"m{number}","model":"x","content":[{use}],"usage":{{"input_tokens":1,"output_tokens":1}}}}}}\n'
            )
            result = f'{{"type":"tool_result","tool_use_id":"t{number}","content":"{output}"}}'
            file.write(f'{{"type":"user",{common},"message":{{"content":[{result}]}}}}\n')


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    peaks = []
    for calls in (100, 500):  # 2 MB and 10 MB
        long_transcript(path, calls)
        origin = Origin("ada@example.org", "import")
        reader = TranscriptReader(
            str(path),
            origin_for=lambda session, cwd, origin=origin: origin,  # type: ignore[misc]
            redactor=Redactor(),
            prompts="hash",
            now_us=LATER_US,
        )
        tracemalloc.start()
        count = sum(1 for _ in reader)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == 2 * calls + 3
    assert path.stat().st_size > 9_500_000
    assert peaks[1] < peaks[0] + 1_000_000
    assert peaks[1] < 4_000_000


def test_a_call_whose_result_is_longer_than_the_limit_has_not_failed(script, read) -> None:
    script.calls("Read", "toolu_01" + "R" * 22, {"file_path": "/work/big"}, M1)
    script.result("toolu_01" + "R" * 22, "x" * (33 * 1024 * 1024))
    activities, _ = read(script.path)
    (event,) = events(activities, "tool_event")
    assert (event["success"], event["_damaged"], event.get("error")) == (True, True, None)


def test_a_line_longer_than_the_limit_is_passed_over(script, read) -> None:
    script.prompt("before")
    script.raw(b'{"type":"user","message":"' + b"x" * (33 * 1024 * 1024) + b'"}\n')
    script.prompt("after")
    activities, reader = read(script.path)
    assert [event["excerpt"] for event in events(activities, "session_event", "user_prompt")] == ["before", "after"]
    assert (reader.report.lines, reader.report.malformed) == (3, 1)
    assert reader.mark.position == script.path.stat().st_size
