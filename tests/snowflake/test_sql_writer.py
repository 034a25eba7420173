"""The writer for connections without a key: rows and offset in one transaction, through the genuine connector."""

from __future__ import annotations

import json
from typing import Any

import pytest

from activity_mcp.errors import BatchRejected, OffsetConflict, WarehouseError, WarehouseUnavailable
from activity_mcp.warehouse import Batch, Row, Scope
from activity_mcp.warehouse.snowflake import sql_writer
from activity_mcp.warehouse.snowflake.sql_writer import SqlSink, _pieces
from activity_mcp.warehouse.snowflake.warehouse import SnowflakeWarehouse
from standins.started import StandIn
from warehouse.test_contract import CHANNEL, offset

DATABASES = iter(f"PASSWORD_{number}" for number in range(1000))


def event(number: int, **columns: Any) -> Row:
    features = {"tool_name": "Bash", "success": True, "latency_ms": number, "parameters": {"command": 'l\'s \\ "x" é'}}
    values: dict[str, Any] = {
        "activity_id": f"a{number:04d}", "ts": f"2026-11-27T10:00:{number % 60:02d}.123456Z", "customer": "ada@example.com",
        "activity": "used_tool", "anonymous_customer_id": "h", "feature_json": json.dumps(features), "revenue_impact": None,
        "link": None, "event_name": "tool_event", "session_id": "s", "project": "/w", "org_id": None, "source": "hook",
        "schema_version": "1", "channel_id": CHANNEL, "stream_offset": offset(number),
    }  # fmt: skip
    return Row(**(values | columns))


def batch(first: int, last: int, *, expected: str | None, **columns: Any) -> Batch:
    return Batch(CHANNEL, expected, offset(last), [event(number, **columns) for number in range(first, last + 1)])


class Place:
    """A database of the stand-in, reached with a password."""

    def __init__(self, service: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
        self.service = service
        self.database = next(DATABASES)
        monkeypatch.setenv("SSL_CERT_FILE", str(service.authority))
        self.connection = service.connection(self.database, private_key_file=None, password="right")

    def sink(self) -> SqlSink:
        return SqlSink(lambda: self.connection)

    def ids(self) -> list[str]:
        session = self.connection.connect()
        try:
            with session.cursor() as cursor:
                cursor.execute("SELECT activity_id FROM CLAUDE_STREAM_V2 ORDER BY stream_offset")
                return [row[0] for row in cursor.fetchall()]
        finally:
            session.close()


@pytest.fixture
def place(snowflake: StandIn, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(snowflake, monkeypatch)


def test_a_connection_with_a_password_writes_and_recalls(place: Place) -> None:
    warehouse = SnowflakeWarehouse(lambda: place.connection)
    assert warehouse.committed(CHANNEL) is None
    warehouse.append(batch(1, 3, expected=None))
    warehouse.append(batch(4, 5, expected=offset(3)))
    assert warehouse.committed(CHANNEL) == offset(5)
    assert place.ids() == [f"a{number:04d}" for number in range(1, 6)]
    (context,) = warehouse.contexts([Scope("ada@example.com", "/w")], CHANNEL)
    assert context.watermark[CHANNEL] == offset(5)
    warehouse.close()


def test_what_is_sent_arrives_as_it_was(place: Place) -> None:
    sink = place.sink()
    sink.append(batch(7, 7, expected=None, revenue_impact="-0.123456789"))
    session = place.connection.connect()
    with session.cursor() as cursor:
        cursor.execute("SELECT ts, revenue_impact, link, feature_json::VARCHAR FROM CLAUDE_STREAM_V2")
        ts, revenue, link, features = cursor.fetchall()[0]
    session.close()
    sink.close()
    assert (str(ts), str(revenue), link) == ("2026-11-27 10:00:07.123456", "-0.123456789", None)
    assert json.loads(features) == json.loads(event(7).feature_json)


@pytest.mark.parametrize("expected", [None, offset(1), offset(9)])
def test_an_offset_that_is_not_the_expected_one_writes_nothing(place: Place, expected: str | None) -> None:
    sink = place.sink()
    sink.append(batch(1, 3, expected=None))
    with pytest.raises(OffsetConflict) as caught:
        sink.append(batch(4, 5, expected=expected))
    assert caught.value.found == offset(3)
    assert place.ids() == ["a0001", "a0002", "a0003"]
    assert sink.committed(CHANNEL) == offset(3)
    sink.close()


def test_a_second_writer_of_the_channel_finds_where_the_first_is(place: Place) -> None:
    first, second = place.sink(), place.sink()
    first.append(batch(1, 2, expected=None))
    with pytest.raises(OffsetConflict):
        second.append(batch(1, 2, expected=None))
    second.append(batch(3, 4, expected=second.committed(CHANNEL)))
    assert place.ids() == ["a0001", "a0002", "a0003", "a0004"]
    first.close()
    second.close()


@pytest.mark.parametrize("passed", range(5))
def test_wherever_the_transaction_is_cut_off_nothing_is_half_written(place: Place, passed: int) -> None:
    """Each of its statements fails in turn; the batch is sent again, and is stored once."""
    sink = place.sink()
    sink.append(batch(1, 2, expected=None))
    original, left = sink._run, [passed]

    def cut(sql: str, values: Any = ()) -> list[tuple[Any, ...]]:
        if left[0] == 0:
            raise WarehouseUnavailable("cut off")
        left[0] -= 1
        return original(sql, values)

    sink._run = cut  # type: ignore[method-assign]
    try:
        sink.append(batch(3, 4, expected=offset(2)))
    except WarehouseError:
        assert place.ids() == ["a0001", "a0002"]
    again = place.sink()
    found = again.committed(CHANNEL)
    if found == offset(2):
        again.append(batch(3, 4, expected=found))
    again.close()
    assert place.ids() == ["a0001", "a0002", "a0003", "a0004"]


def test_features_that_are_no_json_reject_the_batch_before_anything_is_written(place: Place) -> None:
    sink = place.sink()
    with pytest.raises(BatchRejected, match="feature_json"):
        sink.append(batch(1, 2, expected=None, feature_json="{"))
    assert place.ids() == []


def test_a_large_batch_is_sent_in_pieces_of_whole_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_writer, "CHUNK_BYTES", 1000)
    rows = [event(number) for number in range(20)]
    pieces = list(_pieces(rows))
    assert len(pieces) > 3
    assert all(len(piece) <= 1002 for piece in pieces)
    assert [one["activity_id"] for piece in pieces for one in json.loads(piece)] == [row.activity_id for row in rows]


@pytest.mark.parametrize(
    ("parameters", "streams"),
    [
        ({"private_key_file": "k.p8"}, True),
        ({"authenticator": "PROGRAMMATIC_ACCESS_TOKEN", "token": "t"}, True),
        ({"authenticator": "OAUTH_CLIENT_CREDENTIALS", "oauth_client_id": "i", "oauth_client_secret": "s"}, True),
        ({"password": "p"}, False),
        ({"authenticator": "externalbrowser"}, False),
        ({"authenticator": "oauth", "token": "t"}, False),
    ],
)
def test_the_way_of_signing_in_decides_how_rows_are_written(parameters: dict[str, Any], streams: bool) -> None:
    from activity_mcp.warehouse.snowflake.connection import NamedConnection

    connection = NamedConnection("c", {"account": "a", "user": "u", **parameters})
    assert connection.can_stream is streams
    kind = type(SnowflakeWarehouse(lambda: connection)._sink).__name__
    assert kind == ("SnowpipeSink" if streams else "SqlSink")
