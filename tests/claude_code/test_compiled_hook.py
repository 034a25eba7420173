"""The compiled client of hooks: what the leader acknowledges is in the queue, and everything else reaches the hook in Python."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.claude_code.hooks import listener
from activity_mcp.claude_code.hooks.listener import SOCKET_NAME
from activity_mcp.claude_code.hooks.start_hook import hook_command
from activity_mcp.claude_code.setup import compiled_hook
from activity_mcp.config import read_config
from activity_mcp.operations.own_files import own_files
from activity_mcp.service import ActivityService
from claude_code.hooked import Hooked, payload, tool_use
from patience import PATIENCE_S, until

SOURCE = Path(__file__).resolve().parents[2] / "native" / "activity_hook.c"
PATIENT = f"-DWAIT_MS={PATIENCE_S * 1000:.0f}"
SECRET = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the compiled client is for Linux")


def compiled(directory: Path, *flags: str) -> str:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler here")
    made = directory / "activity-hook"
    subprocess.run([compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", *flags, "-o", made, SOURCE], check=True)
    return str(made)


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The client of the installed package, or where that is a pure one, of the source."""
    if os.path.exists(compiled_hook.PACKAGED):
        return compiled_hook.PACKAGED
    return compiled(tmp_path_factory.mktemp("native"))


@pytest.fixture(scope="session")
def patient_client(tmp_path_factory: pytest.TempPathFactory) -> str:
    """For a test in which the leader is to answer: a busy machine may let it wait longer than a client does."""
    return compiled(tmp_path_factory.mktemp("patient"), PATIENT)


def released(directory: Path, *flags: str) -> str:
    python = os.environ.get("ACTIVITY_TEST_ZIG_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import ziglang"], capture_output=True).returncode:
        pytest.skip(
            "ziglang is not installed here (pip install ziglang; ACTIVITY_TEST_ZIG_PYTHON names another Python with it)"
        )
    made = directory / "activity-hook"
    target = ["-target", f"{platform.machine()}-linux-musl"]
    flags = ("-std=c11", "-Os", "-s", "-Wall", "-Wextra", "-Werror", *flags)
    subprocess.run([python, "-m", "ziglang", "cc", *target, *flags, "-o", made, SOURCE], check=True)
    return str(made)


