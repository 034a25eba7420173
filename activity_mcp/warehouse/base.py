"""What a warehouse is to the rest: a few small protocols, one row, one batch.

    Sink            takes batches: rows and the channel's new offset in one transaction, by compare-and-set; folds them later
    ContextSource   gives the rows of CONTEXT_CACHE, with the offset up to which each one holds the stream
    QueryEngine     runs one read-only statement
    Statements      runs whatever it is given, for deploying, migrating and upkeep
    Maintenance     removes what has expired, where the engine has no tasks of its own
    DriftTable      lists the open schema drifts and accepts them
    Rewriter        removes rows down to their bytes
    ActivityHistory reads stored activities back, the newest first

``adapter.Adapter`` puts those of one engine together, with its ``Capabilities``.

A sink never sees the queue and a source never sees the cache. Every implementation passes the same contract suite
(``tests/warehouse/test_contract.py``): the embedded DuckDB, the double in memory, and Snowflake.

Errors are those of ``activity_mcp.errors``: WarehouseUnavailable (retryable), OffsetConflict (the channel is elsewhere; ask
``committed`` again), BatchRejected (a row the engine cannot take),
BatchTooLarge (a smaller batch may pass), WarehouseNewer, WarehouseCorrupt.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NotRequired, Protocol, TypedDict, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .drift import OpenDrift

LAYOUT_VERSION = 4
"""The version of the tables, on both engines: a newer one is left alone, an older one is upgraded."""
ALL_PROJECTS = "*"
UNBOUNDED = sys.maxsize
"""The ``batch_weight`` of an engine that works elsewhere, or needs no more memory than the rows have."""
REJECTED = "the warehouse cannot take a row"
"""How the reason of a BatchRejected begins."""
LEFT_OUT = "the warehouse left rows out"
"""How the reason begins for a range whose offset was committed without all of its rows."""

COLUMNS = (
    "activity_id", "ts", "customer", "activity", "anonymous_customer_id", "feature_json", "revenue_impact", "link",
    "event_name", "session_id", "project", "org_id", "source", "schema_version", "channel_id", "stream_offset",
)  # fmt: skip


class Row(NamedTuple):
    """One row of CLAUDE_STREAM_V2. ``ts`` is ISO text in UTC, ``feature_json`` compact JSON text."""

    activity_id: str
    ts: str
    customer: str
    activity: str
    anonymous_customer_id: str | None
    feature_json: str
    revenue_impact: float | None
    link: str | None
    event_name: str
    session_id: str | None
    project: str | None
    org_id: str | None
    source: str
    schema_version: str | None
    channel_id: str
    stream_offset: str


class OwnColumns(NamedTuple):
    """What one of ``RowsAlike`` does not share; ``alike`` is the number of the row that has its other columns."""

    activity_id: str
    ts: str
    feature_json: str
    revenue_impact: float | None
    stream_offset: str
    alike: int


class RowsAlike(Sequence[Row]):
    """Rows of which most columns repeat, and are held once: ``shared`` has a row for each combination of them that occurs.

    Most of what rows cost is handing each column of each to an engine. One that can repeat them itself takes ``shared`` and
    ``own``; for every other this is a sequence of rows, which are made as they are asked for.
    """

    __slots__ = ("own", "shared")

    def __init__(self, shared: Sequence[Row], own: Sequence[OwnColumns]) -> None:
        self.shared = shared
        self.own = own

    def __len__(self) -> int:
        return len(self.own)

    def __iter__(self) -> Iterator[Row]:
        return map(self._row, self.own)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        return list(map(self._row, self.own[place])) if isinstance(place, slice) else self._row(self.own[place])

    def _row(self, own: OwnColumns) -> Row:
        activity_id, ts, feature_json, revenue_impact, stream_offset, like = own
        row = self.shared[like]
        return Row._make((activity_id, ts, *row[2:5], feature_json, revenue_impact, *row[7:15], stream_offset))


class Batch(NamedTuple):
    """Rows of one channel in order, and the offset that is committed together with them.

    ``expected`` is the offset the channel must have now (None: never written); ``offset`` the one it has afterwards. There is
    always a row, for what is no activity has a system_event in its place: Snowpipe moves no token without one.
    """

    channel_id: str
    expected: str | None
    offset: str
    rows: Sequence[Row]


class LeftOut(NamedTuple):
    """Rows that the engine took and then left out while the offset moved past them: how many on this channel since it was
    made, and what it reported of the last. Only Snowpipe does that; the others refuse a batch instead."""

    rows: int
    message: str


class Folded(NamedTuple):
    """How many rows a fold took into the contexts, and which it had to leave out of them: an id and a reason each."""

    rows: int = 0
    left_out: Sequence[str] = ()


class Scope(NamedTuple):
    """Whose context: a customer, and a project or ``"*"`` for all of them."""

    customer: str
    project: str


class ContextRow(NamedTuple):
    """One row of CONTEXT_CACHE as the warehouse has it now.

    ``watermark`` maps a channel to the offset up to which this row holds its events; ``row_version`` grows with each change.
    """

    scope: Scope
    blob: dict[str, Any]
    watermark: dict[str, str]
    row_version: int


class QueryResult(NamedTuple):
    """``rows`` holds at most the rows asked for; ``truncated`` says whether there were more."""

    columns: list[str]
    rows: list[list[Any]]
    truncated: bool
    as_of: str
    elapsed_ms: float = 0.0
    dialect: str = "duckdb"
    """The dialect the statement was read in: ``snowflake`` or ``duckdb``."""


class Capabilities(NamedTuple):
    """What differs between the engines for those who use them.

    ``batch_rows``: how many rows a batch should have that is not there to catch up. ``folds_on_request``: ``Sink.fold`` brings
    the contexts up to all that is committed; else a task of the engine's own folds, nobody knows how far it is, and segments
    stay for an hour, for what the contexts lag behind. ``reads_are_free``: reading
    contexts and tables costs neither money nor a network, so it is done whenever it is useful. ``has_one_writer``: only the
    holder of the lease may write, also what is no event.
    """

    batch_rows: int
    folds_on_request: bool
    reads_are_free: bool
    has_one_writer: bool


class Sink(Protocol):
    """Where the flusher appends batches, and the offset that is committed with them."""

    batch_weight: int
    """The most that the rows of a batch should weigh (``batch_size.weight``); a batch that is heavier is not refused for it."""

    def committed(self, channel_id: str) -> str | None:
        """The offset committed last on this channel, as text; None if it was never written."""

    def highest_offset(self, channel_id: str) -> str | None:
        """The highest offset among the channel's stored rows: the last resort when no token is left anywhere."""

    def append(self, batch: Batch) -> None:
        """Commit rows and offset together, or neither. Raises OffsetConflict when ``expected`` is not what is there.

        The rows are in the stream then, and in the contexts after a fold.
        Raises BatchTooLarge when the engine has not the memory for it; of a small batch only after trying with more.
        """

    def fold(self) -> Folded:
        """Take what was appended since the last fold into what is derived from the stream, each row once; all of it or, when
        this raises, a part. Where a task of the engine's own does that, nothing."""

    def left_out(self, channel_id: str) -> LeftOut:
        """What the engine left out of this channel so far."""

    def release(self) -> None:
        """Let go of what other processes wait for (the file, the connection). The next call takes it again."""

    def close(self) -> None:
        """Let go of everything, at once; for the end of a process, and of leading."""


