"""Runs that only a generator makes: what no table knows, and nobody would choose as a name.

A word, ``_``, ``-`` or ``=``, and then many characters, mixed as only chance mixes them; or the last of three such segments of
a path.
"""

from __future__ import annotations

from .patterns import words
from .randomness import changes_in, is_odd
from .tokens import ALPHABETS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sight import Sight

    Span = tuple[int, int, str]

_HEX = ALPHABETS["h"]
_MARKS_OF_PREFIXES = frozenset("_-.=")
_MIN_MIXED_CHARS, _MIN_PLAIN_CHARS = 32, 40
_HARMLESS = words(
    "cursor page next prev etag hash digest checksum nonce state challenge verifier request trace span id uuid ref"
    " sha rev version integrity commit build v ver data src href image content body after before offset continuation"
    " fingerprint"
)
"""Names before ``=`` whose long random values are no secrets."""
_NOT_PREFIXES = words("sha1 sha256 sha384 sha512 sha md5 h1 base64 integrity rev commit etag uuid hash digest")


def random_runs(sight: Sight) -> Iterator[Span]:
    """Where the text has such runs."""
    text = sight.text
    has_urls = "://" in text
    judged: dict[str, bool] = {}
    for at, run in sight.runs(20 if has_urls else _MIN_MIXED_CHARS):
        if not _may_follow(text[at - 1 : at], len(run)):
            continue
        if run not in judged:
            judged[run] = _may_be_mixed(run) if len(run) >= _MIN_MIXED_CHARS else _may_be_addressed(run)
        if judged[run]:
            yield from _mixed(text, at, run) if len(run) >= _MIN_MIXED_CHARS else _addressed(text, at, run)


def _may_follow(mark: str, length: int) -> bool:
    """Whether a run of this length can be a secret behind this character: most runs of base64 are behind another."""
    return mark in _MARKS_OF_PREFIXES if length >= _MIN_MIXED_CHARS else mark == "/"


def _may_be_mixed(run: str) -> bool:
    """Letters of both cases and digits, or forty of letters and digits, as only a generator mixes them."""
    return bool(run.strip(_HEX)) and is_mixed(run)


def _may_be_addressed(run: str) -> bool:
    return not run.isalpha() and run.lower() != run and run.upper() != run and is_odd(run)


def _mixed(text: str, at: int, run: str) -> Iterator[Span]:
    """``prefix_`` and a long run that only a generator makes."""
    end = at + len(run)
    start = _start_of_prefix(text, at)
    if start < at and text[start] == "=":
        start = at
        if text[end : end + 1] not in ("+", "/", "=", "%", "(", ".", "-", "_"):
            yield at, end, "token"
    elif start < at and text[end : end + 1] not in ("+", "/", "=", "%", "("):
        yield start, end, "token"


def _addressed(text: str, at: int, run: str) -> Iterator[Span]:
    """The last of three random segments of a URL's path, as the webhooks of many services have."""
    parts = text[max(0, at - 120) : at].rsplit("/", 3)
    if len(parts) == 4 and not parts[3] and all(8 <= len(part) <= 40 and is_odd(part) for part in parts[1:3]):
        yield at, at + len(run), "webhook"


def is_mixed(run: str) -> bool:
    judged = run[:200]
    digits = len(judged) - len(judged.encode().translate(None, b"0123456789"))
    if not 3 <= digits < len(judged) * 3 // 4:
        return False
    has_upper, has_lower = run != run.lower(), run != run.upper()
    changes = changes_in(judged)
    if has_upper and has_lower and digits >= 6 and changes:
        return len(set(run)) >= 14
    length = min(len(run), 200)
    return len(set(run)) >= 14 and changes * (6 if len(run) >= _MIN_PLAIN_CHARS or (has_upper and has_lower) else 4) >= length


def _start_of_prefix(text: str, at: int) -> int:
    """Where the word before the run begins, or the run's own beginning if none makes a token of it."""
    mark = text[at - 1 : at]
    if mark not in _MARKS_OF_PREFIXES:
        return at
    start = at - 1
    first = max(0, at - 40)
    while start > first and text[start - 1] in ALPHABETS["W"]:
        start -= 1
    prefix = text[start : at - 1]
    if mark == "=":
        last = prefix.replace("-", "_").rpartition("_")[2].lower()
        return at if last in _HARMLESS or not last.isalpha() else at - 1
    if (
        not prefix
        or not any(char.isalpha() for char in prefix)
        or prefix.lower() in _NOT_PREFIXES
        or (text[start - 1 : start] in ("+", "/") and mark == ".")
    ):
        return at
    return start if text[start - 1 : start] != "+" else at
