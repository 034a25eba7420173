"""Logs: key=value lines or JSON lines on stderr, through structlog; what other libraries log through ``logging`` alike.

stdout belongs to the protocol or to a command's answer, so nothing here ever writes to it. A log line that cannot be written
is dropped: logging never fails a call. One line per event; in the text format a traceback follows on lines of its own. What a
call logs bears ``activity_id``: that of the mcp_event by which the call itself is recorded.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

_ORDER = ["timestamp", "level", "event", "logger"]


def configure_logging(level: str = "warning", form: str = "text") -> None:
    """Send everything from ``level`` up (debug, info, warning, error) to stderr, as lines of ``form`` (text, json).

    Calling it again replaces what was set.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    handler = _StderrHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _LINES[form]()],
        )
    )
    root = logging.getLogger()
    for present in [old for old in root.handlers if isinstance(old, _StderrHandler)]:
        root.removeHandler(present)
    root.addHandler(handler)
    root.setLevel(threshold)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # else a logger used before this call would keep the old configuration
    )


class _StderrHandler(logging.Handler):
    """Writes to whatever ``sys.stderr`` is now, and gives up silently when it is gone."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:  # noqa: S110 - a closed or full stderr must not cost the caller anything
            pass


class _KeyValueLines:
    """``timestamp='…' level='error' event='…' key='value'``, then the traceback as it is, if there is one."""

    def __init__(self) -> None:
        self._line = structlog.processors.KeyValueRenderer(key_order=_ORDER, drop_missing=True)

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        traceback = event.pop("exception", None)
        line = self._line(logger, name, event)
        return f"{line}\n{traceback}" if traceback else line


class _JsonLines:
    """One object per line, the traceback a member of it. What JSON cannot hold is written as Python shows it."""

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        return json.dumps(event, default=repr)


_LINES: dict[str, type[_KeyValueLines | _JsonLines]] = {"text": _KeyValueLines, "json": _JsonLines}
