"""Secrets that a phrase gives away: ``IDENTIFIED BY '…'``, ``auth=('bob', '…')``, ``secret 5 …`` of a router's
configuration."""

from __future__ import annotations

from .judging import Name, is_secret_text
from .names import STRONG
from .reading import quoted_value, skip_blanks, word
from .values import is_plain, is_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sight import Sight

    Span = tuple[int, int, str]

_IDENTIFIED = ("identified by ", "identified by password ", "identified externally as ")
_PAIRS = (
    b"auth", b"basicauth", b"httpbasicauth", b"networkcredential", b"credentials", b"pscredential", b"basic", b"login",
    b"digestauth", b"httpdigestauth", b"usernamepasswordcredentials", b"directoryentry", b"basiccredentials",
    b"usernamepasswordauthenticationtoken", b"basicauthentication", b"passwordauthentication", b"setbasicauth",
    b"httpntlmauth", b"userpassword",
)  # fmt: skip
_SETTINGS = ("secret", "password", "community", "key-string", "key-chain")


def phrases(sight: Sight) -> Iterator[Span]:
    """Where a phrase of the text is followed by a secret."""
    text, lowered = sight.text, sight.lowered
    if b"identified" in sight.words:
        for phrase in _IDENTIFIED:
            yield from _after(text, lowered, phrase)
    for name in _PAIRS:
        if name in sight.words:
            yield from _pairs(text, lowered, name.decode())
    if b"secret" in sight.words or b"community" in sight.words or b"password" in sight.words:
        for setting in _SETTINGS:
            if setting.encode() in sight.words:
                yield from _configured(text, lowered, setting)


def _after(text: str, lowered: str, phrase: str) -> Iterator[Span]:
    at = lowered.find(phrase)
    while at >= 0:
        value = skip_blanks(text, at + len(phrase))
        span = quoted_value(text, value) if value < len(text) else None
        if span is None and value < len(text):
            span = word(text, value)
        if span is not None and _is_told(text[span[0] : span[1]]):
            yield (*span, "password")
        at = lowered.find(phrase, at + len(phrase))


def _is_told(value: str) -> bool:
    value = value[:520]
    return len(value) >= 3 and not is_reference(value) and not is_plain(value)


def _pairs(text: str, lowered: str, name: str) -> Iterator[Span]:
    """``auth=('bob', '…')``, ``HTTPBasicAuth("bob", "…")``: of two quoted arguments the second."""
    at = lowered.find(name)
    while at >= 0:
        end = at + len(name)
        place = skip_blanks(text, end)
        while place < min(len(text), end + 8) and text[place] in "=:( \t[":
            place += 1
        opened = "(" in text[end:place] or "[" in text[end:place]
        first = quoted_value(text, place) if opened and place < len(text) else None
        if first is not None:
            comma = skip_blanks(text, first[1] + 1)
            second = skip_blanks(text, comma + 1)
            span = quoted_value(text, second) if text[comma : comma + 1] == "," and second < len(text) else None
            if span is not None and is_secret_text(Name("password", 0, 0, "password", STRONG), text[span[0] : span[1]][:520]):
                yield (*span, "password")
        at = lowered.find(name, end)


def _configured(text: str, lowered: str, setting: str) -> Iterator[Span]:
    """``enable secret 5 $1$…``, ``username x password 7 …``, ``snmp-server community …``."""
    at = lowered.find(setting + " ")
    while at >= 0:
        start = skip_blanks(text, at + len(setting))
        level = text[start : start + 2]
        if level[:1].isdigit() and level[1:] == " ":
            span = word(text, start + 2)
            if span[1] - span[0] >= 6:
                yield (*span, "password")
        elif setting == "community" and lowered.startswith("snmp-server ", at - 12):
            yield (*word(text, start), "password")
        at = lowered.find(setting + " ", at + len(setting))
