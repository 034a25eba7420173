"""Where transcripts are, and whose they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ...activity import Origin
from ...errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...identity import Identity
    from ...redaction import Redactor


def discover(paths: Iterable[str] | None, environ: Mapping[str, str], since_us: int | None = None) -> list[str]:
    """The transcripts under these files and folders; without any, under Claude Code's own folder.

    Sessions come before their subagents, which may repeat a session's messages, and older files before newer ones, which may
    repeat a session that was resumed. Files not written since ``since_us`` are left out. Raises InvalidInput for a path that
    does not exist; Claude Code's own folder may be missing.
    """
    given = list(paths or ())
    for path in given:
        if not os.path.isfile(path) and not os.path.isdir(path):
            what = "neither a file nor a folder" if os.path.exists(path) else "no such file or folder"
            raise InvalidInput(f"{path}: {what}; nothing was imported", hint="name a .jsonl file or a folder")
    found: dict[str, tuple[bool, int, str]] = {}
    for path in given or [default_folder(environ)]:
        for file in _files(path):
            name = os.path.abspath(file)
            modified_ns = _modified_ns(name)
            if since_us is None or modified_ns // 1000 >= since_us:
                found[name] = (_is_subagent(name), modified_ns, name)
    return sorted(found, key=found.__getitem__)


def default_folder(environ: Mapping[str, str]) -> str:
    """Where Claude Code keeps its transcripts."""
    home = environ.get("HOME") or os.path.expanduser("~")
    return os.path.join(environ.get("CLAUDE_CONFIG_DIR") or os.path.join(home, ".claude"), "projects")


def _files(path: str) -> list[str]:
    if not os.path.isdir(path):
        return [path] if os.path.isfile(path) else []
    found = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in sorted(names)]
    return [file for file in found if file.endswith(".jsonl") and (os.path.isfile(file) or not os.path.exists(file))]


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

    def __init__(self, identity: Identity, org_id: str | None = None, redactor: Redactor | None = None) -> None:
        self._identity = identity
        self._redactor = redactor
        self._org_id = org_id
        self._projects: dict[str, tuple[str, bool]] = {}

    def __call__(self, session_id: str, cwd: str | None) -> Origin | None:
        project, ignored = self._project(cwd) if cwd else (None, False)
        if ignored:
            return None
        return Origin(
            self._identity.customer,
            "import",
            anonymous_customer_id=self._identity.anonymous_customer_id,
            session_id=session_id,
            project=project,
            org_id=self._org_id,
            redactor=self._redactor,
        )

    def _project(self, cwd: str) -> tuple[str, bool]:
        if cwd not in self._projects:
            from ...identity import is_ignored, place_of

            project = place_of(cwd)
            self._projects[cwd] = (project, is_ignored(project))
        return self._projects[cwd]
