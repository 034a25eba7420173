"""What a user adds to redaction: ``redaction.json`` in the state directory. Every member may be missing.

    {
      "version": 1,
      "patterns": [{"name": "badge", "pattern": "badge-([0-9]{6})", "literal": "badge-"}],
      "names": ["employee_no"],
      "hash_only": ["command", "content"],
      "paths": {"deny": ["*/secrets/*", "*.pem"], "allow": ["/work/*"]},
      "emails": true
    }

    patterns    regular expressions of further secrets; the first group, or else all of it, is replaced by [redacted:<name>].
                With ``literal``, a text at the very beginning of the secret, the pattern is tried only where that
                is, which costs hooks nothing; without it every text is searched
    names       further names whose value is a secret, in keys, assignments and options; case, ``-`` and ``_`` do not count
    hash_only   members of tool inputs and events of which only length and SHA-256 are kept
    paths       files of which nothing is kept, neither path nor content: those that match ``deny``, and where ``allow`` is
                given those that do not match it. ``*`` stands for any characters, ``/`` included, ``?`` for one, ``~`` for home
    emails      true replaces e-mail addresses too

A file that cannot be understood is an error that names it, and a hook then records nothing, and counts it: what was meant to be
hidden is rather lost than shown.
"""

from __future__ import annotations

import os

from ..errors import DOCS_URL, InvalidConfig
from .gates import PATH_MEMBERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn

    from .rules import Rule

FILE = "redaction.json"
VERSION = 1

_KNOWN = ("version", "patterns", "names", "hash_only", "paths", "emails")
_EMAIL: Rule = (
    "email",
    (),
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}+@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])",
)


class RedactionSettings:
    """The file, checked. Raises InvalidConfig for the first member that cannot be used."""

    __slots__ = ("_allow", "_deny", "_names", "hash_only", "literals", "rules")

    def __init__(self, members: Any) -> None:
        if not isinstance(members, dict):
            _refuse("it is not a JSON object")
        unknown = [name for name in members if name not in _KNOWN]
        if unknown:
            _refuse(f"{unknown[0][:60]!r} is unknown; known are {', '.join(_KNOWN)}")
        if members.get("version", VERSION) != VERSION:
            _refuse(f"version {str(members['version'])[:20]} is not {VERSION}: a newer version of activity-mcp wrote it")
        paths = members.get("paths", {})
        if not isinstance(paths, dict) or paths.keys() - {"deny", "allow"}:
            _refuse('paths must be an object with "deny" and "allow"')
        self._deny = _globs(paths, "deny")
        self._allow = _globs(paths, "allow") if "allow" in paths else None
        names = _texts(members, "names")
        self._names = frozenset(_plain(name) for name in names)
        self.literals = tuple({spelling for name in names for spelling in _spellings(name)})
        self.hash_only = frozenset(_texts(members, "hash_only"))
        self.rules: tuple[Rule, ...] = tuple(_rule(given) for given in _list(members, "patterns"))
        if members.get("emails", False) not in (True, False):
            _refuse("emails must be true or false")
        if members.get("emails"):
            self.rules += (_EMAIL,)

    def is_sensitive(self, name: str) -> bool:
        return bool(self._names) and _plain(name.lstrip("-")) in self._names

    def hides(self, path: str) -> bool:
        """Whether nothing may be kept of the file with this path."""
        path = path.replace("\\", "/")
        if any(_matches(path, glob) for glob in self._deny):
            return True
        return self._allow is not None and not any(_matches(path, glob) for glob in self._allow)

    def hides_any(self, members: Mapping[Any, Any]) -> bool:
        """Whether an object names such a file."""
        if not self._deny and self._allow is None:
            return False
        paths = (members.get(name) for name in PATH_MEMBERS)
        return any(isinstance(path, str) and bool(path) and self.hides(path) for path in paths)


def _rule(given: Any) -> Rule:
    if not isinstance(given, dict) or not isinstance(given.get("pattern"), str) or not isinstance(given.get("name"), str):
        _refuse('each of patterns must be an object with "name" and "pattern"')
    if given.keys() - {"name", "pattern", "literal"}:
        _refuse('one of patterns has a member other than "name", "pattern" and "literal"')
    name, pattern, literal = given["name"][:60], given["pattern"], given.get("literal")
    if literal is None:
        import re

        try:
            re.compile(pattern)
        except re.error as error:
            _refuse(f"the pattern {name!r} is no regular expression: {error}")
        return (name, (), pattern)
    if not isinstance(literal, str) or not literal:
        _refuse(f"the literal of the pattern {name!r} must be a text that is not empty")
    return (name, (literal.lower(),), pattern)


def _list(members: Mapping[str, Any], name: str) -> list[Any]:
    found = members.get(name, [])
    if not isinstance(found, list):
        _refuse(f"{name} must be an array")
    return found


def _texts(members: Mapping[str, Any], name: str) -> list[str]:
    found = _list(members, name)
    if not all(isinstance(text, str) and text for text in found):
        _refuse(f"{name} must hold texts that are not empty")
    return found


def _globs(members: Mapping[str, Any], name: str) -> list[str]:
    return [os.path.expanduser(glob) for glob in _texts(members, name)]


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()


def _spellings(name: str) -> tuple[str, ...]:
    """How a text may write the name, in lower case."""
    lowered = name.lower()
    return lowered, lowered.replace("_", "-"), lowered.replace("-", "_"), _plain(name)


def _matches(path: str, glob: str) -> bool:
    """Shell-like, without the regular expressions that fnmatch would load: on a mismatch only the last ``*`` takes one more."""
    at = place = 0
    star, taken = -1, 0
    while at < len(path):
        if place < len(glob) and glob[place] == "*":
            star, taken = place, at
            place += 1
        elif place < len(glob) and glob[place] in ("?", path[at]):
            at, place = at + 1, place + 1
        elif star >= 0:
            taken += 1
            at, place = taken, star + 1
        else:
            return False
    return not glob[place:].strip("*")


def _refuse(reason: str) -> NoReturn:
    raise InvalidConfig(FILE, reason, hint=f"mend or remove it; {DOCS_URL}/redaction.md describes it")


def parse_settings(data: bytes, loads: Any) -> RedactionSettings:
    """The settings in a file's bytes. Raises InvalidConfig."""
    try:
        members = loads(data)
    except (ValueError, RecursionError):
        _refuse("it is not JSON")
    return RedactionSettings(members)


__all__: Sequence[str] = ["FILE", "RedactionSettings", "parse_settings"]
