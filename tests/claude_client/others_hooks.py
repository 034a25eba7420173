"""Scenarios in which hooks of other tools take part: they block, let the turn go on, or change what a call does."""

from __future__ import annotations

import json
import shlex
import sys
from typing import Any

from claude_client.lab import Lab
from claude_client.scenario import Outcome, scenario
from claude_client.script import agent, bash, does, says

_ONCE = """
import json, os, sys
given = json.load(sys.stdin)
if os.path.exists({mark!r}):
    sys.exit(0)
open({mark!r}, "w").close()
print(json.dumps({answer!r}))
"""
_WITH = """
import json, sys
given = json.load(sys.stdin)
if {word!r} in json.dumps(given):
    print(json.dumps({answer!r}))
"""


def _add_hook(lab: Lab, event: str, program: str, **members: Any) -> None:
    """A hook of another tool, beside ours."""

    def edit(settings: dict[str, Any]) -> None:
        command = shlex.join([sys.executable, "-c", program])
        registered = settings.setdefault("hooks", {}).setdefault(event, [])
        registered.append({**members, "hooks": [{"type": "command", "command": command}]})

    lab.edit_settings(edit)


def _once(lab: Lab, answer: dict[str, Any]) -> str:
    return _ONCE.format(mark=str(lab.directory / "answered"), answer=answer)


@scenario()
def a_stop_that_another_hook_blocks(lab: Lab) -> None:
    """The turn goes on, under the same prompt, and ends with other words."""
    lab.product("install")
    _add_hook(lab, "Stop", _once(lab, {"decision": "block", "reason": "Run the tests first."}))
    lab.api.play(says("I am done."), does(bash("echo tests")), says("Now I am done."))
    lab.ask("do it")


def _its_last_words_are_the_conclusion(outcome: Outcome) -> None:
    found = [session.get("concluded") for session in outcome.context["recent_sessions"]]
    outcome.expect(found == ["Now I am done."], f"the context says concluded {found}")


a_stop_that_another_hook_blocks.checks.append(_its_last_words_are_the_conclusion)


@scenario()
def a_subagent_s_stop_that_another_hook_blocks(lab: Lab) -> None:
    lab.product("install")
    _add_hook(lab, "SubagentStop", _once(lab, {"decision": "block", "reason": "Look again."}))
    lab.api.play(
        does(agent("first", run_in_background=False)),
        says("FINAL: it has looked twice."),
        first=[says("First look."), does(bash("echo again")), says("Second look.")],
    )
    lab.ask("delegate")


@scenario()
def a_prompt_that_another_hook_blocks(lab: Lab) -> None:
    """It was typed, and no model reads it: it is a prompt, without a turn."""
    lab.product("install")
    _add_hook(lab, "UserPromptSubmit", _WITH.format(word="forbidden", answer={"decision": "block", "reason": "No such word."}))
    lab.api.play(says("First answer."), says("Second answer."))
    session = lab.ask("first prompt").result["session_id"]
    lab.ask("a forbidden prompt", "--resume", session)
    lab.ask("third prompt", "--resume", session)


@scenario()
def a_call_that_another_hook_changes(lab: Lab) -> None:
    """What ran is what is recorded."""
    lab.product("install")
    changed = {
        "hookEventName": "PreToolUse",
        "permissionDecision": "allow",
        "updatedInput": {"command": "echo changed"},
    }
    _add_hook(lab, "PreToolUse", _once(lab, {"hookSpecificOutput": changed}), matcher="Bash")
    lab.api.play(does(bash("echo original; exit 3")), says("It ran."))
    lab.ask("run it")


@scenario()
def a_call_that_another_hook_denies_in_words(lab: Lab) -> None:
    lab.product("install")
    denied = {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": "not on a Friday"}
    _add_hook(lab, "PreToolUse", _WITH.format(word="deploy", answer={"hookSpecificOutput": denied}), matcher="Bash")
    lab.api.play(does(bash("./deploy.sh"), bash("echo fine")), says("One was denied."))
    lab.ask("deploy it")


def _denied_is_no_failure(outcome: Outcome) -> None:
    """2.1.197 writes the reason as the command's own failure, and nothing else says what it was."""
    if not any(call.outcome == "denied by rule" for call in outcome.truth.calls.values()):
        return
    outcome.expect(not outcome.calls_failed("deploy.sh"), "the context calls a denied command a failed one")
    outcome.expect("deploy.sh" in json.dumps(outcome.context["refused"]), "the context does not name a denied command")


a_call_that_another_hook_denies_in_words.checks.append(_denied_is_no_failure)


@scenario()
def a_turn_that_another_hook_ends(lab: Lab) -> None:
    """``continue: false`` behind a call: Claude Code stops there, and no answer follows."""
    lab.product("install")
    _add_hook(lab, "PostToolUse", _once(lab, {"continue": False, "stopReason": "enough"}), matcher="Bash")
    lab.api.play(says("I run it.", bash("echo x")), says("After it."))
    session = lab.ask("run it").result["session_id"]
    lab.left += 1
    lab.ask("go on", "--resume", session)
