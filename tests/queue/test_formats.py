"""What earlier versions left on disk is still read: one fixture for every format that was ever released."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import activity_mcp
from activity_mcp.activity import Origin, decode_line, encode_line
from activity_mcp.context import Snapshot, SnapshotStore
from activity_mcp.errors import NewerFormat
from activity_mcp.pipeline.flusher import Flusher
from activity_mcp.queue import Lease, QueueReader, QueueWriter, dead_letters, open_queue, read_commit
from activity_mcp.warehouse.memory import MemoryWarehouse

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    """The queue as version 1 of the format wrote it: six events in several segments, two of them committed."""
    place = tmp_path / "queue"
    shutil.copytree(FIXTURES / "queue-format-1", place)
    for path in (place, *place.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return place


def test_a_queue_of_format_1_is_read_from_its_commit_on_and_shipped(queue: Path) -> None:
    info = open_queue(str(queue), sink="memory")
    commit = read_commit(str(queue))
    assert commit is not None
    assert commit.channel_id == info.queue_id
    warehouse = MemoryWarehouse()
    flusher = Flusher(str(queue), info.queue_id, warehouse, Origin("ada@example.com", "mcp"))
    while flusher.step().more:
        pass
    assert [row.activity_id for row in warehouse.rows] == ["id-3", "id-4", "id-5", "id-6"]
    assert flusher.quarantined == 0


def test_a_queue_of_format_1_takes_new_events_behind_its_own(queue: Path) -> None:
    before = QueueReader(str(queue)).segments()
    lines = [record.line for record in QueueReader(str(queue)).read(None).records]
    with_more = QueueWriter(str(queue), sink="memory")
    with_more.append([lines[0]])
    with_more.close()
    assert [record.line for record in QueueReader(str(queue)).read(None).records] == [*lines, lines[0]]
    assert QueueReader(str(queue)).segments()[: len(before)] == before


def test_a_segment_of_a_newer_format_stops_the_reader_and_stays_as_it_is(queue: Path) -> None:
    newest = sorted((queue / "seg").iterdir())[-1]
    header, *lines = newest.read_bytes().splitlines(keepends=True)
    newer = b'{"_segment":%d,"version":2,"anything":"else"}\n' % int(newest.stem)
    newest.write_bytes(newer + b"".join(lines))
    reader = QueueReader(str(queue))
    batch = reader.read(None)
    assert batch.more
    with pytest.raises(NewerFormat, match=r"format 2"):
        reader.read(batch.end)
    assert newest.read_bytes().startswith(newer)
    assert header.startswith(b'{"_segment":')


def test_what_else_a_queue_of_format_1_holds_is_read_as_well(queue: Path) -> None:
    (letter,) = dead_letters(str(queue))
    assert (letter.segment, letter.reason, letter.data()) == (1, "the checksum does not agree", '{"torn": trés\n'.encode())
    assert QueueWriter(str(queue), sink="memory").refused() == 5
    snapshot = SnapshotStore(f"{queue}/context").read("ada@example.com", "*")
    assert snapshot is not None
    assert (snapshot.row_version, snapshot.blob) == (3, {"version": 1, "hours": []})
    assert Lease(str(queue)).last_report()["pid"] == 4711


def contents(place: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def ship(queue: Path, warehouse: MemoryWarehouse) -> None:
    info = open_queue(str(queue), sink="memory")
    flusher = Flusher(str(queue), info.queue_id, warehouse, Origin("ada@example.com", "mcp"))
    while flusher.step().more:
        pass


@pytest.mark.parametrize("name", ["queue.json", "commit.json", "seg/000000000003.ndjson"])
def test_a_newer_file_stops_writer_and_flusher_and_every_event_is_there_for_the_newer_version(queue: Path, name: str) -> None:
    """The older one appends nothing, ships nothing from it on and changes nothing; the newer one then finds it all."""
    line = QueueReader(str(queue)).read(None).records[0].line
    path = queue / name
    known = path.read_bytes()
    first, rest = known.split(b"\n", 1)
    newer = b'{"_segment":3,"version":2}' if name.startswith("seg/") else first.replace(b'"version":1', b'"version":2')
    path.write_bytes(newer + b"\n" + rest)
    before = contents(queue)
    warehouse = MemoryWarehouse()
    with pytest.raises(NewerFormat, match="Nothing was changed") as stopped:
        QueueWriter(str(queue), sink="memory").append([line])
    assert stopped.value.hint == "upgrade activity-mcp"
    with pytest.raises(NewerFormat):
        ship(queue, warehouse)
    after = contents(queue)
    assert {name: after[name] for name in before if name != "commit.json"} == {
        n: c for n, c in before.items() if n != "commit.json"
    }
    assert after.keys() == before.keys()
    path.write_bytes(known)  # to the newer version all of it is known
    ship(queue, warehouse)
    assert [row.activity_id for row in warehouse.rows] == ["id-3", "id-4", "id-5", "id-6"]


def test_newer_dead_letters_and_snapshots_are_left_alone(queue: Path) -> None:
    (letter,) = (queue / "dead").iterdir()
    letter.write_bytes(letter.read_bytes().replace(b'"version":1', b'"version":2', 1))
    (snapshot,) = (queue / "context").glob("*.json")
    snapshot.write_bytes(encode_line(decode_line(snapshot.read_bytes()) | {"version": 2}))
    before = contents(queue)
    with pytest.raises(NewerFormat):
        dead_letters(str(queue))
    store = SnapshotStore(f"{queue}/context")
    older = Snapshot(customer="ada@example.com", project="*", blob={}, watermark={}, as_of_us=1, row_version=9)
    assert store.read("ada@example.com", "*") is None
    assert store.publish(older) is False
    assert contents(queue) == before


def test_commands_that_meet_a_newer_queue_say_upgrade_and_record_nothing_half(tmp_path: Path) -> None:
    environ = {**os.environ, "ACTIVITY_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    environ["PYTHONPATH"] = str(Path(activity_mcp.__file__).parents[1])

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "activity_mcp", *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True)

    event = ("log", "tool_event", "--feature", "tool_name=Bash", "--feature", "success=true")
    assert run(*event).returncode == 0
    (manifest,) = (tmp_path / "home" / "queue").glob("*/queue.json")
    manifest.write_bytes(manifest.read_bytes().replace(b'"version":1', b'"version":2'))
    before = contents(tmp_path / "home")
    for command in (event, ("flush",)):
        refused = run(*command)
        assert (refused.returncode, "hint: upgrade activity-mcp" in refused.stderr) == (3, True)
    assert contents(tmp_path / "home") == before
