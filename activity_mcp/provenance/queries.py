"""From a question to what an insight can rest on: ``query`` → artifact (→ ``record_insight`` → ``get_context``).

A result is kept as an artifact, and recorded in one durable append: an ``mcp_event`` with the method store_artifact, and a
``sql_event``, so that the query is among the recent ones. Asking again on unchanged data appends nothing and answers with the
same ids and hashes, from any process, until half of the artifact's time is over. A question about the SQL that was run leaves
no ``sql_event``: asking must not change its own answer.

Nothing is stored of a call that was cancelled, and nothing is half stored: content first, then what it is, then the events.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson

from ..activity import MAX_TEXT
from ..clock import iso, parse_iso
from ..errors import InvalidInput, QueryCancelled
from ..identity import place_of
from ..queue import QueueReader, ask_leader, is_folded
from . import hashes
from .artifact_content import SAMPLE_BYTES, content_as_file, lines_of, rows_as_lists, sample_of, schema_of, within
from .artifact_store import Artifact, expiry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..activity import Origin
    from ..clock import Clock
    from ..queue import Lease
    from ..recording.recorder import Recorder
    from ..warehouse import QueryResult
    from .artifact_store import ArtifactStore

MAX_SQL = 65_536
MAX_RESULT_ROWS = 10_000
MAX_RESULT_BYTES = 16 << 20
PREVIEW_BYTES = 128 << 10
MAX_CONTENT_BYTES = 8 << 20
SHOWN_BYTES = 256 << 10
KEEP_HOURS = 720.0
"""How long an artifact is kept by default."""
_SETTLE_S = 2.0
_LOOKUP_S = 10.0
_WAREHOUSE_MEMBERS = (
    "artifact_id", "artifact_type", "customer", "project", "row_count", "sample_rows", "content_schema", "query_id",
    "sql_sha256", "result_sha256", "link",
)  # fmt: skip


class ProvenanceQueries:
    """Questions and artifacts of one process. Every call blocks: on the warehouse, or on the disk.

    ``ask`` is ``QueryEngine.query`` of the warehouse. ``origin`` signs what is recorded of a customer and a project (None: this
    process's). ``is_recording(project)``: whether anything of it may be recorded. ``queue_id`` names the queue that artifacts
    are recorded in. While ``is_urgent``, the queue holds more than the server's own calls, and a question first lets the leader
    flush.
    """

    def __init__(
        self,
        ask: Callable[..., QueryResult],
        artifacts: ArtifactStore,
        recorder: Recorder,
        lease: Lease,
        *,
        origin: Callable[[str | None, str | None], Origin],
        is_recording: Callable[[str | None], bool],
        is_urgent: Callable[[], bool],
        own_project: str | None,
        queue_id: str,
        clock: Clock,
    ) -> None:
        self.artifacts = artifacts
        self.origin = origin
        self._ask = ask
        self._recorder = recorder
        self._lease = lease
        self._is_recording = is_recording
        self._is_urgent = is_urgent
        self._own_project = own_project
        self._queue_id = queue_id
        self._clock = clock

    # --- query

    def query(
        self,
        sql: str,
        *,
        max_rows: int | None = 10,
        timeout_s: float = 30.0,
        cancelled: Callable[[], bool] = lambda: False,
        store: bool = True,
        preview_bytes: int | None = PREVIEW_BYTES,
    ) -> dict[str, Any]:
        """Run one read-only statement and keep its result: the ``query`` tool's answer.

        ``max_rows`` None gives all rows in the answer and bounds nothing. Where nothing is to be stored ids and hashes are
        the same, and there is no artifact. Raises QueryRefused, QueryCancelled, WarehouseError.
        """
        statement = hashes.statement_of(sql)
        if len(statement.encode("utf-8", "replace")) > MAX_SQL:
            raise InvalidInput(f"the statement has more than {MAX_SQL} bytes; nothing was run", hint="shorten it")
        began = time.monotonic()
        if store:
            self._settle(cancelled, min(_SETTLE_S, timeout_s / 4))
        result = self._ask(
            statement,
            max_rows=None if max_rows is None else max(max_rows, MAX_RESULT_ROWS),
            max_bytes=None if max_rows is None else MAX_RESULT_BYTES,
            timeout_s=max(0.1, timeout_s - (time.monotonic() - began)),
            cancelled=cancelled,
        )
        result = self._without_secrets(statement, result)
        sql_hash = hashes.sql_sha256(statement)
        result_hash = hashes.result_sha256(result.columns, result.rows)
        project = self._own_project
        query_id = hashes.query_id_of(self.origin(None, project).customer, project, sql_hash, result_hash)
        shown = result.rows[:max_rows]
        if max_rows is not None and preview_bytes is not None:
            shown = within(shown, preview_bytes)
        answer: dict[str, Any] = {
            "columns": result.columns,
            "rows": shown,
            "row_count": len(result.rows),
            "truncated": result.truncated or len(shown) < len(result.rows),
            "artifact_id": None,
            "query_id": query_id,
            "sql_sha256": sql_hash,
            "result_sha256": result_hash,
            "as_of": result.as_of,
            "elapsed_ms": result.elapsed_ms,
            "dialect": result.dialect,
        }
        if store and self._is_recording(project):
            artifact = self._keep_result(statement, result, answer, cancelled)
            answer |= {
                "artifact_id": artifact.artifact_id,
                "link": self.artifacts.link_of(artifact),
                "expires_at": artifact.expires_at,
            }
        return answer

    def _without_secrets(self, statement: str, result: QueryResult) -> QueryResult:
        """The result without the secrets that the statement brought into it: in the names of its columns and in its values.

        What the warehouse holds was redacted when it was recorded, so that only a statement with a secret needs a look at
        every value.
        """
        redactor = self._recorder.redactor
        if redactor.text(statement) == statement and all(redactor.label(name) == name for name in result.columns):
            return result
        rows = [[redactor.label(value) if isinstance(value, str) else value for value in row] for row in result.rows]
        return result._replace(columns=[redactor.label(name) for name in result.columns], rows=rows)

    def _settle(self, cancelled: Callable[[], bool], patience_s: float) -> None:
        """Let the leader flush what was recorded before the question, for as long as that is worth waiting for."""
        if not self._is_urgent() or not self._lease.is_held():
            return
        settled = is_folded(self._lease, QueueReader(self._lease.directory).end())
        ask_leader(self._lease, settled, deadline=time.monotonic() + patience_s, cancelled=cancelled)

    def _keep_result(self, sql: str, result: QueryResult, answer: Mapping[str, Any], cancelled: Callable[[], bool]) -> Artifact:
        artifact_id = hashes.artifact_id_of_query(answer["query_id"])
        known = self.artifacts.get(artifact_id)
        if known is not None and known.queue_id == self._queue_id and self._is_young(known):
            return known
        now, origin = self._clock.time_us(), self.origin(None, self._own_project)
        artifact = Artifact(
            artifact_id=artifact_id,
            artifact_type="query_result",
            customer=origin.customer,
            project=origin.project,
            row_count=len(result.rows),
            content_schema=schema_of(result.rows, result.columns),
            result_sha256=answer["result_sha256"],
            stored_at=iso(now),
            expires_at=expiry(now, KEEP_HOURS),
            queue_id=self._queue_id,
            file=f"{artifact_id}.ndjson",
            query_id=answer["query_id"],
            sql_sha256=answer["sql_sha256"],
            source_events=hashes.source_events_of(sql),
            complete=not result.truncated,
        )
        if cancelled():
            raise QueryCancelled("the query was cancelled; nothing was stored")
        events = [self._event_of(artifact, sample_of(result.rows, result.columns), result.elapsed_ms)]
        if "sql_event" not in artifact.source_events:
            ran = {
                "query_id": artifact.query_id,
                "sql": sql,
                "success": True,
                "rows": artifact.row_count,
                "duration_ms": result.elapsed_ms,
                "artifact_id": artifact_id,
            }
            events.append(self._recorder.prepare("sql_event", ran, origin))
        self.artifacts.put(artifact, lines_of(result.columns, result.rows))
        self._recorder.keep(events)
        return artifact

    def _is_young(self, artifact: Artifact) -> bool:
        """Whether less than half of its time is over; one that never expires stays young."""
        if artifact.expires_at is None:
            return True
        stored, ends = parse_iso(artifact.stored_at), parse_iso(artifact.expires_at)
        return self._clock.time_us() - stored < (ends - stored) / 2

    # --- store_artifact

    def store_artifact(
        self,
        artifact_type: str,
        *,
        rows: Sequence[Any] | None = None,
        content: Any = None,
        query_id: str | None = None,
        expires_hours: float | None = None,
        project: str | None = None,
    ) -> dict[str, Any]:
        """Keep rows or a content: {artifact_id, row_count, sample_rows, content_schema, …}.

        The same again is the same artifact. Secrets are redacted first. Raises InvalidInput (nothing was stored), QueueRefused.
        """
        began = time.perf_counter()
        check_names(artifact_type=artifact_type, query_id=query_id)
        if (rows is None) == (content is None):
            raise InvalidInput("store_artifact takes either rows or content; nothing was stored", hint="give one of them")
        hours = KEEP_HOURS if expires_hours is None else positive("expires_hours", expires_hours)
        artifact_type = self._recorder.redactor.label(artifact_type)
        query_id = query_id and self._recorder.redactor.identifier(query_id)
        project = self.project_at(project)
        if not self._is_recording(project):
            return {"artifact_id": None, "row_count": 0, "sample_rows": [], "content_schema": [], "reason": OFF}
        rows, content = self._recorder.redacted(list(rows) if rows is not None else None), self._recorder.redacted(content)
        columns, body = rows_as_lists(rows) if rows is not None else ([], [])
        hashed = hashes.result_sha256(columns, body) if rows is not None else hashes.content_sha256(content)
        customer, now = self.origin(None, project).customer, self._clock.time_us()
        artifact_id = hashes.artifact_id_of(customer, project, artifact_type, hashed)
        suffix, pieces = content_as_file(columns, body if rows is not None else None, content)
        if sum(map(len, pieces)) > MAX_CONTENT_BYTES:
            raise InvalidInput(
                f"the artifact has more than {MAX_CONTENT_BYTES >> 20} MiB; nothing was stored", hint="store less"
            )
        origin = self.origin(None, project)
        artifact = Artifact(
            artifact_id=artifact_id,
            artifact_type=artifact_type,
            customer=origin.customer,
            project=origin.project,
            row_count=len(body) if rows is not None else 1,
            content_schema=schema_of(body, columns) if rows is not None else schema_of([content]),
            result_sha256=hashed,
            stored_at=iso(now),
            expires_at=expiry(now, hours),
            queue_id=self._queue_id,
            file=f"{artifact_id}.{suffix}",
            query_id=query_id,
            source_events=self._sources_of(query_id),
        )
        sample = sample_of(body, columns) if rows is not None else within([content], SAMPLE_BYTES)
        event = self._event_of(artifact, sample, (time.perf_counter() - began) * 1000)
        self.artifacts.put(artifact, pieces)
        self._recorder.keep([event])
        return {
            "artifact_id": artifact_id,
            "row_count": artifact.row_count,
            "sample_rows": sample,
            "content_schema": artifact.content_schema,
            "result_sha256": hashed,
            "link": self.artifacts.link_of(artifact),
            "expires_at": artifact.expires_at,
        }

    def _event_of(self, artifact: Artifact, sample: list[Any], latency_ms: float) -> Any:
        """The event that brings an artifact into the warehouse."""
        features = {
            "artifact_id": artifact.artifact_id,
            "artifact_type": artifact.artifact_type,
            "row_count": artifact.row_count,
            "sample_rows": sample,
            "content_schema": artifact.content_schema,
            "query_id": artifact.query_id,
            "sql_sha256": artifact.sql_sha256,
            "result_sha256": artifact.result_sha256,
            "expires_at": artifact.expires_at,
            "latency_ms": round(latency_ms, 3),
        }
        link = self.artifacts.link_of(artifact)
        origin = self.origin(artifact.customer, artifact.project)
        return self._recorder.prepare_kept("store_artifact", features, origin, link=link if len(link) <= 2048 else None)

    def _sources_of(self, query_id: str | None) -> list[str]:
        of_query = self.artifacts.get(hashes.artifact_id_of_query(query_id)) if query_id else None
        return of_query.source_events if of_query else []

    # --- read again

    def artifact_ids(self) -> list[str]:
        return self.artifacts.ids()

    def artifact(self, artifact_id: str) -> dict[str, Any] | None:
        """What an artifact is, with its columns and rows or its content, as far as ``SHOWN_BYTES`` go; None when there is none.

        Of one that was stored on another machine the warehouse has the first rows. Raises a WarehouseError.
        """
        known = self.artifacts.get(artifact_id)
        if known is None:
            return self._artifact_of_warehouse(artifact_id)
        return {**asdict(known), "link": self.artifacts.link_of(known), **self.artifacts.read(known, SHOWN_BYTES)}

    def _artifact_of_warehouse(self, artifact_id: str) -> dict[str, Any] | None:
        found = self.ask_artifacts(artifact_id, ", ".join(_WAREHOUSE_MEMBERS), lambda: False)
        if not found:
            return None
        members = dict(zip(_WAREHOUSE_MEMBERS, found[0], strict=True))
        for name in ("sample_rows", "content_schema"):
            members[name] = orjson.loads(members[name]) if isinstance(members[name], str) else members[name]
        return {**members, "truncated": True, "reason": "its content is not on this machine; these are its first rows"}

    def ask_artifacts(self, artifact_id: str, columns: str, cancelled: Callable[[], bool]) -> list[list[Any]]:
        quoted = artifact_id.replace("'", "''").replace("\\", "")
        sql = f"SELECT {columns} FROM ARTIFACTS WHERE artifact_id = '{quoted}'"  # noqa: S608 - quoted, and run read-only
        return self._ask(sql, max_rows=1, max_bytes=None, timeout_s=_LOOKUP_S, cancelled=cancelled).rows

    # --- who and where

    def project_at(self, project: str | None) -> str | None:
        if project is None:
            return self._own_project
        if project == "*":
            return None
        check_names(project=project)
        return place_of(project)


OFF = "recording is off here (ACTIVITY_RECORD=off, or .activity-mcp-ignore in the project); nothing was stored"


def check_names(**names: str | None) -> None:
    for name, text in names.items():
        if text is not None and not text.strip():
            raise InvalidInput(f"{name} must not be empty; nothing was recorded", hint=f"give {name}, or leave it out")
        if text is not None and len(text) > MAX_TEXT:
            raise InvalidInput(
                f"{name} has {len(text)} characters, at most {MAX_TEXT} are recorded; nothing was", hint=f"shorten {name}"
            )


def positive(name: str, hours: float) -> float:
    if not 0 < hours <= 500_000:
        raise InvalidInput(f"{name} must be over 0 and at most 500000, not {hours:g}; nothing was recorded")
    return hours
