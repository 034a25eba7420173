"""Where Claude Code reports its requests, as its settings and this environment have it. Only read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .exporter import others, own_env
from .install import files_of, json_of, project_root

if TYPE_CHECKING:
    from collections.abc import Mapping

Reports = Literal["here", "elsewhere", "nowhere"]


def reports(environ: Mapping[str, str], directory: str) -> Reports:
    """Where the sessions of a directory report: ``here`` once ``install --otel`` wrote it, whatever another file says."""
    root = project_root(directory)
    files = dict.fromkeys(files_of(scope, environ, root).settings for scope in ("user", "project"))
    found: list[Mapping[str, object]] = [environ, *map(exporter_variables, files)]
    if any(own_env(dict(env)) for env in found):
        return "here"
    return "elsewhere" if any(others(env) for env in found) else "nowhere"


def exporter_variables(path: str) -> dict[str, object]:
    """``env`` of a settings file; empty where there is none."""
    settings = json_of(path)
    env = settings.get("env") if isinstance(settings, dict) else None
    return env if isinstance(env, dict) else {}
