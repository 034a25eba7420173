"""What a warehouse needs once a day: what has expired or is too old leaves, unless a legal hold keeps it.

The statements are those of the procedures in ``sql/``, which a daily task runs on Snowflake; the embedded engine has no tasks,
so the leader runs them here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .generated_sql import facts_of, statements_of

if TYPE_CHECKING:
    from ..base import Statements

RETENTION_FILE, CLEAN_UP_FILE = "run_retention.sql", "run_clean_up.sql"
_KEEP = "UPDATE RETENTION_RULES SET keep_days = $keep_days WHERE subject = 'activities' AND keep_days <> $keep_days"


def apply_retention(statements: Statements, *, keep_days: int) -> dict[str, int]:
    """Remove activities older than ``keep_days`` and artifacts older than their rule; the rows removed, by table.

    To be run inside one transaction. What LEGAL_HOLDS names stays, and so do pinned artifacts.
    """
    statements.execute(_KEEP, {"keep_days": keep_days})
    return _run(statements, RETENTION_FILE)


def clean_up(statements: Statements) -> dict[str, int]:
    """Remove what is past its own end: artifacts, and insights a month after it; the rows removed, by table.

    To be run inside one transaction. What LEGAL_HOLDS names stays, and so do pinned artifacts.
    """
    return _run(statements, CLEAN_UP_FILE)


def _run(statements: Statements, name: str) -> dict[str, int]:
    """The rows that each DELETE of a file removed."""
    facts: dict[str, Any] = {}
    removed = {}
    for text in statements_of(name):
        rows = statements.execute(text, {fact: value for fact, value in facts.items() if f"${fact}" in text})
        if asked := facts_of(text, "asks"):
            facts.update(zip(asked, rows[0], strict=True))
        else:
            removed[text.split()[2]] = int(rows[0][0])
    return removed
