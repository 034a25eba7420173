"""The exporter's variables in the ``env`` of Claude Code's settings: its logs, as http/json, to the receiver on this machine.

The names are those of https://code.claude.com/docs/en/monitoring-usage. Logs only: metrics repeat them, and traces hold
more than is recorded here. Where anybody else's exporter is set nothing is written: one session reports to one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .json_editor import JsonText

ENDPOINT, HEADERS = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"
_BEARER = "Authorization=Bearer "
"""With a space, as Claude Code's own documents have it: it does not decode %20."""
TOKEN_PREFIX = "activity-mcp-"  # noqa: S105 - how our tokens begin, by which our variables are recognised
_OTHERS = (
    ENDPOINT, HEADERS, "OTEL_LOGS_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "CLAUDE_CODE_ENABLE_TELEMETRY",
)  # fmt: skip
"""Each of these says that somebody has set an exporter, or has decided against one."""


def exporter_env(port: int, token: str) -> dict[str, str]:
    """What has Claude Code report its requests to this port."""
    return {
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
        ENDPOINT: f"http://127.0.0.1:{port}",
        HEADERS: f"{_BEARER}{token}",
    }


def own_env(env: Any) -> dict[str, str]:
    """The variables among these that are ours; none where another exporter is set, or no exporter is."""
    if not isinstance(env, dict) or not str(env.get(HEADERS, "")).startswith(f"{_BEARER}{TOKEN_PREFIX}"):
        return {}
    return {name: str(env[name]) for name in exporter_env(0, "") if name in env}


def others(env: Mapping[str, Any]) -> list[str]:
    """The variables by which somebody else's exporter is set."""
    return [] if own_env(dict(env)) else [name for name in _OTHERS if env.get(name)]


def with_exporter(file: JsonText, wanted: Mapping[str, str]) -> JsonText:
    """The variables set. Raises InvalidInput where another exporter is, or ``env`` is no object."""
    env = file.get(("env",))
    if env is not None and not isinstance(env, dict):
        raise InvalidInput("env in the settings must be an object; nothing was changed", hint="mend the file first")
    found = others(env or {})
    if found:
        raise InvalidInput(
            f"another exporter is set in the settings ({', '.join(found)}); nothing was changed",
            hint="Claude Code reports to one place: remove those variables first, or do without --otel",
        )
    for name, value in wanted.items():
        file = file.put(("env", name), value)
    return file


def without_exporter(file: JsonText) -> JsonText:
    """Our variables removed, and an ``env`` that held nothing else."""
    ours = own_env(file.get(("env",)))
    for name in ours:
        file = file.remove(("env", name))
    if ours and file.get(("env",)) == {}:
        file = file.remove(("env",))
    return file
