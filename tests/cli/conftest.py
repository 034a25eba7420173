"""Commands run in the process of the tests, on a state directory of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from activity_mcp.__main__ import run
from cli.outcome import Call, Outcome


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("ACTIVITY_", "CLAUDE_")) or name in (
            "QUEUE_DIR",
            "SNOW_CONNECTION",
            "MAX_QUEUE_SIZE",
            "BACKPRESSURE_THRESHOLD",
        ):
            monkeypatch.delenv(name)
    state = tmp_path / "state"
    monkeypatch.setenv("ACTIVITY_HOME", str(state))
    monkeypatch.setenv("ACTIVITY_CUSTOMER", "ada@example.com")
    monkeypatch.setenv("HOME", str(tmp_path))
    return state


@pytest.fixture
def call(home: Path, capfd: pytest.CaptureFixture[str]) -> Call:
    def call(*arguments: str) -> Outcome:
        capfd.readouterr()
        code = run(list(arguments))
        return Outcome(code, *capfd.readouterr())

    return call
