"""``activity-mcp install`` and ``uninstall``: the server and the hooks, into Claude Code's files and out of them."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from ..claude_code.setup.compiled_hook import hook_command
from ..claude_code.setup.exporter import exporter_env, others
from ..claude_code.setup.install import SCOPES, commands, files_of, json_of, plan_install, plan_uninstall, project_root
from ..claude_code.setup.registration import enabled_plugins
from ..claude_code.versions import installed_version
from ..config import read_config
from ..errors import InvalidInput
from ..identity import resolve_identity
from ..operations.own_files import own_files
from ..operations.purge import purge
from ..otlp.token import PREFIX, forget_token, made_token, stored_token
from ..project import working_directory
from .output import remark, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..claude_code.setup.install import Change
    from ..config import Config

_PLACES = ("ACTIVITY_HOME", "ACTIVITY_DB", "QUEUE_DIR", "SNOW_CONNECTION")
"""Where events go: a hook and a server that do not see the same values record into two places."""


@click.command("install")
@click.option("--scope", default="user", type=click.Choice(SCOPES), show_default=True, help="All projects, or the one here.")
@click.option("--otel", is_flag=True, help="Have Claude Code report each request, with its cost, to this machine's server.")
@click.option("--statusline", is_flag=True, help="Show cost, limits and recording in the status line, below your own.")
@click.option("--dry-run", is_flag=True, help="Print what would change, write nothing.")
def install_command(scope: str, otel: bool, statusline: bool, dry_run: bool) -> None:
    """Register the server and the hooks in Claude Code's files. Again changes nothing; `uninstall` takes it out again."""
    root = project_root(working_directory())
    hook = hook_command(read_config(os.environ), place=not dry_run)
    parts = commands(installed_version(os.environ), hook)
    parts = replace(parts, has_statusline=statusline)
    if otel:
        parts = replace(parts, exporter=_exporter(scope, dry_run))
    changes = plan_install(files_of(scope, os.environ, root), parts)
    if _carried_out(changes, dry_run, "nothing to do: everything is registered as it should be"):
        remark(
            "Restart Claude Code; `/mcp` then lists the server `activity`, and `activity-mcp doctor` shows whether hooks fire."
        )
        if scope == "project":
            remark("Claude Code asks once whether to use it: choose `Use this MCP server`; the preselected answer refuses it.")
            remark("These files name paths of this machine. For a team, share the plugin instead, or examples/ of the source.")
    _warn_of_environment()
    _warn_of_plugin(root)


@click.command("uninstall")
@click.option("--scope", default="all", type=click.Choice(("all", *SCOPES)), show_default=True)
@click.option("--dry-run", is_flag=True, help="Print what would change, write nothing.")
@click.option("--purge", "purging", is_flag=True, help="Delete what was recorded as well.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
def uninstall_command(scope: str, dry_run: bool, purging: bool, yes: bool) -> None:
    """Take the server and the hooks out of Claude Code's files. What was recorded stays, unless --purge is given."""
    config = read_config(os.environ)
    root = project_root(working_directory())
    scopes = SCOPES if scope == "all" else (scope,)
    parts = commands(installed_version(os.environ), hook_command(config, place=False))
    planned = [change for each in scopes for change in plan_uninstall(files_of(each, os.environ, root), parts)]
    changes = list({change.path: change for change in planned}.values())  # at home both scopes have the same settings
    if purging and not dry_run and not yes:
        _confirm(config)
    _carried_out(changes, dry_run, "nothing to do: no server and no hook is registered")
    if not dry_run and "user" in scopes:
        forget_token(config.home)
    if purging and not dry_run:
        removed = purge(config)
        remark(f"deleted {removed.size} bytes in {removed.places} places below {config.home}")
        for path in removed.left:
            remark(f"  left, as it is not activity-mcp's: {path}")
        remark("What was sent to Snowflake stays there: `activity-mcp forget` prints the SQL for it.")
    else:
        _tell_of_data(config, "would be deleted" if purging else "was kept")


def _exporter(scope: str, dry_run: bool) -> dict[str, str]:
    """The exporter's variables, with the token that the receiver asks for; it is made if there is none."""
    config = read_config(os.environ)
    if scope != "user":
        raise InvalidInput("--otel writes your token", hint="use --scope user: a project's settings are shared")
    if config.otlp_port is None:
        raise InvalidInput("ACTIVITY_OTLP_PORT is off", hint="unset it first: nothing would listen")
    other = others(os.environ)
    if other:
        raise InvalidInput(f"another exporter is set in this environment ({', '.join(other)})", hint="unset it first")
    if dry_run:
        return exporter_env(config.otlp_port, stored_token(config.home) or f"{PREFIX}…")
    resolve_identity(config.home, os.environ, config.customer)  # makes the directory, or refuses it
    return exporter_env(config.otlp_port, made_token(config.home))


def _carried_out(changes: Sequence[Change], dry_run: bool, otherwise: str) -> bool:
    """Show or make the changes; whether any was made."""
    if dry_run:
        for change in changes:
            say(change.diff(), nl=False)
    if not changes:
        remark(otherwise)
    if dry_run or not changes:
        return False
    for change in changes:
        change.apply()
        say(f"{_verb(change)} {change.path}")
        if change.backup is not None:
            remark(f"  the file as it was: {change.backup}")
    return True


def _verb(change: Change) -> str:
    if change.restores:
        return "restored" if change.after is not None else "removed"
    return "made" if change.before is None else "changed"


def _confirm(config: Config) -> None:
    _tell_of_data(config, "is to be deleted")
    try:
        agreed = click.confirm("Delete it for good?", err=True)
    except click.Abort:
        raise InvalidInput("nobody answered; nothing was changed", hint="give --yes to delete without being asked") from None
    if not agreed:
        raise InvalidInput("not confirmed; nothing was changed")


def _tell_of_data(config: Config, what: str) -> None:
    held = own_files(config)
    if not held:
        remark(f"Nothing was recorded below {config.home}.")
        return
    remark(f"What was recorded {what}: {_size(sum(place.size for place in held))} in {config.home}")
    for place in held:
        remark(f"  {_size(place.size):>9}  {place.path}")


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count} bytes"


def _warn_of_environment() -> None:
    for name in _PLACES:
        if os.environ.get(name):
            remark(f"note: {name} is set here; Claude Code must be started with it too, else it records elsewhere.")


def _warn_of_plugin(root: str) -> None:
    """A plugin's hooks and those of the settings both fire; the ids fold, but each event costs twice."""
    paths = [files_of(scope, os.environ, root).settings for scope in SCOPES]
    for path in (*paths, os.path.join(root, ".claude", "settings.local.json")):
        for name in enabled_plugins(json_of(path)):
            remark(f"warning: the plugin {name} is enabled too ({path}): every event is recorded by both, and counted once.")
            remark(f"  Keep one of them: `claude plugin disable {name}`, or `activity-mcp uninstall`.")
