"""A real browser on a real page: ``activity-mcp web`` in a process of its own, and Debian's Chromium driven by playwright."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from activity_mcp.bench.registry import own_environment
from activity_mcp.clock import SYSTEM_CLOCK, iso
from activity_mcp.operations.drain import Drainer
from activity_mcp.service import ActivityService
from patience import PATIENCE_S
from web.seed import CUSTOMER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page

VIEWS = ("/", "/sessions", "/tools", "/files", "/errors", "/insights", "/search?q=voucher", "/sql", "/health", "/data")
"""The views that need nothing in their address."""
HOSTILE = {
    "script": '"><script>window.hit=1</script><img src=x onerror="window.hit=1">',
    "attribute": "' onmouseover='window.hit=1' x='",
    "template": "{{ 7*7 }} {% raw %} ${7*7} <%= 7*7 %>",
    "direction": "\u202egnp.exe\u202c \u2066inside\u2069 \u200bnothing\u200b",
    "right to left": "اختبار الدفع عند الخروج — שגיאה בתשלום",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈 deploy 🚀" * 4,
    "long line": "x" * 10_240,
    "long word": "https://example.com/" + "a/" * 2_000,
    "formula": '=HYPERLINK("http://evil.example","click")',
    "control": "\x1b[31mred\x1b[0m \x07 \x00 \x9b2J",
    "markup in SQL": "SELECT '</textarea><script>window.hit=1</script>'",
    "url": "javascript:window.hit=1",
}


def environment_of(home: Path) -> dict[str, str]:
    return own_environment(str(home), os.environ) | {"ACTIVITY_CUSTOMER": CUSTOMER}


@contextmanager
def serving(environ: Mapping[str, str]) -> Iterator[str]:
    """The address of a page of this home, which opens it once."""
    command = [sys.executable, "-m", "activity_mcp", "web", "--port", "0"]
    process = subprocess.Popen(command, env={**os.environ, **environ}, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


def seed_hostile(environ: Mapping[str, str]) -> list[str]:
    """Sessions in which every text is somebody's attempt; their ids."""
    service = ActivityService.from_environ(environ, source="cli")
    try:
        ids = []
        for number, text in enumerate(HOSTILE.values()):
            session_id = f"5e55{number:04x}-0000-4000-8000-000000000000"
            ids.append(session_id)
            origin = service.recorder.origin("hook", session_id=session_id, project=f"/work/{text[:60]}")
            at = SYSTEM_CLOCK.time_us() - 3_600_000_000 * (number + 1)
            given: list[tuple[str, dict[str, Any]]] = [
                ("session_event", {"event_type": "start", "git_branch": text[:100]}),
                ("session_event", {"event_type": "title", "title": text}),
                ("session_event", {"event_type": "user_prompt", "excerpt": text, "length": len(text)}),
                ("tool_event", {"tool_name": "Bash", "success": False, "parameters": {"command": text}, "error": text}),
                ("tool_event", {"tool_name": text[:80], "success": True, "parameters": {text[:40]: text}}),
                ("file_event", {"operation": "edit", "file_path": f"/work/{text}", "success": True}),
                ("sql_event", {"sql": text, "success": False, "error": text}),
                ("llm_event", {"model": text[:60], "prompt_tokens": 10, "completion_tokens": 5}),
                ("session_event", {"event_type": "turn_end", "excerpt": text}),
            ]
            prepared = [
                service.recorder.prepare(name, features, origin, ts=iso(at + 1000 * place))
                for place, (name, features) in enumerate(given)
            ]
            service.recorder.append(prepared)
        Drainer(service).drain(PATIENCE_S)
        return ids
    finally:
        service.close()


def launch() -> Iterator[Browser]:
    """Chromium, or a skip that says what is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--in-process-gpu", "--force-color-profile=srgb"]
        )
        yield browser
        browser.close()


class Visit:
    """A context of the browser that has come in, and what went wrong in it."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        self.origin = "{0.scheme}://{0.netloc}".format(urlsplit(address))
        self.context: BrowserContext = browser.new_context(**options)
        self.context.set_default_timeout(180_000)  # whatever else this machine does
        self.page: Page = self.context.new_page()
        self.problems: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", self._dismiss)
        self.context.on("request", lambda request: self._note(request.url))
        self.page.goto(address)
        self.page.wait_for_selector("main[data-at]")  # by way of the page that turns the token into a cookie

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def _dismiss(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _note(self, url: str) -> None:
        if not url.startswith((self.origin, "data:", "blob:")):
            self.elsewhere.append(url)

    def go(self, path: str) -> Page:
        """The page, once everything on it has come: it is waited for without being drawn, which costs ten times the request."""
        for _ in range(240):
            if "data-pending" not in self.context.request.get(self.origin + path).text():
                break
            self.page.wait_for_timeout(100)
        self._reach(lambda: self.page.goto(self.origin + path))
        self.settle()
        return self.page

    def settle(self) -> None:
        deadline = 240
        while self.page.locator("main[data-pending]").count():
            deadline -= 1
            assert deadline, "the warehouse did not answer"
            self.page.wait_for_timeout(250)
            self._reach(self.page.reload)

    def _reach(self, navigate: Callable[[], object]) -> None:
        """A page without scripts that waits for an answer refreshes itself, which ends a navigation that is under way."""
        from playwright.sync_api import Error

        for _ in range(10):
            try:
                navigate()
                return
            except Error as error:
                if "ERR_ABORTED" not in error.message:
                    raise
        raise AssertionError("the page refreshes itself all the time")

    def close(self) -> None:
        self.context.close()


def overflow(page: Page) -> list[str]:
    """What is wider than the window, and not meant to be scrolled by itself."""
    found: list[str] = page.evaluate(
        """() => document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
        [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1
          && !one.closest(".scroll, .hidden, .skip")).slice(0, 5).map((one) => one.outerHTML.slice(0, 160))"""
    )
    return found


def new_address(environ: Mapping[str, str], address: str) -> str:
    """Another address that opens the same page once, for another visitor: by the token of the state directory."""
    token = Path(environ["ACTIVITY_HOME"], "http-token").read_text().strip()
    return re.sub(r"token=.*", f"token={token}", address)
