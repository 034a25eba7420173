"""Scenarios of several processes that have one session open at the same time."""

from __future__ import annotations

from claude_client.interactive import ready
from claude_client.lab import TIMEOUT_S, Lab
from claude_client.printed import SLEEP
from claude_client.scenario import Outcome, scenario
from claude_client.script import bash, does, says
from claude_client.terminal import Terminal


def _each_end_has_its_start(outcome: Outcome) -> None:
    ends = [row.id for row in outcome.lab.rows() if row.kind == "end"]
    outcome.expect(
        len(set(ends)) == outcome.lab.ended, f"{outcome.lab.ended} processes ended, and {len(set(ends))} ends are recorded"
    )


@scenario()
def resumed_in_two_processes_at_once(lab: Lab) -> None:
    """The second is there before the first ends, and works on when that has ended."""
    lab.product("install")
    lab.api.play(says("First answer."))
    session = lab.ask("first prompt").result["session_id"]
    lab.api.play(
        a=[does(bash(SLEEP.format(6))), says("A is done.")],
        b=[does(bash(SLEEP.format(12))), says("B is done.")],
    )
    for process in [lab.begin(f"[[script:{name}]] work {name}", "--resume", session) for name in ("a", "b")]:
        process.communicate(timeout=TIMEOUT_S)
        lab.ended += 1


resumed_in_two_processes_at_once.checks.append(_each_end_has_its_start)


@scenario(terminal=True)
def resumed_in_two_terminals_at_once(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(says("First answer."))
    session = lab.ask("first prompt").result["session_id"]
    lab.api.play(a=[says("A is done.")], b=[says("B is done.")])
    lab.onboard()
    options = ("--resume", session)
    with Terminal(lab, *options, mode="default") as first, Terminal(lab, *options, mode="default") as second:
        for terminal in (first, second):
            terminal.wait_until_ready()
        first.ask("[[script:a]] work a", "A is done.")
        second.ask("[[script:b]] work b", "B is done.")
        first.leave()
        second.leave()


resumed_in_two_terminals_at_once.checks.append(_each_end_has_its_start)


@scenario(terminal=True)
def a_terminal_and_a_print_in_one_session(lab: Lab) -> None:
    """The one that began last ends first."""
    lab.product("install")
    lab.api.play(says("First answer."), says("Second answer."), says("Third answer."))
    with ready(lab) as terminal:
        terminal.ask("first prompt", "First answer.")
        terminal.wait_until_idle()
        lab.ask("second prompt", "-c")
        terminal.ask("third prompt", "Third answer.")
        terminal.leave()


a_terminal_and_a_print_in_one_session.checks.append(_each_end_has_its_start)
