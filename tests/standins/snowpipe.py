"""The endpoints of Snowpipe Streaming, as its SDK calls them: the order, the shapes and the codes were found by running it.

What Snowflake itself does behind them is a model: channels with a token and a continuation token each, kept by ``Store``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from typing import Any
from urllib.parse import unquote

import zstandard

from .faults import Faults
from .http import Answer, Request
from .store import Channel, StaleContinuation, Stores, UnknownChannel

_PIPE = re.compile(r"/v2/streaming/databases/([^/]+)/schemas/([^/]+)/pipes/([^/:]+)(?::([a-z-]+)|/channels/([^/]+))$")
_ROWS = re.compile(r"/v2/streaming/data/databases/([^/]+)/schemas/([^/]+)/pipes/([^/]+)/channels/([^/]+)/rows$")
MAX_REQUEST_BYTES = 4 << 20
"""A request may have 4 MB on the wire."""
_PARAMETERS = {
    "max_client_lag_seconds": 1,
    "rowset_flush_threshold_kb": 65535,
    "max_buffered_kb_for_rowset_mode": 65535,
    "rowset_threshold_lookback_seconds": 10,
    "rowset_threshold_ewma_weight": 50,
    "target_file_size_compressed_mb": 16,
    "cpu_throttle_high_watermark_percent": 95,
    "cpu_throttle_low_watermark_percent": 80,
    "mem_throttle_high_watermark_percent": 95,
    "mem_throttle_low_watermark_percent": 80,
}


class SnowpipeEndpoints:
    """``answer`` gives the reply to one request of the SDK, or None where the path is not one of its."""

    def __init__(self, stores: Stores, faults: Faults) -> None:
        self._stores = stores
        self._faults = faults

    def answer(self, request: Request) -> Answer | None:
        if request.path == "/v2/streaming/hostname":
            return self._faults.hit("hostname") or Answer.text("127.0.0.1")
        if request.path == "/oauth/token":
            return self._faults.hit("token") or Answer.text(_token())
        if request.path == "/oauth/external":  # the identity provider of a connection with OAuth
            return Answer.json({"access_token": _token(), "token_type": "Bearer", "expires_in": 3600})
        if request.path == "/telemetry/send/sessionless":
            return Answer.json({"success": True, "message": "ok", "code": "", "data": ""})
        if found := _ROWS.search(request.path):
            return self._rows(unquote(found[1]), unquote(found[4]), request)
        if found := _PIPE.search(request.path):
            database, schema, pipe, verb, channel = (unquote(part or "") for part in found.groups())
            if verb == "pipe-info":
                return self._faults.hit("pipe_info") or Answer.json(_pipe_info())
            if verb == "bulk-channel-status":
                return self._statuses((database, schema, pipe), request)
            return self._channel((database, schema, pipe), channel, request)
        return None

    def _channel(self, pipe: tuple[str, str, str], name: str, request: Request) -> Answer:
        if request.method == "DELETE":
            self._stores.of(pipe[0]).drop_channel(name)
            return Answer.json({"last_committed_offset_token": None})
        if fault := self._faults.hit("open"):
            return fault
        opened = self._stores.of(pipe[0]).open_channel(name)
        return Answer.json({"next_continuation_token": opened.continuation, "channel_status": _status(pipe, opened)})

    def _statuses(self, pipe: tuple[str, str, str], request: Request) -> Answer:
        if fault := self._faults.hit("status"):
            return fault
        found = {name: self._stores.of(pipe[0]).channel(name) for name in json.loads(request.body)["channel_names"]}
        return Answer.json({"channel_statuses": {name: _status(pipe, channel) for name, channel in found.items() if channel}})

    def _rows(self, database: str, channel: str, request: Request) -> Answer:
        if fault := self._faults.hit("rows"):
            return fault
        if len(request.body) > (self._faults.number("limit") or MAX_REQUEST_BYTES):
            return Answer.error(413, "PAYLOAD_TOO_LARGE", "The request payload is too large.")
        lines = [line for line in _plain(request).split(b"\n") if line.strip()]
        asked = request.query
        try:
            mended = self._faults.is_armed("mended")
            upcoming = self._stores.of(database).insert(
                channel, asked["continuationToken"], asked.get("endOffsetToken"), lines, takes_all=mended
            )
        except StaleContinuation:
            return Answer.error(400, "STALE_CONTINUATION_TOKEN_SEQUENCER", "The continuation token is stale.")
        except UnknownChannel:
            return Answer.error(404, "ERR_CHANNEL_DOES_NOT_EXIST_OR_IS_NOT_AUTHORIZED", "The channel does not exist.")
        return self._faults.hit("rows_reply") or Answer.json({"next_continuation_token": upcoming})


def _plain(request: Request) -> bytes:
    if request.headers.get("content-encoding") == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(request.body)
    return request.body


def _token() -> str:
    """A bare JWT for an hour. Clients read its expiry and do not check the signature."""
    header, claims = {"alg": "HS256", "typ": "JWT"}, {"exp": int(time.time()) + 3600, "iat": int(time.time()), "sub": "test"}
    signed = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{_base64(hmac.new(b'test', signed.encode(), hashlib.sha256).digest())}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _status(pipe: tuple[str, str, str], channel: Channel) -> dict[str, Any]:
    database, schema, name = pipe
    return {
        "database_name": database,
        "schema_name": schema,
        "pipe_name": name,
        "channel_name": channel.name,
        "channel_status_code": "SUCCESS",
        "last_committed_offset_token": channel.token,
        "created_on_ms": channel.created_ms,
        "rows_inserted": channel.inserted,
        "rows_parsed": channel.inserted + channel.errors,
        "rows_errors": channel.errors,
        "rows_error_count": channel.errors,
        "last_error_offset_upper_bound": channel.error_offset,
        "last_error_message": channel.error_message,
        "last_error_timestamp_ms": channel.error_ms,
        "snowflake_avg_processing_latency_ms": 5,
    }


def _pipe_info() -> dict[str, Any]:
    stage = {
        "expiry_time_ms": int((time.time() + 3600) * 1000),
        "location": "bucket/path/",
        "location_type": "S3",
        "use_s3_regional_url": False,
        "region": "us-west-2",
        "storage_account": None,
        "storage_endpoint": None,
        "bucket_name": "bucket",
        "path_prefix": "path/",
        "use_fips": False,
        "creds": {"AWS_KEY_ID": "id", "AWS_SECRET_KEY": "secret", "AWS_TOKEN": "token"},
        "parameters": _PARAMETERS,
    }
    return {
        "rowset_stage_location": stage,
        "durable_stage_location": stage,
        "encryption_info": {
            "encryption_version": "AES-CTR-128.1",
            "pipe_key": base64.b64encode(bytes(32)).decode(),
            "pipe_key_id": 1,
            "diversifier": "d",
        },
        "parameters": _PARAMETERS,
        "parameter_overrides": {},
    }
