"""The walls of the house: who may import whom, and what a short command or a hook pays for at start-up."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import activity_mcp

PACKAGE = Path(activity_mcp.__file__).parent
TESTS = Path(__file__).parent
MAX_LINES = 400
FLAT = {
    "errors", "clock", "plain_json", "package_files", "sql_text",
    "schema", "identity", "config", "lazy", "service",
}  # fmt: skip
# What each room may import of the others, from the ground floor up; a room may always import itself, and no room one above it.
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "clock": set(),
    "plain_json": {"errors"},
    "package_files": set(),
    "lazy": set(),
    "sql_text": set(),
    "fs": {"errors"},
    "activity": {"errors", "clock", "plain_json"},
    "redaction": {"activity", "errors", "plain_json"},
    "schema": {"activity", "errors", "package_files", "plain_json"},
    "identity": {"activity", "errors", "fs", "plain_json"},
    "config": {"activity", "errors", "fs", "identity", "plain_json", "redaction"},
    "queue": {"errors", "clock", "fs", "activity", "plain_json"},
    "language": {"errors"},
    "context": {"clock", "errors", "fs", "activity", "language", "plain_json"},
    "warehouse": {"errors", "clock", "config", "fs", "activity", "plain_json", "sql_text"},
    "recording": {"activity", "clock", "errors", "fs", "identity", "plain_json", "queue", "redaction", "schema"},
    "pipeline": {"activity", "clock", "context", "errors", "fs", "queue", "recording", "schema", "warehouse"},
    "recall": {"activity", "clock", "context", "errors", "identity", "queue"},
    "claude_code": {
        "activity", "clock", "config", "context", "errors", "fs", "identity", "plain_json", "queue", "recording", "redaction",
        "sql_text",
    },
    "codex": {"activity"},
    "usage": {"clock", "context", "fs", "warehouse"},
    "otlp": {"activity", "claude_code", "clock", "errors", "fs", "plain_json", "redaction"},
    "provenance": {"activity", "clock", "errors", "fs", "identity", "queue", "recording", "warehouse"},
    "health": {
        "activity", "clock", "config", "context", "errors", "fs", "otlp", "plain_json", "queue", "recall", "recording",
        "warehouse",
    },
    "search": {"activity", "clock", "errors", "fs", "language", "queue", "warehouse"},
    "sessions": {"activity", "clock", "errors", "fs", "queue", "search", "warehouse"},
    "composition": {
        "activity", "claude_code", "clock", "config", "context", "errors", "fs", "health", "identity", "lazy", "otlp", "pipeline",
        "plain_json", "provenance", "queue", "recall", "recording", "redaction", "sessions", "usage", "warehouse",
    },
    "service": {
        "clock", "composition", "config", "context", "errors", "health", "identity", "lazy", "queue", "recall", "recording",
        "warehouse",
    },
    "server": {
        "activity", "clock", "config", "context", "errors", "fs", "health", "identity", "plain_json", "recall", "recording", "schema",
        "service",
    },
    "operations": {
        "activity", "claude_code", "clock", "codex", "config", "context", "errors", "fs", "health", "identity", "pipeline",
        "queue", "recording", "server", "service", "warehouse",
    },
    "web": {
        "activity", "clock", "config", "context", "errors", "health", "operations", "provenance", "queue", "recording", "search",
        "server", "service", "sessions", "usage", "warehouse",
    },
    "bench": {
        "activity", "claude_code", "clock", "config", "context", "errors", "fs", "identity", "operations", "pipeline", "queue",
        "recording", "redaction", "service", "warehouse",
    },
    "cli": {
        "activity", "bench", "claude_code", "clock", "config", "context", "errors", "health", "identity", "operations", "otlp",
        "package_files", "plain_json", "queue", "schema", "search", "server", "service", "sessions", "usage", "warehouse",
        "web",
    },
    "__main__": {"context", "claude_code", "cli", "errors", "server"},
    "__init__": {"errors", "operations"},
}  # fmt: skip
# The walls inside a room: what each part of it may import of the other parts. A part is a module or a package of the room.
PARTS: dict[str, dict[str, set[str]]] = {
    "claude_code": {
        "hooks": {"draft", "events", "ids", "outcomes", "prompts", "session_state", "shell", "sql_statements"},
        "transcripts": {
            "draft",
            "events",
            "ids",
            "model_requests",
            "outcomes",
            "prompts",
            "session_state",
            "setup",
            "shell",
            "sql_statements",
        },
        "setup": {"hooks", "versions"},
    },
    "warehouse": {
        "base": set(),
        "adapter": {"base", "snowflake"},
        "drift": set(),
        "duckdb": {"adapter", "base", "batch_size", "drift", "values"},
        "snowflake": {"adapter", "base", "drift", "values"},
        "memory": {"adapter", "base"},
        "factory": {"adapter", "duckdb", "snowflake"},
    },
    "composition": {
        "recording": set(),
        "reading": {"recording"},
        "sources": {"reading"},
        "leading": {"sources"},
    },
    "server": {
        "tools": set(),
        "lanes": {"tools"},
        "calls": {"logs", "tools"},
        "front": {"calls", "lanes", "leaving", "logs", "tools"},
        "http": {"leaving", "lifetime", "tools"},
    },
}
HEAVY = {"sqlite3", "mcp", "snowflake", "duckdb", "jsonschema", "pydantic", "rich", "structlog", "sqlglot", "platformdirs"}


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
        if "generated" not in path.parts
    }


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imported(name: str, path: Path) -> frozenset[str]:
    """The package's own modules that this one imports anywhere, type checking included, as dotted names."""
    package = name.split(".") if path.name == "__init__.py" and name != "__init__" else name.split(".")[:-1]
    package = [part for part in package if part != "__init__"]
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            parts = base + (node.module.split(".") if node.module else [])
            found |= {".".join(parts)} if node.module else {".".join([*parts, alias.name]) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("activity_mcp"):
            found.add((node.module or "")[len("activity_mcp.") :])
    return frozenset(found)


def test_every_room_imports_only_what_its_wall_allows() -> None:
    wrong = []
    for name, path in modules().items():
        room = name.split(".")[0]
        assert room in ROOMS, f"{name} is in no room: say in ROOMS what it may import"
        for target in imported(name, path):
            other = target.split(".")[0]
            if other and other != room and other not in ROOMS[room] and other != "__version__":
                wrong.append(f"{name} imports {target}")
    assert wrong == []


def test_every_part_of_a_room_imports_only_what_its_wall_allows() -> None:
    wrong = []
    for name, path in modules().items():
        room, _, rest = name.partition(".")
        part = rest.split(".")[0]
        allowed = PARTS.get(room, {}).get(part)
        for target in imported(name, path) if allowed is not None else ():
            other = target.removeprefix(f"{room}.").split(".")[0] if target.startswith(f"{room}.") else part
            if allowed is not None and other not in {part, *allowed}:
                wrong.append(f"{name} imports {target}")
    assert wrong == []


def test_no_room_imports_one_above_it() -> None:
    floors = list(ROOMS)
    above = {room: [other for other in walls if floors.index(other) > floors.index(room)] for room, walls in ROOMS.items()}
    assert {room: others for room, others in above.items() if others} == {}


def test_what_a_wall_allows_is_used() -> None:
    """A wall says what is, not what might be: an allowance nobody uses any more goes."""
    used: dict[str, set[str]] = {room: set() for room in ROOMS}
    for name, path in modules().items():
        used[name.split(".")[0]] |= {target.split(".")[0] for target in imported(name, path)}
    assert {room: walls - used[room] for room, walls in ROOMS.items() if walls - used[room]} == {}


def test_commands_speak_through_one_module_which_makes_text_harmless_to_a_terminal() -> None:
    for name, path in modules().items():
        if name.startswith("cli.") and name != "cli.output":
            calls = {ast.unparse(node.func) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)}
            assert not calls & {"click.echo", "click.secho", "print", "Console", "sys.stdout.write", "sys.stderr.write"}, name


