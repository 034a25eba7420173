"""``activity-mcp flush``: drain the queue into the warehouse now, and try again what was set aside."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from ..operations.drain import Drainer
from ..queue import dead_letters
from ..service import ActivityService
from .output import remark
from .parameters import Seconds
from .progress import progress_bar

if TYPE_CHECKING:
    from ..operations.redrive import Retried

_MAX_SHOWN = 10


@click.command("flush")
@click.option("--timeout", default=60.0, show_default=True, type=Seconds(), help="Seconds to try for.")
@click.option("--retry-dead", is_flag=True, help="Put back what was set aside and can be read now; what cannot stays.")
def flush_command(timeout: float, retry_dead: bool) -> None:
    """Drain the queue into the warehouse now, or wait for the process that leads to do it."""
    deadline = time.monotonic() + timeout
    service = ActivityService.from_environ(source="cli")
    try:
        _flush(service, deadline)
        if retry_dead:
            _retry_dead(service, deadline)
    finally:
        service.close()


def _flush(service: ActivityService, deadline: float) -> None:
    with progress_bar("flushing") as on_progress:
        drained = Drainer(service, on_progress=on_progress).drain(max(0.1, deadline - time.monotonic()))
    what = f"{drained.rows} events" if drained.led else "by the server that leads"
    remark(f"flushed {what} in {drained.elapsed_ms:.0f} ms")
    if drained.unpublished:
        remark(f"the contexts were not renewed: {drained.unpublished}; the events are in the warehouse")
    if drained.quarantined:
        dead = f"{service.queue.directory}/dead"
        remark(f"{drained.quarantined} damaged ranges, or events the warehouse cannot take, were set aside in {dead}")


def _retry_dead(service: ActivityService, deadline: float) -> None:
    """After a flush, so that there is room. What goes back is flushed, and what the warehouse refuses again is said."""
    from ..operations.redrive import Retried, retried_event, retry_dead

    retried = Retried()
    try:
        retry_dead(service.writer, retried)
    finally:
        _show(retried)
    if not retried.again:
        return
    before = {letter.path for letter in dead_letters(service.queue.directory)}
    service.system_events.report(retried_event(retried))
    _flush(service, deadline)
    refused = [letter for letter in dead_letters(service.queue.directory) if letter.path not in before]
    for letter in refused[:_MAX_SHOWN]:
        remark(f"refused again: {letter.reason}")


def _show(retried: Retried) -> None:
    remark(f"{len(retried.again)} dead letters were appended again, {len(retried.kept)} stay")
    for path, reason in retried.kept[:_MAX_SHOWN]:
        remark(f"stays: {os.path.basename(path)}: {reason}")
    if len(retried.kept) > _MAX_SHOWN:
        remark(f"and {len(retried.kept) - _MAX_SHOWN} more, in {os.path.dirname(retried.kept[0][0])}")
