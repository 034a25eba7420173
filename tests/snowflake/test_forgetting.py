"""Forgetting where the warehouse is Snowflake: what has not been sent is never sent, and for the rest the SQL is printed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from activity_mcp.__main__ import run
from activity_mcp.warehouse.snowflake.connection import NamedConnection
from standins.started import StandIn


def test_what_is_queued_never_reaches_it_and_what_did_is_shown_as_sql(
    snowflake: StandIn, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for variable in [known for known in os.environ if known.startswith(("ACTIVITY_", "CLAUDE_"))]:
        monkeypatch.delenv(variable)
    for variable, value in (("HOME", str(tmp_path)), ("ACTIVITY_HOME", str(tmp_path / "state")), ("SNOW_CONNECTION", "test")):
        monkeypatch.setenv(variable, value)
    named = NamedConnection("test", snowflake.parameters(database))
    monkeypatch.setattr("activity_mcp.warehouse.snowflake.connection.read_connection", lambda _: named)
    for name in ("first", "quetzal", "last"):
        assert run(["log", "tool_event", "--feature", f"tool_name={name}", "--feature", "success=true"]) == 0
    capfd.readouterr()
    assert run(["forget", "--match", "quetzal"]) == 0
    reported = capfd.readouterr().out
    assert "0 rows of the warehouse and 1 events still in the queue forgotten" in reported
    assert "DELETE FROM CLAUDE_STREAM_V2" in reported
    sent = [json.dumps(row) for row in snowflake.rows(database)]
    assert len(sent) == 3  # the other two, and the note that something was forgotten
    assert not [row for row in sent if "quetzal" in row]
    assert not [path for path in (tmp_path / "state").rglob("*") if path.is_file() and b"quetzal" in path.read_bytes()]
