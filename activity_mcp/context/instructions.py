"""What a session of a project reads anyway: CLAUDE.md and MEMORY.md, so that no line repeats it.

    in the project   CLAUDE.md, .claude/CLAUDE.md, CLAUDE.local.md, MEMORY.md, .claude/rules/*.md
    of the person    CLAUDE.md in Claude Code's folder, and the project's own memory there: projects/<project>/memory/MEMORY.md

Claude Code's folder is ``CLAUDE_CONFIG_DIR``, else ``~/.claude``; a project's folder in it is named by its path, every
character but letters and digits a hyphen. Source: https://code.claude.com/docs/en/memory (November
2026). Only read, never written.

The process that leads reads them when it publishes a context, and leaves in its snapshot which texts they say
(``for_snapshot``) with the files' signature: a hook whose files have that signature opens none of them. Standard library only.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

MAX_BYTES = 64 * 1024
"""Of each file so much is read: Claude Code itself reads only the first 200 lines of a memory."""
MAX_RULES = 20
MEMBER = "instructions"
_IN_PROJECT = ("CLAUDE.md", ".claude/CLAUDE.md", "CLAUDE.local.md", "MEMORY.md")
_AROUND = "`*_~\"'.,;:!?()[]{}<>“”‘’#|"
_MAX_PROJECTS = 64
_MIN_WORDS = 4
_NEARLY = 0.85
"""A line with this share of a text's words, all of its numbers among them, says it."""


class Instructions:
    """The texts of these files, ready to be asked."""

    __slots__ = ("_all", "_lines", "signature")

    def __init__(self, texts: Iterable[str] = (), signature: str = "") -> None:
        """``signature`` changes whenever one of the files does."""
        lines = [_words(line) for text in texts for line in text.splitlines()]
        self._lines = [(frozenset(words), f" {' '.join(words)} ") for words in lines if words]
        self._all = " ".join(joined for _, joined in self._lines)
        self.signature = signature

    def __bool__(self) -> bool:
        return bool(self._lines)

    def says(self, text: str | None) -> bool:
        """Whether they say it: word for word, whatever is around the words, or nearly all of it in one line."""
        if not text or not self._lines:
            return False
        words = _words(text)
        if not words or f" {' '.join(words)} " in self._all:
            return bool(words)
        return len(words) >= _MIN_WORDS and any(_nearly(frozenset(words), line) for line, _ in self._lines)

    def for_snapshot(self, texts: Iterable[str]) -> dict[str, Any]:
        """What a snapshot holds of them: the signature, and which of these texts they say."""
        return {"signature": self.signature, "said": [text for text in dict.fromkeys(texts) if self.says(text)]}


NOTHING = Instructions()


class Noted:
    """The same, as a snapshot holds it."""

    __slots__ = ("_said",)

    def __init__(self, said: Iterable[str] = ()) -> None:
        self._said = frozenset(said)

    def says(self, text: str | None) -> bool:
        return text in self._said


class InstructionFiles:
    """The instructions of every project, read when one of their files has changed. Safe to use from several threads."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._known: dict[str, tuple[Places, Instructions]] = {}

    def of(self, project: str) -> Instructions:
        """The instructions that a session of this project reads; none for what is no directory's path."""
        if not project.startswith("/"):
            return NOTHING
        places, known = self._known.get(project) or (Places(project, self._environ), None)
        paths = places.paths()
        if known is not None and known.signature == signature_of(paths):
            return known
        if len(self._known) >= _MAX_PROJECTS:
            self._known.clear()
        found = read_instructions(paths)
        self._known[project] = places, found
        return found


def noted_in(blob: Mapping[str, Any], signature: str) -> Noted | None:
    """What the leader has noted in a snapshot's blob, where the files are still what they were."""
    found = blob.get(MEMBER)
    said = found.get("said") if isinstance(found, dict) else None
    if not isinstance(said, list) or not isinstance(found, dict) or found.get("signature") != signature:
        return None
    return Noted(text for text in said if isinstance(text, str))


class Places:
    """Where the instructions of one project are."""

    __slots__ = ("_fixed", "_rules")

    def __init__(self, project: str, environ: Mapping[str, str]) -> None:
        home = environ.get("CLAUDE_CONFIG_DIR") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".claude")
        folder = "".join(char if char.isascii() and char.isalnum() else "-" for char in project)
        self._fixed = [os.path.join(project, name) for name in _IN_PROJECT]
        self._fixed += [os.path.join(home, "CLAUDE.md"), os.path.join(home, "projects", folder, "memory", "MEMORY.md")]
        self._rules = os.path.join(project, ".claude", "rules")

    def paths(self) -> list[str]:
        """The files, whether or not they are there."""
        try:
            names = os.listdir(self._rules)
        except OSError:
            return self._fixed
        rules = sorted(name for name in names if name.endswith(".md"))[:MAX_RULES]
        return self._fixed + [os.path.join(self._rules, name) for name in rules]


def paths_for(project: str, environ: Mapping[str, str]) -> list[str]:
    """The files of instructions that a session of this project reads, whether or not they are there."""
    return Places(project, environ).paths()


def signature_of(paths: Iterable[str]) -> str:
    """What changes whenever one of these files is written, made or removed. Opens none of them."""
    found = []
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            continue
        found.append(f"{path}:{status.st_mtime_ns}:{status.st_size}:{status.st_ino}")
    return "\n".join(found)


def read_instructions(paths: Iterable[str]) -> Instructions:
    """What these files say; what cannot be read says nothing."""
    paths = list(paths)
    signature, texts = signature_of(paths), []
    for path in paths:
        try:
            with open(path, "rb") as file:
                texts.append(file.read(MAX_BYTES).decode("utf-8", "replace"))
        except OSError:
            continue
    return Instructions(texts, signature)


def _words(text: str) -> list[str]:
    """As they are compared: in small letters, without the signs around them."""
    return [word for part in text.lower().split() if (word := part.strip(_AROUND))]


def _nearly(words: frozenset[str], line: frozenset[str]) -> bool:
    shared = words & line
    if len(shared) < _NEARLY * len(words):
        return False
    return not any(char.isdigit() for word in words - shared for char in word)
