"""``activity-mcp statusline``: one line for Claude Code's status line, from its JSON on standard input.

    $4.20 today (~$1.10) · $0.35 session · context 42% · 5h 61% (14:00) · 7d 12% · recording

    today         what is recorded, of all sessions, as of the last flush; in brackets the part that is an estimate
    session       Claude Code's own sum
    context, 5h, 7d    how full the context window and the subscription's limits are, and when a limit is reset
    recording     or why not

First it records what only the status line knows (limits, Claude Code's sum), when that has changed: an update cancels a script
that still runs. Like a hook it exits 0 whatever comes, prints nothing on stderr, waits for nothing, and loads the standard
library only. With a second argument it runs that command first: the status line that was there before (``setup.statusline``).
"""

from __future__ import annotations

import os
import time

from ...activity import Origin, build, derived_id, sha256_hex
from ...clock import SYSTEM_CLOCK
from ...config import read_config
from ...errors import QueueRefused
from ...fs import LOCAL
from ...identity import is_paused, resolve_identity
from ...plain_json import clean, loads
from ...project import is_ignored, project_of
from ...queue.writer import QueueWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn

    from ...clock import Clock
    from ...config import Config

MAX_INPUT_BYTES = 1024 * 1024
FOLDER = "statusline"
_LIMITS = (("five_hour", "5h"), ("seven_day", "7d"))
_LOCK_TIMEOUT_S = 0.05
_MAX_PIPE_BYTES = 60 * 1024  # what a pipe takes without a reader


def main(arguments: Sequence[str] = ()) -> NoReturn:
    """Read standard input, record, print the line, and end the process with 0."""
    try:
        os.umask(0o077)
        data = _standard_input()
        line = run(data, os.environ)
        if arguments:
            _run_wrapped(arguments[0], data)
        answer = line.encode("utf-8", "replace")
        while answer:
            answer = answer[os.write(1, answer) :]
    except BaseException:  # noqa: S110 - an interrupt included: nothing may reach Claude Code
        pass
    os._exit(0)


def run(data: bytes, environ: Mapping[str, str], *, clock: Clock = SYSTEM_CLOCK) -> str:
    """Record what is new in the input; the line to print. Never raises."""
    try:
        found = loads(data.decode("utf-8", "replace").removeprefix("\ufeff"))
        given = clean(found, "status", strict=False) if isinstance(found, dict) else {}
    except (ValueError, RecursionError):
        given = {}
    try:
        config = read_config(environ)
    except Exception:
        return _joined([*_of_client(given), "not recording: a variable cannot be used"])
    try:
        state = _record(given, environ, config, clock)
    except QueueRefused:
        state = "NOT recording: the queue takes nothing"
    except Exception:
        state = "NOT recording: see `activity-mcp doctor`"
    try:
        today = _today(environ, config, clock)
    except Exception:
        today = []
    return _joined([*today, *_of_client(given), state])


def _joined(parts: list[str]) -> str:
    return " · ".join(parts) + "\n"


# --- what the client says


def _of_client(given: Mapping[str, Any]) -> list[str]:
    parts = []
    cost = _number(_within(given, "cost", "total_cost_usd"))
    if cost is not None:
        parts.append(f"{_dollars(cost)} session")
    used = _number(_within(given, "context_window", "used_percentage"))
    if used is not None:
        parts.append(f"context {used:.0f}%")
    for name, shown in _LIMITS:
        share = _number(_within(given, "rate_limits", name, "used_percentage"))
        if share is not None:
            parts.append(f"{shown} {share:.0f}%{_again(_within(given, 'rate_limits', name, 'resets_at'))}")
    return parts


def _again(resets_at: Any) -> str:
    """When a limit is reset, by the clock of this machine."""
    seconds = _number(resets_at)
    if not seconds or seconds > 1e11:
        return ""
    return time.strftime(" (%H:%M)" if seconds - time.time() < 86_400 else " (%d %b)", time.localtime(seconds))


def _features(given: Mapping[str, Any]) -> dict[str, Any]:
    """What only the status line knows, as far as it is there."""
    limits = {}
    for name, _ in _LIMITS:
        limit = {
            "used_percent": _number(_within(given, "rate_limits", name, "used_percentage")),
            "resets_at": _number(_within(given, "rate_limits", name, "resets_at")),
        }
        if limit["used_percent"] is not None:
            limits[name] = {key: value for key, value in limit.items() if value is not None}
    model = _within(given, "model", "id")
    found = {
        "cost_usd": _number(_within(given, "cost", "total_cost_usd")),
        "context_used_percent": _number(_within(given, "context_window", "used_percentage")),
        "limits": limits or None,
        "model": model if isinstance(model, str) and model else None,
    }
    return {name: value for name, value in found.items() if value is not None}


