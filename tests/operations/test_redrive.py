"""``flush --retry-dead``: what can be read now goes back and becomes a row, what cannot stays with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from activity_mcp.__main__ import run
from activity_mcp.activity import EVENT_NAMES, encode_line
from activity_mcp.errors import QueueBusy, QueueFull
from activity_mcp.fs import LOCAL
from activity_mcp.operations.redrive import Retried, retry_dead
from activity_mcp.pipeline import rows
from activity_mcp.queue import DeadLetter, QueueReader, QueueWriter, Record, dead_letters, salvage
from activity_mcp.service import ActivityService
from activity_mcp.warehouse import Row
from deployed import put_warehouse

Flush = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {
        "HOME": str(tmp_path),
        "ACTIVITY_HOME": str(tmp_path / "home"),
        "ACTIVITY_CUSTOMER": "ada@x.org",
    }.items():
        monkeypatch.setenv(name, value)
    put_warehouse(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def service(home: Path) -> Iterator[ActivityService]:
    made = ActivityService.from_environ(source="cli")
    yield made
    made.close()


@pytest.fixture
def flush(capfd: pytest.CaptureFixture[str]) -> Flush:
    def flush(*options: str) -> str:
        capfd.readouterr()
        assert run(["flush", *options]) == 0
        return capfd.readouterr().err

    return flush


def event(activity_id: str, **members: Any) -> bytes:
    features = {"tool_name": "Bash", "success": True}
    made = {"activity_id": activity_id, "ts": "2026-11-22T10:00:00.000000Z", "customer": "ada@x.org", "activity": "used_tool"}
    return encode_line(made | {"event_name": "tool_event", "source": "hook", "feature_json": features, "v": "1"} | members)


def put(service: ActivityService, data: bytes) -> None:
    """Bytes at the end of the live segment, past every rule, with a whole line behind them."""
    service.log("tool_event", {"tool_name": "Before", "success": True})
    newest = sorted(Path(service.queue.directory, "seg").iterdir())[-1]
    with newest.open("ab") as file:
        file.write(data)
    service.log("tool_event", {"tool_name": "After", "success": True})


def select(service: ActivityService, sql: str) -> list[list[Any]]:
    with duckdb.connect(service.config.db, read_only=True) as connection:
        return [list(row) for row in connection.execute(sql).fetchall()]


def stored(service: ActivityService) -> list[str]:
    found = select(service, "SELECT activity_id FROM CLAUDE_STREAM_V2 WHERE event_name = 'tool_event' ORDER BY activity_id")
    return [row[0] for row in found]


def letters(service: ActivityService) -> list[DeadLetter]:
    return dead_letters(service.queue.directory)


def test_an_event_that_a_newer_version_knows_is_recorded_after_the_upgrade(
    service: ActivityService, flush: Flush, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(service, event("new-1", event_name="mood_event", v=None))
    flush()
    assert [letter.reason for letter in letters(service)] == ["unknown event_name 'mood_event'"]
    before = stored(service)
    assert "0 dead letters were appended again, 1 stay" in flush("--retry-dead")
    monkeypatch.setattr(rows, "EVENT_NAMES", (*EVENT_NAMES, "mood_event"))
    monkeypatch.setattr("activity_mcp.schema.mark", lambda event_name, features: None)
    said = flush("--retry-dead")
    assert "1 dead letters were appended again, 0 stay" in said
    assert letters(service) == []
    found = select(service, "SELECT activity_id, event_name FROM CLAUDE_STREAM_V2 WHERE event_name = 'mood_event'")
    assert found == [["new-1", "mood_event"]]
    assert stored(service) == before


def test_what_cannot_be_read_stays_with_its_reason_and_is_said(service: ActivityService, flush: Flush) -> None:
    flipped = bytearray(event("flipped"))
    flipped[30] ^= 1
    put(service, bytes(flipped) + b"\0" * 500 + b"\n")
    flush()
    kept = [(letter.path, letter.reason, letter.data()) for letter in letters(service)]
    assert [(reason, data) for _, reason, data in kept] == [
        ("the checksum does not agree", bytes(flipped)),
        ("filled with zero bytes", b"\0" * 500 + b"\n"),
    ]
    said = flush("--retry-dead")
    assert "0 dead letters were appended again, 2 stay" in said
    for path, reason, _ in kept:
        assert f"stays: {Path(path).name}: {reason}" in said
    assert [(letter.path, letter.reason, letter.data()) for letter in letters(service)] == kept


def test_a_whole_line_behind_a_torn_one_or_a_hole_is_recovered_and_the_rest_kept(
    service: ActivityService, flush: Flush
) -> None:
    torn, whole, hole = event("torn")[:70], event("glued"), b"\0" * 64
    put(service, torn + whole + hole + event("holed"))
    flush()
    assert len(letters(service)) == 2
    before = set(stored(service))
    assert "2 dead letters were appended again, 2 stay" in flush("--retry-dead")
    assert set(stored(service)) - before == {"glued", "holed"}
    assert [letter.data() for letter in letters(service)] == [torn, hole]
    assert all(letter.reason.endswith("what could be read of it was appended again") for letter in letters(service))


def test_run_twice_is_run_once(service: ActivityService, flush: Flush) -> None:
    put(service, event("torn")[:70] + event("glued"))
    flush()
    flush("--retry-dead")
    once = stored(service)
    assert "0 dead letters were appended again, 1 stay" in flush("--retry-dead")
    assert stored(service) == once


def test_a_kill_between_the_append_and_the_removal_counts_the_event_once(
    service: ActivityService, flush: Flush, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(service, event("torn")[:70] + event("glued"))
    flush()

    def killed(path: str) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LOCAL, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            retry_dead(service.writer, Retried())
    flush("--retry-dead")
    counted = select(
        service, "SELECT COUNT(*), COUNT(DISTINCT stream_offset) FROM CLAUDE_STREAM_V2 WHERE activity_id = 'glued'"
    )
    assert counted == [[2, 2]]  # sent twice, each at an offset of its own
    assert select(service, "SELECT COUNT(*) FROM VW_ACTIVITY_STREAM WHERE activity_id = 'glued'") == [[1]]


def test_a_row_that_the_warehouse_refused_is_tried_again_and_reported_when_it_is_refused_again(
    service: ActivityService, flush: Flush, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = rows.row_of

    def refused(record: Record, channel_id: str) -> Row:
        made = original(record, channel_id)
        return made._replace(ts="no time") if made.activity_id == "refused" else made

    with monkeypatch.context() as patch:
        patch.setattr("activity_mcp.pipeline.flusher.rows_of_lines", lambda lines, channel_id: None)  # each for itself
        patch.setattr("activity_mcp.pipeline.flusher.row_of", refused)
        put(service, event("refused"))
        flush()
        assert "refused" not in stored(service)
        assert "refused again: the warehouse cannot take a row" in flush("--retry-dead")
        assert len(letters(service)) == 1
    said = flush("--retry-dead", "--timeout", "30")
    assert ("1 dead letters were appended again" in said, "refused again" in said) == (True, False)
    assert letters(service) == []
    assert "refused" in stored(service)
    reported = select(service, "SELECT feature_json FROM CLAUDE_STREAM_V2 WHERE activity = 'raised_error_recovery'")
    retried = [found for found in (json.loads(row[0]) for row in reported) if found["action_taken"] == "retried_dead_letters"]
    assert retried[-1]["metrics"] == {"appended": 1, "kept": 0}


def test_a_full_queue_takes_back_nothing_and_loses_nothing(service: ActivityService, flush: Flush) -> None:
    put(service, event("torn")[:70] + event("one") + event("torn")[:70] + event("two"))
    flush()
    assert len(letters(service)) == 2
    small = QueueWriter(service.queue.directory, sink="", max_bytes=service.writer.uncommitted_bytes() + len(event("one")))
    retried = Retried()
    with pytest.raises(QueueFull):
        retry_dead(small, retried)
    assert retried.again == ["one"]
    assert [letter.data() for letter in letters(service)] == [event("torn")[:70], event("torn")[:70] + event("two")]
    flush("--retry-dead")
    assert {"one", "two"} <= set(stored(service))


def test_two_who_retry_at_once_do_not_both_do_it(service: ActivityService, flush: Flush) -> None:
    put(service, event("torn")[:70] + event("glued"))
    flush()
    held = LOCAL.hold(f"{service.queue.directory}/retry.lock", 0)
    with pytest.raises(QueueBusy, match="another process is retrying"):
        retry_dead(service.writer, Retried())
    LOCAL.close(held)
    assert QueueReader(service.queue.directory).backlog(None).events == len(stored(service)) + 1  # the torn line's place


def test_a_hole_of_gigabytes_is_not_read_into_memory(service: ActivityService, flush: Flush) -> None:
    put(service, b"")
    newest = sorted(Path(service.queue.directory, "seg").iterdir())[-1]
    with newest.open("ab") as file:
        file.truncate(newest.stat().st_size + (17 << 20))
    later = service.log("tool_event", {"tool_name": "Later", "success": True})["activity_id"]
    flush()
    assert "stays" in flush("--retry-dead")
    assert [letter.reason for letter in letters(service)] == ["longer than a line can be"]
    assert later in stored(service)


def test_without_dead_letters_nothing_is_done_and_that_is_said(service: ActivityService, flush: Flush) -> None:
    service.log("tool_event", {"tool_name": "Bash", "success": True})
    assert "0 dead letters were appended again, 0 stay" in flush("--retry-dead")


def test_only_a_checksum_makes_a_line() -> None:
    good, header = event("good"), encode_line({"_segment": 1, "queue_id": "q"})
    edited = good.replace(b"Bash", b"Zash")
    assert salvage(good + b"junk\n" + good) == ([good, good], b"junk\n")
    assert salvage(good[:-1]) == ([good], b"")  # only its newline was lost
    assert salvage(edited) == ([], edited)
    assert salvage(header + good) == ([good], b"")
    assert salvage(b"") == ([], b"")
