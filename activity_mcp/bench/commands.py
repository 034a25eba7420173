"""Commands as whole processes: processor time (user and system) beside ``python -c pass``, each command in turn with it.

Scripts and status lines call these again and again. ``context`` is answered from the snapshot that is there, with an event over
it; of ``doctor`` what counts is its first line, which a person waits for (Linux).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from statistics import median
from typing import TYPE_CHECKING

from ..activity import dump_json
from ..fs import LOCAL
from .measured import Measured, against

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WITHOUT_WAREHOUSE, FROM_SNAPSHOT = 4.0, 12.0
_LOG = ("log", "tool_event", "--feature", "tool_name=deploy", "--feature", "success=true")
_STATUS = dump_json({"session_id": "s1", "cwd": "/work/shop", "model": {"id": "m"}, "cost": {"total_cost_usd": 0.25}})
_COMMANDS: dict[str, tuple[tuple[str, ...], float]] = {
    "--help": (("--help",), WITHOUT_WAREHOUSE),
    "--version": (("--version",), WITHOUT_WAREHOUSE),
    "status": (("status",), WITHOUT_WAREHOUSE),
    "log": (_LOG, WITHOUT_WAREHOUSE),
    "statusline": (("statusline",), WITHOUT_WAREHOUSE),
    "context": (("context",), FROM_SNAPSHOT),
    "context --json": (("context", "--json"), FROM_SNAPSHOT),
}


def measure(environ: Mapping[str, str], *, rounds: int = 15) -> list[Measured]:
    """Medians of the ratios, in the home of ``environ``."""
    environ = {**environ, "ACTIVITY_CUSTOMER": "bench@example.com"}
    for command in (_LOG, ("context",), _LOG):  # a snapshot, and an event that is not in it
        _processor_s(_ours(*command), environ)
    rows = [_row(name, _ours(*command), most, environ, rounds) for name, (command, most) in _COMMANDS.items()]
    return [*rows, _first_line(environ, rounds)] if os.path.isdir("/proc/self/task") else rows


def _ours(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from activity_mcp.__main__ import main; main()", *arguments]


_FLOOR = [sys.executable, "-c", "pass"]


def _row(name: str, command: Sequence[str], most: float, environ: Mapping[str, str], rounds: int) -> Measured:
    pairs = [(_processor_s(command, environ), _processor_s(_FLOOR, environ)) for _ in range(rounds)]
    return _beside(f"`{name}`, processor time of the process; floor: python -c pass", pairs, most)


def _first_line(environ: Mapping[str, str], rounds: int) -> Measured:
    pairs = [(_to_first_line_s(_ours("doctor"), environ), _processor_s(_FLOOR, environ)) for _ in range(rounds)]
    return _beside("`doctor`, processor time to its first line; floor: python -c pass", pairs, WITHOUT_WAREHOUSE)


def _beside(what: str, pairs: list[tuple[float, float]], most: float) -> Measured:
    ours, floor = (median(times) * 1000 for times in zip(*pairs, strict=True))
    return against(what, ours, floor, "ms", at_most=most)


def _processor_s(command: Sequence[str], environ: Mapping[str, str]) -> float:
    process = subprocess.Popen(
        command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin:  # most do not read it
        process.stdin.write(_STATUS)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


def _to_first_line_s(command: Sequence[str], environ: Mapping[str, str]) -> float:
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        used_ns = int(LOCAL.read(f"/proc/{process.pid}/schedstat").split()[0])
        process.kill()
    return used_ns / 1e9
