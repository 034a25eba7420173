"""``activity-mcp doctor``: is everything as it should be, and what to do where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..operations.doctor import document_of, examine
from .output import console, print_json

if TYPE_CHECKING:
    from ..health.check import Check

CHECK_FAILED = 5
_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def doctor_command(as_json: bool) -> int:
    """Check the state, the queue, the warehouse and Claude Code's registration. Exits with 5 when a check fails."""
    checks = examine()
    document = document_of(checks)
    if as_json:
        print_json(document)
    else:
        _show(checks)
    return 0 if document["ok"] else CHECK_FAILED


def _show(checks: list[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for check in checks:
        table.add_row(Text(check.status, _STYLES[check.status]), check.name, Text(check.found))
        if check.hint:
            table.add_row("", "", Text(f"→ {check.hint}", "dim"))
    console().print(table)
