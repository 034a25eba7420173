"""The lines of a transcript, one at a time: a file of any size is read in the memory of its longest line.

What is not a JSON object is counted as malformed and passed over, and so is a line longer than 32 MiB, which is never held
whole. A last line without a newline may be half written: it is kept aside in ``tail``, for the reader to judge.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

MAX_LINE_BYTES = 32 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

EVENTLESS_TYPES = frozenset(
    (
        "agent-color", "agent-name", "agent-setting", "ai-title", "api-request", "api-request-blob", "api-request-shape",
        "atis-latch", "attachment", "cost-state", "custom-title", "file-history-delta", "file-history-snapshot", "last-prompt",
        "mode", "permission-mode", "pr-link", "progress", "queue-operation", "summary", "system", "tag", "tools-used",
        "worktree-state",
    )
)  # fmt: skip
"""Types of lines that are known and make no event, but for an ``attachment`` that is a queued prompt."""


class TranscriptLines:
    """Iterates over (byte offset of the line, object) of the complete lines.

    ``lines`` and ``malformed`` count as it goes; ``position`` is the offset after the last complete line.
    """

    def __init__(self, file: BinaryIO, loads: Callable[[bytes], Any] = json.loads, *, position: int = 0) -> None:
        """``position`` is where the file stands, at the beginning of a line."""
        self._file = file
        self._loads = loads
        self._is_beginning = position == 0
        self.lines = 0
        self.malformed = 0
        self.position = position
        self.tail = b""

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        while line := self._file.readline(MAX_LINE_BYTES):
            start = self.position
            if not line.endswith(b"\n"):
                if len(line) < MAX_LINE_BYTES:
                    self.tail = line
                    return
                if not self._skip(len(line)):
                    return
                continue
            self.position += len(line)
            found = self.parse(line)
            if found is not None:
                yield start, found

    def parse(self, line: bytes) -> dict[str, Any] | None:
        """The object of this line; None, and counted, when it is none. An empty line is nothing at all."""
        if self._is_beginning and self.lines == 0:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line.strip():
            return None
        self.lines += 1
        found = _object_of(line, self._loads)
        if isinstance(found, dict):
            return found
        self.malformed += 1
        return None

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


def _object_of(line: bytes, loads: Callable[[bytes], Any]) -> Any:
    """What the line says, or None. JavaScript writes half a character as a lone surrogate, which a strict parser refuses."""
    for attempt in (loads, json.loads):
        try:
            return attempt(line)
        except (ValueError, RecursionError):
            continue
    return None