def test_the_package_has_at_most_twelve_flat_modules() -> None:
    assert {name for name in modules() if "." not in name} - {"__init__", "__main__"} <= FLAT
    assert len(FLAT) <= 12


def test_no_module_is_longer_than_a_person_reads_at_once() -> None:
    lines = {name: path.read_text().count("\n") for name, path in modules().items()}
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


def test_only_the_factory_chooses_an_engine() -> None:
    """Whatever differs between engines is behind the adapter; the configuration is asked for it once."""
    asking = {name for name, path in modules().items() if "snow_connection" in path.read_text()}
    assert asking == {"config", "warehouse.factory"}


def test_nothing_imports_the_warehouse_in_memory() -> None:
    """It is for tests, and a test hands one to the service."""
    assert [name for name, path in modules().items() if "warehouse.memory" in imported(name, path)] == []
    assert "activity_mcp.warehouse.memory" not in modules_loaded_by("import activity_mcp.service, activity_mcp.server.run")


@pytest.mark.parametrize("directory", [PACKAGE, TESTS, TESTS.parent / "tools"], ids=lambda path: path.name)
def test_a_part_is_handed_in_and_never_put_into_an_objects_dictionary(directory: Path) -> None:
    poked = [
        f"{path.relative_to(directory)}:{node.lineno}"
        for path in directory.rglob("*.py")
        if ".__dict__[" in path.read_text()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith(".__dict__") and path != PACKAGE / "lazy.py"
    ]
    assert poked == []


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


def test_durability_goes_through_one_seam() -> None:
    durable = {"fsync", "fdatasync", "replace", "ftruncate", "truncate"}
    called = {
        f"{name} calls os.{node.attr}"
        for name, path in modules().items()
        if name.split(".")[0] != "fs"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
        and node.attr in durable
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    }
    assert called == set(), "only fs does"


def modules_loaded_by(code: str) -> set[str]:
    """``sys.modules`` after running the code in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def loaded_by(code: str) -> set[str]:
    """The top-level modules in ``sys.modules`` after running the code in a fresh interpreter."""
    return {name.split(".")[0] for name in modules_loaded_by(code)}


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
        "from activity_mcp.cli.commands import commands\nfor name in ('log', 'flush', 'import', 'context', 'query', 'status', 'doctor', 'install', 'uninstall', 'forget'): commands.get_command(None, name)",
    ],
)  # fmt: skip
def test_no_command_pays_for_a_heavy_package_it_does_not_use(code: str) -> None:
    assert loaded_by(code) & HEAVY == set()
