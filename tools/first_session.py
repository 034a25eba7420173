"""From a machine without it to a first session that is recorded and recalled: the commands, and their seconds.

    python tools/first_session.py [--from REQUIREMENT]      default: this checkout

What is timed is what a person types (docs/start/developer.md). Claude Code itself is replayed: its payloads go to the commands
that `install` has registered, and its next session is asked what it was handed. An empty home, an empty environment; uv where
it is there, else pip. Prints the load of the machine beside the numbers. Needs a package index.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from empty_machine import REPO, bare_environ, environment, pip, require, run

PROMPT = "why does the import of orders fail on Mondays"
CONCLUDED = "The exporter writes no header on Mondays; the import now accepts both."
MAX_WAIT_S = 60
SESSION, NEXT = "11111111-2222-4333-8444-555555555555", "22222222-3333-4444-8555-666666666666"


class Step(NamedTuple):
    """A line of the table: what a person would type, and how long it took."""

    command: str
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", default=str(REPO), metavar="REQUIREMENT", help="what is installed")
    source = parser.parse_args().source
    with tempfile.TemporaryDirectory(prefix="first-session-") as place:
        steps = _steps(source, Path(place))
    for step in (*steps, Step("together", sum(step.seconds for step in steps))):
        print(f"{step.seconds:8.2f} s  {step.command}")
    one, _, _ = os.getloadavg()
    print(f"\nPython {sys.version.split()[0]}, {os.cpu_count()} processors, load {one:.1f}")
    return 0


def _steps(source: str, place: Path) -> list[Step]:
    home, project = place / "home", place / "orders"
    home.mkdir()
    (project / ".git").mkdir(parents=True)
    steps: list[Step] = []

    def timed(command: str, action: Callable[[], Any]) -> Any:
        started = time.monotonic()
        answer = action()
        steps.append(Step(command, time.monotonic() - started))
        return answer

    python = timed_install(source, place, timed)
    environ = bare_environ(home, python)
    timed("activity-mcp install", lambda: run(["activity-mcp", "install"], environ, cwd=project))
    registered = json.loads((home / ".claude" / "settings.json").read_text(encoding="utf-8"))["hooks"]

    def fire(payload: dict[str, Any]) -> str:
        hook = registered[payload["hook_event_name"]][0]["hooks"][0]
        sent = json.dumps({"cwd": str(project), "transcript_path": "", **payload})
        return run([hook["command"], *hook.get("args", [])], environ, sent=sent, cwd=project)

    def first_session() -> None:
        [server] = json.loads((home / ".claude.json").read_text(encoding="utf-8"))["mcpServers"].values()
        with _serving([server["command"], *server["args"]], environ, project):
            for payload in _first_session(project):
                fire(payload)
            _wait_until_stored(environ, project)

    timed("(a first session: server, hooks, all of it stored)", first_session)
    handed = timed("(the next session starts)", lambda: fire(_start(NEXT)))
    require(CONCLUDED in handed, f"the next session was handed:\n{handed}")
    question = "SELECT COUNT(DISTINCT session_id) FROM VW_ACTIVITY_STREAM"
    timed("activity-mcp flush", lambda: run(["activity-mcp", "flush"], environ, cwd=project))
    answer = timed(
        f'activity-mcp query "{question}"', lambda: run(["activity-mcp", "query", question, "--json"], environ, cwd=project)
    )
    require(json.loads(answer)["rows"] == [[2]], f"two sessions were recorded, and the warehouse says {answer}")
    return steps


def _wait_until_stored(environ: dict[str, str], project: Path) -> None:
    """Until the server has nothing left to store and the context has all of it: a real session takes longer than that."""
    end = time.monotonic() + MAX_WAIT_S
    while not _is_stored(json.loads(run(["activity-mcp", "status", "--json"], environ, cwd=project))):
        require(time.monotonic() < end, f"the server has stored nothing for {MAX_WAIT_S} s")
        time.sleep(0.2)


def _is_stored(status: dict[str, Any]) -> bool:
    return not status["queue"]["depth_events"] and (status["context"]["as_of"] or "") > (status["queue"]["last_commit"] or "")


@contextmanager
def _serving(command: list[str], environ: dict[str, str], project: Path) -> Iterator[None]:
    """A server as Claude Code runs one beside a session: greeted, and left at its end."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "first-session", "version": "1"}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    server = subprocess.Popen(command, env=environ, cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    require('"serverInfo"' in server.stdout.readline(), "the server did not greet")
    yield
    server.stdin.close()
    require(server.wait(30) == 0, f"the server left with {server.returncode}")


def timed_install(source: str, place: Path, timed: Callable[[str, Callable[[], Any]], Any]) -> Path:
    """An interpreter beside the commands that were installed, or where one would be."""
    uv = shutil.which("uv")
    if uv is None:
        python = environment(place / "environment")
        timed("pipx install activity-mcp", lambda: pip(python, [source], constraints=None))
        return python
    tools = {"UV_TOOL_DIR": str(place / "tools"), "UV_TOOL_BIN_DIR": str(place / "bin"), "UV_CACHE_DIR": str(place / "cache")}
    environ = {**os.environ, **tools}
    timed("uv tool install activity-mcp", lambda: run([uv, "tool", "install", "-q", source], environ))
    return place / "bin" / "python"


def _start(session: str) -> dict[str, Any]:
    return {"hook_event_name": "SessionStart", "session_id": session, "source": "startup"}


def _first_session(project: Path) -> list[dict[str, Any]]:
    read = {"tool_name": "Read", "tool_use_id": "toolu_01A", "tool_input": {"file_path": str(project / "orders.py")}}
    reported: list[dict[str, Any]] = [
        {"hook_event_name": "UserPromptSubmit", "prompt": PROMPT},
        {"hook_event_name": "PostToolUse", **read, "tool_response": {"type": "text"}},
        {"hook_event_name": "Stop", "last_assistant_message": CONCLUDED},
        {"hook_event_name": "SessionEnd", "reason": "exit"},
    ]
    return [_start(SESSION), *({"session_id": SESSION, **payload} for payload in reported)]


if __name__ == "__main__":
    sys.exit(main())
