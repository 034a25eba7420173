"""``activity-mcp deploy``: the tables, views, tasks and roles, applied where they are missing or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .. import package_files
from ..config import read_config
from ..errors import InvalidInput
from .output import console, remark, say
from .progress import progress_bar

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
@click.option("--add-user", metavar="NAME", help="A user for a recorder: its role, its way to sign in, the rows it sees.")
@click.option("--person", "is_person", is_flag=True, help="NAME is a person's user that exists: only its role and rows.")
@click.option("--public-key", metavar="FILE", help="The public half of the key it signs in with, PEM; without one a token.")
@click.option("--network", "networks", multiple=True, metavar="CIDR", help="Where it signs in from; a token needs one.")
@click.option("--customer", help="It sees this customer's rows, such as ada@example.com.")
@click.option("--org-id", help="It sees this organisation's rows.")
@click.option("--masked", is_flag=True, help="It sees no contents: no SQL, parameters, excerpts or values.")
@click.option("--rotate-key", metavar="NAME", help="A second key for NAME, and what to do when every machine has it.")
@click.option("--remove-user", metavar="NAME", help="Take NAME's access away.")
@click.option("--run", "runs", is_flag=True, help="Run the statements for the user, instead of printing them.")
def deploy_command(dry_run: bool, only_print: bool, only: str | None, **options: Any) -> int:
    """Apply sql/ in order to the warehouse, as often as you like. The embedded warehouse deploys itself.

    With --add-user, --rotate-key or --remove-user nothing is deployed: the statements for that user are printed, or run with
    --run by a connection that may.
    """
    import os

    from ..warehouse.factory import connection_of

    names = {name: options.pop(name) for name in ("database", "schema", "warehouse", "role", "role_prefix")}
    config = read_config(os.environ)
    connect = connection_of(config)
    if any(options[option] for option in ("add_user", "rotate_key", "remove_user")):
        return _user(connect() if connect is not None else None, names, options)
    if only_print and (connect is not None or any(value for key, value in names.items() if key != "role_prefix")):
        return _print(only, _names(connect() if connect is not None else None, names))
    if connect is None:
        return _embedded(config, dry_run, only_print)
    return _snowflake(connect(), dry_run, only, names)


def scripts(only: str | None = None) -> dict[str, str]:
    """The files of sql/ by name. Raises InvalidInput where there is none called ``only``."""
    import os

    found = sorted(name for name in os.listdir(package_files.path_of("sql")) if name.endswith(".sql"))
    if only is not None and only not in found:
        raise InvalidInput(f"there is no file {only!r}; nothing was applied", hint=f"there are {', '.join(found)}")
    return {name: package_files.read_bytes("sql", name).decode() for name in found}


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


def _user(connection: NamedConnection | None, given: dict[str, str | None], options: dict[str, Any]) -> int:
    """The statements for one user, printed or run."""
    from ..warehouse.snowflake import provisioning

    names = _names(connection, given)
    key = _read(options["public_key"]) if options["public_key"] else None
    if options["remove_user"]:
        made = provisioning.removal_of(options["remove_user"], names)
    elif options["rotate_key"]:
        if key is None:
            raise InvalidInput("which key was not said; nothing was done", hint="--public-key new_key.pub")
        made = provisioning.rotation_of(options["rotate_key"], key)
    else:
        user = provisioning.NewUser(
            options["add_user"], options["is_person"], key, options["networks"], options["customer"], options["org_id"],
            not options["masked"],
        )  # fmt: skip
        made = provisioning.statements_for(user, names)
    if not options["runs"]:
        say(";\n".join(made) + ";")
        return 0
    if connection is None:
        raise InvalidInput("SNOW_CONNECTION names no connection; nothing was done", hint="set it, or leave --run out")
    return _run_for_user(connection, made)


def _run_for_user(connection: NamedConnection, made: list[str]) -> int:
    """What a comment asks to wait for is printed, not run. A new token is shown once, by Snowflake and so here."""
    from ..warehouse.snowflake.statements import snowflake_statements

    with snowflake_statements(connection) as statements:
        for statement in made:
            if statement.startswith("--"):
                say(f"{statement};")
                continue
            rows = statements.execute(statement)
            if "PROGRAMMATIC ACCESS TOKEN" in statement and rows:
                say(f"token: {rows[0][1]}")
    return 0


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidInput(f"{path} cannot be read ({reason}); nothing was done", hint="name a file in PEM") from error


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
        remark("this account's edition has no row access and masking policies: every reader sees all rows unmasked")
    if deployed.owners_taken:
        remark(OWNERS_TAKEN.format(engine=engine))
    for task, reason in deployed.suspended.items():
        remark(f"suspended: {task} ({reason})")
    if deployed.suspended:
        remark(f"the context is not refreshed until {engine} may execute tasks; grant it as below and deploy again")
    return TASKS_SUSPENDED if deployed.suspended else 0
