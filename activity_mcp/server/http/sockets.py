"""Where to listen, decided and bound before anything else starts, so that a refusal comes at once."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, NamedTuple

from ...errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .token import Token

PATHS = {"http": "/mcp", "sse": "/sse"}
_BACKLOG = 128


class Site(NamedTuple):
    """Bound sockets, what is spoken on them (``http`` or ``sse``), and who may come in."""

    transport: str
    host: str
    port: int
    sockets: tuple[socket.socket, ...]
    token: str
    token_place: str
    """Where a client finds the token: a variable or a file."""
    allowed: tuple[str, ...]
    """Names clients may call it by, beside loopback's."""

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def root(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.root}{PATHS[self.transport]}"


def listen_on(
    transport: str, host: str, port: int, token: Callable[[], Token], allowed: Sequence[str] = (), *, is_chosen: bool
) -> Site:
    """Bind ``host``:``port`` (0: any free port). Raises InvalidInput when that is not allowed or not possible.

    ``is_chosen``: the token is one that the user has set, as hosts beside loopback demand.
    """
    if not is_loopback(host) and not is_chosen:
        raise InvalidInput(
            f"{host!r} is not loopback: others could read and write what is recorded, so a token is needed",
            hint="set ACTIVITY_HTTP_TOKEN to a long random text, or leave --host out",
        )
    names = [*allowed, *([host] if not is_loopback(host) else [])]
    if not is_loopback(host):
        names.append(socket.gethostname())
    sockets = _bind(host, port)
    text, place = token()
    return Site(transport, host, sockets[0].getsockname()[1], tuple(sockets), text, place, tuple(names))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it. A name other than localhost counts as reachable, wherever it points today."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bind(host: str, port: int) -> list[socket.socket]:
    """A listening socket for each address of ``host``: localhost may be two. One that the machine does not have is left out."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"--host {host[:100]!r} cannot be resolved: {error}", hint="the default is 127.0.0.1") from error
    bound: list[socket.socket] = []
    refused: OSError | None = None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        made = None
        try:
            made = socket.socket(family, kind, protocol)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind((address[0], bound[0].getsockname()[1] if bound and not port else port))
            made.listen(_BACKLOG)
            bound.append(made)
        except OSError as error:
            refused = error
            if made is not None:
                made.close()
    if not bound:
        reason = refused.strerror if refused else "it has no address"
        raise InvalidInput(f"cannot listen on {host}:{port}: {reason}", hint="choose another --port (0 takes any that is free)")
    return bound
