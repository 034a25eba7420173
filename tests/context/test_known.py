"""What is worth telling: nothing twice, and of older conclusions those that say something."""

from __future__ import annotations

from typing import Any

import pytest

from activity_mcp.context.instructions import Instructions
from activity_mcp.context.known import SaidOnce, distinct, is_telling, older_conclusions


@pytest.mark.parametrize(
    ("earlier", "later", "is_news"),
    [
        ("Fixed the rounding in the invoice totals; committed.", "Fix rounding in invoice totals", False),
        ("The cache uses Redis now.", "the `cache` uses redis now", False),
        ("The cache uses Redis now.", "The cache uses Memcached now.", True),
        ("Short.", "Short and then a good deal longer, with much that was not said.", True),
        ("缓存 现在 使用 Redis", "缓存 现在 使用 Redis", False),
        ("...", "!!!", True),
    ],
)
def test_a_text_is_news_where_nothing_before_it_has_nearly_all_of_its_words(earlier: str, later: str, is_news: bool) -> None:
    shown = SaidOnce()
    assert shown.is_news(earlier)
    assert shown.is_news(later) == is_news


def test_nothing_and_what_the_instructions_say_is_no_news() -> None:
    shown = SaidOnce(Instructions(["Money is Decimal."]))
    assert not shown.is_news(None)
    assert not shown.is_news("")
    assert not shown.is_news("Money is `Decimal`")
    assert shown.is_news("Money is a float")
    assert distinct(["a b c", "a b c", "d"]) == [0, 2]


@pytest.mark.parametrize(
    "text",
    [
        "The cause: the pool is opened before the fork, so two processes share one session.",
        "We took rayon out again: the disk is the limit, and one thread that reads ahead is faster.",
        "DATEV erwartet ISO-8859-1 und nicht UTF-8: export.php wandelt beim Schreiben um.",
        "Never multiply prices by floats.",
        "app/cache.py keeps MAX_ENTRIES entries now",
        "错误的原因是连接池在分叉之前就打开了，所以两个进程共用一个会话。",
    ],
)
def test_a_reason_a_decision_or_names_are_worth_repeating(text: str) -> None:
    assert is_telling(text)


@pytest.mark.parametrize(
    "text", ["", "Done.", "Committed and pushed.", "Erledigt.", "All tests pass.", "完成了。", "Django is 5.2."]
)
def test_that_something_is_done_is_not(text: str) -> None:
    assert not is_telling(text)


def test_older_conclusions_leave_out_what_their_sessions_show() -> None:
    made: list[dict[str, Any]] = [
        {"text": "It fails because of the cache."},
        {"text": "Done."},
        {"text": None},
        {"text": "Use one thread, it is only the disk."},
    ]
    assert older_conclusions(made, ["It fails because of the cache.", None]) == [made[3]]
