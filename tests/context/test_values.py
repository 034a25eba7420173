"""What is read of a text is remembered, and never without a bound."""

from __future__ import annotations

from activity_mcp.context.values import remembering


def test_what_was_read_is_read_once_even_where_it_is_nothing() -> None:
    read: list[str] = []

    @remembering(3)
    def length(text: str) -> int | None:
        read.append(text)
        return len(text) or None

    assert [length(text) for text in ("a", "", "a", "", "bb")] == [1, None, 1, None, 2]
    assert read == ["a", "", "bb"]


def test_it_begins_again_where_it_remembers_as_many_as_it_may() -> None:
    read: list[str] = []

    @remembering(2)
    def same(text: str) -> str:
        read.append(text)
        return text

    assert [same(text) for text in "abcca"] == list("abcca")
    assert read == ["a", "b", "c", "a"]
