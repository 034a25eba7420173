"""The ``doctor`` command: is everything as it should be, and what to do where it is not."""

from __future__ import annotations

import click

from .doctor_text import show_doctor


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def doctor_command(as_json: bool) -> int:
    """Check the state, the queue, the warehouse and Claude Code's registration. Exits with 5 when a check fails."""
    return show_doctor(as_json=as_json)
