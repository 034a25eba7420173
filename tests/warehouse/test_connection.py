"""The connection that SNOW_CONNECTION names: read by the genuine connector, used against the stand-in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.errors import WarehouseRefused, WarehouseUnavailable
from activity_mcp.warehouse.snowflake.connection import NamedConnection
from standins.certificates import PASSPHRASE
from standins.started import StandIn

KEY = {"account": "acme-dev", "user": "ada", "private_key_file": "~/key.p8"}


def read(home: Path, name: str) -> str:
    """What ``read_connection`` finds in a process whose SNOWFLAKE_HOME is ``home``; else what it refuses with."""
    script = (
        "import sys; from activity_mcp.warehouse.snowflake.connection import read_connection\n"
        "from activity_mcp.errors import WarehouseRefused\n"
        "try: print(dict(sorted(read_connection(sys.argv[1]).parameters.items())))\n"
        "except WarehouseRefused as error: print(error.describe())"
    )
    environ = os.environ | {"SNOWFLAKE_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", script, name], env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def write(home: Path, name: str, text: str, mode: int = 0o600) -> None:
    (home / name).write_text(text)
    (home / name).chmod(mode)


def test_a_connection_is_found_where_other_tools_of_snowflake_find_it(tmp_path: Path) -> None:
    write(tmp_path, "config.toml", '[connections.dev]\naccount = "old"\n[connections.prod]\naccount = "p"\n')
    assert read(tmp_path, "prod") == "{'account': 'p'}"
    write(tmp_path, "connections.toml", '[dev]\naccount = "acme"\nport = 8443\n')
    assert read(tmp_path, "dev") == "{'account': 'acme', 'port': 8443}"


@pytest.mark.parametrize(
    ("text", "mode", "reported"),
    [
        ('[dev]\naccount = "a"\n', 0o600, "SNOW_CONNECTION names 'nope', which is not in {home}/connections.toml (found: dev)"),
        ("x = = 1\n", 0o600, "the connections of Snowflake cannot be read"),
        ('[nope]\naccount = "a"\n', 0o666, "writable by group or others"),
    ],
)
def test_a_name_or_a_file_that_is_wrong_is_one_line_with_what_to_do(
    tmp_path: Path, text: str, mode: int, reported: str
) -> None:
    write(tmp_path, "connections.toml", text, mode)
    answer = read(tmp_path, "nope")
    assert reported.format(home=tmp_path) in answer
    assert "the queue holds it" in answer
    assert "\n" not in answer


@pytest.mark.parametrize(
    ("parameters", "properties"),
    [
        (KEY, {"authorization_type": "JWT", "private_key_file": os.path.expanduser("~/key.p8")}),
        (
            KEY | {"authenticator": "snowflake_jwt", "private_key_file_pwd": "s3", "role": "WRITER"},
            {
                "authorization_type": "JWT",
                "private_key_file": os.path.expanduser("~/key.p8"),
                "private_key_passphrase": "s3",
                "role": "WRITER",
            },
        ),
        (
            {"account": "acme-dev", "user": "ada", "authenticator": "PROGRAMMATIC_ACCESS_TOKEN", "token": "pat"},
            {"authorization_type": "PAT", "personal_access_token": "pat"},
        ),
        (
            {
                "account": "acme-dev",
                "user": "ada",
                "authenticator": "oauth_client_credentials",
                "oauth_client_id": "i",
                "oauth_client_secret": "s",
                "oauth_token_request_url": "https://idp/token",
            },
            {
                "authorization_type": "OAUTH",
                "oauth_client_id": "i",
                "oauth_client_secret": "s",
                "oauth_token_endpoint": "https://idp/token",
            },
        ),
    ],
)
def test_what_the_writer_is_reported_of_each_way_to_sign_in(parameters: dict[str, Any], properties: dict[str, str]) -> None:
    common = {"account": "acme-dev", "user": "ada", "url": "https://acme-dev.snowflakecomputing.com:443"}
    assert NamedConnection("dev", parameters).streaming_properties() == common | properties


def test_host_and_port_hold_for_the_writer_too() -> None:
    properties = NamedConnection("dev", KEY | {"host": "10.0.0.7", "port": 8443}).streaming_properties()
    assert properties["url"] == "https://10.0.0.7:8443"


@pytest.mark.parametrize(
    ("parameters", "reported"),
    [
        ({"account": "a", "user": "u", "password": "p"}, "signs in with a password, which Snowpipe Streaming does not take"),
        ({"account": "a", "user": "u", "authenticator": "OAUTH", "token": "t"}, "signs in with an OAuth access token"),
        ({"account": "a", "user": "u", "authenticator": "externalbrowser"}, "signs in with EXTERNALBROWSER"),
        ({"account": "a", "user": "u", "authenticator": "SNOWFLAKE_JWT"}, "has no private_key_file"),
        ({"user": "u", "private_key_file": "k"}, "has no account"),
        ({"account": "a", "private_key_file": "k"}, "has no user"),
    ],
)
def test_a_connection_that_cannot_write_says_what_it_needs(parameters: dict[str, Any], reported: str) -> None:
    with pytest.raises(WarehouseRefused) as refused:
        NamedConnection("dev", parameters).streaming_properties()
    assert reported in refused.value.message
    assert "the queue holds it" in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    "way",
    [
        {},
        {"private_key_file": "encrypted.p8", "private_key_file_pwd": PASSPHRASE},
        {"private_key_file": None, "password": "right"},
        {"private_key_file": None, "authenticator": "PROGRAMMATIC_ACCESS_TOKEN", "token": "t"},
        {"private_key_file": None, "authenticator": "OAUTH", "token": "t"},
    ],
)
def test_the_reader_signs_in_with_whatever_the_connector_takes(snowflake: StandIn, way: dict[str, Any]) -> None:
    if name := way.get("private_key_file"):
        way = way | {"private_key_file": str(snowflake.directory / name)}
    connection = snowflake.connection(**way).connect()
    try:
        assert connection.cursor().execute("SELECT 1 AS one, ? AS two", ("bound",)).fetchall() == [(1, "bound")]
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("way", "hint"),
    [
        ({"private_key_file": None, "password": "wrong"}, "renew the token or the key"),
        ({"private_key_file": "/nowhere/key.p8"}, "check private_key_file"),
        ({"private_key_file": "encrypted.p8", "private_key_file_pwd": "wrong"}, "private_key_file_pwd"),
    ],
)
def test_a_sign_in_that_is_refused_says_what_to_look_at(snowflake: StandIn, way: dict[str, Any], hint: str) -> None:
    if way["private_key_file"] == "encrypted.p8":
        way = way | {"private_key_file": str(snowflake.directory / "encrypted.p8")}
    with pytest.raises(WarehouseRefused) as refused:
        snowflake.connection(**way).connect()
    assert hint in refused.value.hint


def test_a_network_that_is_down_is_another_thing_than_a_refusal(snowflake: StandIn) -> None:
    with pytest.raises(WarehouseUnavailable) as down:
        snowflake.connection(port=9).connect(retry_max_attempts=1)
    assert down.value.retryable
    snowflake.arm("login", status=503, times=None)
    with pytest.raises(WarehouseUnavailable):
        snowflake.connection().connect(retry_max_attempts=1)
