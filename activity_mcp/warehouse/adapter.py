"""One engine as the rest of the process sees it: everything that differs between engines is behind an ``Adapter``.

    store          rows in, contexts out                       always
    queries        one read-only statement                     always
    maintenance    what has expired leaves                     None where the engine has tasks for it
    drift          the open schema drifts, and accepting them  None where the engine finds none
    tasks          the states of the engine's own tasks        None where the engine has none
    rewriter       rows leave down to their bytes              None where that cannot be done, or nothing is stored yet
    history        the stored activities, read back            None where the engine is asked by SQL instead

``factory`` makes the one that the configuration asks for; a process may be handed another, such as ``memory.MemoryAdapter``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from .base import (
        ActivityHistory,
        Capabilities,
        DriftTable,
        Maintenance,
        QueryEngine,
        Rewriter,
        Store,
        TaskState,
        WarehousePlace,
    )


class Adapter(ABC):
    """One engine. Making one opens nothing, connects to nothing and imports no driver."""

    capabilities: ClassVar[Capabilities]
    store: Store
    """Belongs to the leader's thread."""
    maintenance: Maintenance | None = None
    drift: DriftTable | None = None
    tasks: Callable[[], list[TaskState]] | None = None
    """Belongs to the leader's thread. Those that the connection's role may see. Raises a WarehouseError."""
    history: ActivityHistory | None = None

    @property
    @abstractmethod
    def queries(self) -> QueryEngine:
        """Raises WarehouseRefused where the engine cannot be asked at all."""

    @property
    def rewriter(self) -> Rewriter | None:
        return None

    def hold_less(self) -> None:
        """Work in less memory, where the engine can, and be somewhat slower for it. Before the first use."""
        return

    def writer_waits(self) -> bool:
        """Whether a flush waits for those who read: what nobody needs at once gives way. Reaches no engine."""
        return False

    @abstractmethod
    def describe(self) -> WarehousePlace:
        """As the status document says it. Reaches no engine."""

    @abstractmethod
    def exists(self) -> bool:
        """False where nothing can have been stored yet. Reaches no engine."""
