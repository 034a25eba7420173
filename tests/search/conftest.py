"""A state directory with the real service on a DuckDB file, and searches over it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.operations.drain import Drainer
from activity_mcp.search.index import SearchIndex
from activity_mcp.service import ActivityService
from deployed import put_warehouse
from fakes import FakeClock
from patience import PATIENCE_S


class Record:
    """Processes over one state directory, and what they record."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = FakeClock()
        self.reported: list[BaseException] = []
        self.opened: list[ActivityService] = []
        put_warehouse(home)

    def service(self, **environ: str) -> ActivityService:
        given = {"ACTIVITY_HOME": str(self.home), "HOME": str(self.home), "ACTIVITY_CUSTOMER": "ada@example.com", **environ}
        made = ActivityService.from_environ(given, source="cli", clock=self.clock, on_error=self.reported.append)
        self.opened.append(made)
        return made

    @property
    def index_path(self) -> Path:
        feed = self.service().finding.feed
        assert feed is not None
        return Path(feed.path)


def run(
    service: ActivityService, command: str, *, error: str | None = None, session: str = "s1", project: str = "/w/shop"
) -> None:
    """Record a command as a hook would."""
    features: dict[str, Any] = {"tool_name": "Bash", "success": error is None, "parameters": {"command": command}}
    if error:
        features["error"] = error
    origin = service.recorder.origin("hook", session_id=session, project=project)
    service.recorder.append([service.recorder.prepare("tool_event", features, origin)])


def ship(service: ActivityService) -> None:
    Drainer(service).drain(PATIENCE_S)


def append(service: ActivityService) -> None:
    """Flush, and leave it to be folded."""
    Drainer(service).drain(PATIENCE_S, verify=False)


def opened(record: Record) -> SearchIndex:
    """The index, to be looked into."""
    index = SearchIndex.read(str(record.index_path))
    assert index is not None
    return index


def documents_in(record: Record) -> int:
    with contextlib.closing(opened(record)) as index:
        return index.size


def build(service: ActivityService) -> None:
    """Bring the index up to date, as the leader does turn by turn."""
    feed = service.finding.feed
    assert feed is not None
    try:
        while feed.read_slice():
            pass
    finally:
        service.warehouse.release()


def snippets(service: ActivityService, text: str, **options: Any) -> list[str]:
    return [hit["snippet"].replace("**", "") for hit in service.search(text, **options)["hits"]]


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    made = Record(tmp_path / "home")
    yield made
    for service in made.opened:
        service.close()
