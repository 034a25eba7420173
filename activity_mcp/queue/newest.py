"""The newest segment of a queue, kept open from one look to the next: mostly it has grown by a line, or not at all.

Its name is looked up again when the list of segments is another object than last time (``SegmentList``), which it is whenever
something in their directory was made, removed or renamed. So what is read is always the file that has the name, never one that
was deleted or replaced; a file that is gone is held until the next look at the longest.
"""

from __future__ import annotations

from ..fs import LOCAL
from .segment import segment_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..fs import FileSystem

NONE = -1


class NewestSegment:
    """One open file. For one thread at a time; a forked child may go on with it, as nothing is read by position of the file."""

    __slots__ = ("_directory", "_fd", "_fs", "_listed", "number")

    def __init__(self, directory: str, fs: FileSystem = LOCAL) -> None:
        self._directory = directory
        self._fs = fs
        self._fd = NONE
        self._listed: Sequence[int] | None = None
        self.number = NONE
        """Of the segment that is open."""

    def look(self, numbers: Sequence[int]) -> tuple[int, int]:
        """The number of the newest of these segments and its size in bytes: 0 where it is gone, or there is none."""
        if numbers is not self._listed:
            self._open(numbers)
        if self._fd == NONE:
            return (numbers[-1] if numbers else NONE), 0
        return self.number, self._fs.size(self._fd)

    def read(self, start: int, size: int) -> bytes:
        """So many bytes of the segment that is open, or fewer where it ends."""
        return self._fs.pread(self._fd, size, start)

    def close(self) -> None:
        """Let go of the file. Idempotent; the next look opens it again."""
        fd, self._fd, self._listed, self.number = self._fd, NONE, None, NONE
        if fd != NONE:
            self._fs.close(fd)

    def _open(self, numbers: Sequence[int]) -> None:
        self.close()
        if numbers:
            try:
                self._fd = self._fs.open_read(segment_path(self._directory, numbers[-1]))
            except FileNotFoundError:
                return
            self.number, self._listed = numbers[-1], numbers

    def __del__(self) -> None:
        try:
            self.close()
        except (OSError, AttributeError, TypeError):  # the interpreter ends: the kernel closes what is open
            return
