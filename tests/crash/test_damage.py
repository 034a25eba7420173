"""Files cut off, flipped and zeroed at any place: the touched lines are set aside, every other one becomes its row."""

from __future__ import annotations

import random
import shutil
import zlib
from pathlib import Path

import pytest

from activity_mcp.queue import dead_letters
from disks import segments
from rigs import Rig


def ends_of_lines(content: bytes) -> list[int]:
    return [at + 1 for at, byte in enumerate(content) if byte == 0x0A]


def lines_of(content: bytes) -> list[bytes]:
    ends = ends_of_lines(content)
    return [content[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def checksum_agrees(line: bytes) -> bool:
    return line.endswith(b',"_crc":"%08x"}\n' % zlib.crc32(line[:-20]))


def test_a_segment_cut_off_at_any_byte_keeps_its_whole_lines_and_takes_new_ones(tmp_path: Path) -> None:
    """From the first byte of the header on: what a torn header costs is the header."""
    first = Rig(tmp_path / "whole")
    first.write(2)
    content = segments(first.directory)[0].read_bytes()
    header, one, two = ends_of_lines(content)
    for cut in (*range(header + 3), *range(header + 3, len(content), 97), one - 1, one, one + 1, two - 1, two):
        copy = tmp_path / f"at-{cut}"
        shutil.copytree(first.directory, copy)
        segments(str(copy))[0].write_bytes(content[:cut])
        rig = Rig(copy)
        rig.writer.append([rig.line("after")])
        rig.drain()
        # a line of which only the newline is missing is whole: the next append closes it
        whole = [name for name, end in (("id-1", one), ("id-2", two)) if cut >= end - 1]
        assert rig.ids() == [*whole, "after"], f"cut off at {cut}"
        assert len(rig.recoveries()) <= 2, f"cut off at {cut}"


@pytest.mark.parametrize("kind", ["bit", "zeros"])
@pytest.mark.parametrize("seed", range(8))
def test_flipped_bits_and_runs_of_zeros_cost_only_the_lines_they_touch(tmp_path: Path, seed: int, kind: str) -> None:
    chance = random.Random(seed)
    rig = Rig(tmp_path / "queue")
    ids = rig.write(30)
    path = segments(rig.directory)[0]
    content = bytearray(path.read_bytes())
    ends = ends_of_lines(bytes(content))
    touched: set[int] = set()
    for _ in range(3):
        at = chance.randrange(ends[0], len(content) - 1)
        size = 1 if kind == "bit" else chance.randint(1, 64)
        stop = min(at + size, len(content) - 1)
        content[at:stop] = bytes([content[at] ^ 1 << chance.randrange(8)]) if kind == "bit" else bytes(stop - at)
        touched |= {n for n in range(30) if at < ends[n + 1] and stop > ends[n]}
        # the newline belongs to its line, and without it the next line is part of the same range
        touched |= {n + 1 for n in range(29) if at < ends[n + 1] <= stop}
    path.write_bytes(bytes(content))
    rig.writer = rig.new_writer()
    after = rig.write(1)
    rig.drain()
    assert set(rig.ids()) >= {name for n, name in enumerate(ids) if n not in touched} | set(after)
    assert rig.ids() == sorted(set(rig.ids()), key=lambda name: int(name.split("-")[1]))
    kept = b"".join(letter.data() for letter in dead_letters(rig.directory))
    assert kept == b"".join(line for line in lines_of(bytes(content)) if not checksum_agrees(line))
    assert 1 <= len(rig.recoveries()) <= 6
