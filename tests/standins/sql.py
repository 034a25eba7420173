"""The endpoints the connector speaks: sign in, run a statement, sign out. Statements run on the embedded engine's own file.

The rows that Snowpipe stored are folded in before each statement, by the same refresh sequence that Snowflake's task runs;
so what is read through here was written by the SDK. Of Snowflake's own functions only the change indicator is known.
"""

from __future__ import annotations

import datetime
import decimal
import json
import re
import shutil
import threading
import uuid
from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb

from activity_mcp.errors import WarehouseError
from activity_mcp.warehouse import Batch, Row
from activity_mcp.warehouse.duckdb.dialect.errors import Untranslatable
from activity_mcp.warehouse.duckdb.dialect.marks import looks_like_snowflake
from activity_mcp.warehouse.duckdb.dialect.questions import from_snowflake
from activity_mcp.warehouse.duckdb.dialect.rules import translate
from activity_mcp.warehouse.duckdb.statements import DuckDBStatements
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse

from .faults import Faults
from .http import Answer, Request
from .store import Store, Stores

_INDICATOR = re.compile(r"^\s*SELECT\s+SYSTEM\$LAST_CHANGE_COMMIT_TIME\('([\w.]+)'\)\s*;?\s*$", re.IGNORECASE)
_NOW = re.compile(r"^\s*SELECT\s+SYSDATE\(\)\s*$", re.IGNORECASE)
_TASKS = re.compile(r"^\s*SHOW\s+TASKS\s+IN\s+SCHEMA\s+\S+\s*$", re.IGNORECASE)
_ROLE = re.compile(r"^\s*USE\s+ROLE\s+(\w+)\s*$", re.IGNORECASE)
_WRITES = re.compile(r"^\s*(INSERT|UPDATE|DELETE|MERGE|DROP|ALTER|CREATE|TRUNCATE)\b", re.IGNORECASE)
_READERS = ("ACTIVITY_READER",)
_TRANSACTION = re.compile(r"^\s*(BEGIN|COMMIT|ROLLBACK)\b", re.IGNORECASE)
_ROWS_WRITTEN = re.compile(r"^\s*INSERT INTO \S*CLAUDE_STREAM_V2\b", re.IGNORECASE)
_SESSION = re.compile(r"^\s*(ALTER\s+SESSION|USE)\b", re.IGNORECASE)
_QUALIFIED = re.compile(r"\b\w+\.ACTIVITIES\.", re.IGNORECASE)
_TOKEN_VALIDITY_S = 3600
_REFUSED_PASSWORD = "wrong"


class SQLEndpoints:
    """``answer`` gives the reply to one request of the connector, or None where the path is not one of its."""

    def __init__(self, stores: Stores, faults: Faults) -> None:
        self._stores = stores
        self._faults = faults
        self._engines: dict[str, Engine] = {}
        self._sessions: dict[str, str] = {}
        self._roles: dict[str, str] = {}
        self._statements: list[str] = []
        self._lock = threading.Lock()

    @property
    def statements(self) -> list[str]:
        return list(self._statements)

    def expire_sessions(self) -> None:
        self._sessions.clear()

    def answer(self, request: Request) -> Answer | None:
        if request.path == "/session/v1/login-request":
            return self._faults.hit("login") or self._login(request)
        if request.path == "/session/token-request":
            return _refused("390114", "Authentication token has expired.  The user must authenticate again.")
        if request.path == "/queries/v1/query-request":
            return self._faults.hit("query") or self._query(request)
        if request.path == "/session" and request.query.get("delete") == "true":
            for engine in self._engines.values():
                engine.abandon()
        if request.path in ("/session", "/session/heartbeat", "/telemetry/send", "/queries/v1/abort-request"):
            return _accepted({})
        return None

    def _login(self, request: Request) -> Answer:
        asked = request.json()["data"]
        if asked.get("PASSWORD") == _REFUSED_PASSWORD:
            return _refused("390100", "Incorrect username or password was specified.")
        database = request.query.get("databaseName", "CLAUDE_LOGS")
        token = uuid.uuid4().hex
        self._sessions[token] = database
        return _accepted(
            {
                "token": token,
                "masterToken": f"master-{token}",
                "validityInSeconds": _TOKEN_VALIDITY_S,
                "masterValidityInSeconds": 4 * _TOKEN_VALIDITY_S,
                "displayUserName": asked.get("LOGIN_NAME"),
                "serverVersion": "10.0.0",
                "sessionId": 1,
                "parameters": [
                    {"name": "TIMEZONE", "value": "UTC"},
                    {"name": "AUTOCOMMIT", "value": True},
                    {"name": "CLIENT_SESSION_KEEP_ALIVE", "value": False},
                ],
                "sessionInfo": {
                    "databaseName": database,
                    "schemaName": "ACTIVITIES",
                    "warehouseName": "COMPUTE_WH",
                    "roleName": "R",
                },
            }
        )

    def _query(self, request: Request) -> Answer:
        header = request.headers.get("authorization", "")
        database = next((name for token, name in self._sessions.items() if token in header), None)
        if database is None:
            return _refused("390112", "Your session has expired. Please login again.")
        asked = request.json()
        bound = asked.get("bindings") or {}
        if _NOW.match(asked["sqlText"]):
            now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=self._faults.number("clock"))
            return _rows([("SYSDATE()", "TIMESTAMP")], [(now,)])
        if found := _ROLE.match(asked["sqlText"]):
            self._roles[header] = found[1].upper()
        elif self._roles.get(header) in _READERS and _WRITES.match(asked["sqlText"]):
            return _failed("Insufficient privileges to operate on table", code="003001", state="42501")
        if _TASKS.match(asked["sqlText"]):
            return _tasks(is_suspended=self._faults.is_armed("tasks"))
        with self._lock:
            self._statements.append(asked["sqlText"])
            if database not in self._engines:
                self._engines[database] = Engine(self._stores.of(database), self._deployed(database))
            try:
                return self._engines[database].run(asked["sqlText"], [bound[key]["value"] for key in sorted(bound, key=int)])
            except WarehouseError as error:
                return _failed(str(error.__cause__ or error).splitlines()[0])

    def _deployed(self, database: str) -> Path:
        """The file of a database: deployed once, copied for each."""
        path, template = (self._stores.directory / f"{name}.duckdb" for name in (database, "template"))
        if not template.exists():
            warehouse = DuckDBWarehouse(str(template))
            warehouse.committed("none")
            warehouse.close()
        if not path.exists():
            shutil.copyfile(template, path)
        return path


