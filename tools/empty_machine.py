"""What the tools share that install this package as a stranger would: an empty environment and home, steps with seconds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
CONSTRAINTS = REPO / "constraints.txt"
MIB = 1 << 20
_KEPT = ("PATH", "LANG", "LC_ALL", "TERM", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_KEPT_PREFIXES = ("PIP_", "UV_")


def environment(directory: Path) -> Path:
    """The interpreter of a new virtual environment without pip."""
    venv.create(directory, with_pip=False, symlinks=True)
    return directory / "bin" / "python"


def pip(
    python: Path,
    requirements: list[str],
    *,
    command: tuple[str, ...] = ("install",),
    constraints: Path | None = CONSTRAINTS,
) -> None:
    """Install for this interpreter; ``command``: what pip is to do else, with its options."""
    held = ["-c", str(constraints)] if constraints is not None else []
    of = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", str(python)]
    run([*of, *command, *held, *requirements], dict(os.environ))


def bare_environ(home: Path, python: Path | None = None) -> dict[str, str]:
    """What a new user's shell has; ``python``: of the environment whose commands are on PATH."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    if python is not None:
        kept["PATH"] = f"{python.parent}{os.pathsep}{kept['PATH']}"
    return kept | {"HOME": str(home)}


def run(command: list[str], environ: dict[str, str], *, sent: str = "", cwd: Path | None = None) -> str:
    """What it printed. Raises SystemExit with all it said when it failed."""
    done = subprocess.run(command, env=environ, cwd=cwd, input=sent, capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


@contextmanager
def step(what: str) -> Iterator[None]:
    """Prints what was done with its seconds."""
    started = time.monotonic()
    yield
    print(f"    {what:34} {time.monotonic() - started:6.1f} s", flush=True)


def mib(directory: Path, *, byte_code: bool = True) -> float:
    """What its files hold; ``byte_code``: with what Python compiled."""
    files = (path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files if byte_code or path.suffix != ".pyc") / MIB


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SystemExit(f"error: {otherwise}")
