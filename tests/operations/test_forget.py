"""Forgetting: the text is in no byte of the state directory, the rest is as if it had never been, and a kill loses nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from activity_mcp import fs
from activity_mcp.activity import build
from activity_mcp.config import read_config
from activity_mcp.errors import InvalidInput, NewerFormat
from activity_mcp.operations import erase
from activity_mcp.operations.drain import Drainer
from activity_mcp.operations.erase import Forgetter
from activity_mcp.operations.import_transcripts import TranscriptImport
from activity_mcp.operations.selection import Selection
from activity_mcp.pipeline.flusher import Flusher
from activity_mcp.provenance.artifact_store import Artifact, ArtifactStore
from activity_mcp.queue import QueueReader
from activity_mcp.recording import tombstones
from activity_mcp.service import ActivityService
from activity_mcp.warehouse.duckdb import rewrite
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from activity_mcp.warehouse.memory import MemoryWarehouse
from lengths import some
from patience import PATIENCE_S, until

SECRET = "hunter2-quetzal"
TIMES = ("2026-11-01T09:00:00.000000Z", "2026-11-02T09:00:00.000000Z")
EVENTS = 12

Make = Callable[..., ActivityService]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory in which eight events are in the warehouse, and four more still in the queue."""
    home = tmp_path_factory.mktemp("recorded")
    service = ActivityService.from_environ(settings(home), source="cli")
    record(service, range(8))
    Drainer(service).drain()
    record(service, range(8, EVENTS))
    service.close()
    return home


def settings(home: Path) -> dict[str, str]:
    return {"ACTIVITY_HOME": str(home), "HOME": str(home.parent), "ACTIVITY_CUSTOMER": "ada@example.com"}


@pytest.fixture
def home(tmp_path: Path, recorded: Path) -> Path:
    """The same, for one test to change. Another place is another warehouse, so the queue's directory has another name."""
    home = tmp_path / "home"
    shutil.copytree(recorded, home)
    queue = Path(read_config(settings(home)).queue_dir)
    next((home / "queue").iterdir()).rename(queue)
    info = json.loads((queue / "queue.json").read_text())
    (queue / "queue.json").write_text(json.dumps(info | {"sink": read_config(settings(home)).sink}))
    return home


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[ActivityService] = []

    def make(name: str = "home") -> ActivityService:
        made.append(ActivityService.from_environ(settings(tmp_path / name), source="cli"))
        return made[-1]

    yield make
    for service in made:
        service.close()
        service.warehouse.release()


