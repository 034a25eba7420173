"""What a hook had to drop, counted where ``status`` finds it: one byte a drop in ``dropped``, beside the queues.

    P   the payload was no JSON object, or larger than a hook reads
    C   an environment variable or redaction.json has a value that cannot be used
    Q   refused by the queue for a reason not counted in its ``refused`` (a place it cannot live in, a newer format)
    U   something unexpected

An event that the queue refused because it was full, busy, or out of disk is counted in the queue's ``refused``, not here.
A hook that cannot even write this byte stays silent: there is nobody to report to.
"""

from __future__ import annotations

from ..fs import LOCAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..fs import FileSystem

FILE = "dropped"
PAYLOAD, CONFIGURATION, QUEUE, UNEXPECTED = b"P", b"C", b"Q", b"U"
_NAMES = {PAYLOAD: "payload", CONFIGURATION: "configuration", QUEUE: "queue", UNEXPECTED: "unexpected"}


def note_drop(queue_root: str, kind: bytes, *, fs: FileSystem = LOCAL) -> None:
    """Count one event that was not recorded. Never raises."""
    try:
        fs.ensure_directory(queue_root)
        fs.append_bytes(f"{queue_root}/{FILE}", kind)
    except Exception:  # noqa: S110 - there is nobody left to report to
        pass


def count_drops(queue_root: str, *, fs: FileSystem = LOCAL) -> dict[str, int]:
    """How many events hooks ever dropped here, by reason; empty when none was."""
    try:
        noted = fs.read(f"{queue_root}/{FILE}")
    except OSError:
        return {}
    counts = {name: noted.count(kind) for kind, name in _NAMES.items()}
    return {name: count for name, count in counts.items() if count}
