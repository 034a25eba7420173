"""Which events are meant: by session, project, time or text. Several conditions hold together.

``matches`` takes an event's members as they are in the queue and in the stream, with ``feature_json`` decoded. Text is
searched in every member and every feature, names included, as Python's ``re.search`` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..clock import iso, parse_iso
from ..errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

_SESSION = "session_id"
_PROJECT_FEATURE = "project_path"


@dataclass(frozen=True, slots=True)
class Selection:
    """At least one of the conditions is given."""

    session: str | None = None
    project: str | None = None
    before_us: int | None = None
    pattern: re.Pattern[str] | None = None

    @classmethod
    def of(cls, session: str | None, project: str | None, before: str | None, match: str | None) -> Selection:
        """From what a person wrote. Raises InvalidInput where nothing is selected, or a value cannot be used."""
        if not (session or project or before or match):
            raise InvalidInput(
                "nothing is selected; nothing was forgotten", hint="give --session, --project, --before or --match"
            )
        try:
            before_us = parse_iso(before) if before else None
        except ValueError as error:
            raise InvalidInput(f"--before: {error}", hint="write it as 2026-11-01 or 2026-11-01T09:00:00Z") from None
        try:
            pattern = re.compile(match) if match else None
        except re.error as error:
            raise InvalidInput(
                f"--match: {error}", hint="it is a regular expression; put a backslash before special characters"
            ) from None
        if pattern is not None and pattern.search(""):
            raise InvalidInput("--match: it matches everything, the empty text included", hint="use --before to forget by time")
        return cls(session or None, project or None, before_us, pattern)

    def matches(self, members: Mapping[str, Any]) -> bool:
        """Whether this event is meant."""
        features = members.get("feature_json")
        features = features if isinstance(features, Mapping) else {}
        return (
            (self.session is None or self.session in (members.get(_SESSION), features.get(_SESSION)))
            and (self.project is None or self.project in (members.get("project"), features.get(_PROJECT_FEATURE)))
            and (self.before_us is None or _is_before(members.get("ts"), self.before_us))
            and (self.pattern is None or any(self.pattern.search(text) for text in texts_of(members)))
        )

    def picks_bytes(self, data: bytes, at: str | None) -> bool:
        """The same of bytes that are no event any more; ``at`` is the only time known of them."""
        text = data.decode("utf-8", "replace")
        return (
            (self.session is None or self.session in text)
            and (self.project is None or self.project in text)
            and (self.before_us is None or _is_before(at, self.before_us))
            and (self.pattern is None or self.pattern.search(text) is not None)
        )

    def mentions(self, text: str) -> bool:
        """Whether a text holds what was selected by session, project and pattern, as it is or as JSON writes it."""
        written = [text] if "\\" not in text else [text, text.replace("\\/", "/").replace('\\"', '"').replace("\\\\", "\\")]
        return any(
            (self.session is None or self.session in each)
            and (self.project is None or self.project in each)
            and (self.pattern is None or self.pattern.search(each) is not None)
            for each in written
        )

    def snowflake_sql(self) -> str:
        """One DELETE for Snowflake, which spares what LEGAL_HOLDS names. Its regular expressions are not quite Python's."""
        conditions = []
        if self.session is not None:
            conditions.append(f"{_quoted(self.session)} IN (session_id, feature_json:session_id::VARCHAR)")
        if self.project is not None:
            conditions.append(f"{_quoted(self.project)} IN (project, feature_json:project_path::VARCHAR)")
        if self.before_us is not None:
            conditions.append(f"ts < '{iso(self.before_us)[:-1]}'::TIMESTAMP_NTZ")
        if self.pattern is not None:
            text = "CONCAT_WS(' ', customer, activity, COALESCE(link, ''), COALESCE(project, ''), TO_JSON(feature_json))"
            conditions.append(f"REGEXP_INSTR({text}, {_quoted(self.pattern.pattern)}) > 0")
        return "\n    AND ".join(conditions)


def texts_of(value: Any) -> Iterator[str]:
    """Every text in a value, names of members included; a number as it is written."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield str(name)
            yield from texts_of(member)
    elif isinstance(value, (list, tuple)):
        for element in value:
            yield from texts_of(element)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _is_before(text: Any, before_us: int) -> bool:
    try:
        return parse_iso(text) < before_us
    except (ValueError, TypeError, AttributeError):
        return False


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
