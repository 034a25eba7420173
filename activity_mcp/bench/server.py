"""Many sessions at once, as on a busy developer's machine: servers over stdio on one state directory, each with its own client.

Each client asks ``get_context`` at a steady pace and logs events in between, both over the one pipe it has. In the end all
servers leave, the queue is drained, and every event that was acknowledged is looked for in the warehouse.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ..operations.drain import Drainer
from ..service import ActivityService
from .measured import Measured, bounded, percentile
from .raw_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVER = "activity_mcp"
PROJECT = "/work/bench-server"


class Driver:
    """One client's thread: what it measured, what failed, which events were acknowledged."""

    def __init__(self, number: int, client: RawClient, calls_per_s: float, events_per_s: float) -> None:
        self.times_ms: list[float] = []
        self.failures: list[str] = []
        self.acknowledged: list[str] = []
        self.elapsed_s = 0.0
        self._number = number
        self._client = client
        self._pause_s = 1 / calls_per_s
        self._events_per_call = events_per_s / calls_per_s

    def run(self, seconds: float) -> None:
        began = due = time.perf_counter()
        unlogged, logged = self._number / 8, 0  # so that the clients do not log all at the same moment
        while due - began < seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
            self._ask()
            unlogged += self._events_per_call
            if unlogged >= 1:
                unlogged, logged = unlogged - 1, logged + 1
                self._log(f"bench-server-{self._number}-{logged}")
            due += self._pause_s
        self.elapsed_s = time.perf_counter() - began

    def _ask(self) -> None:
        try:
            self.times_ms.append(self._client.timed("get_context", {"max_bytes": 2048}))
        except (RuntimeError, OSError) as error:
            self.failures.append(str(error))

    def _log(self, activity_id: str) -> None:
        features = {"tool_name": "Bench", "success": True, "latency_ms": len(self.times_ms) % 97}
        event = {"event_name": "tool_event", "feature_json": features, "project": PROJECT, "activity_id": activity_id}
        try:
            answer = self._client.call("log_event", event)["structuredContent"]
            if answer["durable"]:
                self.acknowledged.append(activity_id)
            else:
                self.failures.append(f"log_event: {answer}")
        except (RuntimeError, OSError) as error:
            self.failures.append(str(error))


def measure(
    environ: Mapping[str, str], *, servers: int = 8, calls: float = 50.0, events: float = 100.0, seconds: float = 10.0
) -> list[Measured]:
    """``calls`` a second of each server, ``events`` a second of all together, for ``seconds``."""
    with ThreadPoolExecutor(servers) as pool:
        clients = list(pool.map(lambda _: RawClient(SERVER, ["serve"], environ=environ), range(servers)))
        drivers = [Driver(number, client, calls, events / servers) for number, client in enumerate(clients)]
        try:
            _settle(clients[0])
            list(pool.map(lambda driver: driver.run(1.0), drivers))  # the first calls import what they need
            for driver in drivers:
                driver.times_ms.clear()
            list(pool.map(lambda driver: driver.run(seconds), drivers))
        finally:
            list(pool.map(lambda client: client.__exit__(), clients))
    times = [took for driver in drivers for took in driver.times_ms]
    failures = [failure for driver in drivers for failure in driver.failures]
    acknowledged = {activity_id for driver in drivers for activity_id in driver.acknowledged}
    rate = len(times) / max(driver.elapsed_s for driver in drivers)
    least = 0.95 * servers * calls
    load = f"{servers} servers, {calls:g} calls/s each, {events:g} events/s"
    return [
        bounded(f"get_context p95, {load}", percentile(times, 0.95), "ms", below=25),
        Measured("   p50", percentile(times, 0.5), "ms"),
        Measured("   p99", percentile(times, 0.99), "ms"),
        Measured("   answered", rate, "calls/s", target=f"≥ {least:g} calls/s", met=rate >= least),
        bounded(f"   failed calls{': ' + failures[0][:80] if failures else ''}", len(failures), "calls", below=1),
        bounded(f"   lost of {len(acknowledged):,} acknowledged events", lost(environ, acknowledged), "events", below=1),
    ]


def _settle(client: RawClient) -> None:
    """Until the first flush, which makes the warehouse, is over."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and client.call("get_context", {})["structuredContent"]["freshness"] != "fresh":
        time.sleep(0.1)


def lost(environ: Mapping[str, str], acknowledged: set[str]) -> int:
    """How many of them are not in the warehouse once the queue is drained, each exactly once."""
    service = ActivityService.from_environ(environ, source="cli")
    try:
        Drainer(service).drain(120)
        found = service.query(
            "SELECT activity_id FROM VW_ACTIVITY_STREAM WHERE activity_id LIKE 'bench-server-%'", max_rows=len(acknowledged) + 1
        )
    finally:
        service.close()
    stored = [row[0] for row in found.rows]
    if len(stored) != len(set(stored)):
        raise RuntimeError(f"{len(stored) - len(set(stored))} events are in the warehouse twice")
    return len(acknowledged - set(stored))
