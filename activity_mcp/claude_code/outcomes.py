"""Why a tool call was not carried out: it was denied, or interrupted. Neither is a failure of the call.

    denied: user   a person refused it in the dialog or with Esc, or was not there to answer
    denied: rule   a permission rule, auto mode or a hook refused it
    interrupted    it had begun, or was to begin, when the turn or the process was stopped

A transcript's line has it in ``toolDenialKind`` (user-rejected, permission-rule, automode-blocked, interrupted, cancelled), in
2.1.332 and for some releases before; 2.1.197 has it in the result's text alone. Esc while a call runs is written exactly as a
No in the dialog is.

Standard library only, no I/O: hooks load it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

USER, RULE = "user", "rule"
_STOPPED_KINDS = ("interrupted", "cancelled")
_BY_TEXT: tuple[tuple[str, dict[str, Any]], ...] = (
    ("The user doesn't want to ", {"denied": USER}),
    ("Claude requested permissions to ", {"denied": USER}),
    ("Permission to use ", {"denied": RULE}),
    ("Permission for this action has been denied", {"denied": RULE}),
    ("[Request interrupted by user", {"interrupted": True}),
    ("[Tool call interrupted", {"interrupted": True}),
)
_REFUSED = ("<tool_use_error>", "</tool_use_error>")


def marks_of(kind: Any, text: str) -> dict[str, Any]:
    """The features ``denied`` or ``interrupted``; empty for a call that simply failed.

    ``kind`` is the line's ``toolDenialKind``, ``text`` the result that the model sees.
    """
    if isinstance(kind, str) and kind:
        return {"interrupted": True} if kind in _STOPPED_KINDS else {"denied": USER if kind == "user-rejected" else RULE}
    text = text.lstrip()
    return next((dict(marks) for beginning, marks in _BY_TEXT if text.startswith(beginning)), {})


def refusal_in(text: str) -> str | None:
    """The reason in a result with which Claude Code itself refused the call (no such tool, invalid input); else None."""
    text = text.strip()
    if text.startswith(_REFUSED[0]) and text.endswith(_REFUSED[1]):
        return text.removeprefix(_REFUSED[0]).removesuffix(_REFUSED[1]).strip() or "refused without a reason"
    return None
