"""Writes docs/performance.md from runs of the benchmarks: ``activity-mcp bench --json > run.json``, then this with run.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from activity_mcp.bench.measured import Measured  # noqa: E402
from activity_mcp.bench.registry import BENCHMARKS  # noqa: E402

HEAD = ROOT / "tools" / "performance_head.md"
TAIL = ROOT / "tools" / "performance_tail.md"
PAGE = ROOT / "docs" / "performance.md"


def page(runs: list[dict[str, Any]]) -> str:
    """The head, the machine, a table for each benchmark in the order of the registry (the later run counts), and the tail."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        fresh: dict[str, list[dict[str, Any]]] = {}
        for row in run["rows"]:
            fresh.setdefault(row.pop("bench"), []).append(row)
        rows |= fresh
    parts = [HEAD.read_text(encoding="utf-8"), _machine(runs[-1])]
    parts += [_table(name, rows[name]) for name in BENCHMARKS if name in rows]
    parts.append(TAIL.read_text(encoding="utf-8"))
    return "\n".join(parts)


def _machine(run: dict[str, Any]) -> str:
    machine = run["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        "## The last run\n\n"
        f"{run['at'][:10]}; {machine['cpus']} × {machine['cpu']}, {machine['memory']}, {machine['file_system']}, "
        f"Python {machine['python']}, {machine['system']}; load at the end {machine['load']}.\n{versions}.\n"
    )


def _table(name: str, rows: list[dict[str, Any]]) -> str:
    lines = [f"### `{name}`: {BENCHMARKS[name]}", "", "| what | measured | floor, ratio | target | |", "|---|---|---|---|---|"]
    for row in rows:
        made = Measured(**row)
        cells = (made.what.strip(), made.shown(), made.beside(), made.target, made.verdict())
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    if not arguments:
        print("usage: performance_page.py RUN.json …", file=sys.stderr)
        return 2
    PAGE.write_text(page([json.loads(Path(name).read_text(encoding="utf-8")) for name in arguments]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
