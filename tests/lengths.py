"""Tests of two lengths: short in `make test`, long in `make slow`, which sets ACTIVITY_TEST_LONG and runs what is marked ``long``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

from hypothesis import HealthCheck, settings

LONG = os.environ.get("ACTIVITY_TEST_LONG") == "1"
_T = TypeVar("_T")


def examples(short: int, long: int) -> settings:
    """So many examples; each makes files, so neither their time nor their size is a fault."""
    return settings(max_examples=long if LONG else short, deadline=None, suppress_health_check=list(HealthCheck))


def some(cases: Iterable[_T], count: int) -> list[_T]:
    """All cases when it may take long, else ``count`` of them, spread evenly, the same in each run."""
    found = list(cases)
    return found if LONG or count >= len(found) else [found[place * len(found) // count] for place in range(count)]
