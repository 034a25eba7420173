"""What the page does when it is asked to: each of its forms, by those who may and by those who may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from activity_mcp.recording.pause import paused_since
from web.paged import Paged


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Paged]:
    pytest.importorskip("jinja2", reason="needs the extra: pip install 'activity-mcp[web]'")
    with Paged({"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, tmp_path / "home", sessions=2) as made:
        yield made


@pytest.mark.parametrize("action", ["pause", "look", "forget"])
@pytest.mark.parametrize("given", [{}, {"csrf": ""}, {"csrf": "made-up"}, {"csrf": "é" * 32}])
def test_a_form_without_the_token_of_this_page_does_nothing(paged: Paged, action: str, given: dict[str, str]) -> None:
    answer = paged.client.post(f"/data/{action}", data={"match": ".", "sure": "yes", **given})
    assert answer.status_code == 403
    assert paused_since(paged.service.config.home) is None


@pytest.mark.parametrize("action", ["pause", "look", "forget"])
def test_a_link_does_nothing(paged: Paged, action: str) -> None:
    assert paged.client.get(f"/data/{action}").status_code in {404, 405}
    assert paused_since(paged.service.config.home) is None


def test_another_site_may_not_send_a_form_even_with_the_token(paged: Paged) -> None:
    given = {"csrf": paged.csrf("/data")}
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}):
        assert paged.client.post("/data/pause", data=given, headers=headers).status_code == 403
    assert paused_since(paged.service.config.home) is None


@pytest.mark.parametrize("given", [{}, {"session": " "}, {"before": "yesterday"}, {"match": "["}, {"match": ".*"}])
def test_a_selection_that_cannot_be_used_is_refused_with_what_to_write(paged: Paged, given: dict[str, str]) -> None:
    answer = paged.client.post("/data/look", data={"csrf": paged.csrf("/data"), **given})
    assert answer.status_code == 400
    assert "Not here" in answer.text or "nothing" in answer.text


def test_nothing_is_forgotten_that_nobody_is_sure_of(paged: Paged) -> None:
    answer = paged.client.post("/data/forget", data={"csrf": paged.csrf("/data"), "session": paged.ids[0]})
    assert answer.status_code == 400
    assert "Took" in paged.read(f"/session/{paged.ids[0]}")


def test_recording_is_paused_and_taken_up(own: Paged) -> None:
    home = own.service.config.home
    assert own.client.post("/data/pause", data={"csrf": own.csrf("/data")}).status_code == 303
    assert paused_since(home) is not None
    assert "Recording is paused" in own.read("/")
    assert own.client.post("/data/pause", data={"csrf": own.csrf("/data"), "off": "1"}).status_code == 303
    assert paused_since(home) is None


def test_what_was_looked_at_is_forgotten_and_not_shown_from_what_was_asked_before(own: Paged) -> None:
    session = own.ids[0]
    assert "Took" in own.read(f"/session/{session}")
    looked = own.client.post("/data/look", data={"csrf": own.csrf("/data"), "session": session})
    assert "This forgets" in looked.text
    assert "Took" in own.read(f"/session/{session}")
    done = own.client.post("/data/forget", data={"csrf": own.csrf("/data"), "session": session, "sure": "yes"})
    assert "are+forgotten" in done.headers["location"]
    assert "No session with the id" in own.read(f"/session/{session}", 404)


def test_a_statement_that_would_write_is_refused_on_the_page(paged: Paged) -> None:
    said = paged.read("/sql?q=DELETE+FROM+CLAUDE_STREAM_V2")
    assert "did not answer" in said or "refused" in said.lower()
    assert len(paged.csv("/sql.csv?q=SELECT+1+AS+a,+2+AS+a")[0]) == 2


def test_every_check_of_doctor_is_a_light_with_what_to_do(paged: Paged) -> None:
    rows = paged.csv("/health.csv?table=checks")
    assert rows[0] == ["status", "name", "found", "hint"]
    said = paged.read("/health")
    assert all(name in said for _, name, *_ in rows[1:])


def test_what_a_terminal_forgets_the_open_page_forgets_too(own: Paged) -> None:
    from activity_mcp.web.child import run_command

    session = own.ids[1]
    assert "Took" in own.read(f"/session/{session}")
    assert session in own.client.get("/sessions.csv?days=all").text
    run_command(["forget", f"--session={session}", "--json"], own.environ, 60)
    own.read(f"/session/{session}", 404)
    assert session not in own.client.get("/sessions.csv?days=all").text
