"""``activity-mcp`` as a process that leaves once all is done, however long that takes on this machine: for tests of what it does
before it leaves. That it leaves in time, whatever is left undone, is tested on the program itself."""

from __future__ import annotations

import sys

from activity_mcp.server import leaving

TIME_S = 300.0

for name in ("CLOSE_S", "GRACE_S", "LEAVE_S", "WEB_LEAVE_S", "EOF_GRACE_S", "FLUSH_S"):  # before anything takes them from there
    assert hasattr(leaving, name)
    setattr(leaving, name, TIME_S)
leaving.Watchdog.__init__.__defaults__ = (TIME_S,)

if __name__ == "__main__":
    from activity_mcp.__main__ import run

    sys.exit(run(sys.argv[1:]))
