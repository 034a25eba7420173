"""A hook as a whole process, beside the same interpreter doing nothing, in turn: what every tool call and session start pays.

PostToolUse    the compiled client with a leader that answers it, its fallback (the hook in Python, what `install` writes where
               there is no client), and the console script, on an edit of ordinary size
SessionStart   the same with a context of 6 KB to read and 2,000 characters of it to print
twenty         that many at once on a new queue: how many were recorded, and how long until the last was done
redaction      10 KB of code and commands, in a process that has its patterns; and of nothing but secrets, two in every line
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Any

from ..activity import dump_json
from ..claude_code.hooks.listener import SOCKET_NAME
from ..claude_code.hooks.start_hook import hook_command
from ..claude_code.setup.compiled_hook import PACKAGED, client_command
from ..clock import SYSTEM_CLOCK, iso
from ..config import read_config
from ..context import Snapshot, SnapshotStore
from ..identity import resolve_identity
from ..queue import QueueReader
from ..redaction import Redactor
from .measured import Measured, against, bounded
from .raw_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = "/work/shop"
_MATTERS = ("The nightly report", "An invoice's rounding", "Stock after returns", "The courier's label", "A voucher's expiry")
AT_ONCE = 20
_OLD = "def total(order):\n    return sum(order.lines)\n"
_NEW = "def total(order):\n    return sum(line.amount for line in order.lines)\n"
EDIT: dict[str, Any] = {
    "session_id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "transcript_path": "/home/ada/.claude/projects/-work-shop/3f2504e0-4f89-41d3-9a0c-0305e82c3301.jsonl",
    "cwd": PROJECT,
    "prompt_id": "408a6993-7dc2-4eb7-a2fb-398c3c65eb5f",
    "permission_mode": "default",
    "hook_event_name": "PostToolUse",
    "tool_name": "Edit",
    "tool_input": {"file_path": f"{PROJECT}/app/orders.py", "old_string": _OLD, "new_string": _NEW},
    "tool_response": {
        "filePath": f"{PROJECT}/app/orders.py",
        "oldString": _OLD,
        "newString": _NEW,
        "originalFile": f"import decimal\n\n\n{_OLD}" * 12,
        "structuredPatch": [{"oldStart": 4, "oldLines": 2, "newStart": 4, "newLines": 2, "lines": ["-    old", "+    new"]}],
    },
    "tool_use_id": "toolu_01ABCdefGHIjklMNOpqrSTUv",
    "duration_ms": 12,
}
START = {**EDIT, "hook_event_name": "SessionStart", "source": "startup"}


def measure(environ: Mapping[str, str], *, rounds: int = 60) -> list[Measured]:
    """All of it, in the home of ``environ``."""
    environ = {**environ, "ACTIVITY_CUSTOMER": "bench@example.com"}
    floor = [sys.executable, "-c", "pass"]
    alone = {"in Python": hook_command(), "console script": _console_script()}
    ways = {"compiled client": _compiled(environ), **alone}
    rows = []
    if not ways["compiled client"]:
        rows.append(Measured("compiled client: not measured, this package was built without it", 0, "ms"))
    with RawClient("activity_mcp", ["serve"], environ=environ) as server:
        _wait_for_listener(server, environ)
        rows += _in_processes("PostToolUse", EDIT, environ, floor, ways, rounds, fallback_most=1.6)
    _publish_context(environ)  # a leader would replace it by one of its own, so none runs: the client goes the long way
    rows += _in_processes("SessionStart, 6 KB of context", START, environ, floor, alone, rounds, fallback_most=2.5)
    return [*rows, *_at_once(environ), *_redaction()]


def _compiled(environ: Mapping[str, str]) -> list[str]:
    return client_command(read_config(environ), PACKAGED) if os.access(PACKAGED, os.X_OK) else []


def _wait_for_listener(server: RawClient, environ: Mapping[str, str]) -> None:
    """Until the server leads and listens; a hook that comes earlier takes the long way."""
    server.call("get_context", {})
    path, deadline = os.path.join(read_config(environ).queue_dir, SOCKET_NAME), time.monotonic() + 20
    while not os.path.exists(path) and time.monotonic() < deadline:
        time.sleep(0.05)


def _in_processes(
    what: str,
    payload: dict[str, Any],
    environ: Mapping[str, str],
    floor: list[str],
    ways: Mapping[str, list[str]],
    rounds: int,
    *,
    fallback_most: float,
) -> list[Measured]:
    commands = {"floor": floor, **{way: command for way, command in ways.items() if command}}
    times = in_turn(commands, dump_json(payload), environ, rounds)
    return [
        against(
            f"{what}, whole process, {way}; floor: python -c pass, p50",
            median(times[way]) * 1000,
            median(times["floor"]) * 1000,
            "ms",
            at_most=0.5 if way == "compiled client" else fallback_most,
        )
        for way in commands
        if way != "floor"
    ]


def in_turn(commands: Mapping[str, list[str]], data: bytes, environ: Mapping[str, str], rounds: int) -> dict[str, list[float]]:
    """Seconds from start to end of each command, in turn, round by round, so that a busy machine is busy for all."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 3):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, input=data, env=dict(environ), stdout=subprocess.DEVNULL, check=True)
            if number >= 3:  # the first ones fill the page cache
                times[name].append(time.perf_counter() - began)
    return times


