"""Where transcripts are, and whose they are."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ...activity import Origin
from ...clock import parse_iso
from ...errors import InvalidInput
from ...fs import reader
from ...project import working_directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...activity import Labels
    from ...identity import Identity

_FIRST_TIME = re.compile(rb'"timestamp"\s*:\s*"([^"]{1,40})"')
_HEAD_BYTES = 64 * 1024


def discover(
    paths: Iterable[str] | None,
    environ: Mapping[str, str],
    since_us: int | None = None,
    *,
    folders: Iterable[str] | None = None,
) -> list[str]:
    """The transcripts under these files and folders; without any, under ``folders`` (None: Claude Code's own).

    Sessions come before their subagents, which may repeat a session's messages, and those that began earlier before later ones,
    which may be forks of them. Files not written since ``since_us`` are left out. Raises InvalidInput for a path that
    does not exist; ``folders`` may be missing.
    """
    given = list(paths or ())
    for path in given:
        if not os.path.isfile(path) and not os.path.isdir(path):
            what = "neither a file nor a folder" if os.path.exists(path) else "no such file or folder"
            raise InvalidInput(f"{path}: {what}; nothing was imported", hint="name a .jsonl file or a folder")
    found: dict[str, tuple[bool, int, int, str]] = {}
    for path in given or (default_folders(environ) if folders is None else folders):
        for file in _files(path):
            name = os.path.join(working_directory(), file)
            modified_ns = _modified_ns(name)
            if since_us is None or modified_ns // 1000 >= since_us:
                found.setdefault(os.path.realpath(name), (_is_subagent(name), began_us(name), modified_ns, name))
    return [name for *_, name in sorted(found.values())]


def default_folders(environ: Mapping[str, str]) -> list[str]:
    """Where Claude Code keeps its transcripts, those of these places that are there; the first of them where none is.

    ``CLAUDE_CONFIG_DIR`` names its folder; else it is ``~/.claude``, and was for a time ``~/.config/claude``.
    """
    folders = [os.path.join(place, "projects") for place in _config_folders(environ)]
    return [folder for folder in folders if os.path.isdir(folder)] or folders[:1]


def history_files(environ: Mapping[str, str]) -> list[str]:
    """The files in which Claude Code keeps what was typed, those that are there."""
    found = [os.path.join(place, "history.jsonl") for place in _config_folders(environ)]
    return [path for path in found if os.path.isfile(path)]


def _config_folders(environ: Mapping[str, str]) -> list[str]:
    if environ.get("CLAUDE_CONFIG_DIR"):
        return [environ["CLAUDE_CONFIG_DIR"]]
    home = environ.get("HOME") or os.path.expanduser("~")
    xdg = environ.get("XDG_CONFIG_HOME", "")
    beside = os.path.join(xdg if os.path.isabs(xdg) else os.path.join(home, ".config"), "claude")
    return [os.path.join(home, ".claude"), beside]


def began_us(path: str) -> int:
    """The first timestamp in the file: a fork writes its own before the lines it copies. Without any, its modification time."""
    try:
        with reader(path) as file:
            found = _FIRST_TIME.search(file.read(_HEAD_BYTES))
        return parse_iso(found[1].decode()) if found else _modified_ns(path) // 1000
    except (OSError, ValueError):
        return _modified_ns(path) // 1000


def _files(path: str) -> list[str]:
    """The transcripts below a folder. Links are followed, and each folder is entered once, however often it is reached."""
    if not os.path.isdir(path):
        return [path] if os.path.isfile(path) else []
    entered: set[tuple[int, int]] = set()
    found = []
    _is_new(path, entered)
    for folder, folders, names in os.walk(path, followlinks=True):
        folders[:] = [name for name in sorted(folders) if _is_new(os.path.join(folder, name), entered)]
        found += [os.path.join(folder, name) for name in sorted(names) if name.endswith(".jsonl")]
    return [file for file in found if os.path.isfile(file) or not os.path.exists(file)]


def _is_new(folder: str, entered: set[tuple[int, int]]) -> bool:
    try:
        status = os.stat(folder)
    except OSError:
        return False
    place = (status.st_dev, status.st_ino)
    if place in entered:
        return False
    entered.add(place)
    return True


def _is_subagent(path: str) -> bool:
    return os.path.basename(os.path.dirname(path)) == "subagents" or os.path.basename(path).startswith("agent-")


def _modified_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


class ImportOrigins:
    """Whose events an import records: of this person, in the project of each session's first folder.

    Calling it with a session and its folder gives the Origin, or None where the project does not want to be recorded.
    """

    def __init__(
        self, identity: Identity, org_id: str | None = None, redactor: Labels | None = None, *, source: str = "import"
    ) -> None:
        self._source = source
        self._identity = identity
        self._redactor = redactor
        self._org_id = org_id
        self._projects: dict[str, tuple[str, bool]] = {}

    def __call__(self, session_id: str | None, cwd: str | None) -> Origin | None:
        project, ignored = self._project(cwd) if cwd else (None, False)
        if ignored:
            return None
        return Origin(
            self._identity.customer,
            self._source,
            anonymous_customer_id=self._identity.anonymous_customer_id,
            session_id=session_id,
            project=project,
            org_id=self._org_id,
            redactor=self._redactor,
        )

    def _project(self, cwd: str) -> tuple[str, bool]:
        if cwd not in self._projects:
            from ...project import is_ignored, place_of

            project = place_of(cwd)
            self._projects[cwd] = (project, is_ignored(project))
        return self._projects[cwd]
