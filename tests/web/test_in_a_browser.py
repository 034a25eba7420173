"""The page in a real browser: for every reader, on every screen, at whatever was recorded."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from lengths import some
from web.browser import HOSTILE, VIEWS, Visit, environment_of, launch, new_address, overflow, seed_hostile, serving
from web.seed import seed

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from web.seed import Seeded

pytestmark = pytest.mark.first
NARROW, WIDE = 375, 1280


class Shown(NamedTuple):
    environ: dict[str, str]
    address: str
    ids: list[str]

    @property
    def paths(self) -> list[str]:
        return [*VIEWS, f"/session/{self.ids[0]}"] if self.ids else list(VIEWS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from launch()


class Look(NamedTuple):
    """What was found on one view, in a narrow window and then in a wide one."""

    heading: str
    title: str
    too_wide: list[str]
    wrong: list[str]


@pytest.fixture(scope="module")
def month(browser: Browser, seeded_month: Seeded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    environ = environment_of(tmp_path_factory.mktemp("month") / "home")
    shutil.copytree(seeded_month.home, environ["ACTIVITY_HOME"])
    with serving(environ) as address:
        yield Shown(environ, address, seeded_month.ids)


@pytest.fixture(scope="module")
def looked(browser: Browser, month: Shown) -> Iterator[tuple[Visit, dict[str, Look]]]:
    """Every third view once (all of them in `make slow`), in the light, as most of what a look costs is to bring the view up."""
    seen = Visit(browser, new_address(month.environ, month.address), color_scheme="light")
    yield seen, look_at(seen, some(month.paths, 4), (NARROW, WIDE))
    seen.close()


@pytest.fixture(scope="module")
def come_in(browser: Browser, month: Shown) -> Iterator[Visit]:
    """For those who begin by going to a view, which begins it anew: to come in costs twice that."""
    made = Visit(browser, new_address(month.environ, month.address))
    yield made
    made.close()


@pytest.fixture(scope="module")
def small(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A page of three sessions, for those who change something."""
    environ = environment_of(tmp_path_factory.mktemp("small"))
    ids = seed(environ, sessions=3)
    with serving(environ) as address:
        yield Shown(environ, address, ids)


