"""Secrets in base64: a long run that holds, decoded, a secret, or ``user:password``."""

from __future__ import annotations

from .gates import BASE64, MAX_BASE64, is_base64_of_text, may_be_base64, start_of_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .sight import Sight

    Span = tuple[int, int, str]

_MIN_CHARS = 16


def encoded(sight: Sight, has_secret: Callable[[str], bool]) -> Iterator[Span]:
    """Where the text has base64 of a text with a secret. Prefixes of base64 are not sought: the decoded text counts."""
    text = sight.text
    done = 0
    for at, piece in sight.runs(_MIN_CHARS):
        if at < done or not may_be_base64(piece):
            continue
        start = start_of_base64(text, at, done)
        run = text[start : start + MAX_BASE64]
        done = end = start + len(run) - len(run.lstrip(BASE64 + "="))
        decoded = _decoded(text[start:end]) if is_base64_of_text(text, start) else None
        if decoded is not None and (has_secret(decoded) or _is_login(decoded)):
            yield start, end, "base64"


def _decoded(run: str) -> str | None:
    import binascii  # only where a run may be one

    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    if len(body) % 4 == 1:
        return None
    try:
        decoded = binascii.a2b_base64(body + "=" * (-len(body) % 4))
    except binascii.Error:
        return None
    text = decoded.decode("ascii", "replace").rstrip("\n")
    return text if len(text) >= 8 and text.isascii() and text.replace("\n", "").replace("\t", "").isprintable() else None


def _is_login(text: str) -> bool:
    user, colon, password = text.partition(":")
    return (
        bool(colon) and len(password) >= 4 and 0 < len(user) <= 64 and " " not in text and "/" not in user and "{" not in text
    )
