"""``activity-mcp flush``: drain the queue into the warehouse now."""

from __future__ import annotations

import click

from ..draining import Drainer
from ..service import ActivityService
from .output import progress_bar, remark


@click.command("flush")
@click.option("--timeout", default=60.0, show_default=True, type=click.FloatRange(min=0.1), help="Seconds to try for.")
def flush_command(timeout: float) -> None:
    """Drain the queue into the warehouse now, or wait for the process that leads to do it."""
    service = ActivityService.from_environ(source="cli")
    try:
        with progress_bar("flushing") as on_progress:
            drained = Drainer(service, on_progress=on_progress).drain(timeout)
    finally:
        service.close()
    what = f"{drained.rows} events" if drained.led else "by the server that leads"
    remark(f"flushed {what} in {drained.elapsed_ms:.0f} ms")
    if drained.quarantined:
        remark(f"{drained.quarantined} damaged ranges were set aside in {service.queue.directory}/dead")
