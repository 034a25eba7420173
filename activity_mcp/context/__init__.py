"""A context: the snapshot files that hold one, and the rendering of one into an answer.

    snapshot   one file per (customer, project), published atomically by the leader, read by every process (hooks too)
    render     snapshot + overlay → the sections of the answer, within a number of bytes

A row becomes a section, a section a snapshot, a snapshot an answer; nothing turns back. This package knows neither the
queue nor a warehouse.

Names are imported on first use, so that a hook which reads one snapshot pays for nothing else.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .forms import CONTEXT_TYPES, Rendered
    from .render import render_context
    from .snapshot import ALL_PROJECTS, Snapshot, SnapshotStore, key_of

__all__ = ["ALL_PROJECTS", "Snapshot", "SnapshotStore", "key_of", "CONTEXT_TYPES", "Rendered", "render_context"]

_HOMES = {
    "ALL_PROJECTS": "snapshot", "Snapshot": "snapshot", "SnapshotStore": "snapshot", "key_of": "snapshot",
    "CONTEXT_TYPES": "forms", "Rendered": "forms", "render_context": "render",
}  # fmt: skip


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{home}"), name)
