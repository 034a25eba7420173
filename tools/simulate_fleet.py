"""How many queues one account carries: the genuine writer on a simulated clock against a model of the service, and sums beyond.

    python tools/simulate_fleet.py [--queues 200] [--minutes 6] [--faults 0.01] [--json]

Each queue is a ``SnowpipeSink``, the code that a server runs, over a model of the SDK in memory: rows are committed 5 to 10 s
after they were sent, as Snowflake documents it, and of a share of the requests the reply is lost. The clock is simulated: an
hour of 200 queues takes half a minute. What it counts is set beside the documented limits; 1,000 and 20,000 queues are the
same numbers multiplied, for queues share nothing but the pipe.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import statistics
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from activity_mcp.errors import OffsetConflict, WarehouseError  # noqa: E402
from activity_mcp.warehouse import Batch, Row  # noqa: E402
from activity_mcp.warehouse.snowflake import snowpipe  # noqa: E402
from activity_mcp.warehouse.snowflake.connection import NamedConnection  # noqa: E402

EVENTS_AN_HOUR = 250
EVENT_BYTES = 800
FLUSH_S = 2.0
COMMIT_S = (5.0, 10.0)
LIMITS = {"channels": 2_000, "requests_a_second_of_a_channel": 10, "bytes_a_second_of_a_channel": 20e6, "pipes": 10}
CREDITS_A_GB, CREDITS_AN_XS_HOUR, RUN_S = 0.0037, 0.9, 10.0


@dataclass
class Service:
    """The pipe: its channels, and what was asked of it by whom and when. One of each request is counted as the SDK sends it."""

    random: random.Random
    faults: float
    now: float = 0.0
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    bytes_sent: int = 0
    tokens: dict[str, str | None] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    openers: Counter[str] = field(default_factory=Counter)

    def asked(self, channel: str, kind: str) -> None:
        self.requests[channel, int(self.now)] += 1
        self.kinds[kind] += 1
        self.now += 0.05


class Failed(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.error_code, self.message = SimpleNamespace(value=code), message


class Channel:
    """One opening of a channel: what it has sent is committed later, or discarded when it is opened again before."""

    def __init__(self, service: Service, name: str) -> None:
        service.asked(name, "open")
        service.openers[name] += 1
        self._service, self._name, self._opening = service, name, service.openers[name]
        self._pending: list[tuple[float, str, int]] = []

    def append_rows(self, rows: list[dict[str, Any]], start: str, end: str) -> None:
        service = self._service
        self._settle()
        service.asked(self._name, "rows")
        service.bytes_sent += EVENT_BYTES * len(rows)
        if service.random.random() < service.faults:
            raise Failed("InvalidChannelError", "the reply was lost (HTTP 503)")
        self._pending.append((service.now + service.random.uniform(*COMMIT_S), end, len(rows)))

    def wait_for_flush(self, timeout: int) -> None:
        pass

    def get_channel_status(self) -> SimpleNamespace:
        self._service.asked(self._name, "status")
        self._settle()
        token = self._service.tokens.get(self._name)
        return SimpleNamespace(
            latest_committed_offset_token=token, status_code="SUCCESS", rows_error_count=0, last_error_message=None
        )

    def close(self, **options: Any) -> None:
        self._settle()
        self._pending.clear()  # what is not committed is discarded by the next opening

    def _settle(self) -> None:
        service = self._service
        while self._pending and self._pending[0][0] <= service.now and service.openers[self._name] == self._opening:
            _, token, rows = self._pending.pop(0)
            service.tokens[self._name] = token
            service.rows[self._name] += rows


class Client:
    def __init__(self, service: Service) -> None:
        self._service = service

    def open_channel(self, name: str) -> tuple[Channel, SimpleNamespace]:
        channel = Channel(self._service, name)
        return channel, channel.get_channel_status()

    def close(self, **options: Any) -> None:
        pass


@dataclass
class Queue:
    """One developer's machine: events come as they do, and a flush takes what waits."""

    name: str
    sink: snowpipe.SnowpipeSink
    waiting: list[float] = field(default_factory=list)
    number: int = 0
    token: str | None = None
    retries: int = 0
    lags: list[float] = field(default_factory=list)

    def flush(self, service: Service) -> None:
        count, batch = len(self.waiting), self._batch()
        try:
            if self.token is None and self.number == 0:
                self.token = self.sink.committed(self.name)
            self.sink.append(batch)
        except OffsetConflict as conflict:
            self.token = conflict.found
        except WarehouseError:
            self.retries += 1
            self.token = self.sink.committed(self.name)
        if service.tokens.get(self.name) == batch.offset:
            self.lags += [service.now - at for at in self.waiting[:count]]
            del self.waiting[:count]
            self.number += count
            self.token = batch.offset

    def _batch(self) -> Batch:
        rows = [_row(self.name, self.number + nth) for nth in range(1, len(self.waiting) + 1)]
        return Batch(self.name, self.token, rows[-1].stream_offset, rows)


