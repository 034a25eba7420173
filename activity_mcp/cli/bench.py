"""``activity-mcp bench``: what each part costs, beside its floor, on this machine just now."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from ..errors import ActivityError, InvalidInput
from .output import console, print_json, remark, say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from ..bench.measured import Measured


@click.command("bench")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="Print machine, versions, time and rows as JSON.")
@click.option("--dir", "place", type=click.Path(exists=True, file_okay=False), help="Measure the disk of this directory.")
@click.option(
    "--sessions", type=click.Path(exists=True, file_okay=False), help="recall: over the transcripts in this folder too."
)
@click.option("--list", "listed", is_flag=True, help="Say which benchmarks there are, and run none.")
def bench_command(names: tuple[str, ...], as_json: bool, place: str | None, sessions: str | None, listed: bool) -> int:
    """Run the benchmarks (default: all), each beside its floor in the same run. A missed target is said, not an error."""
    from ..bench import registry

    chosen = registry.chosen(names)
    if listed:
        for name in chosen:
            say(f"{name:<10} {registry.BENCHMARKS[name]}")
        return 0
    if sessions is not None and registry.OVER_SESSIONS not in chosen:
        raise InvalidInput(
            "only the benchmark recall reads sessions; nothing was measured", hint="name it: bench recall --sessions DIR"
        )
    started = time.monotonic()
    rows: dict[str, list[Measured]] = {}
    failed: dict[str, str] = {}
    for name in chosen:
        remark(f"measuring {name}: {registry.BENCHMARKS[name]}")
        try:
            rows[name] = registry.measure(name, os.environ, place=place, sessions=sessions)
        except (ActivityError, OSError, RuntimeError) as error:
            failed[name] = error.describe() if isinstance(error, ActivityError) else f"{type(error).__name__}: {error}"
            remark(f"{name} could not be measured: {failed[name]}")
    if as_json:
        print_json(registry.document(rows, failed, started, place))
    elif rows:
        out = console()
        out.print(table_of(row for measured in rows.values() for row in measured))
    return ActivityError.exit_code if failed else 0


def table_of(rows: Iterable[Measured]) -> Table:
    """The rows as a person reads them."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("what", "measured", "floor in the same run", "target", ""):
        table.add_column(title)
    for row in rows:
        table.add_row(row.what, row.shown(), row.beside(), row.target, row.verdict())
    return table
