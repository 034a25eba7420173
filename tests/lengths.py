"""Tests of two lengths: short in `make test`, long in `make slow`, which sets ACTIVITY_TEST_LONG and runs what is marked ``long``."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from typing import TypeVar

from hypothesis import HealthCheck, settings

LONG = os.environ.get("ACTIVITY_TEST_LONG") == "1"
_T = TypeVar("_T")


def examples(short: int, long: int) -> settings:
    """So many examples; each makes files, so neither their time nor their size is a fault."""
    return settings(max_examples=long if LONG else short, deadline=None, suppress_health_check=list(HealthCheck))


def some(cases: Iterable[_T], count: int) -> list[_T]:
    """All cases when it may take long, else ``count`` of them, others in each run. Every worker of one run chooses the same,
    so that cases of ``parametrize`` can be chosen from."""
    found = list(cases)
    chosen = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID"))  # None: from the system
    return found if LONG else chosen.sample(found, min(count, len(found)))
