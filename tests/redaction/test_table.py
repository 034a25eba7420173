"""What is a secret is replaced, what only looks like one stays, and no text takes long.

Every secret here is invented, and put together at run time so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.redaction import RULES, Redactor
from activity_mcp.redaction.names import sensitive_kind
from lengths import examples
from redaction.cases import HEX40, LOOK_ALIKES, MIXED, WORD, secrets

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


def test_what_is_around_a_secret_stays() -> None:
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
    payload: dict[str, Any] = {
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


@examples(50, 300)
@given(_json)
def test_any_json_value_comes_back_with_its_shape(value: object) -> None:
    def shape(item: object) -> object:
        if isinstance(item, dict):
            return {key: shape(inner) for key, inner in item.items()}
        if isinstance(item, list):
            return [shape(inner) for inner in item]
        may_be_mark = isinstance(item, str) or (isinstance(item, (int, float)) and len(str(item)) >= 6)
        return "scalar" if may_be_mark else type(item)  # below a secret key a text or a long number becomes a mark

    assert shape(Redactor().value(value)) == shape(value)


def test_the_published_page_is_what_is_measured() -> None:
    command = [sys.executable, str(REPO / "tools" / "redaction_table.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    counted = f"{len(secrets())} true secrets: 0 missed, 0 named wrongly. {len(LOOK_ALIKES)} look-alikes: 0 false alarms.\n"
    assert (done.stdout.startswith(counted), done.returncode) == (True, 0), done.stdout
