"""What earlier versions left on disk is still read: one fixture for every format that was ever released."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from activity_mcp.activity import Origin
from activity_mcp.errors import NewerFormat
from activity_mcp.flusher import Flusher
from activity_mcp.queue import QueueReader, QueueWriter, open_queue, read_commit
from activity_mcp.warehouse import MemoryWarehouse

FIXTURES = Path(__file__).with_name("fixtures")


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
