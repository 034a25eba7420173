"""Writes what ``activity-mcp --help`` prints, as click makes it, beside the code that prints it without click."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from click.testing import CliRunner  # noqa: E402

from activity_mcp.cli.commands import commands  # noqa: E402
from activity_mcp.cli.plain import HELP_COLUMNS, HELP_FILE  # noqa: E402


def help_text() -> str:
    """The help on a terminal that is wide enough: click leaves two columns free."""
    return CliRunner().invoke(commands, ["--help"], prog_name="activity-mcp", terminal_width=HELP_COLUMNS - 2).output


if __name__ == "__main__":
    (ROOT / "activity_mcp" / "cli" / HELP_FILE).write_text(help_text(), encoding="utf-8")
