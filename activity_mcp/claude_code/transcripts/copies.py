"""Which lines of a transcript are copies of another's: a fork begins with the lines of the session it was taken from.

Claude Code gives the copies the fork's session id, and in some versions another prompt id; they keep their uuid (or name the
original's in ``forkedFrom``) and their time. A prompt is named by its session, and so is a call whose id is not unique; so what
was taken under one file is remembered by its line, in the ledger, and adds nothing in another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import TYPE_CHECKING

from ...activity import derived_number
from .key_set import KeySet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_KEY_DIGITS = 16
"""Of an id, the first so many."""


class LineKeys(Collection[str]):
    """Keys of lines, 16 hex digits each, in a tenth of the memory that as many texts take."""

    def __init__(self) -> None:
        self._keys = KeySet()

    def add(self, key: int) -> None:
        self._keys.add(key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return (f"{key:0{_KEY_DIGITS}x}" for key in self._keys)

    def __contains__(self, line: object) -> bool:
        return isinstance(line, str) and int(line, 16) in self._keys


class LineOwners:
    """Which file each remembered line was taken under, over all files of a ledger and of an import."""

    def __init__(self) -> None:
        self._taken = KeySet()
        self._of: defaultdict[str, KeySet] = defaultdict(KeySet)

    def add(self, path: str, lines: Iterable[str]) -> None:
        """Take over the lines (16 hex digits each) that the ledger remembers of a file."""
        for key in (int(line, 16) for line in lines):
            if key not in self._taken:
                self._taken.add(key)
                self._of[path].add(key)

    def of(self, path: str) -> Copies:
        return Copies(self._taken, self._of[path])


class Copies:
    """The view of one file: of the lines ``taken`` under any file, ``own`` are this one's."""

    def __init__(self, taken: KeySet | None = None, own: KeySet | None = None) -> None:
        self._taken = taken if taken is not None else KeySet()
        self._own = own if own is not None else KeySet()
        self._lines = LineKeys()

    def is_copy(self, line_key: str) -> bool:
        """Whether another file's line has this key; if not, it is this file's from now on."""
        key = derived_number("session_event", "line", line_key) >> 64
        if key not in self._own:
            if not self._taken.add(key):
                return True
            self._own.add(key)
        self._lines.add(key)
        return False

    def lines(self) -> LineKeys:
        """Those to remember of this file."""
        return self._lines
