"""The walls of the house: who may import whom, and what a short command or a hook pays for at start-up."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import activity_mcp
from import_graph import Graph, Unreadable, tree_of
from walls import FLAT, PARTS, ROOMS

PACKAGE = Path(activity_mcp.__file__).parent
TESTS = Path(__file__).parent
GRAPH = Graph(PACKAGE)
MAX_LINES = 400
HEAVY = {"sqlite3", "mcp", "snowflake", "duckdb", "jsonschema", "pydantic", "rich", "structlog", "sqlglot", "platformdirs"}


def room_of(name: str) -> str:
    return name.split(".")[0]


def part_of(room: str, name: str) -> str | None:
    """The part of a room that a module is in; None where it is in another room."""
    if name == room:
        return "__init__"
    return name.removeprefix(f"{room}.").split(".")[0] if name.startswith(f"{room}.") else None


def imports_within(room: str) -> dict[str, set[str]]:
    """Each part of a room, and the other parts that it imports."""
    found: dict[str, set[str]] = {}
    for name in GRAPH.modules:
        part = part_of(room, name)
        if part is not None:
            others = {part_of(room, target) for target in GRAPH.imported(name)}
            found[part] = found.get(part, set()) | {other for other in others if other not in (None, part)}
    return found


def test_every_room_imports_only_what_its_wall_allows() -> None:
    assert {room_of(name) for name in GRAPH.modules} == set(ROOMS), "each room has a wall: say in ROOMS what it may import"
    wrong = [
        f"{name} imports {target}"
        for name in GRAPH.modules
        for target in sorted(GRAPH.imported(name))
        if room_of(target) not in {room_of(name), *ROOMS[room_of(name)]}
    ]
    assert wrong == []


def test_every_room_that_has_rooms_in_it_has_a_wall_for_each_of_its_parts() -> None:
    split = {name.rpartition(".")[0] for name, path in GRAPH.modules.items() if "." in name and path.name == "__init__.py"}
    assert set(PARTS) == split
    assert {room: set(walls) for room, walls in PARTS.items()} == {room: set(imports_within(room)) for room in PARTS}


@pytest.mark.parametrize("room", PARTS)
def test_every_part_of_a_room_imports_only_what_its_wall_allows_and_no_part_above_it(room: str) -> None:
    walls, found = PARTS[room], imports_within(room)
    assert [f"{part} imports {other}" for part in found for other in sorted(found[part] - walls[part])] == []
    assert [f"{part} imports no {other}" for part in walls for other in sorted(walls[part] - found[part])] == []
    assert upward(walls) == {}


def test_no_room_imports_one_above_it() -> None:
    assert upward(ROOMS) == {}


def upward(walls: dict[str, set[str]]) -> dict[str, list[str]]:
    floors = list(walls)
    above = {at: [other for other in allowed if floors.index(other) > floors.index(at)] for at, allowed in walls.items()}
    return {at: others for at, others in above.items() if others}


def test_what_a_wall_allows_is_used() -> None:
    """A wall says what is, not what might be: an allowance nobody uses any more goes."""
    used: dict[str, set[str]] = {room: set() for room in ROOMS}
    for name in GRAPH.modules:
        used[room_of(name)] |= {room_of(target) for target in GRAPH.imported(name)}
    assert {room: walls - used[room] for room, walls in ROOMS.items() if walls - used[room]} == {}


IMPORTS = {
    "from .. import ground": {"ground"},
    "from ..ground import NAME": {"ground"},
    "from ..ground.below import NAME": {"ground.below"},
    "from ..ground import below, NAME": {"ground", "ground.below"},
    "from . import beside": {"room.beside"},
    "from .beside import NAME": {"room.beside"},
    "import house.ground.below as other, json": {"ground.below"},
    "from house import ground": {"ground"},
    "from house.ground import below": {"ground.below"},
    "from .. import __version__": set(),
    "import ground": set(),
    "import householder.ground": set(),
    "def late():\n    from ..ground import NAME": {"ground"},
    "if TYPE_CHECKING:\n    from ..ground import NAME": {"ground"},
    "try:\n    import house.ground\nexcept ImportError:\n    pass": {"ground"},
    "import_module('house.ground.below')": {"ground.below"},
    "import_module('..ground', __package__)": {"ground"},
    "importlib.import_module('.beside', __package__)": {"room.beside"},
    "import_module(f'{__package__}.{name}')": {"room.beside"},
    "__import__(f'{__name__}.{home}', fromlist=(name,))": set(),
    "import_module('json')": set(),
}


@pytest.mark.parametrize("text", IMPORTS)
def test_an_import_is_found_wherever_it_is_and_however_it_is_written(text: str, tmp_path: Path) -> None:
    assert set(house_with(tmp_path, text).imported("room.here")) == IMPORTS[text]


@pytest.mark.parametrize("text", ["import_module(name)", "import_module(f'{prefix}.{name}')", "__import__(NAMES[0])"])
def test_an_import_whose_package_is_not_in_the_text_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"^room\.here, line 1: "):
        house_with(tmp_path, text).imported("room.here")


def test_a_package_that_imports_its_modules_when_a_name_is_asked_for_imports_them(tmp_path: Path) -> None:
    graph = house_with(tmp_path, "")
    (graph.directory / "room" / "__init__.py").write_text(
        "def __getattr__(name):\n    __import__(f'{__name__}.{HOMES[name]}')\n"
    )
    assert graph.imported("room") == {"room.here", "room.beside"}


def house_with(directory: Path, text: str) -> Graph:
    """A package with two rooms, in one of which ``here`` has this text."""
    for module in ("__init__", "ground.__init__", "ground.below", "room.__init__", "room.beside", "room.here"):
        path = directory.joinpath("house", *module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if module == "room.here" else "")
    return Graph(directory / "house")


def test_commands_speak_through_one_module_which_makes_text_harmless_to_a_terminal() -> None:
    for name, path in GRAPH.modules.items():
        if name.startswith("cli.") and name != "cli.output":
            calls = {ast.unparse(node.func) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)}
            assert not calls & {"click.echo", "click.secho", "print", "Console", "sys.stdout.write", "sys.stderr.write"}, name


def test_the_package_has_at_most_twelve_flat_modules() -> None:
    assert {name for name, path in GRAPH.modules.items() if "." not in name and path.name != "__init__.py"} == FLAT | {
        "__main__"
    }
    assert len(FLAT) <= 12


def test_no_module_is_longer_than_a_person_reads_at_once() -> None:
    lines = {name: path.read_text().count("\n") for name, path in GRAPH.modules.items()}
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


def test_only_the_factory_chooses_an_engine() -> None:
    """Whatever differs between engines is behind the adapter; the configuration is asked for it once."""
    asking = {name for name, path in GRAPH.modules.items() if "snow_connection" in path.read_text()}
    assert asking == {"config", "warehouse.factory"}


def test_nothing_imports_the_warehouse_in_memory() -> None:
    """It is for tests, and a test hands one to the service."""
    assert [name for name in GRAPH.modules if "warehouse.memory" in GRAPH.imported(name)] == []
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
    """Not even one that only a type, a function or a name asked for later closes."""
    done: set[str] = set()

    def visit(at: str, trail: tuple[str, ...]) -> None:
        assert at not in trail, f"circular: {' -> '.join((*trail, at))}"
        if at in done:
            return
        for target in sorted(GRAPH.imported(at)):
            visit(target, (*trail, at))
        done.add(at)

    for name in GRAPH.modules:
        visit(name, ())


def test_durability_goes_through_one_seam() -> None:
    durable = {"fsync", "fdatasync", "replace", "ftruncate", "truncate"}
    called = {
        f"{name} calls os.{node.attr}"
        for name, path in GRAPH.modules.items()
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
    names = "activity, clock, config, errors, fs, identity, project, redaction, queue.writer, context.snapshot"
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
