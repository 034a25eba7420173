"""``/metrics``: the status document and the calls of this process, in Prometheus' text format (version 0.0.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ...recording.call_log import MethodTotals

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LEVELS = {"ok": 0, "warn": 1, "fail": 2}

Sample = tuple[str, "Mapping[str, str]", float]


def exposition(status: Mapping[str, Any], calls: Mapping[str, MethodTotals]) -> bytes:
    """The page. What is not known (no event waits, nobody leads) has no sample."""
    lines: list[str] = []
    for name, kind, help_text, samples in (*_of_status(status), *_of_calls(calls)):
        lines += [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{suffix}{_labels(labels)} {_number(value)}" for suffix, labels, value in samples]
    return ("\n".join(lines) + "\n").encode()


def _of_status(status: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    queue, leader, context = status["queue"], status["leader"], status["context"]
    for name, kind, help_text, value in (
        ("activity_queue_events", "gauge", "Events not yet in the warehouse.", queue["depth_events"]),
        ("activity_queue_bytes", "gauge", "Bytes of these events.", queue["depth_bytes"]),
        ("activity_queue_max_bytes", "gauge", "Bytes at which new events are refused.", queue["max_bytes"]),
        ("activity_queue_oldest_seconds", "gauge", "Age of the oldest of these events.", queue["oldest_age_s"]),
        ("activity_refused_total", "counter", "Events refused as the queue was full.", queue["refused"]),
        ("activity_quarantined", "gauge", "Damaged ranges of the queue that were set aside.", queue["quarantined"]),
        ("activity_rejected", "gauge", "Events the warehouse refused, set aside.", status["warehouse"]["rejected"]),
        ("activity_leader_present", "gauge", "1 while some server leads.", int(leader["present"])),
        ("activity_leader_progress_seconds", "gauge", "Since the leader last reported its progress.",
         leader.get("last_progress_age_s")),
        ("activity_context_age_seconds", "gauge", "Since the user's context was last verified.",
         context["age_ms"] / 1000 if context["age_ms"] is not None else None),
        ("activity_health", "gauge", "0 ok, 1 warn, 2 fail.", _LEVELS[status["health"]]),
    ):  # fmt: skip
        if value is not None:
            yield name, kind, help_text, [("", {}, float(value))]
    checks = [("", {"check": name}, float(_LEVELS[state])) for name, state in status["checks"].items()]
    yield "activity_check", "gauge", "Each check of activity-mcp status: 0 ok, 1 warn, 2 fail.", checks


def _of_calls(calls: Mapping[str, MethodTotals]) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    yield (
        "activity_calls_total",
        "counter",
        "Calls of this process, by method and outcome.",
        [
            ("", {"method": method, "outcome": outcome}, float(count))
            for method, total in calls.items()
            for outcome, count in (("ok", total.count - total.failed), ("error", total.failed))
        ],
    )
    yield "activity_call_seconds", "histogram", "How long calls took.", list(_histograms(calls))
    hits = [("", {"method": method}, float(total.hits)) for method, total in calls.items() if total.hits is not None]
    yield "activity_cache_hits_total", "counter", "Calls answered from the cache.", hits


def _histograms(calls: Mapping[str, MethodTotals]) -> Iterator[Sample]:
    for method, total in calls.items():
        below = 0
        for bound, count in zip(total.BOUNDS_MS, total.buckets, strict=True):
            below += count
            yield "_bucket", {"method": method, "le": _number(bound / 1000)}, float(below)
        yield "_bucket", {"method": method, "le": "+Inf"}, float(total.count)
        yield "_sum", {"method": method}, total.sum_ms / 1000
        yield "_count", {"method": method}, float(total.count)


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    escaped = {name: text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for name, text in labels.items()}
    return "{" + ",".join(f'{name}="{text}"' for name, text in escaped.items()) + "}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6g}"
