"""Secrets that something beside them identifies: ``use … as the password``, ``.fill('#password', '…')``, a line below a
heading, ``bob:…@host``, registries and lists of accounts."""

from __future__ import annotations

from .gates import FIELDS, has_field
from .judging import is_chosen
from .randomness import has_odd_part, is_random
from .reading import quoted_value, skip_blanks, word
from .sight import end_of_line
from .values import is_code, is_plain, is_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sight import Sight

    Span = tuple[int, int, str]

_TYPING = {
    b"fill": (".fill(", "fill_in ", "fill_in("), b"type": (".type(",), b"sendline": (".sendline(",), b"keys": (".send_keys(",),
    b"sendkeys": (".sendkeys(",), b"setvalue": (".setvalue(",), b"presssequentially": (".presssequentially(",),
    b"sequentially": (".press_sequentially(",), b"inputtext": (".inputtext(",), b"text": (".input_text(", ".write_text("),
    b"filltext": (".filltext(",), b"sendtext": (".sendtext(",), b"addvalue": (".addvalue(",), b"entertext": (".entertext(",),
}  # fmt: skip
"""What types a text into a field, by a word of it."""
_SCHEMES = ("mailto", "sip", "sips", "xmpp", "acct", "im", "cid", "mid", "urn")
_LIKE = frozenset("!#$%^&*+?")


def remarks(sight: Sight) -> Iterator[Span]:
    """Where something beside a secret of the text shows that it is one."""
    text, lowered, words = sight.text, sight.lowered, sight.words
    if "@" in text and sight.has_mixed:
        yield from _logins(text)
    if b"sz" in words and b"reg" in words:
        yield from _registry(text, lowered)
    if b"stringdata" in words:
        yield from _string_data(text, lowered)
    if b"chpasswd" in words:
        yield from _accounts(text, lowered)
    if "{plain}" in lowered or "{cleartext}" in lowered:
        yield from _schemes(text, lowered)
    if " on >" in lowered:
        yield from _acl(text, lowered)
    if sight.has_mixed and has_field(sight):
        if " as " in lowered:
            yield from _called(text, lowered)
        for word_of_mark in sorted(_TYPING.keys() & words):
            for mark in _TYPING[word_of_mark]:
                yield from _typed(text, lowered, mark)
        if "\n" in text and any(len(piece) >= 12 and not piece.isalpha() for piece in sight.pieces):
            yield from _headed(text, lowered)


def _looks_secret(value: str) -> bool:
    return (
        8 <= len(value) <= 520
        and is_chosen(value)
        and (has_odd_part(value) or not _LIKE.isdisjoint(value))
        and not value.isdigit()
        and not is_reference(value)
        and not is_plain(value)
    )


def _logins(text: str) -> Iterator[Span]:
    """``domain/bob:…@host`` and ``bob@host.example:…`` of lists of accounts."""
    at = text.find("@")
    while at >= 0:
        start = at
        first = max(0, at - 128)
        while start > first and text[start - 1] not in " \t\r\n\"'`<>=,;(":
            start -= 1
        user, colon, password = text[start:at].partition(":")
        if (
            colon
            and user
            and not user[0].isdigit()
            and user.lower() not in _SCHEMES
            and "//" not in password[:2]
            and text[at + 1 : at + 2].isalpha()
            and "/" not in password
        ):
            if _looks_secret(password) and not text.startswith(("sha", "tcp(", "unix("), at + 1):
                yield at - len(password), at, "password"
        elif not colon and user:
            end = at + 1
            while end < min(len(text), at + 128) and (text[end].isalnum() or text[end] in ".-"):
                end += 1
            if text[end : end + 1] == ":" and "." in text[at:end]:
                value = word(text, end + 1) if end + 1 < len(text) else (end, end)
                if _looks_secret(text[value[0] : value[1]][:521]) and "/" not in text[value[0] : value[1]]:
                    yield (*value, "password")
        at = text.find("@", at + 1)


def _registry(text: str, lowered: str) -> Iterator[Span]:
    """``reg add … /v Password /t REG_SZ /d …``, ``DefaultPassword    REG_SZ    …``."""
    at = lowered.find("reg_sz")
    while at >= 0:
        line = max(text.rfind("\n", 0, at) + 1, at - 200)
        if any(map(lowered[line:at].__contains__, FIELDS)):
            value = skip_blanks(text, at + 6)
            if lowered.startswith("/d ", value):
                value = skip_blanks(text, value + 3)
            if value < len(text) and text[value] not in "\r\n":
                span = quoted_value(text, value) or word(text, value)
                if len(text[span[0] : span[1]]) > 2 and not is_reference(text[span[0] : span[1]]):
                    yield (*span, "password")
        at = lowered.find("reg_sz", at + 6)


