"""The commands. Each one lives in a small module that is imported when it is called, so that none pays for another."""

from __future__ import annotations

import importlib

import click

from .. import __version__

_HOMES = {
    "serve": "serve",
    "hook": "hook",
    "statusline": "hook",
    "log": "log",
    "import": "import_",
    "flush": "flush",
    "context": "context_and_query",
    "query": "context_and_query",
    "search": "search",
    "sessions": "sessions",
    "session": "sessions",
    "export": "export",
    "blame": "blame",
    "usage": "usage",
    "web": "web",
    "status": "status",
    "doctor": "doctor",
    "drift": "drift",
    "forget": "forget",
    "pause": "pause",
    "adopt": "adopt",
    "deploy": "deploy",
    "migrate": "migrate",
    "install": "install",
    "uninstall": "install",
    "demo": "demo",
    "bench": "bench",
    "completion": "completion",
}


class LazyGroup(click.Group):
    """A group whose commands are found by name in the module that holds them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        home = _HOMES.get(cmd_name)
        if home is None:
            return None
        module = importlib.import_module(f"{__package__}.{home}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="activity-mcp")
def commands() -> None:
    """Record every activity of Claude Code durably, and hand the right context back fast."""


__all__ = ["commands"]
