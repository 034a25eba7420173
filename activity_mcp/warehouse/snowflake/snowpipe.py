"""The writer to Snowflake: rows through the genuine Snowpipe Streaming SDK, on the default pipe, one named channel per queue.

    append = append_rows(rows, the last row's offset as token) · flush · wait until the channel's committed token is that offset

Rows and token are one commit on the server, and it does not deduplicate: exactly once comes from replaying a durable log from
the committed token. So whatever goes wrong (a time-out, a lost reply, another opener), client and channel are dropped without
flushing, and the next call opens the channel again. Opening fences every request still under way and says which token counts.

What the SDK does, found by running it (1.9): its constructor tries for ten hours unless set otherwise; it logs to stdout
unless set before its import; a lost reply, a refused request and a second opener all leave the channel "invalid", and then
every call fails; after a time-out its thread keeps sending until the client is closed; its idle threads cost about 1 % of a
core, so an idle client is closed.

A row the table cannot take does not fail: the token moves past it, which only ``rows_error_count`` shows. See ``left_out``.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from ...clock import SYSTEM_CLOCK
from ...errors import BatchRejected, OffsetConflict, WarehouseError, WarehouseRefused, WarehouseUnavailable
from ..base import REJECTED, UNBOUNDED, LeftOut, Row
from .connection import KEPT, hint_for
from .extra import extra_needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from snowflake.ingest.streaming import StreamingIngestChannel, StreamingIngestClient

    from ...clock import Clock
    from ..base import Batch
    from .connection import NamedConnection

TABLE = "CLAUDE_STREAM_V2"
_NAMES = tuple(name.upper() for name in Row._fields)
CHUNK_BYTES = 512 * 1024
"""Above about 1 MB in its buffer the SDK uploads files instead of sending rows; a request may have 4 MB on the wire."""
CHUNK_ROWS = 1000
IDLE_S = 60.0
FIRST_LOOK_S, LONGEST_LOOK_S = 0.25, 2.0
"""How often a commit is asked for: it takes seconds there, and a channel may be asked ten times a second."""
PATIENCE = {
    "mgmt_retry_total_backoff_seconds": "1",  # the flusher tries again by itself, with a backoff of its own
    "non_scoped_auth_failure_retry_total_backoff_seconds": "1",
    "open_channel_409_retry_total_backoff_seconds": "15",  # rows of an earlier opener may be under way for ten seconds
    "mgmt_http_timeout_seconds": "10",
    "data_http_timeout_seconds": "20",
    "channel_status_cache_refresh_interval_seconds": "0",  # else a commit is seen a second late
    "enable_telemetry_reporting": "false",
}
"""How long the SDK tries by itself, and its other settings; whole numbers as text, as it takes them."""


@dataclass(slots=True)
class OpenChannel:
    """``token`` is the offset committed last, as this client knows it."""

    client: StreamingIngestClient
    channel: StreamingIngestChannel
    channel_id: str
    token: str | None
    left_out: LeftOut


class SnowpipeSink:
    """Writes into CLAUDE_STREAM_V2. Not thread-safe: it belongs to the leader's thread. One channel is open at a time.

    ``connection`` is asked for when a client is made, so that a connection mended meanwhile is seen. ``timeout_s`` bounds each
    wait for the server. Raises WarehouseUnavailable, WarehouseRefused, BatchRejected, OffsetConflict.
    """

    batch_weight = UNBOUNDED

    def __init__(
        self, connection: Callable[[], NamedConnection], *, clock: Clock = SYSTEM_CLOCK, timeout_s: float = 30.0
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._timeout_s = timeout_s
        self._open: OpenChannel | None = None
        self._used = 0.0

    def committed(self, channel_id: str) -> str | None:
        self.close()  # only opening shows it for sure, and nobody else can write from then on
        return self._opened(channel_id).token

    def left_out(self, channel_id: str) -> LeftOut:
        return self._opened(channel_id).left_out

    def append(self, batch: Batch) -> None:
        opened = self._opened(batch.channel_id)
        if opened.token != batch.expected:
            raise OffsetConflict(
                f"channel {batch.channel_id} is at {opened.token}, not at {batch.expected}; nothing was written",
                found=opened.token,
            )
        try:
            self._send(opened, batch)
            self._await_commit(opened, batch)
        except WarehouseError:
            self.close()
            raise
        except Exception as error:
            self.close()
            raise _mapped(error, self._connection()) from error

    def release(self) -> None:
        """Close a client that was not used for a while."""
        if self._open is not None and self._clock.monotonic() - self._used > IDLE_S:
            self.close()

    def close(self) -> None:
        """Drop client and channel with whatever they still hold: the queue holds it too. Returns at once."""
        opened, self._open = self._open, None
        if opened is None:
            return
        for part in (opened.channel, opened.client):
            try:
                part.close(wait_for_flush=False, timeout_seconds=0)
            except Exception:  # noqa: S110 - an invalid channel may say so once more; there is nothing left to do about it
                pass

    # --- the SDK

    def _opened(self, channel_id: str) -> OpenChannel:
        self._used = self._clock.monotonic()
        if self._open is not None and self._open.channel_id == channel_id:
            return self._open
        self.close()
        connection = self._connection()
        client = _make_client(connection)
        try:
            channel, status = client.open_channel(channel_id)
        except Exception as error:
            client.close(wait_for_flush=False, timeout_seconds=0)
            raise _mapped(error, connection) from error
        self._open = OpenChannel(client, channel, channel_id, status.latest_committed_offset_token, _left_out(status))
        return self._open

    def _send(self, opened: OpenChannel, batch: Batch) -> None:
        """All rows, in pieces small enough to be sent as rows; each piece's token is the offset of its last row."""
        deadline = time.monotonic() + self._timeout_s
        for rows, is_last in _pieces(batch.rows):
            token = batch.offset if is_last else rows[-1].stream_offset
            opened.channel.append_rows([_values(row) for row in rows], rows[0].stream_offset, token)
            opened.channel.wait_for_flush(max(1, round(deadline - time.monotonic())))

    def _await_commit(self, opened: OpenChannel, batch: Batch) -> None:
        """A flush that returned is not a commit: the rows count once the committed token has passed them."""
        deadline, pause = time.monotonic() + self._timeout_s, FIRST_LOOK_S
        while True:
            status = opened.channel.get_channel_status()
            opened.token = status.latest_committed_offset_token
            if opened.token != batch.offset and str(status.status_code).rpartition(".")[2] != "SUCCESS":
                raise WarehouseUnavailable(
                    f"the channel has to be opened again (its status is {status.status_code}); {KEPT}",
                    hint="it is tried again by itself, from the last committed offset",
                )
            opened.left_out = _left_out(status)
            if opened.token == batch.offset:
                return
            if time.monotonic() > deadline:
                raise WarehouseUnavailable(
                    f"Snowflake did not commit a batch within {self._timeout_s:g} s (its token is {opened.token}); {KEPT}",
                    hint="it is tried again by itself, from the token",
                )
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_LOOK_S)


