"""The durable queue: whole lines of NDJSON on disk, appended by any process, shipped by one, each exactly once.

This text is the specification; the modules are checked against it, and ``tests/queue`` holds one test per sentence.

Directory (0700; files 0600; every descriptor close-on-exec)

    queue.json          {"version": 1, "queue_id": uuid, "sink": text, "created": time}; the queue_id is the channel's name
    append.lock         flock, held for the microseconds of one append. Never unlinked
    leader.lock         flock, held for as long as a process leads. Never unlinked
    leader.json         who leads, since when, how far, and under what pressure; only believed while leader.lock is held
    health.json         the failed checks that a system_event last reported; absent: no check ever failed
    retry.lock          flock, held while dead letters are tried again. Never unlinked
    flush.request          a request for a flush, removed by the leader before the flush that fulfils it
    lead.request           a command's request for the lease: the leader steps down for a moment
    refused             one byte per event not accepted (``F`` full, ``D`` disk, ``B`` busy), ``|`` where it was reported
    seg/%012d.ndjson    the segments; only the highest is open for append
    commit.json         {"version": 1, "channel_id", "offset", "at", "passed", "left_out"}: a cache of what the sink knows
    dead/*.ndjson       quarantined byte ranges, each with its reason

Beside these, of other rooms: context/ (snapshots), sessions/ and transcripts/ (``claude_code.session_state``), imports.json,
statusline/ (``claude_code.hooks.statusline``), otlp.json (``otlp.post``), budget.json (``usage.budgets``).

Line       a JSON object in UTF-8 whose last member is ``_crc``, then one newline: BODY ``,"_crc":"%08x"}`` ``\\n`` with the
           CRC-32 of BODY. No line is longer than MAX_LINE_BYTES (1 MiB).
Header     the first line of a segment: ``{"_segment": n, "queue_id": …, "boot": …, "created": …, "version": 1, "_crc": …}``.
           Every later version keeps this line readable: that is how an older reader knows that it must stop.
Offset     the place just behind a line: (segment, end byte, CRC-32 of that line's bytes, newline included), written
           ``%012d:%012d:%08x`` and compared as text only in that form. (segment, 0, 0) is the place before a segment's first
           line. Where bytes are damaged, the "line" is what lies between two newlines, or between one and the end of the
           segment.

Rules

 1. A line is built whole in memory and goes through one ``write()``, newline last. Under append.lock the writer re-checks that
    its open file is still the live segment (the file of that name, no successor, not shorter than it left it) and that its
    last byte is a newline; if not, a newline goes first, in the same write. So a line torn by a kill never swallows the next
    one.
 2. A short write or a full disk is rolled back by truncation while the lock is held, and the caller gets "not accepted".
    Lines of a batch are accepted together or not at all. Where even the truncation fails, the answer says that it may be
    recorded.
 3. The sync is made outside the lock, and the answer comes after it; threads of one process that wait share one sync. If it
    fails the segment is sealed (a successor is made under the lock) and every waiting caller gets "not accepted, may still
    be recorded; retry with the same activity_id". Nothing is rewritten; what reads back whole is shipped.
 4. Segment numbers are never reused: next = max(files, commit.json, the floor a caller knows from its sink) + 1. A reader
    verifies the CRC at the place it continues from: a mismatch (the files were restored, copied or edited) raises OffsetLost,
    and the answer to it is a new queue_id, and so a new channel, from the first line of that segment, or of the one where
    commit.json says that these files had been. Duplicates fold by activity_id, nothing is skipped. A segment that is missing
    in the sequence was taken away by hand: that is reported in its place, as a damaged range of no bytes.
 5. A segment is synced, with its directory entry, before anything is shipped from it. What was read from the live one is
    shipped only if it is still there once append.lock was free: an append that the disk cut short is taken back by then. A
    segment of an earlier boot is never appended to: what a power cut took from its end can never come back as something else
    at the same offset.
 6. A line is complete when it ends in a newline, its CRC agrees and it parses as an object. Anything else before a newline, or
    at the end of a sealed segment, is a damaged range, from one newline to the next: one bad line never costs a second one. An
    incomplete end of the live segment is not damage: it is being written, or the next append closes it. A line longer than the
    limit is skipped in pieces, in constant memory. A segment is sealed once it has a successor, or when its header names
    another boot. A set-aside range may be tried again: whatever whole line is in it by its checksum is appended again, and
    only then is the range removed, or kept without it.
 7. Segments are deleted whole, when they lie below the committed offset's segment and below the watermark's, or at the latest
    an hour after they were committed (``passed`` in commit.json says when); never the newest.
 8. Only bytes above the committed offset count against the cap. From 80 % on the pressure is "degraded" (callers shorten new
    events), at the cap an append is refused, and counted unless its caller keeps it and tries again. What was accepted is
    never cut, and below the cap never lost.
 9. When a backlog stops moving, this package does nothing but report it (``backlog``, ``pressure``); the flusher slows down
    by itself.
10. NFS, SMB and FUSE are refused, and so are directories that others own or may write to, here or further up. Locks are
    flock, not lockf (which is lost when any descriptor of the file is closed); a forked child gives up its copies at once, so
    that a lock dies with its holder.
11. Everything carries a version. Meeting a newer one raises NewerFormat: nothing is quarantined, truncated or appended.

Durability of an append: ``event`` syncs each before it answers; ``none`` never syncs (a kill loses nothing, a power cut what
the flusher has not synced yet); ``("interval", ms)`` answers at once and syncs from a thread within that time, and on
``close``.

Names are loaded when they are first used: a hook that appends pays for the writer and for nothing else.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .appended import Appended
    from .block import PlainLines
    from .commit import Commit, prune, publish_commit, read_commit
    from .deadletter import DeadLetter, bury, bury_range, dead_letters, salvage
    from .lease import Lease, clear_flush_request, request_flush
    from .leftovers import Sweeper
    from .manifest import QueueInfo, open_queue, read_queue, renew_queue_id, seal_segment
    from .offset import Offset, OffsetLost
    from .reader import Backlog, QueueReader, ReadBatch
    from .requests import ask_leader, is_committed, is_folded
    from .segment import MAX_LINE_BYTES, foreign_files
    from .segment_reader import Damage, Record
    from .tail import Polled, SegmentTail
    from .writer import QueueWriter

__all__ = [
    "open_queue", "read_queue", "renew_queue_id", "seal_segment", "QueueInfo",
    "QueueWriter", "Appended", "MAX_LINE_BYTES",
    "QueueReader", "ReadBatch", "PlainLines", "Record", "Damage", "Backlog",
    "Offset", "OffsetLost",
    "read_commit", "publish_commit", "Commit", "prune",
    "bury", "bury_range", "dead_letters", "salvage", "DeadLetter",
    "ask_leader", "is_committed", "is_folded",
    "Lease", "request_flush", "clear_flush_request",
    "SegmentTail", "Polled",
    "Sweeper", "foreign_files",
]  # fmt: skip

_HOMES = {
    "appended": ("Appended",),
    "block": ("PlainLines",),
    "commit": ("Commit", "prune", "publish_commit", "read_commit"),
    "deadletter": ("DeadLetter", "bury", "bury_range", "dead_letters", "salvage"),
    "leftovers": ("Sweeper",),
    "lease": ("Lease", "clear_flush_request", "request_flush"),
    "manifest": ("QueueInfo", "open_queue", "read_queue", "renew_queue_id", "seal_segment"),
    "offset": ("Offset", "OffsetLost"),
    "reader": ("Backlog", "QueueReader", "ReadBatch"),
    "requests": ("ask_leader", "is_committed", "is_folded"),
    "segment": ("MAX_LINE_BYTES", "foreign_files"),
    "segment_reader": ("Damage", "Record"),
    "tail": ("Polled", "SegmentTail"),
    "writer": ("QueueWriter",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(__import__(f"{__name__}.{home}", fromlist=(name,)), name)
    globals()[name] = value
    return value
