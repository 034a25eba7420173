"""What the refresh sequence must leave behind, said once more in plain Python: from the list of rows to every table.

The rows are those of CLAUDE_STREAM_V2, as dicts with the features as a Python object. Nothing here knows of batches, which is
the point: however the rows were cut, the tables must equal this. Only what is pruned (more than twice of what a context
shows) is not modelled.
"""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sql.oracle import boolean, member, text, timestamp
from sql.oracle import number as exact_number
from sql.support import SCHEMAS

Row = dict[str, Any]
Scope = tuple[str, str]
DriftKey = tuple[str, str, str, str, str]

METHODS = ("record_insight", "store_artifact")
RANKS = {"otel": 0, "hook": 0, "mcp": 1, "cli": 1, "import": 2}
DAY = timedelta(days=1)


def iso(ts: datetime) -> str:
    return ts.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# --- values


def cut(value: Any, length: int) -> str | None:
    read = text(value)
    return None if read is None else read[:length]


def number(value: Any, precision: int, scale: int) -> float | None:
    """As JSON shows it."""
    read = exact_number(value, precision, scale)
    return None if read is None else float(read)


def compact(**members: Any) -> dict[str, Any]:
    """Members that are null may be left out of any object of a context; here they always are."""
    return {name: value for name, value in members.items() if value is not None}


# --- the stream


def features(row: Row) -> dict[str, Any]:
    return row["feature_json"] if isinstance(row["feature_json"], dict) else {}


def is_counted(row: Row) -> bool:
    return row["event_name"] != "mcp_event" or text(features(row).get("method")) in METHODS


def seconds(ts: datetime) -> int:
    return int((ts - datetime(1970, 1, 1)) // timedelta(seconds=1))


def place(row: Row) -> tuple[str, str]:
    return row["channel_id"], row["stream_offset"]


def rank_of(source: str, reported: Any) -> int:
    """The place of a row among those with its activity_id."""
    if text(member(reported, "_unanswered")) == "true":
        return 4
    return 3 if text(member(reported, "_partial")) == "true" else RANKS.get(source, 3)


def superseded(rows: list[Row]) -> set[tuple[str, str]]:
    """The rows that another of the same activity_id, within a day, outranks."""
    by_id: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_id[row["activity_id"]].append(row)

    def rank(row: Row) -> tuple[Any, ...]:
        return rank_of(row["source"], features(row)), *place(row)

    return {
        place(row)
        for same in by_id.values()
        for row in same
        if any(rank(other) < rank(row) and abs(seconds(other["ts"]) - seconds(row["ts"])) <= 86_400 for other in same)
    }


def live_rows(rows: list[Row]) -> list[Row]:
    losers = superseded(rows)
    return [row for row in rows if place(row) not in losers]


def scopes_of(row: Row) -> list[Scope]:
    scopes = [(row["customer"], "*")]
    if row["project"] not in (None, "*"):
        scopes.append((row["customer"], row["project"]))
    return scopes


# --- insights, artifacts, drift


def atoms(rows: list[Row]) -> dict[str, dict[str, Any]]:
    """INSIGHT_ATOMS by insight_id, quarantine included."""
    found: dict[str, dict[str, Any]] = {}
    for row, f in _newest_first(rows, "record_insight"):
        insight_id = text(f.get("insight_id")) or row["activity_id"]
        hours = exact_number(f.get("valid_for_hours"), 18, 3)
        until = timestamp(f.get("valid_until"))
        if until is None and hours is not None:
            lasting = (min(hours, Decimal(500_000)) * 3600).quantize(Decimal(1), ROUND_HALF_UP)
            until = row["ts"] + timedelta(seconds=int(lasting))
        sources = f.get("source_events")
        found.setdefault(insight_id, {
            "insight_id": insight_id, "customer": row["customer"], "project": row["project"],
            "subject": text(f.get("subject")), "metric": text(f.get("metric")), "value": f.get("value"),
            "grain": text(f.get("grain")), "confidence": number(f.get("confidence"), 9, 6),
            "artifact_id": text(f.get("artifact_id")), "query_id": text(f.get("query_id")),
            "source_events": sources if isinstance(sources, list) else None,
            "recorded_at": row["ts"], "valid_until": until, "activity_id": row["activity_id"],
        })  # fmt: skip
    drifts = drift(rows)
    for atom in found.values():
        reasons = [
            f"{event_name}.{field} {kind}"
            for (customer, event_name, field, kind, _), seen in drifts.items()
            if kind != "new_key" and seen["occurrences"] > 0 and customer == atom["customer"]
            and event_name in (atom["source_events"] or ())
        ]  # fmt: skip
        atom["is_quarantined"] = bool(reasons)
        atom["quarantine_reason"] = f"schema drift: {min(reasons)}" if reasons else None
    return found


def artifacts(rows: list[Row]) -> dict[str, dict[str, Any]]:
    """ARTIFACTS by artifact_id."""
    found: dict[str, dict[str, Any]] = {}
    for row, f in _newest_first(rows, "store_artifact"):
        artifact_id = text(f.get("artifact_id")) or row["activity_id"]
        sample = f.get("sample_rows")
        found.setdefault(artifact_id, {
            "artifact_id": artifact_id, "artifact_type": text(f.get("artifact_type")), "customer": row["customer"],
            "project": row["project"], "row_count": number(f.get("row_count"), 18, 0),
            "sample_rows": sample if isinstance(sample, list) else None,
            "content_schema": f.get("content_schema"),
            "query_id": text(f.get("query_id")), "pinned": boolean(f.get("pinned")) or False,
            "expires_at": timestamp(f.get("expires_at")), "stored_at": row["ts"], "activity_id": row["activity_id"],
        })  # fmt: skip
    return found


def _newest_first(rows: list[Row], method: str) -> list[tuple[Row, dict[str, Any]]]:
    chosen = [
        (row, features(row))
        for row in live_rows(rows)
        if row["event_name"] == "mcp_event" and text(features(row).get("method")) == method
    ]
    return sorted(chosen, key=lambda pair: (-seconds(pair[0]["ts"]), -pair[0]["ts"].microsecond, pair[0]["activity_id"]))


def json_type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value == int(value)):
        return "integer"
    return {float: "number", str: "string", dict: "object", list: "array"}[type(value)]


