"""Who may see the page, and what a browser may do with it.

A person comes with the address that the command prints: its token is good for one entry, which sets a cookie and shows the page
under an address without it. Where that address was used already, or the page is another server's, the state directory's own
token (``server.http.token``) is typed into a form; a program shows it as a bearer.

    Host            a loopback name, or one this server is known by (a page cannot rebind its own name to here)
    Origin          none, or exactly this one: pages of other ports of this machine are other sites too
    Sec-Fetch-Site  none or same-origin, where the browser says it, for everything but the way in
    cookie          HttpOnly, SameSite=Strict, named after the port, for this process alone, for half a day
    CSRF            a POST bears the token of its cookie

Every answer forbids what the page does not do: inline script and style, other origins, frames, forms to elsewhere, storage in
the browser's cache. Recorded text is never markup (Jinja escapes all of it).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse

from ..server.http.guard import PROVEN, Names, host_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SESSION = "activity_mcp.page"
"""The member of a request's ``state`` that holds its Session."""
MAX_SESSIONS = 64
SESSION_S = 12 * 3600.0
MAX_FORM_BYTES = 1 << 20
ENTER = "/enter"
PUBLIC = ("/static/",)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with none, a browser says "Origin: null" of our own forms
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Session(NamedTuple):
    """``csrf`` is what its forms bear."""

    csrf: str
    ends_at: float


class Keys:
    """What opens the page: the state directory's token, tokens of one use, and the cookies they became. In memory alone."""

    def __init__(self, token: str, *, now: Callable[[], float] = time.monotonic) -> None:
        self._token = _digest(token)
        self._now = now
        self._once: set[bytes] = set()
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()

    def one_time(self) -> str:
        """A token that opens once."""
        token = secrets.token_urlsafe(24)
        self._once.add(_digest(token))
        return token

    def is_token(self, given: str) -> bool:
        return hmac.compare_digest(_digest(given), self._token)

    def use(self, given: str) -> bool:
        """Whether the token opens; one of one use opens no more."""
        digest = _digest(given)
        if digest in self._once:
            self._once.discard(digest)
            return True
        return hmac.compare_digest(digest, self._token)

    def open_session(self) -> str:
        """The value of a new cookie."""
        value = secrets.token_urlsafe(32)
        self._sessions[_digest(value)] = Session(secrets.token_urlsafe(24), self._now() + SESSION_S)
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return value

    def session(self, cookie: str | None) -> Session | None:
        found = self._sessions.get(_digest(cookie)) if cookie else None
        return found if found is not None and self._now() < found.ends_at else None

    def bearer_session(self) -> Session:
        """Of a program that shows the token with each request: no other site can make it do that."""
        return Session("", self._now() + SESSION_S)


class Gate:
    """The page's application behind its rules. ``names`` are the hosts it answers to; ``port`` names its cookie."""

    def __init__(self, app: ASGIApp, keys: Keys, names: Names, port: int) -> None:
        self._app = app
        self._keys = keys
        self._names = names
        self.cookie = f"activity-mcp-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        guarded = _with_headers(send)
        headers = Headers(scope=scope)
        refusal = self._refused_site(scope, headers)
        if refusal is not None:
            return await refusal(scope, receive, guarded)
        if scope["path"].startswith(PUBLIC):
            return await self._app(scope, receive, guarded)
        if scope["method"] == "POST" and scope["path"] == ENTER:
            return await (await self._enter_by_form(scope, receive))(scope, receive, guarded)
        token = Request(scope).query_params.get("token")
        if scope["method"] == "GET" and scope["path"] == "/" and token:
            return await self._entered(token)(scope, receive, guarded)
        session = self._session_of(scope, headers)
        if session is None:
            return await _door("", 401)(scope, receive, guarded)
        scope.setdefault("state", {}).update({PROVEN: True, SESSION: session})
        await self._app(scope, receive, guarded)
        return None

    def _refused_site(self, scope: Scope, headers: Headers) -> Response | None:
        """Requests that another site made, or made its own name for."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or host_of(f"//{hosts[0]}") not in self._names:
            return PlainTextResponse("this page is not known by that Host; see `activity-mcp serve --allow-host`", 421)
        origin = headers.get("origin")
        if origin is not None and origin not in {f"http://{hosts[0]}", f"https://{hosts[0]}"}:
            return PlainTextResponse("pages of other sites may not ask this page", 403)
        is_navigation = scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} and not is_navigation:
            return PlainTextResponse("pages of other sites may not ask this page", 403)
        return None

    def _session_of(self, scope: Scope, headers: Headers) -> Session | None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._keys.is_token(given.strip()):
            return self._keys.bearer_session()
        return self._keys.session(Request(scope).cookies.get(self.cookie))

    async def _enter_by_form(self, scope: Scope, receive: Receive) -> Response:
        body = bytearray()
        async for chunk in Request(scope, receive).stream():
            body += chunk
            if len(body) > MAX_FORM_BYTES:
                return PlainTextResponse("too large", 413)
        from urllib.parse import parse_qs

        given = parse_qs(body.decode("utf-8", "replace"), max_num_fields=8).get("token", [""])[0].strip()
        return self._entered(given)

    def _entered(self, token: str) -> Response:
        """The way in. Not a redirection: where another site's page led here, a browser would follow one without the cookie."""
        if not self._keys.use(token):
            return _door("That token is not valid, or was used already.", 403)
        response = HTMLResponse(_WAY_IN)
        response.set_cookie(
            self.cookie, self._keys.open_session(), max_age=int(SESSION_S), path="/", httponly=True, samesite="strict"
        )
        return response


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return guarded


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


_HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<link rel="icon" href="/static/icon.svg" type="image/svg+xml"><link rel="stylesheet" href="/static/page.css">'
)
_WAY_IN = (
    f'{_HEAD}<meta http-equiv="refresh" content="0;url=/"><title>activity_mcp</title></head>'
    '<body class="door"><main><p><a href="/">Open the page</a></p></main></body></html>'
)


def _door(problem: str, status: int) -> Response:
    """The page for one who has not come in."""
    said = f'<p class="note fail" role="alert">{problem}</p>' if problem else ""
    page = (
        f"{_HEAD}<title>activity_mcp: who is there?</title></head>"
        f'<body class="door"><main><h1>activity_mcp</h1>{said}'
        "<p>This page shows what was recorded on this machine, so it asks who is there. "
        "<code>activity-mcp web</code> prints an address that opens it once.</p>"
        f'<form method="post" action="{ENTER}"><label for="token">Or the token that the file <code>http-token</code> in '
        "ACTIVITY_HOME holds (or ACTIVITY_HTTP_TOKEN)</label>"
        '<p class="row"><input id="token" name="token" type="password" autocomplete="off" required> '
        "<button>Open</button></p></form></main></body></html>"
    )
    return HTMLResponse(page, status, {"www-authenticate": "Bearer"} if status == 401 else None)
