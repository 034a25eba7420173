"""The state of a page, which is its URL: nothing that a person chose is anywhere else, so any page can be sent and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_VALUE_CHARS = 2_000
MAX_VALUES = 20
PERIODS = {"1": "Today", "7": "7 days", "30": "30 days", "90": "90 days", "all": "All"}
"""What ``days`` may be. Days are those of UTC, as in every sum of this program; a period includes today."""
DEFAULT_PERIOD = "7"
ROWS_PER_PAGE = 50


class Filters:
    """What the query of a URL says: names and texts, the last of a name. Values are cut, and most of too many are left out."""

    def __init__(self, given: Iterable[tuple[str, str]], *, path: str = "/") -> None:
        self.path = path
        kept = {name[:60]: value[:MAX_VALUE_CHARS].strip() for name, value in given}
        self._values = {name: value for name, value in list(kept.items())[:MAX_VALUES] if value}

    def get(self, name: str) -> str | None:
        """The value; None where there is none."""
        return self._values.get(name)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._values.items())

    @property
    def period(self) -> str:
        """A key of ``PERIODS``."""
        given = self._values.get("days", DEFAULT_PERIOD)
        return given if given in PERIODS else DEFAULT_PERIOD

    @property
    def days(self) -> int | None:
        """How many days of UTC, today included; None for all."""
        return None if self.period == "all" else int(self.period)

    def page(self, name: str = "page") -> int:
        """Which page of a table, from 1."""
        given = self._values.get(name, "1")
        return min(int(given), 100_000) if given.isascii() and given.isdigit() and len(given) < 9 and int(given) else 1

    def link(self, path: str | None = None, /, **changes: str | int | None) -> str:
        """The URL of this state with some values changed (None: without them). A change of anything else leaves the page of a
        table: it begins at its first row again."""
        values = {name: value for name, value in self._values.items() if name != "page" or changes.keys() <= {"page"}}
        values.update({name: "" if value is None else str(value) for name, value in changes.items()})
        query = urlencode({name: value for name, value in values.items() if value})
        return f"{path or self.path}{'?' if query else ''}{query}"

    def carry(self, path: str) -> str:
        """The URL of another view with what holds for all of them: the period, the project, whose record."""
        names = ("days", "project", "who")
        kept = {name: value for name, value in self._values.items() if name in names}
        return f"{path}{'?' if kept else ''}{urlencode(kept)}"