@pytest.fixture(scope="session")
def released_client(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The client as the released wheels hold it: static, by the compiler that pip installs (``NATIVE_HOOK=zig``)."""
    return released(tmp_path_factory.mktemp("released"))


@pytest.fixture(scope="session")
def patient_released_client(tmp_path_factory: pytest.TempPathFactory) -> str:
    return released(tmp_path_factory.mktemp("patient-released"), PATIENT)


class Led:
    """A state directory with a leader, and the compiled client in front of a fallback that keeps what reaches it."""

    def __init__(self, home: Path, client: str) -> None:
        home.mkdir(parents=True)
        self.hooked = Hooked(home, HOME=str(home))
        self.socket = Path(read_config(self.hooked.environ).queue_dir) / SOCKET_NAME
        self.fell_back = home.parent / "fell-back"
        keep = ["/bin/sh", "-c", f"cat > {self.fell_back}; echo from the fallback"]
        self.command = [client, str(self.socket), *keep]
        self.with_python = [client, str(self.socket), *hook_command()]
        self.errors: list[BaseException] = []

    @contextmanager
    def leader(self) -> Iterator[ActivityService]:
        service = ActivityService.from_environ(self.hooked.environ, on_error=self.errors.append)
        service.prepare_leader()
        assert service.leader is not None
        service.leader.turn()
        try:
            yield service
        finally:
            service.leader.stop(PATIENCE_S)
            service.close()

    def fire(self, given: Any, *, command: list[str] | None = None, **environ: str) -> str:
        return self.hooked.fire(given, command=command or self.command, **environ)

    def ids(self) -> list[str]:
        return [line["activity_id"] for line in self.hooked.lines() if line["event_name"] != "system_event"]


@pytest.fixture
def led(tmp_path: Path, patient_client: str, monkeypatch: pytest.MonkeyPatch) -> Led:
    monkeypatch.setattr(listener, "READ_TIMEOUT_S", PATIENCE_S)
    return Led(tmp_path / "home", patient_client)


@pytest.fixture
def left_alone(tmp_path: Path, client: str) -> Led:
    """The client as it is installed."""
    return Led(tmp_path / "home", client)


def test_what_the_leader_acknowledges_is_recorded_as_the_hook_in_python_records_it(led: Led) -> None:
    given = tool_use("Read", {"file_path": "/work/shop/a.py"})
    with led.leader():
        assert led.fire(given) == ""
        by_leader = led.hooked.lines()
        led.fire(given, command=hook_command())
    by_hook = led.hooked.lines()[len(by_leader) :]
    assert not led.fell_back.exists()
    kept = ("activity_id", "event_name", "source", "customer", "project", "session_id", "feature_json")
    assert len(by_leader) == 2
    assert [[line.get(name) for name in kept] for line in by_leader] == [[line.get(name) for name in kept] for line in by_hook]


def test_a_starting_session_gets_its_context_from_the_leader(led: Led, tmp_path: Path) -> None:
    project = tmp_path / "shop"
    project.mkdir()
    with led.leader() as service:
        service.log(
            "session_event", {"session_id": "s0", "event_type": "turn_end", "excerpt": "It works."}, project=str(project)
        )
        service.snapshots.request(service.identity.customer, str(project))
        leader = service.leader
        assert leader is not None

        def is_published() -> bool:
            leader.turn()
            found = service.snapshots.read(service.identity.customer, str(project))
            return found is not None and "It works." in str(found.blob)

        until(is_published)
        answer = led.fire(payload("SessionStart", source="startup", cwd=str(project)))
    assert "It works." in json.loads(answer)["hookSpecificOutput"]["additionalContext"]
    assert not led.fell_back.exists()


@pytest.mark.parametrize("size", [0, 10, 70_000, 3_000_000])
def test_where_nobody_listens_the_fallback_gets_the_same_bytes(left_alone: Led, size: int) -> None:
    assert left_alone.fire(os.urandom(size).hex().encode()[:size]) == "from the fallback\n"
    assert left_alone.fell_back.stat().st_size == size


def test_the_leader_stops_listening_when_it_resigns_and_leaves_no_socket(led: Led) -> None:
    with led.leader():
        assert led.socket.is_socket()
        assert led.socket.stat().st_mode & 0o777 == 0o600
        assert led.socket.parent.stat().st_mode & 0o777 == 0o700
    assert not led.socket.exists()
    assert led.fire(tool_use()) == "from the fallback\n"


def test_a_second_leader_takes_the_socket_that_a_killed_one_left(led: Led) -> None:
    with led.leader() as first:
        first.lease._lock.close()  # what the kernel frees of a process that is killed
        with led.leader():
            led.fire(tool_use())
            first.hook_listener.close()
            assert led.socket.is_socket(), "it is not the first one's any more"
            led.fire(tool_use(call="toolu_01BBBBBBBBBBBBBBBBBBBBBB"))
    assert (len(led.ids()), led.fell_back.exists()) == (2, False)


@pytest.mark.parametrize(
    "environ", [{"ACTIVITY_HOME": "/nowhere/else"}, {"ACTIVITY_DB": "here.duckdb"}, {"HOME": ""}, {"ACTIVITY_PROMPTS": "wrong"}]
)
def test_an_environment_that_the_leader_does_not_share_is_declined(led: Led, environ: dict[str, str]) -> None:
    with led.leader():
        assert led.fire(tool_use(), command=led.command, **environ) == "from the fallback\n"
        assert led.ids() == []
    assert json.loads(led.fell_back.read_bytes()) == tool_use()


def test_the_hooks_own_settings_hold_not_the_leaders(led: Led) -> None:
    with led.leader():
        led.fire(tool_use(), ACTIVITY_RECORD="off")
        led.fire(
            payload("UserPromptSubmit", prompt="keep no word of it"),
            ACTIVITY_PROMPTS="hash",
            ACTIVITY_CUSTOMER="eve@example.org",
        )
    [line] = [line for line in led.hooked.lines() if line["event_name"] == "session_event"]
    assert (line["customer"], "excerpt" in line["feature_json"]) == ("eve@example.org", False)
    assert not led.fell_back.exists()


def test_a_payload_that_is_none_is_declined_and_counted_once_by_the_hook(led: Led) -> None:
    with led.leader():
        led.fire(b"[1, 2]", command=led.with_python)
    assert (led.hooked.dropped(), led.errors) == ({"payload": 1}, [])


def test_nothing_that_is_not_redacted_reaches_the_disk(led: Led) -> None:
    with led.leader():
        led.fire(tool_use(tool_input={"command": f"curl -H 'Authorization: token {SECRET}' x"}), command=led.with_python)
        held = [path for path in led.hooked.home.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert (len(led.ids()), held) == (1, [])


def test_an_event_that_the_leader_recorded_without_saying_so_is_recorded_once(led: Led) -> None:
    """The answer is lost: the fallback records the same event again, under the same id."""
    with led.leader() as service:
        led.fire(tool_use(), command=led.with_python)
        led.fire(tool_use(), command=hook_command())
        assert len(led.ids()) == 2
        assert len(set(led.ids())) == 1
        service.leader.turn()  # type: ignore[union-attr]


def answers(*pieces: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        receive_all(connection)
        with contextlib.suppress(BrokenPipeError):  # this thread was slow, and the client has given up
            for piece in pieces:
                connection.sendall(piece)

    return answer


def receive_all(connection: socket.socket) -> None:
    """The whole request: a client whose request nobody reads to its end meets another error."""
    _, *sizes = listener._HEAD.unpack(connection.recv(listener._HEAD.size, socket.MSG_WAITALL))
    connection.recv(sum(sizes), socket.MSG_WAITALL)


def hangs(connection: socket.socket) -> None:
    """Until the client has given up."""
    receive_all(connection)
    assert connection.recv(1) == b""


@pytest.mark.parametrize(
    "answer",
    [
        lambda connection: None, answers(), answers(b"n"), answers(b"x"), answers(b"y"), answers(b"y\x05\0\0\0abc"),
        answers(b"y\xff\xff\xff\xff"), hangs,
    ],
    ids=["closes at once", "says nothing", "declines", "talks otherwise", "cut", "cut in its text", "too long", "hangs"],
)  # fmt: skip
def test_whatever_else_listens_the_fallback_gets_the_payload(
    left_alone: Led, answer: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    left_alone.socket.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(left_alone.socket.parent)  # the path may be too long for an address
        server.bind(SOCKET_NAME)
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert left_alone.fire(tool_use()) == "from the fallback\n"
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    assert json.loads(left_alone.fell_back.read_bytes()) == tool_use()


def test_a_path_too_long_for_a_sockets_address_is_reached_all_the_same(tmp_path: Path, patient_client: str) -> None:
    led = Led(tmp_path / ("deep" * 20) / ("er" * 20) / "home", patient_client)
    assert len(str(led.socket)) > 108
    with led.leader():
        led.fire(tool_use())
    assert (len(led.ids()), led.fell_back.exists()) == (1, False)


def test_many_at_once_are_all_recorded_once(led: Led) -> None:
    with led.leader():
        given = [json.dumps(tool_use(call=f"toolu_{number:024d}")).encode() for number in range(30)]
        started = [
            subprocess.Popen(led.with_python, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=led.hooked.environ)
            for _ in given
        ]
        for process, data in zip(started, given, strict=True):
            assert process.stdin is not None
            process.stdin.write(data)
            process.stdin.close()
        assert {process.wait(PATIENCE_S) for process in started} == {0}
        for process in started:
            assert process.stdout is not None
            process.stdout.close()
    assert len(set(led.ids())) == 30


# --- as it is released


def test_the_released_client_hands_over_to_the_leader_and_falls_back_without_one(
    tmp_path: Path, patient_released_client: str
) -> None:
    led = Led(tmp_path / "home", patient_released_client)
    with led.leader():
        led.fire(tool_use(tool_input={"command": f"echo {SECRET}"}))
    assert (len(led.ids()), led.fell_back.exists()) == (1, False)
    assert SECRET not in json.dumps(led.hooked.lines())
    given = tool_use(call="toolu_01BBBBBBBBBBBBBBBBBBBBBB")
    assert led.fire(given) == "from the fallback\n"
    assert json.loads(led.fell_back.read_bytes()) == given


def test_the_released_client_needs_no_library_of_the_machine(released_client: str) -> None:
    """It has no program header that names a loader (PT_INTERP is 3), so it runs on every Linux of its processor."""
    data = Path(released_client).read_bytes()
    offset, (size, count) = int.from_bytes(data[32:40], "little"), struct.unpack_from("<HH", data, 54)
    assert data[:5] == b"\x7fELF\x02"
    assert 3 not in {int.from_bytes(data[offset + n * size :][:4], "little") for n in range(count)}
    assert len(data) < 64 * 1024


# --- installing it


def test_install_registers_the_client_from_the_state_directory_and_uninstall_takes_it_out(left_alone: Led, client: str) -> None:
    led = left_alone
    if client != compiled_hook.PACKAGED:
        pytest.skip("the package was built without the compiled client")
    home = led.hooked.home
    subprocess.run(
        [sys.executable, "-m", "activity_mcp", "install"], env=led.hooked.environ, cwd=home, capture_output=True, check=True
    )
    hooks = json.loads((home / ".claude" / "settings.json").read_text())["hooks"]
    [group] = hooks["Stop"]
    handler = group["hooks"][0]
    assert [handler["command"], *handler["args"]] == [str(home / "bin" / "activity-hook"), str(led.socket), *hook_command()]
    with led.leader():
        led.fire(payload("Stop", last_assistant_message="Done."), command=[handler["command"], *handler["args"]])
    assert len(led.ids()) == 1
    assert any(
        home / "bin" / "activity-hook" == Path(file)
        for held in own_files(read_config(led.hooked.environ))
        for file in held.files
    )
    subprocess.run(
        [sys.executable, "-m", "activity_mcp", "uninstall"], env=led.hooked.environ, cwd=home, capture_output=True, check=True
    )
    assert not (home / ".claude" / "settings.json").exists()


def test_without_the_client_the_hook_in_python_is_registered(led: Led, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_hook, "PACKAGED", "/nowhere/activity-hook")
    assert compiled_hook.hook_command(read_config(led.hooked.environ), place=True) == hook_command()
    assert not (led.hooked.home / "bin").exists()
