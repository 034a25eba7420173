"""What is installed: the version, the Python it runs on, and which extras are there."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from ... import __version__
from ...health.check import Check
from ...warehouse.snowflake.extra import HINT, PACKAGES, missing_packages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .subject import Subject


EXTRAS = {"snowflake": PACKAGES, "otel": {"opentelemetry.proto": "opentelemetry-proto"}, "web": {"jinja2": "jinja2"}}
"""The extras that a user may install: the modules that are imported, and the packages that they come in."""


def checks(subject: Subject) -> Iterator[Check]:
    yield Check(
        "installation", "ok", f"activity-mcp {__version__} on {platform.python_implementation()} {platform.python_version()}"
    )
    yield _extras(is_needed=not subject.service.config.is_embedded)


def _extras(*, is_needed: bool) -> Check:
    missing = {name: missing_packages(packages) for name, packages in EXTRAS.items()}
    found = "; ".join(
        f"{name} is not installed ({', '.join(packages)})" if packages else f"{name} is installed"
        for name, packages in missing.items()
    )
    if is_needed and missing["snowflake"]:
        return Check("extras", "fail", found, HINT)
    return Check("extras", "ok", found)
