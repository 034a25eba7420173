"""The page over a large record: its first byte, its weight, what it asks while nobody looks, and whether get_context feels it.

The record is that of ``growth``; the page is ``activity-mcp web`` in a process of its own, asked over loopback as a browser
asks, for the sums of everybody over all days, which is the most that a page can want. First paint is measured where playwright
and a Chromium are on this machine.
"""

from __future__ import annotations

import http.client
import re
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .growth import fill
from .loop import SERVER
from .measured import Measured, against, bounded, percentile
from .raw_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ACTIVITIES = 1_000_000
MOST = "/?who=all&days=all"
PAGES = 10
MAX_WEIGHT_KB, MAX_PAINT_MS = 150, 500
_STATEMENTS = re.compile(r"asked the warehouse ([\d,]+) time")
_STATIC = re.compile(r'(?:src|href)="(/static/[^"]+)"')
_CUSTOMER = "customer-1"


def measure(
    environ: Mapping[str, str], *, activities: int = ACTIVITIES, looks: int = 100, rest_s: float = 10.0
) -> list[Measured]:
    mine = {**environ, "ACTIVITY_CUSTOMER": _CUSTOMER}
    fill(mine, activities)
    with _served(mine) as visitor:
        cold = visitor.first_byte(MOST)
        visitor.until_answered(MOST)
        warm = [visitor.first_byte(MOST) for _ in range(looks)]
        weight = visitor.weight("/")
        visitor.until_answered("/")
        asked = visitor.statements()
        time.sleep(rest_s)
        return [
            bounded(f"overview, first byte, p95 warm, {activities:,} activities", percentile(warm, 0.95), "ms", below=100),
            bounded("overview, first byte, just started", cold, "ms", below=500),
            bounded("overview, weight with its script, style and icon", weight / 1000, "kB", below=MAX_WEIGHT_KB),
            bounded(f"statements in {rest_s:g} s while nobody looks", visitor.statements() - asked, "", below=1),
            *_painted(visitor),
            _beside(mine, visitor, looks * 3),
        ]


class Visitor:
    """Asks a page of ``address`` as a browser does that has come in."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.host, self.port = parts.hostname or "", parts.port or 0
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self._cookie = ""
        answer = self._ask(f"{parts.path}?{parts.query}")
        self._cookie = (answer.getheader("set-cookie") or "").partition(";")[0]

    def _ask(self, path: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        connection.request("GET", path, headers={"Cookie": self._cookie} if self._cookie else {})
        return connection.getresponse()

    @property
    def cookie(self) -> str:
        return self._cookie

    def text(self, path: str) -> str:
        return self._ask(path).read().decode()

    def first_byte(self, path: str) -> float:
        """Milliseconds from a new connection to the first byte of the answer's body."""
        began = time.perf_counter()
        answer = self._ask(path)
        answer.read(1)
        took = (time.perf_counter() - began) * 1000
        answer.read()
        return took

    def until_answered(self, path: str, within_s: float = 120.0) -> None:
        deadline = time.monotonic() + within_s
        while "data-pending" in self.text(path):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{path} was not answered within {within_s:g} s")
            time.sleep(0.2)

    def weight(self, path: str) -> int:
        """Bytes of the page and of what it loads."""
        page = self.text(path)
        return len(page.encode()) + sum(len(self._ask(name).read()) for name in dict.fromkeys(_STATIC.findall(page)))

    def statements(self) -> int:
        """How many the page has asked since it started; asking this asks nothing."""
        found = _STATEMENTS.search(self.text("/no-such-page"))
        if found is None:
            raise RuntimeError("the page does not say what it has asked")
        return int(found[1].replace(",", ""))

    def listen(self) -> http.client.HTTPResponse:
        """An open page: the stream that says when something changed."""
        return self._ask("/live")


@contextmanager
def _served(environ: Mapping[str, str]) -> Iterator[Visitor]:
    process = subprocess.Popen(
        [sys.executable, "-m", SERVER, "web", "--port", "0"],
        env=dict(environ), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield Visitor(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.wait(30)


def _beside(environ: Mapping[str, str], visitor: Visitor, calls: int) -> Measured:
    """get_context with and without ten open pages, in turns; 95th percentiles."""
    times: dict[bool, list[float]] = {True: [], False: []}
    with RawClient(SERVER, ["serve"], environ=environ) as client:
        client.timed("get_context", {"max_bytes": 2048})
        for turn in range(6):
            is_open = bool(turn % 2)
            with ExitStack() as opened:
                if is_open:
                    for _ in range(PAGES):
                        opened.callback(visitor.listen().close)
                times[is_open] += [client.timed("get_context", {"max_bytes": 2048}) for _ in range(calls // 6)]
    with_pages, without = percentile(times[True], 0.95), percentile(times[False], 0.95)
    return against(f"get_context p95 while {PAGES} pages are open", with_pages, without, "ms", at_most=1.2)


def _painted(visitor: Visitor) -> list[Measured]:
    """The first paint in a browser, the median of five; nothing where there is none."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return []
    if found is None:
        return []
    name, _, value = visitor.cookie.partition("=")
    times = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for _ in range(5):
            context = browser.new_context()
            context.add_cookies([{"name": name, "value": value, "url": visitor.origin}])
            page = context.new_page()
            page.goto(visitor.origin + "/")
            page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
            times.append(float(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")))
            context.close()
        browser.close()
    return [bounded("overview, first paint in Chromium", percentile(times, 0.5), "ms", below=MAX_PAINT_MS)]
