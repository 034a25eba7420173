"""What a request cost, where nobody measured it: an estimate from the list of prices of ``genai-prices``.

The list has prices by date, one-hour cache writes, long contexts, fast mode, batches and web searches. What it does not know
has no price, never zero: a model that is younger than the list, a speed or tier without a price of its own.

The library is loaded (0.4 s, 31 MB) by the first request without a measured cost, and never by a hook or at start-up.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from genai_prices.types import ModelInfo

ESTIMATED = "estimated"
MAX_COST_USD = 100_000.0
"""No single request costs more: a number beyond it is an error, and no cost."""
_PROVIDERS = {"anthropic.": "aws", "@": "google"}
"""By what a cloud's name of a model holds; all others are looked up at Anthropic first."""
_SPEEDS = {"fast": {"speed": "fast"}, "batch": {"processing": "batch"}}
_MAX_UNKNOWN = 256
"""Models without a price that are remembered: a history names few."""
_PLAIN = frozenset((None, "", "normal", "standard", "default"))


class PriceList:
    """``estimate`` fills in the cost of a request that has none."""

    def __init__(self) -> None:
        self._unknown: set[tuple[str, str | None]] = set()

    def estimate(self, features: dict[str, Any], ts_us: int) -> None:
        """Add ``cost_usd`` and ``cost_source`` to the features of an llm_event, where they have none and there is a price."""
        if features.get("cost_usd") is not None:
            return
        cost = self.cost_usd(features, ts_us)
        if cost is not None:
            features["cost_usd"], features["cost_source"] = cost, ESTIMATED

    def cost_usd(self, features: Mapping[str, Any], ts_us: int) -> float | None:
        """The price in US dollars of these tokens at that time (microseconds since 1970); None where the list has none."""
        model = str(features.get("model") or "").partition("[")[0].lower()  # "claude-opus-4-6[1m]": the window is no model
        context = _context_of(features)
        if not model.strip() or context is None:
            return None
        for provider in (_provider_of(model), None):
            if (model, provider) in self._unknown or not self._is_listed(model, provider):
                continue
            from genai_prices.data_snapshot import get_snapshot

            try:
                found = get_snapshot().calc(_usage_of(features), model, provider, None, _date_of(ts_us), context)
            except (LookupError, ValueError, OverflowError):
                continue
            if _is_this_model(found.model, model) and _has_price_for(found.model, context):
                return valid_cost(float(found.total_price))
        return None

    def _is_listed(self, model: str, provider: str | None) -> bool:
        """Whether the list has the model. It keeps what it has found by itself, and looks for the others through all it has."""
        from genai_prices.data_snapshot import get_snapshot

        try:
            get_snapshot().find_provider_model(model, None, provider, None)
        except LookupError:
            if len(self._unknown) >= _MAX_UNKNOWN:
                self._unknown.clear()
            self._unknown.add((model, provider))
            return False
        return True


def valid_cost(value: object) -> float | None:
    """A cost that can be one: a number from zero to ``MAX_COST_USD``; None for any other."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_COST_USD:
        return None
    return round(float(value), 9)


def _usage_of(features: Mapping[str, Any]) -> Any:
    from genai_prices import Usage

    def count(name: str) -> int:
        value = features.get(name)
        return value if type(value) is int and value > 0 else 0

    read, written = count("cache_read_tokens"), count("cache_creation_tokens")
    return Usage(
        input_tokens=count("prompt_tokens") + read + written,  # the list counts all that the model read as input
        output_tokens=count("completion_tokens"),
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=min(count("cache_creation_1h_tokens"), written),
        web_searches=count("web_searches"),
    )


def _context_of(features: Mapping[str, Any]) -> dict[str, str] | None:
    """Which of a model's prices is meant; None for a speed that no list knows."""
    context: dict[str, str] = {}
    for asked in (features.get("speed"), features.get("service_tier")):
        if asked in _SPEEDS:
            context |= _SPEEDS[str(asked)]
        elif asked not in _PLAIN and asked is features.get("speed"):
            return None
    return context


def _provider_of(model: str) -> str:
    return next((provider for mark, provider in _PROVIDERS.items() if mark in model), "anthropic")


def _is_this_model(found: ModelInfo, model: str) -> bool:
    """Whether the list means this model, and not an older one whose name the new one only begins with (4-1, 4-10)."""
    known = found.id.removesuffix("-latest").removesuffix("-0")
    return not (model.startswith(known) and model[len(known) : len(known) + 1].isdigit())


def _has_price_for(found: ModelInfo, context: Mapping[str, str]) -> bool:
    """Whether the model has a price of its own for what was asked: else the plain one would be taken for it."""
    variants = found.price_variants or ()
    return all(any(variant.when.get(name) == value for variant in variants) for name, value in context.items())


def _date_of(ts_us: int) -> datetime:
    return datetime.fromtimestamp(ts_us // 1_000_000, UTC)
