"""Another state directory is taken over: nothing that waits in it, or was shipped from it, is lost or there twice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activity_mcp import package_files
from activity_mcp.errors import InvalidInput, QueueBusy
from activity_mcp.operations.adopt import Adopted, Adoption
from activity_mcp.operations.drain import Drainer
from activity_mcp.operations.import_transcripts import TranscriptImport
from activity_mcp.operations.selection import Selection
from activity_mcp.queue import Lease
from activity_mcp.recording.tombstones import Tombstones
from activity_mcp.service import ActivityService
from patience import PATIENCE_S

EXAMPLE = package_files.path_of("examples", "session.jsonl")


def service_at(home: Path, **environ: str) -> ActivityService:
    return ActivityService.from_environ({"ACTIVITY_HOME": str(home), "ACTIVITY_CUSTOMER": "ada", **environ}, source="cli")


def log(service: ActivityService, name: str) -> None:
    service.log("tool_event", {"tool_name": name, "success": True})


def tools_in(service: ActivityService) -> list[str]:
    Drainer(service).drain()
    sql = "SELECT tool_name FROM VW_TOOL_EVENTS WHERE tool_name LIKE 'my %' ORDER BY 1"
    return [row[0] for row in service.provenance_queries.query(sql, preview_bytes=None)["rows"]]


def rows_of(service: ActivityService, sql: str) -> list[list[Any]]:
    return service.adapter.queries.query(sql, max_rows=None, max_bytes=None, timeout_s=PATIENCE_S, cancelled=lambda: False).rows


def adopt(service: ActivityService, folder: Path) -> Adopted:
    return Adoption(service, str(folder)).run()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[ActivityService]:
    service = service_at(tmp_path / "here")
    log(service, "my own")
    yield service
    service.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with an import, an artifact and a row in its database, and an event that waits."""
    home = tmp_path_factory.mktemp("made") / "there"
    service = service_at(home)
    TranscriptImport(service).run([EXAMPLE])
    log(service, "my shipped")
    Drainer(service).drain()
    service.provenance_queries.query("SELECT 1 AS x", store=True)
    log(service, "my waiting")
    service.close()
    return home


@pytest.fixture
def there(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / "there"))


def test_a_state_directory_is_taken_over_whole_and_once(here: ActivityService, there: Path) -> None:
    adopted = adopt(here, there)
    assert tools_in(here) == ["my own", "my shipped", "my waiting"]
    assert (adopted.transcripts, adopted.artifacts, adopted.damaged, adopted.left) == (1, 1, 0, [])
    again = adopt(here, there)
    assert (again.events, again.rows, again.transcripts, again.artifacts) == (0, 0, 0, 0)
    assert rows_of(here, "SELECT COUNT(*) - COUNT(DISTINCT activity_id) FROM CLAUDE_STREAM_V2") == [[0]]
    assert TranscriptImport(here).run([EXAMPLE]).unchanged == 1
    (artifact,) = (there / "artifacts").glob("*.meta.json")
    assert (Path(here.config.artifacts_dir) / artifact.name).is_file()


def test_a_row_taken_over_is_the_row_it_was(here: ActivityService, there: Path) -> None:
    columns = "* EXCLUDE (channel_id, stream_offset, loaded_at)"
    sql = f"SELECT {columns} FROM CLAUDE_STREAM_V2 WHERE source = 'import' ORDER BY activity_id"
    theirs = service_at(there)
    before = rows_of(theirs, sql)
    theirs.close()
    adopt(here, there)
    Drainer(here).drain()
    assert rows_of(here, sql) == before
    assert len(before) > 30


def test_a_queue_whose_database_moved_away_is_taken_over(tmp_path: Path) -> None:
    home = tmp_path / "home"
    old = service_at(home, ACTIVITY_DB=str(tmp_path / "disk" / "w.duckdb"))
    log(old, "my waiting")
    stray = Path(old.queue.directory)
    old.close()
    new = service_at(home, ACTIVITY_DB=str(tmp_path / "other disk" / "w.duckdb"))
    assert [queue["directory"] for queue in new.status()["other_queues"]] == [str(stray)]
    assert adopt(new, stray).events == 1
    assert tools_in(new) == ["my waiting"]
    assert new.status()["other_queues"] == []
    assert not (tmp_path / "disk").exists(), "no second warehouse at the old place"
    new.close()


def test_what_was_forgotten_here_does_not_come_back(here: ActivityService, there: Path) -> None:
    everything = Selection.of(None, None, "2999-01-01", None)
    Tombstones(here.config.home).add(everything, [], here.clock.time_us())
    adopted = adopt(here, there)
    assert (adopted.events, adopted.rows) == (0, 0)


def test_a_damaged_queue_costs_its_damage(here: ActivityService, there: Path) -> None:
    (segment,) = sorted(there.glob("queue/*/seg/*.ndjson"))[-1:]
    with segment.open("ab") as file:
        file.write(b'{"torn": \n')
    adopted = adopt(here, there)
    assert (adopted.damaged, tools_in(here)) == (1, ["my own", "my shipped", "my waiting"])


def test_a_directory_that_a_server_leads_is_left_alone(here: ActivityService, there: Path) -> None:
    (queue,) = (there / "queue").glob("duckdb-*")
    lease = Lease(str(queue))
    assert lease.try_acquire()
    with pytest.raises(QueueBusy, match="a server leads"):
        adopt(here, there)
    lease.release()


@pytest.mark.parametrize("what", ["itself", "nothing", "another folder"])
def test_what_is_no_other_state_directory_is_refused(here: ActivityService, tmp_path: Path, what: str) -> None:
    (tmp_path / "another folder").mkdir()
    shutil.copy(EXAMPLE, tmp_path / "another folder")
    folder = Path(here.config.home) if what == "itself" else tmp_path / what
    with pytest.raises(InvalidInput, match="neither another state directory nor a queue"):
        adopt(here, folder)