def _asked(connection: duckdb.DuckDBPyConnection, sql: str, values: list[Any]) -> Any:
    """Run a statement; a question as the embedded warehouse reads Snowflake's dialect, where it is in that."""
    try:
        return connection.execute(from_snowflake(sql) if looks_like_snowflake(sql) else sql, values)
    except Untranslatable:
        return connection.execute(sql, values)
    except duckdb.CatalogException as unknown:
        try:
            text = from_snowflake(sql)
        except Untranslatable:
            raise unknown from None  # a procedure, which is not here: refused in the engine's words
        return connection.execute(text, values)


class Engine:
    """One database: the stream that Snowpipe filled, the context that was worked out from it, and SQL on both."""

    def __init__(self, store: Store, path: Path) -> None:
        self._store = store
        self._warehouse = DuckDBWarehouse(str(path))
        self._folded = 0
        self._in_transaction = False
        self._written: list[tuple[Any, ...]] = []

    def run(self, sql: str, values: list[Any]) -> Answer:
        if _SESSION.match(sql):
            return _rows([("status", "VARCHAR")], [("Statement executed successfully.",)])
        if _TRANSACTION.match(sql) or self._in_transaction:
            return self._step(_QUALIFIED.sub("", sql), values)
        self._fold()
        if found := _INDICATOR.match(sql):
            return self._indicator(found[1])
        with self._warehouse._engine() as connection:
            result = _asked(connection, _QUALIFIED.sub("", sql), values)
            described = [(column[0], str(column[1])) for column in result.description or []]
            return _rows(described, result.fetchall())

    def _step(self, sql: str, values: list[Any]) -> Answer:
        """One statement of a client's transaction; with its commit the refresh sequence takes what it inserted."""
        with self._warehouse._engine() as connection:
            if not _TRANSACTION.match(sql):
                text = sql if sql.lstrip().upper().startswith("SELECT") else str(translate(sql))
                result = connection.execute(text, values)
                described = [(column[0], str(column[1])) for column in result.description or []]
                answer = _rows(described, result.fetchall())
                if _ROWS_WRITTEN.match(sql):
                    self._written += [(one["channel_id"], one["stream_offset"]) for one in json.loads(values[0])]
                return answer
            word = sql.split()[0].upper()
            if word == "COMMIT":
                for channel, offset in self._written:
                    rows = "SELECT * FROM CLAUDE_STREAM_V2 WHERE channel_id = $channel AND stream_offset = $offset"
                    DuckDBStatements(connection).refresh(rows, {"channel": channel, "offset": offset})
            connection.execute(word if word != "BEGIN" else "BEGIN TRANSACTION")
            self._in_transaction, self._written = word == "BEGIN", []
            return _rows([("status", "VARCHAR")], [("Statement executed successfully.",)])

    def abandon(self) -> None:
        """The session that had a transaction is gone."""
        if self._in_transaction:
            self._step("ROLLBACK", [])

    def _indicator(self, table: str) -> Answer:
        with self._warehouse._engine() as connection:
            found = connection.execute(f"SELECT MAX(refreshed_at) FROM {table.split('.')[-1]}").fetchall()[0][0]
        moment = int(found.replace(tzinfo=datetime.UTC).timestamp() * 1e9) if found else 0
        return _rows([("SYSTEM$LAST_CHANGE_COMMIT_TIME", "BIGINT")], [(moment,)])

    def _fold(self) -> None:
        """What REFRESH_CONTEXT_TASK does: the new rows of the stream, through the refresh sequence."""
        by_channel: dict[str, list[Row]] = defaultdict(list)
        for number, body in self._store.rows_after(self._folded):
            self._folded = number
            by_channel[str(body["CHANNEL_ID"])].append(_row(body))
        for channel, rows in by_channel.items():
            folded = self._warehouse.committed(channel)
            new = [row for row in rows if folded is None or row.stream_offset > folded]
            if new:
                self._warehouse.append(Batch(channel, folded, new[-1].stream_offset, new))
                self._warehouse.fold()  # as the task does


