"""Make each mutant in a copy of the tree and run the tests that must kill it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import get_ident

from .catalogue import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("activity_mcp", "tests", "sql", "schemas", "examples", "tools", "pyproject.toml", "README.md")
TIMEOUT_S = 300


class SnippetNotFound(Exception):
    """The source has changed: the mutant must be rewritten, or its rule is gone."""


@dataclass(frozen=True, slots=True)
class Result:
    """``killed_by`` is the test that failed; None when none did. ``remark`` is what it said, or why nothing can be said."""

    mutant: Mutant
    killed_by: str | None
    seconds: float
    remark: str = ""


def patched(mutant: Mutant, package: Path) -> str:
    """The mutant's file with its rule left out. Raises SnippetNotFound."""
    source = (package / mutant.file).read_text(encoding="utf-8")
    found = source.count(mutant.find)
    if found != 1:
        raise SnippetNotFound(f"{mutant.file}: {found} times instead of once: {mutant.find.strip()[:90]!r}")
    return source.replace(mutant.find, mutant.replace)


def run_all(mutants: tuple[Mutant, ...] = MUTANTS, jobs: int = 2) -> Iterator[Result]:
    """Every mutant in a copy of the tree, in order, as each is done. First their killers must pass on an unchanged one."""
    with TemporaryDirectory(prefix="mutants-") as top:
        copies: dict[int, Path] = {}
        unchanged = Path(top, "unchanged")

        def work(mutant: Mutant) -> Result:
            copy = copies.setdefault(get_ident(), Path(top, str(get_ident())))
            if not copy.exists():
                shutil.copytree(unchanged, copy)  # not from the checkout, where somebody may be at work
            return _one(mutant, copy)

        _copy_tree(unchanged)
        killers = tuple(dict.fromkeys(killer for mutant in mutants for killer in mutant.killers))
        status, output = _pytest(unchanged, killers, timeout_s=TIMEOUT_S * 4)
        if status != 0:
            raise SystemExit(f"the tests fail without any mutant:\n{output[-3000:]}")
        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(work, mutants)


def _one(mutant: Mutant, copy: Path) -> Result:
    path = copy / "activity_mcp" / mutant.file
    original = path.read_text(encoding="utf-8")
    began = time.monotonic()
    try:
        path.write_text(patched(mutant, copy / "activity_mcp"), encoding="utf-8")
        status, output = _pytest(copy, mutant.killers)
    except SnippetNotFound as error:
        return Result(mutant, None, 0.0, str(error))
    except subprocess.TimeoutExpired:
        return Result(mutant, f"still running after {TIMEOUT_S} s", time.monotonic() - began)
    finally:
        path.write_text(original, encoding="utf-8")
    took = time.monotonic() - began
    failed = re.search(r"^FAILED \S*?(\w+)\.py::(?:\w+::)?(\w+)", output, re.M)
    if status == 1 and failed:
        said = re.search(r"^\S+\.py:\d+: (.*)$", output, re.M)
        return Result(mutant, f"{failed[1]}: {failed[2]}", took, said[1] if said else "")
    return Result(mutant, None, took, "" if status == 0 else f"pytest ended with {status}: {output[-300:]}")


def _copy_tree(target: Path) -> None:
    target.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", ".hypothesis")
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=ignored)
        elif source.exists():
            shutil.copy(source, target / name)


def _pytest(copy: Path, tests: tuple[str, ...], timeout_s: float = TIMEOUT_S) -> tuple[int, str]:
    """pytest's exit status and output, in the copy: the package found there goes before any that is installed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ACTIVITY_", "PYTEST_"))}
    environ |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "ACTIVITY_TEST_COPY": str(copy)}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=copy, env=environ, capture_output=True, text=True, timeout=timeout_s)
    return done.returncode, done.stdout + done.stderr
