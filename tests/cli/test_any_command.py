"""Any command in any environment on any state directory answers, or says what is wrong: nothing "unexpected" can be reached."""

from __future__ import annotations

import os
import random
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from activity_mcp import package_files
from activity_mcp.__main__ import run
from cli.outcome import Call

PATHS = (
    "file", "file/below", "open", "dangling", "loop", "link to open", "not a database", "a/b/c/d", "with space",
    "it's \"quoted\"", "new\nline", "ünï", "latin-1 \udce9", "what?", "back\\slash", "semi;colon", "%s {x}", "n" * 300,
    "/".join(["deep" * 12] * 90), "[x]*", "escape \x1b[31m", ".",
)  # fmt: skip
ELSEWHERE = (
    "",
    ".",
    "..",
    "relative",
    "~",
    "~nobody-of-this-name/x",
    "/dev/null",
    "/dev/null/x",
    "/dev/full",
    "/proc/self",
    ":memory:",
    "-",
    "--help",
)
PLACES = (
    "ACTIVITY_HOME", "QUEUE_DIR", "ACTIVITY_DB", "HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "TMPDIR",
    "CLAUDE_PROJECT_DIR", "PWD", "SNOWFLAKE_HOME",
)  # fmt: skip
NUMBERS = ("", "0", "-1", "1", "1.5", "1e3", "1e400", "nan", "inf", "٣", " 5 ", "0x10", "9" * 400, "many")
AMOUNTS = (
    "MAX_QUEUE_SIZE", "BACKPRESSURE_THRESHOLD", "ACTIVITY_CONTEXT_TTL", "ACTIVITY_CONTEXT_MAX_STALE", "ACTIVITY_RETENTION_DAYS",
    "ACTIVITY_INJECT", "COLUMNS",
)  # fmt: skip
WORDS = ("", "on", "off", "interval:5", "interval:９", "full", "hash", "json", "latin-1 \udce9", "a\nb", "{}", "☃" * 5000)
SETTINGS = (
    "ACTIVITY_CUSTOMER", "ACTIVITY_ORG", "ACTIVITY_DURABILITY", "ACTIVITY_REDACT", "ACTIVITY_PROMPTS", "ACTIVITY_RECORD",
    "ACTIVITY_LOG_LEVEL", "ACTIVITY_LOG_FORMAT", "ACTIVITY_HTTP_TOKEN", "CLAUDE_CODE_SESSION_ID", "SNOW_CONNECTION", "TZ", "LC_ALL",
    "TERM", "PATH", "NO_COLOR",
)  # fmt: skip
SQL = (
    "SELECT 1", "SELECT * FROM VW_TOOL_EVENTS", "DESCRIBE VW_TOOL_EVENTS", "DROP TABLE x", "SELECT 1; SELECT 2", "SELECT \udce9",
    "SELECT * FROM nothing", "SELECT 1/0", "PRAGMA version", "SELECT * FROM '/etc/passwd'", "SELECT ?", "SELECT $1", "", "--", "(", "☃",
)  # fmt: skip
OPTIONS: dict[str, tuple[tuple[str, ...], ...]] = {
    "status": ((), ("--json",)),
    "doctor": ((), ("--json",)),
    "drift": ((), ("--json",), ("accept",), ("accept", "x"), ("accept", "\udce9")),
    "flush": (("--timeout", "0.5"), ("--timeout", "nan"), ("--timeout", "1e30"), ("--retry-dead",)),
    "context": ((), ("--json",), ("ann",), ("",), ("\udce9",), ("☃" * 3000,), ("--project", "\udce9"), ("--max-bytes", "512"), ("--type", "x")),
    "log": (
        ("tool_event", "--feature", "tool_name=x", "--feature", "success=true"), ("tool_event",), ("☃",), ("\udce9",),
        ("sql_event", "--feature", "sql=\udce9"), ("tool_event", "--feature", "=1"),
    ),
    "forget": (
        (), ("--session", "\udce9"), ("--project", "\udce9", "--json"), ("--before", "2026-01-01"), ("--before", "0001-01-01"),
        ("--match", "("), ("--match", "(a+)+$"), ("--match", "\udce9", "--json"), ("--session", "s", "--json"),
    ),
    "deploy": (
        (), ("--dry-run",), ("--print",), ("--only", "../../etc/passwd"), ("--database", "a;b", "--print"),
        ("--add-user", "A", "--network", "x"), ("--add-user", "A", "--public-key", "/dev/null/x"), ("--rotate-key", "A"),
    ),
    "migrate": (("status",), ("validate",), ("cutover",), ("x",)),
    "install": (("--dry-run",), ("--dry-run", "--scope", "project")),
    "uninstall": (("--dry-run",), ("--dry-run", "--scope", "x")),
    "bench": (("--list",), ("nothing",)),
    "": ((), ("--version",), ("nothing",)),
}  # fmt: skip
REPLACEMENTS: dict[str, Callable[[Path], object]] = {
    "a folder": lambda path: path.mkdir(),
    "nothing": lambda path: None,
    "an empty file": lambda path: path.write_bytes(b""),
    "nonsense": lambda path: path.write_bytes(bytes(range(256))),
    "JSON of another kind": lambda path: path.write_text("[1, null]"),
    "an object of another kind": lambda path: path.write_text('{"version": 1}'),
    "a link to nowhere": lambda path: path.symlink_to("/nowhere/at/all"),
    "a pipe": os.mkfifo,
}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory in which something was imported and something waits."""
    state = tmp_path_factory.mktemp("known") / "state"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACTIVITY_HOME", str(state))
        patch.setenv("ACTIVITY_CUSTOMER", "ada@example.com")
        assert run(["import", package_files.path_of("examples", "session.jsonl")]) == 0
        assert run(["log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true"]) == 0
    return state


class Situation:
    """A folder of odd places, an environment that names some of them, and a command; all by one seed."""

    def __init__(self, seed: int, folder: Path, known: Path) -> None:
        self._chance = random.Random(seed)
        self._folder = folder
        self.environ: dict[str, str] = {}
        (folder / "file").write_text("x")
        (folder / "not a database").write_text("this is no database " * 500)
        (folder / "open").mkdir()
        (folder / "open").chmod(0o777)
        for name, target in (("dangling", "nowhere"), ("loop", "loop"), ("link to open", "open")):
            (folder / name).symlink_to(folder / target)
        if self._chance.random() < 0.4:
            shutil.copytree(known, folder / "state", symlinks=True)
            self._spoil(folder / "state")
        else:
            for _ in range(self._chance.randint(0, 3)):
                self._set_one()
        self.arguments = self._command()

    def _path(self) -> str:
        return self._chance.choice([*(f"{self._folder}/{name}" for name in PATHS), *ELSEWHERE])

    def _set_one(self) -> None:
        names, values = self._chance.choice([(PLACES, None), (PLACES, None), (AMOUNTS, NUMBERS), (SETTINGS, WORDS)])
        self.environ[self._chance.choice(names)] = self._path() if values is None else self._chance.choice(values)

    def _spoil(self, state: Path) -> None:
        path = self._chance.choice([*sorted(state.rglob("*")), state / "redaction.json", state / "http-token"])
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        REPLACEMENTS[self._chance.choice(list(REPLACEMENTS))](path)

    def _command(self) -> list[str]:
        name = self._chance.choice(["import", "query", *OPTIONS])
        if name == "import":
            extra = self._chance.choice([(), ("--json",), ("--dry-run",), ("--since", "never"), ("--since", "2026-11-01")])
            paths = self._chance.choice([(), (self._path(),), (package_files.path_of("examples", "session.jsonl"),)])
            return [name, *paths, *extra]
        if name == "query":
            extra = self._chance.choice([(), ("--json",), ("--store",), ("--max-rows", "0"), ("--timeout", "inf")])
            return [name, self._chance.choice(SQL), *extra]
        return [*filter(None, [name]), *self._chance.choice(OPTIONS[name]), *(["--dry-run"] if name == "forget" else [])]


def try_one(seed: int, folder: Path, known: Path, call: Call, patch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    situation = Situation(seed, folder, known)
    patch.setenv("HOME", str(folder))
    patch.setenv("ACTIVITY_HOME", str(folder / "state"))
    for name, value in situation.environ.items():
        patch.setenv(name, value)
    patch.chdir(folder)
    outcome = call(*situation.arguments)
    reported = f"seed {seed}: {situation.arguments} with {situation.environ} gave {outcome}"
    assert outcome.code in (0, 2, 3, 4, 5), reported
    assert "error: unexpected " not in outcome.err, reported  # an argument may be: "Error: Got unexpected extra argument"
    assert "Traceback" not in outcome.err, reported
    assert outcome.code == 0 or (outcome.err + outcome.out).strip(), reported


def try_many(seeds: range, tmp_path: Path, known: Path, call: Call) -> None:
    for seed in seeds:
        with pytest.MonkeyPatch.context() as patch:
            try_one(seed, tmp_path / str(seed), known, call, patch)
        _remove(tmp_path / str(seed))


def _remove(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)


def test_no_command_meets_the_unexpected(tmp_path: Path, known: Path, call: Call) -> None:
    try_many(range(40), tmp_path, known, call)


@pytest.mark.slow
def test_no_command_meets_the_unexpected_in_two_thousand_situations(tmp_path: Path, known: Path, call: Call) -> None:
    try_many(range(1000, 3000), tmp_path, known, call)