def _schema_fields() -> dict[tuple[str, str], set[str]]:
    every = {"array", "boolean", "integer", "null", "number", "object", "string"}
    fields = {}
    for event_name, schema in SCHEMAS["$defs"].items():
        for field, definition in schema["properties"].items():
            types = definition.get("type", sorted(every))
            allowed = {types} if isinstance(types, str) else set(types)
            fields[event_name, field] = allowed | {"integer"} if "number" in allowed else allowed
    return fields


SCHEMA_FIELDS = _schema_fields()


def drift(rows: list[Row]) -> dict[DriftKey, dict[str, Any]]:
    """SCHEMA_DRIFT by its grain. First and last seen of every row sent, occurrences of those that nothing outranks."""
    losers = superseded(rows)
    found: dict[DriftKey, list[tuple[Row, str | None]]] = defaultdict(list)
    for row in rows:
        if is_counted(row) and not (row["event_name"] == "system_event" and text(features(row).get("event_type")) == "hook"):
            for field, kind, observed, reason in _differences(row):
                found[row["customer"], row["event_name"], field, kind, observed].append((row, reason))
    return {
        key: {
            "occurrences": sum(place(row) not in losers for row, _ in seen),
            "first_seen_at": min(row["ts"] for row, _ in seen),
            "last_seen_at": max(row["ts"] for row, _ in seen),
            "first_activity_id": min((row["ts"], row["activity_id"]) for row, _ in seen)[1],
            "sample_reason": min((reason for _, reason in seen if reason is not None), default=None),
        }
        for key, seen in found.items()
    }


