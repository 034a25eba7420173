"""``activity_mcp.Client``, as docs/python.md shows it to a program."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import activity_mcp
from activity_mcp import ActivityError, Client

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"ACTIVITY_HOME": str(tmp_path / "home"), "HOME": str(tmp_path), "ACTIVITY_CUSTOMER": "maya@example.com"}


def test_what_a_program_logs_is_in_the_context_it_asks_for_at_once(environ: dict[str, str], tmp_path: Path) -> None:
    project = tmp_path / "orders"
    project.mkdir()
    with Client(project=str(project), environ=environ) as client:
        answer = client.log("sql_event", {"sql": "SELECT 1", "success": False, "error": "no such table"}, activity_id="mine")
        assert answer == {"activity_id": "mine", "accepted": True, "durable": True, "degraded": False}
        known = client.context(up_to_date=True)
        assert (known["customer"], known["project"], known["freshness"]) == ("maya@example.com", str(project), "fresh")
        assert [error["error"] for error in known["context"]["recent_errors"]] == ["no such table"]
        assert client.query("SELECT activity_id, source, project FROM VW_SQL_EVENTS")["rows"] == [["mine", "cli", str(project)]]


def test_what_was_recorded_is_found_again_by_its_words(environ: dict[str, str], tmp_path: Path) -> None:
    with Client(project=str(tmp_path), environ=environ) as client:
        client.log("sql_event", {"sql": "SELECT * FROM warehouse_of_oranges", "success": False, "error": "no such table"})
        client.log("sql_event", {"sql": "SELECT 1", "success": True})
        client.flush()
        found = client.search("warehouse_of_oranges", kind="failed")
        assert [(hit["kind"], hit["project"], hit["failed"]) for hit in found["hits"]] == [("sql", str(tmp_path), True)]
        assert client.search("pears")["total"] == 0


def test_the_same_id_counts_once_however_often_it_is_sent(environ: dict[str, str]) -> None:
    with Client(environ=environ) as client:
        for _ in range(3):
            client.log("tool_event", {"tool_name": "deploy", "success": True}, activity_id="deploy-7")
        client.flush()
        assert client.query("SELECT COUNT(*) FROM VW_TOOL_EVENTS")["rows"] == [[1]]
        assert client.flush() == 0


def test_what_breaks_its_schema_is_an_error_of_the_package_and_changes_nothing(environ: dict[str, str]) -> None:
    with Client(environ=environ) as client:
        with pytest.raises(ActivityError, match="tool_name"):
            client.log("tool_event", {"success": True})
        assert client.flush() == 0


def test_a_customer_given_once_is_meant_in_every_call(environ: dict[str, str]) -> None:
    with Client(customer="team-a", environ=environ) as client:
        client.log("tool_event", {"tool_name": "deploy", "success": True})
        assert client.context(up_to_date=True)["customer"] == "team-a"
        assert client.query("SELECT customer FROM VW_TOOL_EVENTS")["rows"] == [["team-a"]]


def test_the_names_that_are_public_are_loaded_when_they_are_used() -> None:
    assert set(activity_mcp.__all__) == {"__version__", "ActivityError", "Client"}
    code = "import sys, activity_mcp; before = 'activity_mcp.service' in sys.modules; activity_mcp.Client; print(before)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
    with pytest.raises(AttributeError, match="no_such_name"):
        activity_mcp.no_such_name  # noqa: B018


def test_every_public_method_says_what_it_takes_and_gives() -> None:
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        if not name.startswith("_"):
            signature = inspect.signature(method)
            assert method.__doc__, name
            assert "" not in [parameter.annotation for parameter in signature.parameters.values()], name
            assert signature.return_annotation is not inspect.Signature.empty, name


@pytest.mark.skipif(not PAGE.exists(), reason="the documents are not part of the wheel; run from a checkout")
def test_the_programs_on_its_page_run(environ: dict[str, str]) -> None:
    programs = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ACTIVITY_", "CLAUDE_"))}
    said = [
        subprocess.run([sys.executable, "-c", program], env=kept | environ, capture_output=True, text=True, check=True).stdout
        for program in programs
    ]
    assert "fresh" in said[0]
    assert "[['backfill', 1]]" in said[0]
    assert "tool_name" in said[1]
