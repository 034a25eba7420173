"""An older version and this one on the same record at the same time: what each does for the other, and what `install` mends.

    python tools/try_upgrade.py [--from REVISION]       default: the newest tag before this commit

Two environments, one home. An old server beside new hooks and commands, then a new server beside old ones. Every command
either works, or leaves with an error that says to upgrade and has changed nothing; every event that was acknowledged is stored
once, and what Claude Code starts after `install` of the new version is the new version. Needs git and a package index.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from empty_machine import REPO, bare_environ, environment, pip, require, run, step

MAX_WAIT_S = 60
_COUNT = "SELECT COUNT(*) FROM VW_TOOL_EVENTS WHERE tool_name = '{}'"


@dataclass(frozen=True, slots=True)
class Version:
    """One of the two: its name, and the folder of its commands."""

    name: str
    bin: Path

    def command(self, *arguments: str) -> list[str]:
        return [str(self.bin / "activity-mcp"), *arguments]


class Place:
    """The home that both share, and which events somebody was reported are kept."""

    def __init__(self, home: Path) -> None:
        self.home, self.project = home, home / "orders"
        (self.project / ".git").mkdir(parents=True)
        self.environ = {**bare_environ(home), "ACTIVITY_CUSTOMER": "ada@example.org"}
        self.acknowledged: list[str] = []
        self.refused: list[str] = []

    def tries(self, version: Version, *arguments: str, keeps: str | None = None, sent: str = "") -> str:
        """What it printed; a refusal has to say what to do. ``keeps``: the event that this acknowledges."""
        command = version.command(*arguments) if arguments else [str(version.bin / "activity-mcp-hook")]
        done = subprocess.run(
            command, env=self.environ, cwd=self.project, input=sent, capture_output=True, text=True, check=False
        )
        what = f"{version.name} {' '.join(arguments[:2]) or 'hook'}"
        if done.returncode:
            require("upgrade" in done.stderr, f"{what} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
            self.refused.append(f"{what}: {done.stderr.strip()}")
        elif keeps is not None:
            self.acknowledged.append(keeps)
        return done.stdout

    def logs(self, version: Version, event: str) -> None:
        feature = ("--feature", f"tool_name={event}", "--feature", "success=true")
        self.tries(version, "log", "tool_event", *feature, keeps=event)

    def fires(self, version: Version, event: str) -> None:
        """A tool's hook, as Claude Code starts it; a hook acknowledges by having run."""
        payload = {"hook_event_name": "PostToolUse", "session_id": "s1", "cwd": str(self.project), "tool_name": event}
        self.tries(version, keeps=event, sent=json.dumps({**payload, "tool_use_id": f"toolu_{event}", "tool_input": {}}))

    @contextmanager
    def serving(self, version: Version) -> Iterator[None]:
        """A server as Claude Code runs one, until it has greeted; then left at the end of the block."""
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "try-upgrade", "version": "1"}}
        request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        server = subprocess.Popen(version.command("serve"), env=self.environ, cwd=self.project, **pipes)
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        answer = server.stdout.readline()
        if '"serverInfo"' not in answer:
            said = answer + server.communicate(timeout=MAX_WAIT_S)[1]
            require("upgrade" in said, f"the server of {version.name} said:\n{said}")
            self.refused.append(f"{version.name} serve: {said.strip().splitlines()[-1]}")
        yield
        server.communicate(timeout=MAX_WAIT_S)

    def waits_until_stored(self, version: Version) -> None:
        end = time.monotonic() + MAX_WAIT_S
        while time.monotonic() < end:
            said = self.tries(version, "status", "--json")
            if said and json.loads(said)["queue"]["depth_events"] == 0:
                return
            time.sleep(0.2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="revision", help="the older version: a tag or a commit")
    revision = parser.parse_args().revision or _newest_tag()
    with tempfile.TemporaryDirectory(prefix="try-upgrade-") as folder:
        with step(f"installed: {revision}, and this checkout"):
            old, new = _installed(Path(folder), revision), _installed(Path(folder), None)
        place = Place(Path(folder) / "home")
        _together(place, old, new)
        _installs(place, old, new, Path(folder))
    print(f"\n{len(place.acknowledged)} events acknowledged, each stored once; {len(place.refused)} refusals")
    print(*dict.fromkeys(place.refused), sep="\n")
    return 0


def _newest_tag() -> str:
    done = subprocess.run(["git", "describe", "--tags", "--abbrev=0"], cwd=REPO, capture_output=True, text=True, check=False)
    require(done.returncode == 0, "no release yet to upgrade from; name a commit with --from")
    return done.stdout.strip()


def _installed(folder: Path, revision: str | None) -> Version:
    name = "old" if revision else "new"
    source = REPO
    if revision:
        source = folder / "source"
        subprocess.run(["git", "clone", "--quiet", str(REPO), str(source)], check=True)
        subprocess.run(["git", "-c", "advice.detachedHead=false", "checkout", "--quiet", revision], cwd=source, check=True)
    python = environment(folder / name)
    pip(python, [str(source)], constraints=None)
    return Version(name, python.parent)


def _together(place: Place, old: Version, new: Version) -> None:
    """Each leads once, with commands and hooks of both beside it; then the new one has all of it."""
    for leading, other in ((old, new), (new, old)):
        with step(f"a server of the {leading.name} version leads"), place.serving(leading):
            for version in (leading, other):
                place.logs(version, f"log_{version.name}_under_{leading.name}")
                place.fires(version, f"hook_{version.name}_under_{leading.name}")
            place.waits_until_stored(leading)
            place.tries(other, "context", "--json")
            place.tries(other, "query", _COUNT.format("x"), "--json")
    with step("everything is there once"):
        place.tries(new, "flush")
        for event in place.acknowledged:
            rows = json.loads(place.tries(new, "query", _COUNT.format(event), "--json"))["rows"]
            require(rows == [[1]], f"{event} was acknowledged, and is in the warehouse {rows} times")


def _installs(place: Place, old: Version, new: Version, folder: Path) -> None:
    """`install` of the new version names the new one alone, so that the old environment can go."""
    with step("install of the old version, then of the new"):
        run(old.command("install"), place.environ, cwd=place.project)
        run(new.command("install"), place.environ, cwd=place.project)
    for file in (place.home / ".claude.json", place.home / ".claude" / "settings.json"):
        require(str(old.bin) not in file.read_text(encoding="utf-8"), f"{file.name} still names the old version")
    shutil.rmtree(folder / "old")
    checks = json.loads(run(new.command("doctor", "--json"), place.environ, cwd=place.project))["checks"]
    wrong = [check for check in checks if check["name"].endswith("registered") and check["status"] != "ok"]
    require(not wrong, f"doctor says {wrong}")


if __name__ == "__main__":
    sys.exit(main())
