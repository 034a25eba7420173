"""Every function that sql/ may call, with how many arguments it takes, and where Snowflake documents it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot.dialects.snowflake import Snowflake
from sqlglot.tokenizer_core import Token, TokenType

MANY = 99
# name → fewest and most arguments. Left out on purpose is what only other dialects have, and what the engines read differently.
FUNCTIONS: dict[str, tuple[int, int]] = {
    "ABS": (1, 1), "ARRAY_AGG": (1, 1), "ARRAY_CONSTRUCT": (0, MANY), "ARRAY_SIZE": (1, 1), "AVG": (1, 1), "COALESCE": (2, MANY),
    "CONCAT_WS": (2, MANY), "CONTAINS": (2, 2), "CONVERT_TIMEZONE": (2, 3), "COUNT": (1, MANY), "COUNT_IF": (1, 1),
    "CURRENT_DATABASE": (0, 0), "CURRENT_ROLE": (0, 0), "CURRENT_SCHEMA": (0, 0), "CURRENT_TIMESTAMP": (0, 1),
    "CURRENT_USER": (0, 0), "DATEADD": (3, 3), "DATEDIFF": (3, 3), "DATE_TRUNC": (2, 3),
    "ENDSWITH": (2, 2), "EQUAL_NULL": (2, 2), "FLATTEN": (1, 5), "FLOOR": (1, 2), "GREATEST": (1, MANY), "IFF": (3, 3),
    "IS_OBJECT": (1, 1), "IS_ROLE_IN_SESSION": (1, 1), "LEAD": (1, 3), "LEAST": (1, MANY), "LENGTH": (1, 1), "LN": (1, 1),
    "LOWER": (1, 1), "MAX": (1, 1), "MAX_BY": (2, 3), "MD5": (1, 1), "MIN": (1, 1), "NULLIF": (2, 2), "OBJECT_AGG": (2, 2),
    "OBJECT_CONSTRUCT": (0, MANY), "OBJECT_CONSTRUCT_KEEP_NULL": (0, MANY), "OBJECT_INSERT": (3, 4), "OBJECT_PICK": (2, MANY),
    "PARSE_JSON": (1, 2), "PERCENTILE_CONT": (1, 1), "ROUND": (1, 3), "ROW_NUMBER": (0, 0), "SHA2": (1, 2), "STARTSWITH": (2, 2),
    "SUBSTR": (2, 3), "SUM": (1, 1), "SYSDATE": (0, 0), "SYSTEM$STREAM_GET_TABLE_TIMESTAMP": (1, 1),
    "SYSTEM$STREAM_HAS_DATA": (1, 1), "TASK_HISTORY": (0, 5), "TO_CHAR": (1, 2), "TO_TIMESTAMP_NTZ": (1, 2), "TRY_CAST": (1, 1),
    "TRY_PARSE_JSON": (1, 2), "TYPEOF": (1, 1), "UPPER": (1, 1),
}  # fmt: skip
# Our own, defined in sql/.
DEFINED: dict[str, tuple[int, int]] = {
    "HOLD_COVERS": (12, 12),
    "IS_OWN_EVENT": (2, 2),
    "LIST_LIMIT": (1, 1),
    "SOURCE_RANK": (2, 2),
}
IN_PAIRS = frozenset({"OBJECT_CONSTRUCT", "OBJECT_CONSTRUCT_KEEP_NULL"})
_SHARED_PAGES = {"TO_TIMESTAMP_NTZ": "to_timestamp", "MAX_BY": "max_by", "IS_ROLE_IN_SESSION": "is_role_in_session"}


def documentation(name: str) -> str:
    """Where Snowflake documents the function."""
    page = _SHARED_PAGES.get(name, name.lower().replace("system$", "system_"))
    return f"https://docs.snowflake.com/en/sql-reference/functions/{page}"


def wrong_calls(text: str) -> Iterator[str]:
    """What is wrong with the calls of a script."""
    for name, count, line in calls(text):
        if name not in FUNCTIONS | DEFINED:
            yield f"line {line}: function {name} is not on the list: read {documentation(name)} and add it"
            continue
        fewest, most = (FUNCTIONS | DEFINED)[name]
        if not fewest <= count <= most or (name in IN_PAIRS and count % 2):
            yield f"line {line}: {name} with {count} arguments: {documentation(name)}"


# Words that stand before a parenthesis and are no functions.
_WORDS = frozenset(
    [
        "AND",
        "OR",
        "NOT",
        "IN",
        "ON",
        "AS",
        "OVER",
        "VALUES",
        "WHEN",
        "THEN",
        "ELSE",
        "CASE",
        "WHERE",
        "EXISTS",
        "FROM",
        "JOIN",
        "USING",
        "INSERT",
        "SELECT",
        "BY",
        "IF",
        "RETURNS",
        "IS",
        "WITHIN",
        "GROUP",
        "TABLE",
        "SET",
        "LIKE",
        "BETWEEN",
        "RETURN",
        "RESULTSET",
        ":=",
        "IDENTIFIER",
    ]
)
_TYPES = frozenset(["NUMBER", "VARCHAR", "TIMESTAMP_NTZ", "FLOAT", "BOOLEAN", "VARIANT", "DATE"])
# A name after one of these is an object with its columns or arguments.
_BEFORE_NAMES = frozenset(
    ["INTO", "TABLE", "FUNCTION", "VIEW", "PROCEDURE", "CALL", "POLICY", "AS", "EXISTS", "CLASSIFICATION_PROFILE"]
)


def calls(text: str) -> Iterator[tuple[str, int, int]]:
    """Each call in a script, bodies opened: (name in capitals, number of arguments, line)."""
    tokens = list(Snowflake().tokenize(text))
    for place, token in enumerate(tokens[:-1]):
        name = token.text.upper()
        if tokens[place + 1].token_type is not TokenType.L_PAREN or not _is_name(token) or name in _WORDS or name in _TYPES:
            continue
        before = tokens[place - 1].text.upper() if place else ""
        if before in _BEFORE_NAMES or (before == "." and not _is_function_of_a_schema(tokens, place)):
            continue
        yield name, _arguments(tokens, place + 2), token.line


def _is_name(token: Token) -> bool:
    return token.text.replace("_", "").replace("$", "").isalnum() and token.token_type is not TokenType.STRING


def _is_function_of_a_schema(tokens: list[Token], place: int) -> bool:
    return place > 1 and tokens[place - 2].text.upper() == "INFORMATION_SCHEMA"


def _arguments(tokens: list[Token], place: int) -> int:
    if tokens[place].token_type is TokenType.R_PAREN:
        return 0
    depth, commas = 1, 0
    opening = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE)
    closing = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)
    for token in tokens[place:]:
        depth += (token.token_type in opening) - (token.token_type in closing)
        if depth == 0:
            break
        commas += depth == 1 and token.token_type is TokenType.COMMA
    return commas + 1
