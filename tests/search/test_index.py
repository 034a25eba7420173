"""The index file: what goes in is found, what goes out is not, whichever way it came."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from activity_mcp.language.words import words_of
from activity_mcp.search.documents import Document
from activity_mcp.search.index import MAX_MATCHES, SearchIndex
from activity_mcp.search.places import id_at

NOW_US = 1_800_000_000_000_000


def document(number: int, text: str = "locked", *, ts_us: int = NOW_US, rank: int = 0) -> Document:
    return Document(f"id-{number}", ts_us, "command", "/w", "s1", "Bash", True, None, text, rank)


@pytest.fixture
def index() -> Iterator[SearchIndex]:
    with contextlib.closing(SearchIndex.in_memory()) as made:
        yield made


def texts(index: SearchIndex, match: str = '"locked"') -> list[str]:
    return [doc.text for doc in index.find(match, None, None, 100).documents]


def test_the_same_activity_twice_is_one_and_the_better_source_stays(index: SearchIndex) -> None:
    assert index.add([document(1, "locked by import", rank=2), document(1, "locked by hook", rank=0)]) == 1
    assert index.add([document(1, "locked by cli", rank=1)]) == 0
    assert texts(index) == ["locked by hook"]
    index.add([document(2, "locked unanswered", rank=4)])
    assert index.add([document(2, "locked answered", rank=0)]) == 1
    assert sorted(texts(index)) == ["locked answered", "locked by hook"]
    assert index.frequency("unanswered") == 0
    assert index.size == 2


def test_thousands_of_one_moment_each_have_a_place(index: SearchIndex) -> None:
    assert index.add(document(number) for number in range(3000)) == 3000
    assert index.add(document(number) for number in range(2000, 5000)) == 2000
    assert index.size == 5000


def test_of_a_word_that_is_everywhere_the_newest_are_ranked(index: SearchIndex) -> None:
    index.add(document(number, ts_us=NOW_US - number * 1_000_000) for number in range(MAX_MATCHES + 10))
    found = index.find('"locked"', None, None, 50)
    assert (found.total, found.is_more) == (MAX_MATCHES, True)
    assert NOW_US in {doc.ts_us for doc in found.documents}


def test_a_span_of_time_is_exact(index: SearchIndex) -> None:
    index.add(document(number, ts_us=NOW_US + number) for number in range(10))
    found = index.find('"locked"', NOW_US + 3, NOW_US + 5, 100)
    assert sorted(doc.ts_us for doc in found.documents) == [NOW_US + 3, NOW_US + 4]
    assert id_at(NOW_US) <= id_at(NOW_US + 1)


def test_what_is_older_goes_with_its_words(index: SearchIndex) -> None:
    index.add([document(1, "quetzal", ts_us=NOW_US - 1), document(2, "locked")])
    assert index.remove_before(NOW_US) == 1
    assert (index.frequency("quetzal"), index.find('"quetzal"', None, None, 9).documents, index.size) == (0, [], 1)


def test_a_file_of_another_layout_or_of_anything_else_is_an_error_of_the_database(tmp_path: Path) -> None:
    path = tmp_path / "search.sqlite3"
    assert SearchIndex.read(str(path)) is None
    SearchIndex.at(str(path)).close()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE meta SET value = '999' WHERE name = 'layout'")
    with pytest.raises(sqlite3.DatabaseError, match="another version"):
        SearchIndex.read(str(path))
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        SearchIndex.at(str(path))


def test_one_activity_seen_hours_apart_over_midnight_is_one(index: SearchIndex) -> None:
    midnight_us = NOW_US - NOW_US % 86_400_000_000
    for hours in (-1, 23, 1):
        index.add([document(1, f"locked at {hours}", ts_us=midnight_us + hours * 3_600_000_000, rank=hours + 1)])
    assert texts(index) == ["locked at -1"]


@pytest.mark.parametrize(
    "text",
    ["Foo_bar/baz.PY --x=1\x00nul\ttab", "a" * 64, "b" * 65 + " tail", "ÄRGER Straße", "移动 emoji 🚀", "x" * 200 + "É y"],
)
def test_a_text_is_indexed_by_the_words_that_searches_are_parsed_into(index: SearchIndex, text: str) -> None:
    index.add([document(1, text), document(2, "locked")])
    for word in words_of(text):
        assert [doc.text for doc in index.find(f'"{word}"', None, None, 9).documents] == [text]
        assert index.frequency(word) == 1
    index.remove_before(NOW_US + 1)
    assert {index.frequency(word) for word in words_of(text)} == {0}
