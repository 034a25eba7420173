"""Writes what ``activity-mcp --help`` prints, as click makes it, beside the code that prints it without click."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

import activity_mcp.cli
from activity_mcp.cli.commands import commands
from activity_mcp.cli.plain import HELP_COLUMNS, HELP_FILE


def help_text() -> str:
    """The help on a terminal that is wide enough: click leaves two columns free."""
    return CliRunner().invoke(commands, ["--help"], prog_name="activity-mcp", terminal_width=HELP_COLUMNS - 2).output


if __name__ == "__main__":
    Path(activity_mcp.cli.__file__).with_name(HELP_FILE).write_text(help_text(), encoding="utf-8")
