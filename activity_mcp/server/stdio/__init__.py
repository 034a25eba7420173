"""The wire: MCP messages as lines of JSON on stdin and stdout, without a worker thread per line.

The SDK's own stdio moves every line through a thread, which costs more than the call itself. Here pipes and sockets are read
and written by the event loop; what the loop cannot wait for (a regular file, /dev/null, a terminal) is read by one thread and
written directly. The rules:

- While the wire is open, descriptor 0 is the null device and descriptor 1 is stderr, so that a stray ``print`` and a child
  process reach neither side of it. Both are put back at the end.
- A line may be of any length up to ``MAX_LINE_BYTES``; a longer one is skipped as it comes in and answered with an error.
  What is not UTF-8 is replaced, what is not JSON-RPC is answered with an error, and the next line is read.
- A plain call of a few tools takes the short way (``shortcut``): the SDK never sees it, and the answer is the same.
- The client sets the pace: no line is read while more than ``UNREAD_BYTES`` of answers wait for a client that does not read,
  or while ``MOST_OPEN`` requests are unanswered. So memory is bounded.
- The end stops the reading. What was asked before is answered: within ``EOF_GRACE_S`` after EOF, when the client may still
  read, within ``GRACE_S`` after a signal or when the client has vanished.
"""

from __future__ import annotations

from ..open_requests import MOST_OPEN
from .encoding import Answer
from .framing import MAX_LINE_BYTES
from .protocols import EOF_GRACE_S, GRACE_S, UNREAD_BYTES
from .transport import Wire, open_wire

__all__ = ["open_wire", "Wire", "Answer", "MAX_LINE_BYTES", "UNREAD_BYTES", "MOST_OPEN", "GRACE_S", "EOF_GRACE_S"]
