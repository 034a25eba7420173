"""What is a secret is replaced, what only looks like one stays, and no text takes long.

Every secret here is invented, and put together at run time so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity_mcp.redaction import RULES, Redactor, sensitive_kind

REPO = Path(__file__).resolve().parents[1]
UPPER = "Q7RZ2MK9XWPL4TVB"
MIXED = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6kL9n"
WORD = "hun" + "ter" + "22x"
HEX40 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"


def _secrets() -> list[tuple[str, str, str]]:
    """(kind, text, the part of it that must not survive)"""
    aws_id = "AK" + "IA" + UPPER
    aws_secret = (MIXED[:38] + "/+")[:40]
    anthropic = "sk-" + "ant-" + "api03-" + MIXED + "-_x"
    openai = "sk-" + "proj-" + MIXED
    legacy = "sk-" + MIXED
    github = "gh" + "p_" + MIXED[:36]
    fine = "github" + "_pat_" + "11ABCDEFG0" + "_" + MIXED
    gitlab = "gl" + "pat-" + MIXED[:20]
    slack = "xo" + "xb-" + "123456789012-" + MIXED[:24]
    stripe = "sk" + "_live_" + MIXED[:24]
    restricted = "rk" + "_live_" + MIXED[:24]
    google = "AI" + "za" + MIXED[:35]
    jwt = ".".join(("ey" + "JhbGciOiJIUzI1NiJ9", "ey" + "JzdWIiOiIxMjM0In0", MIXED))
    body = "\n".join(MIXED[i:] + MIXED[:i] for i in range(4))
    pem = f"-----BEGIN RSA {'PRIVATE'} KEY-----\n{body}\n-----END RSA {'PRIVATE'} KEY-----"
    return [
        ("aws_access_key_id", f"export AWS_ACCESS_KEY_ID={aws_id}", aws_id),
        ("aws_access_key_id", f"key {aws_id.replace('AKIA', 'ASIA')}.", UPPER),
        ("aws_access_key_id", f"Credential={aws_id}/20260121/us-east-1/s3/aws4_request", aws_id),
        ("aws_secret_access_key", f"aws_secret_access_key = {aws_secret}", aws_secret),
        ("aws_secret_access_key", f"aws configure set aws_secret_access_key {aws_secret}", aws_secret),
        ("aws_secret_access_key", f'{{"SecretAccessKey": "{aws_secret}"}}', aws_secret),
        ("anthropic_key", f"ANTHROPIC_API_KEY={anthropic} claude -p hi", anthropic),
        ("openai_key", f"client = OpenAI(api_key='{openai}')", openai),
        ("openai_key", f"the key {legacy} was used", legacy),
        ("github_token", f"git clone https://{github}@github.com/a/b", github),
        ("github_token", f"gh auth login --with-token <<< {github.replace('p_', 's_', 1)}", MIXED[:36]),
        ("github_token", f"token: {fine}", fine),
        ("gitlab_token", f"curl --header 'PRIVATE-TOKEN: {gitlab}' https://gitlab.example", gitlab),
        ("slack_token", f"SLACK={slack}", slack),
        ("stripe_key", f"stripe.api_key = '{stripe}'", stripe),
        ("stripe_key", f"key={restricted}", restricted),
        ("google_api_key", f"https://maps.example/api?key={google}&q=x", google),
        ("jwt", f"the cookie was {jwt}, decoded", jwt),
        ("jwt", f"https://x.example/verify/{jwt}#x", jwt),
        ("jwt", f"Authorization: Bearer {jwt}", jwt),
        ("private_key", f"cat > id_rsa <<EOF\n{pem}\nEOF", body.splitlines()[2]),
        ("private_key", json.dumps({"pem": pem}), MIXED[5:]),
        ("url_password", f"psql postgres://app:{WORD}@db.example:5432/x", WORD),
        ("url_password", f"redis://:{WORD}@cache:6379/0", WORD),
        ("url_password", "mongodb+srv://root:p" + "@ss" + "w0rd@cluster/x", "ssw0rd"),
        ("authorization", f"curl -H 'Authorization: Basic {MIXED}' https://x", MIXED),
        ("authorization", f'headers = {{"Authorization": "Bearer {HEX40}"}}', HEX40),
        ("authorization", f"Authorization: {HEX40}", HEX40),
        ("bearer_token", f"use bearer {HEX40} there", HEX40),
        ("cookie", f"curl -b x -H 'Cookie: session={HEX40}; theme=dark'", HEX40),
        ("password", f"curl -s -u admin:{WORD} https://x", WORD),
        ("password", f"export DB_PASSWORD={WORD}", WORD),
        ("password", "export DB_PASSWORD=" + "let" + "mein", "let" + "mein"),
        ("secret", f"NPM_SECRET='{WORD}' make release", WORD),
        ("password", f"mysql --password {WORD} orders", WORD),
        ("password", f"mysql --password={WORD} orders", WORD),
        ("token", f'deploy --token "{WORD}"', WORD),
        ("api_key", f'{{"model": "x", "api_key": "{WORD}"}}', WORD),
        ("api_key", json.dumps(json.dumps({"apiKey": WORD})), WORD),
        ("api_key", f"curl -H 'X-Api-Key: {HEX40}' https://x", HEX40),
        ("secret", f"clientSecret: '{WORD}',", WORD),
        ("password", f'password: str = "{WORD}"', WORD),
        ("password", f"if password == '{WORD}':", WORD),
        ("password", f"host=db user=app password={WORD} dbname=x", WORD),
        ("password", f"  password: {WORD}\n  user: app", WORD),
        ("token", f'os.environ["REFRESH_TOKEN"] = "{WORD}"', WORD),
        ("token", f"https://x.example/cb?access_token={HEX40}&state=1", HEX40),
        ("password", f"SNOWSQL_PWD={WORD} PGPASSWORD={WORD} psql", WORD),
    ]


LOOK_ALIKES = [
    f"git show {HEX40}",
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "integrity sha512-" + MIXED + MIXED + "==",
    "data:image/png;base64,iVBORw0KGgo" + (MIXED + "AKIA" + "eyJ") * 20,
    "write to ada@example.org or ops+alerts@example.com",
    "git@github.com:owner/repo.git",
    "https://example.org:8443/path?x=1@2",
    "postgres://$USER:$PASSWORD@db/x and postgres://{user}:{password}@db",
    "curl -H 'Authorization: Bearer $TOKEN' -H 'X-Api-Key: ${API_KEY}'",
    "a task-list with sk-learn-like-names-and-a-long-slug-2-end",
    ".sk-folding-cube-animation-delay-something { }",
    "from Asia with love: ASIAN_MARKETS_2026",
    '"usage": {"input_tokens": 3, "output_tokens": 12, "cache_read_input_tokens": 15289}',
    "token_source=transcript prompt_tokens=1234 max_tokens: 4096 next_page_token=abc123def",
    "tokenizer = Tokenizer.from_file('bpe24.json'); tokens = 123456",
    "token = tokens[0]; password = get_password1(user)",
    "def login(user: str, password: str, token: str | None = None) -> None:",
    "password: string; token?: string; secret = settings.SECRET1",
    "the password: it must have 8 characters; the token expires in 3600 s",
    "--password-stdin --token-file /run/secrets/t1 --private-key ~/.ssh/id_ed25519",
    "docker build --secret id=npm2,src=.npmrc .",
    "api_key=api_key_v2, token=token2_of(x), keyword = 'monkey1'",
    'AUTH_COOKIE_NAME = "auth_token"; TOKEN = "access_token"',
    "the token abc123def was listed, its password policy2 too",
    "private_key: /etc/ssl/private/key1.pem",
    "grep -rn -- '-----BEGIN RSA PRIVATE KEY-----' .",
    "Bearer authentication-of-the-message, Basic understanding",
    "//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJmaWxl",
    "primary_key='id', foreign_key='order_id42', turkey = 'sandwich1'",
    "MY_TOKEN=$(cat token.txt) PASSWORD=${PASSWORD:-none} SECRET=<your-secret1>",
    "[redacted:password] and password=[redacted:password]",
    "docker run -u 1000:1000 image; chown -R app:app1234 /srv",
    "PWD=/home/ada/project1 OLDPWD=/tmp2",
]


def test_every_secret_of_the_table_is_replaced() -> None:
    missed = [text for _, text, secret in _secrets() if secret in Redactor().text(text)]
    assert missed == []


def test_a_replaced_secret_says_what_kind_it_was() -> None:
    wrong = [(kind, Redactor().text(text)) for kind, text, _ in _secrets() if f"[redacted:{kind}]" not in Redactor().text(text)]
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
    text = next(text for kind, text, _ in _secrets() if kind == "jwt" and text.startswith("Authorization"))
    assert redactor.text(text) == "Authorization: Bearer [redacted:jwt]"
    assert redactor.count == 1


def test_several_secrets_of_one_text_are_all_replaced_and_counted() -> None:
    redactor = Redactor()
    redacted = redactor.text("\n".join(text for _, text, _ in _secrets()))
    assert [secret for _, _, secret in _secrets() if secret in redacted] == []
    assert redactor.count >= len(_secrets()) - 3


def test_redacting_twice_changes_nothing_more() -> None:
    once = Redactor().text("\n".join(text for _, text, _ in _secrets()))
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
    """A pattern that searches the same characters again and again takes many seconds for these, not a fraction of one."""
    text = piece * (50_000 // len(piece))
    began = time.process_time()
    Redactor().text(text)
    assert time.process_time() - began < 1.0


def test_a_text_without_secrets_compiles_nothing() -> None:
    code = (
        "import activity_mcp.redaction as r; r.Redactor().value({'command': 'ls -l', 'path': '/srv/a.py'});"
        "assert r._patterns.keys() <= {r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+'}, r._patterns"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPO, check=True)
