"""Searching what was recorded, from the service's surface: found, ranked, marked, and said what could not be searched."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from activity_mcp.errors import InvalidInput
from activity_mcp.operations.erase import Forgetter
from activity_mcp.operations.selection import Selection
from activity_mcp.pipeline import folding
from activity_mcp.search import feed, searcher, times, warehouse_rows
from activity_mcp.search.feed import CURSOR, DONE, IDLE_S
from activity_mcp.search.index import SearchIndex
from activity_mcp.service import ActivityService
from activity_mcp.warehouse.duckdb import folding as duckdb_folding
from activity_mcp.warehouse.duckdb import history
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from fakes import FakeClock
from patience import PATIENCE_S
from search.conftest import Record, append, build, documents_in, opened, run, ship, snippets

DAY_S = 86_400.0


def test_a_hit_says_what_when_where_why_and_the_way_back(record: Record) -> None:
    service = record.service()
    run(service, "pytest tests/test_migration.py", error="sqlite3.OperationalError: database is locked", session="4f1c-9")
    ship(service)
    build(service)
    record.clock.advance(3 * DAY_S)
    answer = service.search("database locked")
    assert answer == {
        "hits": [
            {
                "kind": "command",
                "ts": "2027-01-15T08:00:00.000000Z",
                "age": "3 d",
                "project": "/w/shop",
                "session_id": "4f1c-9",
                "snippet": "pytest tests/test_migration.py sqlite3.OperationalError: **database** is **locked**",
                "why": "has database, locked; 3 d ago",
                "resume": "claude --resume 4f1c-9",
                "failed": True,
                "tool": "Bash",
                "path": None,
            }
        ],
        "total": 1,
        "truncated": False,
        "as_of": "2027-01-18T08:00:00.000000Z",
        "notes": [],
    }


def test_own_events_are_found_before_anything_is_shipped_and_once_after_it(record: Record) -> None:
    service = record.service()
    ship(service)
    build(service)
    run(service, "make deploy")
    assert snippets(service, "deploy") == ["make deploy"]
    ship(service)
    assert snippets(service, "deploy") == ["make deploy"]
    assert service.search("deploy")["total"] == 1


@pytest.mark.parametrize("is_shipped", [True, False])
def test_the_whole_language_answers_the_same_from_the_index_and_from_the_queue(record: Record, is_shipped: bool) -> None:
    service = record.service()
    if is_shipped:
        run(service, "git status")
    ship(service)
    build(service)
    run(service, "pytest --cov src/cache.py", error="coverage below 100")
    run(service, "ruff check src/cache.py")
    run(service, "数据库迁移失败 then 🎉")
    if is_shipped:
        ship(service)
    cov, ruff, other = "pytest --cov src/cache.py coverage below 100", "ruff check src/cache.py", "数据库迁移失败 then 🎉"
    assert sorted(snippets(service, "cache")) == [cov, ruff]
    assert snippets(service, "cache -ruff") == [cov]
    assert snippets(service, '"below 100"') == [cov]
    assert snippets(service, '"100 below"') == []
    assert snippets(service, "cov*") == [cov]
    assert snippets(service, "coverge") == [cov]
    assert snippets(service, "covering checked") == [ruff]
    assert snippets(service, "failed: tool:bash") == [cov]
    assert ruff in snippets(service, "failed:no tool:Bash")
    assert snippets(service, "tool:Read cache") == []
    assert snippets(service, "迁移") == [other]
    assert snippets(service, "🎉") == [other]
    assert snippets(service, "CACHE", kind="failed") == [cov]
    assert snippets(service, "cache", kind="file") == []


def test_this_projects_hits_come_first_and_a_filter_leaves_the_others_out(record: Record) -> None:
    service = record.service(CLAUDE_PROJECT_DIR="/w/shop")
    run(service, "make release", project="/w/blog", session="s2")
    record.clock.advance(1)
    run(service, "make release now", project="/w/blog", session="s3")
    run(service, "make release", project="/w/shop", session="s1")
    sessions = [hit["session_id"] for hit in service.search("release")["hits"]]
    assert (sessions[0], set(sessions)) == ("s1", {"s1", "s2", "s3"})
    assert {hit["project"] for hit in service.search("release", project="/w/blog")["hits"]} == {"/w/blog"}
    assert "this project" in service.search("release")["hits"][0]["why"]


def test_the_newer_of_two_alike_comes_first_and_one_session_does_not_fill_the_answer(record: Record) -> None:
    service = record.service()
    run(service, "terraform apply first", session="old")
    record.clock.advance(90 * DAY_S)
    for number in range(6):
        run(service, f"terraform apply {number}", session="new")
    sessions = [hit["session_id"] for hit in service.search("terraform", limit=3)["hits"]]
    assert (sessions[0], "old" in sessions) == ("new", True)


def test_since_and_until_bound_the_hits(record: Record) -> None:
    service = record.service()
    run(service, "make monday")
    record.clock.advance(2 * DAY_S)
    run(service, "make wednesday")
    assert snippets(service, "make", since="24h") == ["make wednesday"]
    assert snippets(service, "make", until="2027-01-16") == ["make monday"]
    for wrong in ("yesterday", "2027-13-01"):
        with pytest.raises(InvalidInput, match="since"):
            service.search("make", since=wrong)
    with pytest.raises(InvalidInput, match="kind"):
        service.search("make", kind="everything")


def test_a_kill_between_the_warehouse_and_the_index_loses_no_hit(record: Record) -> None:
    service = record.service()
    run(service, "make first")
    ship(service)
    build(service)
    before = record.index_path.read_bytes()
    run(service, "make second")
    ship(service)
    record.index_path.write_bytes(before)
    fresh = record.service()
    build(fresh)
    assert sorted(snippets(fresh, "make")) == ["make first", "make second"]


def test_a_flush_that_does_not_begin_where_the_index_ends_has_everything_read_again(record: Record) -> None:
    service = record.service()
    run(service, "make first")
    ship(service)
    build(service)
    before = record.index_path.read_bytes()
    run(service, "make second")
    ship(service)
    record.index_path.write_bytes(before)
    run(service, "make third")
    ship(service)
    build(service)
    assert sorted(snippets(service, "make")) == ["make first", "make second", "make third"]


@pytest.fixture(params=["before", "beside"])
def index_and_fold(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The index takes the rows before each fold, or, as it does of a backlog, while they are folded."""
    monkeypatch.setattr(folding, "BESIDE_ROWS", -1 if request.param == "beside" else 1 << 62)
    return str(request.param)


