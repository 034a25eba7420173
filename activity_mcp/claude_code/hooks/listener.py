"""The leader's ear for hooks: a Unix socket in the queue's directory, on which a compiled client (``native/activity_hook.c``)
hands over its payload, so that a hook costs no interpreter.

    request   "AMH1", u32 length of the environment, u32 length of the payload, NAME=VALUE pairs each ended by NUL, the payload
    answer    "y", u32 length, what the hook is to print: the events are in the queue; or "n"

What the hook in Python does is done here, by the same code: redact, then append. Whatever cannot be recorded as that hook
would record it is declined, and the client runs that hook: an environment that leads to another queue or depends on the
hook's own working directory, a peer of another user or another mount namespace, a payload that cannot be read, an error. So
nothing is lost here, and nothing that is not redacted is written. One connection is served at a time; a client that waits
longer than 0.2 s runs the hook in Python, and an event that both have recorded has one id.

Linux only (SO_PEERCRED, /proc): elsewhere nothing listens, and hooks are what they were.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from typing import TYPE_CHECKING

from ...clock import SYSTEM_CLOCK
from ...config import read_config
from ...errors import InvalidConfig
from .hook import MAX_PAYLOAD_BYTES, UnreadablePayload, answer_to

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn

    from ...clock import Clock

SOCKET_NAME = "hook.sock"
MAGIC = b"AMH1"
MAX_ENVIRONMENT_BYTES = 1 << 20
READ_TIMEOUT_S = 0.5
_WAITING = 64
_PATHS = ("HOME", "ACTIVITY_HOME", "ACTIVITY_DB", "QUEUE_DIR")
_HEAD = struct.Struct("=4sII")
_PEER = struct.Struct("3i")
IS_SUPPORTED = hasattr(socket, "SO_PEERCRED") and os.path.exists("/proc/self/ns/mnt")


class Declined(Exception):
    """The hook in Python is to record this."""


class HookListener:
    """Listens between ``open`` and ``close`` for the hooks of one queue. ``on_error`` gets what is nobody's ordinary fault."""

    def __init__(self, queue_dir: str, on_error: Callable[[BaseException], None], clock: Clock = SYSTEM_CLOCK) -> None:
        self._queue_dir = queue_dir
        self._on_error = on_error
        self._clock = clock
        self._socket: socket.socket | None = None
        self._inode = 0
        self.recorded = 0

    @property
    def path(self) -> str:
        return os.path.join(self._queue_dir, SOCKET_NAME)

    def open(self) -> None:
        """Listen, in place of the process that listened before. Idempotent; where it fails hooks go their own way."""
        if self._socket is not None or not IS_SUPPORTED:
            return
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._bind(made)
        except OSError as error:
            made.close()
            self._on_error(error)
            return
        self._socket = made
        threading.Thread(target=self._serve, args=(made,), name="activity-hooks", daemon=True).start()

    def close(self) -> None:
        """Listen no more. What is being recorded is answered. Idempotent."""
        made, self._socket = self._socket, None
        if made is None:
            return
        try:
            if os.stat(self.path).st_ino == self._inode:  # else another leader listens there by now
                os.unlink(self.path)
            made.shutdown(socket.SHUT_RDWR)  # wakes the thread
        except OSError:
            pass
        made.close()

    def _bind(self, made: socket.socket) -> None:
        """Bound beside its place and renamed into it, so that a client meets the old one or the new one; 0600, in a directory
        that is 0700. The address goes through the directory's descriptor: a path may be too long for one."""
        directory = os.open(self._queue_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        name = f"{SOCKET_NAME}.{os.getpid()}"
        try:
            _remove(name, directory)
            made.bind(f"/proc/self/fd/{directory}/{name}")
            os.chmod(name, 0o600, dir_fd=directory)
            self._inode = os.stat(name, dir_fd=directory).st_ino
            made.listen(_WAITING)
            os.rename(name, SOCKET_NAME, src_dir_fd=directory, dst_dir_fd=directory)
        finally:
            _remove(name, directory)
            os.close(directory)

    # --- the thread

    def _serve(self, made: socket.socket) -> None:
        while True:
            try:
                connection, _ = made.accept()
            except OSError:
                return  # closed
            with connection:
                try:
                    self._answer(connection)
                except (OSError, EOFError):
                    pass  # the client gave up, or its user was another: it runs the hook itself
                except Exception as error:
                    self._on_error(error)

    def _answer(self, connection: socket.socket) -> None:
        process = _refuse_strangers(connection)
        connection.settimeout(READ_TIMEOUT_S)
        environ, payload = _request(connection)
        try:
            printed = self._record(payload, environ, process)
        except Exception as error:  # the hook meets it again, counts it, and ends in silence as it always does
            connection.sendall(b"n")
            if not isinstance(error, (Declined, InvalidConfig, UnreadablePayload)):
                self._on_error(error)
            return
        self.recorded += 1
        connection.sendall(b"y" + struct.pack("=I", len(printed)) + printed)

    def _record(self, payload: bytes, environ: Mapping[str, str], process: int) -> bytes:
        if not all(os.path.isabs(environ[name]) for name in _PATHS if environ.get(name)) or not environ.get("HOME"):
            raise Declined("its paths depend on where the hook runs")
        config = read_config(environ)
        if config.queue_dir != self._queue_dir:
            raise Declined("it belongs to another queue")
        return answer_to(payload, environ, config, self._clock, _raise, process)


def _raise(error: Exception) -> NoReturn:
    raise error


def _refuse_strangers(connection: socket.socket) -> int:
    """The peer's process. Raises OSError unless it is of this user and sees the same files."""
    pid, user, _ = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    if user != os.geteuid() or os.readlink(f"/proc/{pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt"):
        raise PermissionError("a hook of another user or of another container")
    return int(pid)


def _request(connection: socket.socket) -> tuple[dict[str, str], bytes]:
    """Environment and payload. Raises EOFError for anything else."""
    magic, environment_size, payload_size = _HEAD.unpack(_exactly(connection, _HEAD.size))
    if magic != MAGIC or environment_size > MAX_ENVIRONMENT_BYTES or payload_size > MAX_PAYLOAD_BYTES:
        raise EOFError("no request of a hook")
    pairs = os.fsdecode(_exactly(connection, environment_size)).split("\0")
    environ = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    return environ, _exactly(connection, payload_size)


def _exactly(connection: socket.socket, size: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < size:
        piece = connection.recv(min(size - len(pieces), 1 << 20))
        if not piece:
            raise EOFError("the client has left")
        pieces += piece
    return bytes(pieces)


def _remove(name: str, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        pass
