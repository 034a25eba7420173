"""Scenarios of the interactive client, in a terminal."""

from __future__ import annotations

import os
import shutil
import signal
import time

from claude_client.lab import Lab
from claude_client.printed import FULL, SLEEP
from claude_client.scenario import CHECKOUT, Outcome, scenario
from claude_client.script import agent, bash, does, says, tool
from claude_client.terminal import Terminal

LONG = "A long answer that somebody interrupts. "


def ready(lab: Lab, mode: str = "bypassPermissions") -> Terminal:
    lab.onboard()
    terminal = Terminal(lab, mode=mode)
    terminal.wait_until_ready()
    return terminal


@scenario(short=True, terminal=True)
def prompts_and_exit(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(says("First answer."), does(bash("echo x")), says("Second answer."))
    with ready(lab) as terminal:
        terminal.ask("first prompt", "First answer.")
        terminal.ask("second prompt", "Second answer.")
        terminal.leave()


@scenario(terminal=True)
def clear_and_exit(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(says("First answer."), says("Second answer."))
    with ready(lab) as terminal:
        terminal.ask("first prompt", "First answer.")
        terminal.clear()
        terminal.ask("second prompt", "Second answer.")
        terminal.leave()


@scenario(terminal=True)
def a_shell_line(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(says("First answer."), says("Second answer."))
    with ready(lab) as terminal:
        terminal.ask("first prompt", "First answer.")
        terminal.press("!")
        terminal.enter("echo from-the-shell")
        terminal.wait_for("Second answer.", "⎿  from-the-shell")
        time.sleep(2)  # newer versions let the model answer it, older ones do not
        terminal.ask("second prompt", "Second answer.")
        terminal.leave()


@scenario(terminal=True)
def a_persons_no(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        says("I fetch it.", bash("curl -s http://127.0.0.1:9/made-up")),
        says("I fetch it again.", bash("curl -s http://127.0.0.1:9/again")),
        says("Second answer."),
    )
    with ready(lab, mode="default") as terminal:
        terminal.ask("fetch it", "Do you want to proceed")
        terminal.answer("Escape", "Interrupted", "interrupted", "rejected")
        terminal.ask("fetch it once more", "Do you want to proceed")
        terminal.answer("Enter", "Second answer.")
        terminal.leave()


def _a_no_is_no_failure(outcome: Outcome) -> None:
    outcome.expect(not outcome.calls_failed("made-up"), "the context calls a rejected command a failed one")


a_persons_no.checks.append(_a_no_is_no_failure)


@scenario(terminal=True)
def a_question(lab: Lab) -> None:
    lab.product("install")
    options = [{"label": "Red", "description": "r"}, {"label": "Blue", "description": "b"}]
    question = {"question": "Which colour?", "header": "Colour", "multiSelect": False, "options": options}
    lab.api.play(says("I ask.", tool("AskUserQuestion", questions=[question])), says("The colour it is."))
    with ready(lab) as terminal:
        terminal.ask("ask me", "Which colour?")
        terminal.choose("Blue", "The colour it is.")
        terminal.leave()


@scenario(terminal=True)
def interrupted_answer_and_call(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        says(LONG * 3, hold_s=60),
        says("After the first interrupt."),
        says("I run it.", bash(SLEEP.format(50))),
        says("After the second interrupt."),
    )
    with ready(lab) as terminal:
        terminal.ask("a long one")
        time.sleep(2)  # its text is shown only when the answer is whole
        terminal.answer("Escape", "Interrupted")
        terminal.ask("go on", "After the first interrupt.")
        terminal.ask("run it", "time.sleep(50)")
        time.sleep(2)  # the call is shown before it runs
        terminal.press("Escape")
        terminal.wait_until_idle()
        terminal.ask("go on again", "After the second interrupt.")
        terminal.leave()


@scenario(terminal=True)
def escape_while_an_agent_works(lab: Lab) -> None:
    """Newer versions then let it work in the background; older ones interrupt it."""
    lab.product("install")
    lab.api.play(
        does(agent("first", run_in_background=False)),
        says("After the escape."),
        says("Its result is here."),
        first=[says("I look.", bash("echo sub")), does(bash(SLEEP.format(10))), says("First result.")],
    )
    with ready(lab) as terminal:
        terminal.ask("delegate")
        lab.api.wait_for(lambda requests: len([each for each in requests if each.script == "first"]) == 2)
        time.sleep(3)  # its call begins
        terminal.press("Escape")
        terminal.wait_until_idle()
        terminal.ask("go on", "After the escape.", "Its result is here.")
        terminal.leave()


@scenario(terminal=True)
def resumed_and_cleared_twice(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(says("First answer."), says("Second answer."), says("Third answer."), says("Fourth answer."))
    session = lab.ask("the same prompt").result["session_id"]
    lab.onboard()
    with Terminal(lab, "--resume", session, mode="default") as terminal:
        terminal.wait_until_ready()
        terminal.ask("the same prompt", "Second answer.")
        terminal.clear()
        terminal.ask("a third prompt", "Third answer.")
        terminal.clear()
        terminal.ask("a fourth prompt", "Fourth answer.")
        terminal.leave()


@scenario(terminal=True)
def model_switch_and_compaction(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(says("First answer."), says("Second answer."), says("Third answer."))
    with ready(lab) as terminal:
        terminal.ask("first prompt", "First answer.")
        terminal.enter("/model sonnet")
        if "Switch model?" in terminal.wait_for("Set model", "Switch model?"):
            terminal.answer("Enter", "Set model")
        terminal.ask("second prompt", "Second answer.")
        terminal.enter("/compact")
        terminal.wait_for("Compacted", "compacted")
        lab.started += 1
        terminal.ask("third prompt", "Third answer.")
        terminal.leave()


def _compaction_prints_nothing(outcome: Outcome) -> None:
    reported = [path for path, lines in outcome.lab.transcripts().items() if "start_hook.py] completed" in str(lines)]
    outcome.expect(not reported, "a hook's completion is printed into the transcript")


model_switch_and_compaction.checks.append(_compaction_prints_nothing)


@scenario(terminal=True)
def prompts_typed_while_it_works(lab: Lab) -> None:
    """The first joins the running turn; the second is the next turn's, as nothing follows in which it could be handed over."""
    lab.product("install")
    lab.api.play(
        says("I begin.", bash(SLEEP.format(6))),
        says("Both are done."),
        says("A long answer.", hold_s=6),
        says("What waited is done."),
    )
    with ready(lab) as terminal:
        terminal.ask("first prompt", "time.sleep(6)")
        terminal.queue("and this as well", "Both are done.")
        terminal.ask("second prompt")
        terminal.queue("then that", "What waited is done.")
        terminal.leave()


@scenario(terminal=True)
def a_command_of_the_project(lab: Lab) -> None:
    """It is no prompt, but what follows it is a turn."""
    lab.product("install")
    command = lab.project / ".claude" / "commands" / "ship.md"
    command.parent.mkdir(parents=True)
    command.write_text("---\ndescription: ships\n---\nShip $ARGUMENTS.\n")
    lab.api.play(says("First answer."), says("It is shipped.", bash("echo shipped")), says("All is shipped."))
    with ready(lab) as terminal:
        terminal.ask("first prompt", "First answer.")
        terminal.enter("/ship to-production")
        terminal.wait_for("All is shipped.")
        terminal.leave()


@scenario(terminal=True)
def a_title(lab: Lab) -> None:
    """The client asks for a title only where it may send what is not essential; everything but the stand-in is out of reach."""
    del lab.environ["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"]
    nowhere = "http://127.0.0.1:9"
    lab.environ |= {"HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere, "NO_PROXY": "127.0.0.1"}
    lab.product("install")
    lab.api.play(says("First answer."), says("Second answer."))
    with ready(lab) as terminal:
        terminal.ask("please look at the readme of this shop and say what it is about", "First answer.")
        terminal.ask("second prompt", "Second answer.")
        terminal.leave()


@scenario(terminal=True)
def automatic_compaction_and_kill(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(says("Big.", bash("echo big"), usage=FULL), says("After the compaction."))
    with ready(lab) as terminal:
        terminal.ask("make it big", "After the compaction.")
        lab.started += sum(request.kind == "compaction" for request in lab.api.requests)
        time.sleep(2)
        os.kill(terminal.pid, signal.SIGKILL)
        lab.killed += 1


@scenario(terminal=True)
def project_scope_with_approval(lab: Lab) -> None:
    shutil.copy(CHECKOUT / "examples" / ".mcp.json", lab.project)
    (lab.project / ".claude").mkdir()
    shutil.copy(CHECKOUT / "examples" / "settings.json", lab.project / ".claude")
    lab.onboard(trusted=False)
    lab.api.play(does(tool("mcp__activity__get_context")), says("Approved."))
    with Terminal(lab, mode="default") as terminal:
        terminal.wait_for("trust")
        terminal.choose("Yes, I trust", "New MCP server", "new MCP server")
        terminal.choose("Use this", "? for shortcuts")
        terminal.ask("look")
        if "Approved." not in terminal.wait_for("Approved.", "Do you want to proceed"):
            terminal.answer("Enter", "Approved.")
        terminal.leave()
