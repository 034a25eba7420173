"""Which commit a command made, by the subject it was given."""

from __future__ import annotations

import pytest

from activity_mcp.context.attempts import Attempts, Merged
from activity_mcp.context.commits import MAX_SUBJECT, subject_of
from activity_mcp.context.tried import Tried
from activity_mcp.context.values import as_text


@pytest.mark.parametrize(
    ("command", "subject"),
    [
        ("git commit -m 'Fix it'", "Fix it"),
        ('git add -A && git commit -am "Say \\"no\\" more" && git push', 'Say "no" more'),
        ("cd /r && git -C /r -c a=b commit -q -m \"$(cat <<'EOF'\nFix the loader\n\nbody\nEOF\n)\"", "Fix the loader"),
        ("git commit --message='x y'", "x y"),
        ('git commit -m"tight"', "tight"),
        ("git commit -m word && x", "word"),
        ('git commit --allow-empty-message -m "A"', "A"),
        ('git commit -m "\n\n  the first line that says something\nmore"', "the first line that says something"),
        ('git commit -m "cut in the mid', "cut in the mid"),
        ("git commit -m " + "x" * 500, "x" * MAX_SUBJECT),
        ("git commit --amend --no-edit && python -m pytest", None),
        ("git commit", None),
        ("git commit -F message.txt", None),
        ("git log --grep commit -m", None),
        ("gitk commit -m x", None),
        ("echo git-commit -m x", None),
        ("git commit -m ''", None),
        ("git commit -m", None),
        ("", None),
    ],
)
def test_the_subject_is_what_the_command_gave(command: str, subject: str | None) -> None:
    assert subject_of(command) == subject


def test_commits_are_reported_newest_first_an_amended_one_once_and_none_that_failed() -> None:
    def ran(command: str, at: str, outcome: str = "ok") -> Tried:
        return Tried(f"Bash {as_text(command)}", outcome, f"2026-11-0{at}T10:00:00.000000Z", "s", took="", error="")

    calls = [
        ran("git commit -m 'One'", "1"), ran("git commit -m 'Two'", "2"), ran("git commit -m 'Three'", "3", "failed"),
        ran("git commit --amend -m 'One'", "4"), ran("make test", "5"),
    ]  # fmt: skip
    made = Attempts(Merged([]).with_calls(calls)).commits()
    assert [(subject, at[:10]) for subject, at in made] == [("One", "2026-11-04"), ("Two", "2026-11-02")]
