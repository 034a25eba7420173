"""Whether a query is written in Snowflake's dialect, decided without a parser: most queries need none."""

from __future__ import annotations

import re

_SNOWFLAKE = re.compile(
    r"[\w\])]:(?!:)[A-Za-z_\"]|\bFLATTEN\s*\(|\b(CURRENT_TIMESTAMP|CURRENT_DATE|SYSDATE|GETDATE)\s*\(|"
    r"\b(DATEADD|DATEDIFF|TIMESTAMPADD|TIMESTAMPDIFF|IFF|NVL2?|ZEROIFNULL|TO_VARCHAR|TO_NUMBER|OBJECT_CONSTRUCT\w*)\s*\(|"
    r"\bTIMESTAMP_(NTZ|LTZ|TZ)\b|::\s*(NUMBER|VARIANT|STRING)\b",
    re.IGNORECASE,
)
_NOT_CODE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)


def looks_like_snowflake(sql: str) -> bool:
    """Whether something in it is Snowflake's alone; ``a:b``, which DuckDB would read as an alias, is the dangerous one."""
    return _SNOWFLAKE.search(_NOT_CODE.sub("''", sql)) is not None
