"""The lines that a ledger remembers of a large file take a tenth of the memory of their texts, and come back as they were."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from activity_mcp.claude_code.transcripts.copies import Copies, LineKeys
from activity_mcp.claude_code.transcripts.ledger import FileMark, ImportLedger

LINES = 20_000


def test_as_many_lines_as_a_large_file_has_take_a_few_bytes_each() -> None:
    copies = Copies()
    before = own_bytes(copies.lines())
    keys = [f"line {number}" for number in range(LINES)]
    tracemalloc.start()
    try:
        for key in keys:
            copies.is_copy(key)
        assert len(copies.lines()) == LINES
        assert own_bytes(copies.lines()) - before < 16 * LINES + 1024
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 3 * 16 * LINES + 65_536  # those of all files, of this file, and to be remembered


def own_bytes(lines: LineKeys) -> int:
    return lines._keys._slots.buffer_info()[1] * lines._keys._slots.itemsize


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    file, path = tmp_path / 'a "quoted" name.jsonl', str(tmp_path / "ledger.json")
    file.write_bytes(b"x")
    copies = Copies()
    for key in ("a", "b", "b", "c"):
        copies.is_copy(key)
    mark = FileMark(str(file), 1, 1, "print", settled=False, closed=frozenset({"é", '"'}), lines=copies.lines())
    ImportLedger(path).commit([mark])
    (read,) = ImportLedger(path)._marks.values()
    assert read.lines is not None
    assert (sorted(read.lines), read.closed, read.unanswered) == (sorted(copies.lines()), mark.closed, frozenset())
    assert len(read.lines) == 3
    assert all(line in copies.lines() for line in read.lines)
    ImportLedger(path).commit([read])
    assert sorted(next(iter(ImportLedger(path)._marks.values())).lines or ()) == sorted(read.lines)


def test_a_mark_without_lines_stays_without(tmp_path: Path) -> None:
    file, path = tmp_path / "a.jsonl", str(tmp_path / "ledger.json")
    file.write_bytes(b"x")
    ImportLedger(path).commit([FileMark(str(file), 1, 1, "print", settled=True)])
    (read,) = ImportLedger(path)._marks.values()
    assert read.lines is None
