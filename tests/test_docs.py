"""The documents cannot drift: what they name is there, what they list is all there is, and what they claim of tests is so."""

from __future__ import annotations

import ast
import re
import shlex
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
import pytest

import activity_mcp
from activity_mcp.claude_code.versions import NEEDS, in_words
from activity_mcp.cli.commands import commands
from activity_mcp.config import read_config
from activity_mcp.server.tools import specs

if TYPE_CHECKING:
    from activity_mcp.service import ActivityService

TESTS = Path(__file__).parent
ROOT = TESTS.parent
DOCS = ROOT / "docs"
PACKAGE = Path(activity_mcp.__file__).parent
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("plugin/**/*.md")])

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="the documents are not part of the wheel; run from a checkout")
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))

README = ROOT / "README.md"
MAX_README_LINES = 150
MAX_CONTRIBUTING_LINES = 60
_FOLDERS = ("activity_mcp", "tests", "tools", "docs", "sql", "schemas", "examples", "scripts", "plugin")
_NAMES_OTHERS = {"CHANGELOG.md", "redaction.md"}  # what has gone; files of users, as examples
_MCP_METHODS = {"tools/call", "tools/list"}


@cache
def names_of_files() -> frozenset[str]:
    """Every file of the project by its path from the root, and by each shorter end of that path."""
    found = set()
    for folder in (*_FOLDERS, ".ci"):
        for path in (ROOT / folder).rglob("*"):
            if "__pycache__" not in path.parts:
                parts = path.relative_to(ROOT).parts
                found |= {"/".join(parts[start:]) for start in range(len(parts))}
    return frozenset(found | {path.name for path in ROOT.iterdir()})


@cache
def names_of_tests() -> frozenset[str]:
    found = re.findall(r"\bdef (test_\w+)\(", "\n".join(path.read_text() for path in TESTS.rglob("test_*.py")))
    return frozenset(found)


