"""What a tool is, and what the tools need of the service behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mcp_types import ToolAnnotations

    from ...recording.call_log import CallTotals
    from .arguments import Argument


class Service(Protocol):
    """The part of ``activity_mcp.service.ActivityService`` that a server uses."""

    def start(self) -> None:
        """Start the background work. Called after the first answer, off the event loop."""

    def log(
        self,
        event_name: str,
        features: Mapping[str, Any],
        *,
        activity: str | None = None,
        customer: str | None = None,
        project: str | None = None,
        link: str | None = None,
        revenue_impact: float | None = None,
        activity_id: str | None = None,
        ts: str | None = None,
    ) -> dict[str, Any]:
        """Record one event: {activity_id, accepted, durable, degraded}. Blocks on the disk."""
        ...

    def context(
        self,
        *,
        customer: str | None = None,
        context_type: str = "default",
        project: str | None = None,
        max_bytes: int = 8192,
    ) -> dict[str, Any]:
        """The structured content of get_context. Never blocks."""
        ...

    def context_expected(self, customer: str | None, project: str | None) -> bool:
        """Whether a first miss is worth waiting a few milliseconds for."""
        ...

    @property
    def findings(self) -> Findings:
        """Questions and artifacts. Its calls block."""
        ...

    @property
    def insights(self) -> Insights:
        """Insights. Its calls block."""
        ...

    def refresh(
        self,
        *,
        customer: str | None = None,
        project: str | None = None,
        timeout_s: float = 10.0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Have the context read from the warehouse again: the answer of refresh_context. Blocks until then."""
        ...

    def known_names(self, kind: str) -> list[str]:
        """The customers, or the projects, of which something is known here."""
        ...

    def record_call(self, method: str, latency_ms: float, *, activity_id: str | None = None, **features: Any) -> None:
        """Note one call of the server itself, under the id that its log lines bear. Never blocks."""

    def status(self) -> dict[str, Any]:
        """The structured content of health. Reads files."""
        ...

    def call_totals(self) -> dict[str, CallTotals]:
        """What the calls of this process add up to, by method."""
        ...

    def close(self, timeout: float = 0.5) -> None:
        """Flush what is buffered, stop the background work. Idempotent."""


class Findings(Protocol):
    """The part of ``provenance.queries.Findings`` that tools use; ``cancelled`` says that nobody waits any more."""

    @property
    def query(self) -> Callable[..., dict[str, Any]]: ...
    @property
    def store_artifact(self) -> Callable[..., dict[str, Any]]: ...

    def artifact(self, artifact_id: str) -> dict[str, Any] | None:
        """What it is and its content; None when there is none."""
        ...

    def artifact_ids(self) -> list[str]: ...


class Insights(Protocol):
    """The part of ``activity_mcp.provenance.insights.Insights`` that tools use."""

    @property
    def record(self) -> Callable[..., dict[str, Any]]: ...


class Report(Protocol):
    """Tells the client how far a slow call is; does nothing where it did not ask to be told."""

    async def __call__(self, progress: float, total: float | None = None, message: str | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One tool. ``answer`` takes the checked arguments by name and gives the structured content; of a ``slow`` tool it takes
    ``report`` as well. ``always_load``: a client that loads tools when it needs them has this one from the start."""

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]
    output_schema: dict[str, Any]
    annotations: ToolAnnotations
    answer: Callable[..., Awaitable[dict[str, Any]]]
    at_once: Callable[..., dict[str, Any] | None] | None = None
    """``answer`` without a wait, where it mostly needs none; None when it does."""
    slow: bool = False
    always_load: bool = False
    records_itself: bool = False
    """Whether a call that succeeds writes an mcp_event of its own, which is then the only one."""
    observe: Callable[[dict[str, Any], int], dict[str, Any]] = lambda answer, size: {}
    """What the call's own mcp_event says beyond its duration and success, from the answer and its size in bytes."""
