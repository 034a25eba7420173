"""One session, recorded by its hooks, by its hooks again, and by its transcript: the warehouse holds each fact once.

The hooks' payloads are made from the transcript's lines, at the lines' own times; the real queue and DuckDB do the rest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from activity_mcp import package_files
from activity_mcp.claude_code.hooks import hook
from activity_mcp.clock import parse_iso
from activity_mcp.operations.drain import Drainer
from activity_mcp.operations.import_transcripts import TranscriptImport
from activity_mcp.service import ActivityService
from claude_code.hooked import Hooked
from fakes import FakeClock
from patience import PATIENCE_S

RECORDED = Path(os.environ.get("ACTIVITY_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
EXAMPLE = Path(package_files.path_of("examples", "session.jsonl"))

FACTS = """
    SELECT 'tool' AS fact, tool_use_id AS id, tool_name || success AS reported, 1 AS n FROM VW_TOOL_EVENTS
    UNION ALL SELECT 'file', tool_use_id, operation || file_path || COALESCE(lines_affected, -1), 1 FROM VW_FILE_EVENTS
    UNION ALL SELECT 'sql', query_id, sql || success, 1 FROM VW_SQL_EVENTS
    UNION ALL SELECT event_type, prompt_hash, NULL, COUNT(*) FROM VW_SESSION_EVENTS GROUP BY ALL
    UNION ALL SELECT 'model', NULL, NULL, COUNT(*) FROM VW_LLM_EVENTS
    UNION ALL SELECT 'from', source, NULL, 1 FROM VW_ACTIVITY_STREAM WHERE event_name = 'tool_event' GROUP BY ALL
    ORDER BY ALL"""


def sessions() -> Iterator[Any]:
    yield pytest.param(EXAMPLE, id="example")
    recorded = sorted(RECORDED.glob("*.jsonl"))
    if not recorded:
        reason = f"no recorded sessions in {RECORDED}: set ACTIVITY_TEST_DATA to a folder of transcripts"
        yield pytest.param(None, id="recorded", marks=pytest.mark.skip(reason=reason))
    for path in recorded:
        yield pytest.param(path, id=path.stem)


class AsPayloads:
    """The payloads that Claude Code's hooks would have been given, each with its time."""

    def __init__(self, path: Path) -> None:
        self.payloads: list[tuple[int, dict[str, Any]]] = []
        self._calls: dict[str, dict[str, Any]] = {}
        self._answer: tuple[str, list[str]] = ("", [])
        self._prompt: str | None = None
        self._common: dict[str, Any] = {}
        self._us = 0
        for line in path.read_text(encoding="utf-8").splitlines():
            self._take(json.loads(line))
        self._end_turn()
        self._say("SessionEnd", reason="other")

    def _say(self, event: str, **members: Any) -> None:
        prompt = {"prompt_id": self._prompt} if self._prompt else {}
        self.payloads.append((self._us, {"hook_event_name": event, **self._common, **prompt, **members}))

    def _take(self, line: dict[str, Any]) -> None:
        if line["type"] not in ("user", "assistant") or line.get("isSidechain"):
            return
        first = not self._common
        self._us = parse_iso(line["timestamp"])
        self._common = {"session_id": line["sessionId"], "cwd": line["cwd"], "transcript_path": "/x"}
        if first:
            self._say("SessionStart", source="startup")
        content = line["message"]["content"]
        for block in content if isinstance(content, list) else []:
            if block["type"] == "tool_use":
                call = {"tool_name": block["name"], "tool_input": block["input"], "tool_use_id": block["id"]}
                self._calls[block["id"]] = call
                self._say("PreToolUse", **call)
            elif block["type"] == "tool_result":
                self._result(block, line.get("toolUseResult"))
            elif block["type"] == "text" and line["type"] == "assistant":
                self._hear(line["message"]["id"], block["text"])
        if line["type"] == "user" and isinstance(content, str) and not line.get("isMeta"):
            self._end_turn()
            self._prompt = line.get("promptId")
            self._say("UserPromptSubmit", prompt=content)

    def _result(self, block: dict[str, Any], structured: Any) -> None:
        call = self._calls.pop(block["tool_use_id"])
        if block.get("is_error"):
            self._say("PostToolUseFailure", error="it failed", **call)
        else:
            self._say("PostToolUse", tool_response=structured, duration_ms=5, **call)
            self._say("PostToolBatch", tool_calls=[call | {"tool_response": structured}])

    def _hear(self, message_id: str, text: str) -> None:
        before, texts = self._answer
        self._answer = (message_id, [*(texts if before == message_id else []), text.strip()])

    def _end_turn(self) -> None:
        if self._answer[1]:
            self._say("Stop", last_assistant_message="\n".join(self._answer[1]))
        self._answer = ("", [])


@contextmanager
def warehouse(hooked: Hooked) -> Iterator[Callable[..., list[Any]]]:
    """Imports what it is given, drains the queue, and gives all facts that are in the warehouse then."""
    service = ActivityService.from_environ(hooked.environ, source="cli")

    def facts(*paths: Path) -> list[Any]:
        if paths:
            TranscriptImport(service).run([str(path) for path in paths])
        Drainer(service).drain(PATIENCE_S)
        return [list(row) for row in service.query(FACTS).rows]

    try:
        yield facts
    finally:
        service.close()


@pytest.mark.parametrize("path", list(sessions()))
def test_hooks_hooks_again_and_import_record_each_fact_once(tmp_path: Path, path: Path) -> None:
    payloads = AsPayloads(path).payloads
    hooked = Hooked(tmp_path / "hooked")
    for time_us, members in (*payloads, *payloads):
        hook.run(json.dumps(members).encode(), hooked.environ, clock=FakeClock(time_us))
    with warehouse(Hooked(tmp_path / "imported")) as facts:
        by_import = facts(path)
    with warehouse(hooked) as facts:
        by_both = facts(path)
    assert hooked.dropped() == {}
    separate = {"from"} if '"promptId"' in path.read_text() else {"from", "end"}  # without prompt ids ends have no common name
    assert [fact for fact in by_both if fact[0] not in separate] == [fact for fact in by_import if fact[0] not in separate]
    assert [fact[1] for fact in by_both if fact[0] == "from"] == ["hook"], "of two that tell the same, the hook's row stays"
    assert len(by_both) > 8


def test_a_call_that_only_a_batch_reported_is_recorded_where_claude_code_refused_it(tmp_path: Path) -> None:
    hooked = Hooked(tmp_path / "home")
    refused = "<tool_use_error>File does not exist.</tool_use_error>"
    call = {"tool_name": "Read", "tool_input": {"file_path": "/a.py"}, "tool_use_id": "t1", "tool_response": refused}
    for members in ({"hook_event_name": "PreToolUse", **call}, {"hook_event_name": "PostToolBatch", "tool_calls": [call]}):
        hook.run(json.dumps({"session_id": "s", **members}).encode(), hooked.environ)
    with warehouse(hooked) as facts:
        assert facts() == [
            ["file", "t1", "read/a.py-1", 1],
            ["from", "hook", None, 1],
            ["model", None, None, 0],
            ["tool", "t1", "Readfalse", 1],
        ]