def code_in(page: Path) -> list[str]:
    """What the page sets as code: the spans in backticks, and the lines of its blocks."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.S | re.M)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```\w*\n.*?^```", "", text, flags=re.S | re.M))
    return spans + [line for block in blocks for line in block.splitlines()]


@every_page
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    if page.name in _NAMES_OTHERS:
        pytest.skip("it also names files that are not of this project")
    named = {name for span in code_in(page) for name in re.findall(r"(?<![\w./$~-])((?:[\w.-]+/)*[\w-]+\.(?:py|sql))\b", span)}
    folders = "|".join(_FOLDERS)
    named |= {name for span in code_in(page) for name in re.findall(rf"(?<![\w./$~-])((?:{folders})/[\w./-]*\w)(?!…)\b", span)}
    assert sorted(named - names_of_files() - _MCP_METHODS) == []


@every_page
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = {target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target}
    assert sorted(target for target in targets if target and not (page.parent / target).exists()) == []


@every_page
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    """A name that ends in ``…`` is the beginning of one."""
    named = re.findall(r"\b(test_\w+)(?![\w.*/])(…?)", "\n".join(code_in(page)))
    begun = {name for name, more in named if more and any(test.startswith(name) for test in names_of_tests())}
    assert sorted({name for name, _ in named} - begun - names_of_tests()) == []


def test_the_page_on_security_and_the_page_on_testing_name_their_tests() -> None:
    for name, at_least in {"security.md": 10, "testing.md": 15}.items():
        named = set(re.findall(r"`((?:\w+/)*test_\w+\.py)", (DOCS / name).read_text()))
        assert len(named) >= at_least, f"{name} names {len(named)} files: has its form changed?"
        assert sorted(path for path in named if not (TESTS / path).is_file()) == []


def test_every_threat_is_held_by_tests_that_exist() -> None:
    """The last cell of each row: files, and names of tests or parts of one (``…part…``), of a file where the cell names one."""
    rows = re.findall(r"^\| .* \| (.*) \|$", (DOCS / "security.md").read_text(), re.M)[1:]
    assert len(rows) > 20
    missing = []
    for row in rows:
        files = [TESTS / path for path in re.findall(r"((?:\w+/)*test_\w+\.py)", row)]
        parts = [part for span in re.findall(r"`([^`]+)`", row) for part in _parts_of_names(span.rpartition(".py")[2])]
        defined = re.findall(r"\bdef (test_\w+)\(", "\n".join(path.read_text() for path in files if path.is_file()))
        held = defined if files else names_of_tests()
        missing += [part for part in parts if not any(fnmatch(name, part) for name in held)]
        missing += [row] if not files and not parts else []
    assert missing == []


def _parts_of_names(span: str) -> list[str]:
    """The test names in a span, as patterns."""
    return [name.replace("…", "*") for name in re.findall(r"(?:\btest_|…)\w+…?", span)]


def _parsed(command: str) -> str | None:
    """What is wrong with this use of ``activity-mcp``: a command or an option that does not exist. None if nothing is."""
    words = shlex.split(command, comments=True)[1:]
    current: click.Command = commands
    options: set[str] = {"--version", "--help", "-h"}
    for word in words:
        if word.startswith("--") and word.split("=")[0] not in options:
            return f"no option {word} of {current.name}: {command}"
        if isinstance(current, click.Group) and re.fullmatch(r"[a-z][a-z0-9-]*", word):
            found = current.get_command(click.Context(current), word)
            if found is None:
                return None if current.invoke_without_command else f"no command {word}: {command}"
            current = found
            options |= {name for parameter in current.params for name in parameter.opts + parameter.secondary_opts}
    return None


@every_page
def test_every_command_and_option_that_a_page_shows_exists(page: Path) -> None:
    shown = [line.strip().removeprefix("$ ") for line in code_in(page)]
    shown = [re.sub(r"^(?:[A-Z_]+=\S* )+", "", line).split("  #")[0].split(" | ")[0] for line in shown]
    tags = set(re.findall(r"QUERY_TAG = '([^']+)'", "".join(path.read_text() for path in (ROOT / "sql").rglob("*.sql"))))
    shown = [line for line in shown if line.startswith("activity-mcp ") and line not in tags]
    wrong = [_parsed(re.sub(r"[…\[\]]", "", line)) for line in shown]
    assert [reason for reason in wrong if reason] == []


@every_page
def test_every_make_target_that_a_page_shows_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {found[1] for line in code_in(page) if (found := re.match(r"(?:\$ )?make ([a-z-]+)\b", line.strip()))}
    assert sorted(named - targets) == []


@cache
def variables() -> frozenset[str]:
    """Every variable of the environment that the configuration reads."""
    asked: set[str] = set()

    class Asked(dict[str, str]):
        def get(self, name: str, default: Any = None) -> Any:
            asked.add(name)
            return super().get(name, default)

    read_config(Asked({"HOME": "/home/ada"}))
    return frozenset(asked)


def test_the_table_of_variables_is_what_the_configuration_reads() -> None:
    listed = re.findall(r"^\| `([A-Z_]+)` \|", (DOCS / "configuration.md").read_text(), re.M)
    assert sorted(listed) == sorted(variables() - {"HOME", "XDG_STATE_HOME"})


@every_page
def test_each_of_our_variables_that_a_page_names_is_read(page: Path) -> None:
    named = {name for span in code_in(page) for name in re.findall(r"(?<![\w.])ACTIVITY_[A-Z_]+(?![\w*…])", span)}
    known = variables() | {"ACTIVITY_STREAM", "ACTIVITY_SCHEMA_VERSION", "ACTIVITY_READER", "ACTIVITY_WRITER"}  # of the SQL
    source = "\n".join(path.read_text() for path in [*TESTS.rglob("*.py"), *(ROOT / "sql").rglob("*.sql"), ROOT / "Makefile"])
    assert sorted(name for name in named - known if name not in source) == []


class _Nothing:
    """Stands for the service where only what is published of the tools is looked at."""

    def __getattr__(self, name: str) -> Any:
        return _Nothing()


def test_the_table_of_tools_is_what_the_server_offers() -> None:
    offered = {spec.name: spec for spec in specs(cast("ActivityService", _Nothing()))}
    table = re.search(r"^\| tool \|.*?(?=\n\n)", README.read_text(), re.S | re.M)
    assert table
    rows = [line.split("|")[1:3] for line in table.group().splitlines()[2:]]
    assert [name for cell, _ in rows for name in re.findall(r"`(\w+)`", cell)] == list(offered)
    for cell, text in rows:
        of = [offered[name] for name in re.findall(r"`(\w+)`", cell)]
        arguments = {argument.name for spec in of for argument in spec.arguments}
        answers = {member for spec in of for member in spec.output_schema.get("properties", {})}
        choices = {choice for spec in of for argument in spec.arguments for choice in argument.choices}
        known = arguments | answers | choices | set(offered)
        assert sorted(set(re.findall(r"`(\w+)`", text)) - known) == []


def test_every_hint_of_an_installed_package_leads_to_a_page_that_exists_by_its_address() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    for path, text in texts.items():
        if "docs/" not in text and "DOCS_URL" not in text:
            continue
        tree = ast.parse(text)
        spoken = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        docstrings = {
            id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        strings = [node.value for node in spoken if id(node) not in docstrings and isinstance(node.value, str)]
        named = [string for string in strings if re.search(r"(?<!/)\bdocs/[\w/-]+\.md", string)]
        assert named == [], f"{path.name}: an installed package has no docs/; use errors.DOCS_URL"
        for page in re.findall(r"\{DOCS_URL\}/([\w.-]+)", text):
            assert (DOCS / page).is_file(), f"{path.name} sends its reader to {page}"


CLOCKS = r"\btime\.(?:monotonic|perf_counter|time)(?:_ns)?\(\)|\.leave\("


def test_a_bound_by_the_wall_clock_has_five_tries_and_its_test_is_marked_timing() -> None:
    """``takes_less_than``: one try alone would fail whenever the machine does something else meanwhile."""
    asserted, differently_marked = [], []
    for path in TESTS.rglob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                marks = {ast.unparse(mark) for mark in node.decorator_list}
                if _asserts_a_time(node) and "pytest.mark.slow" not in marks:
                    asserted.append(f"{path.name}::{node.name}")
                if ("pytest.mark.timing" in marks) is not _calls(node, "takes_less_than"):
                    differently_marked.append(f"{path.name}::{node.name}")
    assert asserted == []
    assert differently_marked == []


def _calls(function: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Call) and ast.unparse(node.func) == name for node in ast.walk(function))


def _asserts_a_time(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether an ``assert`` compares what a clock said, or what a variable holds that was measured by one."""
    measured = {
        name.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and re.search(CLOCKS, ast.unparse(node.value))
        for target in node.targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name) and name.id in ("took", "waited", "elapsed", "spent", "seconds")
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            for compared in (found for found in ast.walk(node) if isinstance(found, ast.Compare)):
                orders = any(isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for op in compared.ops)
                names = {found.id for found in ast.walk(compared) if isinstance(found, ast.Name)}
                if orders and (names & measured or re.search(CLOCKS, ast.unparse(compared))):
                    return True
    return False


