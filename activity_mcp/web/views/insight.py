"""One insight with its provenance: the question, the SQL, the result, the hashes, and until when it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...clock import iso
from ...errors import ActivityError
from ...provenance import hashes
from .. import statements
from ..tables import Column, Table
from ..view import SLOW_S, NotThere, View
from .insights import MEMBERS, state_of

if TYPE_CHECKING:
    from ..view import Look

SHOWN_ROWS = 50
_SQL = """SELECT sql, duration_ms, row_count, ts, session_id
FROM VW_SQL_EVENTS
WHERE query_id = {query_id} AND sql IS NOT NULL
ORDER BY ts DESC
LIMIT 1"""


def load(look: Look) -> dict[str, Any]:
    insight_id = look.path["insight_id"]
    found = look.ask(f"SELECT {MEMBERS} FROM INSIGHT_ATOMS WHERE insight_id = {statements.text(insight_id)}", SLOW_S)  # noqa: S608
    if not found.rows:
        if found.state in {"pending", "failed"}:
            return {"insight": None, "artifact": None, "question": None, "checks": [], "tables": []}
        raise NotThere(f"No insight with the id {insight_id} is recorded.")
    insight = {**found.rows[0], "state": state_of(found.rows[0], iso(look.now_us))}
    asked = look.ask(_SQL.format(query_id=statements.text(insight["query_id"])), SLOW_S) if insight["query_id"] else None
    question = asked.rows[0] if asked is not None and asked.rows else None
    artifact = _artifact(look, insight["artifact_id"])
    return {
        "insight": insight,
        "artifact": artifact,
        "question": question,
        "checks": _checks(artifact, question),
        "tables": [_result(artifact)] if artifact else [],
    }


def _artifact(look: Look, artifact_id: str | None) -> dict[str, Any] | None:
    """What the insight rests on, as far as this machine has its file."""
    if not artifact_id:
        return None
    try:
        known = look.sources.artifacts().get(artifact_id)
        if known is not None:
            return look.sources.artifacts().read(artifact_id)
    except ActivityError as error:
        look.notes.append(("warn", f"The artifact cannot be read: {error.message}"))
    return None


def _checks(artifact: dict[str, Any] | None, question: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The hashes, each with what making it again gives."""
    if artifact is None:
        return []
    checks = [{"name": "Statement (sql_sha256)", "stored": artifact.get("sql_sha256"), "made": None}]
    if question is not None:
        checks[0]["made"] = hashes.sql_sha256(hashes.statement_of(question["sql"]))
    checks.append({"name": "Result (result_sha256)", "stored": artifact.get("result_sha256"), "made": None})
    if artifact.get("rows") is not None and not artifact.get("truncated"):
        checks[1]["made"] = hashes.result_sha256(artifact["columns"], artifact["rows"])
    return [check for check in checks if check["stored"]]


def _result(artifact: dict[str, Any]) -> Table:
    names = [str(name) for name in artifact.get("columns") or []]
    rows = [dict(zip(names, row, strict=False)) for row in artifact.get("rows") or []]
    columns = [Column(name, name, "cell") for name in dict.fromkeys(names)]
    return Table("result", "Result", columns, rows, per_page=SHOWN_ROWS, empty="The result has no rows.")


VIEW = View("insight", "Insight", "/insight/{insight_id:path}", load, in_navigation=False)