def _differences(row: Row) -> list[tuple[str, str, str, str | None]]:
    found: list[tuple[str, str, str, str | None]] = []
    for field, value in features(row).items():
        types = SCHEMA_FIELDS.get((row["event_name"], field))
        observed = json_type(value)
        if types is None and not field.startswith("_"):
            found.append((field[:255], "new_key", observed, None))
        elif types is not None and observed not in types:
            found.append((field[:255], "type_changed", observed, None))
        if field == "_schema_errors" and isinstance(value, list):
            for failure in value:
                member = failure if isinstance(failure, dict) else {}
                path, reason = text(member.get("path")), cut(member.get("reason"), 300)
                found.append(("*" if path is None else path[:255], "failure", "invalid", reason))
    return found


# --- the context


def contexts(rows: list[Row], now: datetime) -> dict[Scope, dict[str, Any]]:
    """CONTEXT_CACHE by (customer, project): the blob and the columns beside it."""
    counted = [row for row in rows if is_counted(row)]
    live = live_rows(counted)
    by_scope: dict[Scope, list[Row]] = {scope: [] for row in counted for scope in scopes_of(row)}
    for row in live:
        for scope in scopes_of(row):
            by_scope[scope].append(row)
    insights = atoms(rows)
    return {
        scope: {
            "blob": _blob(scope, mine, insights, now),
            "watermark": _watermark(scope, counted),
            "org_id": max(((row["ts"], row["org_id"]) for row in mine if row["org_id"] is not None), default=(None, None))[1],
        }
        for scope, mine in by_scope.items()
    }


def _watermark(scope: Scope, counted: list[Row]) -> dict[str, str]:
    highest: dict[str, str] = {}
    for row in counted:
        if scope in scopes_of(row):
            highest[row["channel_id"]] = max(highest.get(row["channel_id"], ""), row["stream_offset"])
    return highest


def _blob(scope: Scope, rows: list[Row], insights: dict[str, dict[str, Any]], now: datetime) -> dict[str, Any]:
    return {
        "version": 1,
        "recent_sessions": _sessions(rows),
        "recent_errors": [error for row in _newest_by(rows, _activity, _failed)[:10] for error in [_error(row)]],
        "recent_files": [_file(row) for row in _newest_by(rows, _path, _path)[:20]],
        "insights": _insights(scope, insights, now),
        "recent_queries": [_query(row) for row in _newest_by(rows, _activity, _succeeded_query)[:10]],
        "conclusions": [_conclusion(row) for row in _newest_by(rows, _activity, _concluded)[:15]],
        "attempts": _attempts(rows),
        "hours": _hours(rows, now),
        "recorded_at": iso(max(row["ts"] for row in rows)) if rows else None,
    }


def _newest_by(rows: list[Row], key: Any, condition: Any) -> list[Row]:
    """The newest row of each key, newest first; equal times by key."""
    newest: dict[Any, Row] = {}
    for row in rows:
        if condition(row) and (key(row) not in newest or _later(row, newest[key(row)])):
            newest[key(row)] = row
    return sorted(newest.values(), key=lambda row: (datetime.max - row["ts"], key(row)))


def _later(row: Row, other: Row) -> bool:
    mine = (datetime.max - row["ts"], row["session_id"] or "", row["activity_id"])
    return mine < (datetime.max - other["ts"], other["session_id"] or "", other["activity_id"])


def _activity(row: Row) -> str:
    return str(row["activity_id"])


def _path(row: Row) -> str | None:
    return cut(features(row).get("file_path"), 1024) if row["event_name"] == "file_event" else None


def _succeeded_query(row: Row) -> bool:
    return row["event_name"] == "sql_event" and success_of(features(row)) is True


def _concluded(row: Row) -> bool:
    f = features(row)
    is_own = row["event_name"] == "session_event" and text(f.get("agent_id")) is None
    return is_own and text(f.get("event_type")) == "turn_end" and f.get("excerpt") is not None


def _conclusion(row: Row) -> dict[str, Any]:
    return compact(ts=iso(row["ts"]), text=cut(features(row)["excerpt"], 300), activity_id=row["activity_id"], **_where(row))


