"""The server over HTTP: streamable HTTP at ``/mcp``, or SSE at ``/sse`` for older clients. The rules:

- It listens on loopback. Any other host needs a token (``ACTIVITY_HTTP_TOKEN``), without which it does not start. Where there
  is a token, every request must bear it, but for ``/healthz``, which tells one word.
- A page in a browser can make requests to loopback, and can make its own name point there (DNS rebinding). So a request whose
  ``Host`` is a name that is not this server's is refused, and so is one whose ``Origin`` is another site's.
- All of that is decided before a byte of the body is read, for every path (``guard``).
- A body has at most ``MAX_BODY_BYTES``, a process at most ``MOST_CONNECTIONS`` connections and ``MOST_SESSIONS`` sessions, an
  SSE session at most ``open_requests.MOST_OPEN`` unanswered requests. What is over a limit is refused, what is open goes on.
- At the end, what was asked is answered, open streams are closed, and the service closes as on stdio.

    guard      who may come in              listen     the sockets
    sse        one SSE session, paced       app        the paths and what answers them
    metrics    ``/metrics``                 running    from the first request to the end of the process
"""

from __future__ import annotations

MAX_BODY_BYTES = 4 * 1024 * 1024  # an event is at most 256 KiB, an artifact 128 KB
MOST_CONNECTIONS = 512  # below the 1,024 descriptors that a process usually has
MOST_SESSIONS = 1000  # clients that go away without a word are forgotten after half an hour
SESSION_IDLE_S = 1800.0

__all__ = ["MAX_BODY_BYTES", "MOST_CONNECTIONS", "MOST_SESSIONS", "SESSION_IDLE_S"]
