"""Counts what redaction misses and what it replaces wrongly, and renders ``docs/redaction.md`` from the same numbers.

python tools/redaction_table.py            prints the counts; exits 1 if the table has a miss, a wrong kind or a false alarm
python tools/redaction_table.py --write    renders the page as well
python tools/redaction_table.py --check    exits 1 as well if the page is not what would be rendered

Two measures: the corpora (``tests/redaction/corpora.py``), recall by kind on made-up secrets, half of them held out while the
rules were written; and the table (``tests/redaction/cases.py``), made together with the rules, which shows what is covered.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from activity_mcp.redaction import RULES, Redactor  # noqa: E402
from activity_mcp.redaction.tokens import SOURCES, TOKENS  # noqa: E402
from redaction.cases import LOOK_ALIKES, secrets  # noqa: E402
from redaction.corpora import all_cases, look_alikes  # noqa: E402

PAGE = ROOT / "docs" / "redaction.md"
_WHAT = {
    "tokens": "tokens that show by themselves what they are, one of each shape of public rule sets",
    "names:strong": "behind a name such as `…_token`, `…_password`, `…ApiKey`",
    "names:weak": "random, behind `…_KEY`, `…_PAT`, `…_PW`, `…_CREDS`, `…_AUTH`, `…_SALT`",
    "places": "commands, files, code and keys in which secrets are found in practice",
    "special characters": "a password with each special character in it, in each form",
}


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


class Recall:
    """What the corpora give: by kind and half, how many there are and how many are found."""

    def __init__(self) -> None:
        self.found: dict[str, dict[bool, list[bool]]] = {}
        for case in all_cases():
            kept = json.dumps(Redactor().value(case.given))
            halves = self.found.setdefault(case.kind, {False: [], True: []})
            halves[case.held].append(json.dumps(case.secret)[1:-1] not in kept)
        self.replaced: dict[bool, list[bool]] = {False: [], True: []}
        for text, held in look_alikes():
            self.replaced[held].append(Redactor().text(text) != text)

    def rows(self) -> list[str]:
        measured = [(kind, _WHAT[kind], halves) for kind, halves in self.found.items()]
        measured.append(("look-alikes", "replaced though they should stay", self.replaced))
        rows = [f"| {kind} | {what} | {_share(halves[False])} | {_share(halves[True])} |" for kind, what, halves in measured]
        return ["| kind | what | seen | held out |", "|---|---|---|---|", *rows]


def _share(found: list[bool]) -> str:
    return f"{sum(found)} of {len(found)} = {100 * sum(found) / len(found):.1f} %"


def page(counts: Counts, recall: Recall) -> str:
    head = (ROOT / "tools" / "redaction_head.md").read_text(encoding="utf-8")
    tokens = [line.split(" ", 5) for line in TOKENS.split("\n")[1:-1]]
    names = [row[0] for row in tokens] + [rule[0] for rule in RULES]
    kinds = ", ".join(f"`{kind}`" for kind in sorted(set(names)))
    head = head.replace("{counts}", counts.sentence()).replace("{kinds}", kinds).replace("{recall}", "\n".join(recall.rows()))
    lines = [head.replace("{prefixes}", str(sum(len(row[5].split()) for row in tokens))).rstrip(), ""]
    lines += ["## True secrets", "", "| kind | written (the secret shortened) | kept |", "|---|---|---|"]
    lines += [
        f"| {kind} | {_cell(text.replace(secret, _short(secret)))} | {_cell(Redactor().text(text))} |"
        for kind, text, secret in secrets()
    ]
    lines += ["", "## Look-alikes that stay", "", "| text |", "|---|", *(f"| {_cell(text)} |" for text in LOOK_ALIKES)]
    lines += ["", "## Tokens by their beginning", "", "| kind | begins with | sources |", "|---|---|---|"]
    lines += [f"| {kind} | {_prefixes(prefixes)} | {_sources(codes)} |" for kind, _, _, _, codes, prefixes in tokens]
    return "\n".join(lines) + "\n"


def _prefixes(prefixes: str) -> str:
    return " ".join(f"`{prefix}`" for prefix in prefixes.split())


def _sources(codes: str) -> str:
    return ", ".join(SOURCES[code] for code in codes)


def _short(secret: str) -> str:
    return f"{secret[:5]}…"


def _cell(text: str) -> str:
    """The text in a table's cell, on one line, cut: half of a made-up secret is enough to see what is meant."""
    flat = " ".join(text.replace("\\n", " ").split()).replace("|", "¦").replace("`", "'")
    return f"`{flat if len(flat) <= 110 else flat[:109] + '…'}`"


def main(arguments: list[str]) -> int:
    counts, recall = Counts(), Recall()
    print(counts.sentence())
    for name in ("missed", "misnamed", "false_alarms"):
        for text in getattr(counts, name):
            print(f"{name}: {text!r:.200}")
    for row in recall.rows()[2:]:
        print(row.strip("| ").replace(" | ", "   "))
    if "--write" in arguments:
        PAGE.write_text(page(counts, recall), encoding="utf-8")
    if "--check" in arguments and PAGE.read_text(encoding="utf-8") != page(counts, recall):
        print("docs/redaction.md is out of date: run python tools/redaction_table.py --write")
        return 1
    return 1 if counts.missed or counts.misnamed or counts.false_alarms else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
