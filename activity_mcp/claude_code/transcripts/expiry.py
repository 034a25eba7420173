"""Transcripts that Claude Code is about to delete, and that hold something no import has sent.

It deletes a transcript 30 days after its last line, or after ``cleanupPeriodDays`` of its settings (documented at
https://code.claude.com/docs/en/settings). Hooks record no tokens: what was not imported by then is lost.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...project import working_directory
from ..setup.install import project_root
from ..setup.survey import survey
from .discovery import default_folders, discover

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .ledger import ImportLedger

DEFAULT_DAYS = 30
NEAR_DAYS = 7
_DAY_US = 86_400 * 1_000_000


@dataclass(frozen=True, slots=True)
class Expiring:
    """``files`` of Claude Code's own folder not wholly imported, whose deletion after ``cleanup_days`` is near.

    ``days_left`` is the shortest time left, negative where the next start of Claude Code deletes.
    """

    files: list[str]
    cleanup_days: int
    days_left: float

    def describe(self) -> str:
        count = len(self.files)
        which = "1 transcript not wholly imported is" if count == 1 else f"{count} transcripts not wholly imported are"
        when = f"in {self.days_left:.0f} days" if self.days_left >= 1 else "at any moment"
        return f"{which} near deletion by Claude Code: the next {when} (it deletes after {self.cleanup_days} days)"


def expiring(paths: Iterable[str] | None, environ: Mapping[str, str], ledger: ImportLedger, now_us: int) -> Expiring | None:
    """Those among ``paths`` (None: all of Claude Code's own folder); None where there is none."""
    folders = tuple(os.path.join(folder, "") for folder in default_folders(environ))
    days = survey(environ, project_root(working_directory())).cleanup_days
    days = days if days is not None and days > 0 else DEFAULT_DAYS
    own = [path for path in discover(paths, environ) if path.startswith(folders)]
    left = {path: days - (now_us - _modified_us(path)) / _DAY_US for path, _ in ledger.pending(own, now_us=now_us)}
    near = {path: remaining for path, remaining in left.items() if remaining <= NEAR_DAYS}
    return Expiring(list(near), days, min(near.values())) if near else None


def _modified_us(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns // 1000
    except OSError:
        return 1 << 62  # gone, or a link to nowhere: nothing is left to lose
