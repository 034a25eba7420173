"""Any transcript, however it was cut, glued, garbled, reordered and imported, gives the stream of its undamaged lines."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activity_mcp.activity import Activity, Origin
from activity_mcp.claude_code.transcripts import TranscriptReader
from activity_mcp.claude_code.transcripts.copies import LineOwners
from activity_mcp.claude_code.transcripts.key_set import KeySet
from activity_mcp.clock import iso
from activity_mcp.redaction import Redactor
from lengths import examples

START_US = 1_790_000_000_000_000
LATER_US = START_US + 90 * 86_400 * 1_000_000
Line = dict[str, Any]
Fact = tuple[str, str, str, str]


class Generated:
    """One session: turns of a prompt, calls side by side with their results, and an answer, each response on two lines."""

    def __init__(self, chance: random.Random, number: int, *, unique: bool) -> None:
        self.id = f"{number:08d}-0000-4000-8000-000000000000"
        self.lines: list[Line] = []
        self._chance = chance
        self._base = 10_000 * number
        self._us = START_US + number * 7_000_000_000
        self._unique = unique
        self._names = itertools.count()
        self._gateway = itertools.count()
        for turn in range(chance.randint(1, 3)):
            self._turn(turn)

    def _turn(self, turn: int) -> None:
        chance = self._chance
        self._line("user", content=f"question {turn} of {self.id[:8]}")
        for step in range(chance.randint(0, 2)):
            calls = [self._call_id() for _ in range(chance.randint(1, 2))]
            message, spent = self._message_id(), self._base + 100 + 10 * turn + step
            for call in calls:
                use = {"type": "tool_use", "id": call, "name": "Bash", "input": {"command": f"make {call} {turn}.{step}"}}
                self._line("assistant", content=[use], id=message, spent=spent)
            if chance.random() < 0.3:
                self._queued(f"also {turn}.{step} of {self.id[:8]}")
            for call in chance.sample(calls, len(calls)):
                failed = chance.random() < 0.3
                result = {"type": "tool_result", "tool_use_id": call, "content": "é x", "is_error": failed}
                self._line("user", content=[result])
        message = self._message_id()
        for piece in range(2):
            text = {"type": "text", "text": f"answer {turn}.{piece} of {self.id[:8]}"}
            self._line("assistant", content=[text], id=message, spent=self._base + 900 + turn, output=5 + piece)

    def _queued(self, text: str) -> None:
        for operation in ("enqueue", "remove"):
            self._us += 1_000_000
            queued = {"content": text} if operation == "enqueue" else {}
            line = {"type": "queue-operation", "operation": operation, "sessionId": self.id, "timestamp": iso(self._us)}
            self.lines.append(line | queued)

    def _line(self, kind: str, *, content: Any, id: str = "", spent: int = 0, output: int = 7) -> None:  # noqa: A002
        self._us += 1_000_000
        message: Line = {"role": kind, "content": content}
        line = {
            "type": kind, "sessionId": self.id, "uuid": f"{self.id[:8]}-{next(self._names)}", "timestamp": iso(self._us),
            "cwd": "/work/shop", "isSidechain": False, "parentUuid": None,
        }  # fmt: skip
        if len(self.lines) and (parents := [line["uuid"] for line in self.lines if "uuid" in line]):
            line["parentUuid"] = parents[-1]
        if id:
            usage = {"input_tokens": spent, "output_tokens": output}
            message |= {"id": id, "model": "opus", "usage": usage}
            if self._unique:
                line["requestId"] = f"req_{id}"
        self.lines.append(line | {"message": message})

    def _call_id(self) -> str:
        if self._unique:
            return f"toolu_{self.id[:8]}{next(self._names):0>14}"
        return f"functions.Bash:{next(self._gateway)}"

    def _message_id(self) -> str:
        return f"msg_{self.id[:8]}{next(self._names):0>14}" if self._unique else "relay"


def encoded(line: Line) -> bytes:
    return json.dumps(line, ensure_ascii=False).encode()


def damaged(lines: list[Line], chance: random.Random) -> bytes:
    """The lines in a file that lost none of them whole, and is damaged in every way but that."""
    pieces: list[bytes] = []
    for line in lines:
        data = encoded(line)
        how = chance.choice(
            ("whole", "whole", "torn before", "zeros", "glued", "bad byte", "torn alone", "twice", "zeros inside")
        )
        if how == "torn before":
            data = data[: chance.randint(1, len(data) - 1)] + data
        elif how == "torn alone":
            pieces.append(data[: chance.randint(1, len(data) - 1)] + b"\n")
        elif how == "bad byte":
            data = data.replace(b'"cwd"', b'"junk": "\xff\xc3(\x01", "cwd"')
        elif how == "twice" and line.get("operation") != "remove":
            pieces.append(data + b"\n")
        elif how == "zeros inside":
            data = data.replace(b'", "', b'"\0\0, "', 1)
        end = {"zeros": b"\0" * 30 + b"\n", "glued": b""}.get(how, b"\n")
        pieces.append(data + end)
    torn_end = encoded(lines[-1])[: chance.randint(0, 40)] if chance.random() < 0.5 else b""
    return b"".join(pieces) + (b"" if pieces[-1].endswith(b"\n") else b"\n") + torn_end


class Imports:
    """Imports of files one after the other, as the command makes them: each knows what the ones before remembered."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._owners = LineOwners()
        self.stream: dict[str, Activity] = {}

    def take(self, files: list[tuple[str, bytes]]) -> None:
        """One import of these files. The warehouse keeps the first of two rows with one id."""
        seen = KeySet()
        for name, data in files:
            path = self._folder / name
            path.write_bytes(data)
            reader = TranscriptReader(
                str(path),
                origin_for=lambda session, cwd: Origin("ada@example.org", "import", session_id=session, project=cwd),
                redactor=Redactor(),
                prompts="full",
                now_us=LATER_US,
                seen=seen,
                copies=self._owners.of(str(path)),
            )
            for activity in reader:
                self.stream.setdefault(activity.activity_id, activity)

    def facts(self) -> set[Fact]:
        return {
            (activity.activity_id, activity.ts, activity.activity, json.dumps(activity.feature_json, sort_keys=True))
            for activity in self.stream.values()
        }


