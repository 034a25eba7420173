"""In whichever order sources report a request, twice or never: the totals are the same, and each request counts once."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from copy import copy
from datetime import datetime
from functools import cache
from itertools import permutations
from pathlib import Path
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
from sql.refreshed import Refreshed, scans_of
from sql.support import statements, warehouse
from usage.genuine import PROJECT, SESSION, SUBAGENT, TOKENS, TOTAL_USD, TRANSCRIPT, batches, records, requests_exported

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
@pytest.mark.parametrize("order", some(permutations(range(3)), 1), ids=str)
def test_the_totals_are_the_clients_in_every_order_of_the_sources(order: tuple[int, ...]) -> None:
    sums = Sums()
    for number in (order[0], 3, *order[1:]):
        sums.record(SOURCES[number])
    assert_whole(sums, measured=5)


PIECES = st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(0, 12))
"""Of which source a batch is, and where in it the batch begins and ends; an empty one is a batch of others."""
WHOLE = [(number, 0, 99) for number in range(len(SOURCES))]


@pytest.mark.long
@examples(short=1, long=60)
@given(batches=st.lists(PIECES, max_size=8).flatmap(lambda pieces: st.permutations([*pieces, *WHOLE])))
def test_however_often_they_report_and_however_batches_overlap_the_totals_are_the_same(
    batches: list[tuple[int, int, int]],
) -> None:
    sums = Sums()
    for number, start, stop in batches:
        sums.record(SOURCES[number][start:stop])
    assert_whole(sums, measured=5)


@cache
def rewritten() -> tuple[tuple[Activity, ...], ...]:
    """The transcript as it was read at other times: shortened, without its beginning (a compaction), edited, its lines in another
    order, with lines that stand in it twice, and as another file of the same session."""
    folder = Path(tempfile.mkdtemp())
    lines = TRANSCRIPT.read_bytes().splitlines(keepends=True)
    half = len(lines) // 2
    texts = (
        lines[:half], lines[half:], lines[:2] + lines[half:], [line.replace(b"fibonacci", b"primes") for line in lines],
        lines[half:] + lines[:half], [*lines, *lines[half:]], lines,
    )  # fmt: skip
    found = []
    for number, text in enumerate(texts):
        path = folder / str(number) / TRANSCRIPT.name
        path.parent.mkdir()
        path.write_bytes(b"".join(text))
        found.append(imported(str(path)))
    shutil.rmtree(folder)
    return tuple(found)


@pytest.mark.long
@examples(short=1, long=40)
@given(order=st.permutations([*range(7), "exporter", "subagent"]))
def test_a_session_whose_transcript_was_rewritten_counts_each_request_once(order: list[Any]) -> None:
    sums = Sums()
    for number in order:
        sums.record({"exporter": SOURCES[0], "subagent": SOURCES[2]}.get(number) or rewritten()[number])
    assert_whole(sums, measured=5)
    assert calls_shown(sums).keys() == calls_exported().keys()


@pytest.mark.long
@pytest.mark.parametrize("number", some(range(7), 2))
def test_what_a_rewritten_transcript_no_longer_holds_stays_recorded(number: int) -> None:
    sums = Sums()
    for source in (SOURCES[1], SOURCES[2], rewritten()[number]):
        sums.record(source)
    assert_whole(sums, measured=0)


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


def test_a_compaction_that_is_in_no_transcript_is_in_the_sums_of_the_exporter() -> None:
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


Known = tuple[int | None, int | None, str | None]
"""Of a call: the sizes of input and result in bytes, and the class of its error."""


def calls_exported() -> dict[str, Known]:
    """What the exporter reported; of a call that failed it gives no size of the result."""
    sizes = ("tool_input_size_bytes", "tool_result_size_bytes")
    found = {}
    for record in records():
        if record["event.name"] == "tool_result":
            given, returned = (int(record[name]) if name in record else None for name in sizes)
            found[record["tool_use_id"]] = (given, returned, record.get("error_type"))
    return found


def calls_known() -> dict[str, Known]:
    """What the exporter reported, and the size of the result from the transcript where it gives none."""
    read = {activity.feature_json["tool_use_id"]: activity.feature_json["result_size"] for activity in hooked()}
    return {
        call: (given, read[call] if returned is None else returned, kind)
        for call, (given, returned, kind) in calls_exported().items()
    }


def hooked() -> tuple[Activity, ...]:
    """The calls as their hooks report them: some milliseconds beside the exporter, with what the transcript has of them."""
    made = [copy(activity) for activity in (*SOURCES[1], *SOURCES[2]) if activity.event_name == "tool_event"]
    for activity in made:
        activity.source, activity.ts = "hook", iso(parse_iso(activity.ts) + 30_000)
        activity.feature_json = {**activity.feature_json, "tool_category": "hooked"}
    return tuple(made)


def calls_shown(sums: Sums) -> dict[str, Known]:
    found = sums.connection.execute(
        "SELECT tool_use_id, input_size_bytes, result_size_bytes, error_type FROM VW_TOOL_EVENTS"
    ).fetchall()
    assert len({row[0] for row in found}) == len(found), "a call that counts twice"
    return {row[0]: row[1:] for row in found}


@pytest.mark.long
def test_a_call_has_the_exporters_sizes_and_error_class_whichever_reports_it_first_and_however_often() -> None:
    reports = {"exporter": SOURCES[0], "import": (*SOURCES[1], *SOURCES[2]), "hooks": hooked()}
    expected = calls_known()
    assert len(expected) == 4
    assert [kind for *_, kind in expected.values() if kind]
    for order in some(permutations(reports), 2):
        sums = Sums()
        for name in (*order, order[0]):
            sums.record(reports[name])
        assert calls_shown(sums) == expected, order
        kept = sums.connection.execute("SELECT DISTINCT source, tool_category FROM VW_TOOL_EVENTS").fetchall()
        assert kept == [("hook", "hooked")], order


@pytest.mark.long
@pytest.mark.parametrize("others", some(["import", "hooks", "nobody"], 1))
def test_two_exporters_whose_clocks_disagree_give_a_call_one_row_with_its_sizes(others: str) -> None:
    sums = Sums()
    for minutes in (7, -7, 0):
        late = [copy(activity) for activity in SOURCES[0]]
        for activity in late:
            activity.ts = iso(parse_iso(activity.ts) + minutes * 60_000_000)
        sums.record(late)
    sums.record({"hooks": hooked(), "import": (*SOURCES[1], *SOURCES[2]), "nobody": ()}[others])
    assert calls_shown(sums) == (calls_exported() if others == "nobody" else calls_known())


def test_a_call_whose_exporter_is_silent_shows_what_its_hook_knows() -> None:
    sums = Sums()
    sums.record(hooked())
    assert {(given, kind) for given, _, kind in calls_shown(sums).values()} == {(None, None)}
    assert all(returned is not None for _, returned, _ in calls_shown(sums).values())


def test_rebuilt_contexts_lose_no_size() -> None:
    """As the embedded engine makes them anew: all at once, in a file of its own."""
    sums, anew = Sums(), Sums()
    for source in (hooked(), SOURCES[0]):
        sums.record(source)
    anew.record([*hooked(), *SOURCES[0]])
    assert calls_shown(sums) == calls_shown(anew) == calls_known()


def test_the_last_days_calls_read_the_last_day_of_a_long_history(tmp_path: Path) -> None:
    """A filter on ts passes over the row groups of other days in all three tables, however often a call was reported."""
    connection = warehouse()
    count = 400_000
    insert = "INSERT INTO CLAUDE_STREAM_V2 (activity_id, ts, customer, activity, event_name, source, channel_id, stream_offset, feature_json)"
    connection.execute(
        f"{insert} SELECT 'id-' || i // 2, TIMESTAMP '{NOW}' - to_seconds(30 * ({count} - i)), 'ada', 'did', 'tool_event', "
        f"IF(i % 2 = 0, 'hook', 'otel'), 'c', lpad(i::VARCHAR, 9, '0'), '{{}}' FROM range({count}) AS old (i)"
    )
    connection.execute(
        "INSERT INTO SUPERSEDED (channel_id, stream_offset, activity_id, customer, ts, superseded_at) "
        "SELECT channel_id, stream_offset, activity_id, customer, ts, ts FROM CLAUDE_STREAM_V2 WHERE source = 'otel'"
    )
    connection.execute(
        "INSERT INTO EXPORTED_CALLS (channel_id, stream_offset, ts, activity_id, result_size_bytes, found_at) "
        "SELECT channel_id, stream_offset, ts, activity_id, 5, ts FROM CLAUDE_STREAM_V2 WHERE source = 'hook'"
    )
    profile = tmp_path / "profile.json"
    connection.execute("SET enable_profiling = 'json'; SET profiling_mode = 'detailed'")
    connection.execute(f"SET profiling_output = '{profile}'")
    since = f"TIMESTAMP '{NOW}' - INTERVAL 24 HOUR"
    found = connection.execute(f"SELECT COUNT(*), SUM(result_size_bytes) FROM VW_TOOL_EVENTS WHERE ts >= {since}").fetchall()
    connection.execute("PRAGMA disable_profiling")
    assert found == [(1440, 5 * 1440)]
    operators = json.loads(profile.read_text())["operator"]
    for table, groups in (("CLAUDE_STREAM_V2", 4), ("SUPERSEDED", 2), ("EXPORTED_CALLS", 2)):
        assert set(scans_of(operators, table)) == {(1, groups)}, table
