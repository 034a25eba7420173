"""What Snowflake needs beside the core: the packages of the extra ``snowflake``. Where one is missing, one line says so."""

from __future__ import annotations

import contextlib
from importlib import util
from typing import TYPE_CHECKING

from ...errors import WarehouseRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXTRA = "activity-mcp[snowflake]"
PACKAGES = {"snowflake.connector": "snowflake-connector-python", "snowflake.ingest": "snowpipe-streaming"}
"""The modules that are imported, and the packages that they come in."""
HINT = f"install {EXTRA!r}, with pip install, uv tool install or pipx install"


def missing_packages(packages: Mapping[str, str] = PACKAGES) -> list[str]:
    """The packages, by the module that each is known by, that are not installed. Imports none of them."""
    return [package for module, package in packages.items() if not _is_there(module)]


@contextlib.contextmanager
def extra_needed() -> Iterator[None]:
    """Imports in its body are of the extra. Raises WarehouseRefused where one is missing, or cannot be loaded here."""
    try:
        yield
    except ImportError as error:
        missing = missing_packages()
        said = f"{' and '.join(missing)}, not installed here" if missing else f"packages that cannot be loaded here ({error})"
        raise WarehouseRefused(
            f"Snowflake needs the extra {EXTRA}: {said}; nothing is lost, the queue holds it", hint=HINT
        ) from error


def _is_there(module: str) -> bool:
    try:
        return util.find_spec(module) is not None
    except ModuleNotFoundError:  # of the package above it
        return False
