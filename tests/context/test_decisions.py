"""Which conclusions a later one takes back: those about the same with something else, and none besides."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from activity_mcp.clock import iso
from activity_mcp.context import render_context
from activity_mcp.context.decisions import taken_back
from activity_mcp.context.injection import injection_text
from context.samples import DAY, HERE, NOW, event

FIRST, SECOND, THIRD = "2026-11-01T00:00:00.000000Z", "2026-11-02T00:00:00.000000Z", "2026-11-03T00:00:00.000000Z"

REPLACED = [
    ("The workspace uses npm for all packages.", "The workspace uses pnpm instead of npm: npm hoisted two Reacts."),
    ("The scan uses rayon on all cores.", "We took rayon out again: the disk is the limit, and one thread is faster."),
    ("The scan uses rayon on all cores.", "Removed rayon from the scan."),
    ("The sync client uses async-std, because it is small.", "The sync client uses a blocking ureq instead of async-std."),
    (
        "The vpc module is pinned to 6.0 in all accounts.",
        "Reverted: the vpc module is pinned to 5.21 again, since 6.0 renames.",
    ),
    ("The state is locked by a table in DynamoDB.", "The state is locked in S3; the table in DynamoDB is no longer used."),
    (
        "Revenue in orders is gross: refunds are not taken off.",
        "Revenue in orders is net of refunds now; it is no longer gross.",
    ),
    ("We decided to use tabs.", "We decided to use spaces instead of tabs."),
    ("Use tabs for indentation.", "Use spaces for indentation."),
    ("Use npm.", "Use pnpm instead of npm."),
    ("We use Redis for sessions.", "We use Postgres for sessions instead."),
    ("The MSRV is 1.85 now.", "The MSRV is 1.87 now, because of let chains."),
    ("Cache TTL is 60 s.", "Cache TTL is 300 s."),
    ("Retries default to 3.", "Retries default to 5."),
    ("The server listens on 8080.", "The server listens on 9090 now."),
    ("All prices are kept as floats.", "All prices are kept as Decimal, never as floats."),
    ("The leak is in the cache.", "The leak is not in the cache but in the pool."),
    ("TestReconnect is flaky: it fails in one of ten runs.", "TestReconnect is not flaky any more."),
    ("Tests use freezegun.", "freezegun is replaced by time-machine, which is faster."),
    ("The API uses Flask.", "We moved from Flask to FastAPI."),
    ("CI needs support for Python 3.9.", "Dropped support for Python 3.9."),
    ("We chose Kafka for events.", "Kafka was wrong for us: NATS carries the events."),
    ("Decided: billing now uses Stripe.", "Decided: billing now uses Adyen."),
    ("Der Export wird als ISO-8859-1 geschrieben.", "Der Export wird als UTF-8 statt ISO-8859-1 geschrieben."),
    ("Das Projekt benutzt npm.", "npm wird nicht mehr benutzt, wir nehmen pnpm."),
    ("包管理器使用npm。", "包管理器使用pnpm而不是npm。"),
]
KEPT = [
    ("The api now uses FastAPI.", "The api now uses Postgres."),
    ("Decided: billing now uses Stripe.", "Decided: shipping now uses Adyen."),
    ("Decided: a uses b; c uses d.", "Decided: a uses e."),
    ("The workspace uses npm. All times are stored as UTC.", "The workspace uses pnpm instead of npm."),
    ("The parser uses rayon for its pool.", "The scan no longer uses rayon."),
    ("Responses are cached by nginx.", "It is not cached any more by the CDN."),
    ("The cache is slow.", "The cache is in Redis."),
    ("We use Redis for sessions.", "We use Redis for the queue as well."),
    ("The client needs TLS support.", "Dropped support for Python 3.9."),
    ("Every call to Stripe carries a key made of the order's id.", "Calls to Stripe are not retried by hand."),
    ("The session is closed by two goroutines.", "TestReconnect is not flaky any more."),
    ("Redux holds what the page decides.", "The server's answers are kept by React Query; Redux holds only what the page decides."),
    ("Reads rows in the queue.", "It copies rows from the queue to the table."),
    ("The build uses make.", "The docs are built with mkdocs instead of make."),
    ("The worker runs at night.", "The worker runs on Linux."),
    ("Logs are written in JSON.", "Logs are written as text."),
    ("测试使用pytest。", "包管理器使用pnpm而不是npm。"),
]  # fmt: skip


@pytest.mark.parametrize(("earlier", "later"), REPLACED)
def test_a_decision_is_taken_back_by_a_later_one_about_the_same(earlier: str, later: str) -> None:
    assert taken_back([(FIRST, earlier), (SECOND, later)]) == {earlier}
    assert earlier not in taken_back([(SECOND, earlier), (FIRST, later)])
    assert not taken_back([(FIRST, earlier), (FIRST, later)])


@pytest.mark.parametrize(("earlier", "later"), KEPT)
def test_two_decisions_about_different_things_are_both_kept(earlier: str, later: str) -> None:
    assert not taken_back([(FIRST, earlier), (SECOND, later)])
    assert not taken_back([(SECOND, earlier), (FIRST, later)])


def test_what_was_decided_again_later_holds_again() -> None:
    said = [(FIRST, "The workspace uses npm."), (SECOND, "The workspace uses pnpm instead of npm.")]
    assert taken_back([*said, (THIRD, "The workspace uses npm.")]) == frozenset()
    assert taken_back([*said, (THIRD, "The workspace uses yarn instead of pnpm.")]) == {text for _, text in said}


def _names(text: str) -> set[str]:
    return {word for part in text.lower().split() if len(word := part.strip(".:,")) > 2} - {"the", "are", "all", "for", "uses"}


def test_of_all_decisions_here_only_those_that_share_a_word_take_each_other_back() -> None:
    spaced = [pair for pair in (*REPLACED, *KEPT) if pair[0].isascii()]
    for (one, _), (_, other) in itertools.permutations(spaced, 2):
        if not _names(one) & _names(other):
            assert not taken_back([(FIRST, one), (SECOND, other)]), (one, other)


NAMES = st.from_regex(r"[bdfgkm][aeiou][lnrt][aeiou][kx]", fullmatch=True)
FRAMES = (
    "The {0} uses {1}.", "Decided: {0} now uses {1}.", "The {0} is pinned to {1}.", "{0} is kept as {1}, because it is faster.",
    "We use {1} for {0}.", "The {0} module uses {1} instead of {2}.", "{0} is written in {1}, not in {2}.",
)  # fmt: skip


@given(st.lists(NAMES, min_size=6, max_size=6, unique=True), st.sampled_from(FRAMES), st.sampled_from(FRAMES))
def test_decisions_that_share_no_name_are_both_kept(names: list[str], frame: str, other: str) -> None:
    said = [(FIRST, frame.format(*names[:3])), (SECOND, other.format(*names[3:]))]
    assert not taken_back(said)


@given(st.lists(NAMES, min_size=4, max_size=4, unique=True), st.sampled_from(FRAMES), st.booleans())
def test_of_two_subjects_with_one_value_each_keeps_its_own_when_one_changes(names: list[str], frame: str, swap: bool) -> None:
    first, second, value, other = names
    held = frame.format(second, value, "elsewhat")
    changed = f"The {first} uses {other} instead of {value}."
    said = [(FIRST, frame.format(first, value, "elsewhat")), (SECOND if swap else FIRST, held), (THIRD, changed)]
    assert held not in taken_back(said)
    assert changed not in taken_back(said)


@given(st.lists(st.tuples(st.sampled_from((FIRST, SECOND, THIRD)), st.text(max_size=400)), max_size=8))
def test_any_texts_can_be_read_and_the_newest_is_never_taken_back(said: list[tuple[str, str]]) -> None:
    assume(said)
    newest = max(at for at, _ in said)
    found = taken_back(said)
    assert found <= {text for _, text in said}
    assert not found & {text for at, text in said if at == newest}


def _concluded(text: str, ago: int, session: str) -> dict[str, Any]:
    features = {"event_type": "turn_end", "excerpt": text}
    return event("session_event", features, at=NOW - ago, activity_id=f"{session} {ago}", session_id=session)


LIFE = [
    _concluded("The workspace uses npm for all of its packages, because everybody knows it.", 9 * DAY, "s-1"),
    _concluded("The workspace uses pnpm instead of npm, because npm hoisted two Reacts.", 5 * DAY, "s-2"),
    _concluded("All times are stored as UTC and shown in the zone of the venue, because venues move.", 8 * DAY, "s-1"),
]


def _answer(context_type: str) -> dict[str, Any]:
    return render_context({}, LIFE, now_us=NOW, max_bytes=10**5, project=HERE, context_type=context_type).context


def test_an_answer_shows_only_what_holds_and_a_long_one_what_was_replaced_at_its_end() -> None:
    assert "uses npm" not in str(_answer("default"))
    assert "pnpm instead" in str(_answer("default"))
    shown = render_context({}, LIFE, now_us=NOW, max_bytes=10**5, project=HERE, context_type="engineer", explain=True).context
    (npm,) = shown["conclusions"]
    assert (npm["replaced"], npm["why"].partition(",")[0]) == (True, "replaced")


def test_of_insights_about_one_metric_however_written_a_long_answer_marks_the_older_and_shows_it_last() -> None:
    def insight(number: int, subject: str, value: Any, ago: int) -> dict[str, Any]:
        found = {"insight_id": f"i-{number}", "subject": subject, "metric": "package manager", "value": value, "query_id": "q"}
        return event("mcp_event", {"method": "record_insight", **found}, at=NOW - ago, activity_id=f"a-{number}")

    life = [
        insight(1, "Work_Space", "npm", 9 * DAY),
        insight(2, "work space", "pnpm", 5 * DAY),
        insight(3, "api", "uv", 11 * DAY),
    ]
    shown = render_context({}, life, now_us=NOW, max_bytes=10**5, project=HERE, context_type="analyst").context["insights"]
    assert [(each["value"], each.get("replaced")) for each in shown] == [("pnpm", None), ("uv", None), ("npm", True)]
    short = render_context({}, life, now_us=NOW, max_bytes=10**5, project=HERE).context["insights"]
    assert [each["value"] for each in short] == ["pnpm", "uv"]


def test_a_starting_session_is_not_reported_what_was_taken_back() -> None:
    sessions = [
        {"session_id": each["session_id"], "last_ts": each["ts"], "concluded": each["feature_json"]["excerpt"], "asked": "x"}
        for each in LIFE
        if "UTC" not in each["feature_json"]["excerpt"]
    ]
    conclusions = [{"activity_id": "c", "ts": iso(NOW - 8 * DAY), "text": LIFE[2]["feature_json"]["excerpt"]}]
    blob = {"recent_sessions": sessions, "conclusions": conclusions}
    said = injection_text(blob, project=HERE, now_us=NOW, limit=2000)
    assert "pnpm instead" in said
    assert "UTC" in said
    assert "uses npm" not in said
