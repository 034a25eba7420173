"""Reading by blocks gives what reading span by span gives, whatever lies in the files and wherever the limits are."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.activity import encode_line
from activity_mcp.fs import LOCAL, FileSystem
from activity_mcp.queue import Damage, Offset, QueueReader, Record, block
from activity_mcp.queue.segment import header_line, segment_path
from activity_mcp.queue.segment_reader import SegmentReader
from lengths import examples

LONGEST = 2000


@pytest.fixture(scope="module", autouse=True)
def _small_pieces() -> Iterator[None]:
    """Lines of these files lie across the pieces in which they are read."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(block, "_PIECE_BYTES", 70)
        yield


class SpanReader(QueueReader):
    """The reader without blocks."""

    def _block(self, *arguments: Any) -> None:
        return None


def line(number: int, pad: int = 0) -> bytes:
    return encode_line({"activity_id": f"id-{number}", "feature_json": {"n": number, "pad": "ü" * pad}, "v": "1"})


def flipped(whole: bytes, at: int) -> bytes:
    place = at % (len(whole) - 1)
    return whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]


def checksummed(body: bytes) -> bytes:
    """A line with the checksum that belongs to it, whatever it says."""
    return body + b',"_crc":"%08x"}\n' % zlib.crc32(body)


PLAIN = st.builds(line, st.integers(0, 99), st.sampled_from([0, 3, 90]))
ODD = st.one_of(
    st.builds(flipped, PLAIN, st.integers(0, 500)),
    PLAIN.map(lambda whole: whole[: len(whole) // 2]),  # torn, and the next one glued behind it
    PLAIN.map(lambda whole: whole[: len(whole) // 2] + b"\n"),
    PLAIN.map(lambda whole: whole.replace(b'"}\n', b'"} \n')),
    PLAIN.map(lambda whole: whole[:-12] + whole[-12:].upper()),
    st.sampled_from([
        b"\0" * 40 + b"\n", b"\n", b"{}\n", b"short\n", line(7, LONGEST), checksummed(b'["no object"'), checksummed(b"{"),
        checksummed(b'{"_segment":5,"queue_id":"q"'), checksummed(b'{"a":1,"_crc":"00000000"'), checksummed(b'{"a":NaN'),
        checksummed(b'{"a":"\xff"'), checksummed(b'{"a":1,'), header_line(3, "q", "boot", 0), b'{"_segment":9,"version":99}\n',
    ]),
)  # fmt: skip
LINES = st.lists(st.one_of(PLAIN, PLAIN, PLAIN, ODD), max_size=12).map(b"".join)
HEADS = st.sampled_from(["own", "own", "own", "none", "another's", "torn"])


def laid_out(directory: str, segments: list[tuple[str, bytes]], numbers: list[int]) -> None:
    Path(directory, "seg").mkdir(mode=0o700)
    for number, (head, content) in zip(numbers, segments, strict=True):
        own = header_line(number, "q", LOCAL.boot_id(), 1)
        heads = {"own": own, "none": b"", "another's": header_line(77, "q", LOCAL.boot_id(), 1), "torn": own[: len(own) // 2]}
        Path(segment_path(directory, number)).write_bytes(heads[head] + content)


def read_by(kind: type[QueueReader], directory: str, max_bytes: int, max_records: int) -> list[Any]:
    """All batches, one behind the other, as values."""
    reader, at, found = kind(directory, max_line_bytes=LONGEST, loads=orjson.loads), None, list[Any]()
    while True:
        try:
            batch = reader.read(at, max_bytes=max_bytes, max_records=max_records)
        except Exception as error:
            return [*found, (type(error), str(error))]
        found.append(([shown(item) for item in batch.items], batch.end, batch.more, batch.size))
        if not batch.items or batch.end == at:
            return found
        at = batch.end


def shown(item: Record | Damage) -> tuple[Any, ...]:
    if isinstance(item, Record):
        return ("record", tuple(item.offset), item.line, item.value)
    return ("damage", tuple(item.offset), item.start, item.end, item.reason)


@examples(100, 600)
@given(
    segments=st.lists(st.tuples(HEADS, LINES), min_size=1, max_size=3),
    gap=st.booleans(),
    max_bytes=st.sampled_from([1, 150, 400, 1 << 20]),
    max_records=st.sampled_from([1, 2, 5, 1000]),
)
def test_blocks_and_spans_read_the_same(segments: list[tuple[str, bytes]], gap: bool, max_bytes: int, max_records: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        numbers = [1, 2, 3][: len(segments)]
        if gap and len(segments) == 3:
            numbers = [1, 3, 4]
        laid_out(directory, segments, numbers)
        limits = (max_bytes, max_records)
        assert read_by(QueueReader, directory, *limits) == read_by(SpanReader, directory, *limits)


@pytest.mark.parametrize("end", [1, 4, 40, 70])
def test_a_place_inside_of_a_line_is_left_to_the_spans(tmp_path: Path, end: int) -> None:
    """Where the first part of a line was set aside, the rest of it, a whole line even, has the checksum of all of it."""
    laid_out(str(tmp_path), [("own", b"torn" + line(1) + line(2))], [1])
    head = len(header_line(1, "q", LOCAL.boot_id(), 1))
    found = []
    for kind in (QueueReader, SpanReader):
        reader = kind(str(tmp_path), loads=orjson.loads)
        reader.verify = lambda offset: True  # type: ignore[method-assign]
        found.append([shown(item) for item in reader.read(Offset(1, head + end, 0)).items])
    assert found[0] == found[1]
    assert len(found[0]) == 2


def test_most_of_a_queue_is_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laid_out(str(tmp_path), [("own", b"".join(map(line, range(50)))), ("own", b"".join(map(line, range(50))))], [1, 2])
    judged: list[bytes] = []
    genuine = SegmentReader._judge

    def judge(reader: SegmentReader, number: int, span: Any, parse: bool) -> Any:
        judged.append(span.line)
        return genuine(reader, number, span, parse)

    monkeypatch.setattr(SegmentReader, "_judge", judge)
    assert len(QueueReader(str(tmp_path), loads=orjson.loads).read(None).records) == 100
    assert judged == []


class CountingDisk(FileSystem):
    """The real disk, counting the bytes that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes_read = 0

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        data = super().pread(fd, size, offset)
        self.bytes_read += len(data)
        return data


def test_a_batch_of_few_lines_does_not_read_the_many_behind_them(tmp_path: Path) -> None:
    lines = [line(number, 90) for number in range(2000)]
    path = Path(segment_path(str(tmp_path), 1))
    path.parent.mkdir()
    path.write_bytes(header_line(1, "q", "boot", 0) + b"".join(lines))
    disk = CountingDisk()
    batch = QueueReader(str(tmp_path), fs=disk).read_plain(None, 4 << 20, 100)
    assert batch is not None
    assert (len(batch.segments[0][1].lines), batch.more) == (100, True)
    assert disk.bytes_read < sum(map(len, lines[:100])) + 8192
