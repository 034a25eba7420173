"""What only an account can show, shown: run this once against yours.

    SNOW_CONNECTION=dev python tools/accept_snowflake.py [--events 2000] [--json]

Needs a deployed schema (`activity-mcp deploy`), a connection that can write (docs/snowflake.md), and about two minutes of an XS
warehouse. It records events of a customer of its own, ``acceptance-…``, through the very code a server uses, kills a flusher in
the middle, and then asks Snowflake what it has. It changes no object. At the end it prints the statement that removes its rows.

One line per check: ok, failed, or skipped with the reason. Exit code 5 when one failed, 4 when Snowflake cannot be reached.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from activity_mcp.activity import Origin, build
from activity_mcp.clock import SYSTEM_CLOCK, iso
from activity_mcp.errors import ActivityError, QueryRefused
from activity_mcp.pipeline.flusher import Flusher
from activity_mcp.queue import QueueWriter, open_queue
from activity_mcp.warehouse import Scope
from activity_mcp.warehouse.snowflake.connection import NamedConnection, read_connection
from activity_mcp.warehouse.snowflake.query import READER_ROLE, SnowflakeQueries, become_reader
from activity_mcp.warehouse.snowflake.warehouse import SnowflakeContextSource, SnowflakeWarehouse

CONTEXT_WAIT_S = 90.0


@dataclass
class Outcome:
    check: str
    result: str
    reported: str


class Skipped(Exception):
    """This account cannot show it."""


class Acceptance:
    """The checks share one queue, one customer and one session."""

    def __init__(self, named: NamedConnection, home: str, events: int) -> None:
        self.named = named
        self.schema = f"{named.database}.{named.schema}"
        self.customer = f"acceptance-{uuid.uuid4().hex[:12]}"
        self.events = events
        self.directory = os.path.join(home, "queue")
        self.queue = open_queue(self.directory, sink="acceptance")
        self.origin = Origin(self.customer, "cli", session_id="acceptance", project="/acceptance")
        self.session = named.connect()
        self.committed_at = 0.0

    def checks(self) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "a batch is committed", self.first_batch
        yield "a killed flusher leaves every event stored once", self.killed_flusher
        yield "features are objects, times are what was sent", self.types
        yield "the committed token is the highest offset stored", self.token
        yield "the typed view shows the rows", self.typed_view
        yield "CONTEXT_CACHE follows, by the task", self.context
        yield "the change indicator answers", self.indicator
        yield "and without a running warehouse", self.indicator_alone
        yield "the task is healthy and the stream drains", self.task
        yield "a row the table cannot take is counted and kept", self.left_out
        yield "the reader's role may not write", self.reader
        yield "a second opener fences the first", self.fencing

    # --- writing

    def first_batch(self) -> str:
        self.write(10)
        began = time.monotonic()
        self.flush()
        self.committed_at = time.monotonic()
        return f"10 events in {self.committed_at - began:.1f} s, channel {self.queue.queue_id}"

    def killed_flusher(self) -> str:
        self.write(self.events)
        command = [sys.executable, os.path.abspath(__file__), "--flush", self.directory, "--connection", self.named.name]
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        if child.stdout is None or child.stdout.readline() != b"flushing\n":
            raise AssertionError("the flusher did not start")
        time.sleep(1.5)
        child.send_signal(signal.SIGKILL)
        child.wait()
        began = time.monotonic()
        self.flush()
        (rows, offsets, ids), wanted = (
            self.one(
                "SELECT COUNT(*), COUNT(DISTINCT stream_offset), COUNT(DISTINCT activity_id) FROM {schema}.CLAUDE_STREAM_V2 "
                "WHERE customer = ?"
            ),
            self.events + 10,
        )
        if not rows == offsets == ids == wanted:
            raise AssertionError(f"{wanted} events gave {rows} rows, {offsets} offsets, {ids} ids")
        return f"{wanted} events, {rows} rows, each offset once; the rest took {time.monotonic() - began:.1f} s"

    def left_out(self) -> str:
        from copy import copy

        sink = SnowflakeWarehouse(lambda: self.named)
        try:
            before = sink.left_out(self.queue.queue_id).rows
            self.write(1)
            poisoned = Poisoned(sink)
            Flusher(self.directory, self.queue.queue_id, poisoned, copy(self.origin)).step()
            found = sink.left_out(self.queue.queue_id)
        finally:
            sink.close()
        if found.rows != before + 1 or not os.listdir(os.path.join(self.directory, "dead")):
            raise AssertionError(f"{found.rows - before} rows were counted, {found.message!r}")
        payloads = self.one("SELECT COUNT(*) FROM ERROR_TABLE({schema}.CLAUDE_STREAM_V2)", ())[0]
        return f"{found.message!r}; ERROR_TABLE has {payloads} rows"

    def fencing(self) -> str:
        first, second = SnowflakeWarehouse(lambda: self.named), SnowflakeWarehouse(lambda: self.named)
        try:
            self.write(2)
            old = Flusher(self.directory, self.queue.queue_id, first, self.origin)
            old.step(max_rows=1)
            second.committed(self.queue.queue_id)
            try:
                old.step()
            except ActivityError as error:
                return f"the first was reported: {error.message[:120]}"
            raise AssertionError("the first opener could still write")
        finally:
            first.close()
            second.close()
            self.flush()

    # --- reading

    def types(self) -> str:
        kind, sent, stored = self.one(
            'SELECT TYPEOF(feature_json), feature_json:sent::VARCHAR, TO_VARCHAR(ts, \'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"\') '
            "FROM {schema}.CLAUDE_STREAM_V2 WHERE customer = ? ORDER BY stream_offset LIMIT 1"
        )
        if kind != "OBJECT" or sent != stored:
            raise AssertionError(f"feature_json is {kind}, ts {stored} was sent as {sent}")
        return f"OBJECT, {stored}"

    def token(self) -> str:
        sink = SnowflakeWarehouse(lambda: self.named)
        try:
            token, highest = sink.committed(self.queue.queue_id), sink.highest_offset(self.queue.queue_id)
        finally:
            sink.close()
        if token != highest:
            raise AssertionError(f"token {token}, highest offset {highest}")
        return str(token)

    def typed_view(self) -> str:
        (found,) = self.one("SELECT COUNT(*) FROM {schema}.VW_TOOL_EVENTS WHERE customer = ?")
        if not found:
            raise AssertionError("VW_TOOL_EVENTS has none of the rows")
        return f"{found} rows"

    def context(self) -> str:
        source = SnowflakeContextSource(lambda: self.named, customer=self.customer)
        deadline = time.monotonic() + CONTEXT_WAIT_S
        try:
            while time.monotonic() < deadline:
                for row in source.contexts([Scope(self.customer, "*")], self.queue.queue_id):
                    counts = sum(hour["events"].get("tool_event", 0) for hour in row.blob.get("hours") or [])
                    if counts == self.events + 10:
                        return f"all events counted {time.monotonic() - self.committed_at:.0f} s after the first commit"
                time.sleep(2)
        finally:
            source.close()
        raise AssertionError(f"not within {CONTEXT_WAIT_S:.0f} s: is the task resumed? (activity-mcp deploy says how)")

    def indicator(self) -> str:
        (value,) = self.one("SELECT SYSTEM$LAST_CHANGE_COMMIT_TIME('{schema}.CONTEXT_CACHE')", ())
        return str(value)

    def indicator_alone(self) -> str:
        warehouse = self.named.parameters.get("warehouse")
        if not warehouse:
            raise Skipped("the connection names no warehouse")
        with self.named.connect() as session, session.cursor() as cursor:
            try:
                cursor.execute(f"ALTER WAREHOUSE {warehouse} SUSPEND")
            except Exception as error:
                if "already" not in str(error).lower() and "invalid state" not in str(error).lower():
                    raise Skipped(f"this role may not suspend {warehouse}") from error
            cursor.execute(f"SELECT SYSTEM$LAST_CHANGE_COMMIT_TIME('{self.schema}.CONTEXT_CACHE')")
            cursor.fetchall()
            cursor.execute(f"SHOW WAREHOUSES LIKE '{warehouse}'")
            names = [column[0].lower() for column in cursor.description or []]
            state = dict(zip(names, (cursor.fetchall() or [()])[0], strict=False)).get("state")
        if str(state).upper() not in ("SUSPENDED", "SUSPENDING"):
            raise AssertionError(f"{warehouse} is {state} after it was asked")
        return f"{warehouse} stayed suspended"

    def task(self) -> str:
        rows = self.rows("SELECT task_name, state, health FROM {schema}.V_TASK_MONITORING", ())
        lag = self.rows("SELECT * FROM {schema}.V_STREAM_LAG", ())
        if not rows:
            raise AssertionError("V_TASK_MONITORING shows no run")
        return f"{rows[0]}, lag {lag}"

    def reader(self) -> str:
        with self.named.connect() as session:
            if not become_reader(session):
                raise Skipped(f"{READER_ROLE} is not granted to this user")
            try:
                with session.cursor() as cursor:
                    cursor.execute(f"DELETE FROM {self.schema}.CLAUDE_STREAM_V2 WHERE customer = '{self.customer}'")
            except Exception as error:
                refused = " ".join(str(error).split())[:100]
            else:
                raise AssertionError(f"{READER_ROLE} could delete rows")
        try:
            SnowflakeQueries(self.named).query("DELETE FROM x")
        except QueryRefused:
            return refused
        raise AssertionError("query let a DELETE through")

    # --- means

    def write(self, count: int) -> None:
        writer = QueueWriter(self.directory, sink="acceptance", durability="none")
        for _ in range(count):
            now = SYSTEM_CLOCK.time_us()
            features = {"tool_name": "acceptance", "success": True, "latency_ms": 1.5, "sent": iso(now)}
            activity = build("tool_event", features, self.origin, now_us=now)
            activity.validated = True
            writer.append([activity.line()])
        writer.close()

    def flush(self) -> None:
        drain(self.directory, self.named, self.origin)

    def one(self, sql: str, values: tuple[Any, ...] | None = None) -> tuple[Any, ...]:
        return self.rows(sql, (self.customer,) if values is None else values)[0]

    def rows(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self.session.cursor() as cursor:
            cursor.execute(sql.replace("{schema}", self.schema), values)
            return [tuple(row) for row in cursor.fetchall()]


class Poisoned:
    """The sink, with a row in each batch that has no ``activity``: the table's NOT NULL leaves it out."""

    def __init__(self, sink: SnowflakeWarehouse) -> None:
        self._sink = sink

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sink, name)

    def append(self, batch: Any) -> None:
        from dataclasses import replace

        self._sink.append(replace(batch, rows=[row._replace(activity=None) for row in batch.rows]))


