"""The page in a real browser: whoever looks, on whatever screen, at whatever was recorded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from web.browser import HOSTILE, VIEWS, Visit, environment_of, launch, new_address, overflow, seed_hostile, serving
from web.seed import seed

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("browser")
WIDTHS = (375, pytest.param(768, marks=pytest.mark.slow), 1280, pytest.param(2560, marks=pytest.mark.slow))


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


@pytest.fixture(scope="module")
def month(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    environ = environment_of(tmp_path_factory.mktemp("month"))
    ids = seed(environ, sessions=24)
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


def test_every_view_is_shown_without_an_error_and_asks_nobody_else(month: Shown, visit: Callable[..., Visit]) -> None:
    seen = visit(month)
    for path in month.paths:
        page = seen.go(path)
        assert page.locator("h1").first.count() == 1, path
        assert page.title().endswith("activity_mcp")
    assert seen.problems == []
    assert seen.elsewhere == []


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_nobody_is_shut_out_by_colour_or_structure(month: Shown, visit: Callable[..., Visit], scheme: str) -> None:
    seen = visit(month, color_scheme=scheme, viewport={"width": 1280, "height": 900})
    assert {path: wrong for path in month.paths if (wrong := seriously_wrong(seen.go(path)))} == {}


@pytest.mark.parametrize("width", WIDTHS)
def test_no_view_is_wider_than_the_window(month: Shown, visit: Callable[..., Visit], width: int) -> None:
    seen = visit(month, viewport={"width": width, "height": 900})
    assert {path: wide for path in month.paths if (wide := overflow(seen.go(path)))} == {}


def test_hostile_text_stays_text_on_every_view(hostile: Shown, visit: Callable[..., Visit]) -> None:
    seen = visit(hostile, viewport={"width": 375, "height": 900})
    for path in [*VIEWS, *(f"/session/{session_id}" for session_id in hostile.ids)]:
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


def test_a_new_home_says_on_every_view_what_to_do(browser: Browser, tmp_path: Path, visit: Callable[..., Visit]) -> None:
    environ = environment_of(tmp_path / "home")
    with serving(environ) as address:
        seen = visit(Shown(environ, address, []))
        for path in VIEWS:
            assert len(seen.go(path).locator("main").inner_text()) > 40, path
        assert "activity-mcp install" in seen.go("/").locator("main").inner_text()
        assert seen.problems == []


def test_every_view_is_whole_without_javascript(month: Shown, visit: Callable[..., Visit]) -> None:
    seen = visit(month, java_script_enabled=False)
    for path in month.paths:
        page = seen.go(path)
        if path != "/sql":
            assert page.locator("main table, main .story, main .checks, main .hits, main .empty").count(), path
    page = seen.go("/sql?q=SELECT+40%2B2+AS+answer")
    assert page.locator("#result td").inner_text() == "42"


def test_an_event_of_another_process_appears_by_itself(month: Shown, visit: Callable[..., Visit]) -> None:
    page = visit(month).go("/")
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
    page.wait_for_selector(f"text={name}", timeout=20_000)


def test_the_keyboard_reaches_everything_and_shows_where_it_is(month: Shown, visit: Callable[..., Visit]) -> None:
    page = visit(month).go("/sessions")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page = visit(month).go("/sessions")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('tr') !== null")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.keyboard.press("Enter")
    page.wait_for_url("**/session/*")


def test_ctrl_enter_runs_the_statement_and_the_url_has_it(month: Shown, visit: Callable[..., Visit]) -> None:
    page = visit(month).go("/sql")
    page.fill("#q", "SELECT 6 * 7 AS answer")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#result td")
    assert page.locator("#result td").inner_text() == "42"
    assert "6+*+7" in page.url


def test_who_wants_no_motion_gets_none(month: Shown, visit: Callable[..., Visit]) -> None:
    page = visit(month, reduced_motion="reduce").go("/")
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((one) => { const style = getComputedStyle(one);
        return parseFloat(style.transitionDuration) > 0 || style.animationName !== "none"; }).length"""
    )
    assert moving == 0


def test_recording_is_paused_and_taken_up_by_two_buttons(browser: Browser, tmp_path: Path, visit: Callable[..., Visit]) -> None:
    environ = environment_of(tmp_path / "home")
    seed(environ, sessions=1)
    with serving(environ) as address:
        page = visit(Shown(environ, address, [])).go("/data")
        page.click("text=Pause recording")
        assert "Paused since" in page.locator("main").inner_text()
        page.click("text=Record again")
        assert "recording again" in page.locator("main").inner_text()
        assert not (tmp_path / "home" / "paused").exists()


def test_what_a_person_forgets_is_looked_at_first_and_then_gone(
    browser: Browser, tmp_path: Path, visit: Callable[..., Visit]
) -> None:
    environ = environment_of(tmp_path / "home")
    ids = seed(environ, sessions=3)
    with serving(environ) as address:
        seen = visit(Shown(environ, address, ids))
        page = seen.go("/data")
        page.fill("input[name=session]", ids[0])
        page.click("text=See what would be forgotten")
        assert "This forgets" in page.locator("main").inner_text()
        assert seen.go(f"/session/{ids[0]}").locator(".story").count() == 1
        page.goto(f"{seen.origin}/data")
        page.fill("input[name=session]", ids[0])
        page.click("text=See what would be forgotten")
        page.check("input[name=sure]")
        page.click("button.danger")
        page.wait_for_url("**/data?**")
        assert "are forgotten" in page.locator("main").inner_text()
        page.goto(f"{seen.origin}/session/{ids[0]}")
        assert "No session with the id" in page.locator("main").inner_text()
    assert seen.elsewhere == []
