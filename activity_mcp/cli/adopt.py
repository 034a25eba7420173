"""``activity-mcp adopt``: another state directory, taken over into this one."""

from __future__ import annotations

import os
from dataclasses import asdict

import click

from ..errors import ActivityError
from ..operations.adopt import Adoption
from ..operations.drain import Drainer
from ..service import ActivityService
from .output import print_json, remark, say

_FLUSH_S = 60.0


@click.command("adopt")
@click.argument("directory", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def adopt_command(directory: str, as_json: bool) -> None:
    """Take over what DIRECTORY holds: another state directory, or a queue whose warehouse is gone.

    Its events and rows keep their ids: what is here already is not there twice, and another run adds nothing. Of DIRECTORY
    nothing is deleted.
    """
    service = ActivityService.from_environ(source="cli")
    try:
        adopted = Adoption(service, os.path.expanduser(directory)).run()
        try:
            Drainer(service).drain(_FLUSH_S)
        except ActivityError as error:
            remark(f"taken over into the queue, not yet into the warehouse: {error.describe()}")
    finally:
        service.close()
    if as_json:
        print_json({**asdict(adopted), "left": [{"queue": queue, "reason": reason} for queue, reason in adopted.left]})
        return
    say(
        f"{adopted.events} waiting events, {adopted.rows} rows, {adopted.artifacts} artifacts and the imports of"
        f" {adopted.transcripts} transcripts taken over from {directory}"
    )
    if adopted.damaged:
        remark(f"{adopted.damaged} damaged ranges stay in its queues")
    for queue, reason in adopted.left:
        remark(f"not taken over: {queue}: {reason}")
