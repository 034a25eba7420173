"""The TypeScript memory server of the Model Context Protocol, from npm: what users compare a server like this one with."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE, VERSION = "@modelcontextprotocol/server-memory", "2026.8.31"
_TIMEOUT_S = 180


class Unavailable(Exception):
    """It cannot be had here, with the reason."""


def memory_server(environ: Mapping[str, str]) -> list[str]:
    """The command line that starts it, installed below ``ACTIVITY_HOME`` at first use. Raises Unavailable."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise Unavailable("there is no npm here")
    place = os.path.join(environ["ACTIVITY_HOME"], "npm")
    script = os.path.join(place, "node_modules", PACKAGE, "dist", "index.js")
    if not os.path.exists(script):
        command = [npm, "install", "--prefix", place, "--no-audit", "--no-fund", "--fetch-retries=1", f"{PACKAGE}@{VERSION}"]
        try:
            subprocess.run(command, capture_output=True, check=True, timeout=_TIMEOUT_S)
        except (OSError, subprocess.SubprocessError) as error:
            raise Unavailable(f"npm could not install {PACKAGE}@{VERSION} ({type(error).__name__})") from None
    return [node, script]
