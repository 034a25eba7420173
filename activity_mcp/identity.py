"""Who is recording: the customer and the host, and whether a person has paused it.

``customer`` is one kind of identity only: the e-mail of git's global configuration, else ``<os user>@<host>``. It is resolved
once and kept in ``settings.json`` of the state directory, so that a later change of git's configuration does not split a
person in two. Standard library only, no subprocess: a hook asks the same questions.
"""

from __future__ import annotations

import os

from . import fs
from .activity import sha256_hex
from .errors import ForeignHome, NewerFormat, QueueRefused, UnsupportedStateDirectory
from .plain_json import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SETTINGS = "settings.json"
SETTINGS_VERSION = 1
_STORED = ("customer", "host_id")
MARKER = ".activity-mcp-home"
"""In a directory that was new or empty when activity-mcp came: what has one of our names in there is ours."""
_MARKER_TEXT = b"This directory is the state of activity-mcp: what was recorded. `activity-mcp uninstall --purge` deletes it.\n"
_MADE_BEFORE_SETTINGS = frozenset(("queue", "redaction.json"))
_HOME_HINT = "set ACTIVITY_HOME to a directory of its own; where that file is a damaged one of activity-mcp, move it away"
PAUSED = "paused"
"""The file in the state directory that pauses recording."""


class Identity:
    """``customer`` and ``anonymous_customer_id`` (``host_<hash>``) of this person on this machine."""

    __slots__ = ("anonymous_customer_id", "customer")

    def __init__(self, customer: str, anonymous_customer_id: str) -> None:
        self.customer = customer
        self.anonymous_customer_id = anonymous_customer_id


def resolve_identity(home: str, environ: Mapping[str, str], customer: str | None = None) -> Identity:
    """The stored identity of this state directory, resolved and stored at the first call.

    ``customer`` (the configured one) wins over what is stored and is not stored itself. Raises ForeignHome when the directory
    is open to others or its settings are another program's (nothing is written then), NewerFormat when they were written by a
    newer version, QueueRefused when the place takes no file.
    """
    try:
        settings = _read_settings(home) or _store_settings(home, environ)
    except OSError as error:
        raise QueueRefused(
            f"{home} cannot be used ({error.strerror}); nothing was recorded",
            hint="check the disk and the permissions, or point ACTIVITY_HOME elsewhere",
        ) from error
    return Identity(customer or settings["customer"], settings["host_id"])


def is_own_home(home: str) -> bool:
    """Whether this directory was made by activity-mcp, or its settings are. Raises NewerFormat, OSError."""
    if os.path.isfile(os.path.join(home, MARKER)):
        return True
    try:
        return _read_settings(home) is not None
    except ForeignHome:
        return False


def _read_settings(home: str) -> dict[str, str] | None:
    """What is stored; None where there is nothing yet. Damaged settings in our own directory are set aside."""
    path = os.path.join(home, SETTINGS)
    _check_private(home)
    try:
        data = fs.read(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ForeignHome(f"{path} cannot be read ({error.strerror}); nothing was recorded", hint=_HOME_HINT) from error
    settings = _parsed(data)
    version = settings.get("version")
    if isinstance(version, int) and version > SETTINGS_VERSION:
        raise NewerFormat(f"{path} was written by a newer version", hint="upgrade activity-mcp")
    if version is not None and all(isinstance(settings.get(name), str) and settings[name] for name in _STORED):
        return settings
    if data.strip(b"\0 \t\r\n"):
        if not os.path.isfile(os.path.join(home, MARKER)):
            raise ForeignHome(f"{path} is not activity-mcp's: another program keeps its settings there", hint=_HOME_HINT)
        fs.publish(f"{path}.damaged", data)
    return None


def _store_settings(home: str, environ: Mapping[str, str]) -> dict[str, str]:
    path = os.path.join(home, SETTINGS)
    settings = {"customer": _guess_customer(environ), "host_id": _host_id()}
    data = dumps({"version": SETTINGS_VERSION, **settings}).encode("utf-8")
    is_new = set(fs.LOCAL.names(home)) <= _MADE_BEFORE_SETTINGS
    fs.ensure_directory(home)
    try:
        if is_new:
            fs.publish(os.path.join(home, MARKER), _MARKER_TEXT)
        if os.path.isfile(path):  # it holds nothing
            fs.publish(path, data)
        else:
            fs.LOCAL.publish_new(path, data)
    except FileExistsError:
        stored = _read_settings(home)  # another process was faster
        if stored is None:
            raise ForeignHome(f"{path} is a link that leads nowhere; nothing was recorded", hint=_HOME_HINT) from None
        return stored
    return settings


def _check_private(home: str) -> None:
    """Raises ForeignHome for a directory that is another user's, or that others may write to; it need not exist."""
    try:
        fs.LOCAL.check_private(home)
    except FileNotFoundError:
        pass
    except UnsupportedStateDirectory as error:
        raise ForeignHome(error.message, hint=error.hint) from None


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        settings = loads(data)
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}


def _guess_customer(environ: Mapping[str, str]) -> str:
    home = environ.get("HOME") or os.path.expanduser("~")
    xdg = environ.get("XDG_CONFIG_HOME", "")
    xdg = xdg if os.path.isabs(xdg) else os.path.join(home, ".config")  # a relative one is to be ignored, says its rule
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
        lines = fs.LOCAL.read(path, 1 << 20).decode("utf-8", "replace").splitlines()
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
            seed = fs.LOCAL.read(path, 64).decode("ascii").strip()
        except (OSError, ValueError):
            continue
        if seed:
            break
    else:
        seed = os.uname().nodename if hasattr(os, "uname") else "localhost"
    return "host_" + sha256_hex("activity-mcp host " + seed)[:12]


def is_paused(home: str) -> bool:
    """True while a person keeps everything from being recorded (``recording/pause.py`` writes the file)."""
    return os.path.exists(os.path.join(home, PAUSED))