def success_of(f: dict[str, Any]) -> bool | None:
    """None as well for what somebody denied, and for what was interrupted."""
    if text(f.get("denied")) is not None or boolean(f.get("interrupted")) is True:
        return None
    return boolean(f.get("success"))


def _failed(row: Row) -> bool:
    f = features(row)
    if row["event_name"] == "system_event":
        return text(f.get("severity")) in ("error", "critical")
    if row["event_name"] in ("sql_event", "file_event") and text(f.get("tool_use_id")) is not None:
        return False  # the call's own event says it
    return row["event_name"] in ("tool_event", "sql_event", "file_event", "mcp_event") and success_of(f) is False


def _where(row: Row) -> dict[str, Any]:
    return {"session_id": row["session_id"] or None, "project": row["project"]}


def _error(row: Row) -> dict[str, Any]:
    f = features(row)
    field = {"tool_event": "tool_name", "file_event": "operation", "mcp_event": "method", "system_event": "event_type"}
    name = "sql" if row["event_name"] == "sql_event" else cut(f.get(field[row["event_name"]]), 255)
    said = next((value for member in ("error", "message", "error_type") if (value := text(f.get(member))) is not None), None)
    return compact(
        ts=iso(row["ts"]), event_name=row["event_name"], name=name, error=cut(said, 300), activity_id=row["activity_id"],
        **_where(row),
    )  # fmt: skip


def _file(row: Row) -> dict[str, Any]:
    return compact(file_path=_path(row), operation=cut(features(row).get("operation"), 255), ts=iso(row["ts"]), **_where(row))


def _query(row: Row) -> dict[str, Any]:
    f = features(row)
    return compact(
        ts=iso(row["ts"]), sql=cut(f.get("sql"), 300), query_id=text(f.get("query_id")), rows=number(f.get("rows"), 18, 0),
        duration_ms=number(f.get("duration_ms"), 18, 3), artifact_id=text(f.get("artifact_id")),
        activity_id=row["activity_id"], **_where(row),
    )  # fmt: skip


