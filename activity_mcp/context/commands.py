"""When two shell commands mean the same, and when a run of one includes the other. Pure, and without regular expressions.

The same is a command behind another ``cd``, in another environment, by another path or through another starter: ``./bin/seed``
and ``bash bin/seed``, ``npm run test`` and ``npm test``, ``uv run python3 -m pytest`` and ``pytest``. The exit status is kept:
a pipe's is another command's.

A run includes another of the same tool whose targets lie in its own and that only says which of them (``-k name``, ``-p
crate``, ``--select model``), and one of the tools that its own calls (``make test`` any test, ``dbt build`` a ``dbt run``).
Options that ask for something else than the default (``-race``, ``-m slow``) must be in both.
"""

from __future__ import annotations

from .values import remembering

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_STARTERS = (
    ("uv", "run"), ("poetry", "run"), ("pipenv", "run"), ("hatch", "run"), ("rye", "run"), ("pdm", "run"), ("bundle", "exec"),
    ("pnpm", "exec"), ("yarn", "exec"), ("python", "-m"), ("npx",), ("bunx",), ("time",), ("nice",), ("command",), ("exec",),
    ("env",),
)  # fmt: skip
_FOLDERS = (".venv/bin/", "venv/bin/", "node_modules/.bin/", "vendor/bin/")
_OTHER_NAMES = {
    ("npm", "run", "test"): ("npm", "test"), ("npm", "run-script", "test"): ("npm", "test"), ("npm", "t"): ("npm", "test"),
    ("npm", "run", "start"): ("npm", "start"), ("npm", "i"): ("npm", "install"), ("yarn", "run"): ("yarn",),
    ("pnpm", "run"): ("pnpm",), ("docker-compose",): ("docker", "compose"),
    ("mvnw",): ("mvn",), ("gradle",): ("gradlew",),
}  # fmt: skip
_TESTS = (
    "pytest", "cargo test", "cargo nextest run", "go test", "npm test", "pnpm test", "yarn test", "jest", "vitest", "mocha",
    "rspec", "phpunit", "tox", "gradlew test", "mvn test", "dotnet test", "mix test", "swift test", "python manage.py test",
)  # fmt: skip
_OTHERS = (
    "ruff check", "mypy", "eslint", "go vet", "go build", "cargo build", "cargo check", "cargo clippy", "dbt build", "dbt run",
    "dbt test", "gradlew build", "gradlew check", "gradlew compileJava", "mvn compile", "mvn package", "mvn verify",
    "mvn install", "terraform plan", "nox", "make test", "make check", "make tests", "just test", "just check", "task test",
    "bin/test", "script/test", "scripts/test.sh", "test.sh", "run-tests.sh",
)  # fmt: skip
_RUNNERS = tuple(sorted((*_TESTS, *_OTHERS), key=len, reverse=True))
_ANY_TEST = frozenset(_TESTS)
_MAVEN = frozenset(("mvn compile", "mvn test", "mvn package", "mvn verify", "mvn install"))
_JAVASCRIPT = frozenset(("jest", "vitest", "mocha"))
_INCLUDED: dict[str, frozenset[str]] = {
    **dict.fromkeys(_OTHERS[_OTHERS.index("make test") :], _ANY_TEST),
    **dict.fromkeys(("npm test", "pnpm test", "yarn test"), _JAVASCRIPT), "tox": frozenset(("pytest",)),
    "nox": frozenset(("pytest",)),
    "gradlew build": frozenset(("gradlew test", "gradlew check", "gradlew compileJava")),
    "gradlew check": frozenset(("gradlew test", "gradlew compileJava")),
    "mvn package": frozenset(("mvn compile", "mvn test")), "mvn verify": _MAVEN - {"mvn install"}, "mvn install": _MAVEN,
    "dbt build": frozenset(("dbt run", "dbt test")), "cargo build": frozenset(("cargo check",)),
}  # fmt: skip
"""The tools that a run of everything calls as well."""
_NARROWING = {
    "pytest": ("-k", "--lf", "--last-failed"), "cargo": ("-p", "--package", "--test", "--bin", "--lib"), "go": ("-run",),
    "jest": ("-t", "--testNamePattern"), "vitest": ("-t", "--testNamePattern"), "npm": ("-t",),
    "pnpm": ("--filter", "-F", "-t"), "yarn": ("-t",),
    "gradlew": ("--tests",), "mvn": ("-Dtest", "-pl"), "dbt": ("--select", "-s", "--models", "-m"),
    "terraform": ("-target",), "rspec": ("-e",), "mocha": ("-g",), "phpunit": ("--filter",), "dotnet": ("--filter",),
}  # fmt: skip
"""Options that say which of the targets; what follows them is no target."""
_WITHOUT_VALUE = ("--lf", "--last-failed", "--lib")
_LEAVING_OUT = ("--ignore", "--deselect", "--exclude", "-skip", "-m")
_SAME_RUN = (
    "-x", "-v", "-vv", "-q", "-s", "-l", "-ra", "-rA", "-rf", "--tb", "--no-header", "--color", "--verbose", "--quiet", "--",
    "--nocapture", "-count=1", "--no-cov", "--workspace", "--all", "--info", "--stacktrace", "--maxfail", "-W", "-n", "--fix",
)  # fmt: skip
"""Options that change what is said of a run, not what is run."""
_WHOLE = (".", "./...", "//...", "...")
_OPERATORS = ("|", ";", "&", "<", ">", "$(", "`")


