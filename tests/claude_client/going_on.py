"""Scenarios of sessions that go on: after an interrupt, by forks of forks, from an earlier prompt, elsewhere."""

from __future__ import annotations

import os
import signal
import time

from claude_client.interactive import LONG, ready
from claude_client.lab import Lab
from claude_client.printed import SLEEP
from claude_client.scenario import Outcome, scenario
from claude_client.script import bash, does, says, tool


@scenario(terminal=True)
def resumed_after_an_interrupt(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(says("First answer."), says(LONG, hold_s=60), says("Resumed."), says("Resumed again."))
    with ready(lab) as terminal:
        terminal.ask("first prompt", "First answer.")
        terminal.ask("a long one")
        time.sleep(2)  # its text is shown only when the answer is whole
        terminal.answer("Escape", "Interrupted")
        terminal.leave()
    lab.ask("go on", "-c")
    lab.ask("and on", "-c")


@scenario()
def a_fork_of_a_fork(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(says("First answer."), does(bash("echo forked")), says("Forked."), says("Forked twice."), says("Resumed."))
    first = lab.ask("first prompt").result["session_id"]
    second = lab.ask("second prompt", "--resume", first, "--fork-session").result["session_id"]
    lab.ask("third prompt", "--resume", second, "--fork-session")
    lab.ask("fourth prompt", "--resume", first)


def _are_three_sessions(outcome: Outcome) -> None:
    found = {row.session for row in outcome.lab.rows() if row.kind == "start"}
    outcome.expect(len(found) == 3, f"three sessions, recorded {len(found)}")


a_fork_of_a_fork.checks.append(_are_three_sessions)


@scenario(terminal=True)
def gone_back_to_an_earlier_prompt(lab: Lab) -> None:
    """Esc twice: the conversation goes on from there, beside what followed it before."""
    lab.product("install")
    lab.api.play(says("First answer."), says("Second answer."), does(bash("echo back")), says("Another second answer."))
    with ready(lab) as terminal:
        terminal.ask("first prompt", "First answer.")
        terminal.ask("second prompt", "Second answer.")
        terminal.wait_until_idle()
        terminal.enter("/rewind")
        terminal.wait_for("Enter to continue", "restore")
        terminal.press("Up")
        terminal.wait_until_idle()
        terminal.answer("Enter", "Restore conversation", "Restore the conversation", "conversation")
        terminal.choose("Restore conversation", "second prompt")
        terminal.wait_until_idle()
        terminal.press("C-u")
        terminal.ask("another second prompt", "Another second answer.")
        terminal.leave()


@scenario(terminal=True)
def a_terminal_that_is_closed(lab: Lab) -> None:
    """SIGHUP while a command runs. Its end may be reported, as Claude Code still runs hooks then."""
    lab.product("install")
    lab.api.play(says("First answer."), does(bash(SLEEP.format(40))))
    with ready(lab) as terminal:
        terminal.ask("first prompt", "First answer.")
        terminal.ask("second prompt", "time.sleep(40)")
        time.sleep(2)
        os.kill(terminal.pid, signal.SIGHUP)
        terminal.wait_until_over()
        lab.ended -= 1
        lab.hung_up += 1
        lab.left += 1


@scenario()
def another_folder_in_the_middle(lab: Lab) -> None:
    """``cd`` in a command moves Claude Code's own folder; the project stays the session's."""
    lab.product("install")
    (lab.project / "deep").mkdir()
    lab.api.play(
        does(bash("cd deep && pwd")),
        does(bash("pwd"), tool("Write", file_path=str(lab.project / "deep" / "x"), content="x")),
        says("Moved."),
    )
    session = lab.ask("move").result["session_id"]
    lab.api.play(does(bash("cd /tmp && pwd")), does(bash("pwd")), says("Moved again."))
    lab.ask("move again", "--resume", session)


@scenario()
def another_worktree_in_the_middle(lab: Lab) -> None:
    """EnterWorktree makes one and moves the session there."""
    lab.product("install")
    lab.api.play(
        does(tool("EnterWorktree", name="feature")),
        does(bash("pwd"), bash("git branch --show-current")),
        does(tool("ExitWorktree", action="keep")),
        says("Back again."),
    )
    lab.ask("work in a tree of its own")


def _is_one_project(outcome: Outcome) -> None:
    projects = {row.project for row in outcome.lab.rows()}
    outcome.expect(projects == {str(outcome.lab.project)}, f"recorded in the projects {projects}")


another_folder_in_the_middle.checks.append(_is_one_project)
another_worktree_in_the_middle.checks.append(_is_one_project)


@scenario(terminal=True)
def a_name_by_hand(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(says("First answer."), says("Second answer."))
    with ready(lab) as terminal:
        terminal.ask("first prompt", "First answer.")
        terminal.wait_until_idle()
        terminal.enter("/rename the-shop")
        terminal.wait_for("renamed", "Renamed")
        terminal.ask("second prompt", "Second answer.")
        terminal.leave()


def _has_its_title(outcome: Outcome) -> None:
    titles = [
        str(row.features) for row in outcome.lab.rows() if row.event == "session_event" and "the-shop" in str(row.features)
    ]
    outcome.expect(bool(titles), "the name that a person gave the session is recorded nowhere")


a_name_by_hand.checks.append(_has_its_title)


@scenario(terminal=True)
def left_by_keys(lab: Lab) -> None:
    """Ctrl+C twice, and in a second process Ctrl+D twice."""
    lab.product("install")
    lab.api.play(says("First answer."), says("Second answer."))
    for key, prompt, answer in (("C-c", "first prompt", "First answer."), ("C-d", "second prompt", "Second answer.")):
        with ready(lab) as terminal:
            terminal.ask(prompt, answer)
            terminal.wait_until_idle()
            for _ in range(2):
                terminal.press(key)
                time.sleep(0.3)
            terminal.wait_until_over()
