"""Who is recording and where: the customer, the host, the project, and whether this place wants to be recorded.

``customer`` is one kind of identity only: the e-mail of git's global configuration, else ``<os user>@<host>``. It is resolved
once and kept in ``settings.json`` of the state directory, so that a later change of git's configuration does not split a
person in two. ``project`` is the nearest parent of a directory that holds ``.git``; a worktree maps to its main repository,
read from its ``.git`` file. Standard library only, no subprocess: a hook asks the same questions.
"""

from __future__ import annotations

import os

from . import fs
from .activity import sha256_hex
from .errors import NewerFormat, QueueRefused
from .plain_json import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS_VERSION = 1
IGNORE_FILE = ".activity-mcp-ignore"


class Identity:
    """``customer`` and ``anonymous_customer_id`` (``host_<hash>``) of this person on this machine."""

    __slots__ = ("anonymous_customer_id", "customer")

    def __init__(self, customer: str, anonymous_customer_id: str) -> None:
        self.customer = customer
        self.anonymous_customer_id = anonymous_customer_id


def resolve_identity(home: str, environ: Mapping[str, str], customer: str | None = None) -> Identity:
    """The stored identity of this state directory, resolved and stored at the first call.

    ``customer`` (the configured one) wins over what is stored and is not stored itself. Raises NewerFormat when the
    settings were written by a newer version, QueueRefused when the place takes no file.
    """
    path = os.path.join(home, "settings.json")
    settings = _read_settings(path)
    if settings is None:
        settings = {"customer": _guess_customer(environ), "host_id": _host_id()}
        try:
            fs.ensure_directory(home)
            fs.publish(path, dumps({"version": SETTINGS_VERSION, **settings}).encode("utf-8"))
        except OSError as error:
            raise QueueRefused(
                f"{path} cannot be written ({error.strerror}); nothing was recorded",
                hint="check the disk and the permissions, or point ACTIVITY_HOME elsewhere",
            ) from error
    return Identity(customer or settings["customer"], settings["host_id"])


def _read_settings(path: str) -> dict[str, str] | None:
    try:
        settings = loads(fs.LOCAL.read(path))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(settings, dict):
        return None
    version = settings.get("version")
    if isinstance(version, int) and version > SETTINGS_VERSION:
        raise NewerFormat(f"{path} was written by a newer version", hint="upgrade activity-mcp")
    if not all(isinstance(settings.get(name), str) and settings[name] for name in ("customer", "host_id")):
        return None
    return settings


def _guess_customer(environ: Mapping[str, str]) -> str:
    home = environ.get("HOME") or os.path.expanduser("~")
    xdg = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    files = [os.path.join(home, ".gitconfig"), os.path.join(xdg, "git", "config")]
    if environ.get("GIT_CONFIG_GLOBAL"):
        files = [environ["GIT_CONFIG_GLOBAL"]]
    for path in files:
        email = _email_of(path)
        if email:
            return email
    return f"{_os_user(environ)}@{os.uname().nodename if hasattr(os, 'uname') else 'localhost'}"


def _email_of(path: str) -> str | None:
    """``user.email`` of a git configuration file; its section and key names ignore case, as git's do."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read(1 << 20).splitlines()
    except OSError:
        return None
    section, email = "", None
    for line in (text.strip() for text in lines):
        if line.startswith("["):
            section, _, line = line[1:].partition("]")
            line = line.strip()
        key, equals, value = line.partition("=")
        if section.strip().lower() == "user" and equals and key.strip().lower() == "email":
            email = value.split("#")[0].split(";")[0].strip().strip('"') or email
    return email


def _os_user(environ: Mapping[str, str]) -> str:
    for name in ("LOGNAME", "USER", "USERNAME"):
        if environ.get(name):
            return environ[name]
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return "unknown"


def _host_id() -> str:
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            with open(path, encoding="ascii") as file:
                seed = file.read(64).strip()
        except (OSError, ValueError):
            continue
        if seed:
            break
    else:
        seed = os.uname().nodename if hasattr(os, "uname") else "localhost"
    return "host_" + sha256_hex("activity-mcp host " + seed)[:12]


def project_of(directory: str) -> str:
    """The project a directory belongs to: the main repository around it, else the directory itself."""
    start = os.path.abspath(directory)
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
    """Where a worktree's ``.git`` file points: ``gitdir: <main>/.git/worktrees/<name>``; None for a submodule."""
    text = _text_of(marker)
    if text is None or not text.startswith("gitdir:"):
        return None
    gitdir = os.path.normpath(os.path.join(os.path.dirname(marker), text[7:].strip()))
    worktrees = os.path.dirname(gitdir)
    if os.path.basename(worktrees) != "worktrees" or os.path.basename(os.path.dirname(worktrees)) != ".git":
        return None
    return os.path.dirname(os.path.dirname(worktrees))


def branch_of(directory: str) -> str | None:
    """The git branch checked out around a directory, read from its HEAD; None outside of git and for a detached one."""
    at = os.path.abspath(directory)
    while True:
        marker = os.path.join(at, ".git")
        head = _text_of(os.path.join(marker, "HEAD"))
        if head is None:
            pointed = _text_of(marker)
            if pointed is not None and pointed.startswith("gitdir:"):
                head = _text_of(os.path.join(at, pointed[7:].strip(), "HEAD"))
        if head is not None:
            return head[16:] or None if head.startswith("ref: refs/heads/") else None
        parent = os.path.dirname(at)
        if parent == at:
            return None
        at = parent


def _text_of(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return file.read(4096).decode("utf-8", "replace").strip()
    except OSError:
        return None


def is_ignored(project: str | None) -> bool:
    """True where the project asks not to be recorded."""
    return project is not None and os.path.exists(os.path.join(project, IGNORE_FILE))
