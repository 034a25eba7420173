"""Scenarios of ``claude -p`` that come to a limit: of turns, of tokens, of what an answer may hold."""

from __future__ import annotations

import json

from claude_client.lab import TIMEOUT_S, Lab
from claude_client.printed import SLEEP
from claude_client.scenario import scenario
from claude_client.script import bash, does, fails, says, tool


@scenario()
def no_more_turns(lab: Lab) -> None:
    """``--max-turns``: the process ends behind a call."""
    lab.product("install")
    lab.api.play(says("I begin.", bash("echo one")), says("I go on.", bash("echo two")), says("Never said."))
    session = lab.ask("work", "--max-turns", "1").result["session_id"]
    lab.left += 1
    lab.api.play(says("Resumed."))
    lab.ask("go on", "--resume", session)


@scenario()
def an_answer_that_is_too_long(lab: Lab) -> None:
    """``max_tokens``: Claude Code asks for the rest itself, and the turn ends with that."""
    lab.product("install")
    lab.api.play(says("The first half of it", stop="max_tokens"), says("the second half.", bash("echo x")), says("All of it."))
    lab.ask("write much")


@scenario()
def an_answer_that_is_refused(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(says("I", stop="refusal"), says("Second answer."))
    session = lab.ask("first prompt").result["session_id"]
    lab.ask("second prompt", "--resume", session)


@scenario()
def an_answer_without_a_word(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(does(bash("echo x")), says("", thinking="nothing to add"), says("Second answer."))
    session = lab.ask("first prompt").result["session_id"]
    lab.ask("second prompt", "--resume", session)


@scenario()
def results_that_are_very_long(lab: Lab) -> None:
    """Claude Code keeps them in files of their own, and the transcript holds where."""
    lab.product("install")
    (lab.project / "large.txt").write_text("".join(f"line {n} of a large file\n" for n in range(30_000)))
    lab.api.play(
        does(bash("seq 1 200000"), bash("seq 1 200000; exit 3"), tool("Read", file_path=str(lab.project / "large.txt"))),
        says("Both are long."),
    )
    lab.ask("print much")


@scenario()
def a_command_that_takes_too_long(lab: Lab) -> None:
    """Newer versions then let it run in the background."""
    lab.product("install")
    lab.api.play(does(bash(SLEEP.format(6), timeout=2000)), does(bash("echo after")), says("It took too long."))
    lab.ask("wait for it")


@scenario()
def another_model_where_the_first_is_overloaded(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(does(bash("echo x")), fails(529), fails(529), fails(529), fails(529), says("By another model."))
    lab.ask("try it", "--model", "claude-opus-4-8", "--fallback-model", "claude-sonnet-4-6")


@scenario()
def an_answer_in_a_given_form(lab: Lab) -> None:
    lab.product("install")
    form = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}
    lab.api.play(does(bash("echo x")), does(tool("StructuredOutput", colour="red")), says("It is red."))
    lab.ask("which colour?", "--json-schema", json.dumps(form))


@scenario()
def words_on_standard_input(lab: Lab) -> None:
    """``git diff | claude -p "review this"``: one prompt of both."""
    lab.product("install")
    lab.api.play(says("Reviewed."))
    process = lab.begin("review this", piped=True)
    process.communicate("+ a line\n- another\n", timeout=TIMEOUT_S)
    lab.ended += 1
    lab.asked[-1] = "review this\n+ a line\n- another"


@scenario()
def a_command_instead_of_a_prompt(lab: Lab) -> None:
    """It is no prompt; the second one is a prompt that begins with a path."""
    lab.product("install")
    lab.api.play(says("First answer."), says("Second answer."))
    session = lab.ask("first prompt").result["session_id"]
    lab.ask("/context", "--resume", session)
    lab.asked.pop()
    lab.ask("/etc/hosts has which lines?", "--resume", session)
