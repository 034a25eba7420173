"""Secrets in base64: a long run that says, decoded, something with a secret in it, or ``user:password``."""

from __future__ import annotations

from .tokens import ALPHABETS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .sight import Sight

    Span = tuple[int, int, str]

_LEAST, _MOST = 16, 4096
_BASE64 = ALPHABETS["Z"]
_UNPADDED = _BASE64.replace("=", "")


def encoded(sight: Sight, has_secret: Callable[[str], bool]) -> Iterator[Span]:
    """Where the text has base64 of a text with a secret. Prefixes of base64 are not sought: what it says is what counts."""
    text = sight.text
    done = 0
    for at, piece in sight.runs(_LEAST):
        if at < done or not _may_be_base64(piece):
            continue
        lead = text[max(done, at - _MOST) : at]
        start = at - (len(lead) - len(lead.rstrip(_UNPADDED)))
        run = text[start : start + _MOST]
        done = end = start + len(run) - len(run.lstrip(_BASE64))
        said = _decoded(text[start:end]) if _says_ascii(text, start) else None
        if said is not None and (has_secret(said) or _is_login(said)):
            yield start, end, "base64"


def _may_be_base64(piece: str) -> bool:
    """Cheap: letters of both cases, as base64 of a text has them."""
    return piece != piece.lower() and piece != piece.upper() and not piece.isalpha()


def _says_ascii(text: str, start: int) -> bool:
    """Whether every fourth character can begin three bytes of which the first is a printable one."""
    return all("I" <= char <= "Z" or "a" <= char <= "f" for char in text[start : start + 16 : 4])


def _decoded(run: str) -> str | None:
    import binascii  # only where a run may be one

    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    if len(body) % 4 == 1:
        return None
    try:
        said = binascii.a2b_base64(body + "=" * (-len(body) % 4))
    except binascii.Error:
        return None
    text = said.decode("ascii", "replace").rstrip("\n")
    return text if len(text) >= 8 and text.isascii() and text.replace("\n", "").replace("\t", "").isprintable() else None


def _is_login(said: str) -> bool:
    user, colon, password = said.partition(":")
    return (
        bool(colon) and len(password) >= 4 and 0 < len(user) <= 64 and " " not in said and "/" not in user and "{" not in said
    )
