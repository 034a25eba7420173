"""From a question to what an insight can rest on: ``query`` → artifact (→ ``record_insight`` → ``get_context``).

A result is kept as an artifact, and recorded in one durable append: an ``mcp_event`` with the method store_artifact, and a
``sql_event``, so that the query is among the recent ones. Asking again on unchanged data appends nothing and answers with the
same ids and hashes, from any process, until half of the artifact's time is over. A question about the SQL that was run leaves
no ``sql_event``: asking must not change its own answer.

Nothing is stored of a call that was cancelled, and nothing is half stored: content first, then what it is, then the events.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..clock import iso, parse_iso
from ..errors import InvalidInput, QueryCancelled
from ..queue import QueueReader, ask_leader, is_folded
from . import hashes
from .artifact_content import lines_of, sample_of, schema_of, within
from .artifact_store import Artifact, expiry
from .artifacts import KEEP_HOURS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..activity import Origin
    from ..clock import Clock
    from ..queue import Lease
    from ..recording.recorder import Recorder
    from ..warehouse import QueryResult
    from .answers import QueryAnswer
    from .artifacts import Artifacts

MAX_SQL = 65_536
MAX_RESULT_ROWS = 10_000
MAX_RESULT_BYTES = 16 << 20
PREVIEW_BYTES = 128 << 10
_SETTLE_S = 2.0


class ProvenanceQueries:
    """Questions of one process, each with its result as an artifact. Every call blocks: on the warehouse, or on the disk.

    ``ask`` is ``QueryEngine.query`` of the warehouse. ``origin`` signs what is recorded of a customer and a project (None: this
    process's). ``is_recording(project)``: whether anything of it may be recorded. While ``is_urgent``, the queue holds more
    than the server's own calls, and a question first lets the leader flush.
    """

    def __init__(
        self,
        ask: Callable[..., QueryResult],
        artifacts: Artifacts,
        recorder: Recorder,
        lease: Lease,
        *,
        origin: Callable[[str | None, str | None], Origin],
        is_recording: Callable[[str | None], bool],
        is_urgent: Callable[[], bool],
        own_project: str | None,
        clock: Clock,
    ) -> None:
        self._ask = ask
        self._artifacts = artifacts
        self._recorder = recorder
        self._lease = lease
        self._origin = origin
        self._is_recording = is_recording
        self._is_urgent = is_urgent
        self._own_project = own_project
        self._clock = clock

    def query(
        self,
        sql: str,
        *,
        max_rows: int | None = 10,
        timeout_s: float = 30.0,
        cancelled: Callable[[], bool] = lambda: False,
        store: bool = True,
        preview_bytes: int | None = PREVIEW_BYTES,
    ) -> QueryAnswer:
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
        query_id = hashes.query_id_of(self._origin(None, project).customer, project, sql_hash, result_hash)
        shown = result.rows[:max_rows]
        if max_rows is not None and preview_bytes is not None:
            shown = within(shown, preview_bytes)
        answer: QueryAnswer = {
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
            answer["artifact_id"] = artifact.artifact_id
            answer["link"] = self._artifacts.link_of(artifact)
            answer["expires_at"] = artifact.expires_at
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

    def _keep_result(self, sql: str, result: QueryResult, answer: QueryAnswer, cancelled: Callable[[], bool]) -> Artifact:
        artifact_id = hashes.artifact_id_of_query(answer["query_id"])
        known = self._artifacts.get(artifact_id)
        if known is not None and known.queue_id == self._artifacts.queue_id and self._is_young(known):
            return known
        now, origin = self._clock.time_us(), self._origin(None, self._own_project)
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
            queue_id=self._artifacts.queue_id,
            file=f"{artifact_id}.ndjson",
            query_id=answer["query_id"],
            sql_sha256=answer["sql_sha256"],
            source_events=hashes.source_events_of(sql),
            complete=not result.truncated,
        )
        if cancelled():
            raise QueryCancelled("the query was cancelled; nothing was stored")
        events = []
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
        sample = sample_of(result.rows, result.columns)
        self._artifacts.keep(artifact, lines_of(result.columns, result.rows), sample, result.elapsed_ms, events)
        return artifact

    def _is_young(self, artifact: Artifact) -> bool:
        """Whether less than half of its time is over; one that never expires stays young."""
        if artifact.expires_at is None:
            return True
        stored, ends = parse_iso(artifact.stored_at), parse_iso(artifact.expires_at)
        return self._clock.time_us() - stored < (ends - stored) / 2
