"""What the product costs a person who starts Claude Code: the time to the first request to the API, and what hooks take.

``python -m claude_client.measure [ROUNDS]``, from tests/; ``make client`` runs it. The configurations take turns, so that a busy
machine is busy for all of them alike.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from claude_client.lab import PRODUCT, Lab
from claude_client.script import bash, does, says
from claude_client.telemetry import Telemetry
from claude_client.versions import Unavailable, client, installed, wanted_versions

MEMORY_SERVER = ("@modelcontextprotocol/server-memory", "2026.8.31")
ROUNDS = 5


class Measured:
    """The samples of one configuration, in milliseconds."""

    def __init__(self) -> None:
        self.first_request: list[float] = []
        self.connected: list[float] = []
        self.hooks: dict[str, list[float]] = defaultdict(list)
        self.with_tools = 0

    def line(self, name: str) -> str:
        connected = f"{statistics.median(self.connected):6.0f}" if self.connected else "     –"
        return (
            f"  {name:24s} first request {statistics.median(self.first_request):6.0f} ms, server connected {connected} ms, "
            f"its tools in the first request {self.with_tools} of {len(self.first_request)}"
        )

    def hook_line(self) -> str:
        medians = [f"{event} {statistics.median(times):.0f}" for event, times in sorted(self.hooks.items())]
        return f"  hooks, ms of wall time as the client reports them: {', '.join(medians)}"


def measure(version: str, rounds: int) -> list[str]:
    """The lines to print for one version. Raises Unavailable."""
    claude = client(version)
    with tempfile.TemporaryDirectory(prefix="cc-start-") as folder:
        labs = {name: Lab(Path(folder) / name.replace(" ", "-"), claude) for name in CONFIGURATIONS}
        found = {name: Measured() for name in labs}
        for name, lab in labs.items():
            CONFIGURATIONS[name](lab)
        for turn in range(rounds + 1):  # the first one warms caches up, and does not count
            for name in list(labs)[:: 1 if turn % 2 else -1]:
                _sample(labs[name], found[name] if turn else Measured())
        for lab in labs.values():
            lab.close()
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    reported = [f"Claude Code {version}, medians of {rounds} starts that take turns (load {load}):"]
    reported += [measured.line(name) for name, measured in found.items()]
    return [*reported, found["ours, as installed"].hook_line()]


def _sample(lab: Lab, into: Measured) -> None:
    telemetry = Telemetry()
    before = len(lab.api.requests)
    lab.api.play(does(bash("echo x"), bash("cat nonexist")), says("Done."))
    printed = lab.ask("measure this", environ=telemetry.environ)
    first = next(request for request in lab.api.requests[before:] if request.kind == "main")
    into.first_request.append((first.time_s - printed.started_s) * 1000)
    into.with_tools += any(tool.startswith("mcp__") for tool in first.tools)
    into.connected += [
        float(record["duration_ms"]) for record in telemetry.named("mcp_server_connection") if record["status"] == "connected"
    ]
    for record in telemetry.named("hook_execution_complete"):
        into.hooks[record["hook_event"]].append(float(record["total_duration_ms"]))
    telemetry.close()


# --- the configurations


def _register(lab: Lab, command: str, *arguments: str, **environ: str) -> None:
    entry = {"type": "stdio", "command": command, "args": list(arguments), "env": environ, "alwaysLoad": True}
    (lab.home / ".claude.json").write_text(json.dumps({"mcpServers": {"activity": entry}}))


def _memory_server(lab: Lab) -> None:
    script = installed(*MEMORY_SERVER) / MEMORY_SERVER[0] / "dist" / "index.js"
    _register(lab, shutil.which("node") or "node", str(script), MEMORY_FILE_PATH=str(lab.directory / "memory.jsonl"))


CONFIGURATIONS: dict[str, Callable[[Lab], object]] = {
    "no server": lambda lab: None,
    "TypeScript memory server": _memory_server,
    "ours, without hooks": lambda lab: _register(lab, str(PRODUCT / "activity-mcp"), "serve"),
    "ours, as installed": lambda lab: lab.product("install"),
}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    for version in wanted_versions():
        try:
            print("\n".join(measure(version, rounds)), flush=True)
        except Unavailable as error:
            print(f"Claude Code {version}: not measured, {error}")


if __name__ == "__main__":
    main()
