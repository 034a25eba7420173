"""``activity-mcp-hook``: one payload from standard input becomes lines of the queue, and at a session's start a little context.

    stdin → object → events → redact → build → append, unsynced, within 50 ms of lock → exit 0

Whatever comes in and whatever is broken, it exits 0, prints nothing on stderr, and on stdout nothing but the injection of a
SessionStart: Claude Code would show anything else to the user or to the model, and some exit codes stop what the user does.
What could not be recorded is counted (``drops``, and the queue's own ``refused``), and ``status`` shows it.

Lines are not synced (a kill loses nothing, a power cut what the flusher has not synced yet) and not validated: the flusher does
both. Every tool call pays for this process, so it loads no module that it does not need: standard library only, no regular
expressions before a text gives reason for one, and the process ends without tearing the interpreter down.
"""

from __future__ import annotations

import os

from ...activity import Origin, build
from ...clock import SYSTEM_CLOCK
from ...config import default_home, read_config
from ...errors import DiskFull, ForeignHome, InvalidConfig, QueueBusy, QueueFull, QueueRefused
from ...identity import is_paused, resolve_identity
from ...plain_json import clean, dumps, loads
from ...project import branch_of, commit_of, is_ignored, project_of
from ...queue.writer import QueueWriter
from .payloads import HookPayload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn

    from ...activity import Activity
    from ...clock import Clock
    from ...config import Config
    from ...context.instructions import Instructions, Noted
    from ...identity import Identity
    from .traces import Traces

MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
_PIECE_BYTES = 64 * 1024  # as much as a pipe holds
LOCK_TIMEOUT_S = 0.05
CROWD_TIMEOUT_S = 1.0
"""How much longer it waits where many hooks run at once on a busy machine: for holders that only wait for their turn."""
INJECTED_SOURCES = ("startup", "clear", "compact")
"""A resumed session still has its context; a fork has its parent's."""
_SHORT_LINE_BYTES = 1024  # no value of such a line is over the limit that pressure sets
_COUNTED_BY_QUEUE = (QueueFull, QueueBusy, DiskFull, QueueRefused)
"""Exactly these types: the writer has counted them in ``refused``."""


def main() -> NoReturn:
    """Read standard input, record, print the injection if there is one, and end the process with 0."""
    try:
        os.umask(0o077)
        answer = run(_standard_input(), os.environ)
        while answer:
            answer = answer[os.write(1, answer) :]
    except BaseException:  # noqa: S110 - an interrupt included: nothing may reach Claude Code
        pass
    os._exit(0)


def run(data: bytes | None, environ: Mapping[str, str], *, clock: Clock = SYSTEM_CLOCK, process: int | None = None) -> bytes:
    """Record the payload ``data`` (None: it could not be read); what to print on stdout, mostly nothing. Never raises.

    ``process`` is the id of the hook's process, where that is not this one.
    """
    try:
        config = read_config(environ)
    except Exception as error:
        _note_drop(_likely_queue_root(environ), error, is_configuration=True)
        return b""

    def failed(error: Exception) -> None:
        if not isinstance(error, ForeignHome):
            _note_drop(config.queue_root, error)

    try:
        return answer_to(data, environ, config, clock, failed, process or os.getpid())
    except Exception as error:
        failed(error)
    return b""


class UnreadablePayload(ValueError):
    """What came is not the JSON object that Claude Code gives a hook."""


def _note_drop(queue_root: str, error: Exception, *, is_configuration: bool = False) -> None:
    from ...recording.dropped import CONFIGURATION, PAYLOAD, QUEUE, UNEXPECTED, note_drop

    if is_configuration or isinstance(error, InvalidConfig):
        kind = CONFIGURATION
    elif isinstance(error, UnreadablePayload):
        kind = PAYLOAD
    else:
        kind = QUEUE if isinstance(error, QueueRefused) else UNEXPECTED
    note_drop(queue_root, kind)


def answer_to(
    data: bytes | None,
    environ: Mapping[str, str],
    config: Config,
    clock: Clock,
    failed: Callable[[Exception], None],
    process: int,
) -> bytes:
    """Record the payload ``data`` of the hook's ``process``; what to print. ``failed`` gets the error of an event that was not
    recorded: where it returns, a starting session gets its context all the same. Raises whatever else goes wrong."""
    if not config.record or is_paused(config.home):
        return b""
    members = _members_of(data)
    if members is None:
        raise UnreadablePayload("no JSON object")
    place = Place(members, environ)
    if place.is_ignored():
        return b""
    identity = resolve_identity(config.home, environ, config.customer)
    if config.is_embedded and not os.path.isdir(config.queue_dir):
        from ...queue.moved import follow_move

        follow_move(config.queue_dir, config.db)
    try:
        _record(members, place, identity, config, clock, lambda queue_dir: _traces(queue_dir, environ, process))
    except Exception as error:
        failed(error)
    return _injection(members, place, environ, identity, config, clock)


