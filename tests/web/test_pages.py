"""What the pages show of a month of work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import activity_mcp.web
from activity_mcp.usage.sums import read_usage
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
    for path in ("/?days=90", "/sessions?days=all", f"/session/{paged.ids[0]}"):
        html = paged.read(path)
        page = Elements(html)
        extra = sum((static / each["src"].split("/")[-1].split("?")[0]).stat().st_size for each in page.all("script")[1:])
        assert len(html.encode()) + common + extra < 150_000, path
        assert page.all("main")
        assert page.all("h1")
