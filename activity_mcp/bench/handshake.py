"""From the start of a server's process to its first answers: what a user's first prompt waits for.

Three servers in turn: this one, the SDK's bare one, and with npm the TypeScript memory server, which knows ``initialize`` only.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Any

from .loop import FLOOR, SERVER
from .measured import Measured, against
from .memory_server import Unavailable, memory_server
from .raw_client import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Mapping

_INFO = {"name": "raw", "version": "1"}
NEWEST = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": _INFO,
    "io.modelcontextprotocol/clientCapabilities": {},
}
INITIALIZE = ("initialize", {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": _INFO})
DIALECTS: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "server/discover, 2026-07-28": (("server/discover", {"_meta": NEWEST}),),
    "server/discover and tools/list, 2026-07-28": (("server/discover", {"_meta": NEWEST}), ("tools/list", {"_meta": NEWEST})),
    f"initialize and tools/list, {PROTOCOL}": (INITIALIZE, ("tools/list", {})),
}
MAX_OF_MEMORY_SERVER, MAX_OF_BARE_SDK = 0.2, 0.1


def measure_handshake(environ: Mapping[str, str], starts: int) -> list[Measured]:
    """A row for each dialect and each server beside ours."""
    bare = [sys.executable, "-m", FLOOR]
    others = {"the SDK's bare server": (bare, MAX_OF_BARE_SDK)}
    rows: list[Measured] = []
    try:
        others["the TypeScript memory server"] = memory_server(environ), MAX_OF_MEMORY_SERVER
    except Unavailable as error:
        rows.append(Measured(f"the TypeScript memory server: not measured, {error}", 0, "ms"))
    for asked, requests in DIALECTS.items():
        times: dict[str, list[float]] = {name: [] for name in ("ours", *others)}
        for _ in range(starts):
            times["ours"].append(answered_ms([sys.executable, "-m", SERVER, "serve"], requests, environ))
            for name, (command, _most) in others.items():
                known = requests if command is bare else DIALECTS[f"initialize and tools/list, {PROTOCOL}"][: len(requests)]
                times[name].append(answered_ms(command, known, environ))
        rows += [
            against(f"start → {asked}; floor: {name}", median(times["ours"]), median(times[name]), "ms", at_most=most)
            for name, (_command, most) in others.items()
        ]
    return rows


def answered_ms(command: list[str], requests: tuple[tuple[str, dict[str, Any]], ...], environ: Mapping[str, str]) -> float:
    """From the start of the process to the last of these answers, each asked when the one before has come."""
    began = time.perf_counter()
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=dict(environ), **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number, (method, parameters) in enumerate(requests, 1):
            message = {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
            process.stdin.write(json.dumps(message).encode() + b"\n")
            if method == "initialize":
                process.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
            process.stdin.flush()
            await_answer(process.stdout.readline, number)
        elapsed = (time.perf_counter() - began) * 1000
        process.kill()
    return elapsed


def await_answer(read: Any, number: int) -> None:
    while line := read():
        answer = json.loads(line)
        if answer.get("id") == number:
            if "error" in answer:
                raise RuntimeError(str(answer["error"]))
            return
    raise RuntimeError("the server went away")
