"""Histories out of recorded transcripts: what somebody's sessions really held, with the facts that the next session needs.

The transcripts of one directory of work are one history. Their times are moved so that the newest ends ``AGE_US`` ago, and they
go through the importer as any others.

**The needed facts**, from the lines of the transcripts alone, by a rule that looks at what happened and never at what is shown:

    concluded   the last words of the newest session, where it ended with words
    open        what was asked last, where no words came after it
    failing     each shell command whose newest outcome is a failure; a search that found nothing, a commit of nothing are none
    commit      the subject of each commit that git printed
    file        the three files that were edited most
    habit       each shell command that succeeded three times

Prose is shown by a line that holds its first three words of five letters or more.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...clock import SYSTEM_CLOCK, iso, parse_iso
from ...operations.drain import Drainer
from ...operations.import_transcripts import TranscriptImport
from ...service import ActivityService
from ...warehouse import Scope
from .histories import HOUR, History, Need, Recorded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Line = dict[str, Any]

AGE_US = HOUR
_WORD = re.compile(r"[A-Za-z0-9_]{5,}")
_COMMIT = re.compile(r"^\[[^\]\n]+ [0-9a-f]{7,}\] (.+)$", re.MULTILINE)
_EDITS = ("Edit", "MultiEdit", "Write", "NotebookEdit")
_NO_FAILURE = re.compile(r"^(grep|rg|diff|test|which)\b|nothing to commit")
_NOT_ASKED = ("Stop hook feedback:", "<", "[Request interrupted", "Caveat:")


def recorded_histories(
    directory: str, environ: Mapping[str, str], customer: str
) -> tuple[list[History], dict[str, dict[str, Any]]]:
    """The histories of the transcripts in ``directory``, and the context of each by its project; none where there are none.

    ``environ`` names a home of its own, in which the importer, the leader's work and the warehouse run.
    """
    transcripts = sorted(_transcripts(directory), key=lambda each: each.ended_us)
    if not transcripts:
        return [], {}
    now_us = SYSTEM_CLOCK.time_us()
    later_us = now_us - AGE_US - transcripts[-1].ended_us
    home = Path(environ["ACTIVITY_HOME"])
    copies = [_copy(each, home / "transcripts", later_us) for each in transcripts]
    service = ActivityService.from_environ({**environ, "ACTIVITY_CUSTOMER": customer}, source="cli")
    try:
        TranscriptImport(service).run(copies)
        Drainer(service).drain(600)
        projects = sorted({each.project for each in transcripts})
        histories = [_history(project, transcripts, service, now_us) for project in projects]
        scopes = [Scope(customer, project) for project in projects]
        contexts = service.warehouse.contexts(scopes, service.queue.queue_id)
    finally:
        service.close()
    return histories, {row.scope.project: row.blob for row in contexts}


@dataclass(slots=True)
class _Transcript:
    """One transcript as its lines say: calls are (tool, input, result, failed), words are the assistant's."""

    lines: list[Line]
    project: str
    ended_us: int
    asked: list[str] = field(default_factory=list)
    calls: list[tuple[str, Line, str, bool]] = field(default_factory=list)
    last_words: str = ""
    text: list[str] = field(default_factory=list)


def _transcripts(directory: str) -> Iterator[_Transcript]:
    for path in sorted(Path(directory).rglob("*.jsonl")):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        places = [line["cwd"] for line in lines if line.get("cwd")]
        times = [parse_iso(line["timestamp"]) for line in lines if line.get("timestamp")]
        if places and times:
            yield _read(_Transcript(lines, places[0], max(times)))


def _read(transcript: _Transcript) -> _Transcript:
    calls: dict[str, tuple[str, Line]] = {}
    for line in transcript.lines:
        if line.get("isSidechain") or line.get("type") not in ("user", "assistant"):
            continue
        content = line["message"]["content"]
        blocks: list[Line] = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for block in blocks:
            if block["type"] == "text" and line["type"] == "user":
                _take_prompt(transcript, line, block["text"])
            elif block["type"] == "text":
                transcript.last_words = block["text"]
                transcript.text.append(f"assistant: {block['text']}")
            elif block["type"] == "tool_use":
                calls[block["id"]] = block["name"], block["input"]
                transcript.text.append(f"{block['name']} {json.dumps(block['input'])}")
            elif block["type"] == "tool_result" and block["tool_use_id"] in calls:
                result = _plain(block.get("content"))
                transcript.calls.append((*calls[block["tool_use_id"]], result, block.get("is_error") is True))
                transcript.text.append(result)
    return transcript


def _take_prompt(transcript: _Transcript, line: Line, text: str) -> None:
    if not line.get("isMeta") and not text.startswith(_NOT_ASKED):
        transcript.asked.append(text)
        transcript.last_words = ""
    transcript.text.append(f"user: {text}")


def _plain(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(block.get("text", "")) for block in content if isinstance(block, dict))
    return str(content or "")


def _copy(transcript: _Transcript, folder: Path, later_us: int) -> str:
    """The transcript with its times moved, in a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{len(os.listdir(folder)):04d}.jsonl"
    moved = [
        {**line, "timestamp": iso(parse_iso(line["timestamp"]) + later_us)} if line.get("timestamp") else line
        for line in transcript.lines
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in moved), encoding="utf-8")
    return str(path)


def _history(project: str, transcripts: list[_Transcript], service: ActivityService, now_us: int) -> History:
    mine = [each for each in transcripts if each.project == project]
    history = service.adapter.history
    stored = history.between(0, now_us) if history is not None else ()
    made = [
        Recorded(row.ts_us, row.event_name, json.loads(row.feature_json or "{}"), row.session_id or "", project)
        for row in sorted(stored, key=lambda row: row.ts_us)
        if row.project == project
    ]
    lines = [(each.ended_us, line) for each in mine for text in each.text for line in text.splitlines()]
    return History(project, now_us, made, lines, list(_needs(mine)))


def _needs(transcripts: list[_Transcript]) -> Iterator[Need]:
    newest = transcripts[-1]
    if newest.last_words:
        yield Need("concluded", _marks(newest.last_words))
    elif newest.asked:
        yield Need("open", _marks(newest.asked[-1]))
    calls = [call for each in transcripts for call in each.calls]
    for command in _failing(calls):
        yield Need("failing", (_beginning(command),))
    for _, _, result, _ in calls:
        yield from (Need("commit", _marks(subject)) for subject in _COMMIT.findall(result))
    edited = Counter(given["file_path"] for tool, given, _, failed in calls if tool in _EDITS and not failed)
    for path, _ in sorted(edited.items(), key=lambda item: (-item[1], item[0]))[:3]:
        yield Need("file", (path.rpartition("/")[2],))
    worked = Counter(given["command"] for tool, given, _, failed in calls if tool == "Bash" and not failed)
    for command, times in worked.items():
        if times >= 3 and not command.startswith("git "):
            yield Need("habit", (_beginning(command),))


def _failing(calls: Iterable[tuple[str, Line, str, bool]]) -> list[str]:
    outcomes: dict[str, tuple[bool, str]] = {}
    for tool, given, result, failed in calls:
        if tool == "Bash":
            outcomes[given["command"]] = failed, result
    return [
        command
        for command, (failed, result) in outcomes.items()
        if failed and not _NO_FAILURE.search(command) and not _NO_FAILURE.search(result)
    ]


def _beginning(command: str) -> str:
    return command.splitlines()[0][:40].rstrip()


def _marks(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text)[:3])
