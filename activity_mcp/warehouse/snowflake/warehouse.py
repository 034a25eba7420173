"""Snowflake as a warehouse: written through Snowpipe Streaming, read through the genuine connector.

Reading costs money there, so it asks as little as it can: first the change indicator of CONTEXT_CACHE, which the cloud services
answer; the versions only when that has moved; the blobs only of what has changed. How often it asks is the refresher's
business (``PollSchedule``); it is never on the path of a call.

A session that has expired, or a connection that was cut, is opened again once within the call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ...clock import SYSTEM_CLOCK
from ...errors import WarehouseNewer, WarehouseRefused, WarehouseUnavailable
from ..base import LAYOUT_VERSION, UNBOUNDED, ContextRow, Folded, Scope, TaskState
from .connection import KEPT
from .kept_session import KeptSession
from .snowpipe import SnowpipeSink
from .sql_writer import SqlSink

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...clock import Clock
    from ..base import Batch, LeftOut
    from .connection import NamedConnection

STATEMENT_TIMEOUT_S = 30
_REMEMBERED = 64
_INDICATOR = "SELECT SYSTEM$LAST_CHANGE_COMMIT_TIME('{schema}.CONTEXT_CACHE')"
_VERSIONS = "SELECT customer, project, row_version FROM {schema}.CONTEXT_CACHE{where} ORDER BY refreshed_at DESC LIMIT 500"
_CONTEXTS = "SELECT customer, project, context_blob, watermark, row_version FROM {schema}.CONTEXT_CACHE WHERE {where}"
_HIGHEST = "SELECT highest_offset FROM {schema}.V_CHANNELS WHERE channel_id = ?"
_TASKS = "SHOW TASKS IN SCHEMA {schema}"
_LAYOUT = "SELECT MAX(version) FROM {schema}.ACTIVITY_SCHEMA_VERSION"


class SnowflakeContextSource:
    """``ContextSource`` over CONTEXT_CACHE. Not thread-safe: it belongs to the leader's thread.

    ``customer`` None reads everybody's contexts; a client reads its own, and others that are asked for by name.
    """

    def __init__(
        self, connection: Callable[[], NamedConnection], *, customer: str | None = None, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._customer = customer
        self._session = KeptSession(connection, clock=clock, timeout_s=STATEMENT_TIMEOUT_S)
        self._indicator: Any = None
        self._versions: dict[Scope, int] = {}
        self._known: dict[Scope, ContextRow] = {}

    def changed_contexts(self, known: Mapping[Scope, int]) -> list[ContextRow]:
        self._look()
        changed = [scope for scope, version in self._versions.items() if known.get(scope) != version]
        return self._read(changed)

    def contexts(self, scopes: Sequence[Scope], channel_id: str) -> list[ContextRow]:
        if not scopes:
            return []
        self._look()
        self._read([scope for scope in scopes if scope not in self._known])
        return [self._known[scope] for scope in scopes if scope in self._known]

    def highest_offset(self, channel_id: str) -> str | None:
        """The last resort where every token is gone; None too where this role may not read it."""
        try:
            rows = self._rows(_HIGHEST, (channel_id,))
        except WarehouseRefused:
            return None
        return rows[0][0] if rows else None

    def tasks(self) -> list[TaskState]:
        """Those that this role may see, by name. The cloud services answer it: no warehouse is started.

        Source: https://docs.snowflake.com/en/sql-reference/sql/show-tasks
        """
        return sorted(TaskState(row["name"], row["state"], row.get("last_suspended_reason")) for row in self._described(_TASKS))

    def refuse_newer(self) -> None:
        """Raises WarehouseNewer where the layout is newer than this version; where it cannot be read, nothing is refused."""
        if not self._session.is_open:
            try:
                self._connect()
            except (WarehouseRefused, WarehouseUnavailable):
                return  # a writer need not be able to read

    def release(self) -> None:
        """Close a session that was not used for a while."""
        self._session.release()

    def close(self) -> None:
        self._session.close()

    # --- what has changed

    def _look(self) -> None:
        """Ask the indicator; when it has moved, forget what was read and read the versions again."""
        indicator = self._rows(_INDICATOR)[0][0]
        if indicator == self._indicator:
            return
        where, values = (" WHERE customer = ?", (self._customer,)) if self._customer else ("", ())
        rows = self._rows(_VERSIONS.replace("{where}", where), values)
        self._versions = {Scope(customer, project): int(version) for customer, project, version in rows}
        self._known = {scope: row for scope, row in self._known.items() if self._versions.get(scope) == row.row_version}
        self._indicator = indicator

    def _read(self, scopes: Sequence[Scope]) -> list[ContextRow]:
        if not scopes:
            return []
        where = " OR ".join(["(customer = ? AND project = ?)"] * len(scopes))
        rows = self._rows(_CONTEXTS.replace("{where}", where), [text for scope in scopes for text in scope])
        found = [_context_row(row) for row in rows]
        self._known = dict(list((self._known | {row.scope: row for row in found}).items())[-_REMEMBERED:])
        return found

    # --- the session

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement."""
        return self._asked(sql, values)[1]

    def _described(self, sql: str) -> list[dict[str, Any]]:
        """The rows by the names of their columns, in lower case: for statements whose columns Snowflake adds to."""
        names, rows = self._asked(sql, ())
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _asked(self, sql: str, values: Sequence[Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The columns and rows of one statement.

        An old session that fails for other reasons than the SQL gets one successor.
        """
        from snowflake.connector.errors import Error

        is_new = not self._session.is_open
        if is_new:
            self._connect()
        try:
            return self._session.fetch(sql, values)
        except Error as error:
            self.close()
            if is_new or is_about_sql(error):
                raise self._session.failed(error) from error
        self._connect()
        try:
            return self._session.fetch(sql, values)
        except Error as error:
            self.close()
            raise self._session.failed(error) from error

    def _connect(self) -> None:
        self._session.open()
        try:
            self._check_layout()
        except BaseException:
            self.close()
            raise

    def _check_layout(self) -> None:
        """A layout this version does not know is left to a newer client. A role that may not read the version goes on."""
        from snowflake.connector.errors import Error

        try:
            found = self._session.fetch(_LAYOUT)[1][0][0] or 0
        except Error:
            return
        if found > LAYOUT_VERSION:
            raise WarehouseNewer(
                f"Snowflake has layout {found}, this version knows {LAYOUT_VERSION}; nothing was written, {KEPT}",
                hint="upgrade activity-mcp",
            )


class SnowflakeWarehouse:
    """``Store`` on Snowflake. ``connection`` is asked for the named connection whenever a session is made."""

    batch_weight = UNBOUNDED

    def __init__(
        self,
        connection: Callable[[], NamedConnection],
        *,
        customer: str | None = None,
        clock: Clock = SYSTEM_CLOCK,
        timeout_s: float = 30.0,
    ) -> None:
        self._named = connection
        self._clock, self._timeout_s = clock, timeout_s
        self._writer: SnowpipeSink | SqlSink | None = None
        self._source = SnowflakeContextSource(connection, customer=customer, clock=clock)

    @property
    def _sink(self) -> SnowpipeSink | SqlSink:
        """The writer that the way of signing in allows; chosen late, for the connection may be mended meanwhile."""
        if self._writer is None:
            kind = SnowpipeSink if self._named().can_stream else SqlSink
            self._writer = kind(self._named, clock=self._clock, timeout_s=self._timeout_s)
        return self._writer

    def committed(self, channel_id: str) -> str | None:
        token = self._sink.committed(channel_id)
        self._source.refuse_newer()  # before anything is written
        return token

    def highest_offset(self, channel_id: str) -> str | None:
        return self._source.highest_offset(channel_id)

    def append(self, batch: Batch) -> None:
        self._sink.append(batch)

    def fold(self) -> Folded:
        """Nothing to do: REFRESH_CONTEXT_TASK takes the rows from the table's stream."""
        return Folded()

    def left_out(self, channel_id: str) -> LeftOut:
        return self._sink.left_out(channel_id)

    def changed_contexts(self, known: Mapping[Scope, int]) -> list[ContextRow]:
        return self._source.changed_contexts(known)

    def contexts(self, scopes: Sequence[Scope], channel_id: str) -> list[ContextRow]:
        return self._source.contexts(scopes, channel_id)

    def tasks(self) -> list[TaskState]:
        return self._source.tasks()

    def release(self) -> None:
        if self._writer is not None:
            self._writer.release()
        self._source.release()

    def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        self._source.close()


def is_about_sql(error: Exception) -> bool:
    """Whether the statement is at fault (SQLSTATE class 42: syntax, names, rights), not the session it ran in."""
    return str(getattr(error, "sqlstate", "") or "").startswith("42")


def _context_row(row: tuple[Any, ...]) -> ContextRow:
    customer, project, blob, watermark, version = row
    return ContextRow(Scope(customer, project), orjson.loads(blob or "{}"), orjson.loads(watermark or "{}"), int(version))
