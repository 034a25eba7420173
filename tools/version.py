"""The version: one line in ``activity_mcp/__init__.py``. Other files must repeat it, and here is what keeps them in step.

python tools/version.py                 checks that every file says the same
python tools/version.py --tag v1.2.0    and that this tag may be released: the changelog has a day for it
python tools/version.py 1.2.0           writes a new version into all of them, and today into the changelog
"""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
SOURCE = "activity_mcp/__init__.py"
_LINE = re.compile(r'^__version__ = "(.+)"$', re.M)
_HEADING = re.compile(r"^## (\d+\.\d+\.\d+) \((.+)\)$", re.M)
_RELEASE = re.compile(r"\d+\.\d+\.\d+")
COPIES = {
    "plugin/.claude-plugin/plugin.json": ["version"],
    "server.json": ["version", "packages.0.version"],
    "activity_mcp/server/front/handshake.json": ["version"],
}
"""Files that repeat it, and where in each. The handshake is written by ``tools/write_handshake.py``, never here."""


def main(arguments: list[str]) -> int:
    if arguments and _RELEASE.fullmatch(arguments[0]):
        write(arguments[0])
        arguments = []
    wrong = differences()
    if arguments[:1] == ["--tag"]:
        wrong += what_keeps_back(arguments[1])
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def version() -> str:
    """What the package says of itself."""
    found = _LINE.search((REPO / SOURCE).read_text(encoding="utf-8"))
    if found is None:
        raise SystemExit(f"{SOURCE} has no line __version__ = …")
    return found[1]


def differences() -> list[str]:
    """What each file says that is not the version."""
    wanted, wrong = version(), []
    for name, places in COPIES.items():
        document = json.loads((REPO / name).read_text(encoding="utf-8"))
        wrong += [f"{name}: {place} is {said}, not {wanted}" for place in places if (said := _at(document, place)) != wanted]
    newest = _newest_heading()
    if newest[0] != wanted:
        wrong.append(f"CHANGELOG.md: its newest version is {newest[0]}, not {wanted}")
    return wrong


def what_keeps_back(tag: str) -> list[str]:
    """Why this tag must not be released."""
    number, day = _newest_heading()
    wrong = [] if tag == f"v{version()}" else [f"the tag is {tag}, and the version {version()}"]
    try:
        datetime.date.fromisoformat(day)
    except ValueError:
        wrong.append(f"CHANGELOG.md: {number} has no day but {day!r}")
    return wrong


def write(number: str) -> None:
    """Put a new version into every file, and today into the changelog."""
    source = REPO / SOURCE
    source.write_text(_LINE.sub(f'__version__ = "{number}"', source.read_text(encoding="utf-8")), encoding="utf-8")
    for name, places in COPIES.items():
        if name.endswith("handshake.json"):
            continue
        path = REPO / name
        document = json.loads(path.read_text(encoding="utf-8"))
        for place in places:
            *above, last = place.split(".")
            holder = _at(document, ".".join(above))
            assert isinstance(holder, dict)
            holder[last] = number
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    changelog, today = REPO / "CHANGELOG.md", datetime.datetime.now(datetime.UTC).date().isoformat()
    text = changelog.read_text(encoding="utf-8")
    changelog.write_text(_HEADING.sub(f"## {number} ({today})", text, count=1), encoding="utf-8")
    subprocess.run([sys.executable, str(REPO / "tools" / "write_handshake.py")], check=True, cwd=REPO)


def _newest_heading() -> tuple[str, str]:
    found = _HEADING.search((REPO / "CHANGELOG.md").read_text(encoding="utf-8"))
    return (found[1], found[2]) if found else ("none", "")


def _at(document: object, place: str) -> object:
    for step in filter(None, place.split(".")):
        document = document[int(step)] if isinstance(document, list) else document[step]  # type: ignore[index]
    return document


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
