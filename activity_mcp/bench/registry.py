"""The benchmarks by name, and how they are run: each in a home of its own, one after the other."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import tempfile
import time
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..clock import SYSTEM_CLOCK, iso
from ..errors import InvalidInput
from ..fs import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .measured import Measured

    Measure = Callable[..., list[Measured]]

BENCHMARKS: dict[str, str] = {
    "transcripts": "peak memory of importing 100 MB of transcript beside 10 MB",
    "snowpipe": "rows through Snowpipe Streaming's SDK, the memory of a backlog, an hour without the service (from a checkout)",
    "hook": "a hook as a whole process beside `python -c pass`, twenty at once, redaction of 10 KB",
    "redaction": "what 10 KB of each kind of text cost to redact, 1 MB, and hostile texts",
    "queue": "a durable append beside a bare write, four processes beside one, a takeover, coming back after a crash",
    "start": "starting, the first answer, a durable log_event, and resting, beside the SDK's bare server",
    "commands": "what short commands cost of the processor beside `python -c pass`",
    "growth": "answers, flushes, folds, metrics, contexts anew over a thousand and a million activities; about four minutes",
    "search": "search over a million activities, through MCP and by command; the index's size and its part of a flush",
    "provenance": "a question over a million activities, and its way to an insight that another server shows",
    "usage": "a batch of Claude Code's exporter until it is durable, and `usage daily` over a million activities",
    "rows": "1,000 and 10,000 events beside DuckDB's appender alone, 100,000 that wait, and a minute as fast as it goes",
    "server": "8 servers on one state directory, each asked 50 times a second while 100 events a second are logged",
    "recall": "whether the next session is given what it needs: coverage and noise beside three baselines",
    "web": "the page over a million activities: first byte, weight, rest, and get_context while ten are open",
    "loop": "get_context beside a tool that does nothing, an event's way to another server, a flush",
}
"""Name → what it measures. The module of that name in this package has ``measure(environ)``."""
BY_NAME_ONLY = frozenset(("snowpipe", "provenance", "search", "usage", "web"))
"""Those that take minutes or need a checkout: they run when they are asked for."""

OVER_SESSIONS = "recall"

_OURS = ("ACTIVITY_", "QUEUE_DIR", "SNOW_CONNECTION", "BACKPRESSURE_THRESHOLD", "MAX_QUEUE_SIZE", "CLAUDE_")
_PACKAGES = ("duckdb", "mcp", "orjson", "snowpipe-streaming", "snowflake-connector-python")


def chosen(names: Sequence[str]) -> list[str]:
    """The benchmarks of these names; without any, all that need not be named. Raises InvalidInput for an unknown name."""
    for name in names:
        if name not in BENCHMARKS:
            raise InvalidInput(f"there is no benchmark {name[:60]!r}", hint=f"one of {', '.join(BENCHMARKS)}")
    return list(dict.fromkeys(names)) or [name for name in BENCHMARKS if name not in BY_NAME_ONLY]


def measure(name: str, environ: Mapping[str, str], *, place: str | None = None, sessions: str | None = None) -> list[Measured]:
    """Run one benchmark in a new directory under ``place`` (default: the system's), which is removed afterwards.

    ``sessions``: a directory of transcripts, for the one that measures over them (``OVER_SESSIONS``).
    """
    run: Measure = importlib.import_module(f"{__package__}.{name}").measure
    directory = tempfile.mkdtemp(prefix=f"activity-mcp-bench-{name}-", dir=place)
    try:
        given = own_environment(directory, environ)
        return partial(run, sessions=sessions)(given) if sessions is not None and name == OVER_SESSIONS else run(given)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def own_environment(directory: str, environ: Mapping[str, str]) -> dict[str, str]:
    """``environ`` without our variables: a home in ``directory`` and the embedded warehouse."""
    return {name: value for name, value in environ.items() if not name.startswith(_OURS)} | {"ACTIVITY_HOME": directory}


def machine(place: str | None = None) -> dict[str, Any]:
    """What the numbers depend on: processor, memory, system, Python, versions, and the file system that was measured."""
    return {
        "cpus": os.cpu_count(),
        "cpu": _named_in("/proc/cpuinfo", "model name"),
        "memory": _named_in("/proc/meminfo", "MemTotal"),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "file_system": LOCAL.type_of(place or tempfile.gettempdir()),
        "python": platform.python_version(),
        "versions": {"activity-mcp": __version__, **_versions()},
    }


def document(
    rows: Mapping[str, Sequence[Measured]], failed: Mapping[str, str], started: float, place: str | None
) -> dict[str, Any]:
    """The one JSON document of a run: machine, time, and every row under the name of its benchmark."""
    return {
        "version": 1,
        "at": iso(SYSTEM_CLOCK.time_us()),
        "elapsed_s": round(time.monotonic() - started, 1),
        "machine": machine(place),
        "rows": [
            {"bench": name, **{member: getattr(row, member) for member in row.__slots__}}
            for name, measured in rows.items()
            for row in measured
        ],
        "failed": dict(failed),
    }


def _named_in(path: str, name: str) -> str | None:
    """The value of the first ``name : value`` in one of Linux's lists; None elsewhere."""
    try:
        lines = LOCAL.read(path).decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