def _tasks(*, is_suspended: bool) -> Answer:
    """The columns that clients read, among others: https://docs.snowflake.com/en/sql-reference/sql/show-tasks"""
    described = [(name, "VARCHAR") for name in ("created_on", "name", "state", "last_suspended_reason")]
    refresh = ("suspended", "SUSPENDED_DUE_TO_ERRORS") if is_suspended else ("started", None)
    at = "2026-11-01 00:00:00.000 -0800"
    return _rows(described, [(at, "REFRESH_CONTEXT_TASK", *refresh), (at, "DAILY_UPKEEP_TASK", "started", None)])


def _row(body: dict[str, Any]) -> Row:
    values: dict[str, Any] = {name: body.get(name.upper()) for name in Row._fields}
    return Row(**(values | {"feature_json": json.dumps(body["FEATURE_JSON"])}))


def _rows(described: list[tuple[str, str]], rows: list[tuple[Any, ...]]) -> Answer:
    return _accepted(
        {
            "parameters": [],
            "rowtype": [_column(name, kind) for name, kind in described],
            "rowset": [[_text(value) for value in row] for row in rows],
            "total": len(rows),
            "returned": len(rows),
            "queryId": str(uuid.uuid4()),
            "queryResultFormat": "json",
            "databaseProvider": None,
            "finalDatabaseName": "CLAUDE_LOGS",
            "finalSchemaName": "ACTIVITIES",
            "finalWarehouseName": "COMPUTE_WH",
            "finalRoleName": "R",
            "numberOfBinds": 0,
            "arrayBindSupported": False,
            "statementTypeId": 4096,
            "version": 1,
        }
    )


def _column(name: str, kind: str) -> dict[str, Any]:
    length, precision, scale = None, None, None
    if kind in ("BIGINT", "INTEGER", "HUGEINT", "SMALLINT", "TINYINT", "UBIGINT"):
        type_name, precision, scale = "fixed", 38, 0
    elif kind.startswith("DECIMAL"):
        type_name, precision, scale = "fixed", 38, int(kind.rstrip(")").split(",")[1])
    elif kind in ("DOUBLE", "FLOAT"):
        type_name = "real"
    elif kind == "BOOLEAN":
        type_name = "boolean"
    elif kind.startswith("TIMESTAMP"):
        type_name, precision, scale = "timestamp_ntz", 0, 9
    elif kind == "JSON":
        type_name = "variant"
    else:
        type_name, length = "text", 16777216
    sizes = {"length": length, "byteLength": length, "precision": precision, "scale": scale}
    return {"name": name.upper(), "type": type_name, "nullable": True, "database": "", "schema": "", "table": "", **sizes}


def _text(value: Any) -> str | None:
    """A value as Snowflake writes it into a JSON result."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime.datetime):
        return f"{value.replace(tzinfo=datetime.UTC).timestamp():.9f}"
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"  # never with an exponent
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def _accepted(data: dict[str, Any]) -> Answer:
    return Answer.json({"data": data, "code": None, "message": None, "success": True})


def _refused(code: str, message: str) -> Answer:
    return Answer.json({"data": {}, "code": code, "message": message, "success": False})


def _failed(message: str, code: str = "002003", state: str = "42S02") -> Answer:
    reported = {
        "internalError": False,
        "errorCode": code,
        "age": 0,
        "sqlState": state,
        "queryId": str(uuid.uuid4()),
        "line": 1,
        "pos": 1,
    }
    return Answer.json({"data": reported, "code": code, "message": f"SQL compilation error: {message}", "success": False})