class Place:
    """Where it happened: the project of the session, and of the directory it was in just then."""

    def __init__(self, members: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        cwd = members.get("cwd")
        self._cwd = cwd if isinstance(cwd, str) and os.path.isabs(cwd) else None
        directory = environ.get("CLAUDE_PROJECT_DIR") or self._cwd
        self.project = project_of(directory) if directory else None

    def is_ignored(self) -> bool:
        """Whether either of the two asks not to be recorded."""
        return is_ignored(self.project) or (self._cwd is not None and is_ignored(project_of(self._cwd)))

    def branch(self) -> str | None:
        """The branch checked out there."""
        directory = self._cwd or self.project
        return branch_of(directory) if directory else None

    def commit(self) -> str | None:
        """The commit checked out there."""
        directory = self._cwd or self.project
        return commit_of(directory) if directory else None


def _traces(queue_dir: str, environ: Mapping[str, str], process: int) -> Traces:
    from .traces import Traces

    return Traces(queue_dir, environ, process)


def _record(
    members: dict[str, Any],
    place: Place,
    identity: Identity,
    config: Config,
    clock: Clock,
    traces_in: Callable[[str], Traces],
) -> None:
    redactor, queue_dir = config.redactor(), config.queue_dir
    payload = HookPayload(
        members,
        redactor=redactor,
        prompts=config.prompts,
        now_us=clock.time_us(),
        branch=place.branch,
        commit=place.commit,
        traces=lambda: traces_in(queue_dir),
    )
    drafts = payload.drafts()
    if not drafts:
        return
    origin = Origin(
        identity.customer,
        "hook",
        anonymous_customer_id=identity.anonymous_customer_id,
        session_id=payload.session_id,
        project=place.project,
        org_id=config.org_id,
        redactor=redactor,
    )
    now_us, ts_us = clock.time_us(), payload.ts_us
    made = [
        build(draft.event_name, draft.features, origin, now_us=now_us, activity_id=draft.activity_id, ts=ts_us, strict=False)
        for draft in drafts
    ]
    if _append(made, config, clock):
        try:
            payload.leave_traces(drafts[0].activity_id)
        except Exception:  # noqa: S110 - what later hooks lose by it is little, and the event itself is recorded
            pass


def _append(made: list[Activity], config: Config, clock: Clock) -> bool:
    """Whether the queue took them. What it refused and counted is no error of the hook's."""
    writer = QueueWriter(
        config.queue_dir,
        sink=config.sink,
        max_bytes=config.max_queue_bytes,
        durability="none",
        lock_timeout=LOCK_TIMEOUT_S,
        crowd_timeout=CROWD_TIMEOUT_S,
        clock=clock,
    )
    lines = [activity.line() for activity in made]
    try:
        if max(map(len, lines)) > _SHORT_LINE_BYTES and writer.pressure() != "ok":
            lines = [activity.line(degraded=True) for activity in made]
        writer.append(lines)
    except QueueRefused as refused:
        if type(refused) not in _COUNTED_BY_QUEUE:
            raise
        return False
    return True


def _injection(
    members: Mapping[str, Any], place: Place, environ: Mapping[str, str], identity: Identity, config: Config, clock: Clock
) -> bytes:
    """The context for a starting session, as Claude Code's JSON, or nothing. From the snapshot file only: no waiting."""
    starts = members.get("hook_event_name") == "SessionStart" and members.get("source") in INJECTED_SOURCES
    if not starts or not config.inject_chars or place.project is None:
        return b""
    from ...context.injection import injection_text
    from ...context.snapshot import SnapshotStore

    try:
        redactor = config.redactor()
    except InvalidConfig:
        return b""  # counted where it was recorded
    customer, project = redactor.identifier(identity.customer), redactor.label(place.project)
    snapshot = SnapshotStore(os.path.join(config.queue_dir, "context"), clock=clock).read(customer, project)
    if snapshot is None:
        return b""
    session_id = members.get("session_id") if members.get("source") == "compact" else None
    text = injection_text(
        snapshot.blob,
        project=place.project,
        now_us=clock.time_us(),
        limit=config.inject_chars,
        session_id=session_id if isinstance(session_id, str) else None,
        instructions=_instructions(snapshot.blob, place.project, environ),
    )
    if not text:
        return b""
    answer = {"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": text}}
    return dumps(answer).encode("utf-8", "replace")


def _instructions(blob: Mapping[str, Any], project: str, environ: Mapping[str, str]) -> Noted | Instructions:
    """What this session reads in CLAUDE.md and MEMORY.md: as the leader noted it; read only where they have changed since."""
    from ...context.instructions import noted_in, paths_for, read_instructions, signature_of

    paths = paths_for(project, environ)
    return noted_in(blob, signature_of(paths)) or read_instructions(paths)


# --- the payload


def _standard_input() -> bytes | None:
    """All of it; None where it cannot be read, or is larger than a hook reads."""
    pieces, size = [], 0
    try:
        while piece := os.read(0, _PIECE_BYTES):
            size += len(piece)
            if size > MAX_PAYLOAD_BYTES:
                return None
            pieces.append(piece)
    except OSError:
        return None
    return b"".join(pieces)


def _members_of(data: bytes | None) -> dict[str, Any] | None:
    """The payload as JSON can hold it; None where it is no object."""
    if data is None:
        return None
    try:
        found = loads(data.decode("utf-8", "replace").removeprefix("\ufeff"))
        return clean(found, "payload", strict=False) if isinstance(found, dict) else None
    except ValueError:
        return None


def _likely_queue_root(environ: Mapping[str, str]) -> str:
    """Where the configuration would put the queues, were it to be read."""
    try:
        home = environ.get("ACTIVITY_HOME") or default_home(environ)
        return os.path.abspath(os.path.expanduser(environ.get("QUEUE_DIR") or os.path.join(home, "queue")))
    except Exception:
        return os.devnull
