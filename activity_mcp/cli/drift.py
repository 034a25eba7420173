"""``activity-mcp drift``: where events differ from their schemas, and accepting what is harmless."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import InvalidInput
from ..operations.accept_drift import accept, open_drifts
from ..service import ActivityService
from .output import console, print_json, say
from .parameters import Seconds

if TYPE_CHECKING:
    from ..warehouse.drift import OpenDrift


@click.group("drift", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print what is open as JSON.")
@click.pass_context
def drift_command(context: click.Context, as_json: bool) -> None:
    """Show where events differ from their schemas; `drift accept` lets the insights that were quarantined come back."""
    if context.invoked_subcommand is not None:
        return
    service = ActivityService.from_environ(source="cli")
    try:
        found = open_drifts(service)
    finally:
        service.close()
    if as_json:
        print_json({"open": found})
    else:
        _show(found)


@drift_command.command("accept")
@click.argument("drift_ids", nargs=-1, metavar="[DRIFT_ID]...")
@click.option("--all", "all_of_them", is_flag=True, help="Everything that is open.")
@click.option("--timeout", default=60.0, show_default=True, type=Seconds(1), help="Seconds for all of it.")
def accept_command(drift_ids: tuple[str, ...], all_of_them: bool, timeout: float) -> None:
    """Accept drifts by their id (or its beginning): they no longer quarantine insights."""
    service = ActivityService.from_environ(source="cli")
    try:
        known = [drift["drift_id"] for drift in open_drifts(service, timeout)]
        chosen = known if all_of_them else [_completed(drift_id, known) for drift_id in drift_ids]
        if not chosen and not all_of_them:
            raise InvalidInput("nothing to accept was named", hint="give the id of a drift, or --all")
        if chosen:
            accept(service, chosen, timeout)
    finally:
        service.close()
    say(f"accepted {len(chosen)} of {len(known)}")


def _completed(begun: str, known: list[str]) -> str:
    found = [drift_id for drift_id in known if drift_id.startswith(begun)]
    if len(found) > 1:
        raise InvalidInput(f"{begun!r} begins more than one drift; nothing was accepted", hint="write more of the id")
    return found[0] if found else begun


def _show(found: list[OpenDrift]) -> None:
    from rich.table import Table

    if not found:
        say("no drift is open")
        return
    table = Table("id", "event", "field", "what", "seen", "last", "quarantines insights", box=None, pad_edge=False)
    for drift in found:
        what = drift["sample_reason"] or f"{drift['observed_type']}, expected {drift['expected_types'] or 'nothing'}"
        cells = [drift["drift_id"][:12], drift["event_name"], drift["field"], f"{drift['drift_kind']}: {what}"]
        table.add_row(*cells, str(drift["occurrences"]), drift["last_seen_at"][:19], "yes" if drift["quarantines"] else "no")
    console().print(table, markup=False)
