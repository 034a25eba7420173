"""The genuine writer of many queues against a model of the service: nothing is lost or doubled, and the limits are far."""

from __future__ import annotations

import pytest

from simulate_fleet import LIMITS, scaled, simulate


@pytest.mark.parametrize("faults", [0.0, 0.2])
def test_each_event_of_each_queue_is_stored_once_whatever_is_lost_on_the_way(faults: float) -> None:
    found = simulate(4, 4.0, faults, seed=7)
    assert found["events"] > 0
    assert (found["stored"], found["lost"]) == (found["events"], 0)
    assert (found["retries_an_hour"] > 0) == (faults > 0)


def test_a_channel_stays_below_its_limit_of_requests_and_twenty_thousand_fit_on_ten_pipes() -> None:
    found = simulate(4, 4.0, 0.05) | {"minutes": 4.0}
    assert found["busiest_second_of_a_channel"] < LIMITS["requests_a_second_of_a_channel"]
    assert scaled(found, 20_000)["pipes_needed"] == LIMITS["pipes"]
    assert found["commit_lag_p95_s"] < 30
