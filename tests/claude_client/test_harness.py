"""The harness itself: its stand-in speaks the API, and its comparison notices what it is there to notice."""

from __future__ import annotations

import dataclasses
import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from claude_client.compare import compare
from claude_client.facts import ToolCall, Truth
from claude_client.lab import Row
from claude_client.report import Report
from claude_client.script import agent, bash, does, fails, says
from claude_client.standin import StandIn
from claude_client.versions import Unavailable, client

TOOLS = [{"name": f"tool{number}"} for number in range(9)]


@pytest.fixture
def api() -> Iterator[StandIn]:
    made = StandIn()
    yield made
    made.close()


def ask(api: StandIn, text: str = "hello", **members: Any) -> tuple[int, bytes]:
    body = {"model": "opus", "tools": TOOLS, "messages": [{"role": "user", "content": text}], "stream": True, **members}
    request = urllib.request.Request(f"{api.url}/v1/messages", json.dumps(body).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def events(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in data.splitlines() if line.startswith(b"data: ")]


def test_a_step_is_streamed_as_a_message_whose_pieces_give_it_whole(api: StandIn) -> None:
    api.play(says("one moment", bash("ls"), thinking="hm"))
    found = events(ask(api)[1])
    deltas = [event["delta"] for event in found if event["type"] == "content_block_delta"]
    types = [delta["type"] for delta in deltas]
    assert types[:3] == ["thinking_delta", "signature_delta", "text_delta"]
    assert set(types[3:]) == {"input_json_delta"}
    assert json.loads("".join(delta["partial_json"] for delta in deltas[3:])) == {"command": "ls"}
    assert found[-2]["delta"]["stop_reason"] == "tool_use"
    api.wait_for(lambda requests: requests[0].is_complete)  # noted behind the last byte, which is here already
    assert api.requests[0].calls[0][0] == "Bash"


def test_each_request_takes_the_next_step_of_the_script_it_belongs_to(api: StandIn) -> None:
    api.play(says("first", agent("deep")), says("second"), deep=[says("from below")])
    for text in ("hello", "[[script:deep]] look", "hello"):
        ask(api, text)
    assert [(request.script, request.step.text) for request in api.requests] == [
        ("main", "first"),
        ("deep", "from below"),
        ("main", "second"),
    ]


def test_an_error_and_a_stream_that_is_cut_are_no_complete_responses(api: StandIn) -> None:
    api.play(fails(529), says("half of it", cut=True))
    status, body = ask(api)
    assert (status, json.loads(body)["error"]["type"]) == (529, "overloaded_error")
    with pytest.raises(Exception, match="IncompleteRead"):
        ask(api)
    assert [request.is_complete for request in api.requests] == [False, False]


# --- the comparison


def row(event: str, source: str = "hook", **features: Any) -> Row:
    return Row("id", "2026-11-28T00:00:00Z", event, source, "s1", "/p", features)


TRUTH = Truth(calls={"t1": ToolCall("Bash", False, "failed")}, prompts=Counter(["do it"]), turns=Counter(["Done."]))
ROWS = [
    row("session_event", event_type="start"),
    row("session_event", event_type="user_prompt", excerpt="do it"),
    row("tool_event", tool_name="Bash", tool_use_id="t1", success=False),
    row("session_event", event_type="turn_end", excerpt="Done."),
    row("session_event", event_type="end"),
]


def faults(rows: list[Row]) -> tuple[int, int, int]:
    verdict = compare(TRUTH, rows, starts=1, ends=1)
    return len(verdict.missing), len(verdict.doubled), len(verdict.wrong)


def test_what_was_recorded_once_and_right_has_no_fault() -> None:
    verdict = compare(TRUTH, ROWS, starts=1, ends=1)
    assert (verdict.faults, verdict.expected, verdict.recorded) == ([], 5, 5)


@pytest.mark.parametrize("at", range(5))
def test_each_fact_that_is_missing_or_doubled_is_a_fault(at: int) -> None:
    assert faults(ROWS[:at] + ROWS[at + 1 :]) == (1, 0, 0)
    assert faults([*ROWS, ROWS[at]]) == (0, 1, 0)


@pytest.mark.parametrize("features", [{"success": True}, {"denied": "user"}, {"interrupted": True}, {"_unanswered": True}])
def test_another_outcome_than_the_transcripts_is_a_fault(features: dict[str, Any]) -> None:
    changed = dataclasses.replace(ROWS[2], features=ROWS[2].features | features)
    assert faults([*ROWS[:2], changed, *ROWS[3:]]) == (0, 0, 1)


def test_a_call_that_is_in_no_transcript_is_a_fault() -> None:
    assert faults([*ROWS, row("tool_event", tool_name="Bash", tool_use_id="t2", success=True)]) == (0, 1, 0)


def test_the_server_s_own_call_recorded_by_a_hook_is_a_fault() -> None:
    truth = dataclasses.replace(TRUTH, calls={**TRUTH.calls, "t2": ToolCall("mcp__activity__get_context", False, "ok")})
    own = row("tool_event", tool_name="mcp__activity__get_context", tool_use_id="t2", success=True)
    assert compare(truth, [*ROWS, own], starts=1, ends=1).doubled


def test_a_response_is_to_be_recorded_with_the_tokens_that_were_served(api: StandIn) -> None:
    api.play(does(bash("ls")))
    ask(api)
    [request] = api.requests
    truth = dataclasses.replace(TRUTH, responses={request.request_id: request})
    tokens = {"prompt_tokens": 12, "completion_tokens": 34, "cache_read_tokens": 2000, "cache_creation_tokens": 100}
    right = row("llm_event", "import", request_id=request.request_id, total_tokens=2146, **tokens)
    assert compare(truth, [*ROWS, right], starts=1, ends=1).faults == []
    half = dataclasses.replace(right, features=right.features | {"completion_tokens": 1})
    assert len(compare(truth, [*ROWS, half], starts=1, ends=1).wrong) == 1
    assert len(compare(truth, ROWS, starts=1, ends=1).missing) == 1


def test_a_turn_that_the_client_left_too_late_to_write_may_be_recorded_once_or_not_at_all() -> None:
    truth = dataclasses.replace(TRUTH, possible_turns=Counter(["Done."]))
    assert [len(compare(truth, ROWS + [ROWS[3]] * times, starts=1, ends=1).faults) for times in range(3)] == [0, 0, 1]
    without = [row for row in ROWS if row.kind != "turn_end"]
    assert compare(truth, without, starts=1, ends=1).missing == ["turn 'Done.': 1 missing of 1"]


def test_the_table_counts_facts_and_names_each_fault() -> None:
    report = Report()
    report.add("2.1.332", "made_up", compare(TRUTH, ROWS[1:], starts=1, ends=1))
    assert report.lines() == [
        "Claude Code 2.1.332: 1 scenarios, 5 facts expected, 4 recorded, 0 doubled, 1 missing, 0 wrong",
        "  2.1.332 made_up: start: 1 missing of 1",
    ]


# --- where the client cannot be had


@pytest.mark.parametrize(
    ("npm", "reason"),
    [
        (None, "there is no npm here"),
        ("echo 'network is out of reach' >&2; exit 1", "network is out of reach"),
        ("mkdir -p node_modules", "no executable for this platform"),
        (
            "d=node_modules/@anthropic-ai/claude-code-made-up; mkdir -p $d; echo '#!/bin/sh' > $d/claude; chmod +x $d/claude",
            "--version prints ''",
        ),
    ],
)
def test_a_client_that_cannot_be_had_or_run_is_unavailable_with_the_reason_and_npm_asked_once(
    npm: str | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, version = tmp_path / "asked", f"9.9.{abs(hash(reason)) % 10**6}"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path) if npm is None else f"{tmp_path}:/usr/bin:/bin")
    if npm is not None:
        (tmp_path / "npm").write_text(f"#!/bin/sh\necho x >> {asked}\n{npm}\n")
        (tmp_path / "npm").chmod(0o755)
    for _ in range(2):
        with pytest.raises(Unavailable, match=reason):
            client(version)
    assert (asked.read_text() if npm is not None else "x\n") == "x\n"
