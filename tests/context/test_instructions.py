"""What CLAUDE.md and MEMORY.md say is said once: by them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from activity_mcp.context.instructions import (
    MAX_BYTES,
    NOTHING,
    InstructionFiles,
    Instructions,
    noted_in,
    paths_for,
    read_instructions,
    signature_of,
)
from activity_mcp.context.known import with_instructions

RULES = Instructions([
    "# Rules\n- Run `make test` before you commit.\n- A request is tried **3 times** with growing pauses.\n- Use tabs.\n"
])  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "make test",
        "`make test`",
        "Make  test",
        "A request is tried 3 times with growing pauses",
        "Request is tried 3 times, growing pauses",
    ],
)
def test_word_for_word_or_nearly_is_said(text: str) -> None:
    assert RULES.says(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "...",
        "make test-all",
        "make testing",
        "test make",
        "A request is tried 5 times with growing pauses",
        "Use tabs never",
    ],
)
def test_another_word_or_another_number_is_not(text: str | None) -> None:
    assert not RULES.says(text)
    assert not NOTHING.says(text)


def test_all_the_places_that_claude_code_reads_are_read_and_none_is_written(tmp_path: Path) -> None:
    project, config = tmp_path / "my.project_1", tmp_path / "config"
    slug = str(project).replace("/", "-").replace(".", "-").replace("_", "-")
    places = {
        project / "CLAUDE.md": "alpha one", project / ".claude/CLAUDE.md": "alpha two", project / "CLAUDE.local.md": "alpha three",
        project / "MEMORY.md": "alpha four", project / ".claude/rules/style.md": "alpha five",
        config / "CLAUDE.md": "alpha six", config / "projects" / slug / "memory" / "MEMORY.md": "alpha seven",
    }  # fmt: skip
    for path, text in places.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    before = {path: path.stat().st_mtime_ns for path in places}
    files = InstructionFiles({"CLAUDE_CONFIG_DIR": str(config)})
    found = files.of(str(project))
    assert [text for text in places.values() if not found.says(text)] == []
    assert files.of(str(project)) is found, "what has not changed is not read again"
    (project / "CLAUDE.md").write_text("alpha eight")
    assert files.of(str(project)).says("alpha eight")
    assert not files.of(str(project)).says("alpha one")
    assert {path: path.stat().st_mtime_ns for path in places if path.name != "CLAUDE.md" or path.parent != project} == {
        path: at for path, at in before.items() if path != project / "CLAUDE.md"
    }
    assert not files.of("*").says("alpha two")
    assert str(paths_for("/p", {"HOME": "/h"})[4]) == "/h/.claude/CLAUDE.md"


@pytest.mark.parametrize("content", [b"\xff\xfe broken \x00 bytes make test", b"x" * (MAX_BYTES * 2), b""])
def test_no_file_is_too_broken_or_too_large(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "CLAUDE.md").write_bytes(content)
    (tmp_path / "MEMORY.md").mkdir()
    found = InstructionFiles({"HOME": str(tmp_path)}).of(str(tmp_path))
    assert found.says("make test") == (b"make test" in content)


def test_the_leader_notes_what_a_hook_then_need_not_read_until_a_file_changes(tmp_path: Path) -> None:
    rules = tmp_path / "CLAUDE.md"
    rules.write_text("Run make test. Money is Decimal. The total of orders = 7.5")
    paths = paths_for(str(tmp_path), {"HOME": str(tmp_path)})
    habit = {"ok": 9, "first_ok_at": "2026-11-01T10:00:00.000000Z", "ok_at": "2026-11-02T10:00:00.000000Z 1"}
    blob = with_instructions({
        "attempts": [{"what": "Bash make test", **habit}, {"what": "Bash make lint", **habit}],
        "recent_sessions": [{"session_id": "s", "concluded": "Money is Decimal."}],
        "insights": [{"insight_id": "i", "recorded_at": "2026-11-02T10:00:00.000000Z", "subject": "orders", "metric": "total", "value": 1}],
    }, read_instructions(paths))  # fmt: skip
    noted = noted_in(blob, signature_of(paths))
    assert noted is not None
    assert [text for text in ("make test", "make lint", "Money is Decimal.", "orders total = 1") if noted.says(text)] == [
        "make test",
        "Money is Decimal.",
    ]
    rules.write_text("Something else")
    os.utime(rules, ns=(1, 1))
    assert noted_in(blob, signature_of(paths)) is None
    assert noted_in({"instructions": {"said": 3, "signature": ""}}, "") is None
    assert with_instructions({}, RULES) == {}, "an empty snapshot stays empty"
