"""Scenarios of what sessions do less often: plans, lists of tasks, pictures, servers of others, folders with any name."""

from __future__ import annotations

import base64
import json
import sys
import time
import zlib

from claude_client.interactive import ready
from claude_client.lab import Lab
from claude_client.printed import SLEEP
from claude_client.scenario import Outcome, scenario
from claude_client.script import agent, bash, does, fails, says, tool

_LIMITS = {
    "anthropic-ratelimit-unified-status": "allowed",
    "anthropic-ratelimit-unified-representative-claim": "five_hour",
    "anthropic-ratelimit-unified-5h-status": "allowed",
    "anthropic-ratelimit-unified-5h-utilization": "0.61",
    "anthropic-ratelimit-unified-7d-status": "allowed",
    "anthropic-ratelimit-unified-7d-utilization": "0.12",
}
_SERVER = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    method, number = asked.get("method"), asked.get("id")
    if number is None:
        continue
    schema = {"type": "object", "properties": {"how": {"type": "string"}}}
    answers = {
        "initialize": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "other", "version": "1"}},
        "tools/list": {"tools": [{"name": "try", "description": "tries", "inputSchema": schema}]},
    }
    if method == "tools/call":
        how = asked["params"]["arguments"].get("how")
        if how == "die":
            sys.exit(1)
        if how == "error":
            answer = {"error": {"code": -32603, "message": "made up"}}
        else:
            answer = {"result": {"content": [{"type": "text", "text": "tried"}], "isError": how == "fail"}}
    elif method in answers:
        answer = {"result": answers[method]}
    else:
        answer = {"error": {"code": -32601, "message": "not found"}}
    print(json.dumps({"jsonrpc": "2.0", "id": number, **answer}), flush=True)
"""


def _picture() -> bytes:
    """One red point: https://www.w3.org/TR/png-3/"""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = (1).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")


_PDF = base64.b64decode(
    "JVBERi0xLjEKMSAwIG9iajw8L1R5cGUvQ2F0YWxvZy9QYWdlcyAyIDAgUj4+ZW5kb2JqCjIgMCBvYmo8PC9UeXBlL1BhZ2VzL0tpZHNbMyAwIFJdL0NvdW50"
    "IDE+PmVuZG9iagozIDAgb2JqPDwvVHlwZS9QYWdlL1BhcmVudCAyIDAgUi9NZWRpYUJveFswIDAgOSA5XT4+ZW5kb2JqCnRyYWlsZXI8PC9Sb290IDEgMCBS"
    "Pj4K"
)


@scenario()
def pictures_and_documents(lab: Lab) -> None:
    lab.product("install")
    picture, document = lab.project / "point.png", lab.project / "paper.pdf"
    picture.write_bytes(_picture())
    document.write_bytes(_PDF)
    lab.api.play(
        does(tool("Read", file_path=str(picture)), tool("Read", file_path=str(document))),
        does(tool("Read", file_path=str(lab.project / "nothing.png"))),
        says("Looked at them."),
    )
    lab.ask("look at them")


@scenario()
def a_list_of_tasks(lab: Lab) -> None:
    """Which of these tools there are depends on the version: one that is not there is refused."""
    lab.product("install")
    todo = {"content": "one", "status": "in_progress", "activeForm": "doing one"}
    lab.api.play(
        does(tool("TodoWrite", todos=[todo]), tool("TaskCreate", subject="one", description="first", activeForm="doing one")),
        does(tool("TaskUpdate", taskId="1", status="completed"), tool("TaskList")),
        says("Listed."),
    )
    lab.ask("plan it")


@scenario(terminal=True)
def a_plan_that_is_approved(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        says("I plan it.", tool("ExitPlanMode", plan="# The plan\n\n1. Do it.\n")),
        says("It is done.", bash("echo planned")),
        says("All of the plan is done."),
    )
    with ready(lab, mode="plan") as terminal:
        terminal.ask("plan it", "Would you like to proceed", "Ready to code", "Exit plan mode?")
        terminal.answer("Enter", "All of the plan is done.", "Do you want to proceed")
        if "Do you want to proceed" in terminal.screen():
            terminal.answer("Enter", "All of the plan is done.")
        terminal.leave()


