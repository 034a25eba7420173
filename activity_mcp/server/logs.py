"""Logs: key=value lines or JSON lines on stderr, through structlog; what other libraries log through ``logging`` alike.

stdout belongs to the protocol or to a command's answer, so nothing here ever writes to it. A log line that cannot be written
is dropped: logging never fails a call. One line per event; in the text format a traceback follows on lines of its own. What a
call logs bears ``activity_id``: that of the mcp_event by which the call itself is recorded.

structlog is loaded by the first line that is logged, or by ``configure_logging``: most servers never log one.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from structlog.typing import EventDict, Processor, WrappedLogger

_ORDER = ["timestamp", "level", "event", "logger"]

call_id: ContextVar[Callable[[], str] | None] = ContextVar("call_id", default=None)
"""Gives the id of the call that is being answered."""

_later: list[tuple[str, str]] = []


@contextmanager
def without_rich() -> Iterator[None]:
    """rich is hidden from libraries that would import it for an output that is not seen here."""
    hide = "rich" not in sys.modules
    if hide:
        sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hide:
            sys.modules.pop("rich", None)


def configure_when_needed(level: str, form: str) -> None:
    """``configure_logging`` with these, once something is logged by ``get_logger``."""
    _later[:] = [(level, form)]


def get_logger(name: str) -> Any:
    """A logger of structlog's."""
    for level, form in _later:
        configure_logging(level, form)
    with without_rich():
        import structlog

    return structlog.get_logger(name)


def configure_logging(level: str = "warning", form: str = "text") -> None:
    """Send everything from ``level`` up (debug, info, warning, error) to stderr, as lines of ``form`` (text, json).

    Calling it again replaces what was set.
    """
    import logging

    with without_rich():
        import structlog

    _later.clear()
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        _add_call_id,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler(_Stderr())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _LINES[form]()],
        )
    )
    root = logging.getLogger()
    for present in [old for old in root.handlers if isinstance(getattr(old, "stream", None), _Stderr)]:
        root.removeHandler(present)
    root.addHandler(handler)
    root.setLevel(threshold)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # else a logger used before this call would keep the old configuration
    )


def _add_call_id(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    bound = call_id.get()
    return event if bound is None else {"activity_id": bound(), **event}


class _Stderr:
    """Whatever ``sys.stderr`` is now. What cannot be written is dropped: a closed or full stderr costs the caller nothing."""

    def write(self, text: str) -> None:
        self._do(lambda stream: stream.write(text))

    def flush(self) -> None:
        self._do(lambda stream: stream.flush())

    def _do(self, act: Callable[[TextIO], object]) -> None:
        try:
            act(sys.stderr)
        except Exception:  # noqa: S110
            pass


class _KeyValueLines:
    """``timestamp='…' level='error' event='…' key='value'``, then the traceback as it is, if there is one."""

    def __init__(self) -> None:
        import structlog

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
