"""Which start of a session a SessionStart hook reports, where the session goes on (``resume``, ``compact``).

A plugin and the settings may both register the hook: one start is then reported several times, by processes that run at the
same time, and is to have one name. A session may also be resumed twice within seconds, with the same payload: those are two
starts. They differ in the file for variables that Claude Code gives each SessionStart hook, in CLAUDE_ENV_FILE:
``.../session-env/<session>/sessionstart-hook-<number of the registration>.sh`` (seen from 2.1.197 to 2.1.332). So the n-th
report of one registration and the n-th of another are the n-th start. A process may report twice: the leader took its payload,
but answered too late.

``<session>`` is the id that the process began with. With ``-c``, 2.1.197 goes on with another one, which the payload names, or
(``--fork-session``) stays with it, but the payload does not say so. Where the client's command line can be seen, a fork is
recognised by it (``Traces.fork_of``); elsewhere such a start has the name of the beginning of that session: where it is a fork,
an import finds that beginning in the transcript.

Reports are lines that are appended to a file, one file for each payload, in the order of the file system: each hook finds the
same starts in the lines up to its own, without a lock. Where no file can be written the minute is the name.

Standard library only: hooks load it, at a session's start.
"""

from __future__ import annotations

import os

from ...activity import derived_id, sha256_hex
from ...errors import QueueRefused
from ...fs import LOCAL
from ..session_state import GOING_ON, SessionState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...fs import FileSystem

REPORTED_WITHIN_US = 15_000_000
"""All registrations report a start within the time-out that ``install`` gives a hook, 10 s, and a little more."""
UNNAMED_WITHIN_US = 1_500_000
"""The same where the registrations have no names: the hooks of one start begin together."""
_UNNAMED = "-"
_MINUTE_US = 60_000_000
_MAX_BYTES = 16_384


class Reporter:
    """A hook's process, and what its environment says of the registration and the session that it was started for: ``began`` is
    the id that the client began with, "" where nothing says it."""

    def __init__(self, queue_dir: str, environ: Mapping[str, str], process: int, fs: FileSystem = LOCAL) -> None:
        self._directory = f"{queue_dir}/{GOING_ON}"
        self._state = SessionState(queue_dir, fs=fs)
        self._process = process
        self._fs = fs
        folder, _, self._registration = environ.get("CLAUDE_ENV_FILE", _UNNAMED).rpartition("/")
        above, _, began = folder.rpartition("/")
        self.began = began if above.endswith("/session-env") else ""

    def start(self, session_id: str, source: str, content: str, now_us: int) -> tuple[str, str]:
        """Session and moment (``events.session_activity``) that name the start: equal for two reports of one, different for two
        starts. ``content`` is a hash of the payload."""
        path = f"{self._directory}/{sha256_hex(chr(0).join((session_id, content, self.began)))[:32]}"
        try:
            start, is_first = self._reported(path, now_us)
        except (OSError, QueueRefused):
            start, is_first = f"minute {now_us // _MINUTE_US}", False
        if is_first and source == "resume" and self._begins(session_id):
            return self.began, ""
        return session_id, "\0".join((source, content, start))

    def _begins(self, session_id: str) -> bool:
        """Whether the process has not begun anything else with the id that it began with."""
        if self.began in ("", session_id):
            return False
        noted = self._state.start_of(self.began)
        beginning = derived_id("session_event", "start", f"{self.began}\0")
        return noted is None or noted == beginning == self._state.start_of(session_id)

    def _reported(self, path: str, now_us: int) -> tuple[str, bool]:
        """The name of the start that is reported now, and whether it is the first one in the file."""
        line = f"{now_us} {self._process} {self._registration}"
        self._fs.ensure_directory(self._directory)
        found = self._fs.stat(path)
        if found is not None and found.st_size > _MAX_BYTES:
            self._fs.unlink(path)
        self._fs.append_bytes(path, os.fsencode(f"{line}\n"))
        lines = os.fsdecode(self._fs.read(path)).split("\n")
        starts = _starts_in(lines[: lines.index(line) + 1])
        return starts[-1].name, starts[-1] is starts[0]


class _Start:
    def __init__(self, moment_us: int, process: int) -> None:
        self.name = f"{moment_us} {process}"
        self._moment_us = moment_us
        self._processes: dict[str, int] = {}  # registration -> its process

    def was_reported_by(self, registration: str, process: int) -> bool:
        return self._processes.get(registration) == process

    def can_be(self, now_us: int, registration: str) -> bool:
        """Whether this is the start that another process reports now."""
        age_us = now_us - self._moment_us
        if registration == _UNNAMED:
            return age_us < UNNAMED_WITHIN_US
        return age_us < REPORTED_WITHIN_US and registration not in self._processes

    def add(self, registration: str, process: int) -> None:
        self._processes.setdefault(registration, process)


def _starts_in(lines: list[str]) -> list[_Start]:
    """The start that the first of these lines reports … the one that the last reports."""
    starts: list[_Start] = []
    reported: list[_Start] = []
    for line in lines:
        moment, _, rest = line.partition(" ")
        process, _, registration = rest.partition(" ")
        if moment.isdecimal() and process.isdecimal():
            reported.append(_reported_in(starts, int(moment), int(process), registration))
    return reported


def _reported_in(starts: list[_Start], now_us: int, process: int, registration: str) -> _Start:
    """The one of ``starts`` that this report is of; a new one is added to them."""
    found = next((start for start in starts if start.was_reported_by(registration, process)), None)
    found = found or next((start for start in starts if start.can_be(now_us, registration)), None)
    if found is None:
        found = _Start(now_us, process)
        starts.append(found)
    found.add(registration, process)
    return found
