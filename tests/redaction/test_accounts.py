"""A name in one member and its value in another, and accounts in sentences and lists; and what only looks like them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from activity_mcp.redaction import Redactor

SECRET = "hunter" + "22Xq"
OBJECTS: list[Any] = [
    {"k": "DB_PASSWORD", "v": SECRET},
    {"v": SECRET, "k": "DB_PASSWORD"},
    {"option": "smtp_password", "data": SECRET},
    {"field": "password", "newValue": SECRET},
    {"param": "api_token", "value": SECRET},
    {"label": "Password", "text": SECRET},
    {"element": "Password field", "ref": "e12", "text": SECRET},
    {"element": "Confirm password input", "text": SECRET},
    {"selector": "#login-password", "value": SECRET},
    {"selector": "input[name=password]", "text": SECRET},
    {"question": "What is your password?", "answer": SECRET},
    ["db_password", SECRET],
    {"file_path": "/etc/ppp/chap-secrets", "content": f"# client server secret\nbob pptpd {SECRET} *\n"},
    {"file_path": "/etc/pgbouncer/userlist.txt", "content": f'"bob" "{SECRET}"\n'},
    {"file_path": "/etc/dovecot/users", "content": f"bob:{SECRET}\nada:{SECRET}::::\n"},
]
TEXTS = [
    '{"k": "DB_PASSWORD", "v": "{S}"}',
    '[{"key":"api_token","val":"{S}"}]',
    "k: DB_PASSWORD\nv: {S}\n",
    "- key: db_password\n  val: {S}\n",
    '<item k="password" v="{S}"/>',
    '{"option":"smtp_password","data":"{S}"}',
    '{"label":"Password","text":"{S}"}',
    "log in with admin/{S}",
    "the login is admin / {S}",
    "creds are root/{S}.",
    "sign in as bob:{S} first",
    "password = '%s' % '{S}'",
    'password = "{}".format("{S}")',
    'password = "%s:%s" % ("{S}", port)',
    "bob * {S} *\n",
    '"bob" * "{S}" 10.0.0.2\n',
    'x\n"bob" "{S}"\n',
    "bob:{S}::::\nx",
    'bob : EAP "{S}"\n',
    "use the API key {S}5d74648fda1d for it",
    "paydirt SECRET key {S}5d74648fda1d",
    'the secret key "{S}5d74648fda1d"',
]
LOOK_ALIKES: list[Any] = [
    {"label": "Password", "text": "Enter your password"},
    {"label": "API key", "content": "Where do I find it?"},
    {"title": "Reset password", "text": "Click here to reset it"},
    {"title": "Password", "content": "PasswordInput"},
    {"id": "token", "value": "{{token}}"},
    {"field": "password", "value": "required"},
    {"selector": "#password", "text": "Password"},
    {"element": "Search field", "text": "order 22Xq"},
    {"element": "Token name field", "text": "ci-2026x1"},
    {"k": "token", "v": "access_token"},
    {"name": "password", "type": "string", "data": None},
    ["password", "confirm_password"],
    ["token", "sha256"],
    ["secret", "kubernetes"],
    "k: token\nv: string\n",
    "log in at build/x86_64-linux, then look at logs/app",
    "sign in with github/oauth2, or with docs/page2a.md",
    "login at 10:30:22, logs in /var/log/app22/x.log",
    "the log says src/app2/main.py:22: error, see line:22",
    "credentials are in ~/.aws/credentials",
    "area = width * h2x3y4z * 2\n",
    'print("abc" "def22Xq9")',
    "std::vector2x4::iterator std::string\n",
    "bob:x:1000:1000::/home/bob:/bin/sh\n",
    "2001:db8::8a2e:370:7334 fe80::1ff:fe23:4567:890a\n",
    "password = '%s' % name",
    "* a * b * c\n",
    "cache key 5d74648fda1d8f62a3344c289886c664",
    "the primary key 5d74648fda1d8f62a3344c289886c664",
    "the secret key rotation-2026-11-28-a is due",
    "an access key per service1a2b3c4d5e",
]  # fmt: skip


@pytest.mark.parametrize("given", OBJECTS, ids=str)
def test_a_value_is_a_secret_if_the_member_beside_it_says_so(given: Any) -> None:
    assert SECRET not in json.dumps(Redactor().value(given))


@pytest.mark.parametrize("text", TEXTS)
def test_an_account_s_password_is_found(text: str) -> None:
    assert SECRET not in Redactor().text(text.replace("{S}", SECRET))


@pytest.mark.parametrize("given", LOOK_ALIKES, ids=str)
def test_what_looks_like_one_of_these_stays(given: Any) -> None:
    assert Redactor().value(given) == given
