"""The lines of a transcript, one at a time: a file of any size is read in the memory of its longest line.

What is damaged is mended as far as ``damage`` can, and counted. What holds no record is counted as malformed and passed over,
and so is a line longer than 32 MiB, which is never held whole: its beginning counts as torn. A last line without a newline may
be half written: it is kept aside in ``tail``, for the reader to judge.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from .damage import Found, records_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

MAX_LINE_BYTES = 32 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_MAX_TORN_BYTES = 4 * 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NOTHING = Found([])

EVENTLESS_TYPES = frozenset(
    (
        "agent-color", "agent-name", "agent-setting", "ai-title", "api-request", "api-request-blob", "api-request-shape",
        "atis-latch", "attachment", "cost-state", "custom-title", "file-history-delta", "file-history-snapshot", "last-prompt",
        "mode", "permission-mode", "pr-link", "progress", "queue-operation", "summary", "system", "tag", "tools-used",
        "worktree-state",
    )
)  # fmt: skip
"""Types of lines that are known and make no event, but for an ``attachment`` that is a queued prompt."""


class Piece(NamedTuple):
    """A record, or as text what was torn, and its place: the bytes from ``start`` to ``end``, of which it is record
    ``nth`` record; ``position`` is where the line begins that made it whole.
    """

    start: int
    end: int
    nth: int
    position: int
    content: dict[str, Any] | str


class TranscriptLines:
    """Iterates over the pieces of the complete lines.

    ``lines``, ``malformed`` and ``mended`` count as it goes; ``position`` is the offset after the last complete line.
    """

    def __init__(self, file: BinaryIO, loads: Callable[[bytes], Any] = json.loads, *, position: int = 0) -> None:
        """``position`` is where the file is read from: the beginning of a line, in bytes."""
        self._file = file
        self._loads = loads
        self._torn = b""  # lines before this one of which nothing is whole: a line break may be in their text
        self.lines = 0
        self.malformed = 0
        self.mended = 0
        self.position = position
        self.tail = b""

    def __iter__(self) -> Iterator[Piece]:
        while line := self._file.readline(MAX_LINE_BYTES):
            if not line.endswith(b"\n"):
                if len(line) < MAX_LINE_BYTES:
                    self.tail = line
                    break
                start, begin = self.position, line[:_CHUNK_BYTES]
                if not self._skip(len(line)):
                    break
                yield from self._given_up(start)
                yield Piece(start, start + len(begin), -1, start, begin.decode("utf-8", "replace"))
                continue
            start = self.position
            self.position += len(line)
            found = records_of(line, self._loads) if start and not self._torn else _NOTHING
            if len(found.records) == 1 and not found.is_mended and not found.lost:  # as nearly all are
                self.lines += 1
                yield Piece(start, self.position, 0, start, found.records[0])
            else:
                yield from self._pieces(line, start)
        yield from self._given_up(self.position)

    def take_tail(self) -> Iterator[Piece]:
        """The pieces of the last line, which has no newline."""
        yield from self._pieces(self.tail, self.position)
        yield from self._given_up(self.position)

    def again(self, piece: Piece) -> Piece:
        """The same piece, read once more; its content is left out of what is kept of many."""
        self._file.seek(piece.start)
        found = records_of(_without_mark(self._file.read(piece.end - piece.start), piece.start), self._loads)
        return piece._replace(content=found.records[piece.nth] if piece.nth >= 0 else found.lost)

    def _pieces(self, line: bytes, start: int) -> Iterator[Piece]:
        line = _without_mark(line, start)
        if not line.strip():
            return
        self.lines += 1
        begin, end, found = start, self.position if line.endswith(b"\n") else start + len(line), records_of(line, self._loads)
        if not found.records and found.lost:
            self.malformed += 1
            joined = records_of(self._torn + line, self._loads) if self._torn else Found([])
            if not joined.records:
                self._torn = self._torn + line if len(self._torn) + len(line) <= _MAX_TORN_BYTES else b""
                return
            self.malformed -= self._torn.count(b"\n") + 1
            begin, found, self._torn = start - len(self._torn), joined, b""
        yield from self._given_up(start)
        self.mended += found.is_mended and bool(found.records)
        for index, record in enumerate(found.records):
            yield Piece(begin, end, index, start, record)
        if found.lost:
            yield Piece(begin, end, -1, start, found.lost)

    def _given_up(self, before: int) -> Iterator[Piece]:
        torn, self._torn = self._torn, b""
        if torn:
            yield Piece(before - len(torn), before, -1, before - len(torn), torn.decode("utf-8", "replace"))

    def _skip(self, length: int) -> bool:
        """Pass over the rest of a line that is too long; False when the file ends before the line does."""
        while chunk := self._file.readline(_CHUNK_BYTES):
            length += len(chunk)
            if chunk.endswith(b"\n"):
                self.lines += 1
                self.malformed += 1
                self.position += length
                return True
        return False


def _without_mark(line: bytes, start: int) -> bytes:
    return line.removeprefix(_BYTE_ORDER_MARK) if start == 0 else line