@examples(25, 120)
@given(seed=st.integers(0, 1 << 32), unique=st.booleans(), shuffled=st.booleans())
def test_any_transcript_gives_the_stream_of_its_undamaged_lines(
    tmp_path: Path, seed: int, unique: bool, shuffled: bool
) -> None:
    chance = random.Random(seed)
    sessions = [Generated(chance, number, unique=unique) for number in range(chance.randint(1, 3))]
    plain = Imports(tmp_path)
    plain.take([(f"{session.id}.jsonl", b"".join(encoded(line) + b"\n" for line in session.lines)) for session in sessions])

    files = [[session.lines] for session in sessions]
    if len(files) > 1 and chance.random() < 0.5:
        files = [[lines for file in files for lines in file]]  # one file of several sessions
    found = Imports(tmp_path)
    groups: list[list[tuple[str, bytes]]] = [[]]
    for number, parts in enumerate(chance.sample(files, len(files))):
        lines = [line for part in parts for line in part]
        if shuffled:
            chance.shuffle(lines)
        groups[-1].append((f"{number}-damaged.jsonl", damaged(lines, chance)))
        if chance.random() < 0.5:
            groups.append([])
    for group in groups:
        found.take(group)
    assert found.facts() == plain.facts()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32), unique=st.booleans(), keeps_session=st.booleans())
def test_a_fork_adds_its_own_lines_alone_whatever_is_imported_first(
    tmp_path: Path, seed: int, unique: bool, keeps_session: bool
) -> None:
    chance = random.Random(seed)
    origin, own = Generated(chance, 1, unique=unique), Generated(chance, 2, unique=unique)
    prompts = [at for at, line in enumerate(origin.lines) if isinstance(line.get("message", {}).get("content"), str)]
    until = chance.choice([*prompts[1:], len(origin.lines)])
    copied = [line if keeps_session else line | {"sessionId": own.id} for line in origin.lines[:until] if "uuid" in line]
    own.lines[0]["parentUuid"] = copied[-1]["uuid"]
    whole = [("origin.jsonl", origin.lines), ("fork.jsonl", copied + own.lines)]
    files = [(name, b"".join(encoded(line) + b"\n" for line in lines)) for name, lines in whole]

    counted = []
    for groups in ([files], [files[::-1]], [files[:1], files[1:]], [files[1:], files[:1]]):
        imports = Imports(tmp_path)
        for group in groups:
            imports.take(group)
        activities = [activity.activity for activity in imports.stream.values()]
        counted.append({name: activities.count(name) for name in activities})
    lines = origin.lines + own.lines
    assert counted[0]["ended_session"] == counted[0]["started_session"] == 2
    assert counted[0]["asked"] == sum(
        isinstance(line.get("message", {}).get("content"), str) or line.get("operation") == "remove" for line in lines
    )
    assert counted == [counted[0]] * 4


@pytest.mark.parametrize("is_error", [True, False])
def test_a_call_whose_result_is_torn_has_not_failed_unless_the_rest_says_so(tmp_path: Path, is_error: bool) -> None:
    lines = Generated(random.Random(5), 1, unique=True).lines
    results = [at for at, line in enumerate(lines) if isinstance(line.get("message", {}).get("content"), list)
               and line["message"]["content"][0]["type"] == "tool_result"]  # fmt: skip
    lines[results[0]]["message"]["content"][0]["is_error"] = is_error
    data = [encoded(line) for line in lines]
    data[results[0]] = data[results[0]][:-4]
    imports = Imports(tmp_path)
    imports.take([("s.jsonl", b"\n".join(data) + b"\n")])
    call = lines[results[0]]["message"]["content"][0]["tool_use_id"]
    (event,) = [one.feature_json for one in imports.stream.values() if one.feature_json.get("tool_use_id") == call]
    assert (event["success"], event["_damaged"]) == (not is_error, True)


def test_a_call_is_not_said_to_have_failed_where_something_behind_it_is_lost(tmp_path: Path) -> None:
    lines = Generated(random.Random(5), 1, unique=True).lines
    at = next(at for at, line in enumerate(lines) if "tool_result" in encoded(line).decode())
    call = lines[at]["message"]["content"][0]["tool_use_id"]
    data = [encoded(line) for line in lines]
    data[at] = data[at][:60]
    imports = Imports(tmp_path)
    imports.take([("s.jsonl", b"\n".join(data) + b"\n")])
    (event,) = [one.feature_json for one in imports.stream.values() if one.feature_json.get("tool_use_id") == call]
    assert (event["success"], event["_damaged"], event["_unanswered"]) == (True, True, True)
    assert "error" not in event
