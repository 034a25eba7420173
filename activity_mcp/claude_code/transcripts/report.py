"""What an import found: shown to the user, and summed over files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .expiry import Expiring

MAX_NAMES = 50
_COUNTS = (
    "files", "unchanged", "lines", "malformed", "mended", "already", "ignored", "forgotten", "before_since", "own", "too_old",
)  # fmt: skip
_TOKENS = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_creation_tokens", "total_tokens")


@dataclass(slots=True)
class TranscriptReport:
    """Counts of one file, or with ``add`` of many.

    ``activities`` counts what was handed on; ``already`` what an earlier import has sent, ``ignored`` what belongs to a project
    that is not to be recorded, ``forgotten`` what was forgotten on request, ``before_since`` what is older than asked for,
    ``own`` calls of this server's own tools, ``too_old`` those of ``activities`` that the daily retention will remove.
    ``malformed`` counts lines that hold nothing whole, ``mended`` damaged ones of which something could be had.
    ``unchanged`` counts files that were not read because nothing in them is new.
    ``folders``: where transcripts were looked for.
    ``skipped_types`` are lines known to carry no event, ``unknown_types`` lines of a type unknown to this version;
    ``problems`` are lines that could be used only in part, by what was wrong. ``expiring``: what was near its deletion when the
    import began.
    """

    files: int = 0
    unchanged: int = 0
    lines: int = 0
    malformed: int = 0
    mended: int = 0
    activities: Counter[str] = field(default_factory=Counter)
    already: int = 0
    ignored: int = 0
    forgotten: int = 0
    before_since: int = 0
    own: int = 0
    too_old: int = 0
    skipped_types: Counter[str] = field(default_factory=Counter)
    unknown_types: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    sessions: set[str] = field(default_factory=set)
    tokens: dict[str, Counter[str]] = field(default_factory=dict)
    first_ts_us: int | None = None
    last_ts_us: int | None = None
    unreadable: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    expiring: Expiring | None = None

    def saw(self, ts_us: int) -> None:
        self.first_ts_us = ts_us if self.first_ts_us is None else min(self.first_ts_us, ts_us)
        self.last_ts_us = ts_us if self.last_ts_us is None else max(self.last_ts_us, ts_us)

    def unknown(self, name: str) -> None:
        """Count a line of an unknown type; past fifty names (a file that is no transcript) they are counted together."""
        known = name in self.unknown_types or len(self.unknown_types) < MAX_NAMES
        self.unknown_types[name[:60] if known else "…"] += 1

    def spent(self, features: dict[str, Any]) -> None:
        """Count the tokens of an llm_event."""
        counts = self.tokens.setdefault(features["model"], Counter())
        counts["calls"] += 1
        for name in _TOKENS:
            counts[name] += features[name]

    def add(self, other: TranscriptReport) -> None:
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("activities", "skipped_types", "unknown_types", "problems"):
            getattr(self, name).update(getattr(other, name))
        self.sessions |= other.sessions
        self.unreadable += other.unreadable
        for model, tokens in other.tokens.items():
            self.tokens.setdefault(model, Counter()).update(tokens)
        for ts_us in (other.first_ts_us, other.last_ts_us):
            if ts_us is not None:
                self.saw(ts_us)
