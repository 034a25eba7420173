"""Installing into Claude Code's files and taking it out again, so that nothing of anybody else's changes.

    scope user      ~/.claude.json (server) and ~/.claude/settings.json (hooks); below CLAUDE_CONFIG_DIR where that is set
    scope project   .mcp.json and .claude/settings.json in the root of the project

``plan_install`` and ``plan_uninstall`` read everything and write nothing; a file that cannot be read whole refuses the plan
before any file is touched. ``Change.apply`` publishes one file atomically, through symbolic links, with its permissions, after
looking that nobody has written it since (Claude Code itself writes ``.claude.json``). Every file that is changed is kept beside
it as it was: before the first installation under ``BACKUP_ENDING``, which uninstalling puts back byte for byte where installing
it gives what is there now; before a later one, with our older registration in it, under ``PREVIOUS_ENDING``.
"""

from __future__ import annotations

import difflib
import json
import os
import shutil
import stat
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ... import fs
from ...errors import InvalidInput
from ..hooks.start_hook import hook_command
from ..versions import knows_event
from .exporter import own_env, with_exporter, without_exporter
from .json_editor import JsonText
from .registration import HOOK_EVENTS, with_hooks, with_server, without_hooks, without_server
from .statusline import is_ours, with_statusline, without_statusline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..versions import Version

SCOPES = ("user", "project")
BACKUP_ENDING = ".activity-mcp-backup"
PREVIOUS_ENDING = ".activity-mcp-previous"


@dataclass(frozen=True, slots=True)
class Commands:
    """What to start: absolute, so that it runs outside of the virtual environment it is installed in; ``events`` are hooked.

    ``exporter``: the variables of Claude Code's exporter, where it is to report here (``exporter.exporter_env``).
    """

    server: list[str]
    hook: list[str]
    events: tuple[str, ...] = HOOK_EVENTS
    exporter: Mapping[str, str] | None = None
    has_statusline: bool = False


@dataclass(frozen=True, slots=True)
class Files:
    """The two files of a scope, and the permissions they are made with: a project's are readable by all who share the
    repository."""

    servers: str
    settings: str
    mode: int


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one file: ``before`` and ``after`` are its bytes, None where there is no file.

    ``ending`` names the copy that is kept of ``before``; ``restores``: ``after`` is what the backup holds (no file,
    where there was none): then the copies go instead.
    """

    path: str
    before: bytes | None
    after: bytes | None
    mode: int
    ending: str = BACKUP_ENDING
    restores: bool = False

    @property
    def backup(self) -> str | None:
        """Where the file as it was is kept; None where there was none, or nothing of it is lost."""
        return None if self.before is None or self.restores else self.path + self.ending

    def diff(self) -> str:
        """The change as a unified diff."""
        old, new = (_text(data).splitlines(keepends=True) for data in (self.before, self.after))
        names = (self.path if self.before is not None else "/dev/null", self.path if self.after is not None else "/dev/null")
        lines = difflib.unified_diff(old, new, *names)
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)

    def apply(self) -> None:
        """Write it. Raises InvalidInput when the file is no longer what it was when the change was planned."""
        if _read(self.path) != self.before:
            raise InvalidInput(
                f"{self.path} was written by another program just now; it was left as it is",
                hint="close Claude Code and try again",
            )
        if self.backup is not None and self.before is not None:
            fs.publish(self.backup, self.before, mode=self.mode)
        if self.after is None:
            os.unlink(self.path)
            _remove_if_empty(os.path.dirname(self.path))
        else:
            _make_directory(os.path.dirname(self.path), self.mode)
            fs.publish(self.path, self.after, mode=self.mode)
        if self.restores:
            for ending in (BACKUP_ENDING, PREVIOUS_ENDING):
                fs.LOCAL.unlink(self.path + ending)


def files_of(scope: str, environ: Mapping[str, str], root: str) -> Files:
    """Where this scope's registration lives; ``root`` is the project's."""
    if scope == "project":
        return Files(os.path.join(root, ".mcp.json"), os.path.join(root, ".claude", "settings.json"), 0o644)
    home = environ.get("HOME") or os.path.expanduser("~")
    moved = environ.get("CLAUDE_CONFIG_DIR")
    return Files(
        os.path.join(os.path.abspath(moved or home), ".claude.json"),
        os.path.join(os.path.abspath(moved or os.path.join(home, ".claude")), "settings.json"),
        0o600,
    )


def project_root(directory: str) -> str:
    """Where Claude Code looks for a project's files: the nearest parent with ``.git``, else the directory itself."""
    at = os.path.abspath(directory)
    while not os.path.exists(os.path.join(at, ".git")):
        parent = os.path.dirname(at)
        if parent == at:
            return os.path.abspath(directory)
        at = parent
    return at


