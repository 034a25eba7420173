"""Runs a workflow's jobs here, step by step, in a fresh clone of the commit: what GitHub would run, but for its own actions.

    python tools/run_workflow.py .github/workflows/ci.yml [--job NAME ...] [--tag vX.Y.Z] [--list]

A checkout is the clone, ``setup-python`` puts the interpreter it names on PATH (all of a matrix, one after the other; those
that are not here are named and left out), and every other action is named and not run. Needs pyyaml, which the tests bring.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from empty_machine import REPO, bare_environ
from test_all import interpreter_of

Job = dict[str, Any]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workflow", type=Path)
    parser.add_argument("--job", action="append", help="only this one; may be given again")
    parser.add_argument("--tag", default="", help="what GITHUB_REF_NAME is")
    parser.add_argument("--list", action="store_true", help="say what would run")
    asked = parser.parse_args(arguments)
    jobs = yaml.safe_load(asked.workflow.read_text(encoding="utf-8"))["jobs"]
    failed = 0
    for name, job in jobs.items():
        for python in _pythons(job) if not asked.job or name in asked.job else ():
            print(f"=== {asked.workflow.name}: {name}{f', Python {python}' if python else ''}", flush=True)
            failed += 0 if asked.list else not _runs(job, python, asked.tag)
            if asked.list:
                print(*(f"    {step.get('run') or step['uses']}" for step in job["steps"]), sep="\n")
    print(f"{failed} jobs failed")
    return 1 if failed else 0


def _pythons(job: Job) -> Iterator[str | None]:
    """The versions that the job runs on, as far as they are here; None for a job without one."""
    matrix = job.get("strategy", {}).get("matrix", {}).get("python")
    wanted = [step["with"]["python-version"] for step in job["steps"] if "python-version" in step.get("with", {})]
    for version in matrix or wanted or [None]:
        if version is None or interpreter_of(version):
            yield version
        else:
            print(f"=== Python {version} is not on this machine: left out", flush=True)


def _runs(job: Job, python: str | None, tag: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="workflow-") as place:
        clone = Path(place) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(REPO), str(clone)], check=True)
        environ = {**bare_environ(Path(place)), "CI": "true", "GITHUB_REF_NAME": tag, "PATH": _path(python, Path(place))}
        return all(_step(step, clone, environ) for step in job["steps"])


def _path(python: str | None, place: Path) -> str:
    """PATH with ``python`` and ``python3`` in front, as setup-python leaves it."""
    path = os.environ["PATH"]
    found = interpreter_of(python) if python else None
    if found is None:
        return path
    shims = place / "python"
    shims.mkdir()
    for name in ("python", "python3", f"python{python}"):
        (shims / name).write_text(f'#!/bin/sh\nexec {found} "$@"\n')
        (shims / name).chmod(0o755)
    return f"{shims}{os.pathsep}{path}"


def _step(step: dict[str, Any], clone: Path, environ: dict[str, str]) -> bool:
    if "run" not in step:
        is_set_up = step["uses"].startswith(("actions/checkout@", "actions/setup-python@"))
        print(f"--- {step['uses']}: {'done by this script' if is_set_up else 'not run here'}", flush=True)
        return True
    print(f"--- {step['run']}", flush=True)
    started = time.monotonic()
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(command, cwd=clone, env={**environ, **step.get("env", {})}, stdin=subprocess.DEVNULL, check=False)
    print(f"--- exit {done.returncode}, {time.monotonic() - started:.0f} s", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
