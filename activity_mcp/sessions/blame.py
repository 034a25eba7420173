"""From a commit to the sessions whose edits it may hold, and how sure that is.

    certain    git printed the commit's id to a call of the session; or a session ran ``git commit`` within ``NEAR_S`` of the
               commit's time with its subject; or it edited some of the files, and the commit was made during a turn of it that
               ended on that commit
    likely     it ran ``git commit`` then, or the commit was made during such a turn of it, or it edited at least half of the
               commit's files since the commit before
    possible   it edited some of the commit's files since the commit before

Nothing more is known: no hook sees which lines became part of a commit. The commit's time is its committer's, so a rebased or
amended commit is later than the work in it. Files are compared by their path in the working tree.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..clock import iso, parse_iso
from ..errors import InvalidInput
from . import rows
from .story import COMMITTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..warehouse.base import QueryEngine
    from .shapes import CommitSession, Event

NEAR_S = 120
TURN_S = 12 * 3600
"""A turn that the commit was made in ends this long after it at the latest."""
MAX_DAYS = 30
MIN_NAME = 7
"""git prints at least so many digits of a commit's id."""
_DAY_US = 86_400_000_000
_LEVELS = ("certain", "likely", "possible")


@dataclass(frozen=True, slots=True)
class Commit:
    """``since_us`` is the time of the commit before it; ``files`` are absolute paths."""

    sha: str
    subject: str
    committed_us: int
    since_us: int
    root: str
    files: frozenset[str]


@dataclass(slots=True)
class _Part:
    """What one session did with a commit's files."""

    files: set[str] = field(default_factory=set)
    project: str | None = None
    last_ts: str = ""
    committed: bool = False
    named: bool = False
    printed: bool = False
    during_a_turn: bool = False
    turn_began_us: int | None = None

    def has_a_part(self) -> bool:
        return bool(self.files) or self.committed or self.during_a_turn


