"""What is kept of a transcript between its lines: sessions, calls without a result, responses still being written.

And the fields of a single line.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...activity import derived_number, sha256_hex
from ..prompts import text_of
from .turns import Turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..prompts import Utterance
    from .turns import Turn


_LOW = (1 << 64) - 1


@dataclass(slots=True)
class Waiting:
    """A prompt in the queue. ``is_recorded``: another line reports it."""

    text: str
    ts_us: int
    is_recorded: bool = False


@dataclass(slots=True)
class Session:
    """One session of the file."""

    id: str
    cwd: str | None = None
    version: str | None = None
    branch: str | None = None
    started: bool = False
    first_us: int | None = None
    last_us: int | None = None
    activities: int = 0
    tokens: int = 0
    turns: Turns = field(default_factory=Turns)
    is_copied: bool = False  # the running turn: it is another session's, of which this one is a fork
    is_continued: bool = False  # by another session of the same file, which is a fork of it
    repeats: Counter[str] = field(default_factory=Counter)  # of prompts without an id, by their key
    queue: list[Waiting] = field(default_factory=list)
    absorbed: list[Waiting] = field(default_factory=list)
    queue_lines: set[tuple[str, str, int]] = field(default_factory=set)  # those read, as operation, text and time

    @property
    def turn(self) -> Turn:
        """The turn of the line that was read last."""
        return self.turns.current


@dataclass(slots=True)
class Call:
    """A call without a result yet. ``is_alone``: no other call of its conversation was open meanwhile; ``key`` is what its
    events are named by, ``line`` the uuid of its line; ``is_damaged``: what came behind it is lost in part; ``outcome``:
    whether it succeeded, by what is left of its result.
    """

    session: Session
    id: str
    key: str
    line: str | None
    name: str
    input: Any
    ts_us: int
    timed: bool
    common: dict[str, Any]
    branch: str | None
    is_alone: bool = True
    is_damaged: bool = False
    outcome: bool | None = None

    @property
    def chain(self) -> tuple[str, str | None]:
        """The conversation it belongs to: its session's, or a subagent's."""
        return self.session.id, self.common.get("agent_id")


@dataclass(slots=True, eq=False)
class Response:
    """A response of the model. ``position``: where the next one of its chain begins, None while it is the last; ``lines``:
    their uuids, where its id is not unique; ``details``: what else its price depends on; ``is_followed``: a line of the user's
    came after it; ``is_known``: another file has reported it; ``is_whole``: one of its lines has a stop reason; ``named``: the
    activity id of its message.
    """

    session: Session
    key: str
    id: str
    model: str
    ts_us: int
    features: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    details: dict[str, int] = field(default_factory=dict)
    named: str = ""
    chain: tuple[str, str | bool] = ("", False)
    lines: list[str] = field(default_factory=list)
    position: int | None = None
    is_followed: bool = False
    is_known: bool = False
    is_whole: bool = False


def dedup_key(activity_id: str) -> int:
    """The activity id in 64 bits, for a ``KeySet``."""
    number = int(activity_id.replace("-", ""), 16)
    return number >> 64 ^ number & _LOW


def dedup_key_of(event_name: str, kind: str, key: str) -> int:
    """``dedup_key`` of the id that ``derived_id`` makes of these."""
    number = derived_number(event_name, kind, key)
    return number >> 64 ^ number & _LOW


def text_in(members: dict[str, Any], name: str) -> str | None:
    """The member, if it is a text with something in it."""
    value = members.get(name)
    return value if value and isinstance(value, str) else None


def texts_in(members: dict[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """The members that are texts with something in them, by new names."""
    get = members.get
    return {name: value for name, member in names.items() if (value := get(member)) and isinstance(value, str)}


def original_uuid(line: dict[str, Any]) -> str | None:
    """The uuid of the line that this one is a copy of (``forkedFrom``), or its own."""
    origin = line.get("forkedFrom")
    copied = text_in(origin, "messageUuid") if isinstance(origin, dict) else None
    return copied or text_in(line, "uuid")


def line_id(session: Session, line: dict[str, Any], words: Utterance) -> str:
    """The line's uuid, or that of the line it is a copy of; else a hash of its text and time."""
    return original_uuid(line) or sha256_hex("\0".join((session.id, words.text, str(line.get("timestamp")))))


def context_fields(session: Session, line: dict[str, Any]) -> dict[str, Any]:
    """Which prompt and which subagent a line belongs to, for the event made of it."""
    found = {"prompt_id": session.turn.prompt_id, "agent_id": text_in(line, "agentId")}
    return {name: value for name, value in found.items() if value}


def circumstances(session: Session) -> dict[str, Any]:
    """What is known of a session from its lines so far."""
    found = {"project_path": session.cwd, "cli_version": session.version, "git_branch": session.branch}
    return {name: value for name, value in found.items() if value}


def had_permission_dialog(line: dict[str, Any]) -> bool:
    """Whether a permission dialog was open before the call of this result ran."""
    decision = line.get("permissionDecision")
    source = decision.get("source") if isinstance(decision, dict) else None
    return isinstance(source, str) and source.startswith("user")


def error_text(content: Any) -> str:
    text = text_of(content).strip()
    return text.removeprefix("<tool_use_error>").removesuffix("</tool_use_error>").strip() or "failed without a message"
