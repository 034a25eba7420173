"""A service in memory for the tests of the server: real events with real limits, kept in a list (and in a file, if asked).

Run as a program it serves itself over stdio exactly as ``activity-mcp serve`` serves the real one.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, cast

from activity_mcp.activity import Origin, build
from activity_mcp.recording.call_log import CallTotals

if TYPE_CHECKING:
    from collections.abc import Callable

    from activity_mcp.service import ActivityService

NOW_US = 1_800_000_000_000_000  # 2027-01-15T08:00:00Z

STATUS: dict[str, Any] = {
    "version": 1,
    "at": "2027-01-15T08:00:00.000000Z",
    "home": "/home/me/.local/state/activity-mcp",
    "recording": True,
    "queue": {"depth_events": 3, "depth_bytes": 900, "oldest_age_s": 1.5, "refused": 0, "quarantined": 0, "max_bytes": 1000},
    "leader": {"present": True, "last_progress_age_s": 0.4},
    "warehouse": {"rejected": 0},
    "context": {"age_ms": 1500},
    "degraded": False,
    "health": "warn",
    "checks": {"queue": "ok", "context": "warn"},
    "problems": ["the context is old"],
}


class FakeService:
    """Answers at once. ``fail`` makes the next calls raise; ``arrive_after`` is how many asks a first miss takes."""

    artifacts: Any = None  # a test that needs one of these brings its own
    provenance_queries: Any = None
    insights: Any = None

    def __init__(self, path: str | None = None) -> None:
        self.path = path
        self.events: list[dict[str, Any]] = []
        self.calls: list[tuple[str, float, dict[str, Any]]] = []
        self.call_ids: list[str | None] = []
        self.totals = CallTotals()
        self.asked: list[dict[str, Any]] = []
        self.threads: set[str] = set()
        self.fail: BaseException | None = None
        self.context_sections: dict[str, Any] = {"recent_sessions": [{"session_id": "s1", "asked": "why is it slow?"}]}
        self.arrive_after = 0
        self.started = threading.Event()
        self.closed = 0

    def start(self) -> None:
        self._write({"started": threading.current_thread().name})
        self.started.set()

    def log(self, event_name: str, features: Any, **columns: Any) -> dict[str, Any]:
        self.threads.add(threading.current_thread().name)
        if self.fail is not None:
            raise self.fail
        customer, project = columns.pop("customer", None), columns.pop("project", None)
        origin = Origin(customer or "me@example.com", "mcp", project=project)
        made = build(event_name, features, origin, now_us=NOW_US, **columns).record()
        self.events.append(made)
        self._write(made)
        return {"activity_id": made["activity_id"], "accepted": True, "durable": True, "degraded": False}

    def context(
        self,
        *,
        customer: Any = None,
        context_type: str = "default",
        project: Any = None,
        max_bytes: int = 8192,
        focus: str | None = None,
        explain: bool = False,
    ) -> Any:
        self.asked.append({"customer": customer, "context_type": context_type, "project": project, "max_bytes": max_bytes})
        if self.fail is not None:
            raise self.fail
        missing = len(self.asked) <= self.arrive_after
        return {
            "customer": customer or "me@example.com",
            "context_type": context_type,
            "project": project or "*",
            "context": {} if missing else self.context_sections,
            "as_of": None if missing else "2027-01-15T08:00:00.000000Z",
            "age_ms": None if missing else 1500,
            "freshness": "missing" if missing else "fresh",
            "source": "none" if missing else "memory",
            "pending_local": len(self.events),
            "truncated": [],
        }

    def context_expected(self, customer: str | None, project: str | None) -> bool:
        return self.arrive_after > 0

    def read_ahead(self) -> None:
        if os.environ.get("FAKE_READS_AHEAD"):
            self._write({"read_ahead_after": len(self.calls)})

    def known_names(self, kind: str) -> list[str]:
        return []

    def search(self, text: str, **options: Any) -> dict[str, Any]:
        raise NotImplementedError

    def refresh(self, **asked: Any) -> dict[str, Any]:
        return self.context(**{name: value for name, value in asked.items() if name in ("customer", "project")})

    def status(self) -> dict[str, Any]:
        if self.fail is not None:
            raise self.fail
        return dict(STATUS)

    def call_totals(self) -> dict[str, Any]:
        return self.totals.totals()

    def record_call(self, method: str, latency_ms: float, *, activity_id: str | None = None, **features: Any) -> None:
        self.call_ids.append(activity_id)
        self.totals.add(method, latency_ms, features)
        self.calls.append((method, latency_ms, features))

    def close(self, timeout: float = 0.5) -> None:
        self.closed += 1
        for method, _, features in self.calls:
            self._write({"call": method, **features})
        self._write({"closed": self.closed})

    def _write(self, line: dict[str, Any]) -> None:
        if self.path is not None:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


class Troublemaker(FakeService):
    """Does what a server must survive: prints to stdout, starts a child that prints, hangs in a call or in ``close``."""

    def context(self, **asked: Any) -> dict[str, Any]:
        kind = asked["customer"] or ""
        if kind == "print":
            print("stray text", flush=True)
            print("unflushed text", end="")
            os.system("echo from a child; cat && echo which saw the end")  # it would write to the wire, and eat from it
        if kind == "big":
            self.context_sections = {"recent_queries": [{"sql": "x" * 60_000}]}
        if kind in ("hang", "hang deaf"):
            if kind == "hang deaf":  # signals reach other threads: this one has no instruction to run their handlers after
                signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
            self._write({"hanging": True})
            time.sleep(60)
        if kind == "modules":
            self.context_sections = {"modules": sorted({name.split(".")[0] for name, found in sys.modules.items() if found})}
        return super().context(**asked)

    def close(self, timeout: float = 0.5) -> None:
        super().close(timeout)
        if os.environ.get("FAKE_HANGS"):
            threading.Event().wait()


def as_service(double: FakeService) -> ActivityService:
    """The double in the place of the service, of which the server uses what the double has."""
    return cast("ActivityService", double)


if __name__ == "__main__":
    if os.environ.get("FAKE_PATIENCE"):
        importlib.import_module("patient")  # it is beside this program

    from activity_mcp.server.run import serve

    def open_service() -> FakeService:
        from activity_mcp.server.logs import configure_when_needed

        configure_when_needed(os.environ.get("FAKE_LOG_LEVEL", "warning"), "text")
        return Troublemaker(os.environ.get("FAKE_FILE"))

    serve(cast("Callable[[], ActivityService]", open_service), front="FAKE_WITHOUT_FRONT" not in os.environ)
