"""The record from a program of your own: ``activity_mcp.Client``. The same service as the server and the commands, in process.

What it logs is marked ``cli`` in the column ``source``, as what the command logs. It starts no thread; it leads while a call of
``flush``, ``query`` or ``context(up_to_date=True)`` lasts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ..context import ALL_PROJECTS
from ..provenance.answers import QueryAnswer
from ..recall.answers import Context
from ..recording.answers import LoggedEvent
from ..search.answers import SearchAnswer, SearchHit
from ..service import ActivityService
from .drain import Drainer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

__all__ = ["Client", "Context", "LoggedEvent", "QueryAnswer", "SearchAnswer", "SearchHit"]


class Client:
    """Records events, and reads what was recorded. Thread-safe for ``log`` and ``context``; close it, or use it in ``with``.

    Args:
        project: Directory of the project that is meant where a call names none. Default: none for ``log``, all for ``context``.
        customer: Whose activity. Default: the user of this machine, or ``ACTIVITY_CUSTOMER``.
        environ: Variables in the place of the process's own; configuration.md in the documentation lists them.

    Raises:
        InvalidConfig: A variable has a value that cannot be used.
    """

    def __init__(
        self, *, project: str | None = None, customer: str | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        self._project = project
        self._customer = customer
        self._service = ActivityService.from_environ(environ, source="cli")

    def log(
        self,
        event_name: str,
        features: Mapping[str, Any],
        *,
        activity: str | None = None,
        project: str | None = None,
        link: str | None = None,
        revenue_impact: float | None = None,
        activity_id: str | None = None,
        ts: str | None = None,
    ) -> LoggedEvent:
        """Record one event; it is on the disk when this returns, if ``durable`` says so (``ACTIVITY_DURABILITY``).

        Args:
            event_name: One of the seven kinds, such as ``tool_event``.
            features: The event's own fields, by its schema; secrets are redacted.
            activity: A verb_noun name. Default: by the kind of event.
            project: Directory of the project it belongs to.
            link: A URL to more.
            revenue_impact: Money in (positive) or out (negative), in US dollars.
            activity_id: An id of your own: the same id counts once. Default: a new one.
            ts: When it happened, ISO 8601. Default: now.

        Raises:
            InvalidActivity: Nothing was recorded; the error names the field.
            QueueRefused: The queue is full, or its disk is; nothing was recorded.
            NotDurable: It may have been recorded: repeat it with the same ``activity_id``.
        """
        return self._service.log(
            event_name,
            features,
            activity=activity,
            customer=self._customer,
            project=project or self._project,
            link=link,
            revenue_impact=revenue_impact,
            activity_id=activity_id,
            ts=ts,
        )

    def context(
        self,
        *,
        project: str | None = None,
        context_type: str = "default",
        max_bytes: int = 8192,
        up_to_date: bool = False,
        timeout_s: float = 10.0,
    ) -> Context:
        """What is known about the customer and a project, from local memory in about a millisecond.

        Args:
            project: Directory of a project; ``"*"`` means all.
            context_type: ``default``, ``engineer``, ``analyst`` or ``executive``: which sections.
            max_bytes: Upper bound of the answer as compact JSON, at least 512.
            up_to_date: Bring the warehouse up to date first, which is what makes an answer where no server runs.
            timeout_s: How long that may take.

        Raises:
            WarehouseError: ``up_to_date`` was asked for, and could not be had.
        """
        wanted = project or self._project or ALL_PROJECTS
        if up_to_date:
            self._service.refresher.keep_active(self._customer or self._service.identity.customer, wanted)
            self.flush(timeout_s)
        answer = self._service.context(customer=self._customer, context_type=context_type, project=wanted, max_bytes=max_bytes)
        return cast("Context", answer)

    def query(self, sql: str, *, max_rows: int | None = None, timeout_s: float = 30.0) -> QueryAnswer:
        """Run one read-only SELECT on the warehouse: the ``query`` tool's answer, of which nothing is stored.

        Args:
            sql: The statement, in Snowflake's dialect.
            max_rows: The most rows in the answer; None for all.
            timeout_s: How long it may run.

        Raises:
            QueryRefused: It is not one statement that only reads; nothing was run.
            WarehouseError: The warehouse could not answer.
        """
        return self._service.provenance_queries.query(
            sql, max_rows=max_rows, timeout_s=timeout_s, store=False, preview_bytes=None
        )

    def search(
        self,
        text: str,
        *,
        kind: str | None = None,
        project: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int = 10,
    ) -> SearchAnswer:
        """What was recorded that has these words, ranked: the ``search`` tool's answer, with ``hits``, ``total`` and ``notes``.

        Args:
            text: Words, ``"a phrase"``, ``prefix*``, ``-not``, ``file:name``, ``tool:Bash``, ``failed:``.
            kind: Only this kind, such as ``asked``, ``command`` or ``failed``.
            project: Directory of a project; ``"*"``, and None where the client has no project of its own, mean all.
            since: Not before: ISO 8601, or how long ago, such as ``7d``.
            until: Before; the same.
            limit: The most hits, 1 to 100.

        Raises:
            InvalidInput: A word, a kind or a time cannot be read.
        """
        return self._service.search(text, kind=kind, project=project or self._project, since=since, until=until, limit=limit)

    def flush(self, timeout_s: float = 60.0) -> int:
        """Bring all that is queued into the warehouse, by leading for a moment or through the leader; the rows written here.

        Raises:
            WarehouseError: It could not be had by the deadline; nothing is lost, the queue holds it.
        """
        return Drainer(self._service).drain(timeout_s).rows

    def close(self) -> None:
        """Let go of files and locks. Idempotent; what is queued stays there."""
        self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()
