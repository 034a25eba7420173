"""The walls of the house: who may import whom, and what a short command or a hook pays for at start-up."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import activity_mcp

PACKAGE = Path(activity_mcp.__file__).parent
LEAVES = {"errors", "clock", "activity", "redaction"}
# What each room may import of the others; a room may always import itself. `service` composes them all.
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "clock": set(),
    "fs": {"errors", "clock"},
    "plain_json": set(),
    "activity": {"errors", "clock", "plain_json"},
    "redaction": {"activity", "errors", "plain_json"},
    "identity": {"activity", "errors", "fs", "plain_json"},
    "config": {"activity", "errors", "fs", "plain_json", "redaction"},
    "resources": set(),
    "parts": set(),
    "schema": {"activity", "errors", "resources"},
    "queue": {"errors", "clock", "fs", "activity", "plain_json"},
    "context": {"errors", "clock", "fs", "activity", "plain_json"},
    "warehouse": {"errors", "clock", "fs", "activity"},
    "backpressure": {"clock"},
    "owed": {"activity", "clock"},
    "selflog": {"activity", "clock"},
    "recorder": {"activity", "clock", "config", "errors", "identity", "queue", "redaction", "schema"},
    "provenance": {"activity"},
    "drift_watch": {"activity", "clock", "errors", "fs", "warehouse"},
    "artifact_content": set(),
    "artifacts": {"clock", "errors", "fs"},
    "rows": {"activity", "clock", "queue", "schema", "warehouse"},
    "retrying": {"activity", "errors", "fs", "queue", "rows"},
    "flusher": {"activity", "clock", "errors", "fs", "queue", "rows", "warehouse"},
    "pace": {"clock"},
    "refresher": {"clock", "context", "pace", "warehouse"},
    "refreshing": {"clock", "context", "queue"},
    "recall": {"activity", "clock", "config", "context", "errors", "identity", "leader", "local_events", "refresher"},
    "local_events": {"activity", "context", "queue"},
    "claude_code": {"activity", "clock", "errors", "fs", "identity", "plain_json", "redaction"},
    "claude_code.hook": {
        "activity",
        "clock",
        "config",
        "context",
        "errors",
        "fs",
        "identity",
        "plain_json",
        "queue",
        "redaction",
    },
    "health": {"checks"},
    "health_watch": {"activity", "checks", "clock", "fs"},
    "tools": {"activity", "errors", "selflog"},
    "lifetime": {"errors", "tools"},
    "web": {"errors", "lifetime", "selflog", "stdio", "tools"},
    "stdio": set(),
    "logging_setup": set(),
    "holdings": {"config", "errors", "queue"},
    "selection": {"clock", "errors"},
    "upkeep": {"activity", "clock", "fs", "warehouse"},
    "tombstones": {"activity", "errors", "fs", "selection"},
    "leader": {"backpressure", "clock", "errors", "flusher", "queue", "refresher", "upkeep"},
}
COMPOSING = {
    "composition", "service", "findings", "insights", "drift", "draining", "backfill", "forget", "status", "checks", "doctor", "server",
    "published", "transports", "cli", "bench", "__main__", "__init__",
}  # fmt: skip
HEAVY = {"mcp", "snowflake", "duckdb", "jsonschema", "pydantic", "rich", "structlog", "sqlglot", "platformdirs"}


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
        if "generated" not in path.parts
    }


def imported(name: str, path: Path) -> set[str]:
    """The package's own modules that this one imports anywhere, type checking included, as dotted names."""
    package = name.split(".") if path.name == "__init__.py" and name != "__init__" else name.split(".")[:-1]
    package = [part for part in package if part != "__init__"]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            parts = base + (node.module.split(".") if node.module else [])
            found |= {".".join(parts)} if node.module else {".".join([*parts, alias.name]) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("activity_mcp"):
            found.add((node.module or "")[len("activity_mcp.") :])
    return found


def test_every_room_imports_only_what_its_wall_allows() -> None:
    wrong = []
    for name, path in modules().items():
        room = name.split(".")[0]
        assert room in ROOMS or room in COMPOSING, f"{name} is in no room: say in ROOMS what it may import"
        if room in COMPOSING:
            continue
        allowed = ROOMS[name] if name in ROOMS else ROOMS[room]
        for target in imported(name, path):
            other = target.split(".")[0]
            if other and other != room and other not in allowed and other != "__version__":
                wrong.append(f"{name} imports {target}")
    assert wrong == []


def test_there_is_no_circular_import() -> None:
    graph: dict[str, set[str]] = {}
    known = modules()
    for name, path in known.items():
        key = name.removesuffix(".__init__")
        targets = {t if t in known or f"{t}.__init__" in known else t.rpartition(".")[0] for t in imported(name, path)}
        graph[key] = {t for t in targets if t and t != key and not key.startswith(f"{t}.")}
    done: set[str] = set()

    def visit(at: str, trail: tuple[str, ...]) -> None:
        assert at not in trail, f"circular: {' -> '.join((*trail, at))}"
        if at in done:
            return
        for target in graph.get(at, ()):
            visit(target, (*trail, at))
        done.add(at)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("call", ["os.fsync", "os.fdatasync", "os.replace", "os.ftruncate", "os.truncate"])
def test_durability_goes_through_one_seam(call: str) -> None:
    function = call.removeprefix("os.")
    for name, path in modules().items():
        if name == "fs":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            used = isinstance(node, ast.Attribute) and node.attr == function and ast.unparse(node.value) == "os"
            assert not used, f"{name} calls {call}; only fs does"


def loaded_by(code: str) -> set[str]:
    """The top-level modules in ``sys.modules`` after running the code in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_what_a_hook_will_need_loads_only_the_cheap_part_of_the_standard_library() -> None:
    """Each of the names refused here costs a hook more than its whole budget allows."""
    bare = loaded_by("pass")
    names = "activity, clock, config, errors, fs, identity, redaction, queue.writer, context.snapshot"
    imports = "\n".join(f"import activity_mcp.{name}" for name in names.split(", "))
    loaded = loaded_by(imports) - bare
    refused = {
        "dataclasses", "typing", "pathlib", "datetime", "uuid", "hashlib", "logging", "asyncio", "subprocess", "socket", "tempfile",
        "inspect", "contextlib", "threading",
    }  # fmt: skip
    assert loaded & refused == set()
    assert loaded - set(sys.stdlib_module_names) == {"activity_mcp"}


@pytest.mark.parametrize(
    "code",
    [
        "import activity_mcp",
        "import activity_mcp.service",
        "from activity_mcp.__main__ import run; import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()): run(['--version'])",
        "from activity_mcp.cli import commands\nfor name in ('log', 'flush', 'import', 'context', 'query', 'status', 'doctor', 'install', 'uninstall', 'forget'): commands.get_command(None, name)",
    ],
)  # fmt: skip
def test_no_command_pays_for_a_heavy_package_it_does_not_use(code: str) -> None:
    assert loaded_by(code) & HEAVY == set()
