"""A user of the record, as the statements that make it, and how a command prints or runs them."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from activity_mcp.__main__ import run
from activity_mcp.errors import InvalidInput
from activity_mcp.warehouse.snowflake.connection import NamedConnection
from activity_mcp.warehouse.snowflake.deployment import Names
from activity_mcp.warehouse.snowflake.provisioning import NewUser, key_of, removal_of, rotation_of, statements_for

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
PRIVATE = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
TEAM = Names(database="LOGS", schema="S1", warehouse="WH", role_prefix="TEAM")


def test_a_recorder_with_a_key_gets_its_role_its_key_and_its_rows() -> None:
    made = statements_for(NewUser("ada_laptop", public_key=PUBLIC, customer="ada@example.com"), TEAM)
    assert [statement.split()[0] for statement in made] == ["CREATE", "GRANT", "ALTER", "MERGE"]
    assert "TYPE = SERVICE DEFAULT_ROLE = TEAM_CLIENT DEFAULT_WAREHOUSE = WH" in made[0]
    assert made[1] == "GRANT ROLE TEAM_CLIENT TO USER ada_laptop"
    assert made[2] == f"ALTER USER ada_laptop SET RSA_PUBLIC_KEY = '{key_of(PUBLIC)}'"
    assert "LOGS.S1.ACCESS_MAP" in made[3]
    assert "'ADA_LAPTOP' AS user_name, 'ada@example.com'::VARCHAR AS customer, NULL::VARCHAR AS org_id" in made[3]


def test_a_recorder_without_a_key_gets_a_token_bound_to_one_role_behind_a_network_policy() -> None:
    made = statements_for(NewUser("CI", networks=("203.0.113.0/24",), org_id="acme", sees_content=False), TEAM)
    assert "CREATE OR REPLACE NETWORK POLICY TEAM_CI_NETWORKS ALLOWED_IP_LIST = ('203.0.113.0/24')" in made
    assert "ALTER USER CI SET NETWORK_POLICY = TEAM_CI_NETWORKS" in made
    (token,) = [statement for statement in made if "PROGRAMMATIC ACCESS TOKEN" in statement]
    assert "ROLE_RESTRICTION = 'TEAM_CLIENT' DAYS_TO_EXPIRY = 90" in token
    assert made.index(token) > made.index("ALTER USER CI SET NETWORK_POLICY = TEAM_CI_NETWORKS")
    assert made[-1].count("FALSE") == 2


def test_a_person_who_has_a_user_gets_the_role_and_the_rows_alone() -> None:
    made = statements_for(NewUser("BEA", is_person=True, customer="bea@example.com"), TEAM)
    assert [statement.split()[0] for statement in made] == ["GRANT", "MERGE"]


def test_a_quote_in_a_customer_stays_inside_its_literal() -> None:
    made = statements_for(NewUser("X", is_person=True, customer="o'neil\\'; DROP TABLE t; --@example.com"), TEAM)[-1]
    assert len(sqlglot.parse(made, read="snowflake")) == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"name": "a b", "public_key": PUBLIC, "customer": "x"}, "not a plain name"),
        ({"name": "A", "customer": "x"}, "no way to sign in"),
        ({"name": "A", "public_key": PUBLIC}, "whose rows"),
        ({"name": "A", "networks": ("everywhere",), "customer": "x"}, "no network"),
    ],
)
def test_a_user_that_could_not_work_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        NewUser(**options)


@pytest.mark.parametrize(
    ("text", "reason"), [(PRIVATE, "never leaves the machine"), ("hello", "no public key"), ("", "no public")]
)
def test_a_file_that_is_no_public_key_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        key_of(text)


def test_rotation_leaves_no_moment_without_a_key() -> None:
    first, second, third = rotation_of("ADA", PUBLIC)
    assert "RSA_PUBLIC_KEY_2 =" in first
    assert second.startswith("-- when every machine")
    assert third == "ALTER USER ADA UNSET RSA_PUBLIC_KEY_2"


def test_who_leaves_is_shut_out_before_anything_is_dropped() -> None:
    made = removal_of("ADA", TEAM)
    assert made[0] == "ALTER USER ADA SET DISABLED = TRUE"
    assert "DELETE FROM LOGS.S1.ACCESS_MAP WHERE user_name = 'ADA'" in made
    assert made[-1].startswith("--")


class Recorded:
    def __init__(self) -> None:
        self.statements: list[str] = []

    def execute(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        self.statements.append(sql)
        return [("T", "secret-token")] if "PROGRAMMATIC" in sql else [("done",)]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    recorded, team = Recorded(), NamedConnection("team", {"account": "acme", "warehouse": "WH"})
    monkeypatch.setattr("activity_mcp.warehouse.snowflake.connection.read_connection", lambda name: team)
    monkeypatch.setattr(
        "activity_mcp.warehouse.snowflake.statements.snowflake_statements", lambda connection: nullcontext(recorded)
    )
    monkeypatch.setenv("SNOW_CONNECTION", "team")
    return recorded


def test_the_command_prints_what_it_would_run(recorded: Recorded, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "ada.pub"
    key.write_text(PUBLIC)
    arguments = ["deploy", "--add-user", "ADA", "--public-key", str(key), "--customer", "ada@example.com"]
    assert run(arguments) == 0
    printed = capfd.readouterr().out
    assert [text.split()[0] for text in re.split(r";\n", printed) if text.strip()] == ["CREATE", "GRANT", "ALTER", "MERGE"]
    assert recorded.statements == []
    assert run([*arguments, "--run"]) == 0
    assert [text.split()[0] for text in recorded.statements] == ["CREATE", "GRANT", "ALTER", "MERGE"]


def test_a_new_token_is_shown_and_what_has_to_wait_is_not_run(recorded: Recorded, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["deploy", "--add-user", "CI", "--network", "203.0.113.7", "--org-id", "acme", "--run"]) == 0
    assert "token: secret-token" in capfd.readouterr().out
    assert run(["deploy", "--remove-user", "CI", "--run"]) == 0
    assert "DROP USER IF EXISTS CI" in capfd.readouterr().out
    assert not any("DROP USER" in text for text in recorded.statements)
