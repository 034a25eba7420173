"""Counts what redaction misses and what it replaces wrongly, and renders ``docs/redaction.md`` from the same table.

python tools/redaction_table.py            prints the counts; exits 1 if there is a miss, a wrong kind or a false alarm
python tools/redaction_table.py --write    renders the page as well
python tools/redaction_table.py --check    exits 1 as well if the page is not what would be rendered
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from activity_mcp.redaction import RULES, Redactor  # noqa: E402
from redaction_cases import LOOK_ALIKES, secrets  # noqa: E402

PAGE = ROOT / "docs" / "redaction.md"


class Counts:
    """What the table gives: texts whose secret survived, that were given another kind, and that should have stayed."""

    def __init__(self) -> None:
        found = [(kind, text, secret, Redactor().text(text)) for kind, text, secret in secrets()]
        self.secrets = len(found)
        self.look_alikes = len(LOOK_ALIKES)
        self.missed = [text for _, text, secret, after in found if secret in after]
        self.misnamed = [text for kind, text, _, after in found if f"[redacted:{kind}]" not in after]
        self.false_alarms = [text for text in LOOK_ALIKES if Redactor().text(text) != text]

    def sentence(self) -> str:
        return (
            f"{self.secrets} true secrets: {len(self.missed)} missed, {len(self.misnamed)} named wrongly. "
            f"{self.look_alikes} look-alikes: {len(self.false_alarms)} false alarms."
        )


def page(counts: Counts) -> str:
    head = (ROOT / "tools" / "redaction_head.md").read_text(encoding="utf-8")
    shapes = ", ".join(f"`{kind}`" for kind in dict.fromkeys(rule[0] for rule in RULES))
    lines = [head.replace("{counts}", counts.sentence()).replace("{kinds}", shapes).rstrip(), ""]
    lines += ["## True secrets", "", "| kind | written (the secret shortened) | kept |", "|---|---|---|"]
    lines += [
        f"| {kind} | {_cell(text.replace(secret, _short(secret)))} | {_cell(Redactor().text(text))} |"
        for kind, text, secret in secrets()
    ]
    lines += ["", "## Look-alikes that stay", "", "| text |", "|---|", *(f"| {_cell(text)} |" for text in LOOK_ALIKES)]
    return "\n".join(lines) + "\n"


def _short(secret: str) -> str:
    return f"{secret[:5]}…"


def _cell(text: str) -> str:
    """The text in a table's cell, on one line, cut: half of a made-up secret is enough to see what is meant."""
    flat = " ".join(text.replace("\\n", " ").split()).replace("|", "¦").replace("`", "'")
    return f"`{flat if len(flat) <= 110 else flat[:109] + '…'}`"


def main(arguments: list[str]) -> int:
    counts = Counts()
    print(counts.sentence())
    for name in ("missed", "misnamed", "false_alarms"):
        for text in getattr(counts, name):
            print(f"{name}: {text!r:.200}")
    if "--write" in arguments:
        PAGE.write_text(page(counts), encoding="utf-8")
    if "--check" in arguments and PAGE.read_text(encoding="utf-8") != page(counts):
        print("docs/redaction.md is out of date: run python tools/redaction_table.py --write")
        return 1
    return 1 if counts.missed or counts.misnamed or counts.false_alarms else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
