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
    '{"v": "{S}", "k": "DB_PASSWORD"}',
    '"{\\"v\\": \\"{S}\\", \\"k\\": \\"DB_PASSWORD\\"}"',
    '{"text": "{S}", "element": "Password field"}',
    '{"element": "Password field", "text": "{S}"}',
    '{"value":"{S}","label":"Your password here"}',
    '{"current": "{S}", "type": "x", "property": "client_secret"}',
    '{content: "{S}", id: "api_token"}',
    "values: [{v: {S}, k: db_password}]",
    "value: {S}\nname: DB_PASSWORD",
    "- value: {S}\n  type: secret\n  name: DB_PASSWORD",
    "ParameterValue={S},ParameterKey=DbPassword",
    "aws x --parameters Value={S},Name=DbPassword --yes",
    "<property><value>{S}</value><name>db.password</name></property>",
    "<entry>\n  <value>{S}</value>\n  <key>db.password</key>\n</entry>",
    "<item><v>{S}</v><k>api_token</k></item>",
    "bob * {S} *\n",
    "bob pptpd {S} *\n",
    "# client server secret IP\nbob pptpd {S} 10.0.0.5\n",
    "$ cat /etc/ppp/chap-secrets\nbob pptpd {S} 10.0.0.0/24\n",
    "edit pap-secrets:\n+bob\t*\t{S}\t-\n",
    'echo "bob pptpd {S} 10.0.0.5" >> /etc/ppp/chap-secrets',
    "printf 'bob l2tpd {S} *\\n' | sudo tee -a /etc/ppp/chap-secrets",
    "cat > /etc/ppp/chap-secrets <<EOF\nbob pptpd {S}\nEOF",
    'the chap-secrets say\n"bob" "pptpd" "{S}" fd00::1\n',
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
    '{"v": "1.2.3-beta4", "k": "package"}',
    '{"text": "2 tokens", "key": "token"}',
    '{"response": "200 OK", "key": "token"}',
    '{"data": "$DB_PASSWORD", "name": "DB_PASSWORD"}',
    '{"value": "2026x1", "name": "a"}, {"name": "token"}',
    '{"value": "id-1234567", "name": "token_id"}',
    'content = "lib/auth2.py"\nkey = "secret"',
    'input: "user2@example.org"\nlabel: password',
    "values = [1,2,3]\nkey = 'token'",
    "<td>build2026x</td><td>password</td>",
    "the files chap-secrets and pap-secrets are in /etc/ppp, 2 of 3 in use",
    "client and server share a secret, see rfc1994 page 12 of 13",
    "# client server secret\nweb app-7f9c 1/1 Running 10.0.0.5\n",
    " * @param bob22 the name\n *\n",
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
