"""Reading contexts on the genuine connector: as little as can be asked, and through whatever a session suffers."""

from __future__ import annotations

import pytest

from activity_mcp.errors import WarehouseNewer, WarehouseRefused, WarehouseUnavailable
from activity_mcp.warehouse import Scope
from activity_mcp.warehouse.snowflake.warehouse import SnowflakeContextSource
from fakes import FakeClock
from snowflake_recording import Recording

HERE, EVERYWHERE = Scope("ada@example.com", "/w"), Scope("ada@example.com", "*")


@pytest.fixture
def source(recording: Recording) -> SnowflakeContextSource:
    recording.write(2)
    recording.flush(recording.flusher(recording.warehouse()))
    named = recording.service.connection(recording.database)
    return SnowflakeContextSource(lambda: named, customer="ada@example.com", clock=FakeClock())


def asked(recording: Recording, since: int) -> list[str]:
    """What was asked of the service, by the object it was about."""
    about = ("SYSTEM$LAST_CHANGE", "context_blob", "row_version", "ACTIVITY_SCHEMA_VERSION", "V_CHANNELS")
    return [next(word for word in about if word in statement) for statement in recording.service.statements()[since:]]


def test_nothing_but_the_change_indicator_is_asked_while_nothing_changes(
    recording: Recording, source: SnowflakeContextSource
) -> None:
    before = len(recording.service.statements())
    first = source.contexts([HERE, EVERYWHERE], "channel")
    assert asked(recording, before) == ["ACTIVITY_SCHEMA_VERSION", "SYSTEM$LAST_CHANGE", "row_version", "context_blob"]
    before += 4
    assert source.contexts([HERE, EVERYWHERE], "channel") == first
    assert source.changed_contexts({row.scope: row.row_version for row in first}) == []
    assert asked(recording, before) == ["SYSTEM$LAST_CHANGE", "SYSTEM$LAST_CHANGE"]
    source.close()


def test_what_has_changed_is_read_and_nothing_else(recording: Recording, source: SnowflakeContextSource) -> None:
    known = {row.scope: row.row_version for row in source.contexts([HERE, EVERYWHERE], "channel")}
    recording.write(1)
    recording.flush(recording.flusher(recording.warehouse()))
    changed = source.changed_contexts(known)
    assert {row.scope: row.row_version for row in changed} == {HERE: 2, EVERYWHERE: 2}
    assert sum(hour["events"]["tool_event"] for hour in changed[0].blob["hours"]) == 3
    source.close()


def test_a_session_that_has_expired_is_opened_again_within_the_call(
    recording: Recording, source: SnowflakeContextSource
) -> None:
    first = source.contexts([HERE], "channel")
    recording.service.expire_sessions()
    assert source.contexts([HERE], "channel") == first
    source.close()


def test_a_service_that_is_gone_is_reported_and_found_again(recording: Recording, source: SnowflakeContextSource) -> None:
    first = source.contexts([HERE], "channel")
    recording.service.kill()
    try:
        with pytest.raises(WarehouseUnavailable):
            source.contexts([HERE], "channel")
    finally:
        recording.service.start()
    assert source.contexts([HERE], "channel") == first
    source.close()


def test_other_customers_are_not_read_unless_they_are_asked_for(recording: Recording, source: SnowflakeContextSource) -> None:
    named = recording.service.connection(recording.database)
    stranger = SnowflakeContextSource(lambda: named, customer="eve@example.com")
    assert stranger.changed_contexts({}) == []
    assert [row.scope for row in stranger.contexts([HERE], "channel")] == [HERE]
    stranger.close()
    source.close()


def test_a_newer_layout_is_left_to_a_newer_version(recording: Recording, source: SnowflakeContextSource) -> None:
    source.contexts([HERE], "channel")
    source.close()
    session = recording.service.connection(recording.database).connect()
    session.cursor().execute("INSERT INTO ACTIVITY_SCHEMA_VERSION VALUES (99, 'from the future', '2026-01-01')")
    session.close()
    with pytest.raises(WarehouseNewer, match="layout 99"):
        source.contexts([HERE], "channel")
    before = recording.stored()
    recording.write(1)
    with pytest.raises(WarehouseNewer, match="nothing was written"):
        recording.flusher(recording.warehouse()).step()
    assert recording.stored() == before


def test_a_missing_table_says_what_to_run(recording: Recording, source: SnowflakeContextSource) -> None:
    source.contexts([HERE], "channel")
    session = recording.service.connection(recording.database).connect()
    session.cursor().execute("ALTER TABLE CONTEXT_CACHE RENAME TO ELSEWHERE")
    session.close()
    source.close()
    with pytest.raises(WarehouseRefused) as refused:
        source.changed_contexts({})
    assert "activity-mcp deploy" in refused.value.hint


def test_an_idle_session_is_closed_and_opened_again_when_needed(recording: Recording) -> None:
    clock = FakeClock()
    named = recording.service.connection(recording.database)
    source = SnowflakeContextSource(lambda: named, clock=clock)
    source.changed_contexts({})
    clock.advance(299)
    source.release()
    before = recording.service.requests()
    source.changed_contexts({})
    clock.advance(301)
    source.release()
    source.changed_contexts({})
    logins = [request for request in recording.service.requests()[len(before) :] if "login" in request]
    assert len(logins) == 1
    source.close()
