"""``adopt``: what another state directory holds, or a queue whose warehouse is gone, is taken over into this one.

From each queue the events that no warehouse has, as they are there; from the DuckDB file its rows; what is known of imported
transcripts; and artifacts. Everything goes into this queue, durably, and keeps its activity_id, so that whatever is taken over
twice, or was here already, is one fact. The other directory is only read, but for the offset up to which its queues were taken:
it can be deleted afterwards.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from ..activity import Activity
from ..claude_code.transcripts import ImportLedger
from ..clock import iso, parse_iso
from ..config import read_config
from ..errors import InvalidInput, QueueBusy
from ..fs import LOCAL
from ..queue import Damage, Lease, OffsetLost, QueueReader, publish_commit, read_commit, read_queue
from ..recording.tombstones import Tombstones
from ..warehouse.factory import adapter_of
from .drain import Drainer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..queue import ReadBatch
    from ..service import ActivityService
    from ..warehouse.base import QueryEngine

PAGE_ROWS = 1000
DRAIN_TIMEOUT_S = 300.0
LEDGER = "imports.json"
QUERY_S = 60.0
_COLUMNS = (
    "activity_id", "ts", "customer", "activity", "anonymous_customer_id", "feature_json", "revenue_impact", "link",
    "event_name", "session_id", "project", "org_id", "source", "schema_version",
)  # fmt: skip
_PAGE = """\
SELECT {columns}, stream_offset, channel_id FROM VW_ACTIVITY_STREAM
WHERE (channel_id, stream_offset) > ('{channel}', '{offset}')
ORDER BY channel_id, stream_offset LIMIT {rows}"""


@dataclass(slots=True)
class Adopted:
    """``events`` of queues and ``rows`` of a database that were not here, ``transcripts`` whose import is known now, and
    ``artifacts``; ``damaged`` ranges that stay where they are; ``left``: queues that were not taken, each with the reason.
    """

    events: int = 0
    rows: int = 0
    transcripts: int = 0
    artifacts: int = 0
    damaged: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)


class Adoption:
    """Takes ``directory`` over into ``service``'s state: a state directory, or one queue. Raises InvalidInput for another."""

    def __init__(self, service: ActivityService, directory: str) -> None:
        self._service = service
        self._tombstones = Tombstones(service.config.home)
        self._home = os.path.realpath(directory)
        self._queues = [queue for queue in _queues_in(self._home) if queue != os.path.realpath(service.queue.directory)]
        self._database = os.path.join(self._home, "activity.duckdb")
        if self._database == os.path.realpath(service.config.db) or not os.path.isfile(self._database):
            self._database = ""
        if not self._queues and not self._database:
            raise InvalidInput(
                f"{directory} is neither another state directory nor a queue of one; nothing was taken over",
                hint="`activity-mcp status` names the queues that hold events for another warehouse",
            )

    def run(self) -> Adopted:
        """Raises a QueueRefused or a WarehouseError; what was taken over until then stays, and another run goes on."""
        adopted = Adopted()
        for queue in self._queues:
            self._take_queue(queue, adopted)
        if self._database:
            self._take_rows(adopted)
        self._take_ledgers(adopted)
        self._take_artifacts(adopted)
        return adopted

    # --- queues

    def _take_queue(self, queue: str, adopted: Adopted) -> None:
        info = read_queue(queue)
        if info is None or not info.sink.startswith("duckdb:"):
            adopted.left.append((queue, f"its events are for {info.sink}" if info else "its queue.json cannot be read"))
            return
        lease = Lease(queue)
        if not lease.try_acquire():
            raise QueueBusy(f"a server leads {queue}; nothing of it was taken over", hint="end it, then try again")
        try:
            channel = info.queue_id
            for batch in self._waiting_in(queue):
                lines = [record.line for record in batch.records if not self._was_forgotten(record.value)]
                adopted.damaged += sum(isinstance(item, Damage) for item in batch.items)
                self._append(lines)
                adopted.events += len(lines)
                if batch.end is not None:
                    publish_commit(queue, channel, batch.end, iso(self._service.clock.time_us()))
        finally:
            lease.release()

    def _waiting_in(self, queue: str) -> Iterator[ReadBatch]:
        reader, commit = QueueReader(queue, loads=orjson.loads), read_commit(queue)
        after = commit.offset if commit is not None else None
        while True:
            try:
                batch = reader.read(after, max_records=PAGE_ROWS)
            except OffsetLost:
                after = None  # its files were restored: all of them, and what was shipped folds
                continue
            if not batch.items:
                return
            yield batch
            after = batch.end

    # --- the database

    def _take_rows(self, adopted: Adopted) -> None:
        theirs = adapter_of(read_config({"ACTIVITY_HOME": self._home, "ACTIVITY_DB": self._database})).queries
        channel = offset = ""
        columns = ", ".join(_COLUMNS)
        while True:
            sql = _PAGE.format(columns=columns, channel=_quoted(channel), offset=_quoted(offset), rows=PAGE_ROWS)
            rows = _rows(theirs, sql)
            if not rows:
                return
            *_, offset, channel = rows[-1]
            events = [_activity(dict(zip(_COLUMNS, row, strict=False))) for row in rows]
            known = self._known([event.activity_id for event in events])
            lines = [
                event.line(orjson.dumps)
                for event in events
                if event.activity_id not in known and not self._was_forgotten(event.record())
            ]
            self._append(lines)
            adopted.rows += len(lines)

    def _known(self, ids: list[str]) -> set[str]:
        """Those that are here already."""
        if not self._service.adapter.exists():
            return set()
        listed = ", ".join(f"'{_quoted(activity_id)}'" for activity_id in ids)
        sql = f"SELECT activity_id FROM VW_ACTIVITY_STREAM WHERE activity_id IN ({listed})"  # noqa: S608 - quoted above
        return {str(row[0]) for row in _rows(self._service.adapter.queries, sql)}

    def _was_forgotten(self, members: Mapping[str, Any]) -> bool:
        """Whether it was forgotten here on request: then it does not come back."""
        try:
            ts_us = parse_iso(str(members.get("ts")))
        except ValueError:
            return False  # the flusher sets it aside
        return self._tombstones.covers(
            str(members.get("activity_id")), members.get("session_id"), members.get("project"), ts_us
        )

    def _append(self, lines: list[bytes]) -> None:
        service = self._service
        if service.writer.uncommitted_bytes() + sum(map(len, lines)) > service.config.max_queue_bytes // 2:
            Drainer(service).drain(DRAIN_TIMEOUT_S, verify=False)
        if lines:
            service.writer.append(lines, durable=True)

    # --- what lies beside them

    def _take_ledgers(self, adopted: Adopted) -> None:
        ours = ImportLedger(os.path.join(self._service.queue.directory, LEDGER))
        for queue in self._queues:
            theirs = ImportLedger(os.path.join(queue, LEDGER))
            marks = [mark for path in theirs.paths() if ours.mark(path) is None and (mark := theirs.mark(path)) is not None]
            ours.commit(marks)
            adopted.transcripts += len(marks)

    def _take_artifacts(self, adopted: Adopted) -> None:
        theirs, ours = os.path.join(self._home, "artifacts"), self._service.config.artifacts_dir
        if os.path.realpath(theirs) == os.path.realpath(ours):
            return
        names = [name for name in LOCAL.names(theirs) if not name.endswith(".tmp") and not os.path.exists(f"{ours}/{name}")]
        for name in sorted(names, key=lambda name: name.endswith(".meta.json")):  # with it the artifact exists
            LOCAL.ensure_directory(ours)
            LOCAL.publish(f"{ours}/{name}", LOCAL.read(f"{theirs}/{name}"))
            adopted.artifacts += name.endswith(".meta.json")


def _queues_in(folder: str) -> list[str]:
    if os.path.isfile(os.path.join(folder, "queue.json")):
        return [folder]
    root = os.path.join(folder, "queue")
    return [os.path.join(root, name) for name in sorted(LOCAL.names(root)) if os.path.isfile(f"{root}/{name}/queue.json")]


def _rows(engine: QueryEngine, sql: str) -> list[list[Any]]:
    return engine.query(sql, max_rows=None, max_bytes=None, timeout_s=QUERY_S, cancelled=lambda: False).rows


def _activity(columns: Mapping[str, Any]) -> Activity:
    """The row as the event it was. It was validated when it was flushed."""
    features, revenue = columns["feature_json"], columns["revenue_impact"]
    made = Activity.of_columns(
        {
            **columns,
            "ts": _iso_text(str(columns["ts"])),
            "feature_json": orjson.loads(features) if isinstance(features, str) else features,
            "revenue_impact": None if revenue is None else float(revenue),
        }
    )
    made.validated = True
    return made


def _iso_text(ts: str) -> str:
    text = ts.replace(" ", "T")
    return text if text.endswith("Z") else f"{text}Z"


def _quoted(text: str) -> str:
    return text.replace("'", "''")
