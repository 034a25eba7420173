"""Times: one textual form, parsed and written without ``datetime``, and agreeing with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.clock import SYSTEM_CLOCK, iso, parse_iso

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMES = st.integers(min_value=0, max_value=253_000_000_000 * 1_000_000)


@given(TIMES)
def test_every_microsecond_is_written_as_datetime_would_and_read_back(time_us: int) -> None:
    text = iso(time_us)
    assert text == (EPOCH + timedelta(microseconds=time_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert parse_iso(text) == time_us


@given(TIMES, TIMES)
def test_texts_sort_as_the_times_do(one: int, other: int) -> None:
    assert (one < other) == (iso(one) < iso(other))


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-21T06:19:38.048Z", "2026-01-21T06:19:38.048000Z"),
        ("2026-01-21T06:19:38+02:00", "2026-01-21T04:19:38.000000Z"),
        ("2026-01-21 06:19:38-0530", "2026-01-21T11:49:38.000000Z"),
        ("2026-01-21", "2026-01-21T00:00:00.000000Z"),
        ("2026-01-21T06:19", "2026-01-21T06:19:00.000000Z"),
        ("2024-02-29T00:00:00.123456789Z", "2024-02-29T00:00:00.123456Z"),
    ],
)
def test_the_usual_iso_forms_are_understood(text: str, utc: str) -> None:
    assert iso(parse_iso(text)) == utc


@pytest.mark.parametrize(
    "text",
    ["", "now", "epoch", "infinity", "1700000000", "01/21/2026", "2026-02-29", "2026-13-01", "2026-01-21T25:00:00", "2026-01-21T06:00:00+99:00", "1969-12-31", "٢٠٢٦-٠١-٢١x"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an ISO|no such|before 1970"):
        parse_iso(text)


def test_the_system_clock_gives_utc() -> None:
    assert abs(SYSTEM_CLOCK.time_us() - datetime.now(UTC).timestamp() * 1e6) < 5e6
