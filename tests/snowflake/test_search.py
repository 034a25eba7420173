"""Search on Snowflake: candidates by SQL as the reader, matched and ranked as on the embedded warehouse."""

from __future__ import annotations

from pathlib import Path

import pytest

from activity_mcp.queue import open_queue
from activity_mcp.search.searcher import Searcher
from activity_mcp.sessions.reader import SessionReader
from activity_mcp.warehouse.snowflake.query import SnowflakeQueries
from fakes import FakeClock
from snowflake_recording import ORIGIN, Recording


@pytest.fixture
def queries(recording: Recording) -> SnowflakeQueries:
    return SnowflakeQueries(recording.service.connection(recording.database))


def test_candidates_come_from_the_views_as_the_reader_and_are_ranked_the_same(
    recording: Recording, queries: SnowflakeQueries, tmp_path: Path
) -> None:
    recording.write(2, parameters={"command": "make deploy"})
    recording.write(1, parameters={"command": "make clean"}, error="no rule", success=False)
    recording.flush(recording.flusher(recording.warehouse()))
    queue = open_queue(str(tmp_path / "other-machine"), sink="snowflake")
    searcher = Searcher(queue.directory, lambda: queries, has_index=False, own_project=None, clock=FakeClock())
    before = len(recording.service.statements())
    answer = searcher.search("deploy tool:Bash")
    sent = recording.service.statements()[before:]
    assert sent[0] == "USE ROLE ACTIVITY_READER"
    assert all("VW_" in statement for statement in sent if statement.startswith("SELECT"))
    assert (answer["notes"], [hit["snippet"] for hit in answer["hits"]]) == ([], ["make **deploy**"])
    assert [hit["snippet"] for hit in searcher.search("rule", kind="failed")["hits"]] == ["make clean no **rule**"]
    story = SessionReader(queue.directory, lambda: queries, FakeClock()).story(ORIGIN.session_id or "")
    assert story is not None
    assert (story["calls"], story["errors"], story["notes"]) == (3, 1, [])
