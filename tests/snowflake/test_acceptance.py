"""The script that a user with an account starts: it runs, and against the stand-in it shows what a stand-in can."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from patience import PATIENCE_S
from standins.started import StandIn

SCRIPT = Path(__file__).parents[2] / "tools" / "accept_snowflake.py"
SHOWN_HERE = [
    "a batch is committed",
    "a killed flusher leaves every event stored once",
    "the committed token is the highest offset stored",
    "the typed view shows the rows",
    "CONTEXT_CACHE follows, by the task",
    "the change indicator answers",
    "the reader's role may not write",
    "a second opener fences the first",
]


def test_the_acceptance_script_shows_what_the_stand_in_can_and_fails_on_the_rest(
    snowflake: StandIn, database: str, tmp_path: Path
) -> None:
    environ = os.environ | snowflake.environ(tmp_path / "snow", database)
    environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, str(SCRIPT), "--events", "300", "--json"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 5, done.stderr
    document = json.loads(done.stdout)
    results = {outcome["check"]: (outcome["result"], outcome["reported"]) for outcome in document["checks"]}
    assert {name: results[name] for name in SHOWN_HERE if results[name][0] != "ok"} == {}
    assert len(results) == 12
    assert document["clean_up"].startswith(f"DELETE FROM {database}.ACTIVITIES.CLAUDE_STREAM_V2 WHERE customer = 'acceptance-")
