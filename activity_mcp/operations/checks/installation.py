"""What is installed: the version, the Python it runs on, and which extras are there."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from ... import __version__
from ...health.check import Check
from ...warehouse.snowflake.extra import HINT, missing_packages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..doctor import Subject


def checks(subject: Subject) -> Iterator[Check]:
    yield Check(
        "installation", "ok", f"activity-mcp {__version__} on {platform.python_implementation()} {platform.python_version()}"
    )
    yield _extras(is_needed=not subject.service.config.is_embedded)


def _extras(*, is_needed: bool) -> Check:
    missing = missing_packages()
    if not missing:
        return Check("extras", "ok", "snowflake is installed")
    found = f"snowflake is not installed ({', '.join(missing)})"
    if is_needed:
        return Check("extras", "fail", found, HINT)
    return Check("extras", "ok", f"{found}; it is needed only where SNOW_CONNECTION names a connection")
