"""Transcripts for tests: the project's own example, recorded sessions where they are at hand, and written ones."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.activity import Activity, Origin
from activity_mcp.claude_code.transcripts import FileMark, TranscriptReader
from activity_mcp.clock import iso
from activity_mcp.redaction import Redactor

REPO = Path(__file__).resolve().parents[2]
START_US = 1_790_000_000_000_000
LATER_US = START_US + 48 * 3600 * 1_000_000
"""Two days after the written sessions: they are quiet."""


def unique(kind: str, name: str) -> str:
    """An id as Anthropic gives it, unique in the world: ``msg_…`` and ``toolu_…``."""
    return f"{kind}_01{name:A<22}"


class Script:
    """Writes a transcript line by line, a second apart, as Claude Code does."""

    def __init__(self, path: Path, session: str = "s1", cwd: str = "/work/shop") -> None:
        self.path = path
        self.session = session
        self.cwd = cwd
        self.seconds = 0
        self._uuids = 0

    @property
    def now_us(self) -> int:
        return START_US + self.seconds * 1_000_000

    def line(self, type: str, **members: Any) -> dict[str, Any]:  # noqa: A002
        self.seconds += 1
        self._uuids += 1
        line = {
            "type": type, "sessionId": self.session, "cwd": self.cwd, "version": "2.1.240", "gitBranch": "main",
            "isSidechain": False, "uuid": f"{self.session}-u{self._uuids}", "timestamp": iso(self.now_us),
        } | members  # fmt: skip
        self.raw(json.dumps({name: value for name, value in line.items() if value is not ...}) + "\n")
        return line

    def raw(self, text: str | bytes) -> None:
        with open(self.path, "ab") as file:
            file.write(text if isinstance(text, bytes) else text.encode())

    def prompt(self, content: Any, **members: Any) -> dict[str, Any]:
        return self.line("user", message={"role": "user", "content": content}, **members)

    def says(self, text: str, id: str, usage: Any = ..., **members: Any) -> dict[str, Any]:  # noqa: A002
        return self._assistant({"type": "text", "text": text}, id, usage, **members)

    def calls(self, tool: str, call: str, input: Any, id: str, usage: Any = ..., **members: Any) -> dict[str, Any]:  # noqa: A002
        return self._assistant({"type": "tool_use", "id": call, "name": tool, "input": input}, id, usage, **members)

    def _assistant(self, block: dict[str, Any], id: str, usage: Any, **members: Any) -> dict[str, Any]:  # noqa: A002
        if usage is ...:
            usage = {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 4}
        message = {"id": id, "model": "opus", "role": "assistant", "content": [block], "usage": usage}
        if "stop" in members:
            message["stop_reason"] = members.pop("stop")
        return self.line("assistant", **({"message": message, "requestId": f"req_{id}"} | members))

    def result(
        self,
        call: str,
        content: Any = "done",
        structured: Any = ...,
        line: dict[str, Any] | None = None,
        **block: Any,
    ) -> dict[str, Any]:
        found = {"type": "tool_result", "tool_use_id": call, "content": content, **block}
        return self.line("user", message={"role": "user", "content": [found]}, toolUseResult=structured, **(line or {}))


Read = Callable[..., tuple[list[Activity], TranscriptReader]]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    return Script(tmp_path / "s1.jsonl")


@pytest.fixture
def read() -> Read:
    """Reads a transcript to its end: the activities, and the reader with its report and mark."""

    def run(
        path: Path | str, *, now_us: int = LATER_US, prompts: str = "excerpt", mark: FileMark | None = None, **options: Any
    ) -> tuple[list[Activity], TranscriptReader]:
        options.setdefault(
            "origin_for", lambda session, cwd: Origin("ada@example.org", "import", session_id=session, project=cwd)
        )
        options.setdefault("redactor", Redactor())
        reader = TranscriptReader(str(path), prompts=prompts, now_us=now_us, mark=mark, **options)
        return list(reader), reader

    return run


def recorded_sessions() -> list[Path]:
    folder = Path(os.environ.get("ACTIVITY_TEST_DATA") or REPO.parent / "shared" / "data")
    return sorted(folder.glob("*.jsonl"))


@pytest.fixture
def example() -> Path:
    return REPO / "examples" / "session.jsonl"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``session`` is the example and each recorded session; without recordings their test is skipped, and says so."""
    if "session" not in metafunc.fixturenames:
        return
    found = [pytest.param(path, id=path.stem) for path in (REPO / "examples" / "session.jsonl", *recorded_sessions())]
    if len(found) == 1:
        reason = "no recorded sessions: set ACTIVITY_TEST_DATA to a folder of transcripts"
        found.append(pytest.param(None, id="recorded", marks=pytest.mark.skip(reason=reason)))
    metafunc.parametrize("session", found)
