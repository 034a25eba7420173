"""``activity-mcp status``: is it recording, is it flowing, is it fresh."""

from __future__ import annotations

import click

from .status_text import show_status


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print the document as JSON.")
def status_command(as_json: bool) -> None:
    """Show the queue, the leader, the warehouse and the context's freshness."""
    show_status(as_json=as_json)
