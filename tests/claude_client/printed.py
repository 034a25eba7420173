"""Scenarios of ``claude -p``."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from claude_client.lab import TIMEOUT_S, Lab
from claude_client.scenario import CHECKOUT, Outcome, scenario
from claude_client.script import agent, bash, does, fails, says, tool

NOTEBOOK = json.dumps({
    "cells": [{"cell_type": "code", "id": "c1", "metadata": {}, "outputs": [], "execution_count": None, "source": ["x=1"]}],
    "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
})  # fmt: skip
SLEEP = "python3 -c 'import time; time.sleep({})'"  # the client refuses a plain long sleep
FULL = {
    "input_tokens": 990_000, "output_tokens": 50, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
}  # fmt: skip
"""The usage of a context window that is nearly full."""


@scenario(short=True)
def parallel_and_failing_tools(lab: Lab) -> None:
    lab.product("install")
    readme = str(lab.project / "README.md")
    lab.api.play(
        says("Three at once.", bash("echo a"), bash("cat nonexist"), tool("Read", file_path=readme), thinking="hm"),
        says("Both failed."),
    )
    lab.ask("look around")


@scenario()
def files_and_notebooks(lab: Lab) -> None:
    lab.product("install")
    text, notebook = str(lab.project / "new.txt"), str(lab.project / "nb.ipynb")
    lab.api.play(
        does(tool("Write", file_path=text, content="one\ntwo\n"), tool("Write", file_path=notebook, content=NOTEBOOK)),
        does(tool("Read", file_path=text), tool("Read", file_path=notebook)),
        does(
            tool("Edit", file_path=text, old_string="two", new_string="2\n3"),
            tool("NotebookEdit", notebook_path=notebook, cell_id="c1", new_source="x=2\ny=3"),
        ),
        says("Written."),
    )
    lab.ask("write them")


@scenario()
def calls_the_client_refuses(lab: Lab) -> None:
    lab.product("install")
    readme = str(lab.project / "README.md")
    question = {"question": "Which?", "header": "Q", "multiSelect": False, "options": [{"label": "A", "description": "a"}, {"label": "B", "description": "b"}]}  # fmt: skip
    lab.api.play(
        does(tool("Read", file_path=readme)),
        does(
            tool("Edit", file_path=readme, old_string="not there", new_string="x"),
            tool("NoSuchTool", a=1),
            tool("Bash", description="no command"),
            bash("echo fine"),
        ),
        does(tool("AskUserQuestion", questions=[question])),
        says("All were refused."),
    )
    lab.ask("try them")


def _deny(settings: dict[str, object]) -> None:
    settings["permissions"] = {"deny": ["Bash(rm:*)", "Write(secret.txt)"]}


@scenario(short=True)
def calls_a_rule_denies(lab: Lab) -> None:
    lab.product("install")
    lab.edit_settings(_deny)
    lab.api.play(
        does(bash("rm -rf build"), tool("Write", file_path=str(lab.project / "secret.txt"), content="x"), bash("echo fine")),
        says("Two were denied."),
    )
    lab.ask("tidy up", mode="default")


def _denied_are_no_failures(outcome: Outcome) -> None:
    outcome.expect(not outcome.calls_failed("rm -rf build"), "the context calls a denied command a failed one")
    outcome.expect("rm -rf build" in json.dumps(outcome.context["refused"]), "the context does not name a denied command")


calls_a_rule_denies.checks.append(_denied_are_no_failures)


@scenario()
def sql_in_bash(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        does(
            bash("sqlite3 x.db \"SELECT 1; INSERT INTO t VALUES (1)\""),
            bash("psql -h localhost -c 'SELECT count(*) FROM users'"),
            bash("duckdb x.duckdb \"SELECT 42\" || true"),
            bash("snow sql -q 'select current_user()'"),
        ),
        says("Asked the databases."),
    )  # fmt: skip
    lab.ask("ask the databases")


def _one_failure_takes_one_place(outcome: Outcome) -> None:
    places = [error for error in outcome.context["recent_errors"] if "FROM users" in json.dumps(error)]
    outcome.expect(len(places) <= 1, f"one failed statement takes {len(places)} places among the recent errors")


sql_in_bash.checks.append(_one_failure_takes_one_place)


@scenario()
def its_own_tools(lab: Lab) -> None:
    lab.product("install")
    logged = {"event_name": "tool_event", "features": {"tool_name": "deploy", "success": True}}
    lab.api.play(
        does(bash(SLEEP.format(4))),  # the server may still be starting
        does(
            tool("mcp__activity__log_event", **logged),
            tool("mcp__activity__log_event", event_name="nonsense", features={}),
            tool("mcp__activity__query", sql="SELECT COUNT(*) AS n FROM VW_TOOL_EVENTS"),
            tool("mcp__activity__query", sql="DROP TABLE x"),
        ),
        says("Logged it."),
    )
    lab.ask("log it")


@scenario()
def subagents_in_the_foreground_and_nested(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        says(
            "I delegate.",
            agent("first", run_in_background=False),
            agent("second", run_in_background=False, subagent_type="Explore", model="haiku"),
        ),
        says("FINAL: both have looked."),
        first=[says("I look.", bash("ls"), tool("mcp__activity__get_context")), says("First result.")],
        second=[
            says("I look too.", bash("cat nonexist"), agent("third", "deeper", run_in_background=False)),
            says("Second result."),
        ],
        third=[does(bash("echo deep")), says("Third result.")],
    )
    lab.ask("delegate")


@scenario()
def subagent_in_the_background(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        says("I delegate.", agent("first")),
        says("I wait for the agent."),
        says("FINAL: the agent has looked."),
        first=[says("I look.", bash(SLEEP.format(2))), says("First result.")],
    )
    lab.ask("delegate")


@scenario()
def command_in_the_background(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        does(bash(f"{SLEEP.format(1)}; echo over", run_in_background=True)),
        does(bash(SLEEP.format(3))),
        says("It is over."),
    )
    lab.ask("run it meanwhile")


@scenario()
def skill_and_tool_search(lab: Lab) -> None:
    lab.product("install")
    skill = lab.project / ".claude" / "skills" / "hello" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("---\nname: hello\ndescription: says hello\n---\nSay hello.\n")
    lab.api.play(
        does(tool("Skill", skill="hello", args="x"), tool("ToolSearch", query="select:WebFetch", max_results=3)),
        says("Hello."),
    )
    lab.ask("say hello")


@scenario()
def errors_that_are_retried(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        fails(429, retry_after_s=1),
        fails(529),
        says("After two tries.", bash("echo x")),
        says("partial", cut=True),
        fails(500),
        says("Recovered."),
    )
    lab.ask("try it")


@scenario(short=True)
def a_turn_that_fails(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(says("I begin.", bash("echo x")), fails(400, "bad request: made up"))
    lab.ask("fail, please")


@scenario()
def a_subagent_that_fails(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        does(agent("first", run_in_background=False)),
        says("The agent has failed."),
        first=[says("I look.", bash("ls")), fails(400, "bad request: made up")],
    )
    lab.ask("delegate")


_BLOCK = "import sys; sys.exit('never that' if 'rm -rf' in sys.stdin.read() else 0)"


def _block(settings: dict[str, Any]) -> None:
    hook = {"type": "command", "command": f'{sys.executable} -c "{_BLOCK}" || exit 2'}
    settings["hooks"]["PreToolUse"] = [{"matcher": "Bash", "hooks": [hook]}]


@scenario()
def a_call_that_a_persons_hook_blocks(lab: Lab) -> None:
    lab.product("install")
    lab.edit_settings(_block)
    lab.api.play(does(bash("rm -rf build"), bash("echo fine")), says("One was blocked."))
    lab.ask("tidy up")


@scenario()
def prompts_as_a_stream(lab: Lab) -> None:
    """As the SDK sends them: several turns in one process, two of them with the same words."""
    lab.product("install")
    lab.api.play(does(bash("echo one")), says("First answer."), says("Second answer."), says("Third answer."))
    lab.ask_in_turn("continue", "and now that", "continue")


@scenario()
def retries_that_are_used_up(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(says("I begin.", bash("echo x")), fails(529))
    lab.ask("fail, please", environ={"CLAUDE_CODE_MAX_RETRIES": "1"})


@scenario(short=True)
def one_session_after_another(lab: Lab) -> None:
    lab.product("install")
    for count in range(3):
        lab.api.play(does(bash("echo one")), says(f"Done {count}."))
        lab.ask(f"prompt {count}")


@scenario()
def continued_forked_and_resumed(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        says("First answer."),
        does(bash("echo continued")),
        says("Second answer."),
        says("Forked answer."),
        says("Resumed answer."),
    )
    session = lab.ask("first prompt").result["session_id"]
    lab.ask("second prompt", "-c")
    lab.ask("third prompt", "-c", "--fork-session")
    lab.ask("fourth prompt", "--resume", session)


@scenario()
def another_model(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(says("One."), says("Two."))
    lab.ask("first prompt", "--model", "claude-sonnet-4-6")
    lab.ask("second prompt", "-c", "--model", "claude-haiku-4-5")


@scenario()
def two_sessions_at_once(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        a=[does(bash("echo a; sleep 1"), tool("mcp__activity__get_context")), says("A is done.")],
        b=[does(bash("echo b; sleep 1")), says("B is done.")],
    )
    for process in [lab.begin(f"[[script:{name}]] work {name}") for name in ("a", "b")]:
        process.communicate(timeout=TIMEOUT_S)
        lab.ended += 1


@scenario()
def a_worktree(lab: Lab) -> None:
    lab.product("install")
    tree = lab.directory / "tree"
    lab.run("git", "worktree", "add", "-q", "-b", "feature", str(tree))
    lab.api.play(does(bash("pwd"), tool("Write", file_path=str(tree / "w.txt"), content="w\n")), says("Worked in the tree."))
    lab.ask("work in the tree", cwd=tree)


def _is_one_project(outcome: Outcome) -> None:
    projects = {row.project for row in outcome.lab.rows()}
    outcome.expect(projects == {str(outcome.lab.project)}, f"recorded in the projects {projects}")


a_worktree.checks.append(_is_one_project)


def _kill_in_a_call(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(does(bash("echo before")), says("I begin.", bash(SLEEP.format(60))), says("After the kill."))
    process = lab.begin("work that is killed")
    lab.api.wait_for(lambda requests: len(requests) == 2 and requests[1].is_complete)
    _wait_for_call(lab, "time.sleep(60)")
    lab.kill(process)


def _wait_for_call(lab: Lab, text: str) -> None:
    """Until the transcript holds the call: the client writes it as it comes."""
    end = time.monotonic() + TIMEOUT_S
    while text not in "".join(path.read_text() for path in lab.transcripts()):
        assert time.monotonic() < end, f"{text} reached no transcript"
        time.sleep(0.1)


@scenario()
def killed(lab: Lab) -> None:
    _kill_in_a_call(lab)


@scenario()
def killed_and_resumed(lab: Lab) -> None:
    _kill_in_a_call(lab)
    lab.ask("go on", "-c")
    lab.killed -= 1  # its session went on


@scenario()
def automatic_compaction(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        says("Big.", bash("echo big"), usage=FULL),
        says("Small again."),
    )
    lab.ask("make it big")
    lab.started += sum(request.kind == "compaction" for request in lab.api.requests)


def _add_plugin(lab: Lab) -> None:
    for command in (("marketplace", "add", str(CHECKOUT)), ("install", "activity-mcp@activity-mcp")):
        lab.run(str(lab.claude), "plugin", *command)


_PLUGIN_SCRIPT = (
    does(bash(SLEEP.format(4))),
    does(tool("mcp__plugin_activity-mcp_activity__get_context"), bash("echo plugin"), bash("cat nonexist")),
    says("Done by plugin."),
)


@scenario()
def the_plugin(lab: Lab) -> None:
    _add_plugin(lab)
    lab.api.play(*_PLUGIN_SCRIPT)
    lab.ask("work with the plugin")


@scenario()
def plugin_and_settings_together(lab: Lab) -> None:
    _add_plugin(lab)
    lab.product("install")
    lab.api.play(*_PLUGIN_SCRIPT)
    lab.ask("work with both")


@scenario()
def plugin_and_settings_resumed(lab: Lab) -> None:
    """Each start is reported twice, and two of them have the same payload where the client says no more than "resume"."""
    _add_plugin(lab)
    lab.product("install")
    lab.api.play(says("First answer."), says("Second answer."), says("Third answer."))
    session = lab.ask("first prompt").result["session_id"]
    lab.ask("second prompt", "--resume", session)
    lab.ask("third prompt", "--resume", session)
