"""The compiled client of hooks (``native/activity_hook.c``), where this installation has one that runs here.

It is copied below the state directory and registered from there, with the hook in Python as its fallback: so an upgrade of the
package, even to a build without it, leaves a registered hook as it is. Where there is none, or it does not run (another
processor, a disk mounted without ``exec``), the hook in Python is registered, which does the same more slowly.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from ... import fs
from ..hooks import start_hook
from ..hooks.listener import IS_SUPPORTED, SOCKET_NAME

if TYPE_CHECKING:
    from ...config import Config

CLIENT_NAME = "activity-hook"
PACKAGED = os.path.join(os.path.dirname(start_hook.__file__), CLIENT_NAME)
_ANSWER = b"activity-hook 1"
_TIMEOUT_S = 5


def client_path(config: Config) -> str:
    return os.path.join(config.home, "bin", CLIENT_NAME)


def client_command(config: Config, client: str) -> list[str]:
    """The command line that asks this configuration's leader first."""
    return [client, os.path.join(config.queue_dir, SOCKET_NAME), *start_hook.hook_command()]


def hook_command(config: Config, *, place: bool) -> list[str]:
    """The fastest command line that runs the hook here. ``place``: copy the client to where it is registered; else only say
    what would be."""
    if not (IS_SUPPORTED and _runs(PACKAGED)):
        return start_hook.hook_command()
    path = client_path(config)
    if place and not _is_placed(path):
        return start_hook.hook_command()
    return client_command(config, path)


def _is_placed(path: str) -> bool:
    try:
        data = fs.read(PACKAGED)
        if not os.path.exists(path) or fs.read(path) != data:
            fs.LOCAL.ensure_directory(os.path.dirname(path))
            fs.publish(path, data, mode=0o700)
    except OSError:
        return False
    return _runs(path)


def _runs(path: str) -> bool:
    try:
        done = subprocess.run([path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.stdout.startswith(_ANSWER)
