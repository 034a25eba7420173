"""Which command lines in Claude Code's files are ours: those whose *program* is this package, not those that mention it.

A hook of the user may hold our name anywhere (``make -C ~/src/activity-mcp lint``, ``systemctl restart activity-mcp``) and
stays theirs, as does a line of several commands. These forms are recognised, wherever the installation is, also with ``env``
before them, and as one line for a shell or as ``command`` with ``args``:

    activity-mcp …, activity-mcp-hook                   the console scripts, by path or by name, also run by an interpreter
    python … -m activity_mcp …                          the package
    python … -c LOADER …/activity_mcp/claude_code/….py  what ``install`` writes; an older version wrote it without the loader
    activity-hook SOCKET …                              the compiled client in front of one of these
    sh …/run.sh activity-mcp-hook                       the plugin's way
    uvx activity-mcp …, uv run …, pipx run …            runners, by what they run
"""

from __future__ import annotations

import os
import re
import shlex
from typing import Any

_SCRIPT, _HOOK_SCRIPT, _HOOK_CLIENT = "activity-mcp", "activity-mcp-hook", "activity-hook"
_MODULE = "activity_mcp"
_HOOK_FILE = re.compile(r"/activity_mcp/claude_code/(?:\w+/)*\w*hook\w*\.py$")
_LOADS_HOOK = tuple(f"from activity_mcp.claude_code.hooks.{name} import main" for name in ("quick_start", "hook"))
"""Today's loader, and that of older versions."""
_INTERPRETER = re.compile(r"(?:python|pypy)[\d.]*(?:\.exe)?$")
_SHELLS = frozenset(("sh", "bash", "dash", "zsh", "ksh"))
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_PYTHON_OPTIONS_WITH_VALUE = frozenset(("-W", "-X", "--check-hash-based-pycs"))
_RUNNERS = (("uvx",), ("uv", "tool", "run"), ("uv", "run"), ("pipx", "run"))
_RUNNER_OPTIONS_WITH_VALUE = frozenset(
    (
        "--from", "--with", "--with-editable", "--with-requirements", "--python", "-p", "--directory", "--project", "--package",
        "--spec", "--pip-args", "--index", "--index-url", "--extra-index-url", "--env-file", "--extra", "--group",
        "--cache-dir", "--constraints", "-c", "--refresh-package",
    )
)  # fmt: skip
_STEPS = frozenset(";&|()\n")
"""What joins commands: a line with one of these does more than run ours."""
_NO_STEP = re.compile(r"\s*\|\|\s*(?:true|:|exit 0)\s*$")


def is_own_command(entry: dict[str, Any]) -> bool:
    """Whether a handler or a server entry starts this package."""
    return _own_arguments(_single_command(entry)) is not None


def is_own_hook(entry: dict[str, Any]) -> bool:
    """Whether a handler records what Claude Code hands it: not a user's own call of another of our commands."""
    arguments = _own_arguments(_single_command(entry))
    return arguments is not None and arguments[:1] == ["hook"]


def fallback_of(words: list[str]) -> list[str] | None:
    """The command line that the compiled client runs when nobody answers it; None where another program is registered."""
    return words[2:] if words and os.path.basename(words[0]) == _HOOK_CLIENT else None


def runs_hook_file(words: list[str]) -> bool:
    """Whether an interpreter is given the file of our hook to run, as older versions registered it: it exits with 2, which
    Claude Code takes for a veto, once that file has gone. Newer ones hand it to a loader."""
    words = _without_environment(words)
    if not words or not _INTERPRETER.match(os.path.basename(words[0])) or "-c" in words:
        return False
    return any(_HOOK_FILE.search(word.replace("\\", "/")) for word in words[1:])


def words_of(entry: dict[str, Any]) -> list[str]:
    """Program and arguments of an entry, of a line for a shell as the shell would cut it."""
    command, arguments = entry.get("command"), entry.get("args")
    if not isinstance(command, str):
        return []
    if isinstance(arguments, list):
        return [command, *(word for word in arguments if isinstance(word, str))]
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def _single_command(entry: dict[str, Any]) -> list[str]:
    """The words of an entry that is one command; none where a shell would do several things."""
    command = entry.get("command")
    is_line = isinstance(command, str) and not isinstance(entry.get("args"), list)
    if not is_line:
        return words_of(entry)
    line = _NO_STEP.sub("", str(command))
    return [] if _has_steps(line) else words_of({"command": line})


def _has_steps(line: str) -> bool:
    lexer = shlex.shlex(line.strip(), posix=True, punctuation_chars="".join(_STEPS))
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    try:
        return any(word and set(word) <= _STEPS for word in lexer)
    except ValueError:
        return True


def _own_arguments(words: list[str]) -> list[str] | None:
    """What is handed to our command line (``hook …`` for every way of starting the hook); None where another program runs."""
    words = _without_environment(words)
    if not words:
        return None
    program, rest = os.path.basename(words[0]), words[1:]
    if program == _HOOK_SCRIPT:
        return ["hook", *rest]
    if program == _HOOK_CLIENT:
        return _own_arguments(rest[1:])
    if program == _SCRIPT:
        return rest
    if _INTERPRETER.match(program):
        return _interpreted(rest)
    if program in _SHELLS and rest:
        script = os.path.basename(rest[0])
        return _own_arguments(rest[1:] if script == "run.sh" else rest if script in (_SCRIPT, _HOOK_SCRIPT) else [])
    if program == "run.sh":
        return _own_arguments(rest)
    return _run_by_runner([program, *rest])


def _without_environment(words: list[str]) -> list[str]:
    """``env -u X A=b program …`` and ``A=b program …`` without what precedes the program."""
    if words and os.path.basename(words[0]) == "env":
        words = _after_options(words[1:], frozenset(("-u", "--unset", "-C", "--chdir")))
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    return words


def _interpreted(words: list[str]) -> list[str] | None:
    """The arguments of our part of ``python [options] (-m module | -c code | file) …``."""
    for at, word in enumerate(words):
        if word == "-m" or (word.startswith("-") and not word.startswith("--") and word.endswith("m") and word != "-"):
            module, rest = words[at + 1 : at + 2], words[at + 2 :]
            if module == [_MODULE]:
                return rest
            is_hook = bool(module) and module[0].startswith(f"{_MODULE}.claude_code.") and module[0].endswith("hook")
            return ["hook", *rest] if is_hook else None
        if word == "-c":
            code, file = [*words[at + 1 : at + 3], "", ""][:2]
            return ["hook"] if any(line in code for line in _LOADS_HOOK) and _HOOK_FILE.search(file) else None
        if not word.startswith("-") and (at == 0 or words[at - 1] not in _PYTHON_OPTIONS_WITH_VALUE):
            if _HOOK_FILE.search(word.replace("\\", "/")):
                return ["hook", *words[at + 1 :]]
            return _own_arguments(words[at:]) if os.path.basename(word) in (_SCRIPT, _HOOK_SCRIPT) else None
    return None


def _run_by_runner(words: list[str]) -> list[str] | None:
    for runner in _RUNNERS:
        if tuple(words[: len(runner)]) == runner:
            return _own_arguments(_after_options(words[len(runner) :], _RUNNER_OPTIONS_WITH_VALUE))
    return None


def _after_options(words: list[str], with_value: frozenset[str]) -> list[str]:
    at = 0
    while at < len(words) and words[at].startswith("-"):
        if words[at] == "--":
            return words[at + 1 :]
        at += 2 if words[at] in with_value else 1
    return words[at:]
