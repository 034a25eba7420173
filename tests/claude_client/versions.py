"""The genuine Claude Code, fetched from npm into a cache outside the checkout: proprietary, so never committed nor shipped."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGE = "@anthropic-ai/claude-code"
OLDEST, NEWEST = "2.1.197", "2.1.332"
"""The oldest version that this project supports, and the newest one that it was tried with."""
INSTALL_TIMEOUT_S = 300
_FETCH = ("--fetch-retries=1", "--fetch-timeout=120000", "--no-audit", "--no-fund", "--ignore-scripts")
_RUN_TIMEOUT_S = 60


class Unavailable(Exception):
    """The client cannot be had here, with the reason."""


def wanted_versions() -> tuple[str, ...]:
    """Those of ``CLAUDE_VERSIONS`` (separated by commas or spaces), else the two that are pinned. Raises ValueError."""
    given = tuple(re.split(r"[,\s]+", os.environ.get("CLAUDE_VERSIONS", "").strip()))
    if given == ("",):
        return OLDEST, NEWEST
    wrong = [version for version in given if not re.fullmatch(r"\d+\.\d+\.\d+", version)]
    if wrong:
        raise ValueError(f"CLAUDE_VERSIONS: {wrong[0]!r} is no version; write them as {OLDEST},{NEWEST}")
    return given


def number_of(version: str) -> tuple[int, ...]:
    """The version as numbers, to compare."""
    return tuple(map(int, version.split(".")))


def installed(package: str, version: str) -> Path:
    """The folder of ``node_modules`` that holds this version of an npm package. Installs it on first use; raises Unavailable."""
    found = _attempt(package, version)
    if isinstance(found, Unavailable):
        raise found
    return found


@functools.cache
def client(version: str) -> Path:
    """The executable of this version, which runs here. Raises Unavailable."""
    modules = installed(PACKAGE, version)
    found = sorted(modules.glob(f"{PACKAGE}-*/claude")) or sorted(modules.glob(f"{PACKAGE}/cli.js"))
    if not found:
        raise Unavailable(f"{PACKAGE}@{version} holds no executable for this platform")
    environ = {**os.environ, "HOME": str(_cache())}
    try:
        reported = subprocess.run(
            [found[0], "--version"], env=environ, capture_output=True, text=True, timeout=_RUN_TIMEOUT_S
        ).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
        raise Unavailable(f"{found[0]} does not run here: {error}") from None
    if not reported.startswith(version):
        raise Unavailable(f"{found[0]} --version prints {reported[:80]!r}")
    return found[0]


@functools.cache
def _attempt(package: str, version: str) -> Path | Unavailable:
    """One attempt for each package of a run: where npm is out of reach, the scenarios do not wait for it one by one."""
    place = _cache() / package.rpartition("/")[2] / version
    try:
        if not place.is_dir():
            _install(package, version, place)
    except Unavailable as error:
        return error
    except (OSError, subprocess.SubprocessError) as error:
        return Unavailable(f"{package}@{version} could not be installed: {error}")
    return place / "node_modules"


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(home) / "activity-mcp-tests"


def _install(package: str, version: str, place: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("there is no npm here")
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as made:
        Path(made, "package.json").write_text("{}")
        command = [npm, "install", *_FETCH, f"{package}@{version}"]
        done = subprocess.run(command, cwd=made, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S)
        if done.returncode:
            raise Unavailable(f"npm could not install {package}@{version}: {done.stderr.strip()[-300:]}")
        try:
            os.rename(made, place)
        except OSError:
            if not place.is_dir():  # it is, where another process was faster
                raise
        else:
            os.mkdir(made)  # for the context manager to remove


if __name__ == "__main__":
    for each in sys.argv[1:] or wanted_versions():
        print(f"{PACKAGE}@{each}: {client(each)}")
