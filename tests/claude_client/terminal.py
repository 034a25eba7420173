"""An interactive session of the client in a terminal of its own: a tmux server on its own socket."""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from claude_client.lab import Lab

MISSING = None if shutil.which("tmux") else "there is no tmux here"
PROMPT = "❯"
_LOOK_EVERY_S = 0.1
_LOOKS = 10
_KEYS_UNTIL_IT_LISTENS = 10
"""A dialog that has just opened does not listen yet."""
_ASKS_BEFORE_EXIT = "Background work is running"


class Terminal:
    """The client from its start to its end; a context manager that kills what is left."""

    def __init__(self, lab: Lab, *options: str, mode: str = "bypassPermissions") -> None:
        self._lab = lab
        self._folder = Path(tempfile.mkdtemp(prefix="cc-"))  # the path of a socket must be short
        assigned = [f"{name}={value}" for name, value in {**lab.environ, "TERM": "xterm-256color"}.items()]
        command = [str(lab.claude), "--permission-mode", mode, *options]
        line = "exec " + shlex.join(["env", "-i", *assigned, *command])
        size = ("-x", "150", "-y", "50")
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", *size, "-c", str(lab.project), line, ";", "set", "remain-on-exit", "on"
        )
        lab.started += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._tmux("kill-server")
        shutil.rmtree(self._folder, ignore_errors=True)

    # --- hands

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def answer(self, key: str, *words: str) -> None:
        """Press the key until one of these words is there."""
        for _ in range(_KEYS_UNTIL_IT_LISTENS):
            self.press(key)
            with contextlib.suppress(TimeoutError):
                self.wait_for(*words, timeout_s=3)
                return
        raise TimeoutError(f"{key} brings none of {words}:\n{self.screen()}")

    def choose(self, option: str, *words: str) -> None:
        """Take this option of a dialog, wherever its cursor is; then one of these words is there."""
        chosen = re.compile(rf"❯\s*(\d\.\s*)?{re.escape(option)}")
        for _ in range(_KEYS_UNTIL_IT_LISTENS):
            if chosen.search(self.screen()):
                return self.answer("Enter", *words)
            self.press("Down")
            time.sleep(_LOOK_EVERY_S * 5)
        raise TimeoutError(f"{option!r} cannot be chosen:\n{self.screen()}")

    def enter(self, text: str) -> None:
        """Type a line and send it, once it is there."""
        self._tmux("send-keys", "-l", text)
        self.wait_for(text[-30:].strip())
        self.press("Enter")

    def ask(self, prompt: str, *answers: str, timeout_s: float = 60) -> None:
        """A prompt, and the wait for one of these answers (for none: until the API was asked)."""
        self._lab.asked.append(prompt)
        before = self._count()
        self.enter(prompt)
        self._lab.api.wait_for(lambda requests: len(requests) > before, timeout_s)
        if answers:
            self.wait_for(*answers, timeout_s=timeout_s)

    def queue(self, prompt: str, *answers: str) -> None:
        """A prompt typed while the client works; then the wait for one of these answers."""
        self._lab.asked.append(prompt)
        self.enter(prompt)
        self.wait_for(*answers)

    def leave(self) -> None:
        """/exit, to the end of the process, once it is idle: who leaves earlier takes a hook that still runs with him.

        Newer versions ask what is to become of work in the background: it is stopped.
        """
        self.wait_until_idle()
        self.enter("/exit")
        self._until(lambda: self.is_over() or _ASKS_BEFORE_EXIT in self.screen(), 30, "the client did not end")
        for _ in range(_KEYS_UNTIL_IT_LISTENS):
            if self.is_over():
                break
            self.press("Enter")
            with contextlib.suppress(TimeoutError):
                self._until(self.is_over, 3, "the client did not end")
        self.wait_until_over()

    def wait_until_over(self) -> None:
        self._until(self.is_over, 30, "the client did not end")
        self._lab.ended += 1

    def clear(self) -> None:
        """/clear: the session ends, and another starts."""
        self.wait_until_idle()
        self.enter("/clear")
        self._until(lambda: self._lab.asked[-1] not in self.screen(), 60, "the screen was not cleared")
        self._lab.ended += 1
        self._lab.started += 1

    # --- eyes

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def wait_for(self, *words: str, timeout_s: float = 60) -> str:
        """The screen, once one of these words is on it. Raises TimeoutError with the screen."""
        self._until(lambda: any(word in self.screen() for word in words), timeout_s, f"none of {words}")
        return self.screen()

    def wait_until_ready(self) -> None:
        self.wait_for(PROMPT)

    def wait_until_idle(self) -> None:
        """Until it is not at work and its screen rests, as it does when a person types the next line."""
        seen: list[str] = []

        def rests() -> bool:
            seen.append(self.screen())
            return "esc to interrupt" not in seen[-1] and len(seen) > _LOOKS and len(set(seen[-_LOOKS:])) == 1

        self._until(rests, 60, "the client is still at work")

    def is_over(self) -> bool:
        return self._tmux("display", "-p", "#{pane_dead}").strip() != "0"

    @property
    def pid(self) -> int:
        return int(self._tmux("display", "-p", "#{pane_pid}"))

    def _until(self, holds: Callable[[], bool], timeout_s: float, reported: str) -> None:
        end = time.monotonic() + timeout_s
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(f"{reported} within {timeout_s:.0f} s:\n{self.screen()}")
            time.sleep(_LOOK_EVERY_S)

    def _count(self) -> int:
        return len(self._lab.api.requests)

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-S", str(self._folder / "socket"), *arguments]
        return subprocess.run(command, capture_output=True, text=True).stdout
