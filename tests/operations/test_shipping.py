"""An import whose events are shipped by a child: killed, interrupted or refused, each event is in the warehouse once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from activity_mcp.bench.transcripts import SMALL, _lines
from activity_mcp.errors import OffsetConflict, WarehouseBusy, WarehouseRefused, WarehouseUnavailable
from activity_mcp.operations.drain import Drainer
from activity_mcp.operations.shipping import ShippingProcess, error_answer, raise_answer
from activity_mcp.operations.shipping_child import small_service
from activity_mcp.queue import Lease
from activity_mcp.search.index import CACHE_KB, LESS_CACHE_KB
from activity_mcp.service import ActivityService
from patience import PATIENCE_S, places_in, until

CALLS_AT_LEAST = 400
TOOL = {"tool_name": "Bash", "success": True, "output": "x" * 300}


@pytest.fixture(scope="module")
def transcript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("transcripts") / "session.jsonl"
    path.write_bytes(b"".join(_lines(600_000, SMALL)))
    return path


class Importing:
    """The command in a process of its own, over a queue so small that its child has much to do."""

    def __init__(self, home: Path, transcript: Path) -> None:
        given = {"ACTIVITY_HOME": str(home), "HOME": str(home), "ACTIVITY_CUSTOMER": "ada@x.org", "MAX_QUEUE_SIZE": "120000"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ACTIVITY_", "CLAUDE_"))}
        self.home = home
        self.environ = kept | given | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._command = [sys.executable, "-m", "activity_mcp"]
        self._transcript = str(transcript)
        home.mkdir()

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._command, "import", "--json", self._transcript],
            env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # where the tests run in the background it is ignored
        )  # fmt: skip

    def finished(self, process: subprocess.Popen[str]) -> dict[str, object]:
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        report: dict[str, object] = json.loads(out)
        return report

    def rows(self) -> tuple[int, int, int]:
        """Rows, their places in the queue, their activities."""
        with duckdb.connect(str(self.home / "activity.duckdb"), read_only=True) as connection:
            found = connection.execute(
                "SELECT COUNT(*), COUNT(DISTINCT (channel_id, stream_offset)), COUNT(DISTINCT activity_id) FROM CLAUDE_STREAM_V2"
            ).fetchone()
        assert found is not None
        return found


Imports = Iterator[Importing]


@pytest.fixture
def imports(tmp_path: Path, transcript: Path) -> Imports:
    """Each on a home of its own: an import may be over before a slow test has got hold of its child."""
    return (Importing(place / "home", transcript) for place in places_in(tmp_path))


def children_of(process: subprocess.Popen[str]) -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    except OSError:
        return []


class Stopped(NamedTuple):
    """An import that is under way, and its child; both are stopped."""

    importing: Importing
    process: subprocess.Popen[str]
    child: int


def stopped(imports: Imports, is_ready: Callable[[Importing], bool]) -> Stopped:
    found = None
    while found is None:
        found = stop(next(imports), is_ready)
    return found


def stop(importing: Importing, is_ready: Callable[[Importing], bool]) -> Stopped | None:
    """None where the import, or its child, was over before."""
    process = importing.start()
    until(lambda: process.poll() is not None or (children_of(process) and is_ready(importing)))
    process.send_signal(signal.SIGSTOP)
    until(lambda: is_stopped(process.pid) or process.poll() is not None)
    for child in children_of(process):
        os.kill(child, signal.SIGSTOP)
        return Stopped(importing, process, child)
    process.send_signal(signal.SIGCONT)
    process.communicate()
    return None


def is_stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def has_shipped(importing: Importing) -> bool:
    return any(importing.home.rglob("commit.json"))


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in Linux's /proc")


def kill_children(importing: Importing, process: subprocess.Popen[str]) -> int:
    """How many were killed, of two, before the import was over: the first once it has shipped something."""
    killed = set[int]()

    def are_killed() -> bool:
        for child in children_of(process):
            if child not in killed and (killed or has_shipped(importing)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                    killed.add(child)
        return len(killed) == 2 or process.poll() is not None

    until(are_killed)
    return len(killed)


@needs_proc
def test_a_child_that_is_killed_again_and_again_is_started_again_and_each_event_arrives_once(imports: Imports) -> None:
    for importing in imports:
        process = importing.start()
        if kill_children(importing, process) == 2:
            break
        process.communicate()  # it was over before
    report = importing.finished(process)
    rows, places, activities = importing.rows()
    assert rows == places == activities
    made = report["activities"]
    assert isinstance(made, dict)
    assert rows >= sum(made.values()) > CALLS_AT_LEAST


@needs_proc
def test_an_import_that_is_killed_leaves_no_child_and_the_next_one_completes_it(imports: Imports) -> None:
    importing, process, child = stopped(imports, has_shipped)
    process.kill()
    os.kill(child, signal.SIGCONT)
    process.communicate()
    until(lambda: not Path(f"/proc/{child}").exists())
    importing.finished(importing.start())
    rows, places, activities = importing.rows()
    assert rows == places
    undisturbed = next(imports)
    undisturbed.finished(undisturbed.start())
    assert activities == undisturbed.rows()[2]


@needs_proc
def test_ctrl_c_ends_the_import_and_its_child_and_says_that_what_was_acknowledged_is_recorded(imports: Imports) -> None:
    _, process, child = stopped(imports, lambda _: True)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    os.kill(child, signal.SIGCONT)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err.strip()) == (130, "interrupted; what was acknowledged is recorded")
    until(lambda: not Path(f"/proc/{child}").exists())


# --- in one process and its child


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ActivityService]:
    given = {
        "HOME": str(tmp_path),
        "ACTIVITY_HOME": str(tmp_path),
        "ACTIVITY_CUSTOMER": "ada@x.org",
        "MAX_QUEUE_SIZE": "1000000",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    made = ActivityService.from_environ(source="cli")
    yield made
    made.close()


def write(service: ActivityService, count: int) -> None:
    origin = service.recorder.origin("cli")
    service.recorder.append([service.recorder.prepare("tool_event", TOOL, origin) for _ in range(count)])


@needs_proc
def test_an_error_of_the_child_is_raised_in_the_same_words_and_the_queue_holds_everything(
    service: ActivityService, tmp_path: Path
) -> None:
    write(service, 200)
    (tmp_path / "activity.duckdb").mkdir()  # no engine opens that
    shipping = ShippingProcess(service)
    with pytest.raises(WarehouseUnavailable) as here:
        shipping._here.drain(0.2, verify=True)
    try:
        with pytest.raises(WarehouseUnavailable) as there:
            shipping.drain(0.2, verify=True)
    finally:
        shipping.close()
    assert shipping._child is None
    assert type(there.value) is type(here.value)
    assert (there.value.message, there.value.hint) == (here.value.message, here.value.hint)
    assert service.writer.uncommitted_bytes() > 0


def test_where_another_process_leads_no_child_is_started(service: ActivityService) -> None:
    leader = Lease(service.queue.directory)
    assert leader.try_acquire()
    write(service, 200)
    shipping = ShippingProcess(service)
    shipping.keep_up(service.writer.uncommitted_bytes())
    assert shipping._child is None
    with pytest.raises(WarehouseUnavailable, match="leads and did not flush"):
        shipping.drain(0.1, verify=True)
    leader.release()


def test_what_is_little_is_shipped_without_starting_a_process(service: ActivityService) -> None:
    write(service, 3)
    shipping = ShippingProcess(service)
    shipping.drain(PATIENCE_S, verify=True)
    assert shipping._child is None
    assert not service.local_events.urgent()


@pytest.mark.parametrize(
    "error",
    [
        WarehouseBusy("it is in use", hint="wait"),
        WarehouseRefused("no grant", hint="GRANT"),
        OffsetConflict("moved", found="1"),
        OSError(28, "No space left on device", "/x/y"),
    ],
)
def test_errors_cross_the_pipe_as_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as crossed:
        raise_answer(json.loads(json.dumps(error_answer(error))))
    assert type(crossed.value) is type(error)
    assert str(crossed.value) == str(error)


def test_an_error_that_nobody_expected_is_named() -> None:
    with pytest.raises(Exception, match="unexpected KeyError: 'x'"):
        raise_answer(error_answer(KeyError("x")))


def test_the_child_keeps_a_smaller_cache_of_the_index_and_a_smaller_engine(service: ActivityService) -> None:
    """Of what the child holds these two are set: with a server's it would take more than an import may."""
    write(service, 3)
    for made, cache_kb in ((small_service(), LESS_CACHE_KB), (service, CACHE_KB)):
        write(made, 3)
        Drainer(made).drain(30)
        feed = made.finding.feed
        assert feed is not None
        assert feed._open is not None
        assert feed._open._connection.execute("PRAGMA cache_size").fetchone() == (-cache_kb,)
        made.close()
