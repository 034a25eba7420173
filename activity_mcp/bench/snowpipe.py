"""The writer to Snowflake on the genuine SDK, against the stand-in of this project's tests.

rate      events per second through the sink, from rows to the committed token, with a backlog waiting; and with what comes
          before it, from the queue's lines
memory    what draining it adds to a process whose SDK has sent a batch before
outage    an hour without the service, on a simulated clock: the CPU the leader spends, how long an append takes meanwhile, and
          whether everything is stored once it is back

What Snowflake itself takes cannot be measured here; this is the client's side, with the service on the same machine. The
stand-in lives with the tests, so this runs from a checkout or an unpacked source distribution, not from a wheel.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from .measured import Measured, against, bounded

if TYPE_CHECKING:
    from collections.abc import Mapping

TARGET_RATE = 5_000
TARGET_MB = 64.0
TARGET_CPU_S = 36.0
"""One hundredth of one core."""


def measure(
    environ: Mapping[str, str], *, events: int = 100_000, outage_s: float = 3600.0, outage_events: int = 2_000
) -> list[Measured]:
    """Each in a process of its own. Raises InvalidInput where the stand-in is not there."""
    home, tests = environ["ACTIVITY_HOME"], _tests()
    drained = _run(tests, environ, {"what": "drain", "home": f"{home}/drain", "events": events})
    outage = {"what": "outage", "home": f"{home}/outage", "events": outage_events, "outage_s": outage_s}
    outlived = _run(tests, environ, outage)
    rate, stored = drained["stored"] / drained["in_sink_s"], outlived["stored"]
    wanted = f"≥ {TARGET_RATE:,} events/s"
    return [
        Measured(f"through the sink, {events:,} waiting", rate, "events/s", target=wanted, met=rate >= TARGET_RATE),
        Measured("from the queue's lines", drained["stored"] / drained["elapsed_s"], "events/s"),
        Measured("the SDK's own memory", drained["sdk_mb"], "MB"),
        bounded("memory beyond it while they drain", drained["grown_mb"], "MB", below=TARGET_MB),
        bounded(f"{outage_s:,.0f} s without the service: CPU", outlived["cpu_s"], "s", below=TARGET_CPU_S * outage_s / 3600),
        Measured("attempts in that time", outlived["attempts"], "attempts"),
        against(
            "log_event meanwhile, beside a bare write and fdatasync",
            outlived["append_ms"],
            outlived["bare_write_ms"],
            "ms",
            at_most=4,
        ),
        Measured("stored after its return", stored, "events", target=f"{outage_events:,}", met=stored == outage_events),
    ]


def _tests() -> str:
    """The directory of the tests, which hold the stand-in."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for checkout in (os.path.dirname(package), os.getcwd()):
        if os.path.isdir(os.path.join(checkout, "tests", "standins")):
            return os.path.join(checkout, "tests")
    raise InvalidInput(
        "bench snowpipe needs the stand-in for Snowflake, which lives with the tests and not in an installed package",
        hint="run it in a checkout: pip install -e '.[test,snowflake]'; activity-mcp bench snowpipe",
    )


def _run(tests: str, environ: Mapping[str, str], request: dict[str, Any]) -> dict[str, Any]:
    paths = [tests, *(path for path in sys.path if path)]
    child = subprocess.run(
        [sys.executable, "-m", f"{__package__}.snowpipe_process", json.dumps(request)],
        env=dict(environ) | {"PYTHONPATH": os.pathsep.join(paths), "ACTIVITY_HOME": request["home"]},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    return found
