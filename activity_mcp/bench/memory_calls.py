"""A call as today's Claude Code makes it (2026-07-28), beside a call of the TypeScript memory server that answers as much.

Ours is get_context in 2 KB; the memory server's is ``read_graph`` over a graph of 2 KB, in the dialect that it knows. Both
answer in turn while 100 events a second are logged.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from .handshake import INITIALIZE, NEWEST, await_answer
from .loop import SERVER, pacing
from .measured import Measured, against, percentile
from .memory_server import Unavailable, memory_server

if TYPE_CHECKING:
    from collections.abc import Mapping

BYTES = 2048
_MAX_RATIOS = {0.5: 0.6, 0.95: 1.0}


def measure_calls(environ: Mapping[str, str], calls: int) -> list[Measured]:
    """The medians and the 95th percentiles; one row that says why, where there is no memory server."""
    try:
        command = memory_server(environ)
    except Unavailable as error:
        return [Measured(f"calls of the TypeScript memory server: not measured, {error}", 0, "ms")]
    graph = f"{environ['ACTIVITY_HOME']}/graph.jsonl"
    with open(graph, "w") as file:
        file.write(
            json.dumps({"type": "entity", "name": "shop", "entityType": "project", "observations": ["x" * (BYTES - 250)]})
        )
    times: list[float] = []
    floors: list[float] = []
    with ExitStack() as stack:
        stack.enter_context(pacing(environ))
        ours = stack.enter_context(_Lines([sys.executable, "-m", SERVER, "serve"], environ))
        theirs = stack.enter_context(_Lines(command, {**environ, "MEMORY_FILE_PATH": graph}))
        theirs.ask(*INITIALIZE)
        asked: dict[str, Any] = {"name": "get_context", "arguments": {"max_bytes": BYTES}, "_meta": NEWEST}
        for number in range(calls + _WARM_UP):
            took = ours.ask("tools/call", asked)
            floor = theirs.ask("tools/call", {"name": "read_graph", "arguments": {}})
            if number >= _WARM_UP:
                times.append(took)
                floors.append(floor)
            time.sleep(0.004)  # a client that thinks between calls
    return [
        against(
            f"get_context p{share * 100:.0f}, 2026-07-28, 2 KB, 100 events/s beside it; floor: the TypeScript memory server",
            percentile(times, share),
            percentile(floors, share),
            "ms",
            at_most=most,
        )
        for share, most in _MAX_RATIOS.items()
    ]


_WARM_UP = 100


class _Lines:
    """A server behind pipes, asked line by line."""

    def __init__(self, command: list[str], environ: Mapping[str, str]) -> None:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, env=dict(environ), **pipes)
        self._asked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, method: str, parameters: dict[str, Any]) -> float:
        """Milliseconds until the answer has come. Raises RuntimeError where it is an error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked += 1
        message = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": parameters}
        began = time.perf_counter()
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()
        await_answer(self._process.stdout.readline, self._asked)
        return (time.perf_counter() - began) * 1000