class ContextSource(Protocol):
    """Where contexts are read from."""

    def changed_contexts(self, known: Mapping[Scope, int]) -> Iterable[ContextRow]:
        """The rows whose version is not the one the caller knows, the newest few hundred of them."""

    def contexts(self, scopes: Sequence[Scope], channel_id: str) -> list[ContextRow]:
        """The rows of these scopes as they are now; a scope without a row gives none.

        Where the engine knows that all that is committed on ``channel_id`` is folded, their watermark holds it up to there;
        else it says itself how far the row goes.
        """


class Store(Sink, ContextSource, Protocol):
    """Both over one connection, so that a flush and the contexts it changed need one."""


class QueryEngine(Protocol):
    """What answers a read-only statement."""

    def query(
        self, sql: str, *, max_rows: int | None, max_bytes: int | None, timeout_s: float, cancelled: Callable[[], bool]
    ) -> QueryResult:
        """Run one read-only statement. Raises QueryRefused for anything else, WarehouseUnavailable at the deadline,
        QueryCancelled once ``cancelled`` says that nobody waits for it."""


class Statements(Protocol):
    """One connection that runs statements, for deploy, migrate and maintenance."""

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement to its end; its rows, or none. Of DML the first value is the number of rows it changed.

        Raises a WarehouseError: StatementFailed with the engine's own words, or WarehouseUnavailable.
        """


class Maintenance(Protocol):
    """Retention in the warehouse."""

    def run(self, keep_days: int) -> dict[str, int]:
        """Remove activities older than ``keep_days`` and what has expired, in one transaction; the rows removed, by table.

        What LEGAL_HOLDS names stays. To be called by the holder of the lease. Raises a WarehouseError.
        """

    def compact(self) -> None:
        """What was removed leaves the engine's files too. To be called by the holder of the lease. Raises a WarehouseError."""


