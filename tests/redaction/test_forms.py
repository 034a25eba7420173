"""Any secret, in any of the forms in which one is written, is gone as a whole: no half of it stays."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from activity_mcp.redaction import Redactor
from lengths import examples

LEFT, RIGHT = "Kx9mQ2vT", "w7Rb4Zp8"
MARKS = "!#$%&()*+,-./:;<=>?@[]^_{|}~"


def unquoted(secret: str) -> str:
    return secret


def in_json(secret: str) -> str:
    return json.dumps(secret, ensure_ascii=False)[1:-1]


def in_json_twice(secret: str) -> str:
    return in_json(in_json(secret))


FORMS = {
    ".env": ("DB_PASSWORD={}\nDB_USER=app\n", unquoted, ""),
    "export": ("export DB_PASSWORD={}", unquoted, ""),
    "export, quoted": ('export DB_PASSWORD="{}" && run', unquoted, '"'),
    "export, in single quotes": ("export DB_PASSWORD='{}'; run", unquoted, "'"),
    "YAML": ("db:\n  password: {}\n  user: app\n", unquoted, ""),
    "YAML, quoted": ('password: "{}"\nuser: app\n', in_json, ""),
    "YAML, a block": ("password: |\n  {}\nuser: app\n", unquoted, ""),
    "YAML, folded": ("password: >-\n  {}\nuser: app\n", unquoted, ""),
    "JSON": ('{{"user": "app", "password": "{}", "port": 1}}', in_json, ""),
    "JSON in JSON": ('{{"body": "{{\\"password\\": \\"{}\\"}}"}}', in_json_twice, ""),
    "INI": ("[db]\npassword = {}\nuser = app\n", unquoted, ""),
    "properties": ("db.password={}\ndb.user=app\n", unquoted, ""),
    "HCL": ('password = "{}"\n', in_json, ""),
    "a variable of Terraform": ('variable "db_password" {{\n  default = "{}"\n}}\n', in_json, ""),
    "XML": ("<db><password>{}</password></db>", unquoted, "<&"),
    "an attribute": ('<user name="a" password="{}"/>', unquoted, '"<&'),
    "a key and a value of XML": ('<add key="DbPassword" value="{}" />', unquoted, '"<&'),
    "SQL": ("ALTER USER app WITH PASSWORD '{}';", unquoted, "'"),
    "SQL, identified by": ("CREATE USER 'a'@'%' IDENTIFIED BY '{}'", unquoted, "'"),
    "SQL, inserted": ("INSERT INTO users (name, password) VALUES ('a', '{}');", unquoted, "'"),
    "Python": ("connect(user='a', password='{}')", unquoted, "'\\"),
    "PHP": ("define('DB_PASSWORD', '{}');", unquoted, "'\\"),
    "Java": ('props.setProperty("password", "{}");', in_json, ""),
    "PowerShell": ("$p = ConvertTo-SecureString '{}' -AsPlainText -Force", unquoted, "'"),
    "an option": ('tool --password "{}" --verbose', unquoted, '"'),
    "an option with =": ("mysql --password={} db", unquoted, ""),
    "curl -u": ('curl -u "bob:{}" https://x.example', unquoted, '"'),
    "docker login": ("docker login -u bob -p '{}' r.example", unquoted, "'"),
    "CSV": ('name,password\na,"{}"\n', unquoted, '"'),
    "Markdown": ("| user | password |\n|---|---|\n| a | {} |\n", unquoted, "|`"),
    "Kubernetes": ('env:\n- name: DB_PASSWORD\n  value: "{}"\n', in_json, ""),
    "a URL": ("postgres://app:{}@db:5432/orders", unquoted, "/@\"'`<>"),
}  # fmt: skip
"""form: (text, how the secret is written in it, characters that would end it there)"""


@pytest.mark.parametrize("form", FORMS)
@examples(25, 120)
@given(data=st.data())
def test_a_password_with_any_marks_is_gone_as_a_whole(form: str, data: st.DataObject) -> None:
    text, written, ending = FORMS[form]
    marks = "".join(char for char in MARKS if char not in ending)
    middle = data.draw(st.text(alphabet=marks, min_size=1, max_size=3))
    first = data.draw(st.sampled_from(["", *marks]))
    secret = f"{first}{LEFT}{middle}{RIGHT}"
    assume(not first or not is_another_notation(form, secret))
    kept = Redactor().text(text.format(written(secret)))
    assert LEFT not in kept, kept
    assert RIGHT not in kept, kept


def is_another_notation(form: str, secret: str) -> bool:
    """What begins like this is no password in the form: a reference as a whole, an anchor, a comment or a tag of YAML, an option."""
    return (secret[0] in "$<{" and secret[-1] in "})>") or (form.startswith("YAML") and secret[0] in "#&*!|>%@`[]{},?-:")


@pytest.mark.parametrize("secret", [f"</{RIGHT}", f"{LEFT}</{RIGHT}", f"{LEFT}</b>{RIGHT}", f"</{RIGHT}>", f"{LEFT}</>{RIGHT}"])
def test_what_looks_like_an_end_tag_is_part_of_a_password(secret: str) -> None:
    for text in ("DB_PASSWORD={}\n", "[db]\npassword = {}\n", "mysql --password={} db", "{{'password': '{}'}}"):
        kept = Redactor().text(text.format(secret))
        assert LEFT not in kept, kept
        assert RIGHT not in kept, kept


def test_an_end_tag_ends_a_value_within_its_element() -> None:
    for text in (
        "<p>password={}</p>",
        "<a><b>x</b> db_password={}</a> text",
        "password={}</td>",
        "<connection>Password={};Port=1</connection>",
    ):
        kept = Redactor().text(text.format(LEFT))
        assert kept == text.format("[redacted:password]")


@pytest.mark.parametrize("length", [4, 12, 60, 513, 4_096, 20_000])
@pytest.mark.parametrize("form", [name for name in FORMS if name != "a URL"])
def test_a_secret_of_any_length_is_gone_to_its_end(form: str, length: int) -> None:
    text, written, _ = FORMS[form]
    secret = ("aB3dE6gH9jK2mN5pQ8sT1vW4yZ7b" * 1000)[:length]
    kept = Redactor().text(text.format(written(secret)))
    assert secret[-4:] not in kept, kept[:200]


@examples(66, 400)
@given(
    name=st.from_regex(r"[A-Z][A-Z0-9]{0,8}(_[A-Z]{2,8}){0,2}", fullmatch=True), default=st.sampled_from(["", ":-", ":-none"])
)
def test_a_reference_as_a_whole_stays(name: str, default: str) -> None:
    for text in (
        f"DB_PASSWORD=${{{name}{default}}}",
        f"DB_PASSWORD=${name}",
        f'{{"password": "${{{name}}}"}}',
        f"password: {{{{ {name} }}}}",
    ):
        assert Redactor().text(text) == text


@examples(66, 400)
@given(tail=st.text(alphabet=string.ascii_letters + string.digits, min_size=6, max_size=20))
def test_what_only_begins_like_a_reference_goes(tail: str) -> None:
    assume(any(char.isdigit() for char in tail))
    for secret in (f"${{X}}9{tail}", f"{{{tail}9x", f"<{tail}9x", f"%{tail}9x"):
        kept = Redactor().text(f"export DB_PASSWORD='{secret}'")
        assert tail not in kept, kept
