"""Scenarios of work in the background: its ends begin turns that nobody typed."""

from __future__ import annotations

import time

from claude_client.interactive import LONG, ready
from claude_client.lab import Lab
from claude_client.printed import SLEEP
from claude_client.scenario import scenario
from claude_client.script import agent, bash, does, says
from claude_client.terminal import Terminal

_IN_BACKGROUND = "run it meanwhile"


def _wait_for_requests(lab: Lab, count: int, script: str = "main") -> None:
    lab.api.wait_for(lambda requests: sum(each.script == script and each.kind == "main" for each in requests) >= count)


@scenario(terminal=True)
def two_ends_that_are_answered_alike(lab: Lab) -> None:
    """Three turns with the same words: one that was asked for, and one for each command that ends."""
    lab.product("install")
    commands = (bash(SLEEP.format(seconds), run_in_background=True) for seconds in (4, 9))
    lab.api.play(does(*commands), says("Fine."))
    with ready(lab) as terminal:
        terminal.ask(_IN_BACKGROUND, "Fine.")
        _wait_for_requests(lab, 4)
        terminal.leave()


@scenario(terminal=True)
def two_ends_in_one_turn(lab: Lab) -> None:
    """Both come while a turn runs: they join it."""
    lab.product("install")
    commands = (bash(SLEEP.format(seconds), run_in_background=True) for seconds in (2, 3))
    lab.api.play(does(*commands), does(bash(SLEEP.format(7))), says("Both are over."))
    with ready(lab) as terminal:
        terminal.ask(_IN_BACKGROUND, "Both are over.")
        terminal.leave()


@scenario(terminal=True)
def escape_in_the_turn_of_a_background_end(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        does(bash(SLEEP.format(4), run_in_background=True)),
        says("It runs."),
        says(LONG, hold_s=60),
        says("After the escape."),
    )
    with ready(lab) as terminal:
        terminal.ask(_IN_BACKGROUND, "It runs.")
        _wait_for_requests(lab, 3)
        time.sleep(2)  # its text is shown only when the answer is whole
        terminal.answer("Escape", "Interrupted")
        terminal.ask("go on", "After the escape.")
        terminal.leave()


@scenario(terminal=True)
def a_prompt_typed_in_the_turn_of_a_background_end(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        does(bash(SLEEP.format(4), run_in_background=True)),
        says("It runs."),
        does(bash(SLEEP.format(6))),
        says("Both are done."),
    )
    with ready(lab) as terminal:
        terminal.ask(_IN_BACKGROUND, "It runs.")
        _wait_for_requests(lab, 3)
        time.sleep(1)  # its call begins
        terminal.queue("and this as well", "Both are done.")
        terminal.leave()


@scenario(terminal=True)
def compacted_while_an_agent_works(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        does(agent("first", run_in_background=True)),
        says("It works."),
        says("Its result is here."),
        first=[does(bash(SLEEP.format(8))), says("First result.")],
    )
    with ready(lab) as terminal:
        terminal.ask("delegate", "It works.")
        _compact(lab, terminal)
        terminal.wait_for("Its result is here.")
        terminal.leave()


def _compact(lab: Lab, terminal: Terminal) -> None:
    terminal.enter("/compact")
    terminal.wait_for("Compacted", "compacted")
    lab.started += 1


@scenario(terminal=True)
def cleared_while_a_command_runs(lab: Lab) -> None:
    """What ends afterwards ends in another session."""
    lab.product("install")
    lab.api.play(
        does(bash(f"{SLEEP.format(12)}; echo over", run_in_background=True)),
        says("It runs."),
        says("Another answer."),
    )
    with ready(lab) as terminal:
        terminal.ask(_IN_BACKGROUND, "It runs.")
        terminal.clear()
        terminal.ask("second prompt", "Another answer.")
        time.sleep(10)
        terminal.leave()


@scenario(terminal=True)
def moved_to_the_background(lab: Lab) -> None:
    """Ctrl+B while a command runs: its call is over, and the turn goes on."""
    lab.product("install")
    lab.api.play(does(bash(SLEEP.format(12))), says("It runs on."), says("It is over."))
    with ready(lab) as terminal:
        terminal.ask("run it", "time.sleep(12)")
        time.sleep(3)  # the call is shown before it runs
        terminal.answer("C-b", "It runs on.")
        terminal.wait_for("It is over.")
        terminal.leave()