class Run:
    """A run of a tool: on which targets (none: all), narrowed by what, and what else it asks for."""

    __slots__ = ("asks", "narrowed", "runner", "targets")

    def __init__(self, runner: str, words: Sequence[str]) -> None:
        self.runner = runner
        narrowing = _NARROWING.get(runner.partition(" ")[0], ())
        targets, narrowed, asks = [], [], []
        skipping = False
        for word in words:
            name = word.partition("=")[0]
            if skipping:
                skipping = False
            elif name in narrowing:
                narrowed.append(word)
                skipping = "=" not in word and name not in _WITHOUT_VALUE
            elif not word.startswith("-"):
                targets.append(word)
            elif name not in _SAME_RUN and word not in _SAME_RUN:
                asks.append(word)
        self.targets, self.narrowed, self.asks = tuple(targets), tuple(narrowed), frozenset(asks)

    def includes(self, other: Run) -> bool:
        """Whether its success says that the other would succeed now."""
        if self.narrowed or not other.asks <= self.asks:
            return False
        if any(word.startswith(_LEAVING_OUT) for word in self.asks - other.asks):
            return False
        if self.runner != other.runner:
            return not self.targets and other.runner in _INCLUDED.get(self.runner, ())
        targets = [target for target in self.targets if target not in _WHOLE]
        if not targets or (other.targets and len(targets) < len(self.targets)):
            return True
        return bool(other.targets) and all(any(_is_in(one, whole) for whole in targets) for one in other.targets)


def plain_words(command: str) -> list[str]:
    """The words of a command as it is compared."""
    words = command.split()
    if words[:1] == ["cd"] and "&&" in words[:4]:
        words = words[words.index("&&") + 1 :]
    while (begun := _begun(words)) is not words:
        words = begun
    known = next((each for each in _OTHER_NAMES if tuple(words[: len(each)]) == each), ())
    if known:
        words = [*_OTHER_NAMES[known], *words[len(known) :]]
    return words[:-1] if words[-1:] == ["2>&1"] else words


def _begun(words: list[str]) -> list[str]:
    """The words without the first thing that only starts the rest; the same list where there is none."""
    if not words:
        return words
    program = _program(words[0])
    if program != words[0]:
        return [program, *words[1:]]
    if "=" in program and program.partition("=")[0].isidentifier():
        return words[1:]
    if program == "python3":
        return ["python", *words[1:]]
    for starter in _STARTERS:
        if tuple(words[: len(starter)]) == starter and len(words) > len(starter):
            return words[len(starter) :]
    if program in ("bash", "sh") and len(words) > 1 and words[1][:1] not in ("-", "<"):
        return words[1:]
    return words[2:] if program == "timeout" and len(words) > 2 and words[1][:1].isdigit() else words


def _program(word: str) -> str:
    """A program without the folder that it was found in."""
    word = word.removeprefix("./")
    for folder in _FOLDERS:
        at = word.find(folder)
        if at >= 0:
            return word[at + len(folder) :]
    return word


@remembering(512)
def run_of(command: str) -> Run | None:
    """The run that a command in its plain words is; None for what is none that can be compared."""
    if not command.startswith(_RUNNERS) or any(mark in command for mark in _OPERATORS):
        return None
    runner = next((name for name in _RUNNERS if command == name or command.startswith(f"{name} ")), None)
    return Run(runner, command[len(runner) :].split()) if runner is not None else None


def _is_in(one: str, whole: str) -> bool:
    if whole.endswith("/..."):
        whole = whole[:-4]
    return one == whole or one.startswith((f"{whole}::", f"{whole.rstrip('/')}/", f"{whole}["))
