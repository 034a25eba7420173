"""The routes of the page: every view, its tables as CSV, its actions, the live stream and the static files."""

from __future__ import annotations

import os
import secrets
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from .. import __version__
from ..errors import ActivityError
from ..recording.tombstones import forgotten_stamp
from ..server.http.guard import Names
from . import charts, formats, views
from .filters import PERIODS, Filters
from .gate import SESSION, Gate, Keys
from .live import MAX_LISTENERS, Stream
from .view import Look, NotThere

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from .gate import Session
    from .sources import Sources
    from .tables import Table
    from .view import View

_HERE = os.path.dirname(os.path.abspath(__file__))
MAX_FORM_BYTES = 1 << 20


class Page:
    """The page of a record, as an ASGI application of its own. ``close`` ends its queries."""

    def __init__(
        self, sources: Sources, token: str, *, names: Iterable[str] = (), any_address: bool = False, port: int = 0
    ) -> None:
        self.keys = Keys(token)
        self._sources = sources
        self.answers = sources.answers
        self.stream = Stream(sources.newest)
        self.answers.on_answer = self.stream.answered
        self._views = views.all_views()
        self._templates = _environment()
        self._forgotten = forgotten_stamp(sources.config.home)
        self._app = Gate(self._routes(), self.keys, Names(names, any_address=any_address), port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def close(self) -> None:
        """The server leaves: open streams end, and no answer is waited for."""
        self.stream.close()
        self.answers.close()

    def _routes(self) -> ASGIApp:
        static = StaticFiles(directory=os.path.join(_HERE, "static"))
        routes: list[Route | Mount] = [Route("/live", self._live), Mount("/static", _Kept(static))]
        for view in self._views:
            routes.append(Route(f"{view.path.rstrip('/') or '/overview'}.csv", partial(self._csv, view)))
            routes += [
                Route(f"{view.path.rstrip('/')}/{name}", partial(self._act, view, name), methods=["POST"])
                for name in view.actions
            ]
        routes += [Route(view.path, partial(self._show, view)) for view in self._views]
        return Starlette(routes=routes, exception_handlers={404: self._missing}, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        yield
        self.close()

    def look(self, request: Request, view: View) -> Look:
        self._forget_with_others()
        filters = Filters(request.query_params.multi_items(), path=request.url.path)
        return Look(self._sources, filters, request.path_params)

    def _forget_with_others(self) -> None:
        """What any process has forgotten must not be shown from what was read before."""
        known = forgotten_stamp(self._sources.config.home)
        if known != self._forgotten:
            self._forgotten = known
            self.answers.forget()
            self._sources.newest.forget()

    # --- answers

    async def _show(self, view: View, request: Request) -> Response:
        look = self.look(request, view)
        return await run_in_threadpool(self.render, view, look, request.scope["state"][SESSION])

    def render(self, view: View, look: Look, session: Session, more: Mapping[str, Any] | None = None) -> Response:
        """The view as HTML, with ``more`` of what its template needs; where it cannot be shown, why not."""
        status, state = 200, self.stream.state()
        try:
            found: Mapping[str, Any] = {**view.load(look), **(more or {})}
            template = view.template
        except NotThere as missing:
            found, template, status = {"what": str(missing), "hint": ""}, "missing.html", 404
        except ActivityError as error:
            found, template, status = {"what": error.message, "hint": error.hint}, "missing.html", 400
        return self._page(template, status, {**found, "state": state}, view, look, session)

    def refuse(self, view: View, look: Look, session: Session, error: ActivityError) -> Response:
        """Why an action was not done."""
        found = {"what": error.message, "hint": error.hint, "state": self.stream.state()}
        return self._page("missing.html", 400, found, view, look, session)

    def _page(self, template: str, status: int, found: Mapping[str, Any], view: View, look: Look, session: Session) -> Response:
        text = self._templates.get_template(template).render(
            **found, view=view, views=self._views, look=look, filters=look.filters, periods=PERIODS, cost=self.answers.cost(),
            version=__version__, csrf_token=session.csrf, is_free=self.answers.reads_are_free,
            is_pending=any(answer.state == "pending" for answer in look.asked),
            is_failed=any(answer.state == "failed" for answer in look.asked),
        )  # fmt: skip
        return HTMLResponse(text, status)

    async def _csv(self, view: View, request: Request) -> Response:
        look = self.look(request, view)
        look.is_patient = True
        try:
            tables = (await run_in_threadpool(view.load, look)).get("tables", [])
        except NotThere as missing:
            return PlainTextResponse(str(missing), 404)
        except ActivityError as error:
            return PlainTextResponse(error.describe(), 400)
        wanted = look.filters.get("table")
        table = next((table for table in tables if wanted in (None, table.name)), None)
        if table is None:
            return PlainTextResponse(f"there is no such table; there are: {', '.join(each.name for each in tables)}", 404)
        if any(answer.state in {"pending", "failed"} for answer in look.asked):
            return PlainTextResponse("the warehouse has not answered yet; try again", 503, {"retry-after": "2"})
        named = {"content-disposition": f'attachment; filename="{view.name}-{table.name}.csv"'}
        return StreamingResponse(table.csv(look.filters), headers=named, media_type="text/csv; charset=utf-8")

    async def _act(self, view: View, name: str, request: Request) -> Response:
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > MAX_FORM_BYTES:
            return PlainTextResponse("the form is too large, or does not say how large it is", 413)
        session: Session = request.scope["state"][SESSION]
        async with request.form(max_files=0, max_fields=50) as form:
            given = form.get("csrf")
            if session.csrf and not (isinstance(given, str) and secrets.compare_digest(given.encode(), session.csrf.encode())):
                return PlainTextResponse("this form is not from this page, or too old; load the page again", 403)
            look = self.look(request, view)
            try:
                found = await run_in_threadpool(view.actions[name], look, form)
            except ActivityError as error:
                return await run_in_threadpool(self.refuse, view, look, session, error)
        self._sources.status.forget()
        self._sources.checks.forget()
        if isinstance(found, Response):
            return found
        look.filters.path = view.path
        return await run_in_threadpool(self.render, view, look, session, found)

    async def _live(self, request: Request) -> Response:
        if self.stream.listeners >= MAX_LISTENERS:
            return PlainTextResponse("too many pages are open", 503)
        return StreamingResponse(
            self.stream.listen(request.query_params.get("at")),
            media_type="text/event-stream",
            headers={"x-accel-buffering": "no"},
        )

    async def _missing(self, request: Request, raised: Exception) -> Response:
        text = self._templates.get_template("missing.html").render(
            what="There is no such page.", hint="", view=None, views=self._views, look=None, filters=Filters([]),
            periods=PERIODS, cost=self.answers.cost(), version=__version__, csrf_token="", state="", is_free=True,
            is_pending=False, is_failed=False,
        )  # fmt: skip
        return HTMLResponse(text, 404)


class _Kept:
    """Files of the package: a browser may keep them for as long as their address holds, which bears the version."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def kept(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                message["headers"] = [*message["headers"], (b"cache-control", b"private, max-age=3600")]
            await send(message)

        await self._app(scope, receive, kept)


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(os.path.join(_HERE, "templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(formats.FILTERS)
    made.globals.update(charts=charts, csv_link=_csv_link, zone=formats.zone_minutes)
    return made


def _csv_link(view: View, table: Table, filters: Filters) -> str:
    base = filters.path.rstrip("/") or "/overview"
    return filters.link(f"{base}.csv", table=table.name)
