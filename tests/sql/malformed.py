"""Seeded features for the seven events: right ones, and every way of being wrong that has been met or thought of."""

from __future__ import annotations

import random
from typing import Any

from sql.support import SCHEMAS

TEXTS = (
    "plain", "", " ", "über-ärger", "日本語", "🙂 emoji", "quote \" and \\ backslash", "two\nlines\tand tab", "it's", "null",
    "NaN", "{}", "[1]", '{"a": 1}', "true", "$.a", "a" * 5000, "\u202eright to left", "e\u0301 combining", "%_like%",
    "-- comment",
)  # fmt: skip
NUMBERS_AS_TEXT = (
    "0", "1", "12", "-1", "+7", " 12 ", "12.5", "-12.3456789", ".5", "1e3", "1E+2", "15e-03", "1.0005", "-1.0005",
    "0.0000000005", "99999999999999999999999999999999999999", "99999999999999999999999999999999999.9994",
    "99999999999999999999999999999999999.9996",
)  # fmt: skip
NOT_NUMBERS = (
    "1_000", "1e400", "-1e400", "", "   ", "1,000", "0x1F", "0b1", "1e", "e5", "-", "+", ".", "1.2.3", "--1", "+-1", "1 2",
    "$5", "12px", "inf", "-Infinity", "NaN", "١٢", "\uff11\uff12", "½", "1e5.5", "null", "TRUE",
)  # fmt: skip
NUMBERS = (
    0, 1, -1, 12, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1, 10**34, 10**37, 10**38 - 1, 10**38, 10**45, -(10**36),
    0.5, 2.5, -0.5, 1.0, 100.0, -2.0, 12.345, 1234.5678, 0.001, 3.14159265358979, 99.9995, 123456789.125, -1234.0005,
)  # fmt: skip
# These read as numbers; how they print as text the documentation leaves open.
NUMBERS_WITHOUT_TEXT = (1e20, 1e-9, 1.5e300)
BOOLEANS_AS_TEXT = (
    "true", "True", "TRUE", "t", "T", "yes", "Yes", "y", "on", "ON", "1", "false", "False", "f", "F", "no", "n", "off", "0",
    "tru", "yess", "2", "-1", "01", "1.5", "oui", "", "null", "ja", "enabled", "ye\u017f", "\uff10",
)  # fmt: skip
TIMES = (
    "2026-11-22T10:11:12.123456Z", "2026-11-22T10:11:12Z", "2026-11-22 10:11:12", "2026-11-22", "2026-11-22T10:11",
    "2026-11-22T10", "2026-11-22T10:11:12+02:00", "2026-11-22 10:11:12.5 -0700", "2026-11-22T10:11:12.1+05",
    "9999-12-31T23:59:59.999999Z",
    "1999-12-31", "2026-02-30", "2026-13-01", "2026-11-22T25:00:00", "2026-11-22T10:60:00", "2026-11-22T10:11:61Z", "tomorrow",
    "infinity", "epoch", "now", "12", "1767225600", "1767225600000", "1767225600000000", "1767225600000000000", "-5",
    "10:11:12", "2026-11-22T", "T10:11:12", "20261122T101112Z", "",
)  # fmt: skip
STRUCTURES: tuple[Any, ...] = (
    [], {}, [1, "x", None, True, 2.5], {"a": None}, {"a": {"b": [1, {"c": "d"}]}}, [[]], [None], {"": 1}, {"ключ": "значение"},
    {"a.b": 1, "a": {"b": 2}}, [{"k": 2**60}],
)  # fmt: skip


def features_of(rng: random.Random, event_name: str) -> dict[str, Any]:
    """Features for one event: each known field right, wrong or missing, and now and then an unknown one."""
    made: dict[str, Any] = {}
    for name, schema in SCHEMAS["$defs"][event_name]["properties"].items():
        fate = rng.random()
        if fate < 0.25:
            continue
        made[name] = _right(rng, name, schema) if fate < 0.6 else _wrong(rng, name, schema)
    for _ in range(rng.choice((0, 0, 1, 2))):
        made[rng.choice(("unknown", "Model", "TOOL_NAME", "a b", "x'y", "ünknown"))] = rng.choice(
            (*STRUCTURES, *TEXTS, *NUMBERS)
        )
    return made


def kind_of(name: str, schema: dict[str, Any]) -> str:
    """number, boolean, time, text or variant: what the typed views make of the field."""
    types = {schema["type"]} if isinstance(schema.get("type"), str) else set(schema.get("type", ()))
    types.discard("null")
    if name in ("valid_until", "expires_at"):
        return "time"
    if types <= {"integer", "number"} and types:
        return "number"
    if types == {"boolean"}:
        return "boolean"
    return "text" if types and types <= {"string", "integer"} else "variant"


def _right(rng: random.Random, name: str, schema: dict[str, Any]) -> Any:
    pools: dict[str, tuple[Any, ...]] = {
        "number": (0, 1, 12, 4096, 0.25, 17.5, 1.0),
        "boolean": (True, False),
        "time": TIMES[:4],
        "text": tuple(schema.get("enum") or TEXTS[:8]),
        "variant": STRUCTURES,
    }
    return rng.choice(pools[kind_of(name, schema)])


def _wrong(rng: random.Random, name: str, schema: dict[str, Any]) -> Any:
    kind = kind_of(name, schema)
    anything: tuple[Any, ...] = (None, True, False, *STRUCTURES, *TEXTS)
    pools: dict[str, tuple[Any, ...]] = {
        "number": (*NUMBERS, *NUMBERS_WITHOUT_TEXT, *NUMBERS_AS_TEXT, *NOT_NUMBERS),
        "boolean": (*BOOLEANS_AS_TEXT, *NUMBERS_AS_TEXT, 0, 1, 2, -1, 0.5),
        "time": (*TIMES, 12, 1767225600, 2.5),
        "text": tuple(n for n in NUMBERS if not isinstance(n, int) or abs(n) < 10**38),
        "variant": (*NUMBERS, *NUMBERS_WITHOUT_TEXT),
    }
    return rng.choice(pools[kind] if rng.random() < 0.65 else anything)
