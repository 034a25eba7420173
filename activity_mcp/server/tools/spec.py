"""What a tool is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import orjson

from .arguments import Accepted

if TYPE_CHECKING:
    from collections.abc import Callable

    from .arguments import Argument


Lane = Literal["appends", "reads", "slow"]
Answer = Mapping[str, Any]
"""The structured content of a tool's answer."""


class Annotations(NamedTuple):
    """What a client may assume of a call (MCP's ToolAnnotations)."""

    read_only: bool
    destructive: bool = False
    idempotent: bool = True
    open_world: bool = False


class Progress(NamedTuple):
    """The progress of a slow call, for a client that requested it; ``total_s`` is when it ends at the latest."""

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
    answer: Callable[..., Answer]
    lane: Lane
    """Which threads it runs on: ``appends`` is one, so that events keep their order; ``reads`` and ``slow`` are a few each."""
    at_once: Callable[..., Answer | None] | None = None
    """``answer`` without blocking, where that is mostly possible; None when it is not."""
    progress: Progress | None = None
    """Of a slow tool."""
    always_load: bool = False
    """A client that loads tools when it needs them has this one from the start."""
    records_itself: bool = False
    """Whether a call that succeeds writes an mcp_event of its own, which is then the only one."""
    encode: Callable[[Answer], bytes] = orjson.dumps
    """The answer as compact JSON."""
    observe: Callable[[Answer, int], dict[str, Any]] = lambda answer, size: {}
    """What the call's own mcp_event says beyond its duration and success, from the answer and its size in bytes."""
    accepted: Accepted = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "accepted", Accepted(self.name, self.arguments))
