"""Faults a test asks the stand-in for: at a place, so many times, then it works again.

{"place": "rows", "status": 500, "times": 1}              refused before anything was applied
{"place": "rows_reply", "status": 503, "times": 1}        applied, and the answer is lost
{"place": "open", "status": 409, "times": 2}
{"place": "rows", "stall_s": 5, "times": 1}               answered late
{"place": "rows", "drop": true}                           the connection is closed without an answer
{"place": "rows", "status": 503, "chance": 0.2, "times": null}    at random, for ever
{"place": "tasks"}                                        the task that makes contexts was suspended after failures
"""

from __future__ import annotations

import random
import threading
import time
from typing import Any

from .http import Answer


class Faults:
    def __init__(self, seed: int = 7) -> None:
        self._lock = threading.Lock()
        self._armed: list[dict[str, Any]] = []
        self._chance = random.Random(seed)

    def arm(self, fault: dict[str, Any]) -> None:
        with self._lock:
            self._armed.append({"times": 1, "chance": 1.0, **fault})

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def hit(self, place: str) -> Answer | None:
        """The answer of the fault that strikes here now, if one does."""
        fault = self._take(place)
        if fault is None:
            return None
        time.sleep(fault.get("stall_s", 0))
        if fault.get("drop"):
            return Answer.dropped()
        if "status" in fault:
            return Answer.error(fault["status"], fault.get("code", "INJECTED"), fault.get("message", "injected by the test"))
        return None

    def number(self, place: str) -> float:
        """How far something is off, as the armed fault says: {"place": "clock", "by": 300}."""
        fault = self._take(place)
        return float(fault["by"]) if fault else 0.0

    def is_armed(self, place: str) -> bool:
        with self._lock:
            return any(fault["place"] == place for fault in self._armed)

    def _take(self, place: str) -> dict[str, Any] | None:
        with self._lock:
            for fault in self._armed:
                if fault["place"] == place and self._chance.random() < fault["chance"]:
                    if fault["times"] is not None:
                        fault["times"] -= 1
                        if fault["times"] <= 0:
                            self._armed.remove(fault)
                    return fault
        return None