def _console_script() -> list[str]:
    path = os.path.join(os.path.dirname(sys.executable), "activity-mcp-hook")
    return [path] if os.access(path, os.X_OK) else []


def _publish_context(environ: Mapping[str, str]) -> None:
    """A snapshot of some 6 KB for the project."""
    config, now = read_config(environ), SYSTEM_CLOCK.time_us()
    text = "The nightly report counts some late orders twice; the join has to be on the shipment, not on the order. "
    blob = {
        "recent_sessions": [
            {
                "session_id": f"s{n}",
                "last_ts": iso(now - n * 10**9),
                "asked": f"{_MATTERS[n]} is wrong since the last release: why, and where? " * 3,
                "concluded": f"{_MATTERS[n]} counted {_MATTERS[-n]} twice; {text}" * 2,
                "git_branch": "main",
            }
            for n in range(5)
        ],
        "recent_files": [
            {"file_path": f"{PROJECT}/app/{n}.py", "operation": "edit", "ts": iso(now - n * 10**9)} for n in range(20)
        ],
        "recent_queries": [
            {"activity_id": f"q{n}", "sql": f"SELECT {text}", "rows": 4, "ts": iso(now - n * 10**9)} for n in range(10)
        ],
    }
    customer = resolve_identity(config.home, environ, config.customer).customer
    SnapshotStore(os.path.join(config.queue_dir, "context")).publish(Snapshot(customer, PROJECT, blob, {}, now, 1))


def _at_once(environ: Mapping[str, str]) -> list[Measured]:
    """Twenty hooks whose inputs end at the same moment, on a queue that none of them has made yet."""
    environ = {**environ, "ACTIVITY_HOME": os.path.join(environ["ACTIVITY_HOME"], "at-once")}
    started = [subprocess.Popen(hook_command(), stdin=subprocess.PIPE, env=environ) for _ in range(AT_ONCE)]
    for number, process in enumerate(started):
        assert process.stdin is not None
        process.stdin.write(dump_json({**EDIT, "tool_use_id": f"toolu_{number}"}))
        process.stdin.flush()
    began = time.perf_counter()
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
    for process in started:
        process.wait()
    elapsed = time.perf_counter() - began
    recorded = QueueReader(read_config(environ).queue_dir).backlog(None).events // 2  # each edit is a tool and a file event
    return [
        Measured(f"{AT_ONCE} hooks at once, recorded", recorded, "calls", target=f"= {AT_ONCE} calls", met=recorded == AT_ONCE),
        Measured(f"{AT_ONCE} hooks at once, until the last has ended", elapsed * 1000, "ms"),
    ]


def _redaction() -> list[Measured]:
    """Processor time, for it is what redaction takes: nothing in it waits."""
    plain = "".join(f"{_NEW}$ git log --oneline -- app/{n}.py | head -{n}  # the key point of token {n}\n" for n in range(200))
    secret = "".join(f"export DB_PASSWORD=hunter{n}x && psql postgres://app:hunter{n}x@db/x\n" for n in range(200))
    ordinary, hostile = _spent_ms(plain[:10_240]), _spent_ms(secret[:10_240])
    return [
        bounded("redaction of 10 KB of code and commands, processor time, p50", ordinary, "ms", below=1),
        Measured("redaction of 10 KB with two secrets in every line, processor time, p50", hostile, "ms"),
    ]


def _spent_ms(text: str) -> float:
    times = []
    for _ in range(50):
        began = time.process_time()
        Redactor().text(text)
        times.append(time.process_time() - began)
    return median(times) * 1000
