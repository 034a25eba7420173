"""How text becomes words, and which words are taken for each other."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.language.words import fold, forms, is_near, tokens_of, words_of


@pytest.mark.parametrize("other", ["migraton", "migrattion", "migrazion", "mgiration", "migratino", "igration", "migrations"])
def test_one_typing_mistake_is_near(other: str) -> None:
    assert is_near("migration", other)
    assert is_near(other, "migration")


@pytest.mark.parametrize("other", ["migration", "migratoins", "mgiratoin", "mirgaton", "imagination"])
def test_none_or_two_mistakes_are_not(other: str) -> None:
    assert not is_near("migration", other)


@given(st.text(max_size=60))
def test_words_are_the_same_with_their_places_and_folding_twice_changes_nothing(text: str) -> None:
    assert words_of(text) == [token.word for token in tokens_of(text)]
    assert all(fold(token.word) == token.word or token.word.startswith("symbol") for token in tokens_of(text))


def test_plain_inflections_are_taken_for_each_other_both_ways() -> None:
    for group in (
        ("test", "tests", "tested", "testing"),
        ("query", "queries"),
        ("cache", "cached", "caching"),
        ("stop", "stopped"),
    ):
        for one, other in itertools.permutations(group, 2):
            assert other in forms(one) or any(other in forms(between) for between in forms(one)), (one, other)


def test_short_words_and_numbers_have_no_other_forms() -> None:
    assert forms("sql") == forms("4080") == forms("größe") == ()
