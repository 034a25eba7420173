"""Takes the pictures of ``activity-mcp demo`` that the README and the site show: ``docs/pictures/demo-*.svg``.

    python tools/demo_picture.py [--from FILE]      FILE: what it printed earlier, with colours; default: runs it, a minute

Each is an excerpt of what was printed, one for light pages and one for dark ones; parts that are left out are marked ``…``.
``make screenshots`` does it. The numbers in it are this machine's: run it where nothing else runs.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME, TerminalTheme
from rich.text import Text

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
COLUMNS = 120
PARTS = (
    (r"^\d+ lines of a transcript became", 1),
    (r"^logged sql_event", 1),
    (r"^Context of ", 6),
    (r"^Recent errors", 5),
    (r"^ *get_context p50, ", 2),
    (r"^ *log_event here", 2),
)
"""The first line of each part, and how many lines it has."""
LIGHT = TerminalTheme(
    (246, 248, 250),
    (36, 41, 47),
    [(36, 41, 47), (207, 34, 46), (17, 99, 41), (125, 78, 0), (9, 105, 218), (130, 80, 223), (27, 124, 131), (110, 119, 129)],
    [
        (87, 96, 106),
        (164, 14, 38),
        (26, 127, 55),
        (99, 60, 1),
        (33, 139, 255),
        (164, 117, 249),
        (49, 146, 170),
        (140, 149, 159),
    ],
)
THEMES = {"light": LIGHT, "dark": SVG_EXPORT_THEME}
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
    <title>What activity-mcp demo prints, in excerpts</title>
    <style>
    .{unique_id}-matrix {{
        font-family: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
        font-variant-east-asian: full-width;
    }}
    .{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: system-ui, sans-serif; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""
"""As rich's own, but for a font from the network."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="file", type=Path, help="what the demo printed, with colours")
    file = parser.parse_args().file
    lines = excerpt(_run() if file is None else file.read_text(encoding="utf-8"))
    PICTURES.mkdir(exist_ok=True)
    for name, theme in THEMES.items():
        path = PICTURES / f"demo-{name}.svg"
        path.write_text(picture(lines, theme), encoding="utf-8")
        print(path)
    return 0


def _run() -> str:
    """What the demo of this environment prints on a terminal with colours, in an empty home."""
    with tempfile.TemporaryDirectory(prefix="demo-picture-") as home:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ACTIVITY_", "CLAUDE_", "NO_COLOR"))}
        environ = {**kept, "HOME": home, "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1", "TERM": "xterm-256color"}
        command = [str(Path(sys.executable).parent / "activity-mcp"), "demo"]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout


def excerpt(printed: str) -> list[Text]:
    """The lines of ``PARTS``. Raises ValueError if a part was not printed."""
    lines = [line for line in Text.from_ansi(printed).split("\n", allow_blank=True) if line.plain.strip()]
    kept = [Text.assemble(("$ ", "dim"), ("activity-mcp demo", "bold"))]
    for pattern, count in PARTS:
        start = next((at for at, line in enumerate(lines) if re.search(pattern, line.plain)), None)
        if start is None:
            raise ValueError(f"the demo printed no line like {pattern}")
        kept += [*lines[start : start + count], Text("…", "dim")]
    return kept[:-1]


def picture(lines: list[Text], theme: TerminalTheme) -> str:
    """The lines as a terminal in SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        line.rstrip()
        console.print(line, no_wrap=True, overflow="ellipsis", highlight=False)
    made = console.export_svg(title="", theme=theme, code_format=FORMAT, unique_id="demo")
    bordered = made.replace("rgba(255,255,255,0.35)", "rgba(128,128,128,0.4)")  # that is seen on a page of either colour
    return re.sub(r"[ \t]+$", "", bordered, flags=re.M)


if __name__ == "__main__":
    sys.exit(main())