def _make_client(connection: NamedConnection) -> StreamingIngestClient:
    properties = connection.streaming_properties() | PATIENCE
    os.environ["SS_LOG_TARGET"] = "stderr"  # read at the import; stdout belongs to the protocol
    os.environ.setdefault("SS_LOG_LEVEL", "error")  # what fails for good is reported by the flusher
    with extra_needed():
        from snowflake.ingest.streaming import StreamingIngestClient

    try:
        return StreamingIngestClient(
            f"activity-mcp-{os.getpid()}",
            connection.database.upper(),
            connection.schema.upper(),
            f"{TABLE}-STREAMING",
            properties=properties,
        )
    except Exception as error:
        raise _mapped(error, connection) from error


def _pieces(rows: Sequence[Row]) -> Iterator[tuple[Sequence[Row], bool]]:
    start, size = 0, 0
    for number, row in enumerate(rows):
        length = len(row.feature_json) + 512
        if number > start and (size + length > CHUNK_BYTES or number - start >= CHUNK_ROWS):
            yield rows[start:number], False
            start, size = number, 0
        size += length
    yield rows[start:], True


def _values(row: Row) -> dict[str, Any]:
    """The row as the pipe matches it: stored (upper) case, and features as an object, for text would land as a string."""
    values: dict[str, Any] = {name: value for name, value in zip(_NAMES, row, strict=True) if value is not None}
    try:
        values["FEATURE_JSON"] = orjson.loads(row.feature_json)
    except ValueError as error:
        raise BatchRejected(f"{REJECTED}: feature_json: {error}") from None
    return values


