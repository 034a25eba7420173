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
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from empty_machine import CONSTRAINTS, MIB, REPO, bare_environ, environment, mib, pip, require, run, step

PROMPT = {
    "session_id": "11111111-2222-4333-8444-555555555555",
    "cwd": "/tmp",
    "hook_event_name": "UserPromptSubmit",
    "prompt": "hello",
}
HOOK = "the hook, as registered"
_BUILD = ["build>=1.3,<2", "hatchling>=1.27,<2", "hatch-fancy-pypi-readme>=25.1,<26", "twine>=6.2,<8"]


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
    python = environment(place / "builder")
    with step("tools to build with"):
        pip(python, _BUILD)
    twice = []
    for number in ("first", "second"):
        with step(f"build, the {number} time"):
            twice.append(_build(python, _checkout(place / number), place / f"{number}-dist"))
    first, second = twice
    for one, other in zip(first, second, strict=True):
        require(_sha256(one) == _sha256(other), f"{one.name} is another each time it is built")
        print(f"    {one.name}  {one.stat().st_size / MIB:.1f} MB  sha256 {_sha256(one)[:16]}, twice the same")
    _check_contents(*first)
    with step("twine check"):  # what PyPI would show of the README, and whether its metadata is whole
        run([str(python), "-m", "twine", "check", "--strict", *map(str, first)], bare_environ(place))
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
    environ = bare_environ(source.parent) | {"SOURCE_DATE_EPOCH": day, "NATIVE_HOOK": native}
    command = [str(python), "-m", "build", "--no-isolation", "--outdir", str(out), str(source)]
    run(command, environ)
    return sorted(out.iterdir(), key=lambda path: path.suffix)


def _check_contents(sdist: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        tops = {name.split("/")[0] for name in names}
    require(len(tops) == 3 and "activity_mcp" in tops, f"the wheel holds more than its package: {sorted(tops)}")
    require({"activity_mcp/py.typed", "activity_mcp/schemas/event_schemas.json"} <= names, "the wheel lacks a file")
    require(any(name.endswith("/share/man/man1/activity-mcp.1") for name in names), "the wheel lacks the manual page")
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    lacking = {"README.md", "LICENSE", "CHANGELOG.md", "tests/conftest.py", "tools/try_release.py", "Makefile"} - inside
    require(not lacking, f"the sdist lacks {sorted(lacking)}")


# --- trying


def _tried(artifact: Path, place: Path) -> None:
    """Install it into an empty environment and home, and do what a new user does first."""
    print(f"\n{artifact.name}")
    home = place / f"home-{artifact.suffix}"
    home.mkdir()
    python = environment(place / f"env-{artifact.suffix}")
    with step("installed"):  # the wheel with the newest of everything, as a stranger's pip does
        pip(python, [str(artifact)], constraints=None if artifact.suffix == ".whl" else CONSTRAINTS)
    whole, without = mib(python.parents[1]), mib(python.parents[1], byte_code=False)
    print(f"    {whole:.0f} MB in the environment, {without:.0f} MB without byte code")
    environ = bare_environ(home, python)
    for what, command, check in _first_steps(home):
        with step(what):
            sent = json.dumps(PROMPT) if what == HOOK else ""
            said = run(command, environ, sent=sent, cwd=home)
            require(check(said), f"{' '.join(command)} said:\n{said}")
    with step("pip uninstall, which leaves nothing"):
        run([sys.executable, "-m", "pip", "--python", str(python), "uninstall", "--yes", "activity-mcp"], dict(os.environ))
        left = [str(path) for path in python.parents[1].rglob("*") if "activity" in path.name]
        require(not left, f"the installation left {left}")


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


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
