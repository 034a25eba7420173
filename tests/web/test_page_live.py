"""The page as a process of its own, beside ``/mcp``, and while something happens."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from activity_mcp.web.live import NewestEvents, Stream
from patience import PATIENCE_S
from server.wire import ENVIRON
from web.paged import Paged
from web.site import Site


def get(url: str, **headers: str) -> tuple[int, dict[str, str], str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


@contextlib.contextmanager
def listening(url: str, cookie: str) -> Iterator[http.client.HTTPResponse]:
    """The stream of changes, as an open page has it."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/live", headers={"Cookie": cookie})
        yield connection.getresponse()
    finally:
        connection.close()


def test_the_command_prints_an_address_that_opens_once_and_a_signal_ends_it(tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="needs the extra: pip install 'activity-mcp[web]'")
    environ = {**ENVIRON, "ACTIVITY_HOME": str(tmp_path), "ACTIVITY_CUSTOMER": "me@example.com"}
    command = [sys.executable, "-m", "activity_mcp", "web", "--port", "0"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            address = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=\S{20,}", address)
            status, headers, _ = get(address)
            assert status == 200
            cookie = headers["set-cookie"].split(";")[0]
            assert get(address)[0] == 403
            status, _, page = get(address.split("?")[0], Cookie=cookie)
            assert (status, "Nothing is recorded yet" in page) == (200, True)
            with listening(address, cookie) as stream:
                assert stream.readline() == b"retry: 2000\n"
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE_S) == 0
            assert process.stderr
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()


def test_the_page_is_at_the_root_beside_the_protocol_with_the_same_token(tmp_path: Path) -> None:
    with Site("http", {"ACTIVITY_HOME": str(tmp_path), "ACTIVITY_CUSTOMER": "me@example.com"}) as site:
        assert site.ask("GET", "/", with_token=False).status == 401
        page = site.ask("GET", "/")
        assert page.status == 200
        assert b"Overview" in page.body
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert site.ask("GET", "/", headers={"Host": "evil.example"}).status == 421
        assert site.ask("POST", "/mcp", b"{}", with_token=False).status == 401
        site.initialize()
        site.process.send_signal(signal.SIGTERM)
        assert site.leave()[0] == 0


def test_without_the_extra_one_line_names_it_and_the_protocol_is_served(tmp_path: Path) -> None:
    (tmp_path / "jinja2.py").write_text("raise ImportError")
    code = (
        "import importlib.util, sys; found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'jinja2' else found(name, *rest)\n"
        "from activity_mcp.__main__ import run; sys.exit(run(sys.argv[1:]))"
    )
    environ = {**os.environ, "ACTIVITY_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, "-c", code, "web"], env=environ, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "error: the page needs the extra activity-mcp[web]: jinja2"
    with Site("http", {"ACTIVITY_HOME": str(tmp_path / "home")}, starts=(sys.executable, "-c", code)) as site:
        assert site.ask("GET", "/").body.startswith(
            b"the page needs the extra activity-mcp[web]: install 'activity-mcp[web]', with pip"
        )
        site.initialize()


@pytest.mark.anyio
async def test_a_change_is_reported_to_those_who_listen_and_nobody_is_watched_for_else(tmp_path: Path) -> None:
    with Paged({}, tmp_path / "home") as paged:
        stream = paged.page.stream
        assert stream.listeners == 0
        reported = stream.listen(stream.state())
        assert (await anext(reported)).startswith("retry:")
        waiting = asyncio.ensure_future(anext(reported))
        while not stream.listeners:
            await asyncio.sleep(0.01)
        paged.log("tool_event", tool_name="Deploy", success=True)
        assert "event: change" in await asyncio.wait_for(waiting, PATIENCE_S)
        assert "Deploy" in await asyncio.to_thread(paged.read, "/")
        await reported.aclose()
        assert stream.listeners == 0


def test_what_was_recorded_just_now_is_shown_before_any_flush(tmp_path: Path) -> None:
    with Paged({}, tmp_path / "home") as paged:
        paged.log("tool_event", tool_name="Bash", success=False, parameters={"command": "make love"})
        page = paged.read("/")
        assert "make love" in page
        assert "1 event" in page
        assert "activity-mcp flush" in page


def test_the_servers_own_calls_are_no_news(tmp_path: Path) -> None:
    with Paged({}, tmp_path / "home") as paged:
        paged.service.record_call("get_context", 1.0)
        paged.service.call_log.write_to(paged.service.recorder, closing=True)
        events = NewestEvents(paged.service.queue.directory)
        assert events.poll() == 1
        assert events.newest(10) == []
        assert Stream(events).listeners == 0
