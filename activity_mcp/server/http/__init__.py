"""The server over HTTP: streamable HTTP at ``/mcp``, or SSE at ``/sse`` for older clients. The rules:

- It listens on loopback. Any other host needs ``ACTIVITY_HTTP_TOKEN``, without which it does not start. Every request must
  bear the token, on loopback too (``token`` makes one where none is set), but for ``/healthz``, which answers with one word.
- A page in a browser can make requests to loopback, and can make its own name point there (DNS rebinding). So a request whose
  ``Host`` is a name that is not this server's is refused, and so is one whose ``Origin`` is another site's.
- All of that is decided before a byte of the body is read, for every path (``guard``).
- A body has at most ``MAX_BODY_BYTES``, a process at most ``MAX_CONNECTIONS`` connections and ``MAX_SESSIONS`` sessions, an
  SSE session at most ``MAX_OPEN`` unanswered requests. Where there is no room left, a connection that has not shown the
  token goes (``connections``, which also ends those that send no request), and the least used session (``sessions``).
- At the end, what was asked is answered, open streams are closed, and the service closes as on stdio.

    guard        who may come in             sockets     where it listens         token     what clients must bear
    connections  deadlines, and who goes     sessions    which session ends       sse       one SSE session, paced
    app          the paths and their ends    metrics     ``/metrics``             run       from the first request to the end
"""

from __future__ import annotations

MAX_BODY_BYTES = 4 * 1024 * 1024  # an event is at most 256 KiB, an artifact 128 KB
MAX_CONNECTIONS = 512  # below the 1,024 descriptors that a process usually has
MAX_SESSIONS = 900  # clients that go away without a word are forgotten after half an hour
SDK_SESSIONS = 1000  # what the SDK takes: a moment passes between one that ends and one that begins
SESSION_IDLE_S = 1800.0

__all__ = ["MAX_BODY_BYTES", "MAX_CONNECTIONS", "MAX_SESSIONS", "SDK_SESSIONS", "SESSION_IDLE_S"]
