"""The token counts of a response, from the ``usage`` of its message, in every dialect.

Claude Code writes down what the API answered, and behind a gateway that may be another provider's: names of OpenAI's API, whose
``prompt_tokens`` include what was read from the cache; counts as a float; cache writes only by how long they live, with 0 as
their sum (Claude Code before 2.1.152).
"""

from __future__ import annotations

from typing import Any

MAX_COUNT = 1 << 53
_NAMES = {
    "input": ("input_tokens", "prompt_tokens"),
    "output": ("output_tokens", "completion_tokens"),
    "cache_read": ("cache_read_input_tokens",),
    "cache_creation": ("cache_creation_input_tokens",),
}


def counts_of(usage: Any) -> dict[str, int]:
    """Tokens by kind (input, output, cache_read, cache_creation), of those given that can be a count; empty without any."""
    if not isinstance(usage, dict):
        return {}
    found = {kind: next((usage[name] for name in names if usage.get(name) is not None), None) for kind, names in _NAMES.items()}
    counts = {kind: count for kind, given in found.items() if (count := _count(given)) is not None}
    if (written := _by_lifetime(usage.get("cache_creation"))) is not None:
        counts["cache_creation"] = max(written, counts.get("cache_creation", 0))
    if "input_tokens" not in usage and "input" in counts and (cached := _cached(usage)) is not None:
        counts["input"], counts["cache_read"] = max(0, counts["input"] - cached), cached
    return counts


def _count(given: Any) -> int | None:
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    return given if type(given) is int and 0 <= given < MAX_COUNT else None


def _by_lifetime(given: Any) -> int | None:
    counts = [_count(count) for count in given.values()] if isinstance(given, dict) else []
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _cached(usage: dict[str, Any]) -> int | None:
    details = usage.get("prompt_tokens_details")
    return _count(details.get("cached_tokens")) if isinstance(details, dict) else None
