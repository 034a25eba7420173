"""Writers and flushers of every kind, killed again and again: what was acknowledged is what is in the warehouse, each once.

``--crash-seconds N`` runs the loops for longer (``make crash``), ``--crash-seed S`` repeats one; the seed is always printed.
The moments of the kills are the machine's, so a seed repeats the faults and not their exact interleaving.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb

from activity_mcp.queue import QueueReader, open_queue
from activity_mcp.warehouse.memory import MemoryWarehouse
from crash.loop import KillLoop
from crash.remote import WarehouseServer
from disks import segments
from patience import PATIENCE_S
from rigs import Rig


def test_two_flushers_without_a_lease_ship_each_acknowledged_event_once_into_memory(
    tmp_path: Path, crash_seconds: float, crash_seed: int
) -> None:
    """The double lives in this process, so that it survives its flushers; nobody holds a lease, so that only the offset's
    compare-and-set keeps them apart."""
    directory, warehouse = str(tmp_path / "queue"), MemoryWarehouse()
    queue = open_queue(directory, sink="memory")
    with WarehouseServer(str(tmp_path / "socket"), warehouse) as server, KillLoop(tmp_path / "loop", crash_seed) as loop:
        for slot, durability in (("a", "event"), ("b", "none"), ("c", "none")):
            loop.keep(slot, loop.program("crash.child", "writer", directory, "memory", "{who}", durability))
        for slot in ("x", "y"):
            loop.keep(slot, loop.program("crash.child", "flusher", directory, server.path))
        loop.run(crash_seconds * 0.35, least=300, deaths=6, pauses=6)
    rig = Rig(Path(directory))
    rig.warehouse = warehouse
    rig.drain()
    offsets = [row.stream_offset for row in warehouse.rows]
    acknowledged = loop.check(rig.ids(), len(offsets))
    assert offsets == sorted(set(offsets))
    assert {row.channel_id for row in warehouse.rows} == {queue.queue_id}
    assert QueueReader(directory).backlog(rig.flusher().step().offset).events == 0
    assert acknowledged > 100
    assert loop.deaths() > 5
    assert loop.faults("paused") > 5
    assert int(segments(directory)[-1].stem) > 3


def test_servers_commands_and_writers_killed_at_random_lose_nothing_and_double_nothing_in_duckdb(
    tmp_path: Path, crash_seconds: float, crash_seed: int
) -> None:
    with KillLoop(tmp_path / "loop", crash_seed) as loop:
        clean = loop.environ(troubled=False)

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "activity_mcp", *arguments]
            return subprocess.run(command, env=clean, capture_output=True, text=True, timeout=PATIENCE_S)

        queue = json.loads(run("status", "--json").stdout)["queue"]
        sink = open_queue(queue["directory"], sink="").sink
        for slot in ("s", "t"):
            loop.keep(slot, loop.server)
        loop.keep("w", loop.program("crash.child", "writer", queue["directory"], sink, "{who}", "none"))
        loop.keep("l", loop.log_command)
        loop.keep("h", loop.hook)
        loop.keep("f", loop.program("activity_mcp", "flush", "--timeout", "5"))
        loop.run(crash_seconds * 0.65, least=80, deaths=6)
    last = run("flush")
    assert last.returncode == 0, last.stderr
    with duckdb.connect(str(loop.home / "state" / "activity.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "SELECT activity_id, activity, channel_id, stream_offset FROM CLAUDE_STREAM_V2 ORDER BY stream_offset"
        ).fetchall()
    sent = [loop.hooked.get(name, name) for name, activity, _, _ in rows if activity == "used_tool"]
    acknowledged = loop.check(sent, len(rows))
    offsets = [offset for *_, offset in rows]
    assert offsets == sorted(set(offsets))
    assert {channel for _, _, channel, _ in rows} == {queue["queue_id"]}
    status = json.loads(run("status", "--json").stdout)["queue"]
    assert (status["depth_events"], status["committed_offset"] >= offsets[-1]) == (0, True)
    assert status["quarantined"] == sum(activity == "raised_error_recovery" for _, activity, _, _ in rows)
    assert len(loop.finished_hooks - set(sent)) <= status["refused"]  # each was recorded, or refused and counted
    assert acknowledged > 50
    assert loop.deaths() > 5
