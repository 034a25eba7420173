"""Wheel and sdist as a stranger gets them: built twice, compared, and each installed and tried with an empty home.

    python tools/try_release.py [--keep DIRECTORY]

Prints each step with its seconds, and what an environment weighs. Needs git, and a package index for the dependencies.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
PROMPT = {
    "session_id": "11111111-2222-4333-8444-555555555555",
    "cwd": "/tmp",
    "hook_event_name": "UserPromptSubmit",
    "prompt": "hello",
}
_KEPT = ("PATH", "LANG", "LC_ALL", "TERM", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_KEPT_PREFIXES = ("PIP_", "UV_")
HOOK = "the hook, as registered"
_BUILD = ["build>=1.3,<2", "hatchling>=1.27,<2"]
_MIB = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="copy what was built and tried into this directory")
    keep = parser.parse_args().keep
    with tempfile.TemporaryDirectory(prefix="try-release-") as place:
        artifacts = _built(Path(place))
        for artifact in artifacts:
            _tried(artifact, Path(place))
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            for artifact in artifacts:
                shutil.copy2(artifact, keep)


# --- building


def _built(place: Path) -> list[Path]:
    """Wheel and sdist of the commit, made twice in two folders; the second must be the first, byte for byte."""
    python = _environment(place / "builder")
    with _step("tools to build with"):
        _pip(python, _BUILD)
    twice = []
    for number in ("first", "second"):
        with _step(f"build, the {number} time"):
            twice.append(_build(python, _checkout(place / number), place / f"{number}-dist"))
    first, second = twice
    for one, other in zip(first, second, strict=True):
        _check(_sha256(one) == _sha256(other), f"{one.name} is another each time it is built")
        print(f"    {one.name}  {one.stat().st_size / _MIB:.1f} MB  sha256 {_sha256(one)[:16]}, twice the same")
    _check_contents(*first)
    return first


def _checkout(directory: Path) -> Path:
    """The files of the checkout that git knows, without what lies around."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        source, target = REPO / name, directory / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return directory


def _build(python: Path, source: Path, out: Path) -> list[Path]:
    """The sdist, and the wheel that is built from it: what a stranger can make from it is what is published."""
    day = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=REPO, capture_output=True, text=True, check=True
    ).stdout.strip()
    native = os.environ.get("NATIVE_HOOK", "off")  # the pure wheel, which is the same wherever it is built
    environ = _environ(source.parent) | {"SOURCE_DATE_EPOCH": day, "NATIVE_HOOK": native}
    command = [str(python), "-m", "build", "--no-isolation", "--outdir", str(out), str(source)]
    _run(command, environ)
    return sorted(out.iterdir(), key=lambda path: path.suffix)


def _check_contents(sdist: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        tops = {name.split("/")[0] for name in names}
    _check(len(tops) == 3 and "activity_mcp" in tops, f"the wheel holds more than its package: {sorted(tops)}")
    _check({"activity_mcp/py.typed", "activity_mcp/schemas/event_schemas.json"} <= names, "the wheel lacks a file")
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    lacking = {"README.md", "LICENSE", "CHANGELOG.md", "tests/conftest.py", "tools/try_release.py", "Makefile"} - inside
    _check(not lacking, f"the sdist lacks {sorted(lacking)}")


# --- trying


def _tried(artifact: Path, place: Path) -> None:
    """Install it into an empty environment and home, and do what a new user does first."""
    print(f"\n{artifact.name}")
    home = place / f"home-{artifact.suffix}"
    home.mkdir()
    python = _environment(place / f"env-{artifact.suffix}")
    with _step("installed"):
        _pip(python, [str(artifact)])
    whole, without = _mib(python.parents[1]), _mib(python.parents[1], byte_code=False)
    print(f"    {whole:.0f} MB in the environment, {without:.0f} MB without byte code")
    environ = _environ(home)
    environ["PATH"] = f"{python.parent}{os.pathsep}{environ['PATH']}"
    for what, command, check in _first_steps(home):
        with _step(what):
            sent = json.dumps(PROMPT) if what == HOOK else ""
            said = _run(command, environ, sent=sent, cwd=home)
            _check(check(said), f"{' '.join(command)} said:\n{said}")


def _first_steps(home: Path) -> Iterator[tuple[str, list[str], Callable[[str], bool]]]:
    log = ["activity-mcp", "log", "tool_event", "--feature", "tool_name=first", "--feature", "success=true"]
    settings = home / ".claude" / "settings.json"
    yield "its version", ["activity-mcp", "--version"], lambda said: bool(said.strip())
    yield "an event", log, lambda said: len(said.strip()) == 36
    yield "registered in Claude Code", ["activity-mcp", "install"], lambda said: "UserPromptSubmit" in settings.read_text()
    yield HOOK, _registered(settings), lambda said: said == ""
    yield "flushed", ["activity-mcp", "flush"], lambda said: True
    question = "SELECT event_name, COUNT(*) FROM VW_ACTIVITY_STREAM GROUP BY ALL ORDER BY 1"
    yield (
        "asked",
        ["activity-mcp", "query", question, "--json"],
        lambda said: {"session_event", "tool_event"} <= _firsts(said),
    )
    yield "the context", ["activity-mcp", "context", "--json"], lambda said: json.loads(said)["freshness"] == "fresh"
    yield "doctor", ["activity-mcp", "doctor"], lambda said: "snowflake is not installed" in said
    yield "demo", ["activity-mcp", "demo", "--quick"], lambda said: "get_context" in said
    yield "uninstalled", ["activity-mcp", "uninstall"], lambda said: not settings.exists()


def _registered(settings: Path) -> list[str]:
    """The command that Claude Code would start for a prompt."""
    (group,) = json.loads(settings.read_text(encoding="utf-8"))["hooks"]["UserPromptSubmit"]
    hook = group["hooks"][0]
    return [hook["command"], *hook.get("args", [])]


def _firsts(said: str) -> set[str]:
    return {row[0] for row in json.loads(said)["rows"]}


# --- the parts


def _environment(directory: Path) -> Path:
    """The interpreter of a new virtual environment without pip."""
    venv.create(directory, with_pip=False, symlinks=True)
    return directory / "bin" / "python"


def _pip(python: Path, requirements: list[str]) -> None:
    constraints = ["-c", str(REPO / "constraints.txt")]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", str(python), "install"]
    _run([*pip, *constraints, *requirements], dict(os.environ))


def _environ(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    return kept | {"HOME": str(home)}


def _run(command: list[str], environ: dict[str, str], *, sent: str = "", cwd: Path | None = None) -> str:
    done = subprocess.run(command, env=environ, cwd=cwd, input=sent, capture_output=True, text=True, check=False)
    _check(done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


@contextmanager
def _step(what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"    {what:26} {time.monotonic() - started:6.1f} s", flush=True)


def _mib(directory: Path, *, byte_code: bool = True) -> float:
    files = (path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files if byte_code or path.suffix != ".pyc") / _MIB


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SystemExit(f"error: {otherwise}")


if __name__ == "__main__":
    main()
