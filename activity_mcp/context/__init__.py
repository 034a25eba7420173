"""Recall: what ``get_context`` answers from, without asking a warehouse inside a call.

    snapshot   one file per (customer, project), published atomically by the leader, read by everyone (hooks too)
    cache      stale-while-revalidate over these files: memory, else the file if it changed, else a wish for a refresh
    overlay    the newest local events above a snapshot's watermark, so that one's own events show at once
    render     snapshot + overlay → the sections of the answer, within a number of bytes
    renderer   the same, remembered until something in it would read differently

A row becomes a section, a section a snapshot, a snapshot an answer; nothing turns back. This package knows neither the
queue nor a warehouse: the composition root hands it offsets as text, events as objects and a function that asks for a refresh.

Names are imported on first use, so that a hook which reads one snapshot pays for nothing else.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cache import ContextCache, Entry
    from .overlay import Overlay
    from .render import CONTEXT_TYPES, Rendered, render_context
    from .renderer import Renderer
    from .snapshot import ALL_PROJECTS, Snapshot, SnapshotStore, key_of

__all__ = [
    "ALL_PROJECTS", "Snapshot", "SnapshotStore", "key_of",
    "ContextCache", "Entry",
    "Overlay",
    "CONTEXT_TYPES", "Rendered", "render_context", "Renderer",
]  # fmt: skip

_HOMES = {
    "ALL_PROJECTS": "snapshot", "Snapshot": "snapshot", "SnapshotStore": "snapshot", "key_of": "snapshot",
    "ContextCache": "cache", "Entry": "cache", "Overlay": "overlay",
    "CONTEXT_TYPES": "render", "Rendered": "render", "render_context": "render", "Renderer": "renderer",
}  # fmt: skip


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{home}"), name)
