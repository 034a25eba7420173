"""One home, one project, one state of ``activity-mcp``, and a genuine Claude Code in it, with nothing but loopback around."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claude_client.standin import StandIn

PRODUCT = Path(sys.executable).parent
"""Where ``activity-mcp`` lies: the environment that runs the tests."""
KEY = "sk-ant-made-up-for-the-stand-in"
TIMEOUT_S = 180
_ROWS = "SELECT activity_id, ts, event_name, source, session_id, project, feature_json FROM V_CURRENT_STREAM ORDER BY ts, activity_id"


@dataclass(frozen=True, slots=True)
class Row:
    """One current row of the stream."""

    id: str
    ts: str
    event: str
    source: str
    session: str | None
    project: str | None
    features: dict[str, Any]

    @classmethod
    def of(cls, columns: list[Any]) -> Row:
        activity_id, ts, event, source, session, project, features = columns
        return cls(activity_id, ts, event, source, session, project, _object(features))

    @property
    def kind(self) -> str:
        """The event, of a session's with its type."""
        return str(self.features.get("event_type")) if self.event == "session_event" else self.event

    @property
    def is_subagents(self) -> bool:
        return "agent_id" in self.features


@dataclass(frozen=True, slots=True)
class Printed:
    """One ``claude -p``: how it ended and what it printed."""

    started_s: float
    exit_code: int
    result: dict[str, Any]
    stderr: str


class Lab:
    """``asked`` are the prompts of people, ``started``, ``ended`` and ``killed`` count sessions as Claude Code sees them, and
    ``left`` the turns that nothing ended. Of those that were ``hung_up`` a hook may report the end, or not come to it.

    A process is one start and, if it is left in order, one end; /clear is an end and a start, a compaction a start.
    """

    def __init__(self, directory: Path, claude: Path) -> None:
        self.directory, self.claude = directory, claude
        self.home, self.state, self.project = directory / "home", directory / "state", directory / "project"
        self.api = StandIn()
        self.asked: list[str] = []
        self.started = self.ended = self.hung_up = self.killed = self.left = 0
        kept = {name: os.environ[name] for name in ("LANG", "TERM", "TMPDIR") if name in os.environ}
        self.environ = {
            **kept,
            "PATH": f"{PRODUCT}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "HOME": str(self.home),
            "ACTIVITY_HOME": str(self.state),
            "ACTIVITY_CUSTOMER": "ada@example.org",
            "ANTHROPIC_BASE_URL": self.api.url,
            "ANTHROPIC_API_KEY": KEY,
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "IS_SANDBOX": "1",  # the client refuses bypassPermissions to root elsewhere
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        self.home.mkdir(parents=True)
        self._make_project()

    def close(self) -> None:
        self.api.close()

    # --- set-up

    def _make_project(self) -> None:
        self.project.mkdir()
        (self.project / "README.md").write_text("# shop\n\nline two\n")
        who = ("-c", "user.email=ada@example.org", "-c", "user.name=Ada")
        for command in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "start")):
            self.run("git", *who, *command)

    def move_project(self, name: str) -> None:
        """From now on the project's folder is called so."""
        self.project = self.project.rename(self.directory / name)

    def run(self, *command: str) -> str:
        """A command in the project. Raises CalledProcessError."""
        how: dict[str, Any] = {"cwd": self.project, "env": self.environ, "text": True, "capture_output": True}
        done = subprocess.run(command, check=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL, **how)
        return str(done.stdout)

    def product(self, *arguments: str) -> str:
        return self.run(str(PRODUCT / "activity-mcp"), *arguments)

    def edit_settings(self, edit: Callable[[dict[str, Any]], None]) -> None:
        _edit_json(self.home / ".claude" / "settings.json", edit)

    def onboard(self, *, trusted: bool = True) -> None:
        """What the interactive client would ask for first: theme, the key, and whether the project is trusted."""

        def edit(state: dict[str, Any]) -> None:
            state |= {"hasCompletedOnboarding": True, "theme": "dark", "bypassPermissionsModeAccepted": True}
            state["customApiKeyResponses"] = {"approved": [KEY[-20:]], "rejected": []}
            if trusted:
                project = state.setdefault("projects", {}).setdefault(str(self.project), {})
                project |= {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True, "allowedTools": []}

        _edit_json(self.home / ".claude.json", edit)

    # --- sessions

    def ask(self, prompt: str, *options: str, **how: Any) -> Printed:
        """``claude -p``, to its end."""
        started_s = time.time()
        process = self.begin(prompt, *options, **how)
        printed, errors = process.communicate(timeout=TIMEOUT_S)
        self.ended += 1
        return Printed(started_s, process.returncode, _object(printed), errors)

    def begin(
        self,
        prompt: str,
        *options: str,
        mode: str = "bypassPermissions",
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        piped: bool = False,
    ) -> subprocess.Popen[str]:
        """``claude -p``, running; ``piped`` with a standard input. The caller counts its end in ``ended``, or kills it with ``kill``."""
        self.asked.append(prompt)
        self.started += 1
        command = [str(self.claude), "-p", prompt, "--permission-mode", mode, "--output-format", "json", *options]
        return subprocess.Popen(
            command,
            cwd=cwd or self.project,
            env={**self.environ, **(environ or {})},
            stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ask_in_turn(self, *prompts: str) -> None:
        """``claude -p`` with a stream of messages on its standard input, each sent once the one before is answered."""
        self.asked += prompts
        self.started += 1
        streams = ("--input-format", "stream-json", "--output-format", "stream-json", "--verbose")
        command = [str(self.claude), "-p", *streams, "--permission-mode", "bypassPermissions"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, cwd=self.project, env=self.environ, text=True, **pipes) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            for prompt in prompts:
                print(
                    json.dumps({"type": "user", "message": {"role": "user", "content": prompt}}), file=process.stdin, flush=True
                )
                next(line for line in process.stdout if json.loads(line).get("type") == "result")
            process.stdin.close()
            process.stdout.read()
        self.ended += 1

    def kill(self, process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=TIMEOUT_S)
        self.killed += 1

    # --- reading

    def rows(self) -> list[Row]:
        self.product("flush")
        found = json.loads(self.product("query", _ROWS, "--max-rows", "5000", "--json"))["rows"]
        return [Row.of(row) for row in found]

    def import_later(self) -> dict[str, Any]:
        """``import`` an hour from now, when every session is over."""
        return _object(self.run(sys.executable, str(Path(__file__).with_name("later.py")), "import", "--json"))

    def context(self) -> dict[str, Any]:
        """The sections of what get_context answers."""
        sections = _object(self.product("context", "--json"))["context"]
        assert isinstance(sections, dict)
        return sections

    def transcripts(self) -> dict[Path, list[dict[str, Any]]]:
        """Every transcript, sessions' and subagents'."""
        files = sorted((self.home / ".claude" / "projects").rglob("*.jsonl"))
        return {file: [json.loads(line) for line in file.read_text().splitlines() if line.strip()] for file in files}

    def remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


def _object(text: Any) -> dict[str, Any]:
    found = json.loads(text) if isinstance(text, str) and text.lstrip().startswith("{") else text
    return found if isinstance(found, dict) else {"text": text}


def _edit_json(path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.loads(path.read_text()) if path.exists() else {}
    edit(content)
    path.write_text(json.dumps(content, indent=1))
