"""How full the queue is, and how often it refused. Both are read from the disk, so that every process sees the same.

Only bytes above the committed offset count: a segment below it is history, whether or not it was deleted yet.
"""

from __future__ import annotations

from _thread import allocate_lock

from ..fs import LOCAL
from .segment import segment_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..fs import FileSystem
    from .commit import Commit

DEGRADED_PART = 0.8
FULL, DISK, BUSY = b"F", b"D", b"B"
_REPORTED = b"|"
_CHUNK = 1 << 20


class Gauge:
    """Uncommitted bytes, at the price of one stat of commit.json and one of each segment that may have grown."""

    __slots__ = ("_commit", "_directory", "_fs", "_sizes")

    def __init__(self, directory: str, fs: FileSystem = LOCAL) -> None:
        self._directory = directory
        self._fs = fs
        self._sizes: dict[int, int] = {}
        self._commit: tuple[tuple[int, int, int] | None, Commit | None] = (None, None)  # replaced whole: threads share it

    def commit(self) -> Commit | None:
        """commit.json, read again when it was replaced."""
        found = self._fs.stat(f"{self._directory}/commit.json")
        signature = (found.st_mtime_ns, found.st_ino, found.st_size) if found else None
        known, commit = self._commit
        if signature != known:
            from .commit import read_commit

            commit = read_commit(self._directory, fs=self._fs)
            self._commit = (signature, commit)
        return commit

    def uncommitted(self, queue_id: str, numbers: Sequence[int], live_size: int | None = None, *, look: bool = True) -> int:
        """Bytes above the committed offset of channel ``queue_id``. ``live_size``: the newest segment's, where it is known.

        Without ``look`` the last commit seen is taken: the answer is then too high rather than too low.
        """
        commit = self.commit() if look else self._commit[1]
        at = commit.offset if commit and commit.channel_id == queue_id else None
        total = 0
        for number in reversed(numbers):
            if at is not None and number < at.segment:
                break
            size = self._size(number, numbers[-1], live_size)
            total += max(0, size - at.end) if at is not None and number == at.segment else size
        return total

    def next_number(self, numbers: Sequence[int], floor: int) -> int:
        """The number of the next segment (``commit.next_number``)."""
        from .commit import next_number  # most appends find a segment

        return next_number(numbers, self.commit(), floor)

    def held(self, numbers: Sequence[int]) -> int:
        """Bytes of all these segments, committed or not."""
        return sum(self._size(number, numbers[-1], None) for number in numbers)

    def _size(self, number: int, newest: int, live_size: int | None) -> int:
        if number == newest:
            return live_size if live_size is not None else self._stat(number)
        size = self._sizes.get(number)
        if size is None:  # it has a successor: it will not grow any more
            size = self._sizes[number] = self._stat(number)
        return size

    def _stat(self, number: int) -> int:
        found = self._fs.stat(segment_path(self._directory, number))
        return found.st_size if found else 0


class Refusals:
    """The file ``refused``: one byte for each event that was not accepted, and a bar where that was reported.

    What a full disk does not take is kept, and written with the next one; ``reserve`` sees to it that it takes some thousands.
    """

    __slots__ = ("_fs", "_guard", "_owed", "_path", "_seen")

    def __init__(self, directory: str, fs: FileSystem = LOCAL) -> None:
        self._path = f"{directory}/refused"
        self._fs = fs
        self._guard = allocate_lock()
        self._owed = b""
        self._seen = (0, 0, 0)  # how long the file was, all of its refusals, those since the last report

    def reserve(self) -> None:
        """Give the file its first block while there is room, with a bar that counts nothing."""
        try:
            if self._fs.stat(self._path) is None:
                self._fs.append_bytes(self._path, _REPORTED)
        except OSError:
            pass  # the first refusal makes it, or counts in memory

    def note(self, kind: bytes, events: int) -> None:
        """Count. Never raises: the refusal itself is what the caller must hear of."""
        with self._guard:
            self._owed += kind * events
            self._settle()

    def total(self) -> int:
        """All events that were ever refused here, by any process."""
        return self._counted()[0]

    def unreported(self) -> int:
        """Those since the last report."""
        return self._counted()[1]

    def pending(self) -> bool:
        """Whether ``unreported`` may be more than nothing. One stat when nothing was added since it last was nothing."""
        found = self._fs.stat(self._path)
        return bool(self._owed) or self._seen[2] > 0 or (found.st_size if found else 0) != self._seen[0]

    def mark_reported(self) -> bool:
        """False where the disk does not take the mark: the report is then still due."""
        with self._guard:
            self._owed += _REPORTED
            if self._settle():
                return True
            self._owed = self._owed.removesuffix(_REPORTED)
            return False

    def _settle(self) -> bool:
        try:
            if self._owed:
                self._owed = self._owed[self._fs.append_bytes(self._path, self._owed) :]
        except OSError:
            return False
        return not self._owed

    def _counted(self) -> tuple[int, int]:
        """All, and those since the last report; of the file only what was added since the last look is read."""
        with self._guard:
            self._settle()
            size, total, unreported = self._seen
            added = self._added(size)
            if added is None:  # it was removed, or made again
                size = total = unreported = 0
                added = self._added(0) or b""
            total += len(added) - added.count(_REPORTED)
            _, reported, since = added.rpartition(_REPORTED)
            unreported = len(since) if reported else unreported + len(added)
            self._seen = (size + len(added), total, unreported)
            return total + len(self._owed), unreported + len(self._owed)

    def _added(self, since: int) -> bytes | None:
        """The bytes behind the first ``since``; None where there are not that many."""
        try:
            fd = self._fs.open_read(self._path)
        except OSError:
            return b"" if since == 0 else None
        try:
            size = self._fs.size(fd)
            if size < since:
                return None
            pieces = []
            while since < size and (piece := self._fs.pread(fd, min(_CHUNK, size - since), since)):
                pieces.append(piece)
                since += len(piece)
            return b"".join(pieces)
        except OSError:
            return b""
        finally:
            self._fs.close(fd)
