"""Builds ``dist/activity-mcp-VERSION.mcpb``: the server for hosts that install bundles (MCPB), such as a desktop client.

    python tools/bundle.py [--to DIRECTORY] [--from REQUIREMENT]       prints the path; ``make bundle`` validates it too

A bundle of the kind ``uv``: a manifest, and a project that depends on this very version, which the host's uv installs for its
machine. (A bundle with the packages inside would be one for each system, processor and Python, of 35 MB.) The same bytes each
time it is built. ``--from``: what else to install, such as a wheel that is not on PyPI yet.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from reference import offered_tools
from version import version

REPO = Path(__file__).resolve().parents[1]
NAME = "activity-mcp"
ENTRY = "server.py"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SERVER = '''"""Runs the server over stdio."""

import sys

from activity_mcp.__main__ import run

sys.exit(run(["serve"]))
'''


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", action="store_true", help="also write the manifest beside it, and print that path")
    parser.add_argument("--to", type=Path, default=REPO / "dist", help="where to; default: dist/")
    parser.add_argument("--from", dest="requirement", help="what is installed; default: this version, from PyPI")
    asked = parser.parse_args(arguments)
    asked.to.mkdir(parents=True, exist_ok=True)
    bundle = asked.to / f"{NAME}-{version()}.mcpb"
    write(bundle, asked.requirement or f"{NAME}=={version()}")
    print(_manifest_beside(bundle) if asked.manifest else bundle)
    return 0


def write(bundle: Path, requirement: str) -> None:
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files(requirement).items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text, zipfile.ZIP_DEFLATED)


def _manifest_beside(bundle: Path) -> Path:
    path = bundle.with_suffix(".manifest.json")
    path.write_text(json.dumps(manifest(), indent=2) + "\n", encoding="utf-8")
    return path


def files(requirement: str) -> dict[str, str]:
    """What is in it, by name."""
    return {
        "manifest.json": json.dumps(manifest(), indent=2) + "\n",
        "pyproject.toml": _project(requirement),
        ENTRY: _SERVER,
        "LICENSE": (REPO / "LICENSE").read_text(encoding="utf-8"),
    }


def manifest() -> dict[str, Any]:
    """The manifest, in version 0.4 of its format, the first with servers of the kind ``uv``."""
    plugin = json.loads((REPO / "plugin" / ".claude-plugin" / "plugin.json").read_text(encoding="utf-8"))
    home = plugin["homepage"]
    return {
        "manifest_version": "0.4",
        "name": NAME,
        "display_name": "Activity record",
        "version": version(),
        "description": plugin["description"],
        "long_description": "Only the server: what hooks record comes from `activity-mcp install`. Tested on Linux.",
        "author": plugin["author"],
        "repository": {"type": "git", "url": plugin["repository"]},
        "homepage": home,
        "documentation": f"{home}/blob/main/docs/index.md",
        "support": f"{home}/issues",
        "license": plugin["license"],
        "server": {
            "type": "uv",
            "entry_point": ENTRY,
            "mcp_config": {"command": "uv", "args": ["run", "--project", "${__dirname}", f"${{__dirname}}/{ENTRY}"], "env": {}},
        },
        "tools": [{"name": spec.name, "description": _first_sentence(spec.description)} for spec in offered_tools()],
        "compatibility": {"platforms": ["linux", "darwin"], "runtimes": {"python": _pythons()}},
    }


def _project(requirement: str) -> str:
    lines = ("[project]", f'name = "{NAME}-bundle"', f'version = "{version()}"', f'requires-python = "{_pythons()}"')
    return "\n".join([*lines, f"dependencies = [{json.dumps(requirement)}]", ""])


def _pythons() -> str:
    asked: str = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    return asked


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).partition(". ")[0].rstrip(".") + "."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
