"""What each ACTIVITY_DURABILITY promises, read from docs/configuration.md and shown on a real server, killed, and cut off from power."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import activity_mcp
from activity_mcp.queue import Lease
from crash.journal import Journal
from disks import segments
from patience import PATIENCE_S, until
from rigs import Rig
from server.wire import RawClient

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "configuration.md"
NOTHING = "nothing"
UNSYNCED = "what was answered in the last `<ms>`, and while the sync then due was running"


class Machine:
    """One state directory, the processes on it, and its power."""

    def __init__(self, home: Path, durability: str) -> None:
        self.home = home
        self.durability = durability
        self.journal = Journal(home)
        home.mkdir(mode=0o700)
        self.queue = json.loads(self.run("status", "--json").stdout)["queue"]["directory"]

    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ACTIVITY_", "CLAUDE_", "CRASH_"))}
        paths = [str(TESTS / "crash" / "seam"), str(Path(activity_mcp.__file__).parents[1]), str(TESTS)]
        given = {
            "ACTIVITY_HOME": str(self.home), "HOME": str(self.home), "ACTIVITY_CUSTOMER": "ada@example.com",
            "ACTIVITY_DURABILITY": self.durability, "PYTHONPATH": os.pathsep.join(paths),
        }  # fmt: skip
        return kept | given | self.journal.environ()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "activity_mcp", *arguments]
        return subprocess.run(command, env=self.environ(), capture_output=True, text=True, check=True, timeout=PATIENCE_S)

    def answered(self, client: RawClient, count: int) -> list[str]:
        """Log so many events; the ids, each of them answered as accepted and as durable as this mode says."""
        ids = []
        for n in range(count):
            client.call(n + 1, "log_event", event_name="tool_event", feature_json={"tool_name": "Bash", "success": True})
            answer = client.receive()["result"]["structuredContent"]
            assert (answer["accepted"], answer["durable"]) == (True, self.durability == "event")
            ids.append(answer["activity_id"])
        return ids

    def arrived(self) -> list[str]:
        """What a flusher of the next boot ships."""
        rig = Rig(Path(self.queue), sink="")
        rig.drain()
        return [row.activity_id for row in rig.warehouse.rows if row.event_name == "tool_event"]

    def wait_for_sync(self) -> None:
        until(lambda: all(self.journal.covers(path) for path in segments(self.queue)))


def promised() -> dict[str, tuple[str, str]]:
    """Mode → what a kill loses, what a power cut loses, as the page says it."""
    rows = re.findall(r"^ *\| `(event|interval:<ms>)`[^|]*\|[^|]*\| ([^|]*) \| ([^|]*) \|$", PAGE.read_text(), re.M)
    return {mode: (kill, power) for mode, kill, power in rows}


@pytest.mark.skipif(not PAGE.exists(), reason="the docs are not part of the wheel; run from a checkout")
def test_the_page_promises_what_is_shown_here() -> None:
    assert promised() == {"event": (NOTHING, NOTHING), "interval:<ms>": (NOTHING, UNSYNCED)}


@pytest.mark.parametrize(
    ("durability", "power_cut", "synced", "survives"),
    [
        ("event", True, False, True),
        ("interval:60000", False, False, True),
        ("interval:60000", True, False, False),  # a minute's worth: the loss that the README warns of
        ("interval:20", True, True, True),
    ],
    ids=["event: a power cut", "interval: a kill", "interval: a power cut within it", "interval: a power cut after it"],
)
def test_a_server_killed_behind_its_last_answer_has_lost_what_its_mode_admits_and_no_more(
    tmp_path: Path, durability: str, power_cut: bool, synced: bool, survives: bool
) -> None:
    machine = Machine(tmp_path / "home", durability)
    leads_elsewhere = Lease(machine.queue)
    assert leads_elsewhere.try_acquire()  # else the server itself would sync, in order to ship
    with RawClient([sys.executable, "-m", "activity_mcp", "serve"], env=machine.environ()) as client:
        client.initialize()
        ids = machine.answered(client, 12)
        if synced:
            machine.wait_for_sync()
        client.process.kill()
        client.process.wait()
    leads_elsewhere.release()
    if power_cut:
        machine.journal.power_cut()
    assert machine.arrived() == (ids if survives else [])
