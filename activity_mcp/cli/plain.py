"""Commands that scripts and status lines call again and again, in their plainest form: without click, whose import costs more
than what they do.

    --version   -h   --help      and no argument at all
    status [--json]
    doctor [--json]
    log EVENT_NAME [--feature K=V]… [--activity|--customer|--project|--link TEXT]…

Whatever is written otherwise is click's, which also words what is wrong with it. The help is what click printed
(``python tools/write_help.py``); a test compares.
"""

from __future__ import annotations

import os
import sys

from .output import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HELP_FILE = "help.txt"
HELP_COLUMNS = 80
_COLUMNS = ("activity", "customer", "project", "link")


def run_plain(arguments: Sequence[str]) -> int | None:
    """Run it, and the exit code; None where click is to read the command line. Raises ActivityError."""
    first, rest = (arguments[0] if arguments else "--help"), list(arguments[1:])
    if first == "--version" and not rest:
        from .. import __version__

        say(f"activity-mcp, version {__version__}")
        return 0
    if first in ("-h", "--help") and not rest and arguments:
        return _help()
    if first == "status" and rest in ([], ["--json"]):
        from .status_text import show_status

        show_status(as_json=bool(rest))
        return 0
    if first == "doctor" and rest in ([], ["--json"]):
        from .doctor_text import show_doctor

        return show_doctor(as_json=bool(rest))
    if first == "log":
        return _log(rest)
    return None


def _help() -> int | None:
    if not _is_wide():
        return None
    with open(os.path.join(os.path.dirname(__file__), HELP_FILE), encoding="utf-8") as file:
        say(file.read(), nl=False)
    return 0


def _is_wide() -> bool:
    """Whether click would wrap at ``HELP_COLUMNS``, by the rules of ``shutil.get_terminal_size``."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns) >= HELP_COLUMNS
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns in (0, *range(HELP_COLUMNS, 10_000))  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return True


def _log(arguments: list[str]) -> int | None:
    if not arguments or arguments[0].startswith("-"):
        return None
    features, given = [], {}
    for option, value in zip(arguments[1::2], arguments[2::2], strict=False):
        if option == "--feature":
            features.append(value)
        elif option.startswith("--") and option[2:] in _COLUMNS:
            given[option[2:]] = value
        else:
            return None
    if len(arguments) % 2 == 0:
        return None
    from .log_one import log_one

    return log_one(arguments[0], features, given)