@pytest.fixture(scope="module")
def hostile(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    environ = environment_of(tmp_path_factory.mktemp("hostile"))
    ids = seed_hostile(environ)
    with serving(environ) as address:
        yield Shown(environ, address, ids)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    made: list[Visit] = []

    def come_in(shown: Shown, **options: Any) -> Visit:
        made.append(Visit(browser, new_address(shown.environ, shown.address), **options))
        return made[-1]

    yield come_in
    for each in made:
        each.close()


def seriously_wrong(page: Any) -> list[str]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{each['id']} ({each['impact']}): {each['nodes'][0]['html'][:200]} {each['nodes'][0].get('failureSummary', '')[:300]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


def look_at(seen: Visit, paths: Sequence[str], widths: Sequence[int]) -> dict[str, Look]:
    found = {}
    for path in paths:
        seen.page.set_viewport_size({"width": widths[0], "height": 900})
        page = seen.go(path)
        too_wide = overflow(page)
        for width in widths[1:]:
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            too_wide += overflow(page)
        found[path] = Look(page.locator("h1").first.inner_text(), page.title(), too_wide, seriously_wrong(page))
    return found


@pytest.mark.long
def test_every_view_is_shown_without_an_error_and_asks_nobody_else(looked: tuple[Visit, dict[str, Look]]) -> None:
    seen, found = looked
    assert [path for path, look in found.items() if not look.heading or not look.title.endswith("activity_mcp")] == []
    assert seen.problems == []
    assert seen.elsewhere == []


@pytest.mark.long
def test_nobody_is_shut_out_by_colour_or_structure(looked: tuple[Visit, dict[str, Look]]) -> None:
    assert {path: look.wrong for path, look in looked[1].items() if look.wrong} == {}


@pytest.mark.long
def test_no_view_is_wider_than_the_window(looked: tuple[Visit, dict[str, Look]]) -> None:
    assert {path: look.too_wide for path, look in looked[1].items() if look.too_wide} == {}


@pytest.mark.slow
def test_in_the_dark_and_in_other_widths_it_is_the_same(month: Shown, visit: Callable[..., Visit]) -> None:
    found = look_at(visit(month, color_scheme="dark"), month.paths, (768, 2560))
    assert {path: look for path, look in found.items() if look.too_wide or look.wrong} == {}


@pytest.mark.long
def test_hostile_text_stays_text_on_every_view(hostile: Shown, visit: Callable[..., Visit]) -> None:
    """A few views and sessions of each run; ``test_page_safety`` reads all of them without a browser."""
    seen = visit(hostile, viewport={"width": NARROW, "height": 900})
    for path in [*some(VIEWS, 2), *(f"/session/{session_id}" for session_id in some(hostile.ids, 2))]:
        page = seen.go(path)
        assert page.evaluate("window.hit") is None, path
        assert page.locator("main script, main img, main iframe, [onerror], [onmouseover], a[href^='javascript:']").count() == 0
        assert overflow(page) == [], path
    assert seen.problems == []
    assert seen.elsewhere == []


def test_hostile_text_is_still_legible(hostile: Shown, visit: Callable[..., Visit]) -> None:
    place = list(HOSTILE).index("right to left")
    page = visit(hostile).go(f"/session/{hostile.ids[place]}")
    assert "اختبار الدفع" in page.locator("main").inner_text()


@pytest.mark.long
def test_a_new_home_says_on_every_view_what_to_do(browser: Browser, tmp_path: Path, visit: Callable[..., Visit]) -> None:
    environ = environment_of(tmp_path / "home")
    with serving(environ) as address:
        seen = visit(Shown(environ, address, []))
        for path in some(VIEWS, 3):
            assert len(seen.go(path).locator("main").inner_text()) > 40, path
        assert "activity-mcp install" in seen.go("/").locator("main").inner_text()
        assert seen.problems == []


@pytest.mark.long
def test_every_view_is_whole_without_javascript(month: Shown, visit: Callable[..., Visit]) -> None:
    seen = visit(month, java_script_enabled=False)
    for path in some(month.paths, 2):
        page = seen.go(path)
        if path != "/sql":
            assert page.locator("main table, main .story, main .checks, main .hits, main .empty").count(), path
    page = seen.go("/sql?q=SELECT+40%2B2+AS+answer")
    assert page.locator("#result td").inner_text() == "42"


def test_an_event_of_another_process_appears_by_itself(month: Shown, come_in: Visit) -> None:
    page = come_in.go("/")
    name = "a-tool-that-was-just-used"
    log = [
        sys.executable,
        "-m",
        "activity_mcp",
        "log",
        "tool_event",
        "--feature",
        f"tool_name={name}",
        "--feature",
        "success=true",
    ]
    subprocess.run(log, env=month.environ, check=True, capture_output=True)
    page.wait_for_selector(f"text={name}")


def test_the_keyboard_reaches_everything_and_shows_where_it_is(come_in: Visit) -> None:
    page = come_in.go("/sessions")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page = come_in.go("/sessions")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('tr') !== null")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.keyboard.press("Enter")
    page.wait_for_url("**/session/*")


def test_ctrl_enter_runs_the_statement_and_the_url_has_it(come_in: Visit) -> None:
    page = come_in.go("/sql")
    page.fill("#q", "SELECT 6 * 7 AS answer")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#result td")
    assert page.locator("#result td").inner_text() == "42"
    assert "6+*+7" in page.url


def test_who_wants_no_motion_gets_none(come_in: Visit) -> None:
    come_in.page.emulate_media(reduced_motion="reduce")
    page = come_in.go("/")
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((one) => { const style = getComputedStyle(one);
        return parseFloat(style.transitionDuration) > 0 || style.animationName !== "none"; }).length"""
    )
    come_in.page.emulate_media(reduced_motion="null")
    assert moving == 0


def test_recording_is_paused_and_taken_up_by_two_buttons(small: Shown, visit: Callable[..., Visit]) -> None:
    page = visit(small).go("/data")
    page.click("text=Pause recording")
    assert "Paused since" in page.locator("main").inner_text()
    page.click("text=Record again")
    assert "recording again" in page.locator("main").inner_text()
    assert not Path(small.environ["ACTIVITY_HOME"], "paused").exists()


def test_what_a_person_forgets_is_looked_at_first_and_then_gone(small: Shown, visit: Callable[..., Visit]) -> None:
    seen = visit(small)
    page = seen.go("/data")
    page.fill("input[name=session]", small.ids[0])
    page.click("text=See what would be forgotten")
    assert "This forgets" in page.locator("main").inner_text()
    assert seen.go(f"/session/{small.ids[0]}").locator(".story").count() == 1
    page = seen.go("/data")
    page.fill("input[name=session]", small.ids[0])
    page.click("text=See what would be forgotten")
    page.check("input[name=sure]")
    page.click("button.danger")
    page.wait_for_url("**/data?**")
    assert "are forgotten" in page.locator("main").inner_text()
    page = seen.go(f"/session/{small.ids[0]}")
    assert "No session with the id" in page.locator("main").inner_text()
    assert seen.elsewhere == []
