"""Redaction: secrets are replaced by ``[redacted:kind]`` before anything is written.

Two things count as a secret: a value that has the shape of one wherever it stands (``shapes``: a key of a known vendor, a JWT,
a private key, a password in a URL, an Authorization header), and a value that something calls a secret (``names``): the value
of a sensitive key of an object, of an assignment in a text (``password = "…"``, ``"api_key": "…"``, ``export DB_PASSWORD=…``)
or of an option (``--password …``). What only mentions secrets stays: token counts, ``token_source``, references (``$TOKEN``),
hashes. ``settings`` is what a user adds: patterns, names, values to be kept as hashes, paths to be left out.

A text is searched for lower-case literals first, then for what must follow them, and only then is a pattern compiled: a text
without secrets costs some substring searches, and a hook no regular expressions. No pattern can search in vain twice over the
same characters: every run is possessive or bounded. All finds are replaced in one pass over the text.

No redaction knows every secret: what no shape and no name gives away is stored as it is. ``docs/redaction.md`` is the table of
what is found and of what must stay. Standard library only, no I/O.
"""

from __future__ import annotations

from .names import assignments, sensitive_kind
from .patterns import PLAIN_WORDS, compiled, is_reference
from .shapes import HINT_WINDOW, RULES

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from .names import Span
    from .settings import RedactionSettings
    from .shapes import Rule

__all__ = ["RULES", "Redactor", "sensitive_kind"]

MAX_DEPTH = 64
HIDDEN_PATH = "[redacted:path]"
_LEAST_KEY = 20
_IN_TOKENS = "abcdefghijklmnopqrstuvwxyz0123456789-_./+=%"
_APART = bytes(byte if byte > 127 or chr(byte) in _IN_TOKENS else 32 for byte in range(256))
_LEAST_RUN = 16
"""No rule whose hint is a number finds anything in fewer characters of a token: literal and hint together."""


