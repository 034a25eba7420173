"""From a commit to the sessions whose edits it may hold, and how sure that is.

    certain    a session ran ``git commit`` within ``NEAR_S`` of the commit's time, and its command has the commit's subject
    likely     it ran ``git commit`` then, or it edited at least half of the commit's files since the commit before
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

NEAR_S = 120
MAX_DAYS = 30
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


def sessions_of(engine: QueryEngine, commit: Commit) -> list[dict[str, Any]]:
    """The sessions that may be in the commit, the surest first: {session_id, sure, project, files, last_ts, why, resume}.

    Raises a WarehouseError.
    """
    parts: dict[str, _Part] = {}
    for event in _events(engine, commit):
        if event["session_id"]:
            _take(parts.setdefault(event["session_id"], _Part()), event, commit)
    found = [_judged(session_id, part, commit) for session_id, part in parts.items() if part.files or part.committed]
    return sorted(found, key=lambda made: (_LEVELS.index(made["sure"]), -len(made["files"]), made["session_id"]))


def _events(engine: QueryEngine, commit: Commit) -> Sequence[dict[str, Any]]:
    until = iso(commit.committed_us + NEAR_S * 1_000_000)
    where = [*rows.conditions(since=iso(commit.since_us - 1)), f"ts <= '{until[:-1]}'::TIMESTAMP_NTZ"]
    views = {name: rows.VIEWS[name] for name in ("VW_FILE_EVENTS", "VW_TOOL_EVENTS")}
    return rows.events(engine, [*where, "success = TRUE"], views=views)


def _take(part: _Part, event: dict[str, Any], commit: Commit) -> None:
    features = event["feature_json"]
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
    is_here = event["project"] is None or os.path.realpath(event["project"]) == os.path.realpath(commit.root)
    if is_near and is_here and COMMITTED.search(command):
        part.committed = True
        part.named = part.named or bool(commit.subject and commit.subject in command)
        _seen(part, event)


def _seen(part: _Part, event: dict[str, Any]) -> None:
    part.project = event["project"] or part.project
    part.last_ts = max(part.last_ts, event["ts"])


def _judged(session_id: str, part: _Part, commit: Commit) -> dict[str, Any]:
    share = len(part.files) / max(1, len(commit.files))
    sure = "certain" if part.named else "likely" if part.committed or share >= 0.5 else "possible"
    why = [f"edited {len(part.files)} of {len(commit.files)} files since the commit before"] if part.files else []
    why += ["ran git commit with this subject" if part.named else "ran git commit at that time"] if part.committed else []
    return {
        "session_id": session_id,
        "sure": sure,
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
