"""Nothing that an event holds escapes: its columns, ids, keys, names and endings, and what a query brings back."""

from __future__ import annotations

import json
import random
import string
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.activity import Origin, build
from activity_mcp.config import read_config
from activity_mcp.redaction import Redactor
from activity_mcp.service import ActivityService
from claude_code.hooked import Hooked, payload, tool_use

NOW = 1_800_000_000_000_000


def token(seed: str) -> str:
    rng = random.Random(seed)
    return "gh" + "p_" + "".join(rng.choice(string.ascii_letters + string.digits) for _ in range(36))


def bytes_below(home: Path) -> bytes:
    return b"\0".join(str(path).encode() + path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def assert_nowhere(secret: str, home: Path) -> None:
    found = bytes_below(home).lower()
    assert secret.lower().encode() not in found


@pytest.mark.parametrize(
    "column",
    ["customer", "session_id", "project", "org_id", "activity", "activity_id", "link", "tool_use_id", "model", "agent_type"],
)
def test_no_column_of_an_event_holds_a_secret(column: str) -> None:
    secret = token(column)
    columns: dict[str, Any] = {"customer": "ada", "source": "test"}
    given: dict[str, Any] = {}
    features: dict[str, Any] = {"event_type": "x"}
    if column in ("customer", "session_id", "org_id", "project"):
        columns[column] = f"/work/{secret}" if column == "project" else secret
    elif column in ("activity", "activity_id", "link"):
        given[column] = f"https://x.example/{secret}" if column == "link" else secret
    else:
        features[column] = secret
    made = build("system_event", features, Origin(redactor=Redactor(), **columns), now_us=NOW, **given)
    assert secret not in json.dumps(made.record())


def test_an_id_that_is_redacted_stays_one_id() -> None:
    one, two = token("one"), token("two")
    first, again, other = (Redactor().identifier(f"session-{secret}") for secret in (one, one, two))
    assert first == again != other
    assert one not in first
    assert Redactor().identifier("0198c1d2-7a4b-7c3d-8e9f-0a1b2c3d4e5f") == "0198c1d2-7a4b-7c3d-8e9f-0a1b2c3d4e5f"


def test_an_e_mail_address_stays_the_customer_where_texts_lose_them() -> None:
    from activity_mcp.redaction.settings import RedactionSettings

    redactor = Redactor(settings=RedactionSettings({"emails": True}))
    assert redactor.identifier("ada@example.org") == "ada@example.org"
    assert redactor.text("ask ada@example.org") == "ask [redacted:email]"


HOOKS: dict[str, Any] = {
    "cwd": lambda secret, tmp: {**tool_use(), "cwd": f"{tmp}/{secret}"},
    "session_id": lambda secret, tmp: {**tool_use(), "session_id": secret},
    "tool_name": lambda secret, tmp: {**tool_use(), "tool_name": f"mcp__x__{secret}"},
    "tool_use_id": lambda secret, tmp: {**tool_use(), "tool_use_id": secret},
    "agent_type": lambda secret, tmp: {**tool_use(), "agent_type": secret},
    "agent_id": lambda secret, tmp: {**tool_use(), "agent_id": secret},
    "prompt_id": lambda secret, tmp: {**tool_use(), "prompt_id": secret},
    "a file's ending": lambda secret, tmp: {
        **tool_use(), "tool_name": "Write", "tool_input": {"file_path": f"{tmp}/k.{secret}", "content": "x"},
    },
    "a key": lambda secret, tmp: {**tool_use(), "tool_name": "mcp__x__y", "tool_input": {secret: 1}},
    "a key below a secret one": lambda secret, tmp: {**tool_use(), "tool_name": "mcp__x__y", "tool_input": {"credentials": {secret: 1}}},
    "the source of a start": lambda secret, tmp: payload("SessionStart", source=secret),
    "the model": lambda secret, tmp: payload("SessionStart", source="startup", model=secret),
    "the reason of an end": lambda secret, tmp: payload("SessionEnd", reason=secret),
}  # fmt: skip


@pytest.mark.parametrize("place", HOOKS)
def test_a_hook_writes_no_secret_wherever_its_payload_has_one(place: str, tmp_path: Path) -> None:
    hooked, secret = Hooked(tmp_path / "home"), token(place)
    hooked.fire(HOOKS[place](secret, tmp_path))
    assert_nowhere(secret, tmp_path / "home")


def test_a_branch_with_a_secret_is_recorded_without(tmp_path: Path) -> None:
    hooked, secret, place = Hooked(tmp_path / "home"), token("branch"), tmp_path / "work"
    (place / ".git").mkdir(parents=True)
    (place / ".git" / "HEAD").write_text(f"ref: refs/heads/fix-{secret}\n")
    hooked.fire({**tool_use(), "cwd": str(place)})
    assert hooked.lines()
    assert_nowhere(secret, tmp_path / "home")


@pytest.fixture
def service(tmp_path: Path) -> ActivityService:
    environ = {"ACTIVITY_HOME": str(tmp_path / "home"), "ACTIVITY_CUSTOMER": "ada"}
    return ActivityService(read_config(environ), environ)


@pytest.mark.parametrize("member", ["activity", "customer", "project", "link", "activity_id"])
def test_log_event_writes_no_secret_in_any_column(service: ActivityService, member: str, tmp_path: Path) -> None:
    secret = token(member)
    given = {"project": f"/p/{secret}", "link": f"https://x.example/{secret}"}.get(member, secret)
    columns: dict[str, Any] = {member: given}
    assert service.log("system_event", {"event_type": "x"}, **columns)["accepted"]
    assert_nowhere(secret, tmp_path / "home")


def test_asking_for_a_context_leaves_no_secret(service: ActivityService, tmp_path: Path) -> None:
    scopes: list[tuple[str, dict[str, Any]]] = [
        (token("c"), {"customer": token("c")}),
        (token("p"), {"project": f"/p/{token('p')}"}),
    ]
    for secret, scope in scopes:
        service.context(**scope)
        assert_nowhere(secret, tmp_path / "home")


def test_a_stored_artifact_and_its_names_hold_no_secret(service: ActivityService, tmp_path: Path) -> None:
    secret = token("artifact")
    service.artifacts.store(f"report {secret}", rows=[{secret: 1, "note": secret}], query_id=secret)
    assert_nowhere(secret, tmp_path / "home")


def test_numbers_below_a_secret_key_go_if_they_are_long() -> None:
    given = {"password": 84729301, "pin": 4821, "token": 1.5, "secret": True, "credentials": {"a": 12345678}, "port": 84729301}
    assert Redactor().value(given) == {
        "password": "[redacted:password]", "pin": 4821, "token": 1.5, "secret": True, "credentials": {"a": "[redacted:credentials]"},
        "port": 84729301,
    }  # fmt: skip


def test_a_file_that_is_nothing_but_a_secret_is_one_by_its_name() -> None:
    given = {"file_path": "/srv/config/master.key", "content": "f1541de7bed3e7343886273cb2b66c6c\n"}
    assert Redactor().value(given) == {"file_path": "/srv/config/master.key", "content": "[redacted:key_file]"}
    assert Redactor().value({"file_path": "/srv/config/key.py", "content": "x = 1\n"})["content"] == "x = 1\n"