def _insights(scope: Scope, insights: dict[str, dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    shown = [
        atom
        for atom in insights.values()
        if atom["customer"] == scope[0]
        and scope[1] in ("*", atom["project"])
        and not atom["is_quarantined"]
        and (atom["artifact_id"] is not None or atom["query_id"] is not None)
        and (atom["valid_until"] is None or atom["valid_until"] > now)
    ]
    shown.sort(key=lambda atom: (datetime.max - atom["recorded_at"], atom["insight_id"]))
    return [_insight(atom) for atom in shown[:20]]


def _insight(atom: dict[str, Any]) -> dict[str, Any]:
    value = text(atom["value"])
    return compact(
        value=value[:2000] if value is not None and len(value) > 2000 else atom["value"],
        recorded_at=iso(atom["recorded_at"]),
        valid_until=iso(atom["valid_until"]) if atom["valid_until"] else None,
        **{name: cut(atom[name], 300) for name in ("subject", "metric", "grain")},
        **{name: atom[name] for name in ("insight_id", "confidence", "artifact_id", "query_id")},
    )


def _sessions(rows: list[Row]) -> list[dict[str, Any]]:
    by_session: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["session_id"]:
            by_session[row["session_id"]].append(row)
    ordered = sorted(by_session.items(), key=lambda pair: (datetime.max - max(row["ts"] for row in pair[1]), pair[0]))
    return [_session(session_id, mine) for session_id, mine in ordered[:5]]


def _session(session_id: str, rows: list[Row]) -> dict[str, Any]:
    def moments(kind: str) -> list[Row]:
        reported = [row for row in rows if row["event_name"] == "session_event" and text(features(row).get("agent_id")) is None]
        return [row for row in reported if text(features(row).get("event_type")) == kind]

    def said(kind: str) -> tuple[str | None, str | None]:
        return _newest_text([(row["ts"], cut(features(row).get("excerpt"), 300)) for row in moments(kind)])

    starts, ends = moments("start"), moments("end")
    asked, concluded, stopped = said("user_prompt"), said("turn_end"), said("turn_stopped")
    questions = [(row["ts"], cut(features(row).get("excerpt"), 300)) for row in moments("user_prompt")]
    titles = [
        (row["ts"], cut(next((f[name] for name in ("title", "session_title") if f.get(name) is not None), None), 300))
        for row in rows
        for f in [features(row)]
        if row["event_name"] == "session_event"
    ]
    title_ts, title = _newest_text(titles)
    first_ts, first = min((pair for pair in questions if pair[1] is not None), default=(None, None))
    return compact(
        session_id=session_id,
        project=_newest_text([(row["ts"], row["project"]) for row in rows])[1],
        git_branch=_newest_text([(row["ts"], text(features(row).get("git_branch"))) for row in rows])[1],
        started=iso(min(row["ts"] for row in starts or rows)),
        ended=iso(max(row["ts"] for row in ends)) if ends else None,
        last_ts=iso(max(row["ts"] for row in rows)),
        first_asked=first, first_asked_ts=iso(first_ts) if first_ts else None,
        asked=asked[1], asked_ts=asked[0], concluded=concluded[1], concluded_ts=concluded[0], stopped=stopped[1],
        stopped_ts=stopped[0], title=title, title_ts=title_ts,
        files=[_path(row) for row in _newest_by(rows, _path, _path)[:8]],
        failed_commands=[_command(row) for row in _newest_by(rows, _command, _failed_tool)[:3]],
    )  # fmt: skip


def _newest_text(pairs: list[tuple[datetime, str | None]]) -> tuple[str | None, str | None]:
    """The text of the newest pair that has one; of equal times the greater text."""
    found = max(((ts, value) for ts, value in pairs if value is not None), default=None)
    return (iso(found[0]), found[1]) if found else (None, None)


def _failed_tool(row: Row) -> bool:
    return row["event_name"] == "tool_event" and success_of(features(row)) is False


def _command(row: Row) -> str:
    f = features(row)
    tool = text(f.get("tool_name"))
    parameters = f.get("parameters")
    command = text(parameters.get("command")) if tool == "Bash" and isinstance(parameters, dict) else None
    return (command if command is not None else tool if tool is not None else "unknown")[:300]


def _attempts(rows: list[Row]) -> list[dict[str, Any]]:
    by_call: dict[str, list[tuple[str, Row]]] = defaultdict(list)
    for row in rows:
        if row["event_name"] == "tool_event" and (outcome := _outcome(features(row))) is not None:
            by_call[_called(features(row))].append((outcome, row))
    found = [_attempt(what, calls) for what, calls in by_call.items()]
    worst = sorted(found, key=lambda one: one["what"])
    worst.sort(key=lambda one: max(one.get(name, "") for name in ("failed_at", "denied_at", "background_in")), reverse=True)
    recent = sorted(found, key=lambda one: one["what"])
    recent.sort(key=lambda one: one.get("ok_at", ""), reverse=True)
    habits = sorted(recent, key=lambda one: one["ok"], reverse=True)
    kept = {one["what"] for one in (*worst[:20], *recent[:20], *habits[:20])}
    return sorted((one for one in found if one["what"] in kept), key=lambda one: str(one["what"]))


QUIET = ("Read", "NotebookRead", "Grep", "Glob", "LS", "ToolSearch", "TodoWrite", "BashOutput", "TaskOutput")
ARGUMENTS = ("command", "file_path", "notebook_path", "path", "url", "query", "pattern")


def _outcome(f: dict[str, Any]) -> str | None:
    if text(f.get("denied")) is not None:
        return "denied"
    success = success_of(f)
    if not success:
        return "failed" if success is False else None
    parameters = f.get("parameters")
    if isinstance(parameters, dict) and boolean(parameters.get("run_in_background")):
        return "background"
    return None if text(f.get("tool_name")) in QUIET else "ok"


def _called(f: dict[str, Any]) -> str:
    tool, parameters = text(f.get("tool_name")), f.get("parameters")
    given = parameters if isinstance(parameters, dict) else {}
    argument = next((value for name in ARGUMENTS if (value := text(given.get(name))) is not None), "")
    return f"{'unknown' if tool is None else tool} {argument}"[:300]


def _attempt(what: str, calls: list[tuple[str, Row]]) -> dict[str, Any]:
    def of(outcome: str, said: Any) -> list[str]:
        return [f"{iso(row['ts'])}{said(row)}" for found, row in calls if found == outcome]

    def error(row: Row) -> str:
        f = features(row)
        found = next((value for name in ("error", "message", "error_type") if (value := text(f.get(name))) is not None), "")
        return f" {found[:300]}"

    def session(row: Row) -> str:
        return f" {row['session_id'] or ''}"

    def nothing(row: Row) -> str:
        return ""

    def latency(row: Row) -> str:
        return f" {(text(features(row).get('latency_ms')) or '')[:20]}"

    counts = {name: sum(found == name for found, _ in calls) for name in ("ok", "failed", "denied")}
    return compact(
        what=what, **counts, first_ok_at=min(of("ok", nothing), default=None), ok_at=max(of("ok", latency), default=None),
        failed_at=max(of("failed", error), default=None), failed_in=max(of("failed", session), default=None),
        denied_at=max(of("denied", nothing), default=None), background_in=max(of("background", session), default=None),
    )  # fmt: skip


def _hours(rows: list[Row], now: datetime) -> list[dict[str, Any]]:
    oldest = (now - timedelta(days=8)).replace(minute=0, second=0, microsecond=0)
    by_hour: dict[datetime, list[Row]] = defaultdict(list)
    for row in rows:
        by_hour[row["ts"].replace(minute=0, second=0, microsecond=0)].append(row)
    return [_bucket(hour, mine) for hour, mine in sorted(by_hour.items()) if hour >= oldest]


def _bucket(hour: datetime, rows: list[Row]) -> dict[str, Any]:
    events: dict[str, int] = defaultdict(int)
    tools: dict[str, list[dict[str, Any]]] = defaultdict(list)
    models: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        f = features(row)
        events[row["event_name"]] += 1
        if row["event_name"] == "tool_event":
            tools[_name(f.get("tool_name"))].append(f)
        if row["event_name"] == "llm_event":
            models[_name(f.get("model"))].append(f)
    return compact(
        hour=iso(hour),
        events=dict(events),
        tools={name: _tool(calls) for name, calls in tools.items()} or None,
        llm={name: _model(calls) for name, calls in models.items()} or None,
    )


def _name(value: Any) -> str:
    name = cut(value, 255)
    return "unknown" if name is None else name


def _tool(calls: list[dict[str, Any]]) -> dict[str, Any]:
    latency: dict[str, int] = defaultdict(int)
    for f in calls:
        measured = number(f.get("latency_ms"), 18, 3)
        if measured is not None:
            latency[str(math.floor(math.log(max(measured, 0.01)) / math.log(1.1)))] += 1
    failures = sum(success_of(f) is False for f in calls)
    return {"calls": len(calls), "failures": failures, "latency": dict(latency)}


def _model(calls: list[dict[str, Any]]) -> dict[str, Any]:
    summed: dict[str, Any] = {"calls": len(calls)}
    for field in ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_creation_tokens"):
        values = [value for f in calls if (value := number(f.get(field), 18, 0)) is not None]
        summed[field] = sum(values) if values else None
    costs = [value for f in calls if (value := number(f.get("cost_usd"), 18, 9)) is not None]
    summed["cost_usd"] = round(sum(costs), 9) if costs else None
    summed["calls_without_cost"] = len(calls) - len(costs)
    guessed = [f for f in calls if text(f.get("cost_source")) == "estimated"]
    estimates = [value for f in guessed if (value := number(f.get("cost_usd"), 18, 9)) is not None]
    summed["cost_estimated_usd"] = round(sum(estimates), 9) if estimates else None
    return compact(**summed)
