"""A command of this program in a process of its own: what it may hold or lead, and the memory it takes, end with it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, WarehouseUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_MESSAGE_CHARS = 1_000


def run_command(arguments: Sequence[str], environ: Mapping[str, str], within_s: float) -> dict[str, Any]:
    """The document that ``activity-mcp ARGUMENTS`` (which have ``--json``) prints.

    Raises InvalidInput or WarehouseUnavailable with what the command says where it fails, and where it does not end in time;
    it is ended then, which leaves the record whole.
    """
    command = [sys.executable, "-m", "activity_mcp", *arguments]
    try:
        done = subprocess.run(
            command, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, timeout=within_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise WarehouseUnavailable(
            f"`activity-mcp {arguments[0]}` did not end within {within_s:.0f} s; it was ended, and the record is whole",
            hint="run it in a terminal",
        ) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[-MAX_MESSAGE_CHARS:].removeprefix("activity-mcp: ")
        message, _, hint = said.partition("\n")
        kind = InvalidInput if done.returncode == 2 else WarehouseUnavailable
        raise kind(message or f"`activity-mcp {arguments[0]}` ended with {done.returncode}", hint=hint.strip())
    found: dict[str, Any] = json.loads(done.stdout)
    return found
