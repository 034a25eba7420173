"""Snowflake, when SNOW_CONNECTION names a connection: can it be written to, can it be read, and is what is there what we know.

This part asks the network: it signs in once as a reader. It does not open the channel, for that would take it from the process
that leads; what a leader met is in ``warehouse``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...clock import parse_iso
from ...errors import DOCS_URL, WarehouseError
from ...health.check import Check
from ...warehouse.snowflake.extra import HINT, missing_packages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snowflake.connector import SnowflakeConnection

    from ...warehouse.snowflake.connection import NamedConnection
    from .subject import Subject

MAX_LAG_MS = 10 * 60_000
"""How long rows may wait for REFRESH_CONTEXT_TASK, which runs once a minute."""
MAX_SKEW_S = 30.0
"""A key pair signs for a minute around now: a clock that is further off is refused."""


def checks(subject: Subject) -> Iterator[Check]:
    from ...warehouse.factory import connection_of

    read_connection = connection_of(subject.service.config)
    if read_connection is None:
        return
    try:
        connection = read_connection()
    except WarehouseError as error:
        yield Check("connection", "fail", error.message, error.hint)
        return
    yield Check("connection", "ok", f"{connection.name}: {connection.database}.{connection.schema}")
    yield _writer(connection)
    yield from _reader(connection, subject)


def _writer(connection: NamedConnection) -> Check:
    if not connection.can_stream:
        return Check("writer", "ok", "writes with SQL, which needs a running warehouse; a key or a token would not")
    if missing := missing_packages():
        return Check("writer", "fail", f"{' and '.join(missing)} is not installed", HINT)
    try:
        properties = connection.streaming_properties()
    except WarehouseError as error:
        return Check("writer", "fail", error.message, error.hint)
    return Check(
        "writer",
        "ok",
        f"{properties['authorization_type']} as {properties.get('user', 'its token says')} at {properties['url']}",
    )


def _reader(connection: NamedConnection, subject: Subject) -> Iterator[Check]:
    try:
        session = connection.connect()
    except WarehouseError as error:
        yield Check("reader", "fail", error.message, error.hint)
        return
    try:
        yield Check("reader", "ok", f"signs in with {connection.authenticator}")
        yield _clock(session, subject)
        yield _stream(session, connection)
        yield _layout(session, connection)
        yield from _upkeep(session, connection)
    finally:
        session.close()


def _clock(session: SnowflakeConnection, subject: Subject) -> Check:
    rows, answer = _rows(session, "SELECT SYSDATE()")
    if rows is None:
        return Check("clock", "warn", f"Snowflake did not answer what time it is ({answer})")
    off = subject.service.clock.time_us() / 1e6 - parse_iso(rows[0][0].strftime("%Y-%m-%dT%H:%M:%S.%fZ")) / 1e6
    if abs(off) > MAX_SKEW_S:
        return Check("clock", "fail", f"this machine's clock is {off:+.0f} s off Snowflake's", "set it, or let NTP keep it")
    return Check("clock", "ok", f"{off:+.1f} s off Snowflake's")


def _stream(session: SnowflakeConnection, connection: NamedConnection) -> Check:
    """The table we write into: it is there, this role may read it, and it has every column we send."""
    from ...warehouse import COLUMNS
    from ...warehouse.snowflake.connection import hint_for

    table = f"{connection.database}.{connection.schema}.CLAUDE_STREAM_V2"
    rows, answer = _rows(session, f"SELECT * FROM {table} LIMIT 0")  # noqa: S608 - names of the connection's own file
    if rows is None:
        return Check("stream", "fail", f"{table} cannot be read ({answer})", hint_for(answer, connection))
    missing = [name for name in COLUMNS if name.upper() not in answer.split()]
    if missing:
        return Check(
            "stream",
            "fail",
            f"{table} has another shape, without {', '.join(missing)}; what is sent there would be left out without an error",
            "run `activity-mcp deploy` into a schema of its own, and name that in the connection",
        )
    return Check("stream", "ok", f"{table} has every column")


def _layout(session: SnowflakeConnection, connection: NamedConnection) -> Check:
    from ...warehouse.base import LAYOUT_VERSION
    from ...warehouse.snowflake.connection import hint_for

    schema = f"{connection.database}.{connection.schema}"
    rows, answer = _rows(session, f"SELECT MAX(version) FROM {schema}.ACTIVITY_SCHEMA_VERSION")  # noqa: S608 - as above
    if rows is None:
        return Check("layout", "fail", f"the layout of {schema} is unknown ({answer})", hint_for(answer, connection))
    found = rows[0][0] or 0
    if found > LAYOUT_VERSION:
        return Check(
            "layout", "fail", f"{schema} has layout {found}, this version knows {LAYOUT_VERSION}", "upgrade activity-mcp"
        )
    if found < LAYOUT_VERSION:
        return Check(
            "layout", "fail", f"{schema} has layout {found}, this version needs {LAYOUT_VERSION}", "activity-mcp deploy"
        )
    return Check("layout", "ok", f"{schema} has layout {found}")


def _upkeep(session: SnowflakeConnection, connection: NamedConnection) -> Iterator[Check]:
    """Whether the tasks run, whether this user sees a context, and whether anything is stored twice."""
    schema = f"{connection.database}.{connection.schema}"
    yield _tasks(session, schema)
    rows, answer = _rows(session, f"SELECT COUNT(*) FROM {schema}.CONTEXT_CACHE")  # noqa: S608 - names of the connection's file
    if rows is None:
        yield Check("context", "warn", f"CONTEXT_CACHE cannot be read ({answer})", "grant the role ACTIVITY_CLIENT to its user")
    elif not rows[0][0]:
        yield Check(
            "context",
            "warn",
            "no context in CONTEXT_CACHE is visible to this user: none was made yet, or ACCESS_MAP gives it no rows",
            f"activity-mcp deploy --add-user NAME --person --customer YOU: {DOCS_URL}/snowflake-team.md",
        )
    else:
        yield Check("context", "ok", f"{rows[0][0]} contexts are visible")
    rows, answer = _rows(session, f"SELECT COUNT(*) FROM {schema}.V_DOUBLED_OFFSETS")  # noqa: S608 - as above
    if rows is not None and rows[0][0]:
        yield Check(
            "stored twice", "fail", f"{rows[0][0]} lines of a queue are stored twice", f"CALL {schema}.REMOVE_DOUBLED_ROWS()"
        )
    elif rows is not None:
        yield Check("stored twice", "ok", "no line of the last 7 days is stored twice")


def _tasks(session: SnowflakeConnection, schema: str) -> Check:
    """A task that fails or rests while rows wait. What this role may not monitor looks as if it rested."""
    tasks, answer = _rows(session, f"SELECT task_name, health, last_error FROM {schema}.V_TASK_MONITORING")  # noqa: S608
    lag, _ = _rows(session, f"SELECT waiting_rows, lag_ms FROM {schema}.V_STREAM_LAG")  # noqa: S608
    if tasks is None or lag is None:
        return Check(
            "tasks", "warn", f"how the tasks fare cannot be seen ({answer})", "grant the role ACTIVITY_READER to its user"
        )
    failing = [f"{name} ({error or health})" for name, health, error in tasks if health in ("failing", "unsteady")]
    waiting, lag_ms = (int(value or 0) for value in lag[0])
    if any(health == "failing" for _, health, _ in tasks) or lag_ms > MAX_LAG_MS:
        what = (
            "; ".join(failing) or f"{waiting} rows have waited for {lag_ms // 60_000} minutes: the task rests or is suspended"
        )
        return Check("tasks", "fail", what, f"the runbook in {DOCS_URL}/snowflake.md: a suspended task, a stale stream")
    if failing:
        return Check("tasks", "warn", f"of the last day's runs some failed: {'; '.join(failing)}")
    return Check("tasks", "ok", f"{waiting} rows wait for the next run")


def _rows(session: SnowflakeConnection, sql: str) -> tuple[list[tuple[Any, ...]] | None, str]:
    """The rows and the names of the columns; or None and what was said instead."""
    from snowflake.connector.errors import Error

    try:
        with session.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()], " ".join(column[0].upper() for column in cursor.description or [])
    except Error as error:
        return None, " ".join(str(getattr(error, "msg", None) or error).split())[:200]
