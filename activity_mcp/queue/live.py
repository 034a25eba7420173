"""The live segment as one writer has it open: what it knows about the file, and the sync that its threads share."""

from __future__ import annotations

import os
from _thread import allocate_lock

from .segment import SEGMENT_DIRECTORY, read_header, segment_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..fs import FileSystem
    from .segment import Header


class LiveSegment:
    """One open segment. Appends happen under append.lock; ``sync`` is called without it, from any thread.

    ``size`` is the file's, as of the last look under the lock. The descriptor stays open until the last thread that still
    syncs has let go of it, even when the writer has moved on to the next segment.
    """

    __slots__ = (
        "_directory", "_entered", "_fs", "_guard", "_identity", "_retired", "_syncing", "_synced", "_users", "_whole",
        "failure", "fd", "header", "number", "size",
    )  # fmt: skip

    def __init__(self, directory: str, number: int, fd: int, header: Header, fs: FileSystem) -> None:
        self.number = number
        self.fd = fd
        self.header = header
        self.failure: OSError | None = None
        found = os.fstat(fd)
        self.size = found.st_size
        self._identity = (found.st_dev, found.st_ino)
        self._directory = directory
        self._fs = fs
        self._whole = 0
        self._syncing = allocate_lock()
        self._synced = 0
        self._entered = False
        self._guard = allocate_lock()
        self._users = 0
        self._retired = False

    @classmethod
    def open(cls, directory: str, number: int, fs: FileSystem) -> LiveSegment | None:
        """Segment ``number``, or None where it has no header to trust. Raises NewerFormat."""
        fd = fs.open_append(segment_path(directory, number))
        try:
            header = read_header(fs, fd)
            if header is not None and header.number == number:
                return cls(directory, number, fd, header, fs)
        except BaseException:
            fs.close(fd)
            raise
        fs.close(fd)
        return None

    def refresh(self) -> bool:
        """Look again, under append.lock, how long the file is; False when it is shorter than it was, or has failed."""
        size = self._fs.size(self.fd)
        if size < self.size or self.failure is not None:
            return False
        self.size = size
        return True

    def in_place(self) -> bool:
        """Whether this is still the file of that name."""
        found = self._fs.stat(segment_path(self._directory, self.number))
        return found is not None and (found.st_dev, found.st_ino) == self._identity

    def grown(self, size: int) -> None:
        """``size`` bytes were appended here, the last one a newline."""
        self.size += size
        self._whole = self.size

    def ends_whole(self) -> bool:
        """Whether the last byte is a newline; known without reading if this writer was the last to append."""
        return self._whole == self.size or self._fs.pread(self.fd, 1, self.size - 1) == b"\n"

    def hold(self) -> None:
        """Keep the descriptor open until ``let_go``."""
        with self._guard:
            self._users += 1

    def let_go(self) -> None:
        """End one use of the descriptor; the last one closes a retired segment."""
        with self._guard:
            self._users -= 1
            if self._retired and not self._users:
                self._fs.close(self.fd)

    def retire(self) -> None:
        """The writer appends elsewhere from now on."""
        with self._guard:
            if not self._retired and not self._users:
                self._fs.close(self.fd)
            self._retired = True

    def __del__(self) -> None:
        try:
            if not self._retired:
                self._retired = True
                self._fs.close(self.fd)
        except (OSError, AttributeError, TypeError):  # the interpreter ends: the kernel closes what is open
            return

    def sync(self, upto: int) -> OSError | None:
        """Put the first ``upto`` bytes on the disk; threads that come while one syncs find theirs done by the next.

        Returns the disk's error, and after a failure always the same one: the kernel reports a lost page once, so a later
        success would be no proof.
        """
        with self._syncing:
            if self._synced >= upto or self.failure is not None:
                return None if self._synced >= upto else self.failure
            size = self.size
            try:
                self._fs.sync(self.fd)
                if not self._entered:
                    self._fs.sync_directory(f"{self._directory}/{SEGMENT_DIRECTORY}")
                    self._entered = True
                self._synced = size
            except OSError as error:
                self.failure = error
            return self.failure
