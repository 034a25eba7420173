"""Whether Claude Code's exporter is somebody else's: it reports to one place, and what reports elsewhere is not here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ...claude_code.setup.exporter import others
from ...claude_code.setup.install import files_of, project_root
from ...claude_code.setup.reporting import exporter_variables
from ...health.check import Check
from ...project import working_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .subject import Subject

_NAME = "other exporter"


def checks(subject: Subject) -> Iterator[Check]:
    environ = subject.service.environ
    root = project_root(working_directory())
    paths = [files_of(scope, environ, root).settings for scope in ("user", "project")]
    found = [
        (path, names) for path in dict.fromkeys(map(os.path.abspath, paths)) if (names := others(exporter_variables(path)))
    ]
    if names := others(dict(environ)):
        found.append(("the environment", names))
    if not found:
        yield Check(_NAME, "ok", "none is set")
        return
    where = "; ".join(f"{', '.join(names)} in {place}" for place, names in found)
    if subject.status["exporter"]["asked"]:
        yield Check(_NAME, "warn", f"another exporter is set: {where}", "remove it, or take ours out: `activity-mcp uninstall`")
    else:
        yield Check(_NAME, "ok", f"another one is set ({where}): `install --otel` leaves it, and costs are estimated")
