"""Types of options that several commands take."""

from __future__ import annotations

import math
from typing import Any

import click

MAX_SECONDS = 86_400.0


class Seconds(click.FloatRange):
    """A time limit: a number of seconds up to a day."""

    def __init__(self, least: float = 0.1) -> None:
        super().__init__(min=least, max=MAX_SECONDS)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return seconds
