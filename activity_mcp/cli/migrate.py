"""``activity-mcp migrate``: from version 1 of the activity stream to version 2 without downtime, and back."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

import click

from .output import console, print_json, remark, say
from .progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..warehouse.migration_from_v1 import Check, Migration

CHECK_FAILED = 5
_MAX_STATEMENT_S = 3600.0
_STYLES = {"PASS": "green", "WARN": "yellow", "FAIL": "bold red"}


@click.group("migrate")
def migrate_command() -> None:
    """Move from version 1 of the activity stream to version 2: dual-write on, backfill, validate, cutover."""


@migrate_command.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print the document as JSON.")
def status_command(as_json: bool) -> None:
    """How far the migration is."""
    with _migration() as migration:
        progress = migration.status()
    if as_json:
        print_json(dataclasses.asdict(progress))
        return
    say(f"version 1 has {progress.v1_rows} rows, {progress.to_backfill} activities of it are not in version 2 yet")
    say(f"version 2 has {progress.followed_rows} rows of version 1, and {progress.only_in_v2} activities that version 1 lacks")
    say(f"dual write is {'on' if progress.dual_write else 'off'}, consumers read version {2 if progress.reads_v2 else 1}")


@migrate_command.command("dual-write")
@click.argument("state", type=click.Choice(("on", "off")))
def dual_write_command(state: str) -> None:
    """Let new rows of version 1 follow into version 2 by themselves. Switching it on backfills what came before."""
    with _migration() as migration:
        if state == "on":
            _backfill(migration)
        migration.dual_write(state == "on")
        say(f"dual write is {state}")
        if migration.remark:
            remark(migration.remark)


@migrate_command.command("backfill")
def backfill_command() -> None:
    """Copy what version 2 lacks of version 1. Stopped halfway, it goes on where it was."""
    with _migration() as migration:
        _backfill(migration)


def _backfill(migration: Migration) -> None:
    with progress_bar("backfilling") as on_progress:
        copied = migration.backfill(on_progress)
    say(f"copied {copied} activities to version 2")


@migrate_command.command("validate")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def validate_command(as_json: bool) -> int:
    """Compare every activity of both versions. Exits with 5 when a check fails."""
    with _migration() as migration:
        checks = migration.validate()
    if as_json:
        print_json([dataclasses.asdict(check) for check in checks])
    else:
        _show(checks)
    return CHECK_FAILED if any(check.status == "FAIL" for check in checks) else 0


@migrate_command.command("cutover")
def cutover_command() -> None:
    """Let VW_ACTIVITIES read version 2. Refused, with exit code 5, while a check fails."""
    with _migration() as migration:
        migration.cutover()
    say("consumers of VW_ACTIVITIES read version 2")


@migrate_command.command("rollback")
def rollback_command() -> None:
    """Let VW_ACTIVITIES read version 1 again, after copying there what only version 2 has."""
    with _migration() as migration, progress_bar("copying back") as on_progress:
        copied = migration.rollback(on_progress)
    say(f"copied {copied} activities to version 1; consumers of VW_ACTIVITIES read version 1")


@contextlib.contextmanager
def _migration() -> Iterator[Migration]:
    import os

    from ..config import read_config
    from ..warehouse.factory import connection_of
    from ..warehouse.migration_from_v1 import EmbeddedMigration, Migration, SnowflakeMigration

    config = read_config(os.environ)
    connect = connection_of(config)
    if connect is None:
        from ..warehouse.duckdb.warehouse import DuckDBWarehouse

        yield Migration(EmbeddedMigration(DuckDBWarehouse(config.db, timeout_s=_MAX_STATEMENT_S)))
        return
    from ..warehouse.snowflake.statements import snowflake_statements

    with snowflake_statements(connect()) as statements:
        yield Migration(SnowflakeMigration(statements))


def _show(checks: list[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("check", "version 1", "version 2", "status", "ids", box=None, pad_edge=False)
    for check in checks:
        status = Text(check.status, _STYLES[check.status])
        table.add_row(
            check.name, check.old_value or "-", check.new_value or "-", status, Text(check.sample_ids or "", overflow="fold")
        )
    console().print(table)
