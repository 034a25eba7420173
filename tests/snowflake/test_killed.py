"""Exactly once, end to end: flushers killed at any moment, a service that fails at random and dies once in between."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.queue import QueueReader
from lengths import LONG
from snowflake_recording import Recording
from standins.started import IMPATIENCE

KILLS, SHIPPED, LONGEST_S = (10, 150, 300.0) if LONG else (4, 30, 300.0)
FAULTS: tuple[dict[str, Any], ...] = (
    {"place": "rows", "status": 500, "chance": 0.1},
    {"place": "rows", "drop": True, "chance": 0.1},
    {"place": "rows_reply", "status": 503, "chance": 0.15},
    {"place": "rows_reply", "drop": True, "chance": 0.1},
    {"place": "open", "status": 409, "chance": 0.1},
    {"place": "status", "status": 503, "chance": 0.05},
)
FLUSHER = """
import json, os, sys
from activity_mcp.activity import Origin
from activity_mcp.errors import WarehouseError
from activity_mcp.pipeline.flusher import Flusher
from activity_mcp.warehouse.snowflake.connection import NamedConnection
from activity_mcp.warehouse.snowflake import snowpipe
from activity_mcp.warehouse.snowflake.warehouse import SnowflakeWarehouse
directory, channel, parameters, impatience = json.loads(sys.argv[1])
snowpipe.PATIENCE.update(impatience)
named = NamedConnection("test", parameters)
warehouse = SnowflakeWarehouse(lambda: named, timeout_s=3.0)
flusher = Flusher(directory, channel, warehouse, Origin("ada@example.com", "mcp"))
try:
    warehouse.committed(channel)  # before it is ready: a kill during the imports would show nothing
except WarehouseError:
    pass
os.write(1, b"ready\\n")
while True:
    try:
        flusher.step(max_rows=15)
    except WarehouseError:
        continue
"""


def start(recording: Recording) -> subprocess.Popen[bytes]:
    parameters = recording.service.parameters(recording.database)
    asked = json.dumps([recording.directory, recording.queue.queue_id, parameters, IMPATIENCE])
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        [sys.executable, "-c", FLUSHER, asked], env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.slow
def test_every_acknowledged_event_is_one_row_when_flushers_and_the_service_are_killed(recording: Recording) -> None:
    chance = random.Random(11)
    recording.write(1)
    recording.flush(recording.flusher(recording.warehouse()))  # a channel that has a token, as all but the very first
    for fault in FAULTS:
        recording.service.arm(**fault, times=None)
    began, kills = time.monotonic(), 0
    flusher = start(recording)
    try:
        while kills < KILLS or (len(recording.stored()) < SHIPPED and time.monotonic() - began < LONGEST_S):
            recording.write(chance.randint(20, 60))
            time.sleep(chance.uniform(0.1, 1.0))  # the moment of the kill, not a wait for a result
            flusher.send_signal(signal.SIGKILL)
            flusher.communicate()
            kills += 1
            if kills == 3:
                recording.service.kill()
                recording.service.start()
            flusher = start(recording)
    finally:
        flusher.kill()
        flusher.communicate()
    shipped_under_fire = len(recording.stored())
    recording.service.clear()
    recording.flush(recording.flusher(recording.warehouse()))
    assert Counter(recording.stored()) == Counter(recording.ids)
    offsets = [row["STREAM_OFFSET"] for row in recording.service.rows(recording.database)]
    assert offsets == sorted(set(offsets))
    assert shipped_under_fire > SHIPPED / 2  # or nothing was tested
    end = QueueReader(recording.directory).end()
    assert offsets[-1] == str(end)
    assert Path(recording.directory, "dead").exists() is False
