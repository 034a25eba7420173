"""Read-only SQL on Snowflake, on a connection of its own, with three lines of defence: Snowflake has no read-only session.

    the statement   exactly one SELECT or WITH, without what a SELECT can start there: calls, chained statements, SYSTEM$
    the role        the reader's role, where it was granted to the user, and no secondary roles
    the transaction never committed, so that a statement that writes all the same is rolled back

Results are what the embedded engine's ``query`` answers: times as ISO text, exact numbers as numbers where nothing is lost.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from ...clock import SYSTEM_CLOCK, iso
from ...errors import QueryCancelled, QueryRefused, WarehouseUnavailable
from ..base import QueryResult
from ..values import plain, within_bytes
from .kept_session import session_parameters
from .warehouse import is_about_sql

if TYPE_CHECKING:
    from collections.abc import Callable

    from snowflake.connector import SnowflakeConnection

    from .connection import NamedConnection

READER_ROLE = "ACTIVITY_READER"
_OURS = re.compile(r"(\w+)_(?:CLIENT|WRITER|READER|ADMIN|ENGINE)")
_NOT_CODE = re.compile(r"'(?:[^'\\]|''|\\.)*'|\"(?:[^\"]|\"\")*\"|\$\$.*?\$\$|--[^\n]*|//[^\n]*|/\*.*?\*/", re.DOTALL)
_STARTS = re.compile(r"\s*\(*\s*(SELECT|WITH)\b", re.IGNORECASE)
_REFUSED = re.compile(r"->>|;|\bCALL\b|\bPROCEDURE\b|\bSYSTEM\$|\bNEXTVAL\b|\bINTO\b", re.IGNORECASE)

_HINT = (
    "send one SELECT in Snowflake's SQL on the views: VW_ACTIVITY_STREAM, VW_TOOL_EVENTS, VW_FILE_EVENTS, VW_SQL_EVENTS, "
    "VW_LLM_EVENTS, VW_SESSION_EVENTS, VW_MCP_EVENTS, VW_SYSTEM_EVENTS; DESCRIBE names the columns of one"
)


class SnowflakeQueries:
    """``QueryEngine`` over the connection."""

    def __init__(self, connection: NamedConnection) -> None:
        self._connection = connection

    def query(
        self,
        sql: str,
        *,
        max_rows: int | None = None,
        max_bytes: int | None = None,
        timeout_s: float = 30.0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> QueryResult:
        """Run one read-only statement; ``max_rows`` and ``max_bytes`` (of the rows as JSON) None mean all of them.

        ``cancelled`` is asked before the statement is sent and before its rows are given back; what is running meanwhile is
        bounded by the statement's time-out.

        Raises QueryRefused (not one SELECT, wrong SQL), QueryCancelled, WarehouseRefused, WarehouseUnavailable (not reached, or
        the deadline).
        """
        from snowflake.connector.errors import Error

        statement = checked(sql)
        started = time.monotonic()
        session = self._connection.connect(autocommit=False, session_parameters=session_parameters(timeout_s))
        try:
            become_reader(session)
            with session.cursor() as cursor:
                if cancelled():
                    raise QueryCancelled("the query was cancelled before it was sent; nothing was stored")
                cursor.execute(statement)
                columns = [column[0] for column in cursor.description or []]
                rows = cursor.fetchall() if max_rows is None else cursor.fetchmany(max_rows + 1)
        except Error as error:
            raise self._failed(error, timeout_s) from error
        finally:
            session.close()  # without a commit
        if cancelled():
            raise QueryCancelled("the query was cancelled; nothing was stored")
        kept = within_bytes([[plain(value) for value in row] for row in rows[:max_rows]], max_bytes)
        return QueryResult(
            columns=columns,
            rows=kept,
            truncated=len(kept) < len(rows),
            as_of=iso(SYSTEM_CLOCK.time_us()),
            elapsed_ms=round((time.monotonic() - started) * 1000, 3),
            dialect="snowflake",
        )

    def _failed(self, error: Exception, timeout_s: float) -> Exception:
        words = " ".join(str(getattr(error, "msg", None) or error).split())[:500]
        if "timeout" in words.lower() or getattr(error, "errno", None) == 630:
            return WarehouseUnavailable(f"the query was stopped at its deadline of {timeout_s:g} s ({words})")
        if is_about_sql(error):
            return QueryRefused(words, hint=_HINT)
        return self._connection.failed(error)


def checked(sql: str) -> str:
    """The statement, when it is one that only reads. Raises QueryRefused."""
    statement = sql.strip().rstrip(";").rstrip()
    code = _NOT_CODE.sub(" x ", statement)
    if not _STARTS.match(_NOT_CODE.sub(lambda found: " " if _is_comment(found[0]) else " x ", statement)):
        raise QueryRefused("only one SELECT is run here; nothing was run", hint="begin with SELECT or WITH")
    if found := _REFUSED.search(code):
        raise QueryRefused(
            f"only one SELECT that changes nothing is run here, and {found[0]} can be more; nothing was run",
            hint="send one plain SELECT on the tables and views of the warehouse",
        )
    return statement


def reader_of(role: str | None) -> str:
    """The reader's role beside the connection's: TEAM_READER for one that `deploy --role-prefix TEAM` made."""
    found = _OURS.fullmatch(role or "")
    return f"{found[1]}_READER" if found else READER_ROLE


def become_reader(session: SnowflakeConnection) -> bool:
    """Take the reader's role, and only it. False where the user does not have it: then the connection's role reads."""
    from snowflake.connector.errors import Error

    try:
        with session.cursor() as cursor:
            cursor.execute(f"USE ROLE {reader_of(session.role)}")
            cursor.execute("USE SECONDARY ROLES NONE")
    except Error:
        return False
    return True


def _is_comment(text: str) -> bool:
    return text.startswith(("--", "//", "/*"))
