"""Insights: one value each, with what it rests on, in one durable append; ``get_context`` shows it at once.

An insight is named by its subject, metric and grain in a place, so a newer value replaces the older one. It takes over the
kinds of events its artifact was derived from: when they drift from their schemas, the warehouse quarantines it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import ActivityError, InvalidInput, QueryCancelled
from . import hashes
from .arguments import OFF, check_names, positive

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..recording.recorder import Recorder
    from .answers import Provenance, RecordedInsight
    from .artifacts import Artifacts


class _Rests(NamedTuple):
    """What an insight rests on, and the kinds of events that was derived from."""

    provenance: Provenance
    artifact_id: str | None
    query_id: str | None
    source_events: Sequence[str] = ()


class Insights:
    """Records insights of one process. ``record`` blocks on the disk, and on the warehouse for an artifact that is not here."""

    def __init__(self, artifacts: Artifacts, recorder: Recorder, *, is_recording: Callable[[str | None], bool]) -> None:
        self._artifacts = artifacts
        self._recorder = recorder
        self._is_recording = is_recording

    def record(
        self,
        subject: str,
        metric: str,
        value: Any,
        *,
        grain: str | None = None,
        confidence: float | None = None,
        artifact_id: str | None = None,
        query_id: str | None = None,
        valid_for_hours: float | None = None,
        customer: str | None = None,
        project: str | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> RecordedInsight:
        """Record one value with what it rests on. A later value of the same subject, metric and grain replaces it.
        Raises InvalidInput (an artifact that nobody stored, a confidence out of range; nothing was recorded) or a QueueRefused.
        """
        began = time.perf_counter()
        check_names(subject=subject, metric=metric, grain=grain, customer=customer, query_id=query_id, artifact_id=artifact_id)
        if confidence is not None and not 0 <= confidence <= 1:
            raise InvalidInput(f"confidence must be from 0 to 1, not {confidence:g}; nothing was recorded")
        if valid_for_hours is not None:
            positive("valid_for_hours", valid_for_hours)
        project = self._artifacts.project_at(project)
        if not self._is_recording(project):
            return {"insight_id": None, "visible": False, "provenance": "none", "reason": OFF}
        rests = self._provenance(artifact_id, query_id, cancelled)
        if cancelled():
            raise QueryCancelled("record_insight was cancelled; nothing was recorded")
        origin = self._artifacts.origin(customer, project)
        named = self._recorder.redacted({"subject": subject, "metric": metric, "value": value, "grain": grain})
        insight_id = hashes.insight_id_of(origin.customer, project, named["subject"], named["metric"], named["grain"])
        features = {
            **named,
            "insight_id": insight_id,
            "confidence": confidence,
            "artifact_id": rests.artifact_id,
            "query_id": rests.query_id,
            "source_events": rests.source_events,
            "valid_for_hours": valid_for_hours,
            "latency_ms": round((time.perf_counter() - began) * 1000, 3),
        }
        event = self._recorder.prepare_kept("record_insight", features, origin)
        self._recorder.keep([event])
        answer: RecordedInsight = {
            "insight_id": insight_id,
            "provenance": rests.provenance,
            "visible": rests.provenance != "none",
            "artifact_id": rests.artifact_id,
            "query_id": rests.query_id,
            "activity_id": event.activity_id,
        }
        if rests.provenance == "none":
            answer["reason"] = "get_context shows insights that rest on something: record it again with artifact_id or query_id"
        return answer

    def _provenance(self, artifact_id: str | None, query_id: str | None, cancelled: Callable[[], bool]) -> _Rests:
        local = self._artifacts.get(artifact_id or hashes.artifact_id_of_query(query_id or ""))
        if local is not None:
            if query_id and local.query_id and query_id != local.query_id:
                raise InvalidInput(
                    f"artifact {artifact_id} is the result of query {local.query_id}, not of {query_id}; nothing was recorded",
                    hint="leave query_id out",
                )
            return _Rests("verified", local.artifact_id, query_id or local.query_id, local.source_events)
        if artifact_id:
            is_known = self._in_warehouse(artifact_id, cancelled)
            return _Rests("verified" if is_known else "unverified", artifact_id, query_id)
        return _Rests("unverified" if query_id else "none", artifact_id, query_id)

    def _in_warehouse(self, artifact_id: str, cancelled: Callable[[], bool]) -> bool:
        """False where the warehouse cannot be asked. Raises InvalidInput where it does not know the artifact."""
        try:
            found = self._artifacts.ask_warehouse(artifact_id, "artifact_id", cancelled)
        except QueryCancelled:
            raise
        except ActivityError:
            return False
        if not found:
            raise InvalidInput(
                f"there is no artifact {artifact_id[:80]!r}, or it has expired; nothing was recorded",
                hint="pass the artifact_id that query or store_artifact answered",
            )
        return True
