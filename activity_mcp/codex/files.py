"""Where Codex keeps its sessions: one file each, by day, and those that were archived beside them.

Source: ``codex-rs/rollout/src/recorder.rs`` and ``codex-rs/utils/home-dir`` of github.com/openai/codex. Rollouts that it has
compressed since (``.jsonl.zst``) are not read.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDERS = ("sessions", "archived_sessions")
_NAME = re.compile(r"rollout-.*?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl$")


def session_folders(environ: Mapping[str, str]) -> list[str]:
    """``$CODEX_HOME`` (default ``~/.codex``): the folders of sessions that are there; the first of them where none is."""
    home = environ.get("CODEX_HOME") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".codex")
    folders = [os.path.join(home, name) for name in _FOLDERS]
    return [folder for folder in folders if os.path.isdir(folder)] or folders[:1]


def session_id_of(path: str) -> str:
    """The session in a rollout's name; the whole name for a file that is named otherwise."""
    name = os.path.basename(path)
    found = _NAME.match(name)
    return found[1] if found else name.removesuffix(".jsonl")
