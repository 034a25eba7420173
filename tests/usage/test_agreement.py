"""`usage`, get_context, VW_LLM_EVENTS and VW_PRODUCT_METRICS give one sum, to the last digit, and it is that of the requests."""

from __future__ import annotations

import json
import os
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

from activity_mcp.activity import build
from activity_mcp.clock import SYSTEM_CLOCK
from activity_mcp.service import ActivityService
from cli.conftest import call, home
from cli.outcome import Call
from deployed import put_warehouse

__all__ = ["call", "home"]
TOKENS = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_creation_tokens")
RANKS = {"otel": 0, "import": 2}


def reports(rng: random.Random) -> list[dict[str, Any]]:
    """Requests of three models, each reported by one source or by both, some twice, in any order; some without a price."""
    made = []
    for number in range(60):
        model = rng.choice(("claude-opus-4-6", "claude-haiku-4-5", "model-of-nobody"))
        for source in rng.choice((("otel",), ("import",), ("otel", "import"), ("import", "otel", "otel"))):
            cost = None if model == "model-of-nobody" else round(rng.random() ** 9, 9)
            kind = {"otel": "otel", "import": "estimated"}[source]
            features = {"model": model, "request_kind": rng.choice(("main", "subagent", "auxiliary")), "cost_usd": cost}
            tokens = {name: rng.randrange(10**6) for name in TOKENS}
            features |= {"cost_source": None if cost is None else kind, **tokens}
            made.append({"id": f"r{number}", "source": source, "features": features})
    rng.shuffle(made)
    return made


def expected(made: list[dict[str, Any]]) -> dict[str, dict[str, Decimal]]:
    """Of each request the report of the best source, the first of equal ones; summed by model."""
    best: dict[str, dict[str, Any]] = {}
    for report in made:
        known = best.get(report["id"])
        if known is None or RANKS[report["source"]] < RANKS[known["source"]]:
            best[report["id"]] = report
    sums: dict[str, dict[str, Decimal]] = {}
    for report in best.values():
        features = report["features"]
        one = sums.setdefault(
            features["model"], dict.fromkeys(("calls", *TOKENS, "cost_usd", "cost_estimated_usd"), Decimal(0))
        )
        cost = Decimal(repr(features["cost_usd"] or 0))
        given = {"calls": 1, **{name: features[name] for name in TOKENS}, "cost_usd": cost}
        given["cost_estimated_usd"] = cost if features["cost_source"] == "estimated" else 0
        for name, value in given.items():
            one[name] += Decimal(value)
    return sums


def exact(value: Any) -> Decimal:
    return round(Decimal(repr(value or 0)), 9)


def test_every_place_that_says_what_was_spent_says_the_same_to_the_last_digit(call: Call) -> None:
    put_warehouse(Path(os.environ["ACTIVITY_HOME"]))
    service = ActivityService.from_environ(source="cli")
    made, now_us = reports(random.Random(19)), SYSTEM_CLOCK.time_us()
    for part in (made[:50], made[50:]):
        origins = {source: service.recorder.origin(source, project="/work/shop", session_id="s1") for source in RANKS}
        service.recorder.append_read([
            build("llm_event", each["features"], origins[each["source"]], now_us=now_us, ts=now_us, activity_id=each["id"], strict=False)
            for each in part
        ])  # fmt: skip
        assert call("flush").code == 0
    service.close()
    sums = expected(made)

    models = {row["key"]: row for row in call("usage", "model", "--json").json["rows"]}
    context = json.loads(call("context", "--project", "*", "--max-bytes", "60000", "--json").out)["context"]["llm_usage"]
    names = ", ".join(f"SUM({name})" for name in (*TOKENS, "cost_usd"))
    estimated = "SUM(CASE WHEN cost_source = 'estimated' THEN cost_usd ELSE 0 END)"
    sql = f"SELECT model, COUNT(*), {names}, {estimated} FROM VW_LLM_EVENTS GROUP BY model"
    view = {row[0]: dict(zip(("calls", *TOKENS, "cost_usd", "cost_estimated_usd"), row[1:], strict=True))
            for row in call("query", sql, "--json").json["rows"]}  # fmt: skip
    for model, total in sums.items():
        for name, value in total.items():
            use = context[model]["last_7_days"]
            shown = {
                "usage": models[model]["requests" if name == "calls" else name],
                "get_context": use.get(name),
                "view": view[model][name],
            }
            assert {place: exact(found) for place, found in shown.items()} == dict.fromkeys(shown, round(value, 9)), (
                model,
                name,
            )

    metrics = call(
        "query", "SELECT SUM(llm_events), SUM(cost_usd), SUM(cost_estimated_usd) FROM VW_PRODUCT_METRICS", "--json"
    ).json
    whole = [sum(total[name] for total in sums.values()) for name in ("calls", "cost_usd", "cost_estimated_usd")]
    assert [exact(found) for found in metrics["rows"][0]] == [round(value, 9) for value in whole]
