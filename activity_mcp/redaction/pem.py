"""Private keys: everything between the lines that begin and end one, whatever a text puts around its lines.

A key is in a file as it is, in JSON with ``\\n``, in YAML indented, in code as quoted and joined lines, in a shell script
behind ``echo``: so all that is between ``-----BEGIN … PRIVATE KEY-----`` and its end goes. Without an end, or without a
beginning, the lines that look like a key's go: base64 of the usual width.
"""

from __future__ import annotations

from .sight import end_of_line
from .tokens import ALPHABETS, end_of_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sight import Sight

    Span = tuple[int, int, str]

_BEGIN = "-----begin "
_PUTTY = "private-lines:"
_MIN_BODY_CHARS = 20
_MAX_BODY = 65536
_BASE64 = ALPHABETS["B"]
_WIDTHS = (64, 70, 76)
_MIN_LINES = 3


def private_keys(sight: Sight) -> Iterator[Span]:
    """Where the text has private keys."""
    text, lowered = sight.text, sight.lowered
    if _BEGIN in lowered:
        yield from _marked(text, lowered)
    at = lowered.find(_PUTTY) if b"mac" in sight.words else -1
    while at >= 0:
        end = _putty_end(text, at)
        if end > at:
            start = text.find("\n", at) + 1
            yield start, end, "private_key"
        at = lowered.find(_PUTTY, max(end, at + 1))
    if any(len(piece) >= _MIN_BODY_CHARS for piece in sight.long):
        yield from _bare(text, lowered)


def _marked(text: str, lowered: str) -> Iterator[Span]:
    at = lowered.find(_BEGIN)
    last_end = lowered.rfind("-----end")
    while at >= 0:
        title = lowered.find("-----", at + len(_BEGIN), at + 140)
        following = at + len(_BEGIN)
        if title > 0 and "private key" in lowered[at:title]:
            start = title + 5
            end = lowered.find("-----end", start, start + _MAX_BODY) if start <= last_end else -1
            if end >= 0 and "private key" in lowered[end : end + 140]:
                following = min(len(text), _after_title(lowered, end))
            elif lowered[start : start + 40].find("\\n") < 0 and not _is_body(text, start):
                end = following = start
            else:
                end = following = _end_of_body(text, start)
            if end - start >= _MIN_BODY_CHARS:
                yield at, following, "private_key"
        at = lowered.find(_BEGIN, max(following, at + 1))


def _after_title(lowered: str, end: int) -> int:
    close = lowered.find("-----", end + 8, end + 140)
    return close + 5 if close >= 0 else end + 8


def _is_body(text: str, start: int) -> bool:
    """Whether at least twenty characters of a key follow, behind what a text puts around lines."""
    at = start
    while at < min(len(text), start + 64) and text[at] not in _BASE64:
        at += 1
    piece = text[at : at + 24]
    return len(piece) >= _MIN_BODY_CHARS and not piece[:_MIN_BODY_CHARS].strip(_BASE64 + "-: ,.\\n\r")


def _end_of_body(text: str, start: int) -> int:
    """The end of a key whose last line is missing: of the characters that a key, and what joins its lines, consist of."""
    return end_of_run(text, start, _BASE64 + " \t\r\n\\:,.-")


def _putty_end(text: str, at: int) -> int:
    line = end_of_line(text, at)
    number = text[at + len(_PUTTY) : line].strip()
    lines = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0
    end = line
    for _ in range(lines):
        if end >= len(text):
            break
        end = end_of_line(text, end + 1)
    return end if lines else at


def _bare(text: str, lowered: str) -> Iterator[Span]:
    """Three lines or more of base64, all as long as in a key: the middle of one, for a public one has its title."""
    if len(text) < _WIDTHS[0] * _MIN_LINES or "\n" not in text:
        return
    start, count, width, place = 0, 0, 0, 0
    lines = text.split("\n")
    if b"\1" * _MIN_LINES not in bytes(map(_WIDTHS[0].__le__, map(len, lines))):
        return  # no so many long lines in a row
    for raw in lines:
        if not count and len(raw) < _WIDTHS[0]:
            place += len(raw) + 1
            continue
        line = raw.strip()
        if len(line) in _WIDTHS and (not count or len(line) == width) and _is_key_line(line):
            if not count:
                start, width = place, len(line)
            count += 1
        elif count:
            if count >= _MIN_LINES and not _is_public(lowered, start):
                last = place + len(raw) if line and not line.strip(_BASE64) and len(line) < width else place - 1
                yield start, last, "private_key"
            count = 0
        place += len(raw) + 1
    if count >= _MIN_LINES and not _is_public(lowered, start):
        yield start, len(text), "private_key"


def _is_key_line(line: str) -> bool:
    return (
        not line.strip(_BASE64) and line.lower() != line and line.upper() != line and any(map(line.__contains__, "0123456789"))
    )


def _is_public(lowered: str, start: int) -> bool:
    begin = lowered.rfind(_BEGIN, max(0, start - 16384), start)
    end = lowered.rfind("-----end", max(0, start - 16384), start)
    return begin > end or "base64," in lowered[max(0, start - 200) : start]
