"""What the pages show of a month of work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import activity_mcp.web
from activity_mcp.usage.sums import read_usage
from activity_mcp.web.rollup import VIEWS
from web.paged import Elements, Paged


def text_of(html: str) -> str:
    return " ".join(Elements(html).text.split())


def test_the_overview_says_whether_everything_is_recorded_and_when_each_source_spoke(paged: Paged) -> None:
    said = text_of(paged.read("/"))
    assert "Everything is recorded" in said
    assert "Waiting on disk 0 events" in said
    assert re.search(r"Claude Code's hooks \d", said)


def test_the_sums_of_the_overview_are_those_of_the_command_usage(paged: Paged) -> None:
    rows = paged.csv("/overview.csv?table=models&days=all")
    usage = read_usage(paged.service.query, "model", customer=None)
    of_page = {row[0]: float(row[rows[0].index("cost_usd")]) for row in rows[1:]}
    assert of_page == pytest.approx({one.key: one.cost_usd for one in usage.rows})
    days = {one.key: one.cost_usd for one in read_usage(paged.service.query, "daily", customer=None).rows}
    rows = paged.csv("/overview.csv?table=days&days=90")
    assert {row[0]: float(row[-1]) for row in rows[1:] if float(row[-1])} == pytest.approx(days)


def test_a_filter_is_in_the_url_and_holds_for_every_sum(paged: Paged) -> None:
    rows = paged.csv("/overview.csv?table=projects&days=all&project=/work/ledger")
    assert [row[0] for row in rows[1:]] == ["/work/ledger"]
    page = Elements(paged.read("/?days=30&project=/work/ledger"))
    links = [link["href"] for link in page.all("a") if (link.get("href") or "").startswith("/sessions")]
    assert links == ["/sessions?days=30&project=%2Fwork%2Fledger"]


def test_the_sessions_are_sorted_and_paged_by_the_url(paged: Paged) -> None:
    rows = paged.csv("/sessions.csv?days=all&sessions.sort=-cost_usd")
    costs = [float(row[rows[0].index("cost_usd")]) for row in rows[1:]]
    assert len(costs) == len(paged.ids)
    assert costs == sorted(costs, reverse=True)
    assert len(paged.csv("/sessions.csv?days=1")) < len(rows)


def test_the_sessions_are_filtered_by_words_and_by_failures(paged: Paged) -> None:
    rows = paged.csv("/sessions.csv?days=all&text=voucher+checkout")
    assert rows[1:]
    assert all("voucher" in row[rows[0].index("what")] for row in rows[1:])
    rows = paged.csv("/sessions.csv?days=all&only=failures")
    assert all(int(row[rows[0].index("errors")]) > 0 for row in rows[1:])
    assert "No session of this period has all of these words" in paged.read("/sessions?days=all&text=zebra")


def test_a_session_shows_its_turns_its_subagents_and_how_to_resume_it(paged: Paged) -> None:
    page = paged.read(f"/session/{paged.ids[0]}")
    said = text_of(page)
    assert f"claude --resume {paged.ids[0]}" in said
    assert "The checkout total is wrong when a voucher is applied twice" in said
    assert re.search(r"Explore subagent, \d calls?", said)
    assert re.search(r"\d calls?.* tokens · [<$]", said)
    calls = paged.csv(f"/session/{paged.ids[0]}.csv?table=calls")
    assert f"Calls {len(calls) - 1} " in said


def test_what_is_not_there_says_so(paged: Paged) -> None:
    assert "No session with the id" in paged.read("/session/no-such-session", 404)
    assert "There is no such page" in paged.read("/nowhere", 404)


def test_every_table_has_a_csv_whose_cells_no_spreadsheet_runs(paged: Paged) -> None:
    from activity_mcp.web.filters import Filters
    from activity_mcp.web.tables import Column, Table

    table = Table("t", "T", [Column("a", "A")], [{"a": "=HYPERLINK(1)"}, {"a": "+1"}, {"a": -1.5}, {"a": None}])
    assert list(table.csv(Filters([]))) == ["a\n", "'=HYPERLINK(1)\n", "'+1\n", "-1.5\n", '""\n']
    for path in ("/", "/sessions", f"/session/{paged.ids[0]}"):
        for link in Elements(paged.read(path)).all("a"):
            if "download" in link:
                assert paged.client.get(link["href"]).status_code == 200, link


def test_an_empty_record_says_what_to_do(tmp_path: Path) -> None:
    with Paged({}, tmp_path / "home") as paged:
        said = text_of(paged.read("/"))
        assert "Nothing is recorded yet" in said
        assert "activity-mcp install" in said
        assert "No session in this period" in text_of(paged.read("/sessions"))


def test_every_page_is_whole_without_a_script_and_light(paged: Paged) -> None:
    static = Path(activity_mcp.web.__file__).parent / "static"
    common = (static / "page.css").stat().st_size + (static / "page.js").stat().st_size
    for path in ("/?days=90", "/sessions?days=all", "/tools?days=90", "/errors?days=90", f"/session/{paged.ids[0]}"):
        html = paged.read(path)
        page = Elements(html)
        extra = sum((static / each["src"].split("/")[-1].split("?")[0]).stat().st_size for each in page.all("script")[1:])
        assert len(html.encode()) + common + extra < 150_000, path
        assert page.all("main")
        assert page.all("h1")


def test_the_tools_have_calls_failures_and_percentiles_and_one_has_days_of_its_own(paged: Paged) -> None:
    rows = paged.csv("/tools.csv?days=all&table=tools")
    head = rows[0]
    tools = {row[0]: dict(zip(head, row, strict=True)) for row in rows[1:]}
    (count,) = paged.service.query("SELECT COUNT(*) FROM VW_TOOL_EVENTS WHERE tool_name = 'Bash'").rows[0]
    assert int(tools["Bash"]["calls"]) == count
    assert 0 < float(tools["Bash"]["p50_ms"]) <= float(tools["Bash"]["p95_ms"])
    days = paged.csv("/tools.csv?days=all&table=by_day&tool=Bash")
    assert sum(int(row[1]) for row in days[1:]) == count


def test_what_was_denied_or_interrupted_is_no_failure(tmp_path: Path) -> None:
    with Paged({}, tmp_path / "home") as paged:
        paged.log("tool_event", tool_name="Bash", success=False, denied="user")
        paged.log("tool_event", tool_name="Bash", success=False, interrupted=True)
        paged.log("tool_event", tool_name="Bash", success=False, error="exit 1 after 3 s")
        paged.flush()
        assert paged.csv("/tools.csv?table=tools")[1][:3] == ["Bash", "3", "1"]
        assert [row[:3] for row in paged.csv("/errors.csv?table=errors")[1:]] == [["1", "Bash", "exit # after # s"]]
        assert "1 failed" not in paged.read("/")


def test_errors_of_one_kind_are_one_whatever_numbers_they_bear() -> None:
    from activity_mcp.web.views.errors import kind_of

    one = kind_of("Traceback\n  File /a/b/c.py\nValueError: 17 is not 0x7f3a of deadbeef01")
    assert one == kind_of("Traceback\n  File /a/b/c.py\nValueError: 3.5 is not 0x11 of 0123456789")
    assert one == "ValueError: # is not # of #"
    assert kind_of("cannot open /home/ada/shop/x.py: not found") == kind_of("cannot open /work/other/x.py: not found")
    assert kind_of(None) == kind_of(" \n --- \n") == "(no text)"


def test_the_errors_of_a_month_are_counted_by_kind_and_by_day(paged: Paged) -> None:
    kinds = paged.csv("/errors.csv?days=all&table=errors")
    days = paged.csv("/errors.csv?days=90&table=by_day")
    (count,) = paged.service.query("SELECT COUNT(*) FROM VW_TOOL_EVENTS WHERE success = FALSE").rows[0]
    assert sum(int(row[0]) for row in kinds[1:]) == count
    assert sum(int(row[1]) for row in days[1:]) == count
    assert len(days) > len([row for row in days[1:] if int(row[1])]), "days without an error are there too"


def test_the_files_say_in_which_session_they_were_touched_last(paged: Paged) -> None:
    rows = paged.csv("/files.csv?days=all&text=voucher")
    assert {row[0].rsplit("/", 1)[1] for row in rows[1:]} == {"test_voucher.py"}
    assert rows[1][-1] in paged.ids


def test_an_insight_shows_its_question_its_result_and_hashes_made_again(tmp_path: Path) -> None:
    with Paged({}, tmp_path / "home") as paged:
        paged.log("tool_event", tool_name="Bash", success=True)
        paged.flush()
        found = paged.service.provenance_queries.query("SELECT tool_name, COUNT(*) AS n FROM VW_TOOL_EVENTS GROUP BY ALL")
        made = paged.service.insights.record("tools", "calls", 1, artifact_id=found["artifact_id"], valid_for_hours=1)
        bare = paged.service.insights.record("tools", "unfounded", 2)
        paged.flush()
        rows = paged.csv("/insights.csv")
        state = rows[0].index("state")
        assert {row[1]: row[state] for row in rows[1:]} == {"calls": "holds", "unfounded": "unfounded"}
        said = text_of(paged.read(f"/insight/{made['insight_id']}"))
        assert "SELECT tool_name, COUNT(*) AS n FROM VW_TOOL_EVENTS GROUP BY ALL" in said
        assert found["result_sha256"] in said
        assert said.count("made again just now: the same") == 2
        assert paged.csv(f"/insight/{made['insight_id']}.csv") == [["tool_name", "n"], ["Bash", "1"]]
        assert "neither an artifact nor a query" in paged.read(f"/insight/{bare['insight_id']}")
        assert "No insight with the id" in paged.read("/insight/none", 404)


def test_search_marks_what_matches_and_leads_into_the_session(paged: Paged) -> None:
    page = Elements(paged.read("/search?q=voucher"))
    assert len(page.all("mark")) >= 1
    assert any((link.get("href") or "").startswith("/session/") for link in page.all("a"))
    assert "Nothing that is recorded has these words" in paged.read("/search?q=zzzzqqq")
    assert "unknown" not in paged.read("/search?q=voucher&kind=nonsense")


def test_all_that_is_asked_is_one_select_on_views_that_snowflakes_reader_may_read(paged: Paged) -> None:
    import sqlglot
    from sqlglot import expressions

    from activity_mcp.warehouse.snowflake.query import checked

    granted = {"INSIGHT_ATOMS", "ARTIFACTS", "VW_ACTIVITY_STREAM", *VIEWS.values()}
    paged.page.answers.forget()
    for path in (
        "/?days=all",
        "/sessions",
        "/tools?tool=Bash",
        "/files",
        "/errors",
        "/insights",
        "/health",
        "/data",
        f"/session/{paged.ids[0]}",
    ):
        paged.read(path)
    asked = list(paged.page.answers._kept)
    assert len(asked) >= 7
    for sql in asked:
        tree = sqlglot.parse_one(checked(sql), read="snowflake")
        inner = {each.alias for each in tree.find_all(expressions.CTE, expressions.Subquery)}
        tables = [table for table in tree.find_all(expressions.Table) if table.db.casefold() != "information_schema"]
        assert {table.name for table in tables} - inner <= granted


@pytest.mark.parametrize(
    ("path", "named"),
    [("/?days=nonsense&page=x", "7 days"), ("/sessions?sessions.page=99999&sessions.sort=nothing", "Sessions")],
)
def test_a_url_that_says_nonsense_shows_the_page_all_the_same(paged: Paged, path: str, named: str) -> None:
    assert named in paged.read(path)


def test_budgets_and_the_subscriptions_limits_are_on_the_overview(tmp_path: Path) -> None:
    environ = {"ACTIVITY_BUDGET_DAY_USD": "2"}
    with Paged({}, tmp_path / "home", more=environ) as paged:
        again = paged.service.clock.time_us() // 1_000_000 + 3600
        past = {"used_percent": 99.0, "resets_at": again - 7200}
        limits = {"five_hour": {"used_percent": 83.0, "resets_at": again}, "seven_day": past}
        paged.log("session_event", session_id="s", event_type="status", limits=limits)
        paged.log("llm_event", model="m", prompt_tokens=1, completion_tokens=1, cost_usd=1.5, cost_source="caller")
        paged.flush()
        said = text_of(paged.read("/"))
        assert "$1.50 of the day's budget of $2.00 are spent (75%)" in said
        assert "83 % of the limit of five hours is used" in said
        assert "99 %" not in said, "a limit that was reset since is not known"


def test_a_session_of_any_length_is_shown_in_light_parts_each_call_once() -> None:
    from activity_mcp.web.views.session import PAGE_CHARS, pages_of

    steps = [{"what": f"call {number} " + "x" * 5_000, "error": "y" * 5_000, "outcome": "failed"} for number in range(400)]
    turns: Any = [
        {"asked": "z" * 9_000, "steps": steps, "concluded": "done"},
        *({"asked": "again " * 400, "steps": [], "concluded": "w" * 9_000} for _ in range(60)),
    ]
    pages = pages_of(turns)
    assert [step for page in pages for turn in page for step in turn["steps"]] == steps
    assert sum(turn["asked"] is not None for page in pages for turn in page) == len(turns)
    assert sum(turn["concluded"] is not None for page in pages for turn in page) == len(turns)
    for page in pages:
        shown = [min(1_500, len(turn[name] or "")) for turn in page for name in ("asked", "concluded")]
        shown += [300 + 500 for turn in page for _ in turn["steps"]]
        assert sum(shown) <= PAGE_CHARS


def test_whose_record_is_shown_is_in_the_url_too(tmp_path: Path) -> None:
    with Paged({}, tmp_path / "home") as paged:
        paged.log("tool_event", tool_name="Mine", success=True)
        paged.service.log("tool_event", {"tool_name": "Theirs", "success": True}, customer="bob@example.com")
        paged.flush()
        assert [row[0] for row in paged.csv("/tools.csv?table=tools")[1:]] == ["Mine"]
        assert {row[0] for row in paged.csv("/tools.csv?table=tools&who=all")[1:]} == {"Mine", "Theirs"}
