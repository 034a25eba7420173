"""What ends a server and what does not, in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from patience import PATIENCE_S
from server.wire import ENVIRON

PROCESS = """
import fcntl, os, signal, sys, termios
from activity_mcp.server.leaving import Watchdog

dog = Watchdog(0)
dog.on_signals(lambda: os.write(1, b"ended "))
for number in (signal.SIGUSR1, 46):
    signal.signal(number, lambda *_: None)
    signal.raise_signal(number)
    while any(fcntl.ioctl(dog._woken, termios.FIONREAD, bytes(4))):
        pass  # one byte is read and then the next: who took the first for an end would leave the second
os.write(1, b"serves ")
"""
"""46 is a number that signals may have, and that of a full stop."""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("signal.raise_signal(signal.SIGTERM)\nsignal.pause()", b"serves ended "),
        ("signal.raise_signal(signal.SIGHUP)\nsignal.pause()", b"serves ended "),
        ("dog.begin()\nsignal.pause()", b"serves "),
    ],
    ids=["SIGTERM", "SIGHUP", "the end of its input"],
)
@pytest.mark.skipif(not hasattr(signal, "SIGRTMAX"), reason="a signal of number 46 is Linux's")
def test_a_signal_that_something_else_handles_ends_nothing_and_what_ends_it_still_does(code: str, said: bytes) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROCESS + code], env=ENVIRON, capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.replace(b"ended ended ", b"ended ") == said  # by the watchdog, and by the handler where it still runs
