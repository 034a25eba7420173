"""Whoever reports a request first, last, twice or never: the totals are the same, and each request counts once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import copy
from datetime import datetime
from functools import cache
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.activity import Activity, Origin, build
from activity_mcp.claude_code.transcripts import TranscriptReader
from activity_mcp.clock import iso, parse_iso
from activity_mcp.redaction import Redactor
from activity_mcp.usage.prices import PriceList
from lengths import examples, some
from otlp.exporter import Rig
from sql.refreshed import Refreshed
from sql.support import statements
from usage.genuine import PROJECT, SESSION, SUBAGENT, TOKENS, TOTAL_USD, TRANSCRIPT, batches, requests_exported

NOW = datetime(2026, 11, 28, 13, 0, 0)
QUIET_US = parse_iso("2026-11-28T20:00:00Z")


@cache
def exported() -> tuple[Activity, ...]:
    rig = Rig()
    for each in batches():
        rig.receiver.take("/v1/logs", "application/json", json.dumps(each).encode())
    return tuple(rig.recorded)


@cache
def imported(path: str) -> tuple[Activity, ...]:
    reader = TranscriptReader(
        path,
        origin_for=lambda session, cwd: Origin("ada@example.com", "import", session_id=session, project=cwd),
        redactor=Redactor(),
        prompts="excerpt",
        now_us=QUIET_US,
        estimate=PriceList().estimate,
    )
    return tuple(reader)


def shown() -> tuple[Activity, ...]:
    """What the status line said while the session ran, as its hook records it: sums that only grow."""
    origin = Origin("ada@example.com", "hook", session_id=SESSION, project=PROJECT)
    features = {"session_id": SESSION, "event_type": "status"}
    return tuple(
        build("session_event", {**features, "cost_usd": cost}, origin, now_us=QUIET_US, ts=QUIET_US - 9_000_000 + number)
        for number, cost in enumerate((TOTAL_USD / 3, TOTAL_USD / 2, TOTAL_USD))
    )


SOURCES = (exported(), imported(str(TRANSCRIPT)), imported(str(SUBAGENT)), shown())
"""The exporter, both transcripts (the first ends with the client's own sum), the status line."""


class Sums(Refreshed):
    """A warehouse that takes activities, and what it says they cost."""

    def __init__(self) -> None:
        super().__init__(now=NOW)
        self._taken = 0
        for text in statements("04_typed_views.sql"):
            if any(f"VIEW {name} " in text for name in ("V_CURRENT_STREAM", "VW_LLM_EVENTS", "VW_TOOL_EVENTS")):
                self.connection.execute(text)

    def record(self, activities: Sequence[Activity]) -> None:
        if activities:
            self.take(*(self._row(activity) for activity in activities))

    def _row(self, activity: Activity) -> dict[str, Any]:
        self._taken += 1
        row = {
            name: getattr(activity, name)
            for name in ("activity_id", "customer", "activity", "event_name", "session_id", "source")
        }
        return row | {
            "ts": datetime.fromisoformat(activity.ts.removesuffix("Z")), "feature_json": activity.feature_json, "project": PROJECT,
            "anonymous_customer_id": None, "revenue_impact": activity.revenue_impact, "link": None, "org_id": None,
            "schema_version": "1", "channel_id": "ch", "stream_offset": f"{1:012d}:{self._taken:012d}:{0:08x}",
        }  # fmt: skip

    def totals(self) -> dict[str, Any]:
        names = [*TOKENS, "cost_usd"]
        sums = ", ".join(f"SUM({name})" for name in names)
        found = self.connection.execute(
            f"SELECT COUNT(*), COUNT_IF(cost_source = 'otel'), {sums} FROM VW_LLM_EVENTS"
        ).fetchall()[0]
        return dict(zip(["requests", "measured", *names], map(float, found), strict=True))

    def in_context(self) -> float:
        hours = self.blob(project=PROJECT)["hours"]
        return sum(use["cost_usd"] for hour in hours for use in (hour.get("llm") or {}).values())


def assert_whole(sums: Sums, measured: int) -> None:
    expected = {"requests": 5, "measured": measured, **TOKENS, "cost_usd": TOTAL_USD}
    assert sums.totals() == pytest.approx(expected, abs=1e-9)
    assert sums.in_context() == pytest.approx(TOTAL_USD, abs=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("order", some(permutations(range(3)), 2), ids=str)
def test_the_totals_are_the_clients_in_every_order_of_the_sources(order: tuple[int, ...]) -> None:
    sums = Sums()
    for number in (order[0], 3, *order[1:]):
        sums.record(SOURCES[number])
    assert_whole(sums, measured=5)


PIECES = st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(0, 12))
"""Of which source a batch is, and where in it the batch begins and ends; an empty one is a batch of others."""
WHOLE = [(number, 0, 99) for number in range(len(SOURCES))]


@pytest.mark.long
@examples(short=2, long=60)
@given(batches=st.lists(PIECES, max_size=8).flatmap(lambda pieces: st.permutations([*pieces, *WHOLE])))
def test_however_often_they_report_and_however_batches_overlap_the_totals_are_the_same(
    batches: list[tuple[int, int, int]],
) -> None:
    sums = Sums()
    for number, start, stop in batches:
        sums.record(SOURCES[number][start:stop])
    assert_whole(sums, measured=5)


def test_two_exporters_whose_clocks_disagree_by_minutes_report_each_request_once() -> None:
    sums = Sums()
    for minutes in (7, -7):
        late = [copy(activity) for activity in SOURCES[0]]
        for activity in late:
            activity.ts = iso(parse_iso(activity.ts) + minutes * 60_000_000)
        sums.record(late)
    sums.record(SOURCES[1])
    sums.record(SOURCES[2])
    assert_whole(sums, measured=5)


def test_all_of_it_reported_twice_in_small_pieces_counts_once() -> None:
    sums = Sums()
    for cut in (4, 7):
        for source in SOURCES:
            sums.record(source[:cut])
        for source in reversed(SOURCES):
            sums.record(source[cut:])
    assert_whole(sums, measured=5)


@pytest.mark.parametrize("number", [0, 1], ids=["the exporter alone", "transcripts alone"])
def test_either_source_alone_gives_the_same_totals(number: int) -> None:
    sums = Sums()
    for source in (SOURCES[:1], SOURCES[1:])[number]:
        sums.record(source)
    assert_whole(sums, measured=(5, 0)[number])


def test_what_the_exporter_lost_is_estimated_from_the_transcript() -> None:
    lost = {request["request_id"] for request in requests_exported()[1::2]}
    sums = Sums()
    sums.record([activity for activity in SOURCES[0] if activity.feature_json.get("request_id") not in lost])
    sums.record(SOURCES[1])
    sums.record(SOURCES[2])
    assert_whole(sums, measured=5 - len(lost))


def test_a_compaction_that_stands_in_no_transcript_is_in_the_sums_of_the_exporter() -> None:
    """Here: the subagent's transcript is gone; its requests are known by what was exported alone."""
    sums = Sums()
    sums.record(SOURCES[1])
    assert sums.totals()["requests"] == 3
    sums.record(SOURCES[0])
    assert_whole(sums, measured=5)


def test_a_calls_part_from_the_exporter_never_replaces_what_a_hook_or_an_import_knows() -> None:
    for order in ((0, 1), (1, 0)):
        sums = Sums()
        for number in order:
            sums.record(SOURCES[number])
        found = sums.connection.execute(
            "SELECT source, parameters IS NOT NULL FROM VW_TOOL_EVENTS WHERE agent_id IS NULL"
        ).fetchall()
        assert found == [("import", True)] * 3
