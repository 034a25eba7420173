"""What is a secret is replaced, what only looks like one stays, and no text takes long.

Every secret here is invented, and put together at run time so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity_mcp.claude_code.events import tool_activities
from activity_mcp.config import read_config
from activity_mcp.errors import InvalidConfig
from activity_mcp.redaction import RULES, Redactor, sensitive_kind
from activity_mcp.redaction.settings import RedactionSettings
from redaction_cases import HEX40, LOOK_ALIKES, MIXED, WORD, secrets

REPO = Path(__file__).resolve().parents[2]


def test_every_secret_of_the_table_is_replaced() -> None:
    missed = [text for _, text, secret in secrets() if secret in Redactor().text(text)]
    assert missed == []


def test_a_replaced_secret_says_what_kind_it_was() -> None:
    wrong = [(kind, Redactor().text(text)) for kind, text, _ in secrets() if f"[redacted:{kind}]" not in Redactor().text(text)]
    assert wrong == []


def test_no_look_alike_of_the_table_is_touched() -> None:
    false_alarms = [(text, Redactor().text(text)) for text in LOOK_ALIKES if Redactor().text(text) != text]
    assert false_alarms == []


def test_what_stands_around_a_secret_stays() -> None:
    redactor = Redactor()
    text = f"psql 'postgres://app:{WORD}@db:5432/orders?sslmode=require' -c 'select 1' # {HEX40}"
    assert (
        redactor.text(text)
        == f"psql 'postgres://app:[redacted:url_password]@db:5432/orders?sslmode=require' -c 'select 1' # {HEX40}"
    )
    assert redactor.count == 1


def test_a_secret_that_two_rules_find_is_replaced_once_by_its_closest_name() -> None:
    redactor = Redactor()
    text = next(text for kind, text, _ in secrets() if kind == "jwt" and text.startswith("Authorization"))
    assert redactor.text(text) == "Authorization: Bearer [redacted:jwt]"
    assert redactor.count == 1


def test_several_secrets_of_one_text_are_all_replaced_and_counted() -> None:
    redactor = Redactor()
    redacted = redactor.text("\n".join(text for _, text, _ in secrets()))
    assert [secret for _, _, secret in secrets() if secret in redacted] == []
    assert redactor.count >= len(secrets()) - 3


def test_redacting_twice_changes_nothing_more() -> None:
    once = Redactor().text("\n".join(text for _, text, _ in secrets()))
    again = Redactor()
    assert (again.text(once), again.count) == (once, 0)


def test_positions_hold_in_texts_whose_lower_case_is_longer() -> None:
    assert Redactor().text("İ" * 30 + f"password='{WORD}' İ") == "İ" * 30 + "password='[redacted:password]' İ"


def test_a_secret_is_found_by_the_name_of_its_key_wherever_it_is_nested() -> None:
    redactor = Redactor()
    payload = {
        "db": {"password": WORD, "user": "app", "port": 5432},
        "clientSecret": [WORD, {"inner": WORD}],
        "env": [{"name": "API_TOKEN", "value": "abc"}, {"name": "LEVEL", "value": "debug"}],
        "args": ["--user", "app", "--password", "abc", "--verbose"],
        "headers": {"Authorization": "abc", "X-Trace": "abc"},
        "content": json.dumps({"token": WORD}),
        "uses": {"gh" + "p_" + MIXED[:36]: 3},
        "pair": ("--token", "abc"),
    }
    assert redactor.value(payload) == {
        "db": {"password": "[redacted:password]", "user": "app", "port": 5432},
        "clientSecret": ["[redacted:secret]", {"inner": "[redacted:secret]"}],
        "env": [{"name": "API_TOKEN", "value": "[redacted:token]"}, {"name": "LEVEL", "value": "debug"}],
        "args": ["--user", "app", "--password", "[redacted:password]", "--verbose"],
        "headers": {"Authorization": "[redacted:authorization]", "X-Trace": "abc"},
        "content": '{"token": "[redacted:token]"}',
        "uses": {"[redacted:github_token]": 3},
        "pair": ["--token", "[redacted:token]"],
    }
    assert redactor.count == 9
    assert payload["db"]["password"] == WORD, "the caller's object is not changed"


def test_what_only_speaks_of_secrets_stays() -> None:
    payload = {
        "token_source": "transcript",
        "prompt_tokens": 12,
        "max_tokens": 4096,
        "tokenizer": "bpe",
        "cache_read_tokens": 3,
        "token": None,
        "password": True,
        "secret": 0.5,
        "api_key": "",
        "next_page_token": "b2Zmc2V0",
        "private_key_file": "/home/ada/key.pem",
        "primary_key": "id",
        "access_token": "$TOKEN",
    }
    redactor = Redactor()
    assert (redactor.value(payload), redactor.count) == (payload, 0)


@pytest.mark.parametrize(
    "name", ["password", "dbPassword", "DB_PASSWORD", "PGPASSWORD", "x-api-key", "APIKey", "OAuthToken", "password2", "cookie"]
)
def test_a_sensitive_name_is_known_in_every_spelling(name: str) -> None:
    assert sensitive_kind(name) is not None


def test_redaction_can_be_switched_off() -> None:
    redactor = Redactor(enabled=False)
    assert redactor.text(f"password={WORD}") == f"password={WORD}"
    assert redactor.value({"password": WORD}) == {"password": WORD}
    assert redactor.count == 0


def test_another_table_of_shapes_can_be_given() -> None:
    redactor = Redactor(rules=(*RULES, ("badge", ("badge-",), r"(?<!\w)badge-[0-9]{6}(?!\w)")))
    assert redactor.text("badge-123456 badge-12") == "[redacted:badge] badge-12"


def test_an_object_nested_a_thousand_deep_is_cut_not_followed() -> None:
    value: object = WORD
    for _ in range(1000):
        value = {"a": value}
    assert "nested too deeply" in json.dumps(Redactor().value(value))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(_json)
def test_any_json_value_comes_back_with_its_shape(value: object) -> None:
    def shape(item: object) -> object:
        if isinstance(item, dict):
            return {key: shape(inner) for key, inner in item.items()}
        return [shape(inner) for inner in item] if isinstance(item, list) else type(item)

    assert shape(Redactor().value(value)) == shape(value)


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ", "eyJaaaaaaaa.", "eyJaaaaaaaa.eyJ", "://a:", "://:", "sk-", "sk-proj-", "sk-ant-", "ghp_", "AKIA", "xoxb-",
        "AIza",
        "-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----\nMIIE", "-", "password", "password=", "token: ", "key ",
        "curl ", "curl -u ", "curl -u a:", "authorization: ", "Cookie: a=", "bearer ", "secret_key = ", '"password":"',
        "--password ", "secret" + "_" * 30, "a" * 64, '\\"', "İpass=",
    ],
)  # fmt: skip
def test_no_text_takes_long(piece: str) -> None:
    """A pattern that searches the same characters again and again takes sixteen times as long for four times the text."""

    def spent(characters: int) -> float:
        text = piece * (characters // len(piece))
        best = 9.0
        for _ in range(2):
            began = time.process_time()
            Redactor().text(text)
            best = min(best, time.process_time() - began)
        return best

    spent(1_000)  # patterns are compiled
    assert spent(80_000) < 10 * max(spent(20_000), 0.005)


@pytest.mark.parametrize(
    "text",
    [
        "ls -l /srv/a.py && git log --oneline | head -20",
        "def total(order): return sum(line.amount for line in order.lines)  # the key point",
        "see https://example.org/a/b?x=1#frag and http://localhost:8080/, or ask ada@example.org",
        "tokens, secrets and passwords are words; the token expires, a secret is kept, bypass the cookie banner",
        "a task-list with sk-learn and risk-free disk-usage, at 12:aa:bb, pat/to/path, SG. and dp.",
        "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b, uuid 3f2504e0-4f89-41d3-9a0c-0305e82c3301, curl -s https://x.example",
    ],
)  # fmt: skip
def test_a_text_without_secrets_loads_no_regular_expressions(text: str) -> None:
    """Their import alone would cost a hook half of what a bare interpreter costs."""
    code = (
        "import sys; sys.path.append(sys.argv[1]); from activity_mcp.redaction import Redactor, patterns;"
        "value = {'command': sys.argv[2], 'file_path': '/srv/a.py', 'max_tokens': 5, 'nested': [{'old_string': sys.argv[2]}]};"
        "redactor = Redactor(); assert redactor.value(value) == value;"
        "assert 're' not in sys.modules and not patterns._patterns, patterns._patterns"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", code, str(REPO), text], check=True)


# --- what a user adds


def with_settings(**members: object) -> Redactor:
    return Redactor(settings=RedactionSettings(members))


def test_a_users_pattern_hides_its_group_with_or_without_a_literal() -> None:
    rows = [
        {"name": "badge", "pattern": "badge-([0-9]{6})", "literal": "Badge-"},
        {"name": "ticket", "pattern": "(?<=T#)[0-9]+"},
    ]
    redactor = with_settings(patterns=rows)
    assert redactor.text("BADGE-1 badge-123456, T#99") == "BADGE-1 badge-[redacted:badge], T#[redacted:ticket]"
    assert redactor.count == 2


def test_a_users_names_hide_values_of_keys_options_and_members_in_every_spelling() -> None:
    redactor = with_settings(names=["employee_no"])
    assert redactor.value({"EmployeeNo": "abc", "args": ["--employee-no", "abc"], "other": "abc"}) == {
        "EmployeeNo": "[redacted:named]", "args": ["--employee-no", "[redacted:named]"], "other": "abc",
    }  # fmt: skip


def test_what_is_kept_as_a_hash_can_be_compared_and_not_read() -> None:
    redactor = with_settings(hash_only=["command"])
    one, same, other = (redactor.value({"command": text, "n": 1}) for text in ("make deploy", "make deploy", "make test"))
    assert one == same != other
    assert one == {"command": f"[sha256:{hashlib.sha256(b'make deploy').hexdigest()} length:11]", "n": 1}
    assert redactor.value({"command": None}) == {"command": None}


def test_of_a_hidden_file_nothing_is_kept_but_that_something_was_done() -> None:
    redactor = with_settings(paths={"deny": ["*/secrets/*", "*.pem"], "allow": ["/work/*", "~/notes/*"]})
    hidden = ["/work/secrets/a.txt", "/work/a/secrets/b/c", "/work/key.pem", "/etc/passwd", "C:\\secrets\\a"]
    shown = ["/work/a.py", "/work/secrets", os.path.expanduser("~/notes/x"), "/work/pem"]
    assert [path for path in hidden + shown if redactor.hides(path)] == hidden
    call = {"file_path": "/work/key.pem", "content": "MIIE", "edits": [{"new": "x"}], "limit": 5, "all": True}
    blank = "[redacted:path]"
    assert redactor.value({"tool_input": call}) == {
        "tool_input": {"file_path": blank, "content": blank, "edits": blank, "limit": 5, "all": True}
    }
    assert (redactor.path("/work/a.py"), redactor.path("/work/key.pem")) == ("/work/a.py", blank)


def test_a_tool_call_on_a_hidden_file_tells_neither_its_path_nor_its_content_nor_its_error() -> None:
    redactor = with_settings(paths={"deny": ["*.pem"]})
    given = {"file_path": "/work/key.pem", "old_string": "MIIE", "new_string": "MIIF"}
    drafts = tool_activities("t1", "Edit", given, redactor=redactor, success=False, error="MIIE not found in /work/key.pem")
    told = json.dumps([features for _, _, features in drafts])
    assert [name for name, _, _ in drafts] == ["tool_event", "file_event"]
    assert "MII" not in told
    assert "key" not in told
    assert "pem" not in told


def test_what_is_kept_as_a_hash_is_in_none_of_the_events_of_a_call() -> None:
    redactor = with_settings(hash_only=["command", "file_path", "query"])
    calls: list[tuple[str, dict[str, object], list[str]]] = [
        ("Bash", {"command": "psql -c 'select very_private'"}, ["tool_event"]),
        ("mcp__db__run_query", {"query": "select very_private from t"}, ["tool_event"]),
        ("Edit", {"file_path": "/work/very_private.py"}, ["tool_event", "file_event"]),
    ]
    for tool, tool_input, expected in calls:
        drafts = tool_activities("t1", tool, tool_input, redactor=redactor, success=True)
        assert [name for name, _, _ in drafts] == expected
        told = json.dumps([features for _, _, features in drafts])
        assert "very_private" not in told
        assert told.count("[sha256:") == len(expected)


def test_email_addresses_are_replaced_when_asked_for() -> None:
    assert with_settings(emails=True).text("ada.l+x@mail.example.org, a@b, x@y.z1") == "[redacted:email], a@b, x@y.z1"
    assert with_settings().text("ada@example.org") == "ada@example.org"


def test_settings_hold_nothing_back_where_redaction_is_off() -> None:
    settings = RedactionSettings({"hash_only": ["a"], "paths": {"deny": ["*"]}})
    assert Redactor(enabled=False, settings=settings).value({"a": "b", "path": "/x"}) == {"a": "b", "path": "/x"}


@pytest.mark.parametrize(
    "members",
    [
        [], "x", None, {"version": 2}, {"pattern": []}, {"patterns": {}}, {"patterns": ["x"]}, {"patterns": [{"name": "a"}]},
        {"patterns": [{"name": "a", "pattern": "("}]}, {"patterns": [{"name": "a", "pattern": "x", "literal": ""}]},
        {"patterns": [{"name": "a", "pattern": "x", "flags": "i"}]}, {"names": "x"}, {"names": [5]}, {"hash_only": [""]},
        {"paths": []}, {"paths": {"block": []}}, {"paths": {"deny": "x"}}, {"emails": "yes"},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_used_are_an_error_that_names_the_file(members: object) -> None:
    with pytest.raises(InvalidConfig, match=r"redaction\.json: "):
        RedactionSettings(members)


def test_every_path_to_the_disk_asks_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "redaction.json").write_text('{"names": ["employee_no"]}')
    config = read_config({"ACTIVITY_HOME": str(tmp_path)})
    assert config.redactor().value({"employee_no": "abc"}) == {"employee_no": "[redacted:named]"}
    (tmp_path / "redaction.json").write_text("{")
    with pytest.raises(InvalidConfig, match="not JSON"):
        config.redactor()
    assert read_config({"ACTIVITY_HOME": str(tmp_path), "ACTIVITY_REDACT": "off"}).redactor().enabled is False


def test_the_published_table_is_the_one_that_is_tested() -> None:
    command = [sys.executable, str(REPO / "tools" / "redaction_table.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    counted = f"{len(secrets())} true secrets: 0 missed, 0 named wrongly. {len(LOOK_ALIKES)} look-alikes: 0 false alarms.\n"
    assert (done.stdout, done.returncode) == (counted, 0)
