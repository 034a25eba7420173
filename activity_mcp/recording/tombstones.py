"""What was forgotten must not come back with an import: a transcript may hold it still.

``forgotten.json`` in the state directory remembers it without its content: sessions and projects as hashes, each with
the time up to which they were forgotten (what happens there later is recorded again), a time before which all was, and for a
text the ids of the activities it was found in, as a fact has the same id in every report of it. A fact with that text
which was never recorded is not known here; it is imported, redacted like any other. A time during which recording was paused
is remembered in the same way.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from .. import fs
from ..activity import sha256_hex
from ..errors import NewerFormat
from ..plain_json import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Iterable

    class Selection(Protocol):
        """What was picked: a text, or a session, a project or a time, each None where it does not count."""

        @property
        def pattern(self) -> object:
            """What a text must match."""

        @property
        def before_us(self) -> int | None:
            """Microseconds since 1970."""


VERSION = 2
"""1 knew no times that begin; a file without them is written so that it can still be read."""
FILE = "forgotten.json"
_HASHED = ("session", "project")


class Tombstones:
    """The rules and ids of the file at ``home``; read once. Raises NewerFormat when a newer version wrote it."""

    def __init__(self, home: str) -> None:
        self._path = os.path.join(home, FILE)
        stored = _read(self._path)
        self._rules: list[dict[str, Any]] = stored["rules"]
        self._ids: set[str] = set(stored["ids"])

    def __bool__(self) -> bool:
        return bool(self._rules or self._ids)

    def covers(self, activity_id: str, session: str | None, project: str | None, ts_us: int) -> bool:
        """Whether this fact was forgotten."""
        if self._ids and _hash(activity_id) in self._ids:
            return True
        found = {"session": session, "project": project}
        return any(_holds(rule, found, ts_us) for rule in self._rules)

    def add(self, selection: Selection, activity_ids: Iterable[str], until_us: int) -> None:
        """Remember that this was forgotten at ``until_us``. ``activity_ids`` count only where a text selected them."""
        if selection.pattern is not None:
            self._ids |= {_hash(activity_id) for activity_id in activity_ids}
        else:
            rule: dict[str, Any] = {"until_us": until_us}
            for name in _HASHED:
                text = getattr(selection, name)
                if text is not None:
                    rule[name] = _hash(text)
            if selection.before_us is not None:
                rule["before_us"] = selection.before_us
            self._rules.append(rule)
        self._publish()

    def add_span(self, since_us: int, until_us: int) -> None:
        """Remember that nothing of this time was to be recorded, whatever the session: both ends count."""
        self._rules.append({"since_us": since_us, "until_us": until_us})
        self._publish()

    def _publish(self) -> None:
        version = VERSION if any("since_us" in rule for rule in self._rules) else 1
        document = {"version": version, "rules": self._rules, "ids": sorted(self._ids)}
        fs.ensure_directory(os.path.dirname(self._path))
        fs.publish(self._path, dumps(document).encode("ascii"))


def forgotten_stamp(home: str) -> int | None:
    """What differs once more was forgotten here; None where nothing ever was."""
    found = fs.LOCAL.stat(os.path.join(home, FILE))
    return None if found is None else found.st_mtime_ns


def _holds(rule: dict[str, Any], found: dict[str, str | None], ts_us: int) -> bool:
    if not rule.get("since_us", ts_us) <= ts_us <= rule["until_us"] or ts_us >= rule.get("before_us", ts_us + 1):
        return False
    return all(rule[name] == _hash(found[name] or "") for name in _HASHED if name in rule)


def _hash(text: str) -> str:
    return sha256_hex(f"activity-mcp forgotten {text}")[:32]


def _read(path: str) -> dict[str, Any]:
    try:
        with fs.reader(path) as file:
            stored = loads(file.read())
        version, rules, ids = stored["version"], stored["rules"], stored["ids"]
    except (OSError, ValueError, KeyError, TypeError):
        return {"rules": [], "ids": []}
    if version > VERSION:
        raise NewerFormat(f"{path} was written by a newer version; nothing was imported", hint="upgrade activity-mcp")
    return {"rules": list(rules), "ids": list(ids)}
