"""Passwords in URLs: ``scheme://user:password@host``."""

from __future__ import annotations

from .randomness import has_odd_part
from .reading import word_end
from .sight import end_of_line
from .values import is_plain, is_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Span = tuple[int, int, str]

_MAX_USER = 256
_USER_ENDS = frozenset("/@\"'`<>[] \t\r\n,;()")


def url_passwords(text: str) -> Iterator[Span]:
    """Where a URL of the text has a password."""
    at = text.find("://")
    limit = 0
    while at >= 0:
        start = at + 3
        colon = start
        user_limit = min(len(text), start + _MAX_USER)
        while colon < user_limit and text[colon] != ":" and text[colon] not in _USER_ENDS:
            colon += 1
        following = start
        if text[colon : colon + 1] == ":":
            if not start <= limit or colon >= limit:
                limit = word_end(text, colon, end_of_line(text, colon))
            end = _at_sign(text, colon + 1, min(limit, colon + 2048)) or _behind_slash(text, colon + 1, min(limit, colon + 256))
            if end > colon + 1 and _is_password(text[start:colon], text[colon + 1 : end]):
                yield colon + 1, end, "url_password"
                following = end
            if end > 0 and colon - start >= 20 and has_odd_part(text[start:colon]):
                yield start, colon, "url_token"
        elif text[colon : colon + 1] == "@" and colon - start >= 16:
            yield from _lone_token(text, start, colon)
        at = text.find("://", following)


def _at_sign(text: str, start: int, limit: int) -> int:
    """The last ``@`` before the path, the query or the end of the text around the URL; 0 if there is none."""
    found = 0
    for place in range(start, limit):
        char = text[place]
        if char == "@":
            if found and "/" in text[found:place]:
                break
            found = place
        elif char == "/" or char in "<>":
            if found or char == "/" or text.startswith("://", place):
                break
        elif char in "\"'`" and text[place + 1 : place + 2] in (",", ":", "}", "]", ")", ";", "", "\\\\"):
            break
    return found


def _behind_slash(text: str, start: int, limit: int) -> int:
    """The ``@`` behind a password with a ``/`` in it; 0 where a port or a path is what follows the colon."""
    slash = text.find("/", start, limit)
    if slash <= start or text[start:slash].isdigit():
        return 0
    end = text.rfind("@", slash, limit)
    return end if end > 0 and text[end + 1 : end + 2].isalpha() else 0


def _is_password(user: str, password: str) -> bool:
    if is_reference(password) or is_plain(password) or password.startswith("[redacted:"):
        return False
    return not (password.isdigit() and len(password) <= 5 and ("." in user or user in ("localhost", "")))


def _lone_token(text: str, start: int, end: int) -> Iterator[Span]:
    """``https://<token>@host``: a user without a password who is a token."""
    user = text[start:end]
    if not user.isalnum() or not any(char.isdigit() for char in user) or len(user) < 20:
        return
    if not user.strip("0123456789abcdefABCDEF") or sum(char.isdigit() for char in user) > 3:
        yield start, end, "url_token"


def driver_passwords(text: str) -> Iterator[Span]:
    """``jdbc:oracle:thin:app/…@host`` and ``app:…@tcp(host:3306)/db`` of Go's MySQL."""
    at = text.find(":thin:")
    while at >= 0:
        start = at + 6
        end = text.find("@", start, start + 256)
        slash = text.find("/", start, end) if end > 0 else -1
        if slash > start and " " not in text[start:end] and _is_password(text[start:slash], text[slash + 1 : end]):
            yield slash + 1, end, "url_password"
        at = text.find(":thin:", start)
    for mark in ("@tcp(", "@unix("):
        at = text.find(mark)
        while at >= 0:
            start = at
            while start > max(0, at - 256) and text[start - 1] not in " \t\r\n\"'`=/":
                start -= 1
            user, colon, password = text[start:at].partition(":")
            if colon and user and _is_password(user, password):
                yield at - len(password), at, "url_password"
            at = text.find(mark, at + 1)
