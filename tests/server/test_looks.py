"""Looking around: soon after a context was given, then ever less often; and only then is anything read ahead."""

from __future__ import annotations

import json
from pathlib import Path

from activity_mcp.server.front.looks import EVERY_S, FIRST_S, READING_LOOKS, Looks
from patience import until
from server.wire import RawClient


def test_looks_come_soon_after_a_context_and_then_ever_less_often() -> None:
    looks = Looks()
    assert [looks.pause_s() for _ in range(3)] == [EVERY_S] * 3
    for _ in range(2):
        looks.gave_context()
        pauses = [looks.pause_s() for _ in range(6)]
        assert pauses[0] == FIRST_S
        assert pauses == sorted(pauses)
        assert pauses[-2:] == [EVERY_S] * 2


def test_a_server_that_is_not_asked_for_a_context_reads_nothing_ahead() -> None:
    looks = Looks()
    assert not any(looks.is_to_read() for _ in range(10))
    looks.gave_context()
    read = [looks.is_to_read() for _ in range(2 * READING_LOOKS)]
    assert read[0]
    assert not any(read[READING_LOOKS:])
    looks.gave_context()
    assert looks.is_to_read()


def test_the_server_reads_ahead_once_it_has_given_a_context_and_goes_on_answering(tmp_path: Path) -> None:
    recorded = tmp_path / "recorded.ndjson"
    recorded.touch()
    with RawClient(env={"FAKE_FILE": str(recorded), "FAKE_READS_AHEAD": "1"}) as client:
        client.initialize()
        client.call(1, "health")
        assert client.receive()["id"] == 1
        client.call(2, "get_context")
        assert client.receive()["id"] == 2
        until(lambda: "read_ahead" in recorded.read_text())
        client.call(3, "get_context")
        assert client.receive()["id"] == 3
        client.close_input()
        assert client.leave()[0] == 0
    after = [
        line["read_ahead_after"] for line in map(json.loads, recorded.read_text().splitlines()) if "read_ahead_after" in line
    ]
    assert min(after) == 2
