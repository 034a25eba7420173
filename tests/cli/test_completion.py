"""Completion, asked for as the shells ask: by a real bash with the script sourced, and by the variable that all of them set."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from activity_mcp.cli.commands import commands
from activity_mcp.cli.completion import VARIABLE


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """With ``activity-mcp`` on PATH, whichever way the package is found here."""
    command = tmp_path / "bin" / "activity-mcp"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m activity_mcp "$@"\n')
    command.chmod(0o755)
    found = {"PATH": f"{command.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    return found | {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}


def said(environ: dict[str, str], *command: str) -> str:
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
@pytest.mark.parametrize(
    ("line", "offered"),
    [("fl", {"flush"}), ("flush --", {"--retry-dead", "--help"}), ("context --type e", {"executive", "engineer"})],
)
def test_bash_completes_commands_options_and_choices(environ: dict[str, str], line: str, offered: set[str]) -> None:
    words = ["activity-mcp", *line.split(" ")]
    asked = (
        'eval "$(activity-mcp completion bash)"; '
        f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _activity_mcp_completion activity-mcp; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    found = set(said(environ, "bash", "--norc", "-c", asked).split())
    assert found >= offered
    assert all(each.startswith(words[-1]) for each in found)


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish here")
@pytest.mark.parametrize(
    ("line", "offered"),
    [("fl", {"flush"}), ("flush --", {"--retry-dead", "--help"}), ("context --type e", {"executive", "engineer"})],
)
def test_fish_completes_commands_options_and_choices(environ: dict[str, str], line: str, offered: set[str]) -> None:
    asked = f'activity-mcp completion fish | source; complete -C "activity-mcp {line}"'
    found = {row.split("\t")[0] for row in said(environ, "fish", "--no-config", "-c", asked).splitlines()}
    assert found >= offered


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh here")
def test_zsh_completes_what_is_begun_on_its_line(environ: dict[str, str]) -> None:
    """On a terminal that zsh itself makes; what stands on the line after the key is read until it is there."""
    steps = (
        "zmodload zsh/zpty; zpty -b z zsh -f -i",
        """zpty -w z 'autoload -Uz compinit; compinit -u -D; eval "$(activity-mcp completion zsh)"; echo is-"loaded"'""",
        "zpty -r z seen '*is-loaded*'",
        "zpty -w -n z $'activity-mcp fl\\t'",
        "zpty -r z seen '*activity-mcp flush*' && print completed; zpty -d z",
    )
    assert said({**environ, "TERM": "dumb"}, "zsh", "-f", "-c", "; ".join(steps)).strip() == "completed"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_asks_this_command_and_is_answered(environ: dict[str, str], shell: str) -> None:
    script = said(environ, "activity-mcp", "completion", shell)
    assert f"{VARIABLE}={shell}_complete" in script
    asked = environ | {
        VARIABLE: f"{shell}_complete",
        "COMP_WORDS": "activity-mcp ",
        "COMP_CWORD": "" if shell == "fish" else "1",
    }
    answer = said(asked, "activity-mcp")
    assert [name for name in commands.list_commands(None) if name not in answer] == []  # type: ignore[arg-type]


def test_another_shell_is_refused_with_those_there_are(environ: dict[str, str]) -> None:
    done = subprocess.run(["activity-mcp", "completion", "tcsh"], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "fish" in done.stderr