def read_commit(directory: str, name: str) -> Commit:
    """The commit of this name in the repository around ``directory``. Raises InvalidInput where there is none."""
    root = _git(directory, "rev-parse", "--show-toplevel").strip()
    sha = _git(directory, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").strip()
    seconds, subject, *_ = _git(root, "show", "--no-patch", "--format=%ct%n%s", sha).split("\n")
    before = _git(root, "log", "-1", "--format=%ct", f"{sha}^", may_fail=True).strip()
    names = _git(root, "diff-tree", "--no-commit-id", "--name-only", "--root", "-r", "-m", "-z", sha).split("\0")
    committed_us = int(seconds) * 1_000_000
    oldest = committed_us - MAX_DAYS * _DAY_US
    since_us = max(int(before) * 1_000_000, oldest) if before else oldest
    files = frozenset(os.path.join(root, path) for path in names if path)
    return Commit(sha, subject, committed_us, min(since_us, committed_us), root, files)


def sessions_of(engine: QueryEngine, commit: Commit) -> list[CommitSession]:
    """The sessions that may be in the commit, the surest first. Raises a WarehouseError."""
    parts: dict[str, _Part] = {}
    for event in _events(engine, commit):
        if event["session_id"]:
            _take(parts.setdefault(event["session_id"], _Part()), event, commit)
    found = [_judged(session_id, part, commit) for session_id, part in parts.items() if part.has_a_part()]
    return sorted(found, key=lambda made: (_LEVELS.index(made["sure"]), -len(made["files"]), made["session_id"]))


def _events(engine: QueryEngine, commit: Commit) -> Sequence[Event]:
    where = [*rows.conditions(since=iso(commit.since_us - 1)), _until(commit.committed_us + NEAR_S * 1_000_000)]
    views = {name: rows.VIEWS[name] for name in ("VW_FILE_EVENTS", "VW_TOOL_EVENTS")}
    done = rows.events(engine, [*where, "success = TRUE"], views=views)
    turn_us = TURN_S * 1_000_000
    where = [*rows.conditions(since=iso(commit.committed_us - turn_us)), _until(commit.committed_us + turn_us)]
    turns = rows.events(
        engine,
        [*where, "event_type IN ('user_prompt', 'turn_end')"],
        views={"VW_SESSION_EVENTS": rows.VIEWS["VW_SESSION_EVENTS"]},
    )
    return [*done, *turns]


def _until(us: int) -> str:
    return f"ts <= '{iso(us)[:-1]}'::TIMESTAMP_NTZ"


def _take(part: _Part, event: Event, commit: Commit) -> None:
    features = event["feature_json"]
    if event["event_name"] == "session_event":
        _take_turn(part, event, features, commit)
        return
    if event["event_name"] == "file_event":
        path = features.get("file_path")
        if (
            features.get("operation") != "read"
            and path in commit.files
            and parse_iso(event["ts"]) <= commit.committed_us + 999_999
        ):
            part.files.add(path)
            _seen(part, event)
        return
    parameters = features.get("parameters")
    command = str(parameters.get("command", "")) if isinstance(parameters, dict) else ""
    is_near = abs(parse_iso(event["ts"]) - commit.committed_us) <= NEAR_S * 1_000_000
    if _is_of(features.get("git_commit"), commit):
        part.printed = part.committed = True
        _seen(part, event)
    is_here = event["project"] is None or os.path.realpath(event["project"]) == os.path.realpath(commit.root)
    if is_near and is_here and COMMITTED.search(command):
        part.committed = True
        part.named = part.named or bool(commit.subject and commit.subject in command)
        _seen(part, event)


def _take_turn(part: _Part, event: Event, features: dict[str, Any], commit: Commit) -> None:
    """Prompts and ends of turns come in the order of time: whether the commit was made between the two of one turn."""
    at_us = parse_iso(event["ts"])
    if features.get("event_type") == "user_prompt":
        part.turn_began_us = at_us
        return
    began_us, part.turn_began_us = part.turn_began_us, None
    is_between = began_us is not None and began_us - 999_999 <= commit.committed_us <= at_us
    if is_between and _is_of(features.get("git_commit"), commit):
        part.during_a_turn = True
        _seen(part, event)


def _is_of(name: Any, commit: Commit) -> bool:
    return isinstance(name, str) and len(name) >= MIN_NAME and commit.sha.startswith(name)


def _seen(part: _Part, event: Event) -> None:
    part.project = event["project"] or part.project
    part.last_ts = max(part.last_ts, event["ts"])


def _judged(session_id: str, part: _Part, commit: Commit) -> CommitSession:
    share = len(part.files) / max(1, len(commit.files))
    is_certain = part.named or part.printed or (part.during_a_turn and bool(part.files))
    is_likely = part.committed or part.during_a_turn or share >= 0.5
    why = ["made it: git printed its id"] if part.printed else []
    why += [f"edited {len(part.files)} of {len(commit.files)} files since the commit before"] if part.files else []
    if part.committed and not part.printed:
        why.append("ran git commit with this subject" if part.named else "ran git commit at that time")
    why += ["a turn of it ended on this commit"] if part.during_a_turn else []
    return {
        "session_id": session_id,
        "sure": "certain" if is_certain else "likely" if is_likely else "possible",
        "project": part.project,
        "files": sorted(os.path.relpath(path, commit.root) for path in part.files),
        "last_ts": part.last_ts,
        "why": "; ".join(why),
        "resume": f"claude --resume {session_id}",
    }


def _git(directory: str, *arguments: str, may_fail: bool = False) -> str:
    try:
        done = subprocess.run(["git", "-C", directory, *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise InvalidInput("git is not installed; nothing was looked for", hint="install git") from None
    if done.returncode and not may_fail:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InvalidInput(
            f"git knows no such commit here: {said[-1] if said else arguments[-1]}",
            hint="name a commit of the repository you are in",
        )
    return done.stdout.decode("utf-8", "replace") if not done.returncode else ""
