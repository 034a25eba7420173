"""Taking this process's stdin and stdout, and giving them back."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from ..open_requests import OpenRequests
from .blocking_io import DirectWriter, ReadThread
from .fast_path import Shortcut
from .protocols import InboundLines, OutboundBytes
from .streams import MessageReader, MessageWriter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from .fast_path import Call


class Wire(NamedTuple):
    """An open connection: the two streams for the SDK, and what ends it (``lines.end``)."""

    reader: MessageReader
    writer: MessageWriter
    lines: InboundLines


@asynccontextmanager
async def open_wire(
    *, on_end: Callable[[], None], on_first: Callable[[], None], calls: Mapping[str, Call] | None = None
) -> AsyncIterator[Wire]:
    """The wire on this process's stdin and stdout. ``calls``: by tool, what answers a plain call without the SDK.

    ``on_end`` is called when the client is gone (either side), ``on_first`` when it has been answered for the first time.
    Raises OSError when one of the two is closed.
    """
    loop = asyncio.get_running_loop()
    with _taken_descriptors() as (source, target):
        output = OutboundBytes(on_lost=lambda: lines.end())
        lines = InboundLines(on_end)
        waitable = not os.path.samestat(os.fstat(source), os.fstat(target))  # one socket for both: the loop would steal input
        if waitable and _is_pipe(target):
            await loop.connect_write_pipe(lambda: output, os.fdopen(target, "wb", 0, closefd=False))
        else:
            DirectWriter(target, output)
        if waitable and _is_pipe(source):
            await loop.connect_read_pipe(lambda: lines, os.fdopen(source, "rb", 0, closefd=False))
        else:
            ReadThread(source, lines)
        requests = OpenRequests()
        try:
            shortcut = Shortcut(calls or {}, output, requests)
            reader = MessageReader(lines, output, requests, shortcut)
            yield Wire(reader, MessageWriter(output, requests, on_first, shortcut), lines)
        finally:
            lines.close()
            await output.close()


def _is_pipe(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


@contextmanager
def _taken_descriptors() -> Iterator[tuple[int, int]]:
    """The wire on descriptors of its own, with 0 and 1 diverted until the end."""
    import fcntl

    source = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
    target = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
    blocking = [(descriptor, os.get_blocking(descriptor)) for descriptor in (source, target)]
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # stderr is closed
        os.dup2(null, 1)
    os.close(null)
    try:
        yield source, target
    finally:
        try:
            sys.stdout.flush()  # what was printed and is still buffered belongs to stderr, not to the wire
        except (OSError, ValueError, AttributeError):
            pass
        for descriptor, was_blocking in blocking:
            os.set_blocking(descriptor, was_blocking)
        os.dup2(source, 0)
        os.dup2(target, 1)
