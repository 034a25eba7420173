"""What the status document means: which of its members need a person. The one place that decides it.

``status`` prints what is not ok as its problems, ``doctor`` prints all of it, the ``health`` tool and ``/healthz``
report the worst of it, and a change of any of it becomes a system_event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .check import Check

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .check import Status
    from .document import (
        ContextState,
        DriftState,
        ExporterState,
        LeaderState,
        OtherQueue,
        QueueState,
        State,
        TasksState,
        WarehouseState,
    )

REFRESH_TASK = "REFRESH_CONTEXT_TASK"
PROGRESS_TOO_OLD_S = 15.0
"""A leader reports its progress every five seconds; three times that without a report means it is stopped or hangs."""


def worst(statuses: Iterable[Status]) -> Status:
    """The health of the whole: fail before warn before ok."""
    return max(statuses, key=("ok", "warn", "fail").index, default="ok")


def of_document(document: State) -> Iterator[Check]:
    """Everything in the status document, judged."""
    yield _recording(document)
    yield judge_leader(document["leader"], document["queue"]["depth_events"])
    yield _queue(document["queue"])
    yield _segments(document["queue"])
    yield _syncs(document["queue"])
    yield _other_queues(document["other_queues"])
    yield _set_aside("quarantined", document["queue"]["quarantined"], "damaged ranges are kept", document)
    yield _rejected(document)
    yield _warehouse(document["warehouse"])
    if document["tasks"] is not None:
        yield _tasks(document["tasks"])
    yield _context(document["context"])
    yield _hooks(document)
    yield _exporter(document["exporter"])
    yield _drift(document["drift"])


def _recording(document: State) -> Check:
    if document["recording"]:
        return Check("recording", "ok", f"on, into {document['home']}")
    if document["paused_since"] is not None:
        return Check(
            "recording", "warn", f"paused since {document['paused_since']}", "`activity-mcp pause --off` records again"
        )
    return Check("recording", "warn", "recording is off (ACTIVITY_RECORD or .activity-mcp-ignore)")


def judge_leader(leader: LeaderState, waiting: int) -> Check:
    if not leader["present"] and waiting:
        return Check(
            "leader", "warn", f"{waiting} events wait and no server is running", "start one, or run `activity-mcp flush`"
        )
    if not leader["present"]:
        return Check("leader", "ok", "no server is running, and nothing waits for one")
    age, who = leader["last_progress_age_s"], f"the leader (pid {leader['pid']})"
    if leader["stopped"]:
        since = f"; its last progress was {age:.0f} s ago" if age is not None else ""
        hint = f"kill -CONT {leader['pid']} lets it go on; end it and another takes over"
        return Check("leader", "fail", f"{who} is stopped{since}", hint)
    if age is None:
        return Check("leader", "warn", f"the report of {who} cannot be read", "look again in ten seconds: it reports again")
    if age > PROGRESS_TOO_OLD_S:
        return Check(
            "leader",
            "fail",
            f"{who} made no progress for {age:.0f} s",
            "it is stopped or hangs; end that process and another takes over",
        )
    return Check("leader", "ok", f"pid {leader['pid']} leads since {leader['since']}")


def _queue(queue: QueueState) -> Check:
    if queue["pressure"] == "full":
        return Check("queue", "fail", "the queue is full", "new events are refused until the warehouse takes some")
    if queue["disk_full"]:
        return Check("queue", "fail", f"the disk of {queue['directory']} is full", "new events are refused until it has room")
    if queue["pressure"] == "degraded":
        return Check("queue", "warn", "the queue is over 80 % full", "new events are cut until the warehouse takes some")
    if queue["refused_unreported"]:
        problem = f"{queue['refused_unreported']} events were refused, and no server has recorded that since"
        return Check("queue", "warn", problem, "what was refused is lost; run `activity-mcp flush`, or start a server")
    return Check("queue", "ok", f"{queue['depth_events']} events wait in {queue['directory']}")


def _segments(queue: QueueState) -> Check:
    if not queue["foreign_files"]:
        return Check("segments", "ok", "nothing else is among them")
    names = ", ".join(queue["foreign_files"][:3])
    problem = f"among them in {queue['directory']}/seg is what is none: {names}"
    return Check("segments", "warn", problem, "move what you have put there away; nothing of it is read, and nothing is lost")


def _syncs(queue: QueueState) -> Check:
    """Only with ACTIVITY_DURABILITY=interval:<ms>, where events are answered before they are on the disk."""
    failed = queue["own_sync_failures"]
    if not failed:
        return Check("syncs", "ok", "the disk took every sync of this process")
    problem = f"the disk refused {failed} syncs of this process: events answered just before them may be lost in a power cut"
    return Check("syncs", "fail", problem, "check the disk, then start the server again")


def _other_queues(others: list[OtherQueue]) -> Check:
    """Events recorded for another warehouse: its configuration was changed, or its file moved, before they were shipped."""
    if not others:
        return Check("other queues", "ok", "none holds events")
    import shlex

    first = others[0]
    more = f", and in {len(others) - 1} more" if len(others) > 1 else ""
    return Check(
        "other queues",
        "warn",
        f"{first['depth_events']} events wait in a queue of another warehouse, {first['sink']} ({first['directory']}){more}",
        "run `activity-mcp flush` with the ACTIVITY_DB or SNOW_CONNECTION they were recorded for; where that file is gone or "
        f"was moved, `activity-mcp adopt {shlex.quote(first['directory'])}` takes them over",
    )


def _set_aside(name: str, count: int, what: str, document: State) -> Check:
    if not count:
        return Check(name, "ok", "none")
    return Check(name, "warn", f"{count} {what} in {document['queue']['directory']}/dead")


def _rejected(document: State) -> Check:
    check = _set_aside("rejected", document["warehouse"]["rejected"], "events the warehouse refused are kept", document)
    if check.status == "ok" or document["warehouse"]["kind"] != "snowflake":
        return check
    hint = (
        "SELECT * FROM ERROR_TABLE(CLAUDE_STREAM_V2) shows them and why; mend the table, then `activity-mcp flush --retry-dead`"
    )
    return check._replace(status="fail", hint=hint)


def _warehouse(warehouse: WarehouseState) -> Check:
    if warehouse["error"]:
        return Check("warehouse", "fail", f"the last flush failed: {warehouse['error']}")
    where = warehouse.get("path") or warehouse.get("connection")
    made = "" if warehouse.get("size_bytes") or warehouse["kind"] != "duckdb" else ", made at the first flush"
    return Check("warehouse", "ok", f"{warehouse['kind']} {where}{made}")


def _hooks(document: State) -> Check:
    hooks = document["hooks"]
    if not hooks["dropped"]:
        return Check("hook drops", "ok", "hooks dropped nothing")
    why = ", ".join(f"{count} {reason}" for reason, count in sorted(hooks["reasons"].items()))
    if "configuration" in hooks["reasons"]:
        hint = "run `activity-mcp context`: it names the variable, or redaction.json, that hooks cannot use"
    else:
        hint = (
            "payload: no JSON object, or too large to read; queue: a place or a format that this version cannot write to; "
            "unexpected: a defect, please report it; remove the file `dropped` beside the queues to count from zero"
        )
    return Check("hook drops", "warn", f"hooks dropped {hooks['dropped']} events ({why})", hint)


def _exporter(exporter: ExporterState) -> Check:
    if not exporter["asked"]:
        return Check("exporter", "ok", "Claude Code is not asked to report its requests (`install --otel` asks it)")
    if exporter["error"]:
        hint = "end what has the port, or choose another: ACTIVITY_OTLP_PORT, then `activity-mcp install --otel`"
        return Check("exporter", "warn", f"what Claude Code reports is not taken: {exporter['error']}", hint)
    if exporter["silent_s"] is not None:
        finding = f"Claude Code has reported nothing for {exporter['silent_s'] / 3600:.0f} h while transcripts grew"
        hint = "start Claude Code again, so that it reads its settings; until then costs are estimated"
        return Check("exporter", "warn", finding, hint)
    where = f"port {exporter['port']}" if exporter["port"] is not None else "no server listens now"
    return Check("exporter", "ok", f"{where}, last record {exporter['last_record'] or 'never'}")


def _drift(drift: DriftState) -> Check:
    if not drift["quarantining"]:
        known = f"{drift['open']} new fields, which harm nothing" if drift["open"] else "none is known"
        return Check("schema drift", "ok", known)
    what = ", ".join(f"{found['event_name']}.{found['field']}" for found in drift["newest"] if found["quarantines"])
    said = f"{drift['quarantining']} differences between events and their schemas quarantine insights ({what})"
    return Check(
        "schema drift", "warn", said, "`activity-mcp drift` shows them, `activity-mcp drift accept` ends the quarantine"
    )


def _tasks(report: TasksState) -> Check:
    """The task that makes contexts has to run; any other may rest, unless Snowflake suspended it after failures."""
    resting = [task for task in report["tasks"] if task["state"].lower() != "started"]
    failed = [task["name"] for task in resting if "ERROR" in (task["reason"] or "")]  # SUSPENDED_DUE_TO_ERRORS
    if failed or any(task["name"] == REFRESH_TASK for task in resting):
        what = f"Snowflake suspended {', '.join(failed)} after failures" if failed else f"{REFRESH_TASK} is suspended"
        hint = "contexts stay as they are, nothing is lost; `activity-mcp doctor` reads the reason, CALL RESUME_TASKS() resumes"
        return Check("tasks", "warn", f"{what} (seen {report['at']})", hint)
    return Check("tasks", "ok", f"{len(report['tasks']) - len(resting)} of {len(report['tasks'])} visible tasks are started")


def _context(context: ContextState) -> Check:
    age = f", {context['age_ms'] / 1000:.1f} s old" if context["age_ms"] is not None else ""
    return Check("context", "ok", f"{context['freshness']}{age} for {context['customer']}")
