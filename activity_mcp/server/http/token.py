"""The token that clients must bear. Loopback is no password: every user of the machine reaches it, and every program of theirs.

``ACTIVITY_HTTP_TOKEN`` where it is set; else one that is made at the first start and kept in ``http-token`` of the state
directory, which only its owner can read. It is printed nowhere; what is printed is where it lies.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING, NamedTuple

from ... import fs
from ...errors import InvalidConfig
from ...identity import resolve_identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...config import Config

FILE = "http-token"
MIN_LENGTH = 16
_MAX_BYTES = 4096
_HINT = "remove it: the next start makes a new one"


class Token(NamedTuple):
    """``place`` says where a client finds it: the variable, or the file."""

    text: str
    place: str


def token_of(config: Config, environ: Mapping[str, str]) -> Token:
    """The token of this state directory, made if there is none.

    Raises InvalidConfig for a file that holds none, QueueRefused where there can be no file.
    """
    if config.http_token:
        return Token(config.http_token, "ACTIVITY_HTTP_TOKEN")
    resolve_identity(config.home, environ, config.customer)  # makes the directory, or refuses it
    path = os.path.join(config.home, FILE)
    with contextlib.suppress(FileExistsError):
        fs.LOCAL.publish_new(path, secrets.token_urlsafe(32).encode("ascii") + b"\n")
    return Token(_stored(path), path)


def _stored(path: str) -> str:
    try:
        mode = os.stat(path).st_mode
        text = fs.LOCAL.read(path, _MAX_BYTES).decode("ascii").strip()
    except (OSError, ValueError) as error:
        raise InvalidConfig(FILE, f"{path} cannot be read ({error}); nothing is served", hint=_HINT) from None
    if mode & 0o077 or len(text) < MIN_LENGTH or not all("!" <= char <= "~" for char in text):
        raise InvalidConfig(FILE, f"{path} holds no token, or others can read it; nothing is served", hint=_HINT)
    return text
