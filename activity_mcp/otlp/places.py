"""Of which project and branch a session is. The exporter does not say it; the session's transcript, on this machine, does.

Only the ends of the file are read: the folder of a session is in its first lines, the branch of now in its last ones. A session
whose transcript is not there yet is looked for again with the next record.
"""

from __future__ import annotations

import glob
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from ..fs import LOCAL
from ..plain_json import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MAX_BYTES = 256 * 1024
_MAX_KNOWN = 256
_CWD = re.compile(rb'"cwd":("(?:[^"\\]|\\.)*")')
_BRANCH = re.compile(rb'"gitBranch":("(?:[^"\\]|\\.)*")')
_SESSION_ID = re.compile(r"[0-9A-Za-z_-]{1,128}")


class Place(NamedTuple):
    """A session's folder and branch, as far as they are known."""

    cwd: str | None = None
    branch: str | None = None


class SessionPlaces:
    """``folders`` gives where Claude Code keeps its transcripts."""

    def __init__(self, folders: Callable[[], Sequence[str]]) -> None:
        self._folders = folders
        self._paths: dict[str, str] = {}
        self._cwds: dict[str, str] = {}

    def of(self, session_id: str | None) -> Place:
        """What is known of the session now."""
        path = self._path(session_id) if session_id is not None and _SESSION_ID.fullmatch(session_id) else None
        if path is None or session_id is None:
            return Place()
        try:
            with LOCAL.reader(path) as file:
                if session_id not in self._cwds:
                    cwd = _first(_CWD, file.read(_MAX_BYTES))
                    if cwd is not None:
                        self._cwds[session_id] = cwd
                file.seek(max(0, os.path.getsize(path) - _MAX_BYTES))
                branches = _BRANCH.findall(file.read(_MAX_BYTES))
        except OSError:
            return Place(self._cwds.get(session_id))
        return Place(self._cwds.get(session_id), _text(branches[-1]) if branches else None)

    def _path(self, session_id: str) -> str | None:
        known = self._paths.get(session_id)
        if known is not None:
            return known
        for folder in self._folders():
            found = glob.glob(os.path.join(glob.escape(folder), "*", f"{session_id}.jsonl"))
            if found:
                if len(self._paths) >= _MAX_KNOWN:
                    self._paths.clear()
                    self._cwds.clear()
                self._paths[session_id] = found[0]
                return found[0]
        return None


def _first(pattern: re.Pattern[bytes], data: bytes) -> str | None:
    found = pattern.search(data)
    return _text(found[1]) if found else None


def _text(quoted: bytes) -> str | None:
    try:
        found = loads(quoted)
    except ValueError:
        return None
    return found if isinstance(found, str) and found else None
