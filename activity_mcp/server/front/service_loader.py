"""The service behind the front: loaded on a thread once the first answer is out, and started a little later."""

from __future__ import annotations

import gc
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from ..leaving import START_DELAY_S, log_background_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...service import ActivityService
    from ..calls import Caller
    from ..lanes import Lanes
    from ..tools import ToolSpec


class Tools:
    """What calls need: the service, its tools by name, what makes and runs calls, and what makes a line of an answer."""

    def __init__(self, service: ActivityService) -> None:
        from ..calls import Caller
        from ..lanes import Lanes
        from ..tools import specs
        from .answers import answer_line

        self.service = service
        self.specs: dict[str, ToolSpec] = {spec.name: spec for spec in specs(service)}
        self.caller: Caller = Caller(service.record_call)
        self.lanes: Lanes = Lanes()
        self.answer_line = answer_line

    def read_ahead(self) -> None:
        """Read what was recorded since, for the next context. Never raises: what is wrong, the next call will say."""
        with suppress(Exception):
            self.service.read_ahead()


class ServiceLoader:
    """Opens the service once, on its own thread. ``on_failure`` is called there with what it raised."""

    def __init__(self, open_service: Callable[[], ActivityService], on_failure: Callable[[BaseException], None]) -> None:
        self._open_service = open_service
        self._on_failure = on_failure
        self._ready = threading.Event()
        self._begun = self._closing = False
        self._tools: Tools | None = None

    def begin(self) -> None:
        """Start loading, if that was not done yet."""
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._load, name="activity-start", daemon=True).start()

    def tools(self) -> Tools:
        """Waits until the service is there. Raises RuntimeError when it could not be opened."""
        tools = self._tools
        if tools is None:
            self.begin()
            self._ready.wait()
            tools = self._tools
        if tools is None:
            raise RuntimeError("the service could not be opened")
        return tools

    def close(self, timeout: float) -> None:
        """Flush what is buffered and free what is held, within ``timeout`` seconds."""
        self._closing = True
        if not self._begun or not self._ready.wait(timeout) or self._tools is None:
            return
        service, closed = self._tools.service, threading.Event()

        def close() -> None:
            try:
                service.close(timeout)
            except Exception as error:
                log_background_error(error, "activity-close failed")
            closed.set()

        threading.Thread(target=close, name="activity-close", daemon=True).start()
        if not closed.wait(timeout + 0.05):
            log_background_error(None, "closing took too long; what was accepted is in the queue")

    def _load(self) -> None:
        gc.disable()  # the imports make what stays: a collection in between would find nothing
        try:
            self._tools = Tools(self._open_service())
        except BaseException as error:
            self._on_failure(error)
            return
        finally:
            gc.freeze()
            gc.enable()
            self._ready.set()
        threading.Event().wait(START_DELAY_S)
        if not self._closing:
            try:
                self._tools.service.start()
            except Exception as error:
                log_background_error(error, "activity-start failed")