class Redactor:
    """Replaces secrets; ``count`` says how many it has replaced so far. With ``enabled=False`` it changes nothing."""

    __slots__ = ("_rules", "_settings", "count", "enabled")

    def __init__(
        self, enabled: bool = True, *, rules: Sequence[Rule] = RULES, settings: RedactionSettings | None = None
    ) -> None:
        self.enabled = enabled
        self.count = 0
        self._settings = settings if enabled else None
        self._rules = (*rules, *settings.rules) if settings is not None else rules

    def text(self, text: str) -> str:
        """The text with each secret in it replaced."""
        if not self.enabled or len(text) < 6:
            return text
        lowered = _lower(text)
        spans = list(_shapes(text, lowered, self._rules))
        spans.extend(assignments(text, lowered, self._kind_of))
        if not spans:
            return text
        parts: list[str] = []
        at = 0
        for start, end, kind in _merged(spans):
            parts += (text[at:start], f"[redacted:{kind}]")
            at = end
            self.count += 1
        parts.append(text[at:])
        return "".join(parts)

    def value(self, value: Any) -> Any:
        """The JSON value with each secret in it replaced: texts by their content, members by the name of their key."""
        return self._walk(value, 0) if self.enabled else value

    def path(self, path: str) -> str:
        """The path of a file, unless the settings hide it, or keep no more than a hash of it."""
        if self.hashes("file_path"):
            return str(self._hashed(path))
        if not self.hides(path):
            return self.text(path)
        self.count += 1
        return HIDDEN_PATH

    def hides(self, path: Any) -> bool:
        """Whether the settings ask to keep nothing of a file with this path, its name included."""
        return self._settings is not None and isinstance(path, str) and self._settings.hides(path)

    def hashes(self, member: str) -> bool:
        """Whether the settings ask to keep only a hash of this member."""
        return self._settings is not None and member in self._settings.hash_only

    def _kind_of(self, name: str) -> str | None:
        if self._settings is not None and self._settings.is_sensitive(name):
            return "named"
        return sensitive_kind(name)

    def _walk(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if depth >= MAX_DEPTH:
            return "[nested too deeply]" if isinstance(value, (dict, list, tuple)) else value
        if isinstance(value, dict):
            return self._members(value, depth + 1)
        if isinstance(value, (list, tuple)):
            return self._items(value, depth + 1)
        return value

    def _members(self, members: dict[Any, Any], depth: int) -> dict[Any, Any]:
        if self._settings is not None and self._settings.hides_any(members):
            return self._blanked(members)
        named = members.get("name", members.get("key"))  # {"name": "DB_PASSWORD", "value": …}
        named_kind = self._kind_of(named) if isinstance(named, str) and "value" in members else None
        walked = {}
        for key, item in members.items():
            kind = self._kind_of(key) if isinstance(key, str) else None
            if self.hashes(key):
                walked[key] = self._hashed(item)
                continue
            if key == "value" and named_kind:
                kind = named_kind
            if isinstance(key, str) and len(key) >= _LEAST_KEY:
                key = self.text(key)  # as a table of tokens has them
            walked[key] = self._hide(item, kind, depth) if kind else self._walk(item, depth)
        return walked

    def _items(self, items: Sequence[Any], depth: int) -> list[Any]:
        walked = []
        kind = None  # of the option before: ["--password", "…"]
        for item in items:
            walked.append(self._hide(item, kind, depth) if kind and isinstance(item, str) else self._walk(item, depth))
            kind = self._kind_of(item) if isinstance(item, str) and item.startswith("-") else None
        return walked

    def _hide(self, value: Any, kind: str, depth: int) -> Any:
        """Every text under a sensitive key is a secret; numbers, booleans and references are not."""
        if isinstance(value, str):
            if not value or is_reference(value):
                return value
            self.count += 1
            return f"[redacted:{kind}]"
        if isinstance(value, (dict, list, tuple)) and depth >= MAX_DEPTH:
            return f"[redacted:{kind}]"
        if isinstance(value, dict):
            return {key: self._hide(item, kind, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._hide(item, kind, depth + 1) for item in value]
        return value

    def _blanked(self, members: dict[Any, Any]) -> dict[Any, Any]:
        """What is kept of a call on a hidden file: that it was made, and its numbers."""
        self.count += 1
        return {key: HIDDEN_PATH if isinstance(item, (str, list, dict, tuple)) else item for key, item in members.items()}

    def _hashed(self, value: Any) -> Any:
        """A text, or what a list or object holds, as its length and SHA-256: equal things can be told, not read."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        from ..activity import sha256_hex
        from ..plain_json import dumps

        text = value if isinstance(value, str) else dumps(value)
        self.count += 1
        return f"[sha256:{sha256_hex(text)} length:{len(text)}]"


# --- finding


def _lower(text: str) -> str:
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(char.lower() if char < "\x80" else char for char in text)  # positions must agree with the text's


def _shapes(text: str, lowered: str, rules: Iterable[Rule]) -> Iterator[Span]:
    runs: str | None = None
    for kind, literals, pattern, *hint in rules:
        is_token = bool(hint) and isinstance(hint[0], int) and hint[0] > 0
        if is_token and runs is None:
            runs = _long_runs(lowered)
        for literal in literals:
            at = lowered.find(literal) if not is_token or literal in (runs or "") else -1
            while at >= 0:
                end = at + 1
                if not hint or _may_match(lowered, at, len(literal), hint[0]):
                    match = compiled(pattern).match(text, at)
                    if match is not None:
                        end = match.end()
                        yield from _found(match, kind, judge=bool(hint))
                at = lowered.find(literal, end)
        if not literals:
            for match in compiled(pattern).finditer(text):
                yield from _found(match, kind, judge=False)


def _long_runs(lowered: str) -> str:
    """The long tokens of a text, apart: a text has few, so that seventy literals are sought in a tenth of it."""
    apart = lowered.encode("utf-8", "surrogatepass").translate(_APART)
    return b" ".join([run for run in apart.split() if len(run) >= _LEAST_RUN]).decode("latin-1")


def _found(match: re.Match[str], kind: str, *, judge: bool) -> Iterator[Span]:
    """The secret of a match, unless it is a reference or a word; what a user's own pattern finds is never judged."""
    group = 1 if match.re.groups else 0
    start, end = match.span(group)
    found = match[group] or "[redacted:"
    if judge and (is_reference(found) or found.lower() in PLAIN_WORDS):
        return
    if not found.startswith("[redacted:"):
        yield start, end, kind


def _may_match(lowered: str, at: int, length: int, hint: int | str) -> bool:
    """Whether a shape can be here, by its hint: as cheap as can be, for most literals stand in ordinary words."""
    after = at + length
    if hint == "@":  # in the same word, and before a path begins
        word = lowered[after : after + HINT_WINDOW].split(None, 1)[:1]
        return bool(word) and "@" in word[0].partition("/")[0]
    if isinstance(hint, str):
        return lowered.find(hint, at + 1, after + HINT_WINDOW) >= 0
    if hint > 0 and at and lowered[at - 1].isalnum():
        return False
    least = abs(hint)
    return len(lowered) - after >= least and not lowered[after : after + least].strip(_IN_TOKENS)


def _merged(spans: list[Span]) -> Iterator[Span]:
    """The spans in order, overlapping ones as one that bears the name of the first found."""
    spans.sort(key=lambda span: span[0])  # stable: at the same place the table's order decides
    start, end, kind = spans[0]
    for span in spans[1:]:
        if span[0] < end:
            end = max(end, span[1])
            continue
        yield start, end, kind
        start, end, kind = span
    yield start, end, kind
