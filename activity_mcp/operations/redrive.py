"""Dead letters, tried again: what can be read as a whole event now goes back into the queue; what cannot stays as it is.

A line can be whole now that was not when it was set aside: a newer version knows its event, the warehouse that refused its row
has been mended, only its newline was lost, or it follows a torn beginning. Its checksum decides, never a guess. It is
appended again, durably, and only then is its dead letter removed, or kept with what is left of it: a kill between the two
appends it once more at the next try, and the two fold into one fact by their activity_id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from ..activity import decode_line
from ..errors import InvalidActivity, QueueBusy
from ..fs import LOCAL
from ..pipeline.rows import PoisonLine, row_of
from ..queue import Damage, Offset, Record, bury, dead_letters, salvage
from ..recording.event_catalogue import ERROR_RECOVERY

if TYPE_CHECKING:
    from ..fs import FileSystem
    from ..queue import DeadLetter, QueueWriter


MAX_BYTES = 16 << 20
"""A range beyond this is no event and no batch of them: a hole, which is not read into memory."""
_REST = "; what could be read of it was appended again"


@dataclass(slots=True)
class Retried:
    """``again``: the activity_ids that went back into the queue. ``kept``: path and reason of each letter that stays."""

    again: list[str] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)


def retried_event(retried: Retried) -> dict[str, Any]:
    """The features of the system_event that says what went back."""
    return ERROR_RECOVERY.features(
        f"{len(retried.again)} events that had been set aside were appended again; {len(retried.kept)} stay",
        severity="info",
        action_taken="retried_dead_letters",
        metrics={"appended": len(retried.again), "kept": len(retried.kept)},
    )


def retry_dead(writer: QueueWriter, retried: Retried, *, fs: FileSystem = LOCAL) -> None:
    """Try every dead letter of the writer's queue once, noting in ``retried`` what became of it.

    Raises a QueueRefused when the queue takes no more: what was noted until then is done, the rest stays where it is; QueueBusy
    as well while another process retries.
    """
    directory = writer.directory
    if not (letters := dead_letters(directory, fs=fs)):
        return
    try:
        held = fs.hold(f"{directory}/retry.lock", 0.0)
    except BlockingIOError:
        raise QueueBusy(
            "another process is retrying the dead letters of this queue; nothing was done", hint="wait for it to end"
        ) from None
    try:
        for letter in letters:
            _retry(letter, writer, retried, fs)
        if retried.again:
            fs.sync_directory(f"{directory}/dead")
    finally:
        fs.close(held)


def _retry(letter: DeadLetter, writer: QueueWriter, retried: Retried, fs: FileSystem) -> None:
    if fs.stat(letter.path) is None:
        return  # another process was faster
    if letter.end - letter.start > MAX_BYTES:
        retried.kept.append((letter.path, letter.reason))
        return
    lines, rest = salvage(letter.data())
    good, reason = [], letter.reason
    for line in lines:
        try:
            good.append((_checked(line), line))
        except (PoisonLine, InvalidActivity, TypeError, ValueError, RecursionError) as error:
            rest, reason = rest + line, str(error) or reason
    if not good:
        retried.kept.append((letter.path, reason))
        return
    writer.append([line for _, line in good], durable=True)
    if rest:
        place = Damage(letter.segment, letter.start, letter.end, Offset(letter.segment, letter.end, 0), reason)
        retried.kept.append((bury(writer.directory, place, rest, f"{reason}{_REST}", fs=fs), reason))
    fs.unlink(letter.path)
    retried.again += [activity_id for activity_id, _ in good]


def _checked(line: bytes) -> str:
    """The activity_id of a line that the flusher will take. Raises what the flusher would set it aside for."""
    return row_of(Record(Offset(0, 0, 0), line, decode_line(line, orjson.loads)), "").activity_id
