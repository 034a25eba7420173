"""An estimate is what Claude Code itself would have computed; what the list does not know has no price."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from activity_mcp.clock import parse_iso
from activity_mcp.usage.prices import MAX_COST_USD, PriceList, valid_cost
from usage.genuine import TOTAL_USD, requests_exported

NOW_US = parse_iso("2026-11-28T12:00:00Z")
MILLION = 1_000_000


def cost(model: str, **features: Any) -> float | None:
    given = {"model": model, "prompt_tokens": 0, "completion_tokens": 0, **features}
    return PriceList().cost_usd(given, NOW_US)


def test_what_the_genuine_client_measured_is_estimated_to_the_last_digit() -> None:
    for request in requests_exported():
        tokens: dict[str, Any] = {
            "prompt_tokens": request["input_tokens"],
            "completion_tokens": request["output_tokens"],
            "cache_read_tokens": request["cache_read_tokens"],
            "cache_creation_tokens": request["cache_creation_tokens"],
            "cache_creation_1h_tokens": request["cache_creation_1h_tokens"],
        }
        assert cost(request["model"], **tokens) == pytest.approx(request["cost_usd"], abs=1e-12)
    assert sum(request["cost_usd"] for request in requests_exported()) == pytest.approx(TOTAL_USD, abs=1e-12)


def test_an_hour_in_the_cache_costs_more_than_five_minutes() -> None:
    written = {"cache_creation_tokens": MILLION}
    assert cost("claude-opus-5-5", **written) == 5.0
    assert cost("claude-opus-5-5", **written, cache_creation_5m_tokens=MILLION) == 5.0
    assert cost("claude-opus-5-5", **written, cache_creation_1h_tokens=MILLION) == 8.0
    assert cost("claude-opus-5-5", **written, cache_creation_1h_tokens=9 * MILLION) == 8.0  # no more than was written


def test_a_long_context_fast_mode_a_batch_and_a_web_search_have_prices_of_their_own() -> None:
    assert cost("claude-haiku-5-5", prompt_tokens=100_000) == pytest.approx(0.01)
    assert cost("claude-haiku-5-5", prompt_tokens=100_001) == pytest.approx(0.0500005)  # five times as much, for each token
    assert cost("claude-opus-5-5", prompt_tokens=MILLION, speed="fast") == 8.0
    assert cost("claude-opus-5-5", prompt_tokens=MILLION, service_tier="batch") == 2.0
    assert cost("claude-opus-5-5", prompt_tokens=MILLION, speed="standard", service_tier="standard") == 4.0
    assert cost("claude-opus-5-5", web_searches=100) == 1.0


def test_a_model_is_known_by_the_names_that_clouds_and_windows_give_it() -> None:
    plain = cost("claude-sonnet-4-5-20250929", prompt_tokens=1000)
    assert plain is not None
    for name in ("claude-sonnet-4-5", "claude-sonnet-4-5[1m]", "claude-sonnet-4-5@20250929", "Claude-Sonnet-4-5-20250929"):
        assert cost(name, prompt_tokens=1000) == plain, name


@pytest.mark.parametrize(
    ("model", "features"),
    [
        ("claude-opus-9", {}),
        ("claude-opus-4-10", {}),  # younger than the list, which knows 4-1
        ("claude-haiku-5-5", {"speed": "fast"}),  # a model without that speed
        ("claude-opus-5-5", {"speed": "ludicrous"}),
        ("unknown", {}), ("", {}), ("[1m]", {}), ("<synthetic>", {}),
    ],
)  # fmt: skip
def test_what_the_list_does_not_know_has_no_price_never_zero(model: str, features: dict[str, Any]) -> None:
    assert cost(model, prompt_tokens=1000, **features) is None
    made = {"model": model, "prompt_tokens": 1000, "completion_tokens": 0, **features}
    PriceList().estimate(made, NOW_US)
    assert "cost_usd" not in made
    assert "cost_source" not in made


def test_a_model_that_the_list_has_not_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from genai_prices.data_snapshot import DataSnapshot

    looked: list[str | None] = []
    find = DataSnapshot.find_provider

    def noted(snapshot: DataSnapshot, model: str | None, provider: str | None, url: str | None) -> Any:
        looked.append(model)
        return find(snapshot, model, provider, url)

    monkeypatch.setattr(DataSnapshot, "find_provider", noted)
    prices = PriceList()
    for _ in range(3):
        assert prices.cost_usd({"model": "nobodys-model", "prompt_tokens": 1}, NOW_US) is None
    assert looked == ["nobodys-model"] * 2  # at the likely provider, and at any


def test_a_measured_cost_is_never_replaced() -> None:
    made = {"model": "claude-opus-5-5", "prompt_tokens": 10, "completion_tokens": 1, "cost_usd": 0, "cost_source": "otel"}
    PriceList().estimate(made, NOW_US)
    assert (made["cost_usd"], made["cost_source"]) == (0, "otel")


@pytest.mark.parametrize("cost", [-0.01, float("nan"), float("inf"), MAX_COST_USD * 2, True, "0.1", None])
def test_a_number_that_can_be_no_cost_is_none(cost: Any) -> None:
    assert valid_cost(cost) is None


def test_the_library_is_loaded_by_the_first_estimate_alone() -> None:
    script = "import sys, activity_mcp.service, activity_mcp.usage.prices; print('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
