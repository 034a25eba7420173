"""Which lines of a transcript are copies of another's: a fork begins with the lines of the session it was taken from.

Claude Code gives the copies the fork's session id, and in some versions another prompt id; they keep their uuid (or name the
original's in ``forkedFrom``) and their time. A prompt is named by its session, and so is a call whose id is not unique; so what
was taken under one file is remembered by its line, in the ledger, and adds nothing in another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...activity import derived_id
from .open_state import dedup_key

if TYPE_CHECKING:
    from collections.abc import Iterable

_KEY_BYTES = 8


class LineOwners:
    """Which file each remembered line was taken under, over all files of a ledger and of an import."""

    def __init__(self) -> None:
        self._owners: dict[bytes, str] = {}

    def add(self, path: str, lines: Iterable[str]) -> None:
        """Take over the lines (16 hex digits each) that the ledger remembers of a file."""
        for line in lines:
            self._owners.setdefault(bytes.fromhex(line), path)

    def of(self, path: str) -> Copies:
        return Copies(path, self._owners)


class Copies:
    """The view of one file: ``lines`` are those to remember of it, as 16 hex digits."""

    def __init__(self, path: str = "", owners: dict[bytes, str] | None = None) -> None:
        self._path = path
        self._owners = owners if owners is not None else {}
        self.lines: set[str] = set()

    def is_copy(self, line_key: str) -> bool:
        """Whether another file's line has this key; if not, it is this file's from now on."""
        key = dedup_key(derived_id("session_event", "line", line_key))[:_KEY_BYTES]
        if self._owners.setdefault(key, self._path) != self._path:
            return True
        self.lines.add(key.hex())
        return False