@scenario()
def a_server_of_others_that_fails(lab: Lab) -> None:
    lab.product("install")
    program = lab.directory / "other.py"
    program.write_text(_SERVER)
    settings = {"mcpServers": {"other": {"type": "stdio", "command": sys.executable, "args": [str(program)]}}}
    given = lab.directory / "servers.json"
    given.write_text(json.dumps(settings))
    lab.api.play(
        does(bash(SLEEP.format(3))),  # the server may still be starting
        does(tool("mcp__other__try", how="well"), tool("mcp__other__try", how="fail")),
        does(tool("mcp__other__try", how="error")),
        does(tool("mcp__other__try", how="die")),
        says("Tried it all."),
    )
    lab.ask("try it", "--mcp-config", str(given))


@scenario()
def a_stream_cut_inside_a_call(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        says("I begin.", bash("echo never"), cut_in_call=True),
        fails(529),
        says("I begin again.", bash("echo once")),
        says("Recovered."),
    )
    lab.ask("try it")


@scenario()
def agents_in_parallel_that_delegate_further(lab: Lab) -> None:
    lab.product("install")
    deeper = [does(bash("echo deep")), says("Deep result.")]
    lab.api.play(
        does(*(agent(f"outer{n}", f"look {n}", run_in_background=False) for n in range(3))),
        says("FINAL: all have looked."),
        **{
            f"outer{n}": [does(agent(f"inner{n}", f"deeper {n}", run_in_background=False)), says(f"Result {n}.")]
            for n in range(3)
        },
        **{f"inner{n}": deeper for n in range(3)},
    )
    lab.ask("delegate")


@scenario(short=True)
def a_folder_with_any_name(lab: Lab) -> None:
    lab.move_project("Grüße & 日本 's")
    lab.product("install")
    made = str(lab.project / "neue Datei – ñ.txt")
    lab.api.play(does(tool("Write", file_path=made, content="ä\n"), bash("ls && cat nonexist")), says("Geschrieben: 日本."))
    lab.ask("schreibe „etwas“ 🙂")


def _has_its_project(outcome: Outcome) -> None:
    projects = {row.project for row in outcome.lab.rows()}
    outcome.expect(projects == {str(outcome.lab.project)}, f"recorded in the projects {projects}")


a_folder_with_any_name.checks.append(_has_its_project)


@scenario(terminal=True)
def a_command_that_outlives_its_session(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(
        does(bash(f"{SLEEP.format(30)}; echo over", run_in_background=True)),
        says("It runs."),
        says("It runs."),  # older versions let the model answer that it was stopped, where they take the time
    )
    with ready(lab) as terminal:
        terminal.ask("run it meanwhile", "It runs.")
        terminal.leave()


@scenario(terminal=True, since="2.1.332")
def another_model_in_the_middle_of_a_turn(lab: Lab) -> None:
    lab.product("install")
    lab.api.play(says("I begin.", bash(SLEEP.format(6))), says("First answer."), says("Second answer."))
    with ready(lab) as terminal:
        terminal.ask("first prompt", "time.sleep(6)")
        terminal.enter("/model sonnet")
        if "Switch model?" in terminal.wait_for("Set model", "Switch model?", "First answer."):
            terminal.answer("Enter", "Set model")
        terminal.wait_for("First answer.")
        terminal.ask("second prompt", "Second answer.")
        terminal.leave()


@scenario(terminal=True)
def the_status_line(lab: Lab) -> None:
    """The client shows limits to those who pay by subscription: by a token instead of a key."""
    del lab.environ["ANTHROPIC_API_KEY"]
    lab.environ["CLAUDE_CODE_OAUTH_TOKEN"] = "sk-ant-oat01-made-up-for-the-stand-in"
    again = str(int(time.time()) + 3600)
    lab.api.headers = _LIMITS | {f"anthropic-ratelimit-unified-{name}-reset": again for name in ("5h", "7d")}
    lab.product("install", "--statusline")
    lab.api.play(says("First answer.", bash("echo x")), says("Second answer."))
    with ready(lab) as terminal:
        terminal.ask("first prompt", "Second answer.")
        terminal.wait_for("· recording")
        terminal.leave()


def _limits_are_recorded(outcome: Outcome) -> None:
    found = [row.features for row in outcome.lab.rows() if row.kind == "status"]
    used = {name: each["used_percent"] for row in found for name, each in row.get("limits", {}).items()}
    outcome.expect(used == {"five_hour": 61, "seven_day": 12}, f"recorded of the limits {used} in {len(found)} rows")
    outcome.expect(any(row.get("cost_usd") for row in found), "the client's own sum is not recorded")


the_status_line.checks.append(_limits_are_recorded)
