"""The kill loop: real processes on one state directory, killed and stopped at random moments, and what must hold afterwards.

    with KillLoop(home, seed) as loop:
        loop.keep("w0", ...)            # whatever dies is started again, as another generation
        loop.run(seconds)
    loop.acknowledged, loop.attempted   # ids, in the order in which each writer sent them

An id is ``<who>:<n>``; ``who`` names one generation of one writer, which never sends an id twice.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import activity_mcp
from activity_mcp.activity import derived_id
from activity_mcp.claude_code.ids import call_key
from patience import PATIENCE_S
from server.wire import RawClient

BETWEEN_KILLS = (0.1, 1.0)
YOUNGEST = (0.0, 1.0, 2.5, 5.0)
"""In units of the time that a process takes to start here and now: on a loaded machine the kills are as much rarer."""
TESTS = Path(__file__).parents[1]
PACKAGE = Path(activity_mcp.__file__).parents[1]


class KillLoop:
    """``home`` is the state directory. ``seed`` decides what is killed when, and what each child suffers from inside."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.chance = random.Random(seed)
        self.start_s = 0.0
        self.kills = 0
        self.stops = 0
        self.seconds = 0.0
        self.starts: dict[str, int] = defaultdict(int)
        self.attempted: dict[str, int] = {}
        self.acknowledged: dict[str, set[int]] = defaultdict(set)
        self.hooked: dict[str, str] = {}
        self.finished_hooks: set[str] = set()
        self._seed = seed
        self._marks = home / "marks"
        self._reported = home / "reported"
        self._live: dict[str, tuple[subprocess.Popen[bytes], float]] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []

    def __enter__(self) -> Self:
        self._marks.mkdir(parents=True)
        self._reported.mkdir()
        self.start_s = min(1.0, self._start_up(), self._start_up())  # the first one may still have to compile
        return self

    def _start_up(self) -> float:
        began = time.monotonic()
        command = [sys.executable, "-c", "import activity_mcp.service, activity_mcp.server.app, crash.child"]
        subprocess.run(command, env=self.environ(troubled=False), check=True)
        return time.monotonic() - began

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        with self._lock:
            for process, _ in self._live.values():
                process.kill()
                process.wait()
        if self._failures:
            raise self._failures[0]

    def environ(self, *, troubled: bool = True) -> dict[str, str]:
        """Of every process here; ``troubled`` ones have the faults of ``crash.faults`` inside."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ACTIVITY_", "CLAUDE_", "CRASH_"))}
        paths = [*([str(TESTS / "crash" / "seam")] if troubled else []), str(PACKAGE), str(TESTS)]
        given = {
            "ACTIVITY_HOME": str(self.home / "state"), "ACTIVITY_CUSTOMER": "ada@example.com", "HOME": str(self.home),
            "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "",
        }  # fmt: skip
        if troubled:
            with self._lock:
                given |= {"CRASH_SEED": f"{self._seed}-{self.chance.random()}", "CRASH_MARKS": str(self._marks)}
        return kept | given

    def faults(self, name: str) -> int:
        """How many of these the children have suffered from inside."""
        path = self._marks / name
        return path.stat().st_size if path.exists() else 0

    def deaths(self) -> int:
        """Kills from outside and from inside."""
        return self.kills + self.faults("torn") + self.faults("died")

    # --- who runs

    def keep(self, slot: str, live: Callable[[str], None]) -> None:
        """Call ``live`` with a name of its own again and again: each call is one life of a process."""

        def lives() -> None:
            generation = 0
            while not self._over.is_set():
                try:
                    live(f"{slot}.{generation}")
                except BaseException as error:
                    self._failures.append(error)
                    return
                generation += 1

        thread = threading.Thread(target=lives, name=slot)
        self._threads.append(thread)
        thread.start()

    def program(self, *command: str) -> Callable[[str], None]:
        """A process that tells the ids it was acknowledged for, one per line; ``{who}`` in its arguments is its name."""

        def live(who: str) -> None:
            reported = self._reported / who
            with reported.open("wb") as out:
                process = subprocess.Popen(
                    [sys.executable, "-m", *(word.replace("{who}", who) for word in command)],
                    stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, env=self.environ(),
                )  # fmt: skip
                self._watch(who, process)
            lines = reported.read_bytes().split(b"\n")[:-1]  # a torn one was not reported
            ids = [line.decode().rpartition(":") for line in lines if line.startswith(who.encode() + b":")]
            self.acknowledged[who] |= {int(n) for _, _, n in ids}
            self.attempted[who] = 1 << 30

        return live

    def log_command(self, who: str) -> None:
        """``activity-mcp log`` with a few events on its stdin; it tells what was accepted when it ends."""
        count = 5
        events = "".join(
            f'{{"activity_id": "{who}:{n}", "feature_json": {{"tool_name": "Bash", "success": true}}}}\n' for n in range(count)
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "activity_mcp", "log", "tool_event", "--json", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.environ(),
        )  # fmt: skip
        self.attempted[who] = count
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(events.encode())
            process.stdin.close()
        except BrokenPipeError:
            pass
        self._watch(who, process)
        answer = process.stdout.read().decode()
        process.stdout.close()
        if answer.endswith("}\n"):
            self.acknowledged[who] |= {n for n in range(count) if f'"{who}:{n}"' in answer}

    def hook(self, who: str) -> None:
        """One hook process. It acknowledges nothing; when it comes to its end, it has recorded the call or counted a refusal."""
        call = {
            "hook_event_name": "PostToolUse", "session_id": "s1", "cwd": str(self.home), "tool_name": "Bash", "tool_use_id": f"{who}:0",
            "tool_input": {"command": "make"}, "tool_response": {"stdout": "", "stderr": "", "interrupted": False},
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-c", "from activity_mcp.claude_code.hooks.hook import main; main()"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environ(),
        )  # fmt: skip
        self.attempted[who] = 1
        key = call_key("s1", f"{who}:0", "Bash", call["tool_input"])
        self.hooked[derived_id("tool_event", "tool_use_id", key)] = f"{who}:0"
        assert process.stdin
        try:
            process.stdin.write(json.dumps(call).encode())
            process.stdin.close()
        except BrokenPipeError:
            pass
        self._watch(who, process)
        if process.returncode == 0:
            self.finished_hooks.add(f"{who}:0")

    def server(self, who: str) -> None:
        """A server over stdio and its client, which logs one event after the other and notes what was answered."""
        command = [sys.executable, "-m", "activity_mcp", "serve"]
        with RawClient(command, env={**self.environ(), "ACTIVITY_LOG_LEVEL": "error"}) as client:
            self._enter(who, client.process)
            try:
                client.initialize()
                n = 0
                while not self._over.is_set():
                    self.attempted[who] = n + 1
                    features = {"tool_name": "Bash", "success": True, "n": n}
                    client.call(n + 1, "log_event", event_name="tool_event", activity_id=f"{who}:{n}", feature_json=features)
                    result = client.receive()["result"]
                    if not result.get("isError") and result["structuredContent"]["accepted"]:
                        self.acknowledged[who].add(n)
                    n += 1
            except (AssertionError, BrokenPipeError):
                if client.process.poll() is None and client.process.wait(5) == 0:
                    raise
            finally:
                client.process.kill()
                self._leave(who)

    def _watch(self, who: str, process: subprocess.Popen[bytes]) -> None:
        self._enter(who, process)
        try:
            while True:
                try:
                    process.wait(0.1)
                    return
                except subprocess.TimeoutExpired:
                    if self._over.is_set():
                        process.kill()
        finally:
            self._leave(who)

    def _enter(self, who: str, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self.starts[who.partition(".")[0]] += 1
            self._live[who] = (process, time.monotonic())

    def _leave(self, who: str) -> None:
        with self._lock:
            self._live.pop(who, None)

    # --- who dies

    def run(self, seconds: float, *, least: int, deaths: int, pauses: int = 0) -> None:
        """Kill, and now and then stop and wake, one of them, for so long; on a busy machine for up to twenty times as long,
        until ``least`` events were acknowledged and as many processes have died and paused."""
        began = time.monotonic()
        while not self._failures:
            past = time.monotonic() - began
            self.seconds = past
            has_enough = self.total() >= least and self.deaths() >= deaths and self.faults("paused") >= pauses
            if past > seconds and (has_enough or past > 20 * seconds):
                return
            time.sleep(self.start_s * self.chance.uniform(*BETWEEN_KILLS))  # lets them run: what they do meanwhile is the test
            with self._lock:
                age = self.start_s * self.chance.choice(YOUNGEST)
                now = time.monotonic()
                old_enough = sorted(who for who, (_, since) in self._live.items() if now - since >= age)
                if not old_enough:
                    continue
                process, _ = self._live[self.chance.choice(old_enough)]
                stop = self.chance.random() < 0.15
                process.send_signal(signal.SIGSTOP if stop else signal.SIGKILL)
            self.stops += stop
            self.kills += not stop
            if stop:
                time.sleep(self.chance.uniform(0.05, 0.4))  # a leader that others think dead, or a writer in its append
                process.send_signal(signal.SIGCONT)

    # --- what must hold

    def check(self, ids: Sequence[str], rows: int) -> int:
        """``ids`` of the rows in the order of their offsets: every acknowledged one, each once, none that nobody sent, and each
        writer's in the order in which it sent them. How many were acknowledged. The figures are printed whatever they are."""
        found: dict[str, list[int]] = defaultdict(list)
        for name in ids:
            who, _, n = name.rpartition(":")
            found[who].append(int(n))
        lost = {who: sorted(reported - set(found.get(who, ()))) for who, reported in self.acknowledged.items()}
        twice = sum(len(numbers) - len(set(numbers)) for numbers in found.values())
        print(self.summary(rows, sum(map(len, lost.values())), twice))
        for who, numbers in found.items():
            assert numbers == sorted(set(numbers)), f"{who}: twice, or out of order"
            assert numbers[-1] < self.attempted[who], f"{who} never sent {numbers[-1]}"
        assert not any(lost.values()), f"acknowledged, and not in the warehouse: {lost}"
        return self.total()

    def total(self) -> int:
        """How many events were acknowledged, of the lives that have ended and of the servers."""
        return sum(len(reported) for reported in list(self.acknowledged.values()))

    def summary(self, rows: int, lost: int, twice: int) -> str:
        """What the loop did and what came of it, on one line."""
        died, torn, paused = map(self.faults, ("died", "torn", "paused"))
        return (
            f"seed {self._seed}: {self.total():,} acknowledged in {self.seconds:.0f} s, {lost} lost, {twice} twice; {rows:,} rows; "
            f"{self.kills} killed from outside, {died} at a step and {torn} in a torn write from inside, {self.stops} stops, "
            f"{paused} pauses; starts: {dict(self.starts)}"
        )
