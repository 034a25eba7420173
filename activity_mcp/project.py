"""Where something happens: the project a directory belongs to, what git has checked out there, and whether it is recorded.

A project is the nearest parent of a directory that holds ``.git``; a worktree maps to its main repository, read from its
``.git`` file, and links are followed. Standard library only, no subprocess: a hook asks the same questions.
"""

from __future__ import annotations

import os

from . import fs

IGNORE_FILE = ".activity-mcp-ignore"
_MAX_PACKED_REFS = 1 << 20


def project_of(directory: str) -> str:
    """The project a directory belongs to: the main repository around it, else the directory itself."""
    start = os.path.realpath(directory)  # a project that is reached through a link is the same project
    at = start
    while True:
        marker = os.path.join(at, ".git")
        if os.path.isdir(marker):
            return at
        if os.path.isfile(marker):
            return _main_repository(marker) or at
        parent = os.path.dirname(at)
        if parent == at:
            return start
        at = parent


def place_of(project: str) -> str:
    """A folder as the project it belongs to; what is not an absolute path is taken as it is: a name, ``*``, or a folder of
    another kind of machine."""
    return project_of(project) if os.path.isabs(project) else project


def _main_repository(marker: str) -> str | None:
    """Where a worktree's ``.git`` file points: ``gitdir: <repository>/worktrees/<name>``; None for a submodule.

    The project is the folder of the repository ``.git``; of a bare one the folder that holds it and is bound to it by a
    ``.git`` file of its own, as ``shop/.bare`` is below ``shop``, else the repository itself.
    """
    gitdir = _pointed_at(marker)
    if gitdir is None or os.path.basename(os.path.dirname(gitdir)) != "worktrees":
        return None
    repository = os.path.dirname(os.path.dirname(gitdir))
    above = os.path.dirname(repository)
    if os.path.basename(repository) == ".git":
        return above
    if os.path.basename(above) == "modules" or not os.path.isfile(os.path.join(repository, "HEAD")):
        return None  # a worktree of a submodule
    return above if _pointed_at(os.path.join(above, ".git")) == repository else repository


def _pointed_at(marker: str) -> str | None:
    """The directory that a ``.git`` file names, None where there is no such file."""
    text = _text_of(marker)
    if text is None or not text.startswith("gitdir:"):
        return None
    return os.path.realpath(os.path.join(os.path.dirname(marker), text[7:].strip()))


def branch_of(directory: str) -> str | None:
    """The git branch checked out around a directory, read from its HEAD; None outside of git and for a detached one."""
    _, head = _head_around(directory)
    return head[16:] or None if head.startswith("ref: refs/heads/") else None


def commit_of(directory: str) -> str | None:
    """The id of the commit checked out around a directory, from git's files; None outside of git and before a first one."""
    folder, head = _head_around(directory)
    if not head.startswith("ref: "):
        return head if _is_commit(head) else None
    shared = _text_of(os.path.join(folder, "commondir"))
    name = head[5:]
    for place in (folder, os.path.join(folder, shared)) if shared else (folder,):
        found = _text_of(os.path.join(place, name))
        if found is not None and _is_commit(found):
            return found
        packed = next((line for line in _packed_refs(place) if line.endswith(f" {name}")), "")
        if _is_commit(packed.partition(" ")[0]):
            return packed.partition(" ")[0]
    return None


def _head_around(directory: str) -> tuple[str, str]:
    """The folder of git's that belongs to a directory, and what its HEAD says; nothing where there is none."""
    at = os.path.abspath(directory)
    while True:
        marker = os.path.join(at, ".git")
        folder, head = marker, _text_of(os.path.join(marker, "HEAD"))
        if head is None:
            pointed = _text_of(marker)
            if pointed is not None and pointed.startswith("gitdir:"):
                folder = os.path.join(at, pointed[7:].strip())
                head = _text_of(os.path.join(folder, "HEAD"))
        if head is not None:
            return folder, head
        parent = os.path.dirname(at)
        if parent == at:
            return "", ""
        at = parent


def _packed_refs(folder: str) -> list[str]:
    try:
        return fs.LOCAL.read(os.path.join(folder, "packed-refs"), _MAX_PACKED_REFS).decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def _is_commit(text: str) -> bool:
    return len(text) in (40, 64) and not text.strip("0123456789abcdef")


def _text_of(path: str) -> str | None:
    """The beginning of a file. A FIFO or a device in its place, out of an archive or not, counts as missing."""
    try:
        return fs.LOCAL.read(path, 4096).decode("utf-8", "replace").strip()
    except OSError:
        return None


def is_ignored(project: str | None) -> bool:
    """True where the project asks not to be recorded."""
    return project is not None and os.path.exists(os.path.join(project, IGNORE_FILE))


def working_directory() -> str:
    """The working directory; where that was deleted, as the shell remembers it, which holds nothing."""
    try:
        return os.getcwd()
    except OSError:
        return os.environ.get("PWD") or os.sep
