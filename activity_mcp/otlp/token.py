"""What the exporter must bear: ``Authorization: Bearer`` with what ``otlp-token`` in the state directory holds.

Loopback is no password: every program of the machine reaches it. The file is made by ``install --otel``, which writes it into
Claude Code's settings, or by the first listener that ``ACTIVITY_OTLP_PORT`` asks for. That it is there means that somebody
asked for the receiver.
"""

from __future__ import annotations

import os

from .. import fs

FILE = "otlp-token"
MIN_LENGTH = 16
PREFIX = "activity-mcp-"
"""By which ``uninstall`` knows that the exporter's header is ours."""
_MAX_BYTES = 1024


def stored_token(home: str) -> str | None:
    """The token of this state directory; None where there is none, or none that counts."""
    path = os.path.join(home, FILE)
    try:
        text = fs.LOCAL.read(path, _MAX_BYTES).decode("ascii").strip()
        is_private = os.stat(path).st_mode & 0o077 == 0
    except (OSError, ValueError):
        return None
    return text if is_private and len(text) >= MIN_LENGTH and all("!" <= char <= "~" for char in text) else None


def made_token(home: str) -> str:
    """The token, made if there is none. Raises OSError, or FileExistsError for a file that holds none."""
    known = stored_token(home)
    if known is not None:
        return known
    import secrets

    token = PREFIX + secrets.token_urlsafe(32)
    fs.LOCAL.publish_new(os.path.join(home, FILE), token.encode("ascii") + b"\n")
    return token


def forget_token(home: str) -> None:
    """From now on nothing listens here, unless ``ACTIVITY_OTLP_PORT`` asks for it."""
    fs.LOCAL.unlink(os.path.join(home, FILE))
