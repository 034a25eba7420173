"""What an installation weighs, by extra and by package: each into an empty environment, with the versions of constraints.txt.

    python tools/install_size.py [--write]      the table; --write: into docs/install.md

A minute for each. MB are 2**20 bytes in files, with the byte code that the installation compiles; downloaded are wheels.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from empty_machine import MIB, REPO, bare_environ, environment, mib, pip, run, step

EXTRAS = ("", "web", "snowflake", "otel")
PAGE = REPO / "docs" / "install.md"
BEGIN, END = "<!-- sizes: written by tools/install_size.py -->\n", "<!-- sizes: end -->\n"
SHOWN = 8
_LIST = """\
from importlib.metadata import distributions
for distribution in distributions():
    for file in distribution.files or ():
        print(distribution.name, file.locate(), sep="\\t")
"""


class Measured(NamedTuple):
    """An environment in MB: all of it, what was downloaded for it, and its packages by name."""

    whole: float
    downloaded: float
    packages: dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into docs/install.md")
    write = parser.parse_args().write
    with tempfile.TemporaryDirectory(prefix="install-size-") as place:
        measured = {extra: _measured(extra, Path(place)) for extra in EXTRAS}
    table = table_of(measured)
    print(f"\n{table}")
    if write:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")
    return 0


def _measured(extra: str, place: Path) -> Measured:
    python = environment(place / (extra or "core"))
    wanted = f"{REPO}[{extra}]" if extra else str(REPO)
    with step(f"activity-mcp[{extra}]" if extra else "activity-mcp"):
        pip(python, [wanted])
        pip(python, [wanted], command=("download", "--dest", str(wheels := place / f"wheels-{extra}")))
    sizes: dict[str, float] = {}
    for line in run([str(python), "-c", _LIST], bare_environ(place)).splitlines():
        name, _, file = line.partition("\t")
        sizes[name] = sizes.get(name, 0) + _bytes(Path(file)) / MIB
    return Measured(mib(python.parents[1]), mib(wheels), sizes)


def _bytes(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def table_of(measured: dict[str, Measured]) -> str:
    """Of the core its largest packages, of each extra those that it adds."""
    core = measured[""].packages
    rows = ["| installed | MB | downloaded | of these |", "|---|---|---|---|"]
    for extra, found in measured.items():
        added = {name: size for name, size in found.packages.items() if not extra or name not in core}
        largest = sorted(((size, name) for name, size in added.items()), reverse=True)[:SHOWN]
        parts = ", ".join(f"{name} {size:.0f}" for size, name in largest if size >= 1)
        name = f"activity-mcp[{extra}]" if extra else "activity-mcp"
        rows.append(f"| `{name}` | {found.whole:.0f} | {found.downloaded:.0f} | {parts} |")
    return "\n".join(rows) + "\n"


def with_table(page: str, table: str) -> str:
    """The page with the table between its marks. Raises ValueError where it has none."""
    if BEGIN not in page or END not in page:
        raise ValueError(f"{PAGE.name} has no place for the table: {BEGIN.strip()}")
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: BEGIN + table + END, page, flags=re.S)


if __name__ == "__main__":
    sys.exit(main())