def drain(directory: str, named: NamedConnection, origin: Origin) -> None:
    warehouse = SnowflakeWarehouse(lambda: named)
    flusher = Flusher(directory, open_queue(directory, sink="acceptance").queue_id, warehouse, origin)
    try:
        for attempt in range(10):
            try:
                while flusher.step(max_rows=500).more:
                    pass
                return
            except ActivityError as error:
                if not getattr(error, "retryable", False) or attempt == 9:
                    raise
                time.sleep(1)
    finally:
        warehouse.close()


def accept(named: NamedConnection, home: str, events: int, reported: Callable[[Outcome], None]) -> str:
    """Run every check; the statement that removes the rows."""
    acceptance = Acceptance(named, home, events)
    for name, check in acceptance.checks():
        try:
            reported(Outcome(name, "ok", check()))
        except Skipped as reason:
            reported(Outcome(name, "skipped", str(reason)))
        except Exception as error:
            reported(Outcome(name, "failed", " ".join(str(error).split())[:300]))
    acceptance.session.close()
    return f"DELETE FROM {acceptance.schema}.CLAUDE_STREAM_V2 WHERE customer = '{acceptance.customer}';"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connection", default=os.environ.get("SNOW_CONNECTION"))
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--flush", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.connection:
        parser.error("set SNOW_CONNECTION, or name one with --connection")
    try:
        named = read_connection(options.connection)
        if options.flush:
            print("flushing", flush=True)
            drain(options.flush, named, Origin("acceptance", "cli"))
            return 0
        found: list[Outcome] = []

        def reported(outcome: Outcome) -> None:
            found.append(outcome)
            if not options.json:
                print(f"{outcome.result:8} {outcome.check}: {outcome.reported}", flush=True)

        with tempfile.TemporaryDirectory(prefix="activity-mcp-acceptance-") as home:
            clean_up = accept(named, home, options.events, reported)
    except ActivityError as error:
        print(f"error: {error.describe()}", file=sys.stderr)
        return error.exit_code
    if options.json:
        print(json.dumps({"checks": [asdict(outcome) for outcome in found], "clean_up": clean_up}))
    else:
        print(f"\nto remove what this left: {clean_up}")
    return 5 if any(outcome.result == "failed" for outcome in found) else 0


if __name__ == "__main__":
    sys.exit(main())
