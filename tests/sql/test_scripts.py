"""Where a statement ends, without a parser: the same answer as the tokenizer's on every file, and on what is meant to mislead."""

from __future__ import annotations

from pathlib import Path

import pytest

from activity_mcp import package_files
from activity_mcp.warehouse.snowflake.scripts import split
from duckdb_sql.scripts import split as tokenized

FILES = sorted(Path(package_files.path_of("sql")).glob("*.sql"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_split_as_the_translator_splits_it(path: Path) -> None:
    text = path.read_text()
    assert [(made.text, made.line) for made in split(text)] == [(made.text, made.line) for made in tokenized(text)]


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        ("", []),
        (" ; ;\n;", []),
        ("-- only a remark", []),
        ("SELECT 1", [("SELECT 1", 1)]),
        ("SELECT ';' ; SELECT 'it''s;' ;", [("SELECT ';'", 1), ("SELECT 'it''s;'", 1)]),
        ("SELECT 'a\\';b';\nSELECT 2;", [("SELECT 'a\\';b'", 1), ("SELECT 2", 2)]),
        ('SELECT "a;b" FROM t;\n\nSELECT 2', [('SELECT "a;b" FROM t', 1), ("SELECT 2", 3)]),
        ("SELECT 1 -- ; not here\n, 2;\nSELECT 3;", [("SELECT 1 -- ; not here\n, 2", 1), ("SELECT 3", 3)]),
        ("/* ; */ SELECT 1 / 2 - 3;", [("SELECT 1 / 2 - 3", 1)]),
        ("CALL p($$ a; b; $$);\n-- c\nCALL q();", [("CALL p($$ a; b; $$)", 1), ("CALL q()", 3)]),
        ("USE ROLE IDENTIFIER($r); SELECT $1;", [("USE ROLE IDENTIFIER($r)", 1), ("SELECT $1", 1)]),
    ],
)
def test_a_semicolon_ends_a_statement_only_where_it_is_one(script: str, statements: list[tuple[str, int]]) -> None:
    assert [(made.text, made.line) for made in split(script)] == statements


def test_the_comment_before_a_statement_stays_with_it() -> None:
    assert [made.comment.strip() for made in split("-- first\nSELECT 1;\n\n-- second\n-- more\nSELECT 2;")] == [
        "-- first",
        "-- second\n-- more",
    ]
