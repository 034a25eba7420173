"""What a tool is, and what the tools need of the service behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...recording.call_log import CallTotals
    from .arguments import Argument


Lane = Literal["appends", "reads", "slow"]


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


class Annotations(NamedTuple):
    """What a client may assume of a call (MCP's ToolAnnotations)."""

    read_only: bool
    destructive: bool = False
    idempotent: bool = True
    open_world: bool = False


class Progress(NamedTuple):
    """What a client that asked for it is told while a slow call runs; ``total_s`` is when it ends at the latest."""

    message: str
    total_s: float | None = None


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One tool. ``answer`` takes the checked arguments by name, blocks, and gives the structured content; that of a ``slow``
    tool takes ``cancelled`` as well, which turns true when nobody waits any more."""

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]
    output_schema: dict[str, Any]
    annotations: Annotations
    answer: Callable[..., dict[str, Any]]
    lane: Lane
    """Which threads it runs on: ``appends`` is one, so that events keep their order; ``reads`` and ``slow`` are a few each."""
    at_once: Callable[..., dict[str, Any] | None] | None = None
    """``answer`` without blocking, where that is mostly possible; None when it is not."""
    progress: Progress | None = None
    """Of a slow tool."""
    always_load: bool = False
    """A client that loads tools when it needs them has this one from the start."""
    records_itself: bool = False
    """Whether a call that succeeds writes an mcp_event of its own, which is then the only one."""
    observe: Callable[[dict[str, Any], int], dict[str, Any]] = lambda answer, size: {}
    """What the call's own mcp_event says beyond its duration and success, from the answer and its size in bytes."""
