"""``activity-mcp usage``: tokens and dollars, by time, session, project, branch, model, agent, skill or MCP server."""

from __future__ import annotations

import csv
import io
import os
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..clock import iso, parse_iso
from ..errors import ActivityError, InvalidInput, WarehouseUnavailable
from ..operations.drain import Drainer
from ..project import place_of, working_directory
from ..service import ActivityService
from ..usage.budgets import budgets_of
from ..usage.sums import KEYS, read_usage
from .output import console, folder, print_json, remark, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..claude_code.setup.reporting import Reports
    from ..usage.reconcile import Reconciled
    from ..usage.sums import Usage

_SETTLE_S = 10.0
_EVERYBODY = "*"
_Found = TypeVar("_Found")


@click.command("usage")
@click.argument("by", default="daily", type=click.Choice(list(KEYS)))
@click.option("--since", metavar="DATE", help="Leave out what is older, such as 2026-11-01.")
@click.option("--project", help="Only this project: its folder.")
@click.option("--customer", help="Whose usage; default: yours, * for everybody's.")
@click.option("--reconcile", "reconciling", is_flag=True, help="Each session's sums by source, beside Claude Code's own.")
@click.option("--json", "as_json", is_flag=True, help="Print the sums as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the sums as CSV.")
def usage_command(
    by: str, since: str | None, project: str | None, customer: str | None, reconciling: bool, as_json: bool, as_csv: bool
) -> None:
    """What requests to models cost, BY day (the default), week, month, session, project, branch, model, agent, skill or mcp.

    Days are those of UTC. A cost is measured by Claude Code where its exporter reports here, and else estimated from a list of
    prices; of a request that both report one counts.
    """
    if as_json and as_csv:
        raise InvalidInput("--json and --csv exclude each other", hint="give one of them")
    since_us = _time(since)
    service = ActivityService.from_environ(source="cli")
    try:
        whose = None if customer == _EVERYBODY else customer or service.identity.customer
        if reconciling:
            from ..usage.reconcile import reconcile

            _show_reconciled(
                _read(service, lambda: reconcile(service.query, customer=whose, since_us=since_us)),
                as_json=as_json,
                as_csv=as_csv,
            )
            return
        place = place_of(folder(project)) if project else None
        found = _read(service, lambda: _sums(service, by, customer=whose, since_us=since_us, project=place))
        spent = [] if as_json or as_csv or whose is None else _budgets(service, whose)
    finally:
        service.close()
    if as_json:
        print_json(_document(found, since))
    elif as_csv:
        say(_csv(found), nl=False)
    else:
        from .usage_view import show_usage

        show_usage(found, console(), _reports())
        for line in spent:
            remark(line)


def _sums(service: ActivityService, by: str, **wanted: Any) -> Usage:
    return read_usage(service.query, by, is_embedded=service.config.is_embedded, **wanted)


def _budgets(service: ActivityService, customer: str) -> list[str]:
    """What is spent of the budgets that are set."""
    config, now_us = service.config, service.clock.time_us()
    if config.budget_day_usd is None and config.budget_month_usd is None:
        return []
    month = _sums(service, "daily", customer=customer, since_us=parse_iso(f"{iso(now_us)[:7]}-01"))
    today = next((day.cost_usd for day in month.rows if day.key == iso(now_us)[:10]), 0.0)
    found = budgets_of(config.budget_day_usd, config.budget_month_usd, now_us, today, month.total.cost_usd)
    return [f"{'! ' if budget.level else ''}{budget.describe()}" for budget in found]


def _time(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_iso(text)
    except ValueError as error:
        raise InvalidInput(f"--since: {error}", hint="write it as 2026-11-01 or 2026-11-01T09:00:00Z") from None


def _read(service: ActivityService, read: Callable[[], _Found]) -> _Found:
    """What the warehouse says, once what waits in the queue is in it; a warehouse that is not there yet is made."""
    if service.local_events.urgent():
        _settle(service)
    try:
        return read()
    except WarehouseUnavailable:
        _settle(service)
        return read()


def _settle(service: ActivityService) -> None:
    """Bring the warehouse up to date; if that fails, say so and answer from what there is."""
    try:
        Drainer(service).drain(_SETTLE_S)
    except ActivityError as error:
        remark(f"not up to date: {error.describe()}")


def _show_reconciled(sessions: list[Reconciled], *, as_json: bool, as_csv: bool) -> None:
    documents = [each.document() for each in sessions]
    if as_json:
        print_json({"sessions": documents})
    elif as_csv:
        say(_as_csv(documents), nl=False)
    else:
        from .usage_view import show_reconciled

        show_reconciled(sessions, console(), _reports())


def _reports() -> Reports:
    """Where the sessions of this folder report their requests."""
    from ..claude_code.setup.reporting import reports

    return reports(os.environ, working_directory())


def _document(found: Usage, since: str | None) -> dict[str, object]:
    return {
        "by": found.by,
        "since": since,
        "rows": [one.document() for one in found.rows],
        "total": found.total.document(),
        "unpriced_models": found.unpriced_models,
    }


def _csv(found: Usage) -> str:
    return _as_csv([{**one.document(), "models": " ".join(one.models)} for one in found.rows])


def _as_csv(documents: list[dict[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(documents[0]) if documents else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(documents)
    return out.getvalue()
