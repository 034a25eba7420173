"""Start-up: what is imported before ``initialize`` is answered, when the background work begins, and where logs go."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from activity_mcp.server.logs import configure_logging
from patience import until
from server.wire import ENVIRON, RawClient


def test_importing_the_transports_imports_no_sdk() -> None:
    script = (
        "import sys, activity_mcp.server.run; print([name for name in ('mcp', 'pydantic', 'structlog') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", script], env=ENVIRON, capture_output=True, check=True).stdout == b"[]\n"


def test_the_background_work_starts_after_the_first_answer_on_a_thread_of_its_own(tmp_path: Path) -> None:
    recorded = tmp_path / "recorded.ndjson"
    with RawClient(env={"FAKE_FILE": str(recorded)}) as client:
        assert not recorded.exists()
        client.initialize()
        until(lambda: recorded.exists() and recorded.read_text().endswith("\n"))
    assert json.loads(recorded.read_text()) == {"started": "activity-start"}


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()


@pytest.mark.usefixtures("restored_logging")
def test_logs_are_lines_of_keys_and_values_on_stderr_from_each_library(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning")
    configure_logging("warning")  # twice does not log twice
    structlog.get_logger("ours").warning("it happened", tool="t", count=3)
    structlog.get_logger("ours").info("too quiet")
    logging.getLogger("theirs").error("it %s", "broke")
    captured = capsys.readouterr()
    lines = [line.partition(" ") for line in captured.err.splitlines()]
    assert captured.out == ""
    assert all(stamp.startswith("timestamp='") and stamp.endswith("Z'") for stamp, _, _ in lines)
    assert [rest for _, _, rest in lines] == [
        "level='warning' event='it happened' logger='ours' tool='t' count=3",
        "level='error' event='it broke' logger='theirs'",
    ]


@pytest.mark.usefixtures("restored_logging")
def test_a_log_line_that_cannot_be_written_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logging("warning")
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        structlog.get_logger("ours").warning("lost")
        monkeypatch.setattr(sys, "stderr", None)
        structlog.get_logger("ours").warning("lost")
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())  # so that what is still buffered can go


@pytest.mark.usefixtures("restored_logging")
def test_logs_can_be_one_json_object_a_line_with_the_traceback_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning", "json")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        structlog.get_logger("ours").warning("it happened", tool="t", odd={1}, exc_info=True)
    logging.getLogger("theirs").error("it %s", "broke")
    ours, theirs = map(json.loads, capsys.readouterr().err.splitlines())
    assert ours["exception"].endswith("ValueError: two\nlines")
    assert {name: ours[name] for name in ("level", "event", "logger", "tool", "odd")} == {
        "level": "warning", "event": "it happened", "logger": "ours", "tool": "t", "odd": "{1}",
    }  # fmt: skip
    assert (theirs["level"], theirs["event"], theirs["logger"]) == ("error", "it broke", "theirs")