# --- recording


def _record(given: Mapping[str, Any], environ: Mapping[str, str], config: Config, clock: Clock) -> str:
    """Append what is new; whether this is recorded, in a word."""
    session_id, project = given.get("session_id"), _project(given, environ)
    if not config.record or is_paused(config.home) or is_ignored(project):
        return "not recording here"
    features = _features(given)
    if not isinstance(session_id, str) or not session_id or not (features.get("cost_usd") or features.get("limits")):
        return "recording"
    key = sha256_hex(repr(sorted(features.items(), key=str)))
    path = os.path.join(config.queue_dir, FOLDER, sha256_hex(session_id)[:32])
    if _noted(path) != key:
        identity = resolve_identity(config.home, environ, config.customer)
        origin = Origin(
            identity.customer,
            "hook",
            anonymous_customer_id=identity.anonymous_customer_id,
            session_id=session_id,
            project=project,
            org_id=config.org_id,
            redactor=config.redactor(),
        )
        made = build(
            "session_event",
            {"session_id": session_id, "event_type": "status", **features},
            origin,
            now_us=clock.time_us(),
            activity_id=derived_id("session_event", "status", f"{session_id}\0{key}"),
            strict=False,
        )
        writer = QueueWriter(
            config.queue_dir,
            sink=config.sink,
            max_bytes=config.max_queue_bytes,
            durability="none",
            lock_timeout=_LOCK_TIMEOUT_S,
            clock=clock,
        )
        writer.append([made.line()])
        LOCAL.ensure_directory(os.path.dirname(path))
        LOCAL.publish(path, key.encode(), durable=False)
    return "recording"


def _project(given: Mapping[str, Any], environ: Mapping[str, str]) -> str | None:
    named = _within(given, "workspace", "project_dir") or environ.get("CLAUDE_PROJECT_DIR") or given.get("cwd")
    return project_of(named) if isinstance(named, str) and os.path.isabs(named) else None


def _noted(path: str) -> str | None:
    try:
        return LOCAL.read(path, 128).decode("ascii", "replace")
    except OSError:
        return None


# --- today


def _today(environ: Mapping[str, str], config: Config, clock: Clock) -> list[str]:
    """What today cost so far, by the snapshot of all projects; and the budget, where one is nearly spent."""
    from ...context.snapshot import ALL_PROJECTS, SnapshotStore
    from ...context.usage import usage_of

    identity = resolve_identity(config.home, environ, config.customer)
    customer = config.redactor().identifier(identity.customer)
    snapshot = SnapshotStore(os.path.join(config.queue_dir, "context"), clock=clock).read(customer, ALL_PROJECTS)
    models = usage_of(snapshot.blob, clock.time_us()).today.values() if snapshot is not None else ()
    spent, estimated = (sum(use.get(name, 0) for use in models) for name in ("cost_usd", "cost_estimated_usd"))
    shown = f"{_dollars(spent)} today" + (f" (~{_dollars(estimated)})" if estimated else "")
    budget = config.budget_day_usd
    if budget is not None and spent >= 0.8 * budget:
        shown += f", {spent / budget:.0%} of {_dollars(budget)}"
    return [shown, *_month(config, clock)]


def _month(config: Config, clock: Clock) -> list[str]:
    """The month's budget, where one is nearly spent, as the leader noted it."""
    if config.budget_month_usd is None:
        return []
    from ...context.spent import nearly_spent

    found = nearly_spent(config.queue_dir, {"month": config.budget_month_usd}, clock.time_us())
    return [f"month {budget['percent']}% of {_dollars(budget['budget_usd'])}" for budget in found]


# --- small things


def _within(given: Mapping[str, Any], *names: str) -> Any:
    found: Any = given
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
        return None
    return value


def _dollars(amount: float) -> str:
    return f"${amount:.4f}" if 0 < amount < 0.01 else f"${amount:,.2f}"


def _run_wrapped(command: str, data: bytes) -> None:
    """Run the status line that was there before, on the same input; what it prints goes where ours goes, before it."""
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    actions = [(os.POSIX_SPAWN_DUP2, reading, 0), (os.POSIX_SPAWN_CLOSE, reading), (os.POSIX_SPAWN_CLOSE, writing)]
    child = os.posix_spawn("/bin/sh", ["sh", "-c", command], os.environ, file_actions=actions)
    os.close(reading)
    try:
        os.write(writing, data[:_MAX_PIPE_BYTES])
    except OSError:
        pass  # it does not read its input
    os.close(writing)
    os.waitpid(child, 0)


def _standard_input() -> bytes:
    pieces, size = [], 0
    while size < MAX_INPUT_BYTES and (piece := os.read(0, 1 << 16)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)