def _left_out(status: Any) -> LeftOut:
    return LeftOut(int(status.rows_error_count), str(status.last_error_message or ""))


# --- errors


def _mapped(error: Exception, connection: NamedConnection) -> WarehouseError:
    """The SDK's error as ours: the one place where its codes and messages are read."""
    if isinstance(error, WarehouseError):
        return error
    if isinstance(error, TimeoutError):
        return WarehouseUnavailable(f"Snowflake did not take a batch in time; {KEPT}", hint="it is tried again by itself")
    if isinstance(error, (ValueError, TypeError)):
        return BatchRejected(f"{REJECTED}: {_words(error)}")
    code = getattr(getattr(error, "error_code", None), "value", "")
    message, text = str(getattr(error, "message", None) or error), _words(error)
    if code in ("InvalidRequest", "InvalidArgument") or "HTTP 413" in message:
        return BatchRejected(f"{REJECTED}: {text}")
    if code == "InvalidChannelError":
        return _of_invalid_channel(message, text)
    if code in _PASSING or any(sign in message for sign in _PASSING_SIGNS):
        return WarehouseUnavailable(
            f"Snowflake cannot be reached or is busy ({text}); {KEPT}",
            hint="it is tried again by itself; check the network, and host and account of the connection",
        )
    return WarehouseRefused(f"Snowflake refuses to be written to ({text}); {KEPT}", hint=hint_for(text, connection))


def _of_invalid_channel(message: str, text: str) -> WarehouseError:
    """Why a channel is invalid decides: another opener or a lost reply is put right by opening it again."""
    if "HTTP 400" in message and "CONTINUATION_TOKEN" not in message:
        return BatchRejected(f"{REJECTED}: {text}")
    return WarehouseUnavailable(
        f"the channel has to be opened again ({text}); {KEPT}",
        hint="it is tried again by itself, from the last committed offset",
    )


_PASSING = {
    "HttpRetriesExhaustedError", "HttpRetryableClientError", "SfApiInternalServerError", "NonFatal",
    "ReceiverSaturated", "MemoryThresholdExceeded", "MemoryThresholdExceededInContainer",
    "SfApiPipeFailedOverError",
    "ClosedChannelError", "ClosedClientError", "InvalidClientError", "ChannelAlreadyExists", "ChannelNotFound",
}  # fmt: skip
_SERVERS_WORDS = re.compile(r"for API (\w+)\. HTTP (\d+), error_code=([^,]*), message=(.*?), url=")
_PASSING_SIGNS = ("exhausting all retries", "RequestSendFailed", "HTTP 409", "HTTP 429", "HTTP 500", "HTTP 502", "HTTP 503")


def _words(error: Exception) -> str:
    """The server's own words, out of the SDK's message around them."""
    text = " ".join(str(getattr(error, "message", None) or error).split())
    if found := _SERVERS_WORDS.search(text):
        api, status, code, message = found.groups()
        return f"{message[:200]} (HTTP {status}, {code}, at {api})"
    return text.rpartition("Inner Error: ")[2].split(" url=")[0][:300]
