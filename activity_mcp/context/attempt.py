"""One attempt: a tool and what it was called with, how often it succeeded, failed and was refused, and when last."""

from __future__ import annotations

from .commands import plain_words, run_of
from .commits import subject_of
from .values import remembering

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from .commands import Run

EDITS = ("Edit", "Write", "MultiEdit", "NotebookEdit")
_SEARCHES = ("grep", "rg", "egrep", "diff", "test", "[", "which", "find", "ls", "cmp", "pgrep", "git grep", "git diff")
_NOTHING_TO_COMMIT = ("nothing to commit", "nothing added to commit")


class Attempt:
    """One attempt and its outcomes. Times are ISO texts, empty where there is none; ``took_ms`` is the last success's."""

    __slots__ = (
        "_found_nothing", "_run", "_subject", "argument", "background_at", "background_in", "denied", "denied_at", "error",
        "failed", "failed_at", "failed_in", "first_ok_at", "key", "ok", "ok_at", "took_ms", "tool",
    )  # fmt: skip

    def __init__(self, what: str) -> None:
        self.tool, _, self.argument = what.partition(" ")
        self.key = key_of(self.tool, self.argument)
        self._run: Run | Literal[False] | None = False
        self._subject: str | Literal[False] | None = False
        self._found_nothing: bool | None = None
        self.ok = self.failed = self.denied = 0
        self.first_ok_at = self.ok_at = self.failed_at = self.denied_at = self.background_at = ""
        self.failed_in = self.background_in = self.error = ""
        self.took_ms: float | None = None

    @property
    def name(self) -> str:
        """As a person would name it: the shell's command, else the tool with what it was called with."""
        return self.argument if self.tool == "Bash" and self.argument else f"{self.tool} {self.argument}".rstrip()

    def is_of(self, tool: str | None) -> bool:
        """Whether it is a call of this tool, whose name may have spaces."""
        name = tool or "unknown"
        return self.tool == name or f"{self.tool} {self.argument}".startswith(f"{name} ")

    @property
    def last_at(self) -> str:
        return max(self.ok_at, self.failed_at, self.denied_at, self.background_at)

    @property
    def run(self) -> Run | None:
        """What it ran, where that can be compared with other runs. Read once."""
        if self._run is False:
            self._run = run_of(self.key[1]) if self.tool == "Bash" else None
        return self._run

    @property
    def subject(self) -> str | None:
        """The subject of the commit that it made. Read once."""
        if self._subject is False:
            self._subject = subject_of(self.argument) if self.tool == "Bash" and self.ok_at else None
        return self._subject

    @property
    def found_nothing(self) -> bool:
        """Whether it failed for want of anything to find, or to commit. Worked out once."""
        if self._found_nothing is None:
            self._found_nothing = _found_nothing(self)
        return self._found_nothing

    def plus(self, other: Attempt) -> Attempt:
        """The outcomes of both, which mean the same; neither changes."""
        made = Attempt(f"{self.tool} {self.argument}")
        made.add(self)
        made.add(other)
        return made

    def add(self, other: Attempt) -> None:
        """Take in the outcomes of another that means the same."""
        if other.last_at > self.last_at:
            self.tool, self.argument = other.tool, other.argument
        self.ok, self.failed, self.denied = self.ok + other.ok, self.failed + other.failed, self.denied + other.denied
        if other.first_ok_at:
            self.first_ok_at = min(self.first_ok_at or other.first_ok_at, other.first_ok_at)
        if other.ok_at > self.ok_at:
            self.ok_at, self.took_ms = other.ok_at, other.took_ms
        if (other.failed_at, other.error) > (self.failed_at, self.error):
            self.failed_at, self.error, self.failed_in = other.failed_at, other.error, other.failed_in
        self.denied_at = max(self.denied_at, other.denied_at)
        if (other.background_at, other.background_in) > (self.background_at, self.background_in):
            self.background_at, self.background_in = other.background_at, other.background_in


def key_of(tool: str, argument: str) -> tuple[str, str]:
    """What is the same for attempts that mean the same."""
    if tool == "Bash":
        return _command_key(argument)
    return ("edit", argument) if tool in EDITS else (tool, " ".join(argument.split()))


@remembering(512)
def _command_key(command: str) -> tuple[str, str]:
    """``key_of`` a shell's command."""
    return "Bash", " ".join(plain_words(command))


def _found_nothing(attempt: Attempt) -> bool:
    """Whether it failed for want of anything to find, or to commit."""
    if attempt.tool != "Bash":
        return False
    command, error = attempt.key[1], attempt.error.strip().lower()
    if "git commit" in command and any(said in error for said in _NOTHING_TO_COMMIT):
        return True
    is_search = any(command == name or command.startswith(f"{name} ") for name in _SEARCHES)
    return is_search and error in ("", "exit code 1", "error: exit code 1", "exit 1")