def _string_data(text: str, lowered: str) -> Iterator[Span]:
    """Every value of ``"stringData": {…}`` in JSON."""
    at = lowered.find("stringdata")
    while at >= 0:
        opened = text.find("{", at, at + 24)
        end = text.find("}", opened, opened + 8192) if opened > 0 else -1
        place = text.find(":", opened, end) if end > 0 else -1
        while place > 0:
            value = skip_blanks(text, place + 1)
            span = quoted_value(text, value) if value < end else None
            if span is not None and span[1] > span[0] + 2 and not is_reference(text[span[0] : span[1]]):
                yield (*span, "secret")
            place = text.find(":", max(place + 1, span[1] if span is not None else 0), end)
        at = lowered.find("stringdata", at + 10)


def _accounts(text: str, lowered: str) -> Iterator[Span]:
    """``chpasswd:⏎  list: |⏎    root:…`` of cloud-init."""
    at = lowered.find("chpasswd")
    while at >= 0:
        end = min(len(text), at + 600)
        colon = text.find(":", at + 9, end)
        while colon > 0:
            start = colon
            while start > at and (text[start - 1].isalnum() or text[start - 1] in "_-"):
                start -= 1
            if start < colon and colon + 1 < len(text) and text[colon + 1] not in " \r\n":
                span = word(text, colon + 1)
                if is_chosen(text[span[0] : span[1]]):
                    yield (*span, "password")
            colon = text.find(":", colon + 1, end)
        at = lowered.find("chpasswd", end)


def _schemes(text: str, lowered: str) -> Iterator[Span]:
    """``bob:{PLAIN}…:1000`` of Dovecot and LDAP."""
    for scheme in ("{plain}", "{cleartext}"):
        at = lowered.find(scheme)
        while at >= 0:
            start = at + len(scheme)
            end = start
            while end < min(len(text), start + 256) and text[end] not in ": \t\r\n\"'":
                end += 1
            if end - start > 2:
                yield start, end, "password"
            at = lowered.find(scheme, start)


def _acl(text: str, lowered: str) -> Iterator[Span]:
    """``user bob on >… ~*`` of Redis."""
    at = lowered.find(" on >")
    while at >= 0:
        span = word(text, at + 5) if at + 5 < len(text) else (0, 0)
        if span[1] - span[0] > 5 and ("~" in text[at : at + 400] or "+" in text[at : at + 400]):
            yield (*span, "password")
        at = lowered.find(" on >", at + 5)


def _called(text: str, lowered: str) -> Iterator[Span]:
    """``use … as the password``."""
    at = lowered.find(" as ")
    while at >= 0:
        if any(map(lowered[at + 4 : at + 40].__contains__, FIELDS)) or " key" in lowered[at + 4 : at + 40]:
            start = max(text.rfind(" ", 0, at), text.rfind("\n", 0, at)) + 1
            while start < at and text[start] in "\"'`":
                start += 1
            end = at
            while end > start and text[end - 1] in "\"'`,":
                end -= 1
            if _looks_secret(text[start:end][:521]) and not is_code(text[start:end]):
                yield start, end, "password"
        at = lowered.find(" as ", at + 4)


def _typed(text: str, lowered: str, mark: str) -> Iterator[Span]:
    """``page.fill('#password', '…')``, ``getByLabel('Password').fill('…')``, ``expect('password:')⏎ sendline('…')``."""
    at = lowered.find(mark)
    while at >= 0:
        line = end_of_line(text, at)
        end = min(line, at + 240)
        found, place = None, at + len(mark)
        while place < end:
            if text[place] in "\"'`":
                span = quoted_value(text, place)
                if span is None or span[1] > line:
                    break
                found, place = span, span[1] + 1
            else:
                place += 1
        if found is not None:
            context = lowered[max(0, at - 120) : found[0]]
            value = text[found[0] : found[1]][:520].removesuffix("\\n").removesuffix("\\r")
            if any(map(context.__contains__, FIELDS)) and is_chosen(value) and not is_reference(value):
                yield (*found, "password")
        at = lowered.find(mark, at + len(mark))


def _headed(text: str, lowered: str) -> Iterator[Span]:
    """``## Password``, ``use this token:``, and on the next line that is not empty nothing but the secret."""
    for field in (*FIELDS[:6], "api key", "access key"):
        at = lowered.find(field)
        while at >= 0:
            line = end_of_line(text, at)
            following = at + len(field)
            if line - at < 80 and line < len(text):
                start = max(text.rfind("\n", 0, at) + 1, at - 80)
                head = text[start:line].strip()
                if head.endswith(":") or head[:1] in ("#", "$") or len(head.split()) < 4:
                    yield from _line_below(text, line)
            at = lowered.find(field, following)


def _line_below(text: str, line: int) -> Iterator[Span]:
    start = line
    while start < min(len(text), line + 8) and text[start] in " \r\n\t":
        start += 1
    end = end_of_line(text, start)
    value = text[start:end].strip(" `*")
    is_hash = len(value) in (40, 64) and not value.strip("0123456789abcdef")
    if 12 <= len(value) <= 520 and not is_hash and value.replace("-", "").replace("_", "").isalnum() and is_random(value, 12):
        start = text.index(value, start)
        yield start, start + len(value), "password"
