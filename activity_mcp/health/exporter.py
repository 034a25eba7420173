"""Whether Claude Code's exporter reports, where it was asked to: by what the receiver left, and what transcripts say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..clock import iso
from ..otlp.post import read_state
from ..otlp.token import FILE, stored_token

if TYPE_CHECKING:
    from .document import ExporterState

SILENT_S = 3600.0
"""Requests are in transcripts within minutes: an exporter that has reported nothing for so long meanwhile reports nothing."""
_LEDGER = "imports.json"  # written whenever something new was read in a transcript


def exporter_state(queue_dir: str, home: str, port: int | None, *, is_asked: bool) -> ExporterState:
    """The state of the receiver; ``silent_s`` is for how long transcripts grew without a report, None where they did not."""
    asked = port is not None and (is_asked or stored_token(home) is not None)
    found = read_state(queue_dir) if asked else {}
    last_us = found.get("last_us")
    last_us = last_us if isinstance(last_us, int) else None
    heard_s = max((last_us or 0) / 1e6, _mtime(os.path.join(home, FILE)))
    grown_s = _mtime(os.path.join(queue_dir, _LEDGER)) - heard_s
    return {
        "asked": asked,
        "port": found.get("port"),
        "stored": found.get("stored", 0),
        "left_out": found.get("left_out", 0),
        "last_record": iso(last_us) if last_us is not None else None,
        "silent_s": round(grown_s, 1) if asked and grown_s > SILENT_S else None,
        "error": found.get("error"),
    }


def _mtime(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