class DriftTable(Protocol):
    """The differences between events and their schemas."""

    def open(self) -> list[OpenDrift]:
        """The drifts nobody has accepted, those that quarantine insights first (see ``drift``). Raises a WarehouseError."""

    def accept(self, drift_ids: Sequence[str]) -> None:
        """Accept these, all or none of them. Raises a WarehouseError."""


class WarehousePlace(TypedDict):
    """Which warehouse this is: ``path`` and ``size_bytes`` of an embedded one, ``connection`` of Snowflake."""

    kind: str
    path: NotRequired[str]
    size_bytes: NotRequired[int | None]
    connection: NotRequired[str]


class TaskState(NamedTuple):
    """A task of the warehouse: ``state`` is started or suspended, ``reason`` why it is suspended, as the engine names it."""

    name: str
    state: str
    reason: str | None


class Rewriter(Protocol):
    """What forgets rows, down to the bytes of the file."""

    def count(self, matches: Callable[[Mapping[str, Any]], bool]) -> dict[str, int]:
        """The rows that ``matches`` is true of, by event_name; under ``held`` those of them that a legal hold keeps."""

    def rewrite(self, matches: Callable[[Mapping[str, Any]], bool], on_progress: Callable[[int, int], None]) -> None:
        """Rewrite the warehouse without these rows. To be called by the holder of the lease. Raises a WarehouseError."""


class StoredActivity(NamedTuple):
    """An activity as it is stored: ``ts_us`` in microseconds since 1970, ``feature_json`` compact JSON text."""

    activity_id: str
    ts_us: int
    event_name: str
    session_id: str | None
    project: str | None
    source: str
    feature_json: str | None
    channel_id: str
    stream_offset: str


class NewestFolded(NamedTuple):
    """Where the contexts end: a row's channel and offset, and how many rows behind it ``wait`` to be folded."""

    channel_id: str
    stream_offset: str
    wait: int


class Unfolded(Protocol):
    """What waits to be folded. Belongs to one thread. Raises a WarehouseError."""

    is_all: bool
    """Whether nothing else waits behind it."""

    def unfolded(self) -> Iterator[list[StoredActivity]]:
        """The rows in the order they were appended, piece by piece; llm_events have no ``feature_json`` here.

        Between two pieces the warehouse may be asked other things.
        """

    def newest_folded(self) -> NewestFolded | None:
        """The row that was appended last of those that are folded; None where there is none."""


class ActivityHistory(Unfolded, Protocol):
    """The stored activities, for what is derived from all of them. Belongs to the leader's thread. Raises a WarehouseError."""

    def span_before(self, ts_us: int | None, about: int) -> tuple[int, int] | None:
        """The newest span of time before ``ts_us`` (None: the end) that holds activities, about so many: from, to
        (excluded), in microseconds since 1970; None where nothing is older."""

    def between(self, low_us: int, high_us: int) -> Iterator[StoredActivity]:
        """The activities of a span without its llm_events, of which there is nothing to read; two may have one activity_id."""

    def fold_beside(self, take: Callable[[Unfolded], None]) -> Folded:
        """``Sink.fold``, while another thread gives ``take`` what is folded: nothing of it is gone before ``take`` returns."""

    def quarantined(self) -> frozenset[str]:
        """The activity_ids of the insights that are quarantined, because what they were derived from drifted."""
