"""Importing transcripts: memory that does not grow with the file, whatever its lines are like.

large results   tool results of 20 KB, as files that are read and output that is long make them
small lines     700 bytes each, so that a file of the same size holds thirty times as many events

Each import is the command itself in a process of its own, whose peak is read from the kernel while it runs (VmHWM; Linux), and
beside it that of the child that ships what it records.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from ..clock import SYSTEM_CLOCK, iso
from .measured import Measured, against, bounded
from .peaks import peaks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MB = 1_000_000
HOURS = 4
"""What a file's lines are spread over, up to an hour ago: so that the session is over, and its events are recent."""
LARGE, SMALL = 20_000, 200


def measure(environ: Mapping[str, str], *, few_mb: int = 10, many_mb: int = 100) -> list[Measured]:
    """The peak of importing ``many_mb`` beside that of ``few_mb``, for both kinds of lines."""
    return [
        *import_memory(environ, "large results", LARGE, few_mb, many_mb),
        *import_memory(environ, "small lines", SMALL, few_mb, many_mb),
    ]


def import_memory(environ: Mapping[str, str], name: str, size: int, few_mb: int, many_mb: int) -> list[Measured]:
    """Peak memory and time of one import, beside the peak of a smaller one; each into a warehouse of its own."""
    floor, _, _ = _import(environ, f"{name}-few", size, few_mb)
    peak, child, seconds = _import(environ, f"{name}-many", size, many_mb)
    return [
        against(f"peak memory importing {many_mb} MB of {name}; floor: {few_mb} MB", peak, floor, "MB", at_most=1.5, below=80),
        *([bounded("   and of the child that ships it", child, "MB", below=180)] if child else []),
        Measured(f"   and the time that took, {many_mb} MB", seconds, "s"),
    ]


def _import(environ: Mapping[str, str], name: str, size: int, megabytes: int) -> tuple[float, float, float]:
    """(peak MB, peak MB of its child, seconds) of ``activity-mcp import``, after which nothing waits."""
    home = f"{environ['ACTIVITY_HOME']}/{name.replace(' ', '-')}"
    path = f"{home}.jsonl"
    with open(path, "wb") as file:
        file.writelines(_lines(megabytes * MB, size))
    began = time.perf_counter()
    peak, childs = peaks(["import", path], {**environ, "ACTIVITY_HOME": home})
    return peak, childs, time.perf_counter() - began


def _lines(total: int, size: int) -> Iterator[bytes]:
    """A session that calls a tool, gets its result, and calls the next, until ``total`` bytes are written."""
    start = SYSTEM_CLOCK.time_us() - (HOURS + 1) * 3_600_000_000
    written = number = 0
    while written < total:
        at = iso(start + round(HOURS * 3_600_000_000 * written / total))
        for line in _call(number, at, size):
            text = json.dumps(line, separators=(",", ":")).encode() + b"\n"
            written += len(text)
            yield text
        number += 1


def _call(number: int, at: str, size: int) -> list[dict[str, Any]]:
    call, base = f"toolu_{number:08d}", {"sessionId": "bench", "cwd": "/work/bench", "gitBranch": "main", "timestamp": at}
    tool = ("Bash", {"command": f"make part-{number % 97}"}) if number % 3 else ("Read", {"file_path": f"/work/{number % 500}"})
    block = {"type": "tool_use", "id": call, "name": tool[0], "input": tool[1]}
    message = {
        "id": f"msg_{number:08d}",
        "role": "assistant",
        "model": "model",
        "content": [block],
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }
    result = {"type": "tool_result", "tool_use_id": call, "content": f"line of output {number} " * (size // 20)}
    return [
        {"type": "assistant", "uuid": f"a{number}", **base, "message": message},
        {"type": "user", "uuid": f"u{number}", **base, "message": {"role": "user", "content": [result]}},
    ]
