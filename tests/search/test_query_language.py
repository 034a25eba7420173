"""What a person may write, and what no text may do."""

from __future__ import annotations

import pytest

from activity_mcp.errors import InvalidInput
from activity_mcp.language.query_language import MAX_TERMS, parse


def terms(text: str) -> list[str]:
    return [term.shown for term in parse(text).terms]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("coverage report", ["coverage", "report"]),
        ('"exit code 2" migrat*', ["exit code 2", "migrat*"]),
        ("why did the Coverage report fail", ["coverage", "report", "fail"]),
        ("how did we do it", ["how", "did", "we", "do", "it"]),
        ("git push --force", ["git", "push", "force"]),
        ('an unbalanced "quote here', ["unbalanced", "quote here"]),
        ("src/app.py:12 a_b-c", ["src app py 12", "a b c"]),
        (r"foo.*bar[0-9]+(x|y)\s", ["foo", "bar", "0 9", "x", "y", "s"]),
        ("数据库迁移", ["数据", "据库", "库迁", "迁移"]),
        ("مُحَمَّد", ["محمد"]),
        ("party 🎉", ["party", "🎉"]),
        ("Größe CAFÉ", ["grosse", "cafe"]),
        ("NOT AND OR NEAR(x)", ["near", "x"]),
    ],
)
def test_text_becomes_the_words_that_are_looked_for(text: str, found: list[str]) -> None:
    assert terms(text) == found


def test_exclusions_files_tools_and_failure_are_distinguished_from_words() -> None:
    query = parse('locked -draft -"old name" file:cache.py tool:Bash failed:')
    assert [term.shown for term in query.excluded] == ["draft", "old name"]
    assert [term.shown for term in query.files] == ["cache py"]
    assert (query.tools, query.failed) == (("Bash",), True)
    assert parse("x failed:no").failed is False


def test_failed_before_a_word_asks_for_the_word_in_what_failed() -> None:
    query = parse("failed:pytest")
    assert (query.failed, [term.shown for term in query.terms]) == (True, ["pytest"])


@pytest.mark.parametrize("text", ["", " \n\t", '""', "-", '* - "" ()', "-draft", "file:", "file:()", "\x00", "\ud800"])
def test_what_asks_for_nothing_is_refused_with_what_may_be_written(text: str) -> None:
    with pytest.raises(InvalidInput, match="nothing was looked for") as refused:
        parse(text)
    assert "prefix*" in refused.value.hint


def test_of_a_hundred_kilobytes_the_first_words_are_looked_for() -> None:
    query = parse(" ".join(f"word{number}" for number in range(15_000)))
    assert (len(query.terms), query.is_shortened) == (MAX_TERMS, True)
    assert parse("x" * 100_000).is_shortened
