"""A process killed at every step it takes, one step after the other: run as ``python -m crash.points SCENARIO DIRECTORY``.

Each round forks a child that does the same piece of work on the same files and is killed, by SIGKILL and for real, one step
later than the child before it, until one comes through. What was acknowledged is in ``acknowledged``, written when the answer
came.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

import duckdb  # noqa: F401 - here, so that no child has to

from activity_mcp.fs import FileSystem
from activity_mcp.pipeline.flusher import Flusher
from activity_mcp.queue import QueueWriter, open_queue
from activity_mcp.warehouse import Batch
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from activity_mcp.warehouse.memory import MemoryWarehouse
from rigs import ORIGIN, Rig

SINK = "memory"
ROUND_EVENTS = 4


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("SIGKILL came back")


class Steps:
    """Counts down to the step at which this process dies."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self) -> None:
        if self.left == 0:
            die()
        self.left -= 1


class KillingDisk(FileSystem):
    """The real disk; each of its calls is a step before and a step after, and half a write is one of its own.

    It syncs nothing: a kill takes nothing from the kernel.
    """

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    def write(self, fd: int, data: bytes) -> int:
        self._steps.take()
        if self._steps.left == 0:
            super().write(fd, data[: len(data) // 2])
        self._steps.take()
        written = super().write(fd, data)
        self._steps.take()
        return written

    def sync(self, fd: int) -> None:
        self._steps.take()
        self._steps.take()

    def publish(self, path: str, data: bytes | Iterable[bytes], *, durable: bool = True, mode: int = 0o600) -> None:
        self._steps.take()
        super().publish(path, data, durable=durable, mode=mode)
        self._steps.take()

    def sync_directory(self, path: str) -> None:
        self._steps.take()

    def unlink(self, path: str) -> bool:
        found = super().unlink(path)
        self._steps.take()
        return found


class KeptWarehouse(MemoryWarehouse):
    """The double, kept in a file so that it outlives the process that ships into it: rows and offset change in one rename."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        if path.exists():
            self.rows, self._offsets = pickle.loads(path.read_bytes())

    def append(self, batch: Batch) -> None:
        super().append(batch)
        temporary = self._path.with_suffix(".new")
        temporary.write_bytes(pickle.dumps((self.rows, self._offsets)))
        os.replace(temporary, self._path)


def append(place: Path, steps: Steps, name: str) -> None:
    """A few durable appends, each noted once it was answered; segments so small that some of them rotate."""
    queue = str(place / "queue")
    writer = QueueWriter(queue, sink=SINK, durability="event", segment_bytes=1500, fs=KillingDisk(steps))
    reported = os.open(place / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for n in range(ROUND_EVENTS):
        writer.append([Rig(place / "queue").line(f"{name}-{n}")])
        os.write(reported, f"{name}-{n}\n".encode())


def flush(place: Path, steps: Steps, name: str) -> None:
    """New events with some damage behind them, and a flusher that ships in small batches and deletes what is behind it."""
    rig = Rig(place / "queue", segment_bytes=1500)
    _put(rig, place, name)
    rig.append_raw(b"\0" * 9 + b"\n")
    disk = KillingDisk(steps)
    flusher = Flusher(rig.directory, rig.queue.queue_id, KeptWarehouse(place / "warehouse"), ORIGIN, clock=rig.clock, fs=disk)
    rig.drain(flusher, max_rows=3)
    flusher.prune(flusher.offset)


def flush_into_duckdb(place: Path, steps: Steps, name: str) -> None:
    """New events, and a flush into the embedded warehouse; each statement of its transaction is a step."""
    rig = Rig(place / "queue")
    _put(rig, place, name)
    warehouse = DuckDBWarehouse(str(place / "activity.duckdb"))
    warehouse.committed(rig.queue.queue_id)  # the file is opened, and made at the first time
    warehouse._connection = KilledConnection(warehouse._connection, steps)  # type: ignore[assignment]
    rig.drain(rig.flusher(warehouse))


def fold_in_duckdb(place: Path, steps: Steps, name: str) -> None:
    """New events, one of them twice, that are appended whole; and a fold, of whose transaction each statement is a step."""
    rig = Rig(place / "queue")
    _put(rig, place, name)
    rig.writer.append([rig.line(f"{name}-0")])
    warehouse = DuckDBWarehouse(str(place / "activity.duckdb"))
    rig.drain(rig.flusher(warehouse))
    warehouse._connection = KilledConnection(warehouse._connection, steps)  # type: ignore[assignment]
    warehouse.fold()


def _put(rig: Rig, place: Path, name: str) -> None:
    names = [f"{name}-{n}" for n in range(ROUND_EVENTS)]
    rig.writer.append([rig.line(given) for given in names])
    with (place / "acknowledged").open("a") as reported:
        reported.write("".join(f"{given}\n" for given in names))


class KilledConnection:
    """A connection of DuckDB: from its transaction on, the process may die before each statement, and after the last."""

    def __init__(self, connection: Any, steps: Steps) -> None:
        self._connection = connection
        self._steps = steps
        self._began = False

    def execute(self, *arguments: Any) -> Any:
        self._began = self._began or arguments[0] == "BEGIN TRANSACTION"
        if self._began:
            self._steps.take()
        done = self._connection.execute(*arguments)
        if arguments[0] == "COMMIT":
            self._steps.take()
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


SCENARIOS: dict[str, Callable[[Path, Steps, str], None]] = {
    "append": append,
    "flush": flush,
    "duckdb": flush_into_duckdb,
    "fold": fold_in_duckdb,
}
UNDISTURBED = ("append", "flush")
"""Where the work left over would make the next round longer. A flush into DuckDB has as many statements for more rows."""


def main(scenario: str, place: Path) -> int:
    """How many children were killed before one came through."""
    open_queue(str(place / "queue"), sink=SINK)
    for number in range(1000):
        if child(scenario, place, Steps(number), f"{number:03d}") == 0:
            return number
        if scenario in UNDISTURBED and child(scenario, place, Steps(1 << 60), f"{number:03d}-again") != 0:
            raise SystemExit(f"the child after the one that was killed at step {number} failed")
    raise SystemExit("no child ever came through")


def child(scenario: str, place: Path, steps: Steps, name: str) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            SCENARIOS[scenario](place, steps, name)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status not in (0, -signal.SIGKILL):
        raise SystemExit(f"{scenario} {name} ended with {status}")
    return status


if __name__ == "__main__":
    print(main(sys.argv[1], Path(sys.argv[2])))
