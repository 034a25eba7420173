"""``activity-mcp doctor`` as it is printed: a line for each check once it is made, or all of them as JSON.

The first line is there before most of what examines is loaded.
"""

from __future__ import annotations

import os
import sys

from ..operations.doctor import document_of, examinations
from .output import print_json, say_parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..health.check import Check

CHECK_FAILED = 5
_STYLES = {"ok": "32", "warn": "33", "fail": "1;31"}
_STATUS_COLUMNS, _NAME_COLUMNS = 4, 17
_BOLD, _DIM = "1", "2"
_MIN_COLUMNS = 30
_COLUMNS_OF_A_FILE = 120


def show_doctor(*, as_json: bool) -> int:
    """Examine everything and print it; the exit code."""
    checks: list[Check] = []
    for check in examinations(os.environ):
        checks.append(check)
        if not as_json:
            _show(check)
    document = document_of(checks)
    if as_json:
        print_json(document)
    return 0 if document["ok"] else CHECK_FAILED


def _show(check: Check) -> None:
    status = check.status.ljust(_STATUS_COLUMNS)
    indent = " " * (_STATUS_COLUMNS + _NAME_COLUMNS + 4)
    found, *more = _folded(check.found, len(indent))
    say_parts((status, _STYLES[check.status]), ("  ", ""), (check.name.ljust(_NAME_COLUMNS), _BOLD), ("  ", ""), (found, ""))
    for line in more:
        say_parts((indent, ""), (line, ""))
    for line in _folded(f"→ {check.hint}", len(indent)) if check.hint else ():
        say_parts((indent, ""), (line, _DIM))


def _folded(text: str, indent: int) -> list[str]:
    room = max(_MIN_COLUMNS, _columns() - indent)
    if len(text) <= room:
        return [text]
    import textwrap

    return textwrap.wrap(text, room, break_on_hyphens=False)


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _COLUMNS_OF_A_FILE
    except (OSError, ValueError):
        return _COLUMNS_OF_A_FILE
