"""Who may see the page, and what recorded text can do in it: nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.clock import iso
from patience import PATIENCE_S
from web.paged import PORT, TOKEN, Elements, Paged

COOKIE = f"activity-mcp-{PORT}"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\u202egpj.exe \x1b[31m & \"quoted\" 'single'"


def test_nobody_sees_anything_without_having_come_in(paged: Paged) -> None:
    visitor = paged.visitor()
    for path in ("/", "/sessions", "/sessions.csv", f"/session/{paged.ids[0]}", "/live", "/nowhere"):
        answer = visitor.get(path)
        assert answer.status_code == 401, path
        assert "voucher" not in answer.text
        assert paged.ids[0] not in answer.text


def test_the_token_of_the_address_opens_once_and_becomes_a_cookie_that_no_script_reads(paged: Paged) -> None:
    token = paged.page.keys.one_time()
    first, second = paged.visitor(), paged.visitor()
    answer = first.get("/", params={"token": token})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert token not in cookie
    assert first.get("/").status_code == 200
    refused = second.get("/", params={"token": token})
    assert refused.status_code == 403
    assert "set-cookie" not in refused.headers


def test_the_state_directorys_token_opens_by_the_form_and_a_wrong_one_does_not(paged: Paged) -> None:
    visitor = paged.visitor()
    assert visitor.post("/enter", data={"token": "wrong"}).status_code == 403
    assert visitor.get("/").status_code == 401
    assert visitor.post("/enter", data={"token": TOKEN}).status_code == 200
    assert visitor.get("/").status_code == 200


def test_a_program_shows_the_token_as_a_bearer(paged: Paged) -> None:
    assert paged.visitor(Authorization=f"Bearer {TOKEN}").get("/sessions.csv").status_code == 200
    assert paged.visitor(Authorization=f"Bearer {TOKEN}x").get("/sessions.csv").status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8757", ""])
def test_a_page_that_rebinds_its_name_to_loopback_is_refused(paged: Paged, host: str) -> None:
    for path in ("/", "/static/page.css", "/sessions"):
        assert paged.client.get(path, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
def test_another_site_and_another_port_of_this_machine_may_not_ask(paged: Paged, headers: dict[str, str]) -> None:
    assert paged.client.get("/sessions.csv", headers=headers).status_code == 403


def test_a_cookie_of_another_process_or_of_yesterday_opens_nothing(paged: Paged) -> None:
    from activity_mcp.web.gate import SESSION_S, Keys

    now = 0.0
    keys = Keys(TOKEN, now=lambda: now)
    cookie = keys.open_session()
    assert keys.session(cookie) is not None
    assert keys.session("made up") is None
    assert paged.page.keys.session(cookie) is None
    now = SESSION_S + 1
    assert keys.session(cookie) is None


@pytest.mark.parametrize("path", ["/", "/sessions", "/nowhere", "/static/page.js", "/sessions.csv"])
def test_every_answer_forbids_what_the_page_does_not_do(paged: Paged, path: str) -> None:
    headers = paged.client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert path.startswith("/static") or headers["cache-control"] == "no-store"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paged]:
    """A record whose every text wants to be markup."""
    from activity_mcp.clock import SYSTEM_CLOCK
    from activity_mcp.operations.drain import Drainer

    made = Paged({}, tmp_path_factory.mktemp("hostile") / "home")
    now = iso(SYSTEM_CLOCK.time_us())
    origin = made.service.recorder.origin("hook", session_id="<b>s</b>", project=f"/work/{HOSTILE[:60]}")
    events: list[tuple[str, dict[str, Any]]] = [
        ("session_event", {"event_type": "user_prompt", "excerpt": HOSTILE}),
        ("session_event", {"event_type": "title", "title": HOSTILE}),
        ("tool_event", {"tool_name": HOSTILE, "success": False, "error": HOSTILE, "parameters": {"command": HOSTILE}}),
        ("file_event", {"operation": "edit", "file_path": f"/tmp/{HOSTILE}", "success": True}),
        ("llm_event", {"model": HOSTILE, "prompt_tokens": 1, "completion_tokens": 1, "cost_usd": 0.1}),
        ("session_event", {"event_type": "turn_end", "excerpt": HOSTILE}),
    ]
    made.service.recorder.append([made.service.recorder.prepare(name, given, origin, ts=now) for name, given in events])
    Drainer(made.service).drain(PATIENCE_S)
    with made:
        yield made


def views_of(paged: Paged, session: str) -> list[str]:
    """The address of each view, with a session for the one that needs it."""
    return [
        view.path.replace("{session_id:path}", session)
        for view in paged.page._views
        if "{" not in view.path or "session" in view.path
    ]


def test_recorded_text_is_never_markup(hostile: Paged) -> None:
    for path in views_of(hostile, "%3Cb%3Es%3C%2Fb%3E"):
        page = Elements(hostile.read(path))
        assert [script["src"] for script in page.all("script")] == [
            src for script in page.all("script") if (src := script.get("src") or "").startswith("/static/")
        ]
        assert page.all("img") == []
        assert page.all("b") == [each for each in page.all("b") if not each]
        for tag, attributes in page.found:
            assert "style" not in attributes, (path, tag)
            assert not any(name.startswith("on") for name in attributes), (path, tag)
            assert not (attributes.get("href") or "").lower().startswith(("javascript:", "data:")), (path, tag)
        assert "\u202e" not in page.text
        assert "\x1b" not in page.text


def test_no_page_names_another_origin(paged: Paged) -> None:
    for path in views_of(paged, paged.ids[0]):
        for tag, attributes in Elements(paged.read(path)).found:
            for name in ("src", "href", "action"):
                assert not (attributes.get(name) or "").startswith(("http:", "https:", "//")), (path, tag)


def test_the_page_takes_no_lock_of_the_queue_and_writes_no_file(tmp_path: Path) -> None:
    with Paged({}, tmp_path / "home", sessions=2) as paged:
        before = {path: path.stat().st_mtime_ns for path in sorted((tmp_path / "home").rglob("*")) if path.is_file()}
        for path in views_of(paged, paged.ids[0]):
            paged.read(path)
        after = {path: path.stat().st_mtime_ns for path in sorted((tmp_path / "home").rglob("*")) if path.is_file()}
    assert after == before
