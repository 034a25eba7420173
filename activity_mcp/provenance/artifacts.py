"""Artifacts: results and contents that an insight can rest on, each with the event that brings it into the warehouse.

Nothing is half stored: content first, then what it is, then the event. The same content again is the same artifact.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ..clock import iso
from ..errors import InvalidInput
from ..project import place_of
from . import hashes
from .arguments import OFF, check_names, positive
from .artifact_content import SAMPLE_BYTES, content_as_file, lines_of, rows_as_lists, sample_of, schema_of, within
from .artifact_store import Artifact, expiry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..activity import Activity, Origin
    from ..clock import Clock
    from ..recording.recorder import Recorder
    from ..warehouse import QueryResult
    from .answers import StoredArtifact
    from .artifact_store import ArtifactStore

MAX_CONTENT_BYTES = 8 << 20
SHOWN_BYTES = 256 << 10
KEEP_HOURS = 720.0
"""How long an artifact is kept by default."""
_LOOKUP_S = 10.0
_WAREHOUSE_MEMBERS = (
    "artifact_id", "artifact_type", "customer", "project", "row_count", "sample_rows", "content_schema", "query_id",
    "sql_sha256", "result_sha256", "link",
)  # fmt: skip


class _Content(NamedTuple):
    """What is stored: ``pieces`` of a file with this suffix, what is recorded of it, and its hash."""

    row_count: int
    schema: list[dict[str, str]]
    sha256: str
    sample: list[Any]
    suffix: str
    pieces: Sequence[bytes]


def _of_rows(rows: Sequence[Any]) -> _Content:
    columns, body = rows_as_lists(rows)
    hashed = hashes.result_sha256(columns, body)
    return _Content(
        len(body), schema_of(body, columns), hashed, sample_of(body, columns), "ndjson", list(lines_of(columns, body))
    )


def _of_content(content: Any) -> _Content:
    hashed = hashes.content_sha256(content)
    return _Content(1, schema_of([content]), hashed, within([content], SAMPLE_BYTES), *content_as_file(content))


class Artifacts:
    """The artifacts that one process stores and finds. Every call blocks on the disk, or on the warehouse.

    ``files`` holds their content on this machine. ``ask`` is ``QueryEngine.query`` of the warehouse. ``origin`` signs what is
    recorded of a customer and a project (None: this process's). ``is_recording(project)``: whether anything of it may be
    recorded. ``queue_id`` names the queue that they are recorded in.
    """

    def __init__(
        self,
        files: ArtifactStore,
        ask: Callable[..., QueryResult],
        recorder: Recorder,
        *,
        origin: Callable[[str | None, str | None], Origin],
        is_recording: Callable[[str | None], bool],
        own_project: str | None,
        queue_id: str,
        clock: Clock,
    ) -> None:
        self.origin = origin
        self._own_project = own_project
        self._files = files
        self._ask = ask
        self._recorder = recorder
        self._is_recording = is_recording
        self.queue_id = queue_id
        self._clock = clock

    def store(
        self,
        artifact_type: str,
        *,
        rows: Sequence[Any] | None = None,
        content: Any = None,
        query_id: str | None = None,
        expires_hours: float | None = None,
        project: str | None = None,
    ) -> StoredArtifact:
        """Keep rows or a content. The same again is the same artifact. Secrets are redacted first.

        Raises InvalidInput (nothing was stored) or a QueueRefused.
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
        made = _of_rows(rows) if rows is not None else _of_content(content)
        if sum(map(len, made.pieces)) > MAX_CONTENT_BYTES:
            raise InvalidInput(
                f"the artifact has more than {MAX_CONTENT_BYTES >> 20} MiB; nothing was stored", hint="store less"
            )
        origin, now = self.origin(None, project), self._clock.time_us()
        artifact_id = hashes.artifact_id_of(origin.customer, project, artifact_type, made.sha256)
        artifact = Artifact(
            artifact_id=artifact_id,
            artifact_type=artifact_type,
            customer=origin.customer,
            project=origin.project,
            row_count=made.row_count,
            content_schema=made.schema,
            result_sha256=made.sha256,
            stored_at=iso(now),
            expires_at=expiry(now, hours),
            queue_id=self.queue_id,
            file=f"{artifact_id}.{made.suffix}",
            query_id=query_id,
            source_events=self._sources_of(query_id),
        )
        self.keep(artifact, made.pieces, made.sample, (time.perf_counter() - began) * 1000)
        return {
            "artifact_id": artifact_id,
            "row_count": artifact.row_count,
            "sample_rows": made.sample,
            "content_schema": made.schema,
            "result_sha256": made.sha256,
            "link": self._files.link_of(artifact),
            "expires_at": artifact.expires_at,
        }

    def keep(
        self, artifact: Artifact, pieces: Iterable[bytes], sample: list[Any], latency_ms: float, more: Sequence[Activity] = ()
    ) -> None:
        """Put its content on the disk, then record it, with ``more`` prepared events, in one durable append."""
        event = self._event_of(artifact, sample, latency_ms)
        self._files.put(artifact, pieces)
        self._recorder.keep([event, *more])

    def get(self, artifact_id: str) -> Artifact | None:
        """What an artifact on this machine is, as long as it has not expired."""
        return self._files.get(artifact_id)

    def link_of(self, artifact: Artifact) -> str:
        return self._files.link_of(artifact)

    def _event_of(self, artifact: Artifact, sample: list[Any], latency_ms: float) -> Activity:
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
        link = self._files.link_of(artifact)
        origin = self.origin(artifact.customer, artifact.project)
        return self._recorder.prepare_kept("store_artifact", features, origin, link=link if len(link) <= 2048 else None)

    def _sources_of(self, query_id: str | None) -> list[str]:
        of_query = self._files.get(hashes.artifact_id_of_query(query_id)) if query_id else None
        return of_query.source_events if of_query else []

    def ids(self) -> list[str]:
        return self._files.ids()

    def read(self, artifact_id: str) -> dict[str, Any] | None:
        """What an artifact is, with its columns and rows or its content, as far as ``SHOWN_BYTES`` go; None when there is none.

        Of one that was stored on another machine the warehouse has the first rows. Raises a WarehouseError.
        """
        known = self._files.get(artifact_id)
        if known is None:
            return self._of_warehouse(artifact_id)
        return {**asdict(known), "link": self._files.link_of(known), **self._files.read(known, SHOWN_BYTES)}

    def _of_warehouse(self, artifact_id: str) -> dict[str, Any] | None:
        found = self.ask_warehouse(artifact_id, ", ".join(_WAREHOUSE_MEMBERS), lambda: False)
        if not found:
            return None
        members = dict(zip(_WAREHOUSE_MEMBERS, found[0], strict=True))
        for name in ("sample_rows", "content_schema"):
            members[name] = orjson.loads(members[name]) if isinstance(members[name], str) else members[name]
        return {**members, "truncated": True, "reason": "its content is not on this machine; these are its first rows"}

    def ask_warehouse(self, artifact_id: str, columns: str, cancelled: Callable[[], bool]) -> list[list[Any]]:
        quoted = artifact_id.replace("'", "''").replace("\\", "")
        sql = f"SELECT {columns} FROM ARTIFACTS WHERE artifact_id = '{quoted}'"  # noqa: S608 - quoted, and run read-only
        return self._ask(sql, max_rows=1, max_bytes=None, timeout_s=_LOOKUP_S, cancelled=cancelled).rows

    def project_at(self, project: str | None) -> str | None:
        """The project that a caller names; None means this process's, ``"*"`` none. Raises InvalidInput."""
        if project is None:
            return self._own_project
        if project == "*":
            return None
        check_names(project=project)
        return place_of(project)