def commands(version: Version | None = None, hook: Sequence[str] = ()) -> Commands:
    """How to start the server and the hook of this very installation, for the events that this Claude Code has. ``hook``: in
    place of the hook in Python alone."""
    return Commands(
        server=[*(_script("activity-mcp") or [os.path.abspath(sys.executable), "-m", "activity_mcp"]), "serve"],
        hook=list(hook) or hook_command(),
        events=tuple(event for event in HOOK_EVENTS if knows_event(version, event)),
    )


def _script(name: str) -> list[str] | None:
    """The console script beside this interpreter, else the one on PATH."""
    beside = os.path.join(os.path.dirname(os.path.abspath(sys.executable)), name)
    if os.access(beside, os.X_OK):
        return [beside]
    found = shutil.which(name)
    return [os.path.abspath(found)] if found else None


# --- plans


def plan_install(files: Files, commands: Commands) -> list[Change]:
    """What installing would change, nothing for a file that is as it should be. Raises InvalidInput."""
    return [change for edit in _edits(files, commands) if (change := edit.install()) is not None]


def plan_uninstall(files: Files, commands: Commands) -> list[Change]:
    """What uninstalling would change. Raises InvalidInput."""
    present = json_of(files.settings)
    settings = present if isinstance(present, dict) else {}
    line = settings.get("statusLine")
    has_statusline = is_ours(line.get("command") if isinstance(line, dict) else None)
    commands = replace(commands, exporter=own_env(settings.get("env")) or None, has_statusline=has_statusline)
    return [change for edit in _edits(files, commands) if (change := edit.uninstall()) is not None]


def _edits(files: Files, commands: Commands) -> list[_Edit]:
    servers, settings = os.path.realpath(files.servers), os.path.realpath(files.settings)
    return [
        _Edit(servers, files.mode, lambda file: with_server(file, commands.server), without_server),
        _Edit(settings, files.mode, lambda file: _with_ours(file, commands), _without_ours),
    ]


def _with_ours(file: JsonText, commands: Commands) -> JsonText:
    file = with_hooks(file, commands.hook, commands.events)
    file = file if commands.exporter is None else with_exporter(file, commands.exporter)
    return with_statusline(file) if commands.has_statusline else file


def _without_ours(file: JsonText) -> JsonText:
    return without_statusline(without_exporter(without_hooks(file)))


@dataclass(frozen=True, slots=True)
class _Edit:
    """How to put our part into one file, and how to take it out."""

    path: str
    mode: int
    put: Callable[[JsonText], JsonText]
    take: Callable[[JsonText], JsonText]

    def install(self) -> Change | None:
        before = _read(self.path)
        file = _parsed(self.path, before)
        after = _bytes(self.put(file))
        if after == before:
            return None
        has_ours = self.take(file).text != file.text
        return self._change(before, after, ending=PREVIOUS_ENDING if has_ours else BACKUP_ENDING)

    def uninstall(self) -> Change | None:
        before = _read(self.path)
        if before is None:
            return None
        file = _parsed(self.path, before)
        taken = self.take(file)
        if taken.text == file.text:
            return None
        kept = _read(self.path + BACKUP_ENDING)
        if self._gives(kept, before):
            return self._change(before, kept, restores=True)
        return self._change(before, _bytes(taken))

    def _gives(self, old: bytes | None, now: bytes) -> bool:
        """Whether installing into ``old`` gives what is there now."""
        try:
            return _bytes(self.put(_parsed(self.path, old))) == now
        except InvalidInput:
            return False

    def _change(
        self, before: bytes | None, after: bytes | None, *, ending: str = BACKUP_ENDING, restores: bool = False
    ) -> Change:
        return Change(self.path, before, after, _mode(self.path, self.mode), ending, restores)


def _parsed(path: str, data: bytes | None) -> JsonText:
    try:
        return JsonText.parse((data or b"").decode("utf-8"), path)
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not UTF-8; nothing was changed", hint="mend the file first") from None


def _bytes(file: JsonText) -> bytes:
    return file.text.encode("utf-8", "surrogatepass")


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "replace")


def _read(path: str) -> bytes | None:
    try:
        return fs.read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror}); nothing was changed") from None


def json_of(path: str) -> object:
    """What a file holds, to look at only; None where it cannot be read."""
    try:
        found: object = json.loads(fs.read(path))
    except (OSError, ValueError, RecursionError):
        return None
    return found


def _mode(path: str, new: int) -> int:
    """The permissions the file has, or those of a new one."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        return new


def _make_directory(directory: str, mode: int) -> None:
    """As readable as the file in it: a project's ``.claude`` belongs to all who share the repository."""
    if not os.path.isdir(directory):
        os.makedirs(directory)
        os.chmod(directory, 0o755 if mode & 0o044 else 0o700)


def _remove_if_empty(directory: str) -> None:
    """A ``.claude`` that was made for the file that is gone."""
    if os.path.basename(directory) == ".claude" and not os.listdir(directory):
        os.rmdir(directory)
