"""The hook where everything around it is broken: a full disk, no disk, a held lock, closed pipes, twenty at once."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.claude_code.hooks import hook, start_hook
from activity_mcp.claude_code.hooks.start_hook import hook_command
from activity_mcp.fs import LOCAL, FileSystem
from activity_mcp.queue.lock import LockFile
from activity_mcp.recording.dropped import note_drop
from claude_code.hooked import Hooked, payload, tool_use
from patience import PATIENCE_S, takes_less_than

EXPENSIVE = {
    "re", "json", "typing", "dataclasses", "enum", "functools", "pathlib", "datetime", "uuid", "hashlib", "logging", "asyncio", "subprocess",
    "socket", "tempfile", "inspect", "contextlib", "threading", "platform", "random", "string", "site",
}  # fmt: skip


@pytest.fixture
def hooked(tmp_path: Path) -> Hooked:
    return Hooked(tmp_path / "home")


def queue_of(hooked: Hooked) -> Path:
    (directory,) = (path.parent for path in hooked.home.glob("queue/*/queue.json"))
    return directory


def refused(hooked: Hooked) -> bytes:
    return b"".join(path.read_bytes() for path in hooked.home.glob("queue/*/refused")).replace(b"|", b"")


def test_twenty_at_once_on_a_new_queue_are_all_recorded(hooked: Hooked) -> None:
    started = [
        subprocess.Popen(
            hook_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=hooked.environ
        )
        for _ in range(20)
    ]
    for number, process in enumerate(started):
        assert process.stdin is not None
        process.stdin.write(json.dumps(tool_use(call=f"t{number}")).encode())
        process.stdin.flush()
    for process in started:  # the end of its input is what lets each of them go
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    for process in started:
        assert (process.communicate()[0], process.returncode) == (b"", 0)
    assert sorted(line["feature_json"]["tool_use_id"] for line in hooked.lines()) == sorted(f"t{n}" for n in range(20))
    assert (hooked.dropped(), refused(hooked)) == ({}, b"")


@pytest.mark.parametrize(
    "given", [tool_use(), payload("SessionStart", source="resume"), payload("Stop", last_assistant_message="x")]
)
def test_it_loads_nothing_expensive(hooked: Hooked, tmp_path: Path, given: dict[str, Any]) -> None:
    reported = tmp_path / "modules"
    code = (
        "import sys, os; sys.path.append(sys.argv[1]); from activity_mcp.claude_code.hooks import quick_start; leave = os._exit\n"
        "def tell(code): open(sys.argv[2], 'w').write(' '.join(sys.modules)); leave(code)\n"
        "os._exit = tell; quick_start.main()"
    )
    root = Path(start_hook.__file__).parents[3]
    hooked.fire(given, command=[sys.executable, "-I", "-S", "-c", code, str(root), str(reported)])
    loaded = set(reported.read_text().split())
    assert len(hooked.lines()) == 1
    assert loaded & EXPENSIVE == set()
    ours = {name for name in loaded if name.startswith("activity_mcp.")}
    assert not any(
        name.startswith(("activity_mcp.service", "activity_mcp.context", "activity_mcp.queue.reader")) for name in ours
    )


@pytest.mark.timing
def test_a_held_lock_is_waited_for_shortly_and_the_event_counted_as_refused(hooked: Hooked) -> None:
    hooked.fire(tool_use(call="t1"))
    tries = itertools.count(1)

    def refuse() -> float:
        next(tries)
        began = time.monotonic()
        assert hook.run(json.dumps(tool_use(call="t2")).encode(), hooked.environ) == b""
        return time.monotonic() - began

    with open(queue_of(hooked) / "append.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert takes_less_than(2, refuse)
        hooked.fire(tool_use(call="t3"))
    hooked.fire(tool_use(call="t4"))
    assert [line["feature_json"]["tool_use_id"] for line in hooked.lines()] == ["t1", "t4"]
    assert (refused(hooked), hooked.dropped()) == (b"B" * next(tries), {})


@pytest.mark.timing
def test_a_holder_that_only_waits_for_a_processor_is_waited_for_longer_and_one_that_sleeps_is_not(tmp_path: Path) -> None:
    """On a crowded machine a process that holds the lock for microseconds may hold it for a tenth of a second."""
    path = str(tmp_path / "lock")
    take = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True);"
    computes, sleeps = "end = time.monotonic() + 0.6\nwhile time.monotonic() < end: pass", "time.sleep(1000)"

    def wait_for(how: str, *, ends: bool) -> float:
        command = [sys.executable, "-c", f"{take}\n{how}", path]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            lock = LockFile(path, LOCAL)
            began = time.monotonic()
            assert lock.acquire(0.05, PATIENCE_S) is ends
            waited = time.monotonic() - began
            lock.close()
            holder.kill()
        return waited

    wait_for(computes, ends=True)
    assert takes_less_than(5, lambda: wait_for(sleeps, ends=False)), "it sleeps: nothing to wait for"


class NobodyIsSeen(FileSystem):
    """A table of locks read at moments when nobody holds the lock; at the ``frees``-th the holder lets go."""

    def __init__(self, holder: LockFile, frees: int) -> None:
        self._holder = holder
        self.looks, self._frees = 0, frees

    def read(self, path: str, at_most: int | None = None) -> bytes:
        self.looks += 1
        if self.looks == self._frees:
            self._holder.release()
        return b""


@pytest.mark.parametrize(("frees", "is_ours"), [(10, True), (1000, False)])
def test_a_lock_that_others_keep_taking_and_giving_is_waited_for_and_one_whose_holder_cannot_be_seen_is_not(
    tmp_path: Path, frees: int, is_ours: bool
) -> None:
    holder = LockFile(str(tmp_path / "lock"), LOCAL)
    assert holder.try_acquire()
    fs = NobodyIsSeen(holder, frees)
    assert LockFile(holder.path, fs).acquire(0, 60) is is_ours
    assert fs.looks < 100
    holder.close()


@pytest.mark.parametrize("room", [0, 1])
def test_a_full_disk_costs_the_event_and_nothing_else(hooked: Hooked, room: int) -> None:
    """RLIMIT_FSIZE stands for the disk: files may not grow beyond what the segment has, or not at all."""
    hooked.fire(tool_use(call="t1"))
    (segment,) = hooked.home.glob("queue/*/seg/*")
    size = segment.stat().st_size * room
    done = subprocess.run(
        hook_command(),
        input=json.dumps(tool_use(call="t2")).encode(),
        env=hooked.environ,
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    hooked.fire(tool_use(call="t3"))
    assert [line["feature_json"]["tool_use_id"] for line in hooked.lines()] == ["t1", "t3"]
    assert refused(hooked) == b"D" * room, "with no room at all there is nowhere to count it either"


def _unusable_queue(hooked: Hooked, how: str) -> None:
    hooked.fire(tool_use())
    queue = queue_of(hooked)
    if how == "segments is a file":
        for path in queue.glob("seg/*"):
            path.unlink()
        (queue / "seg").rmdir()
        (queue / "seg").write_text("")
    elif how == "queue.json is a directory":
        (queue / "queue.json").unlink()
        (queue / "queue.json").mkdir()
    else:
        (queue / "queue.json").write_text('{"version": 99}')


def _unusable_home(home: Path, how: str) -> None:
    if how == "home is a file":
        home.write_text("")
    elif how == "a loop":
        os.symlink(home, home)
    else:
        home.mkdir()
        home.chmod(0o777)
        (home / "queue").mkdir()
        (home / "queue").chmod(0o777)


_FILES = {
    "settings of a newer version": ("settings.json", '{"version": 99}'),
    "broken rules": ("redaction.json", '{"patterns": 5}'),
}
_ENVIRON: dict[str, dict[str, Any]] = {
    "home under a file": {"ACTIVITY_HOME": f"{__file__}/home"},
    "home in no file system": {"ACTIVITY_HOME": "/proc/nowhere"},
    "a value that cannot be used": {"ACTIVITY_INJECT": "a lot"},
}


def broken_home(hooked: Hooked, how: str) -> dict[str, Any]:
    """Break the state directory; what the environment says of it then."""
    if how in _FILES:
        name, text = _FILES[how]
        hooked.home.mkdir()
        (hooked.home / name).write_text(text)
    elif how in ("queue of a newer version", "segments is a file", "queue.json is a directory"):
        _unusable_queue(hooked, how)
    elif how not in _ENVIRON:
        _unusable_home(hooked.home, how)
    return _ENVIRON.get(how, {})


BREAKS: dict[str, dict[str, int]] = {
    "home is a file": {}, "home under a file": {}, "home in no file system": {}, "a loop": {},
    "open to others": {}, "settings of a newer version": {"queue": 2}, "queue of a newer version": {"queue": 2},
    "segments is a file": {"queue": 2}, "queue.json is a directory": {"queue": 2},
    "broken rules": {"configuration": 2}, "a value that cannot be used": {"configuration": 2},
}  # fmt: skip


@pytest.mark.parametrize("how", BREAKS)
def test_a_broken_state_directory_is_no_concern_of_claude_code(hooked: Hooked, how: str) -> None:
    environ = broken_home(hooked, how)
    before = len(hooked.lines()) if hooked.home.is_dir() else 0
    assert hooked.fire(tool_use(call="t9"), **environ) == ""
    assert hooked.fire(payload("SessionStart", source="startup"), **environ) == ""
    after = len(hooked.lines()) if hooked.home.is_dir() else 0
    assert after == before
    counted = hooked.dropped()
    assert sum(counted.values()) + len(refused(hooked)) == sum(BREAKS[how].values()), counted


@pytest.mark.parametrize("descriptor", [0, 1, 2])
def test_a_closed_descriptor_breaks_nothing(hooked: Hooked, descriptor: int) -> None:
    done = subprocess.run(
        hook_command(),
        input=json.dumps(tool_use()).encode(),
        env=hooked.environ,
        capture_output=True,
        preexec_fn=lambda: os.close(descriptor),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (len(hooked.lines()), hooked.dropped()) == ((0, {"payload": 1}) if descriptor == 0 else (1, {}))


def test_ten_megabytes_and_nonsense_through_a_real_pipe(hooked: Hooked) -> None:
    hooked.fire(tool_use(tool_response={"stdout": "x" * 10_000_000}))
    hooked.fire(b"\xff" * 100_000)
    hooked.fire(b"")
    assert [line["feature_json"]["result_size"] for line in hooked.lines()] == [10_000_000]
    assert hooked.dropped() == {"payload": 2}


@pytest.mark.parametrize("event", ["Stop", "UserPromptSubmit"])
def test_what_was_registered_lets_a_session_go_on_when_the_package_has_gone(tmp_path: Path, event: str) -> None:
    """Python exits with 2 for a file that is not there, and a 2 would keep the session from ending."""
    command = [*hook_command()[:-1], str(tmp_path / "lib/python3.9/site-packages/activity_mcp/claude_code/hooks/start_hook.py")]
    done = subprocess.run(command, input=json.dumps(payload(event)).encode(), capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_what_was_registered_records_after_the_environment_got_another_python(hooked: Hooked, tmp_path: Path) -> None:
    package = Path(start_hook.__file__).parents[3] / "activity_mcp"
    now = tmp_path / ("lib/python%d.%d/site-packages" % sys.version_info[:2])
    now.mkdir(parents=True)
    (now / "activity_mcp").symlink_to(package)
    before = tmp_path / "lib/python3.9/site-packages/activity_mcp/claude_code/hooks/start_hook.py"
    hooked.fire(tool_use(), command=[*hook_command()[:-1], str(before)])
    assert len(hooked.lines()) == 1


def test_a_broken_installation_says_nothing(tmp_path: Path) -> None:
    """Somebody removed the package from under the command line in the settings."""
    copy = tmp_path / "activity_mcp" / "claude_code" / "hooks" / "start_hook.py"
    copy.parent.mkdir(parents=True)
    copy.write_text(Path(start_hook.__file__).read_text())
    done = subprocess.run([sys.executable, "-I", "-S", str(copy)], input=b"{}", capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_what_was_dropped_shows_in_status(hooked: Hooked) -> None:
    hooked.fire(b"nonsense")
    hooked.fire(tool_use(), ACTIVITY_INJECT="a lot")
    document = hooked.run("status")
    assert document["hooks"] == {"dropped": 2, "reasons": {"payload": 1, "configuration": 1}}
    table = subprocess.run([sys.executable, "-m", "activity_mcp", "status"], env=hooked.environ, capture_output=True, text=True)
    assert "dropped by hooks" in table.stdout
    assert "2 (1 configuration, 1 payload)" in table.stdout
    assert any("hooks dropped 2 events" in problem for problem in document["problems"])


def test_counting_a_drop_never_raises() -> None:
    note_drop("/proc/nowhere/queue", b"U")
    note_drop("", b"U")
    note_drop("\0", b"U")
