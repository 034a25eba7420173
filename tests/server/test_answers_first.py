"""What a server gives up so that an answer waits for nothing else that it does: as its process has it, started as ever."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

import pytest

from activity_mcp.pipeline.leader import NICENESS
from activity_mcp.server.run import FULL_COLLECTION_EVERY, SWITCH_INTERVAL_S
from deployed import put_warehouse
from patience import until
from server.wire import ENVIRON, RawClient
from web.site import Site

SERVE = [sys.executable, "-m", "activity_mcp", "serve"]
NOTES_AT_THE_END = """
import gc, json, os, sys

def note_and_exit(code, exit=os._exit):
    with open(os.environ["NOTED"], "w") as file:
        json.dump([sys.getswitchinterval(), gc.get_threshold()[2]], file)
    exit(code)

os._exit = note_and_exit
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A process that writes in the file ``NOTED``, when it ends, what its interpreter was asked for."""
    (tmp_path / "sitecustomize.py").write_text(NOTES_AT_THE_END)
    put_warehouse(tmp_path / "home")
    return {
        "ACTIVITY_HOME": str(tmp_path / "home"),
        "NOTED": str(tmp_path / "noted.json"),
        "PYTHONPATH": f"{tmp_path}:{ENVIRON['PYTHONPATH']}",
    }


def test_over_stdio_no_thread_keeps_the_others_waiting_for_long(environ: dict[str, str]) -> None:
    with RawClient(SERVE, environ) as client:
        client.initialize()
        client.close_input()
        assert client.leave()[0] == 0
    assert json.loads(Path(environ["NOTED"]).read_text()) == [SWITCH_INTERVAL_S, FULL_COLLECTION_EVERY]


def test_over_http_no_thread_keeps_the_others_waiting_for_long(environ: dict[str, str]) -> None:
    with Site("http", environ) as site:
        assert site.url
        site.process.terminate()
        assert site.leave()[0] == 0
    assert json.loads(Path(environ["NOTED"]).read_text()) == [SWITCH_INTERVAL_S, FULL_COLLECTION_EVERY]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority of its own")
def test_the_thread_that_leads_gives_way_and_the_one_that_answers_does_not(environ: dict[str, str]) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    with RawClient(SERVE, environ) as client:
        client.initialize()
        until(lambda: min(19, own + NICENESS) in priorities_of(client.process.pid))
        assert os.getpriority(os.PRIO_PROCESS, client.process.pid) == own


def priorities_of(pid: int) -> set[int]:
    """Those of its threads."""
    found = set()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            found.add(os.getpriority(os.PRIO_PROCESS, int(thread.name)))
    return found
