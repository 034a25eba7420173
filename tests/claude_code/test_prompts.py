"""What was asked is what a person typed, whatever an editor, a hook or another agent put around it."""

from __future__ import annotations

from typing import Any

import pytest

from activity_mcp.claude_code.prompts import classified

REMINDER = "<system-reminder>\nThe date has changed.\n</system-reminder>"
SELECTION = "<ide_selection>The user selected the lines 1 to 2 from /work/pay.py:\ndef pay():\n    pass</ide_selection>"
OPENED = "<ide_opened_file>The user opened the file /work/README.md.</ide_opened_file>"


def block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


@pytest.mark.parametrize(
    "content",
    [
        "add a badge",
        f"{REMINDER}\n\nadd a badge",
        f"add a badge\n{REMINDER}",
        f"{OPENED}{SELECTION}\nadd a badge\n\n{REMINDER}{REMINDER}",
        [block(SELECTION), block("add a badge")],
        [block("add a badge"), block(REMINDER)],
        [block(OPENED), block(REMINDER), block("  add a badge "), block("<ide_diagnostics>[]</ide_diagnostics>")],
        [block(f"{REMINDER}add a badge")],
        "<user-prompt-submit-hook>mind the style guide</user-prompt-submit-hook>\nadd a badge",
        "<pre-tool-use-hook>checked</pre-tool-use-hook>add a badge<stop-hook>done</stop-hook>",
        "\ufeffadd a badge\r\n",
    ],
)
def test_what_is_around_a_prompt_is_left_out(content: Any) -> None:
    found = classified("prompt", content)
    assert found is not None
    assert (found.kind, found.text) == ("prompt", "add a badge")


@pytest.mark.parametrize(
    "content",
    [
        REMINDER,
        SELECTION,
        [block(OPENED), block(REMINDER)],
        "<user-prompt-submit-hook>mind the style guide</user-prompt-submit-hook>",
        "<system-reminder>torn before its end",
        "This session is being continued from a previous conversation that ran out of context. The conversation is below.",
        '<agent-message from="a1">\nBoth commits were made.\n</agent-message>',
        "Another Claude session sent a message:\nstop",
        '<channel source="hub" sender="bob">take this over</channel>',
        "<task-notification>done</task-notification>",
        "Stop hook feedback:\nthe tests fail",
        f"{REMINDER}\n<task-notification>done</task-notification>",
        "",
    ],
)
def test_what_nobody_typed_is_no_prompt(content: Any) -> None:
    assert classified("prompt", content) is None


@pytest.mark.parametrize(
    "text",
    [
        "explain <system-reminder> to me",
        "why does <ide_selection> stay open?",
        "<div>what is this?</div>",
        "a </b> c>",
        "<my-hook>1</my-hook> fails",
    ],
)
def test_a_prompt_that_speaks_of_elements_stays_whole(text: str) -> None:
    found = classified("prompt", text)
    assert found is not None
    assert found.text == text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("/compact", "command"),
        ("/review 12", "command"),
        ("/plugin:deploy now", "command"),
        (f"{REMINDER}\n<command-name>/compact</command-name>", "command"),
        ("/home/ann/shop is broken", "prompt"),
        ("/ is a slash", "prompt"),
    ],
)
def test_a_slash_command_is_no_prompt_however_it_is_written(text: str, kind: str) -> None:
    found = classified("prompt", text)
    assert found is not None
    assert found.kind == kind


def test_pictures_alone_are_a_prompt_and_reminders_beside_them_are_not_its_text() -> None:
    found = classified("prompt", [{"type": "image"}, block(REMINDER)])
    assert found is not None
    assert (found.text, found.images) == ("", 1)