@pytest.mark.usefixtures("index_and_fold")
def test_a_flush_does_nothing_for_the_index_and_the_fold_after_it_brings_its_rows_in(record: Record) -> None:
    service = record.service()
    run(service, "make first")
    append(service)
    assert not record.index_path.exists()
    assert snippets(service, "make") == ["make first"]
    run(service, "make second")
    append(service)
    ship(service)
    assert documents_in(record) == 2
    assert sorted(snippets(service, "make")) == ["make first", "make second"]


def test_a_kill_before_the_fold_or_between_the_index_and_the_fold_costs_no_reading_of_everything(record: Record) -> None:
    service = record.service()
    run(service, "make first")
    ship(service)
    build(service)
    run(service, "make second")
    append(service)
    killed = record.service()
    assert killed.finding.feed is not None
    killed.finding.feed.take_unfolded()
    killed.warehouse.close()
    assert documents_in(record) == 2
    run(service, "make third")
    ship(record.service())
    with contextlib.closing(opened(record)) as index:
        assert index.get(CURSOR) == DONE
    assert documents_in(record) == 3
    answer = service.search("make")
    assert (answer["total"], answer["notes"]) == (3, [])


@pytest.mark.usefixtures("whole_folds")
def test_what_is_folded_leaves_only_when_the_index_beside_it_has_taken_it(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fold is as good as done when the index is killed: the next process has both to do, and nothing twice."""
    monkeypatch.setattr(folding, "BESIDE_ROWS", -1)
    record.clock = today()
    service = record.service()
    run(service, "make first")
    ship(service)
    build(service)
    run(service, "make second")
    threads: list[str] = []

    def killed(index: SearchIndex, documents: object) -> int:
        threads.append(threading.current_thread().name)
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(SearchIndex, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            ship(service)
    service.close()
    assert threads == ["activity-beside-fold"]
    again = record.service()
    assert counted(again) == 1
    ship(again)
    assert (counted(again), documents_in(record)) == (2, 2)
    with contextlib.closing(opened(record)) as index:
        assert index.get(CURSOR) == DONE
    answer = again.search("make")
    assert (answer["total"], answer["notes"]) == (2, [])


def today() -> FakeClock:
    """For rows that are counted: contexts have the last days by the warehouse's clock, which no test sets."""
    return FakeClock(time_us=time.time_ns() // 1000 - 60_000_000)


def counted(service: ActivityService) -> int:
    """The calls that the contexts in the warehouse have."""
    store = service.warehouse
    assert isinstance(store, DuckDBWarehouse)
    with store.transaction() as statements:
        (found,) = statements.execute("SELECT COALESCE(SUM(calls), 0) FROM CONTEXT_COUNTS WHERE project = '*'")
    store.release()
    return int(found[0])


@pytest.mark.usefixtures("whole_folds")
def test_a_backlog_is_indexed_beside_its_fold_piece_by_piece(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "BESIDE_ROWS", -1)
    record.clock = today()
    service = record.service()
    for number in range(7):
        run(service, f"make target-{number}")
    append(service)
    store = service.warehouse
    assert isinstance(store, DuckDBWarehouse)
    store._folder._max_rows = 3
    monkeypatch.setattr(duckdb_folding, "MAX_ROWS", 3)
    taken: list[int] = []
    real = SearchIndex.add

    def noted(index: SearchIndex, documents: Any) -> int:
        documents = list(documents)
        taken.append(len(documents))
        return real(index, documents)

    monkeypatch.setattr(SearchIndex, "add", noted)
    ship(service)
    assert taken == [3, 3, 1]
    assert counted(service) == 7
    build(service)
    answer = service.search("make", limit=100)
    assert (answer["total"], answer["notes"]) == (7, [])


@pytest.mark.usefixtures("index_and_fold")
def test_a_backlog_that_was_not_folded_goes_in_by_pieces(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each transaction is small, whatever an import has left, and one that fails leaves the others."""
    monkeypatch.setattr(history, "PIECE_ROWS", 2)
    monkeypatch.setattr(history, "_PIECE", history._PIECE.replace("LIMIT 2500", "LIMIT 2"))
    monkeypatch.setattr(feed, "MAX_TAKEN", 3)
    service = record.service()
    for number in range(9):
        run(service, f"make target-{number}")
        append(service)
    written: list[int] = []
    real = SearchIndex.add

    def noted(index: SearchIndex, documents: Any) -> int:
        taken = list(documents)
        written.append(len(taken))
        return real(index, taken)

    with monkeypatch.context() as noting:
        noting.setattr(SearchIndex, "add", noted)
        ship(service)
    assert written == [4, 4, 1]
    build(service)
    answer = service.search("make", limit=100)
    assert (answer["total"], answer["notes"]) == (9, [])


@pytest.mark.usefixtures("index_and_fold")
def test_what_a_fold_took_and_the_index_did_not_is_said_and_read_again(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    service = record.service()
    run(service, "make first")
    ship(service)
    build(service)

    def full(index: SearchIndex, documents: object) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as no_room:
        no_room.setattr(SearchIndex, "add", full)
        run(service, "make second")
        ship(service)
    assert "search index was not written" in str(record.reported[0])
    assert "the index is behind" in service.search("make")["notes"][0]
    run(service, "make third")
    ship(service)
    assert "being built" in service.search("make")["notes"][0]
    build(service)
    assert sorted(snippets(service, "make")) == ["make first", "make second", "make third"]
    assert service.search("make")["notes"] == []


def test_a_leader_that_was_stopped_does_not_take_the_index_back(record: Record) -> None:
    """It knows an older offset than the index has."""
    service = record.service()
    run(service, "make first")
    ship(service)
    build(service)
    before = (Path(service.queue.directory) / "commit.json").read_bytes()
    run(service, "make second")
    ship(service)
    run(service, "make third")
    append(service)
    commit = Path(service.queue.directory) / "commit.json"
    newest = commit.read_bytes()
    commit.write_bytes(before)
    stopped = record.service()
    assert stopped.finding.feed is not None
    stopped.finding.feed.take_unfolded()
    stopped.warehouse.close()
    commit.write_bytes(newest)
    answer = service.search("make")
    assert (answer["total"], answer["notes"]) == (3, [])


def test_more_than_a_search_reads_of_the_queue_is_said(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searcher, "TAIL_RECORDS", 2)
    service = record.service()
    run(service, "make first")
    ship(service)
    build(service)
    for number in range(5):
        run(service, f"make waiting-{number}")
    answer = service.search("make")
    assert answer["total"] == 3
    assert answer["notes"] == ["3 events wait to be indexed and were not searched: a flush brings them in"]


@pytest.mark.parametrize("damage", ["missing", "garbage", "torn"])
def test_a_missing_or_damaged_index_is_said_answered_by_sql_and_built_again(record: Record, damage: str) -> None:
    service = record.service()
    for number in range(300):
        run(service, f"make target-{number} {'x' * 200}")
    ship(service)
    build(service)
    service.close()
    path = record.index_path
    if damage == "missing":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(b"no database" * 1000)
    else:
        path.write_bytes(path.read_bytes()[:20_000])
    fresh = record.service()
    answer = fresh.search('"target 77"')
    assert len(answer["hits"]) == 1
    assert "buil" in answer["notes"][0]
    build(fresh)
    build(fresh)
    healed = fresh.search('"target 77"')
    assert (len(healed["hits"]), healed["notes"]) == (1, [])


@pytest.mark.parametrize("damage", ["removed", "replaced", "overwritten"])
def test_a_leader_that_has_the_index_open_does_not_write_on_into_a_file_that_is_gone(record: Record, damage: str) -> None:
    service = record.service()
    run(service, "make first")
    ship(service)
    build(service)
    path = record.index_path
    if damage == "overwritten":
        path.write_bytes(b"no database" * 1000)
    else:
        for ending in ("", "-wal", "-shm"):
            path.with_name(path.name + ending).unlink()
        if damage == "replaced":
            path.write_bytes(b"no database" * 1000)
    run(service, "make second")
    ship(service)
    build(service)
    service.close()
    assert sorted(snippets(record.service(), "make")) == ["make first", "make second"]


def test_a_leader_at_rest_and_one_that_leads_no_more_have_let_go_of_the_index(record: Record) -> None:
    service = record.service()
    feed = service.finding.feed
    assert feed is not None
    run(service, "make first")
    ship(service)
    build(service)
    log = record.index_path.with_name(record.index_path.name + "-wal")
    assert log.exists()
    record.clock.advance(IDLE_S + 1)
    feed.turn()
    assert not log.exists()
    run(service, "make second")
    ship(service)
    assert log.exists()
    service.close()
    assert not log.exists()


def test_while_the_index_is_being_built_that_is_said(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    service = record.service()
    run(service, "make old")
    record.clock.advance(DAY_S)
    run(service, "make new")
    ship(service)
    path = record.index_path
    path.unlink()
    feed = service.finding.feed
    assert feed is not None
    feed.read_slice()
    answer = service.search("make")
    assert [hit["snippet"] for hit in answer["hits"]] == ["**make** new"]
    assert "being built" in answer["notes"][0]


def test_with_the_warehouse_locked_the_index_answers_and_without_one_the_queue_does(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse_rows, "TIMEOUT_S", 0.3)
    service = record.service()
    run(service, "make shipped")
    ship(service)
    build(service)
    run(service, "make waiting")
    with duckdb.connect(service.config.db):
        assert sorted(snippets(service, "make")) == ["make shipped", "make waiting"]
        record.index_path.unlink()
        answer = service.search("make")
    assert "**make** waiting" in [hit["snippet"] for hit in answer["hits"]]
    assert any("did not answer" in note for note in answer["notes"])


def test_what_was_forgotten_is_never_found_again_and_in_no_byte_of_the_index(record: Record) -> None:
    service = record.service()
    run(service, "echo quetzalcoatl", session="gone")
    run(service, "echo kept", session="kept")
    ship(service)
    build(service)
    run(service, "echo quetzalcoatl again", session="gone")
    Forgetter(service, Selection.of("gone", None, None, None)).run()
    for fresh in (service, record.service()):
        assert snippets(fresh, "quetzalcoatl") == []
        build(fresh)
        assert snippets(fresh, "quetzalcoatl") == []
        assert snippets(fresh, "echo") == ["echo kept"]
    files = list(record.home.rglob("search.sqlite3*"))
    assert files
    assert not [path for path in files if b"quetzalcoatl" in path.read_bytes()]


def test_what_retention_removes_is_not_found_and_what_a_hold_keeps_is(record: Record) -> None:
    service = record.service()
    run(service, "echo expired", session="s1")
    run(service, "echo held", session="held")
    ship(service)
    build(service)
    record.clock.advance(400 * DAY_S)
    run(service, "echo fresh", session="s2")
    ship(service)
    with service.warehouse.transaction() as statements:  # type: ignore[attr-defined]
        columns = [
            row[0]
            for row in statements.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'LEGAL_HOLDS'")
        ]
    assert columns
    upkeep = service.upkeep
    assert upkeep is not None
    maintenance: Any = upkeep._maintenance
    maintenance._maintenance = _Keeps(maintenance._maintenance)
    maintenance.run(180)
    build(service)
    assert sorted(snippets(service, "echo")) == ["echo fresh", "echo held"]


class _Keeps:
    """Retention on a clock of its own: what is not held goes."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def run(self, keep_days: int) -> dict[str, int]:
        with self._real._store.transaction() as statements:
            statements.execute("DELETE FROM CLAUDE_STREAM_V2 WHERE session_id = 's1'")
        return {"CLAUDE_STREAM_V2": 1}


def test_the_leader_builds_a_missing_index_in_its_turns(record: Record) -> None:
    service = record.service()
    for number in range(50):
        run(service, f"make target-{number}")
        record.clock.advance(3600)
    ship(service)
    record.index_path.unlink()
    server = record.service()
    server.prepare_leader()
    leader = server.leader
    assert leader is not None
    for _ in range(40):
        leader.turn()
        record.clock.advance(1)
    leader.stop(PATIENCE_S)
    answer = server.search("make", limit=100)
    assert (answer["total"], answer["notes"]) == (50, [])


def test_titles_and_pull_requests_of_a_session_are_found(record: Record) -> None:
    service = record.service()
    origin = service.recorder.origin("import", session_id="s9", project="/w/shop")
    for features in (
        {"event_type": "title", "title": "Lock hunting"},
        {"event_type": "pull_request", "link": "https://x.test/pull/77"},
    ):
        service.recorder.append([service.recorder.prepare("session_event", {"session_id": "s9", **features}, origin)])
    assert snippets(service, "hunting") == ["Lock hunting"]
    assert snippets(service, "pull/77", kind="title") == ["https://x.test/pull/77"]


def test_nothing_an_index_suffers_stops_a_flush(record: Record) -> None:
    service = record.service()
    record.index_path.mkdir()
    run(service, "make it")
    ship(service)
    assert service.query("SELECT COUNT(*) FROM VW_TOOL_EVENTS").rows == [[1]]
    assert "search index" in str(record.reported[0])
    record.index_path.rmdir()
    build(record.service())
    assert snippets(record.service(), "make") == ["make it"]


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "'",
        "a OR",
        "NEAR(",
        "{text} : x",
        "x*y*z",
        "^start",
        "a AND NOT b",
        "%_%",
        "\\",
        "\u202e evil",
        "a" * 100_000,
        "(" * 5000 + "x",
    ],
)
def test_no_text_is_more_than_words(record: Record, text: str) -> None:
    service = record.service()
    run(service, "make it")
    ship(service)
    build(service)
    record_of = [hit["snippet"] for hit in _search(service, text)]
    assert record_of == []
    record.index_path.unlink()
    assert _search(service, text) == []


def _search(service: Any, text: str) -> list[Any]:
    try:
        return list(service.search(text)["hits"])
    except InvalidInput:
        return []


def test_another_process_finds_what_the_leader_put_in_and_loads_no_engine_for_it(record: Record) -> None:
    service = record.service()
    run(service, "make elsewhere")
    ship(service)
    build(service)
    code = (
        "import sys; from activity_mcp.__main__ import run; done = run(['search', 'elsewhere', '--json'])\n"
        "print(*{'duckdb', 'mcp', 'snowflake', 'pydantic', 'sqlglot'} & set(sys.modules), file=sys.stderr); sys.exit(done)"
    )
    environ = {**os.environ, "ACTIVITY_HOME": str(record.home), "HOME": str(record.home)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stderr == "\n"
    assert '"**elsewhere**"' in done.stdout or "make **elsewhere**" in done.stdout


def test_a_search_holds_nothing_open(record: Record) -> None:
    service = record.service()
    run(service, "make it")
    ship(service)
    build(service)
    service.search("make")
    with contextlib.closing(sqlite3.connect(record.index_path, timeout=0)) as connection:
        connection.execute("BEGIN EXCLUSIVE")


def test_ages_are_in_the_largest_unit() -> None:
    assert [times.age_of(us) for us in (-5, 59_000_000, 61_000_000, 7_200_000_000, 3 * 86_400_000_000)] == [
        "0 s", "59 s", "1 min", "2 h", "3 d",
    ]  # fmt: skip


@pytest.mark.parametrize("asked", ["multipy_numbers", "numbers_multiply", "numbers.multiplied(7)"])
def test_a_name_that_is_written_wrong_is_found_by_its_parts(record: Record, asked: str) -> None:
    service = record.service()
    run(service, "grep -n multiply_numbers src")
    run(service, "make lint")
    ship(service)
    build(service)
    assert snippets(service, asked) == ["grep -n multiply_numbers src"]
    assert snippets(service, f'"{asked}"') == []


def test_a_call_is_shown_with_the_path_it_was_about(record: Record) -> None:
    service = record.service()
    given = {
        "tool_name": "Edit",
        "success": True,
        "parameters": {"file_path": "/w/shop/cache.py", "old_string": "a", "new_string": "b"},
    }
    origin = service.recorder.origin("hook", session_id="s1", project="/w/shop")
    service.recorder.append([service.recorder.prepare("tool_event", given, origin)])
    ship(service)
    assert [hit["snippet"] for hit in service.search("cache")["hits"]] == ["Edit /w/shop/**cache**.py a b"]
