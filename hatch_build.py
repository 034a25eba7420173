"""Builds the compiled client of hooks (``native/activity_hook.c``) into the wheel, where there is a compiler for it.

``NATIVE_HOOK`` chooses how:

    auto   (default) with ``$CC`` or ``cc``, for this machine; without one, or where it fails, the wheel is the pure one
    zig    with the pip-installable ``ziglang``, static, for every Linux of this processor; a failure fails the build
    off    not at all

The client saves a hook its interpreter and nothing else: what a wheel without it lacks is speed.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "native/activity_hook.c"
TARGET = "activity_mcp/claude_code/hooks/activity-hook"
FLAGS = ("-std=c11", "-Os", "-s", "-Wall")
ZIG = "ziglang>=0.14,<0.18"
"""Releases of a compiler before 1.0: the C part has been stable over these."""


class NativeHook(BuildHookInterface[Any]):
    """Adds the client to the wheel, and says in the wheel's tag whom it fits."""

    _directory = ""
    """Where the client was made for this wheel."""

    def dependencies(self) -> list[str]:
        return [ZIG] if _way() == "zig" else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or version == "editable" or _way() == "off" or not sys.platform.startswith("linux"):
            return
        self._directory = tempfile.mkdtemp(prefix="activity-hook-")
        made = Path(self._directory) / "activity-hook"
        source = Path(self.root) / SOURCE
        is_static = _way() == "zig"
        if is_static:
            _compile([sys.executable, "-m", "ziglang", "cc", "-target", f"{platform.machine()}-linux-musl"], source, made)
        elif (compiler := _compiler()) is None or not _compiles(compiler, source, made):
            self.app.display_info("no C compiler: the wheel has no compiled hook client, hooks are the Python ones")
            return
        build_data["force_include"][str(made)] = TARGET
        build_data["pure_python"] = False
        machine = platform.machine()
        fits = f"manylinux_2_17_{machine}.musllinux_1_1_{machine}" if is_static else f"linux_{machine}"
        build_data["tag"] = f"py3-none-{fits}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """The wheel has the client; where the build fails the directory stays, with what the compiler left."""
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)


def _way() -> str:
    return os.environ.get("NATIVE_HOOK", "auto")


def _compiler() -> list[str] | None:
    named = shlex.split(os.environ.get("CC", "")) or ["cc"]
    return named if shutil.which(named[0]) else None


def _compiles(compiler: list[str], source: Path, made: Path) -> bool:
    try:
        _compile(compiler, source, made)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _compile(compiler: list[str], source: Path, made: Path) -> None:
    subprocess.run([*compiler, *FLAGS, "-o", str(made), str(source)], check=True)
