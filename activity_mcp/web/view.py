"""What a view is, and one look at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import statements
from .answers import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.datastructures import FormData
    from starlette.responses import Response

    from .answers import Answer
    from .filters import Filters
    from .sources import Sources

EVERYBODY = "all"
PATIENT_S = 25.0
SLOW_S = 2.0
"""How long a page waits that has nothing else to show."""


class NotThere(Exception):
    """What was asked for is not in the record; the text says what, for the person."""


@dataclass(frozen=True, slots=True)
class View:
    """A page of its own. ``path`` is a Starlette route. ``load`` runs on a worker thread and gives what the template
    ``NAME.html`` needs; it may raise NotThere, or InvalidInput, whose message and hint the page then shows.

    ``filters``: which of the common ones its bar has (days, project, model). ``actions``: what its POSTs to ``PATH/ACTION``
    do; the CSRF token has been checked. A mapping in place of a response shows the view again, with these variables of its
    template. ``in_navigation``: whether the head of each page links to it.
    """

    name: str
    title: str
    path: str
    load: Callable[[Look], Mapping[str, Any]]
    filters: tuple[str, ...] = ()
    actions: Mapping[str, Callable[[Look, FormData], Response | Mapping[str, Any]]] = field(default_factory=dict)
    in_navigation: bool = True

    @property
    def template(self) -> str:
        return f"{self.name}.html"


class Look:
    """One look at a view: the state in its URL, and what it may ask. Belongs to one request."""

    def __init__(self, sources: Sources, filters: Filters, path: Mapping[str, str] | None = None) -> None:
        self.sources = sources
        self.filters = filters
        self.is_patient = False
        """Whether answers are waited for however long they take: a file is whole or not sent."""
        self.path = dict(path or {})
        self.now_us = sources.clock.time_us()
        self.notes: list[tuple[str, str]] = []
        """Lines above the page: a kind (info, warn, fail) and a text."""
        self.asked: list[Answer] = []

    def ask(self, sql: str, wait_s: float = PATIENCE_S) -> Answer:
        """What is known of a statement now (see ``answers``). The page says by itself where an answer is stale or missing."""
        answer = self.sources.answers.ask(sql, PATIENT_S if self.is_patient else wait_s)
        self.asked.append(answer)
        return answer

    def ask_all(self, *statements: str, wait_s: float = SLOW_S) -> list[Answer]:
        """The same of several, which are asked beside each other."""
        for sql in statements:
            self.sources.answers.ask(sql, 0.0)
        return [self.ask(sql, wait_s) for sql in statements]

    @property
    def customer(self) -> str:
        return self.sources.customer()

    @property
    def is_everybody(self) -> bool:
        """Whether the records of others, where they are in the same warehouse, are wanted too."""
        return self.filters.get("who") == EVERYBODY

    @property
    def since_us(self) -> int | None:
        return statements.since_of(self.now_us, self.filters.days)

    def conditions(self, *, since_us: int | None = None, days: bool = True) -> list[str]:
        """What the common filters mean, as conditions on columns that each typed view has."""
        since_us = self.since_us if days and since_us is None else since_us
        project = self.filters.get("project")
        return [
            "" if self.is_everybody else f"customer = {statements.text(self.customer)}",
            f"ts >= {statements.time(since_us)}" if since_us is not None else "",
            f"project = {statements.text(project)}" if project else "",
        ]
