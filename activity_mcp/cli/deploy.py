"""``activity-mcp deploy``: the tables, views, tasks and roles, applied where they are missing or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .. import package_files
from ..config import read_config
from ..errors import InvalidInput
from .output import console, progress_bar, remark, say

if TYPE_CHECKING:
    from ..config import Config
    from ..warehouse.snowflake.connection import NamedConnection
    from ..warehouse.snowflake.deployment import Deployed, Names, Planned

NOT_EMBEDDED = (
    "what does not apply to the embedded warehouse: streams and tasks (the leader runs the refresh sequence after each batch), "
    "roles and policies (who can read the file sees all of it), and Snowflake's query history"
)
OWNERS_TAKEN = (
    "tasks and procedures that are replaced lose their owner and their grants: {engine} owns them again, and the tasks run as "
    "it, after `activity-mcp deploy --only 05_governance.sql`, with the same names"
)
TASKS_SUSPENDED = 5


@click.command("deploy")
@click.option("--dry-run", is_flag=True, help="Say what would be applied, and apply nothing.")
@click.option("--print", "only_print", is_flag=True, help="Print the SQL with the names filled in, and connect to nothing.")
@click.option("--only", metavar="FILE", help="Apply this file alone, changed or not, such as 04_typed_views.sql.")
@click.option("--database", help="Default: the connection's, else CLAUDE_LOGS.")
@click.option("--schema", help="Default: the connection's, else ACTIVITIES.")
@click.option("--warehouse", help="Default: the connection's, else COMPUTE_WH.")
@click.option("--role", help="Owns what is created; default: the connection's role.")
@click.option("--role-prefix", default="ACTIVITY", show_default=True, help="Of the roles _WRITER, _READER, _ADMIN and _ENGINE.")
def deploy_command(dry_run: bool, only_print: bool, only: str | None, **names: str | None) -> int:
    """Apply sql/ in order to the warehouse, as often as you like. The embedded warehouse deploys itself."""
    import os

    config = read_config(os.environ)
    if only_print and (config.snow_connection or any(value for key, value in names.items() if key != "role_prefix")):
        return _print(only, _names(None if not config.snow_connection else _connection(config), names))
    if config.snow_connection is None:
        return _embedded(config, dry_run, only_print)
    return _snowflake(_connection(config), dry_run, only, names)


def scripts(only: str | None = None) -> dict[str, str]:
    """The files of sql/ by name. Raises InvalidInput where there is none called ``only``."""
    import os

    found = sorted(name for name in os.listdir(package_files.path_of("sql")) if name.endswith(".sql"))
    if only is not None and only not in found:
        raise InvalidInput(f"there is no file {only!r}; nothing was applied", hint=f"there are {', '.join(found)}")
    return {name: package_files.read_bytes("sql", name).decode() for name in found}


def _connection(config: Config) -> NamedConnection:
    from ..warehouse.snowflake.connection import read_connection

    return read_connection(str(config.snow_connection))


def _names(connection: NamedConnection | None, given: dict[str, str | None]) -> Names:
    """The names of the options, else those of the connection, else the defaults."""
    from ..warehouse.snowflake.deployment import Names

    stated = (
        {key: str(connection.parameters[key]) for key in ("warehouse", "role") if key in connection.parameters}
        if connection
        else {}
    )
    if connection:
        stated |= {"database": connection.database, "schema": connection.schema}
    return Names(**(stated | {key: value for key, value in given.items() if value}))


def _print(only: str | None, names: Names) -> int:
    for name, text in scripts(only).items():
        if only in (None, name):
            say(names.put_into(text))
    return 0


def _embedded(config: Config, dry_run: bool, only_print: bool) -> int:
    from ..warehouse.base import LAYOUT_VERSION
    from ..warehouse.duckdb import generated_sql, layout
    from ..warehouse.duckdb.warehouse import DuckDBWarehouse, is_deployed

    if only_print:
        for name in layout.deployment_files():
            say(f"-- {name}\n" + ";\n\n".join(generated_sql.statements_of(name)) + ";\n")
        return 0
    if dry_run:
        say(f"{config.db}: {'up to date' if is_deployed(config.db) else 'to be deployed'}")
    else:
        warehouse = DuckDBWarehouse(config.db)
        with warehouse.transaction():
            pass  # opening it deploys
        warehouse.release()
        say(f"{config.db}: layout {LAYOUT_VERSION}, up to date")
    remark(NOT_EMBEDDED)
    return 0


def _snowflake(connection: NamedConnection, dry_run: bool, only: str | None, given: dict[str, str | None]) -> int:
    from ..warehouse.snowflake.deployment import Deployment, administrators_grants, takes_owners
    from ..warehouse.snowflake.statements import snowflake_statements

    names, found = _names(connection, given), scripts(only)
    with snowflake_statements(connection) as statements:
        deployment = Deployment(statements, found, names, only=only)
        if dry_run:
            plan = deployment.plan()
            _show(plan)
            if takes_owners(plan):
                remark(OWNERS_TAKEN.format(engine=names.engine))
            return 0
        with progress_bar("deploying") as on_progress:
            deployed = deployment.deploy(on_progress)
    code = _tell(deployed, names.engine)
    remark("what only an administrator (ACCOUNTADMIN) can grant, once:")
    for grant in administrators_grants(names):
        remark(f"  {grant}")
    return code


def _show(plan: list[Planned]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for file in plan:
        table.add_row(Text(file.action, "bold"), file.name, Text(file.reason))
    console().print(table)


def _tell(deployed: Deployed, engine: str) -> int:
    say(f"applied: {', '.join(deployed.files) or 'nothing, all of it was applied already'}")
    if deployed.tasks:
        say(f"running: {', '.join(deployed.tasks)}")
    if deployed.edition_lacks_policies:
        remark("this account's edition has no row access and masking policies: whoever may read sees all rows unmasked")
    if deployed.owners_taken:
        remark(OWNERS_TAKEN.format(engine=engine))
    for task, reason in deployed.suspended.items():
        remark(f"suspended: {task} ({reason})")
    if deployed.suspended:
        remark(f"the context is not refreshed until {engine} may execute tasks; grant it as below and deploy again")
    return TASKS_SUSPENDED if deployed.suspended else 0
