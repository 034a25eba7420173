"""The hook's modules in one file: written by the first hook, read by the next, and never the reason that an event is lost."""

from __future__ import annotations

import compileall
import shutil
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

import activity_mcp
from activity_mcp.claude_code.hooks import quick_start
from activity_mcp.claude_code.hooks.start_hook import LOADER
from claude_code.hooked import Hooked, tool_use

LOADERS = "import os; leave = os._exit; os._exit = lambda code: (print(loader(), file=sys.stdout, flush=True), leave(code))\n"
LOADERS += "loader = lambda: type(sys.modules['activity_mcp.queue.writer'].__spec__.loader).__name__\n"


class Installed:
    """A copy of the package whose byte code nobody has written yet, and a hook of it."""

    def __init__(self, place: Path) -> None:
        self.package = place / "lib" / "activity_mcp"
        shutil.copytree(Path(activity_mcp.__file__).parent, self.package, ignore=_all_but_python)
        self.hooked = Hooked(place / "home")
        self._fired = 0

    @property
    def file(self) -> Path:
        return self.package / "claude_code/hooks/__pycache__" / f"hook_modules.{sys.implementation.cache_tag}.pyc"

    def fire(self, *options: str) -> str:
        """Run the hook, see that it has recorded one event more, and say what loaded its modules."""
        self._fired += 1
        start = str(self.package / "claude_code/hooks/start_hook.py")
        command = [sys.executable, "-I", "-S", *options, "-c", LOADER.replace("\nmain()", f"\n{LOADERS}main()"), start]
        said = self.hooked.fire(tool_use(call=f"t{self._fired}"), command=command)
        assert [line["feature_json"]["tool_use_id"] for line in self.hooked.lines()] == [
            f"t{n + 1}" for n in range(self._fired)
        ]
        return said.strip()


def _all_but_python(place: str, names: list[str]) -> set[str]:
    return {name for name in names if name == "__pycache__" or not (name.endswith(".py") or Path(place, name).is_dir())}


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


def test_the_first_hook_writes_the_file_from_which_the_next_one_loads(installed: Installed) -> None:
    assert installed.fire() == "SourceFileLoader"
    assert installed.fire() == "_Finder"


def test_the_file_is_the_byte_code_of_a_source_of_the_package_so_that_installers_remove_it(installed: Installed) -> None:
    """pip removes what ``cache_from_source`` names for each source in RECORD, and leaves whatever else lies in ``__pycache__``."""
    installed.fire()
    removed = {Path(cache_from_source(str(source))) for source in installed.package.rglob("*.py")}
    assert installed.file.exists()
    assert {path for path in installed.package.rglob("*") if path.is_file()} - removed == set(installed.package.rglob("*.py"))


def test_what_python_compiles_in_its_place_is_replaced_by_the_next_hook(installed: Installed) -> None:
    installed.fire()
    compileall.compile_dir(installed.package, quiet=1)
    assert installed.fire() == "SourceFileLoader"
    assert installed.fire() == "_Finder"


def test_a_source_that_has_changed_is_what_runs_and_the_file_is_written_again(installed: Installed) -> None:
    installed.fire()
    with open(installed.package / "queue/writer.py", "a") as source:
        source.write("\nIS_ANOTHER = True\n")
    assert installed.fire() == "SourceFileLoader"
    assert installed.fire() == "_Finder"
    assert b"IS_ANOTHER" in installed.file.read_bytes()


@pytest.mark.parametrize("harm", ["empty", "cut", "zeros", "another Python", "nonsense"])
def test_a_damaged_file_costs_no_event_and_is_replaced(installed: Installed, harm: str) -> None:
    installed.fire()
    whole = installed.file.read_bytes()
    head = whole[: whole.index(b"\n") + 1]
    installed.file.write_bytes({
        "empty": b"",
        "cut": whole[:-1000],
        "zeros": head + bytes(1000),
        "another Python": whole.replace(head, b"'3.99'\n"),
        "nonsense": head + b"i\x05\0\0\0",
    }[harm])  # fmt: skip
    assert installed.fire() == "SourceFileLoader"
    assert installed.fire() == "_Finder"


def test_where_no_byte_code_is_written_there_is_no_file(installed: Installed) -> None:
    assert installed.fire("-B") == "SourceFileLoader"
    assert not installed.file.exists()


def test_a_place_that_cannot_be_written_costs_no_event(installed: Installed) -> None:
    installed.file.parent.write_text("no directory")
    assert installed.fire() == "SourceFileLoader"


def test_where_it_may_not_write_a_hook_reads_no_byte_code_to_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(quick_start, "__file__", str(tmp_path / "quick_start.py"))
    monkeypatch.setattr(quick_start, "_code", lambda *given: pytest.fail("it was read"))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    quick_start._store_modules()  # there is no __pycache__


def test_amid_an_upgrade_nothing_is_stored(installed: Installed) -> None:
    """The code that was loaded is that of the source before, whose place another has taken since."""
    code = (
        "import os, sys; sys.path.append(sys.argv[1]); from activity_mcp.claude_code.hooks import hook, quick_start\n"
        "os.utime(sys.modules['activity_mcp.clock'].__file__, (1, 1)); quick_start._store_modules()"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(installed.package.parent)]
    subprocess.run(command, check=True)
    assert not installed.file.exists()
    subprocess.run(command, check=True)  # with byte code of what is there now
    assert installed.file.exists()
