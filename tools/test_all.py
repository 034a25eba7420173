"""The suite on every Python that is supported and that this machine has, each in an environment of its own (``make test-all``).

    python tools/test_all.py [--list] [ARGUMENT OF MAKE ...]

A version that is not here is named, and is no failure: what is claimed (the classifiers) is what was run somewhere.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
_INSTALLERS = (
    ".pyenv/versions/{}.*/bin",
    ".local/share/uv/python/cpython-{}.*/bin",
    ".local/share/mise/installs/python/{}.*/bin",
)


def main(arguments: list[str]) -> int:
    found = {version: interpreter for version in VERSIONS if (interpreter := interpreter_of(version))}
    for version in VERSIONS:
        print(f"{version}: {found.get(version, 'not on this machine')}", flush=True)
    if "--list" in arguments:
        return 0
    ended = [_run(version, interpreter, arguments) for version, interpreter in found.items()]
    print(f"\n{len(ended) - sum(map(bool, ended))} of {len(ended)} interpreters passed")
    return max(ended, default=1)


def interpreter_of(version: str) -> str | None:
    """The newest CPython of this version, as 3.12, on PATH or where the usual installers put one; None where there is none."""
    return next((path for path in _places(version) if _version_of(path) == version), None)


def _places(version: str) -> Iterator[str]:
    name = f"python{version}"
    yield from filter(None, (shutil.which(name), shutil.which("python3")))
    for pattern in _INSTALLERS:
        yield from map(str, sorted(Path.home().glob(f"{pattern.format(version)}/{name}"), key=_numbers, reverse=True))


def _numbers(path: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", str(path))]


def _version_of(interpreter: str) -> str | None:
    """As 3.12; None for what does not run, such as the shim of a version that is not chosen, or is not CPython."""
    code = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2])"
    done = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=False)
    name, _, version = done.stdout.strip().partition(" ")
    return version if name == "cpython" else None


def _run(version: str, interpreter: str, arguments: list[str]) -> int:
    print(f"\n--- Python {version}: {interpreter}", flush=True)
    started = time.monotonic()
    make = os.environ.get("MAKE", "make")
    done = subprocess.run([make, "test", f"VENV=.venv-{version}", f"PYTHON={interpreter}", *arguments], cwd=REPO, check=False)
    print(f"--- Python {version}: exit {done.returncode}, {time.monotonic() - started:.0f} s", flush=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