def test_the_front_door_is_short() -> None:
    assert len(README.read_text().splitlines()) <= MAX_README_LINES
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= MAX_CONTRIBUTING_LINES


def test_the_table_of_versions_is_what_doctor_checks_and_the_readme_links_it() -> None:
    page = DOCS / "claude-code.md"
    rows = [f"| {need.what} | {in_words(need.since)} | {need.otherwise} |" for need in NEEDS]
    assert [line for line in page.read_text().partition("\n## ")[0].splitlines() if line.startswith("| ")][1:] == rows
    assert "(docs/claude-code.md)" in README.read_text()


def test_the_design_draws_every_room_from_the_roof_to_the_ground() -> None:
    (drawn,) = re.findall(r"^## The rooms\n.*?^```\n(.*?)^```", (DOCS / "design.md").read_text(), re.S | re.M)
    named = [name.rstrip("/") for line in drawn.splitlines() for name in re.findall(r"[\w/]+", re.split(r" {4,}", line)[0])]
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()} - {"__init__"}
    assert sorted(named) == sorted(rooms)


def test_every_decision_is_listed_and_named_by_the_design() -> None:
    records = {path.name for path in (DOCS / "adr").glob("0*.md")}
    for page in (DOCS / "adr" / "README.md", DOCS / "design.md"):
        assert set(re.findall(r"\((?:adr/)?(0\d+-[\w-]+\.md)\)", page.read_text())) == records, page
