"""The writer on the genuine SDK: whatever the service or the network does, each event is stored once and in order."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.clock import iso
from activity_mcp.errors import BatchRejected, WarehouseRefused, WarehouseUnavailable
from activity_mcp.operations.redrive import Retried, retry_dead
from activity_mcp.queue import dead_letters, read_commit
from activity_mcp.warehouse import Scope
from activity_mcp.warehouse.base import LEFT_OUT, REJECTED
from snowflake_recording import Recording
from standins.certificates import PASSPHRASE


@pytest.mark.parametrize(
    "faults",
    [
        [{"place": "rows", "status": 500}],
        [{"place": "rows_reply", "status": 503}],
        [{"place": "rows_reply", "drop": True}],
        [{"place": "rows", "status": 401}],
        [{"place": "open", "status": 409}],
        [{"place": "rows", "status": 413}],
    ],
    ids=["refused", "reply lost", "cut off", "session expired", "channel busy", "too large"],
)
def test_every_event_is_stored_once_and_in_order_when_a_request_fails(
    recording: Recording, faults: list[dict[str, Any]]
) -> None:
    recording.write(40)
    for fault in faults:
        recording.service.arm(**fault)
    recording.flush(recording.flusher(recording.warehouse()))
    assert recording.stored() == recording.ids
    commit = read_commit(recording.directory)
    assert commit is not None
    assert str(commit.offset) == recording.service.rows(recording.database)[-1]["STREAM_OFFSET"]


def test_a_server_that_stalls_is_given_up_and_what_it_did_in_the_end_counts(recording: Recording) -> None:
    recording.write(10)
    recording.service.arm("rows_reply", stall_s=2.5)
    recording.flush(recording.flusher(recording.warehouse(timeout_s=1.0)))
    assert [type(error) for error in recording.errors] == [WarehouseUnavailable]
    assert recording.stored() == recording.ids


def test_a_second_leader_fences_the_first_and_neither_sends_twice(recording: Recording) -> None:
    first, second = recording.flusher(recording.warehouse()), recording.flusher(recording.warehouse())
    recording.write(5)
    recording.flush(first)
    recording.write(5)
    recording.flush(second)
    recording.write(5)
    recording.flush(first)
    assert [type(error) for error in recording.errors] == [WarehouseUnavailable]
    assert recording.stored() == recording.ids


def test_a_channel_that_vanished_is_resumed_from_what_the_disk_remembers(recording: Recording) -> None:
    """Snowflake forgets channels, and their tokens, after 30 days without a row."""
    recording.write(5)
    recording.flush(recording.flusher(recording.warehouse()))
    recording.service.drop_channels(recording.database)
    recording.write(5)
    recording.flush(recording.flusher(recording.warehouse()))
    assert recording.stored() == recording.ids


def test_with_the_disks_memory_gone_too_the_stored_rows_say_where_to_go_on(recording: Recording) -> None:
    recording.write(5)
    recording.flush(recording.flusher(recording.warehouse()))
    recording.service.drop_channels(recording.database)
    Path(recording.directory, "commit.json").unlink()
    recording.write(5)
    recording.flush(recording.flusher(recording.warehouse()))
    assert recording.stored() == recording.ids


def test_a_service_that_dies_and_comes_back_has_lost_nothing_it_committed(recording: Recording) -> None:
    flusher = recording.flusher(recording.warehouse(timeout_s=1.0))
    recording.write(5)
    recording.flush(flusher)
    recording.service.kill()
    try:
        recording.write(5)
        with pytest.raises(WarehouseUnavailable):
            flusher.step()
        assert recording.writer.uncommitted_bytes() > 0
    finally:
        recording.service.start()
    recording.flush(flusher)
    assert recording.stored() == recording.ids


def test_a_batch_larger_than_a_request_is_sent_in_pieces_with_a_token_each(recording: Recording) -> None:
    recording.write(30, error="x" * 100_000)
    recording.flush(recording.flusher(recording.warehouse()))
    assert recording.stored() == recording.ids
    posts = [request for request in recording.service.requests() if recording.database in request and request.endswith("/rows")]
    assert 6 <= len(posts) <= 12


def test_a_row_too_large_for_any_request_is_set_aside_and_costs_no_other(recording: Recording) -> None:
    recording.write(3)
    recording.write(1, error=random.Random(1).randbytes(60_000).hex())
    recording.write(3)
    recording.service.arm("limit", by=20_000, times=None)
    recording.flush(recording.flusher(recording.warehouse()))
    stored = recording.stored()
    assert [name for name in stored if name.startswith("id-")] == [name for name in recording.ids if name != "id-00003"]
    assert recording.service.rows(recording.database)[3]["EVENT_NAME"] == "system_event"
    (letter,) = dead_letters(recording.directory)
    assert letter.reason.startswith(f"{REJECTED}: The request payload is too large.")
    assert b"id-00003" in letter.data()


def test_features_arrive_as_an_object_and_columns_in_the_stored_case(recording: Recording) -> None:
    recording.write(1, latency_ms=1.5, nested={"a": [1, None, "ü"]})
    recording.flush(recording.flusher(recording.warehouse()))
    (row,) = recording.service.rows(recording.database)
    assert row == {
        "ACTIVITY_ID": "id-00000",
        "TS": iso(recording.now_us),
        "CUSTOMER": "ada@example.com",
        "ACTIVITY": "used_tool",
        "FEATURE_JSON": {"tool_name": "Bash", "success": True, "latency_ms": 1.5, "nested": {"a": [1, None, "ü"]}},
        "EVENT_NAME": "tool_event",
        "SESSION_ID": "s1",
        "PROJECT": "/w",
        "SOURCE": "mcp",
        "SCHEMA_VERSION": row["SCHEMA_VERSION"],
        "CHANNEL_ID": recording.queue.queue_id,
        "STREAM_OFFSET": row["STREAM_OFFSET"],
    }


@pytest.mark.parametrize(
    "way",
    [
        {"private_key_file": "encrypted.p8", "private_key_file_pwd": PASSPHRASE},
        {"private_key_file": None, "authenticator": "PROGRAMMATIC_ACCESS_TOKEN", "token": "t"},
        {
            "private_key_file": None,
            "authenticator": "OAUTH_CLIENT_CREDENTIALS",
            "oauth_client_id": "i",
            "oauth_client_secret": "s",
            "oauth_token_request_url": "https://127.0.0.1:{port}/oauth/external",
        },
    ],
    ids=["encrypted key", "access token", "oauth"],
)
def test_the_writer_signs_in_with_a_key_a_token_or_oauth(recording: Recording, way: dict[str, Any]) -> None:
    filled: dict[str, Any] = {
        name: value.format(port=recording.service.port) if isinstance(value, str) else value for name, value in way.items()
    }
    if filled["private_key_file"]:
        filled["private_key_file"] = str(recording.service.directory / filled["private_key_file"])
    recording.write(2)
    recording.flush(recording.flusher(recording.warehouse(**filled)))
    assert recording.stored() == recording.ids


# --- rows that the service takes and leaves out


def test_a_range_with_rows_left_out_is_kept_and_reported_before_its_segment_may_go(recording: Recording) -> None:
    flusher = recording.flusher(recording.warehouse())
    recording.write(3)
    recording.flush(flusher)
    recording.write(1, reject_me=True)
    recording.write(2)
    recording.flush(flusher)
    assert recording.stored() == [name for name in recording.ids if name != "id-00003"]
    (letter,) = dead_letters(recording.directory)
    assert letter.reason == f"{LEFT_OUT}, 1 of this range: Numeric value 'reject_me' is not recognized"
    kept = letter.data()
    assert [name for name in recording.ids if name.encode() in kept] == ["id-00003", "id-00004", "id-00005"]
    assert [event["event_type"] for event in recording.reported] == ["rows_left_out"]
    recording.write(2)
    recording.flush(flusher)
    assert len(dead_letters(recording.directory)) == 1


def test_a_range_that_was_kept_is_sent_again_after_a_mend_and_what_had_arrived_folds(recording: Recording) -> None:
    recording.write(1)
    recording.write(1, reject_me=True)
    flusher = recording.flusher(recording.warehouse())
    recording.flush(flusher)
    recording.service.arm("mended", times=None)
    retried = Retried()
    retry_dead(recording.writer, retried)
    recording.flush(flusher)
    assert (retried.again, retried.kept) == (recording.ids, [])
    assert dead_letters(recording.directory) == []
    assert recording.stored() == ["id-00000", "id-00000", "id-00001"]
    source = recording.warehouse()
    (context,) = source.contexts([Scope("ada@example.com", "*")], "channel")
    assert sum(hour["events"]["tool_event"] for hour in context.blob["hours"]) == 2


def test_a_leader_that_died_between_the_commit_and_its_note_leaves_the_range_to_the_next(recording: Recording) -> None:
    recording.write(2)
    flusher = recording.flusher(recording.warehouse())
    recording.flush(flusher)
    noted = Path(recording.directory, "commit.json").read_bytes()
    recording.write(1, reject_me=True)
    recording.flush(flusher)
    for letter in dead_letters(recording.directory):
        Path(letter.path).unlink()
    Path(recording.directory, "commit.json").write_bytes(noted)
    recording.flush(recording.flusher(recording.warehouse()))
    (letter,) = dead_letters(recording.directory)
    assert b"id-00002" in letter.data()
    commit = read_commit(recording.directory)
    assert commit is not None
    assert commit.left_out == 1


# --- what a person has to mend


@pytest.mark.parametrize(
    ("way", "faults", "kind", "hint"),
    [
        ({"port": 9}, [], WarehouseUnavailable, "network"),
        ({}, [{"place": "hostname", "status": 503}], WarehouseUnavailable, "network"),
        ({"private_key_file": None, "password": "wrong"}, [], WarehouseRefused, "renew the token or the key"),
        ({"private_key_file": "/nowhere"}, [], WarehouseRefused, "private_key_file"),
        ({"private_key_file": "encrypted.p8", "private_key_file_pwd": "no"}, [], WarehouseRefused, "private_key_file_pwd"),
        (
            {},
            [{"place": "token", "status": 401, "code": "390144", "message": "JWT token is invalid."}],
            WarehouseRefused,
            "clock",
        ),
        (
            {},
            [{"place": "token", "status": 401, "message": "Programmatic access token is expired."}],
            WarehouseRefused,
            "renew",
        ),
        ({}, [{"place": "pipe_info", "status": 403, "message": "Insufficient privileges."}], WarehouseRefused, "grant"),
        ({}, [{"place": "pipe_info", "status": 404, "message": "Pipe does not exist."}], WarehouseRefused, "deploy"),
    ],
    ids=["down", "busy", "password", "no key", "passphrase", "key or clock", "token expired", "no grant", "no table"],
)
def test_what_the_writer_cannot_mend_is_one_line_with_what_to_do(
    recording: Recording, way: dict[str, Any], faults: list[dict[str, Any]], kind: type[Exception], hint: str
) -> None:
    if way.get("private_key_file") == "encrypted.p8":
        way = way | {"private_key_file": str(recording.service.directory / "encrypted.p8")}
    for fault in faults:
        recording.service.arm(**fault, times=None)
    recording.write(1)
    with pytest.raises(kind) as raised:
        recording.flusher(recording.warehouse(**way)).step()
    error: Any = raised.value
    assert error.exit_code == 4
    assert "the queue holds it" in error.message
    assert "\n" not in error.describe()
    assert hint in error.hint
    assert recording.writer.uncommitted_bytes() > 0


def test_a_request_that_is_refused_whatever_is_in_it_is_reported_and_nothing_moves(recording: Recording) -> None:
    recording.write(3)
    recording.service.arm("rows", status=400, code="ERR_TABLE_SHAPE", message="Column CUSTOMER is missing.", times=None)
    with pytest.raises(BatchRejected, match="Column CUSTOMER is missing"):
        recording.flusher(recording.warehouse()).step()
    recording.service.clear()
    recording.flush(recording.flusher(recording.warehouse()))
    assert recording.stored() == recording.ids


def test_a_missing_extra_is_one_line_that_names_it(recording: Recording) -> None:
    script = (
        "import sys; sys.modules['snowflake.ingest'] = None\n"
        "from activity_mcp.warehouse.snowflake.connection import NamedConnection\n"
        "from activity_mcp.warehouse.snowflake.snowpipe import SnowpipeSink\n"
        "from activity_mcp.errors import WarehouseRefused\n"
        "named = NamedConnection('dev', {'account': 'a', 'user': 'u', 'private_key_file': 'k'})\n"
        "try: SnowpipeSink(lambda: named).committed('c')\n"
        "except WarehouseRefused as error: print(error.describe())"
    )
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == (
        "Snowflake needs the extra activity-mcp[snowflake]: snowpipe-streaming, not installed here; nothing is lost, the queue "
        "holds it. install 'activity-mcp[snowflake]', with pip install, uv tool install or pipx install\n"
    )
