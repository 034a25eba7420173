"""Values of a query's rows, whichever engine they come from, as JSON has them."""

from __future__ import annotations

import datetime
import decimal
import json
from typing import Any


def plain(value: Any) -> Any:
    """A value as JSON has it: times as ISO text, exact numbers as numbers where nothing is lost."""
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, decimal.Decimal):
        return plain(int(value)) if value == value.to_integral_value() else float(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 63:
        return str(value)
    if isinstance(value, float) and value - value != 0:
        return str(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def within_bytes(rows: list[list[Any]], max_bytes: int | None) -> list[list[Any]]:
    """The first rows whose JSON together has at most ``max_bytes`` bytes; None means all of them."""
    if max_bytes is None:
        return rows
    size = 0
    for index, row in enumerate(rows):
        size += len(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace"))
        if size > max_bytes:
            return rows[:index]
    return rows
