"""Who asked for a request: the person's conversation, a subagent, or Claude Code for itself.

Claude Code names it in ``query_source``: ``repl_main_thread`` and ``sdk`` are the conversation, ``agent:…`` a subagent;
everything else (``compact``, titles, web searches, hooks' agents) it asks for itself. Such requests stand in no transcript, so
only the exporter reports them. A transcript has no query_source: its lines are of the conversation, or name a subagent.
"""

from __future__ import annotations

MAIN, SUBAGENT, AUXILIARY = "main", "subagent", "auxiliary"
_MAIN_SOURCES = ("sdk", "repl_main_thread")
_AGENT = "agent:"


def kind_of_request(query_source: str | None, *, is_subagent: bool) -> str:
    """``main``, ``subagent`` or ``auxiliary``."""
    if query_source is None or query_source.startswith(_MAIN_SOURCES):
        return SUBAGENT if is_subagent else MAIN
    return SUBAGENT if query_source.startswith(_AGENT) else AUXILIARY
