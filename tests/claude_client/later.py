"""``activity-mcp`` an hour from now: an import leaves a session open that wrote something within the last 30 minutes."""

from __future__ import annotations

import sys
import time

from activity_mcp import clock
from activity_mcp.__main__ import main

HOUR_US = 3_600_000_000


def an_hour_ahead(self: clock.SystemClock) -> int:
    return time.time_ns() // 1000 + HOUR_US


if __name__ == "__main__":
    clock.SystemClock.time_us = an_hour_ahead  # type: ignore[method-assign]
    sys.argv[0] = "activity-mcp"
    main()
