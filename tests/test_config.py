"""The environment: each variable, its default, and a clear error for what cannot be used."""

from __future__ import annotations

import os

import platformdirs
import pytest

from activity_mcp.config import default_home, read_config
from activity_mcp.errors import InvalidConfig


def test_with_nothing_set_the_state_lies_where_the_platform_wants_it() -> None:
    config = read_config({"HOME": "/home/ada"})
    assert config.home == "/home/ada/.local/state/activity-mcp"
    assert config.db == "/home/ada/.local/state/activity-mcp/activity.duckdb"
    assert config.queue_root == "/home/ada/.local/state/activity-mcp/queue"
    assert (config.backpressure_ms, config.max_queue_bytes, config.retention_days) == (120_000, 52_428_800, 180)
    assert (config.context_ttl_s, config.context_max_stale_s) == (30, 3600)
    assert (config.interval_ms, config.redact, config.record, config.prompts) == (None, True, True, "excerpt")
    assert (config.inject_chars, config.snow_connection, config.http_token) == (2000, None, None)


def test_the_rule_written_out_for_linux_is_platformdirs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for state in ("/tmp/state", ""):
        monkeypatch.setenv("XDG_STATE_HOME", state)
        assert default_home(os.environ) == platformdirs.user_state_dir("activity-mcp", appauthor=False)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BACKPRESSURE_THRESHOLD", "soon"),
        ("BACKPRESSURE_THRESHOLD", "0"),
        ("MAX_QUEUE_SIZE", "50MB"),
        ("MAX_QUEUE_SIZE", "10"),
        ("ACTIVITY_CONTEXT_TTL", "-1"),
        ("ACTIVITY_CONTEXT_MAX_STALE", "nan"),
        ("ACTIVITY_DURABILITY", "never"),
        ("ACTIVITY_DURABILITY", "interval:fast"),
        ("ACTIVITY_REDACT", "maybe"),
        ("ACTIVITY_PROMPTS", "all"),
        ("ACTIVITY_RECORD", "yes"),
        ("ACTIVITY_INJECT", "9000"),
        ("ACTIVITY_RETENTION_DAYS", "0"),
        ("ACTIVITY_LOG_LEVEL", "loud"),
    ],
)
def test_a_bad_value_is_an_error_that_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        read_config({"HOME": "/home/ada", variable: value})
    assert refused.value.variable == variable
    assert variable in str(refused.value)
    assert refused.value.exit_code == 2


def test_each_warehouse_has_a_queue_of_its_own() -> None:
    one = read_config({"HOME": "/home/ada"})
    other = read_config({"HOME": "/home/ada", "ACTIVITY_DB": "/data/other.duckdb"})
    snow = read_config({"HOME": "/home/ada", "SNOW_CONNECTION": "prod"})
    assert len({one.queue_dir, other.queue_dir, snow.queue_dir}) == 3
    assert snow.prompts == "hash"


def test_the_durability_is_event_or_an_interval_in_milliseconds() -> None:
    assert read_config({"HOME": "/h", "ACTIVITY_DURABILITY": "interval:100"}).interval_ms == 100


def test_a_configuration_cannot_be_changed_afterwards() -> None:
    with pytest.raises(AttributeError):
        read_config({"HOME": "/h"}).home = "/elsewhere"