def record(service: ActivityService, numbers: range = range(EVENTS), only: Callable[[int], bool] = lambda n: True) -> list[int]:
    """Tool events of two sessions in two projects on two days, a third of them with the secret; one each is an insight."""
    wanted = [number for number in numbers if only(number)]
    for number in wanted:
        secret = SECRET if number % 3 == 0 else "plain"
        origin = service.recorder.origin("cli", project=f"/work/{'ab'[number % 2]}", session_id=f"session-{number % 2}")
        features: dict[str, Any] = {"tool_name": f"tool{number}", "success": False, "error": f"{secret} {number}", "latency_ms": 10}  # fmt: skip
        name = "tool_event"
        if number % 4 == 3:
            name, features = "mcp_event", {"method": "record_insight", "latency_ms": 1, "subject": secret, "metric": f"m{number}", "value": secret, "insight_id": f"i{number}"}  # fmt: skip
        made = build(name, features, origin, now_us=0, activity_id=f"id-{number}", ts=TIMES[number // (EVENTS // 2) % 2])
        service.recorder.append([made], durable=False)
    return wanted


def selection(**given: str) -> Selection:
    return Selection.of(*(given.get(name) for name in ("session", "project", "before", "match")))


def stored(service: ActivityService) -> list[str]:
    """The activities in the warehouse, but for the notes about forgetting."""
    return [
        row[0]
        for row in rows_of(service, "SELECT activity_id FROM CLAUDE_STREAM_V2 WHERE event_name <> 'system_event' ORDER BY 1")
    ]


def rows_of(service: ActivityService, sql: str) -> list[Any]:
    """Read in this process, where nothing else has the file open."""
    service.warehouse.release()
    with duckdb.connect(service.config.db, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def ids(*numbers: int) -> list[str]:
    return sorted(f"id-{number}" for number in numbers)


def bytes_with(home: Path, text: str) -> list[str]:
    return [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_what_is_selected_is_gone_and_the_rest_is_as_if_it_had_never_been(make: Make, home: Path) -> None:
    service, other, given = make(), make("other"), selection(match=r"hunter\d-que")
    counted = Forgetter(service, given).dry_run()
    found = Forgetter(service, given).run()
    assert (sum(found.rows.values()), found.lines) == (3, 1)  # 0, 3 and 6 were in the warehouse, 9 still in the queue
    assert (counted.rows, counted.lines) == (found.rows, found.lines)
    assert stored(service) == ids(*(n for n in range(EVENTS) if n % 3))
    assert bytes_with(home, SECRET) == []
    record(other, only=lambda n: n % 3 > 0)
    Drainer(other).drain()
    assert derived(service) == derived(other)


@pytest.mark.parametrize(
    ("given", "members", "picked"),
    [
        ({"session": "s1"}, {"session_id": "s1"}, True),
        ({"session": "s1"}, {"session_id": "s11"}, False),
        ({"session": "s1"}, {"feature_json": {"session_id": "s1"}}, True),
        ({"project": "/w"}, {"project": "/w"}, True),
        ({"project": "/w"}, {"project": "/w/x"}, False),
        ({"before": "2026-11-01"}, {"ts": "2026-10-31T23:59:59.999999Z"}, True),
        ({"before": "2026-11-01"}, {"ts": "2026-11-01T00:00:00.000000Z"}, False),
        ({"match": "qu.tzal"}, {"feature_json": {"a": [{"b": "a quetzal"}]}}, True),
        ({"match": "quetzal"}, {"feature_json": {"a": {"quetzal": 1}}}, True),
        ({"match": '"quoted"'}, {"feature_json": {"a": 'what is "quoted" here'}}, True),
        ({"match": "^4711$"}, {"feature_json": {"a": 4711}}, True),
        ({"match": "quetzal"}, {"link": "https://quetzal"}, True),
        ({"match": "quetzal", "session": "s1"}, {"session_id": "s2", "link": "quetzal"}, False),
    ],
)
def test_a_selection_picks_what_it_says(given: dict[str, str], members: dict[str, Any], picked: bool) -> None:
    assert selection(**given).matches({"ts": "2026-01-01T00:00:00Z", "feature_json": {}} | members) is picked


def derived(service: ActivityService) -> dict[str, list[Any]]:
    """What the warehouse derives, without times of its own, places in the queue and the notes about forgetting."""
    tables = {
        "CONTEXT_HOURS": "customer, project, hour_start, bucket",
        "CONTEXT_ITEMS": "customer, project, section, session_id, item_key, hour_start, ts, item",
        "CONTEXT_CACHE": "customer, project, context_blob",
        "INSIGHT_ATOMS": "insight_id, subject, value, is_quarantined",
        "SCHEMA_DRIFT": "event_name, field, drift_kind, occurrences",
    }
    found = {}
    with duckdb.connect(service.config.db, read_only=True) as connection:
        for table, columns in tables.items():
            scoped = " WHERE project <> '*'" if "project" in columns else ""
            found[table] = connection.execute(f"SELECT {columns} FROM {table}{scoped} ORDER BY ALL").fetchall()
    return found


def test_contexts_no_longer_show_it_and_the_rest_flows_on(make: Make, home: Path) -> None:
    service = make()
    Drainer(service).drain()
    assert SECRET in json.dumps(service.context(project="/work/a"))
    loaded = "SELECT activity_id, loaded_at FROM CLAUDE_STREAM_V2 WHERE activity_id = 'id-1'"
    before = rows_of(service, loaded)
    Forgetter(service, selection(match=SECRET)).run()
    assert rows_of(service, loaded) == before
    for asked in (service, make()):
        for project in ("/work/a", "/work/b", "*"):
            context = json.dumps(asked.context(project=project))
            assert SECRET not in context
            assert "plain" in context
    record(service, range(EVENTS, EVENTS + 5))
    Drainer(service).drain()
    assert stored(service) == ids(*(n for n in range(EVENTS) if n % 3), *range(EVENTS, EVENTS + 5))
    assert rows_of(service, "SELECT COUNT(*) - COUNT(DISTINCT stream_offset) FROM CLAUDE_STREAM_V2") == [(0,)]


def test_a_project_that_is_gone_is_answered_empty(make: Make, home: Path) -> None:
    service = make()
    assert "session-0" in json.dumps(service.context(project="/work/a"))
    Forgetter(service, selection(project="/work/a")).run()
    answer = service.context(project="/work/a")
    assert "session-0" not in json.dumps(answer)
    assert answer["context"].get("recent_sessions", []) == []


def everywhere(home: Path, tmp_path: Path, text: str) -> None:
    """Put ``text`` into each kind of our files that can hold it."""
    queue = Path(read_config(settings(home)).queue_dir)
    service = ActivityService.from_environ(settings(home), source="cli")
    origin = service.recorder.origin("cli", project=f"/work/{text}", session_id=f"s-{text}")
    made = build("tool_event", {"tool_name": text, "success": False, "error": text}, origin, now_us=0, activity_id="marked")
    service.recorder.append([made], durable=False)
    Drainer(service).drain()
    service.snapshots.request(f"{text}@example.com", "*")
    ArtifactStore(service.config.artifacts_dir).put(
        Artifact("a-1", "text", text, text, 1, [], "h", "2026-01-01T00:00:00Z", None, "q", "a-1.txt"), [text.encode()]
    )
    transcript = tmp_path / f"-work-{text}" / "s.jsonl"
    transcript.parent.mkdir()
    transcript.write_text('{"type": "user", "sessionId": "t", "uuid": "u", "cwd": "/w", "message": {"content": "x"}}\n')
    TranscriptImport(service).run([str(transcript)])
    service.close()
    service.warehouse.release()
    for place in (home / "settings.json", queue / "commit.json", queue / "context" / "abc.json", home / "artifacts" / "b.txt"):
        Path(f"{place}.123.7f.1.tmp").write_text(f"half {text}")
    shutil.copy(home / "activity.duckdb", home / "activity.duckdb.layout-1")


@pytest.mark.long
@pytest.mark.parametrize("pattern", some(["QUE[T]ZAL", "QUETZALMARK", "ETZALMA"], 1))
def test_a_walk_through_the_home_finds_the_text_nowhere(make: Make, home: Path, tmp_path: Path, pattern: str) -> None:
    everywhere(home, tmp_path, "QUETZALMARK")
    assert len(bytes_with(home, "QUETZALMARK")) > 6
    found = Forgetter(make(), selection(match=pattern)).run()
    assert (bytes_with(home, "QUETZALMARK"), found.left) == ([], [])


def test_text_that_only_free_blocks_of_the_file_hold_goes_as_well(make: Make, home: Path) -> None:
    """As retention leaves it: no row has it any more."""
    service = make()
    Drainer(service).drain()
    service.close()
    service.warehouse.release()
    with duckdb.connect(service.config.db) as connection:
        for table in ("CLAUDE_STREAM_V2", *rewrite.DERIVED):
            connection.execute(f"DELETE FROM {table}")
    assert bytes_with(home, SECRET) != []
    Forgetter(make(), selection(match=SECRET)).run()
    assert bytes_with(home, SECRET) == []


def test_a_legal_hold_keeps_its_rows(make: Make, home: Path) -> None:
    service = make()
    assert isinstance(service.warehouse, DuckDBWarehouse)
    with service.warehouse.transaction() as statements:
        statements.execute(
            "INSERT INTO LEGAL_HOLDS (hold_id, session_id, reason, placed_by, placed_at) VALUES ('c1', 'session-0', 'x', 'y', now()::TIMESTAMP)"
        )
    service.warehouse.release()
    found = Forgetter(service, selection(before="2026-11-02")).run()
    assert (found.held, sum(found.rows.values()), found.lines) == (3, 3, 0)  # of the first day 0, 2 and 4 are held
    assert stored(service) == ids(0, 2, 4, *range(6, EVENTS))
    assert rows_of(service, "SELECT hold_id FROM LEGAL_HOLDS") == [("c1",)]


def test_dead_letters_artifacts_and_old_copies_go_too_whatever_becomes_of_the_rows(make: Make, home: Path) -> None:
    service = make()
    with open(next(Path(service.queue.directory, "seg").iterdir()), "ab") as segment:
        segment.write(b"{torn quetzalcoatl\n{torn plain\n")
    artifacts = Path(service.config.artifacts_dir)
    artifacts.mkdir()
    (artifacts / "a1.json").write_text("quetzalcoatl")
    (artifacts / "a2.json").write_text("plain")
    Path(f"{service.config.db}.layout-0").write_text("quetzalcoatl")
    Path(service.queue.directory, "context", f"{'0' * 20}.json").write_text("a damaged snapshot with quetzalcoatl")
    found = Forgetter(service, selection(match="quetzalcoatl")).run()
    assert found.rows == {}
    assert [Path(path).name.split("-")[0] for path in found.removed][1:] == ["a1.json", "activity.duckdb.layout"]
    assert bytes_with(home, "quetzalcoatl") == []
    assert len(list(Path(service.queue.directory, "dead").iterdir())) == 1
    assert [path.name for path in artifacts.iterdir()] == ["a2.json"]


def test_the_content_of_an_artifact_goes_with_its_event_before_the_warehouse_has_it(make: Make) -> None:
    service = make()
    origin = service.recorder.origin("mcp", session_id="session-9")
    features = {"method": "store_artifact", "latency_ms": 1, "artifact_id": "a7", "artifact_type": "text"}
    service.recorder.append([build("mcp_event", features, origin, now_us=0)], durable=False)
    artifacts = Path(service.config.artifacts_dir)
    artifacts.mkdir()
    for name in ("a7.meta.json", "a7.txt", "a8.meta.json"):
        (artifacts / name).write_text("{}")
    (artifacts / "a9.ndjson").write_text('["session_id"]\n["session-9"]\n')  # what a query found about it
    assert Forgetter(service, selection(session="session-9")).run().lines == 1
    assert [path.name for path in artifacts.iterdir()] == ["a8.meta.json"]


def test_a_batch_of_which_nothing_is_left_still_moves_the_offset(make: Make) -> None:
    service, sink = make(), MemoryWarehouse()
    record(service)
    flusher = Flusher(
        service.queue.directory, service.queue.queue_id, sink, service.recorder.origin("cli"), omits=lambda members: True
    )
    assert flusher.step().more is False
    assert [(row.event_name, json.loads(row.feature_json)["event_type"]) for row in sink.rows] == [
        ("system_event", "forgotten")
    ]
    assert sink.committed(service.queue.queue_id) == str(QueueReader(service.queue.directory).end())


# --- coming back


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    path = tmp_path / "projects" / "-work-a" / "s-1.jsonl"
    path.parent.mkdir(parents=True)
    common = {"sessionId": "s-1", "cwd": "/work/a", "version": "2", "gitBranch": "main"}
    lines = [
        {**common, "type": "user", "uuid": "u1", "timestamp": "2026-10-01T10:00:00Z", "message": {"role": "user", "content": "deploy it"}},
        {**common, "type": "assistant", "uuid": "u2", "timestamp": "2026-10-01T10:00:05Z", "message": {"id": "m1", "role": "assistant", "model": "m", "content": [{"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": f"echo {SECRET}"}}], "usage": {"input_tokens": 5, "output_tokens": 7}}},
        {**common, "type": "user", "uuid": "u3", "timestamp": "2026-10-01T10:00:06Z", "message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "done"}]}},
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize("given", [{"session": "s-1"}, {"match": SECRET}], ids=["by session", "by text"])
def test_an_import_does_not_bring_it_back(make: Make, transcript: Path, tmp_path: Path, given: dict[str, str]) -> None:
    service = make()
    TranscriptImport(service).run([str(transcript)])
    found = Forgetter(service, selection(**given)).run()
    if "session" in given:
        assert bytes_with(tmp_path / "home", "s-1") == []
    else:
        Path(service.queue.directory, "imports.json").unlink()  # even when nobody knows how far the file was imported
    report = TranscriptImport(make()).run([str(transcript)])
    assert report.forgotten == found.lines
    assert sum(report.activities.values()) == (0 if "session" in given else 5)
    Drainer(service).drain()
    assert SECRET not in json.dumps(rows_of(service, "SELECT feature_json FROM CLAUDE_STREAM_V2"))


def test_what_happens_in_a_forgotten_project_later_is_recorded(tmp_path: Path) -> None:
    stones = tombstones.Tombstones(str(tmp_path))
    stones.add(selection(project="/work/a"), [], until_us=1000)
    again = tombstones.Tombstones(str(tmp_path))
    assert [again.covers("x", "s", "/work/a", ts) for ts in (999, 1000, 1001)] == [True, True, False]
    assert not again.covers("x", "s", "/work/b", 999)
    assert "/work/a" not in (tmp_path / tombstones.FILE).read_text()


def test_what_a_newer_version_has_forgotten_is_not_imported_by_this_one(tmp_path: Path) -> None:
    (tmp_path / tombstones.FILE).write_text(f'{{"version": {tombstones.VERSION + 1}, "rules": [], "ids": []}}')
    with pytest.raises(NewerFormat, match="newer version"):
        tombstones.Tombstones(str(tmp_path))


# --- kills

KILLED_AT = [
    (erase.Forgetter, "_drain"), (tombstones.Tombstones, "add"), (erase.Forgetter, "_rewrite"), (rewrite, "_carry_over"),
    (fs, "put_in_place"), (erase.Forgetter, "_publish"), (erase.Forgetter, "_delete_segments"),
    (erase.Forgetter, "_forget_imports"),
]  # fmt: skip
DIES = """
import os, signal, sys, importlib
home, module, owner, name = sys.argv[1:]
from activity_mcp.service import ActivityService
from activity_mcp.operations.erase import Forgetter
from activity_mcp.provenance.artifact_store import Artifact, ArtifactStore
from activity_mcp.queue import QueueReader
from activity_mcp.operations.selection import Selection
place = importlib.import_module(module)
place = getattr(place, owner) if owner else place
setattr(place, name, lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL))
service = ActivityService.from_environ({"ACTIVITY_HOME": home, "HOME": home, "ACTIVITY_CUSTOMER": "ada@example.com"}, source="cli")
Forgetter(service, Selection.of(None, None, None, "hunter2")).run()
"""


def killed_at() -> list[Any]:
    """Two of the places; all of them where ACTIVITY_TEST_KILLS is set (ACTIVITY_TEST_KILLS=1 pytest tests/operations/test_forget.py)."""
    usual = ("put_in_place", "_delete_segments")
    return [pytest.param(*at, id=at[1]) for at in KILLED_AT if at[1] in usual or os.environ.get("ACTIVITY_TEST_KILLS")]


@pytest.mark.parametrize(("place", "name"), killed_at())
def test_killed_there_it_has_lost_nothing_and_the_next_attempt_completes_it(
    make: Make, home: Path, place: Any, name: str
) -> None:
    module, owner = (place.__module__, place.__name__) if isinstance(place, type) else (place.__name__, "")
    killed = subprocess.run(
        [sys.executable, "-c", DIES, str(home), module, owner, name], capture_output=True, timeout=PATIENCE_S
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    Forgetter(make(), selection(match=SECRET)).run()
    assert stored(make()) == ids(*(n for n in range(EVENTS) if n % 3))
    assert bytes_with(home, SECRET) == []
    assert not list(home.glob(f"*{rewrite.ENDING}*"))


def test_a_server_that_leads_steps_down_and_forgets_what_it_holds_in_memory(make: Make, home: Path) -> None:
    server = make()
    assert server.lease.try_acquire()
    server.lease.release()
    server.start()
    until(lambda: server.leader and server.leader.leads)
    assert SECRET in json.dumps(server.context())
    command = [sys.executable, "-m", "activity_mcp", "forget", "--match", SECRET]
    done = subprocess.run(command, env={**os.environ, **settings(home)}, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    assert "forgotten" in done.stdout
    assert SECRET not in json.dumps(server.context())


# --- what is said


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "nothing is selected"),
        ({"match": "("}, "--match"),
        ({"match": "x*"}, "everything"),
        ({"before": "soon"}, "--before"),
    ],
)
def test_a_selection_that_says_nothing_or_too_much_is_refused(given: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(says)):
        selection(**given)


def test_the_sql_for_snowflake_names_what_was_selected_and_is_snowflakes(make: Make) -> None:
    sqlglot = pytest.importorskip("sqlglot")
    from activity_mcp.cli.forget import snowflake_sql

    text = snowflake_sql(selection(session="it's", project="/w", before="2026-11-01", match=r"\bsecret"))
    statements = [statement for statement in sqlglot.parse(text, dialect="snowflake") if statement is not None]
    assert len(statements) == text.count(";")
    first = statements[0].sql(dialect="snowflake")
    assert all(part in first for part in ("'/w'", "2026-11-01", "LEGAL_HOLDS", "REGEXP_INSTR"))
    assert "secret" in first
