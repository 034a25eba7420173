"""Writes the picture in the README from the demo's output: ``COLUMNS=110 activity-mcp demo | python tools/demo_picture.py``.

It is an excerpt of what was printed. Long lines are cut, and parts that are left out are marked ``…``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- demo: written by tools/demo_picture.py -->\n", "<!-- demo: end -->\n"
MAX_COLUMNS = 118
PARTS = (
    (r"^\d+ lines of a transcript became", 1),
    (r"^logged sql_event", 1),
    (r"^Context of ", 6),
    (r"^Recent errors", 5),
    (r"^get_context p50, ", 1),
    (r"^log_event here", 1),
)
"""The first line of each part, and how many lines it has."""


def picture(printed: str) -> str:
    """The block for the README. Raises ValueError if a part was not printed."""
    lines = [re.sub(r"\s+$", "", line) for line in printed.splitlines()]
    shown = [line[1:] if line.startswith(" ") and not line.startswith("  ") else line for line in lines if line]
    kept = ["$ activity-mcp demo"]
    for pattern, count in PARTS:
        start = next((at for at, line in enumerate(shown) if re.search(pattern, line)), None)
        if start is None:
            raise ValueError(f"the demo printed no line like {pattern}")
        kept += [_cut(line) for line in shown[start : start + count]] + ["…"]
    return "```text\n" + "\n".join(kept[:-1]) + "\n```\n"


def _cut(line: str) -> str:
    return line if len(line) <= MAX_COLUMNS else line[: MAX_COLUMNS - 1] + "…"


def main() -> int:
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(before + BEGIN + picture(sys.stdin.read()) + END + after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