def _row(channel: str, number: int) -> Row:
    values = dict.fromkeys(Row._fields, "x") | {
        "feature_json": '{"tool_name": "Bash"}',
        "channel_id": channel,
        "stream_offset": f"{1:012d}:{number:012d}:{0:08x}",
    }
    return Row(**values)  # type: ignore[arg-type]  # the columns that are numbers hold none here


def simulate(queues: int, minutes: float, faults: float, seed: int = 1) -> dict[str, Any]:
    """What these queues ask of the service in that time."""
    service = Service(random.Random(seed), faults)
    clock = SimpleNamespace(monotonic=lambda: service.now, sleep=lambda seconds: _pass(service, seconds))
    original = {name: getattr(snowpipe, name) for name in ("time", "_make_client")}
    _put_into(snowpipe, {"time": clock, "_make_client": lambda connection: Client(service)})
    try:
        made = [Queue(f"queue-{n:05d}", snowpipe.SnowpipeSink(_connection, clock=clock)) for n in range(queues)]
        for queue in made:
            _run(queue, service, minutes * 60)
    finally:
        _put_into(snowpipe, original)
    return _summed(service, made, minutes)


def _put_into(module: object, members: dict[str, Any]) -> None:
    for name, value in members.items():
        setattr(module, name, value)


def _run(queue: Queue, service: Service, seconds: float) -> None:
    """One queue's own time from the start: queues share nothing but the counters, whose seconds they fill."""
    events: list[float] = []
    at = service.random.expovariate(EVENTS_AN_HOUR / 3600)
    while at < seconds:
        heapq.heappush(events, at)
        at += service.random.expovariate(EVENTS_AN_HOUR / 3600)
    service.now = service.random.uniform(0, FLUSH_S)
    while events or queue.waiting:
        while events and events[0] <= service.now:
            queue.waiting.append(heapq.heappop(events))
        if queue.waiting:
            queue.flush(service)
        service.now = max(service.now + FLUSH_S, events[0] if events and not queue.waiting else 0.0)


def _pass(service: Service, seconds: float) -> None:
    service.now += seconds


def _connection() -> NamedConnection:
    return NamedConnection("simulated", {"account": "a", "user": "u", "private_key_file": "k"})


def _summed(service: Service, queues: list[Queue], minutes: float) -> dict[str, Any]:
    hours, lags = minutes / 60, sorted(lag for queue in queues for lag in queue.lags)
    stored, sent = sum(service.rows.values()), sum(queue.number for queue in queues)
    return {
        "queues": len(queues),
        "events": sent,
        "stored": stored,
        "lost": sent - stored,
        "requests_an_hour": round(sum(service.kinds.values()) / hours),
        "requests_by_kind": dict(service.kinds),
        "busiest_second_of_a_channel": max(service.requests.values()),
        "megabytes_an_hour": round(service.bytes_sent / 1e6 / hours, 1),
        "retries_an_hour": round(sum(queue.retries for queue in queues) / hours),
        "commit_lag_p50_s": round(statistics.median(lags), 1),
        "commit_lag_p95_s": round(lags[int(len(lags) * 0.95)], 1),
        "credits_an_hour": {
            "rows": round(service.bytes_sent / 1e9 / hours * CREDITS_A_GB, 6),
            "task": round(60 * RUN_S * CREDITS_AN_XS_HOUR / 3600, 2),
        },
    }


def scaled(found: dict[str, Any], queues: int) -> dict[str, Any]:
    """The same for another number of queues, against the documented limits."""
    factor = queues / found["queues"]
    requests = found["requests_an_hour"] * factor / 3600
    return {
        "queues": queues,
        "pipes_needed": -(-queues // LIMITS["channels"]),
        "pipes_there_are": LIMITS["pipes"],
        "requests_a_second": round(requests, 1),
        "busiest_second_of_a_channel": f"{found['busiest_second_of_a_channel']} of {LIMITS['requests_a_second_of_a_channel']}",
        "megabytes_a_second": round(found["megabytes_an_hour"] * factor / 3600, 3),
        "rows_of_a_run": round(found["events"] / found["queues"] * queues / 60 * (60 / (found["minutes"])), 0),
        "credits_an_hour_rows": round(found["credits_an_hour"]["rows"] * factor, 5),
        "credits_an_hour_task": found["credits_an_hour"]["task"],
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queues", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--faults", type=float, default=0.01, help="share of the requests that is lost")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    found = simulate(given.queues, given.minutes, given.faults) | {"minutes": given.minutes}
    result = {"simulated": found, "by the model": [scaled(found, count) for count in (1_000, 20_000)]}
    print(json.dumps(result, indent=None if given.json else 2))
    return 0 if found["lost"] == 0 else 5


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
