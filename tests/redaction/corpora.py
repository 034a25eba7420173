"""Corpora of made-up secrets by kind, and of what must stay: what recall and false alarms are measured on.

Every value is made when it is asked for, from a seed, so that no scanner takes these files for a leak and no rule can know one.
``shapes.txt`` holds the shapes of public rule sets (gitleaks and noseyparker of July 2026, kingfisher of June 2025), one a
line: ``source rule template``, where ``<A36>`` stands for 36 characters of an alphabet. ``places.txt`` and
``look_alikes.txt`` hold texts.

Each case belongs to one half by a hash of its name: the rules were written with only the ``open`` half in view, and the
``held`` one is what tells how they do on what they have not seen. Both are published.
"""

from __future__ import annotations

import hashlib
import json
import random
import string
from pathlib import Path
from typing import NamedTuple

_HERE = Path(__file__).parent
_LOWER, _UPPER, _DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
_ALPHABETS = {
    "h": _DIGITS + "abcdef", "x": _DIGITS + "abcdefABCDEF", "d": _DIGITS, "l": _LOWER + _DIGITS, "a": _LOWER, "u": _UPPER,
    "U": _UPPER + _DIGITS, "A": _LOWER + _UPPER + _DIGITS, "M": _LOWER + _UPPER, "V": _LOWER + _UPPER + _DIGITS + "_",
    "W": _LOWER + _UPPER + _DIGITS + "_-", "D": _LOWER + _UPPER + _DIGITS + "_-.", "E": _LOWER + _UPPER + _DIGITS + "_-.=",
    "B": _LOWER + _UPPER + _DIGITS + "+/", "X": _LOWER + _DIGITS + "-", "Q": _LOWER + _DIGITS + "-_=",
}  # fmt: skip
_CARRIERS = (
    "{S}",
    "the new one is {S} since today",
    'run("{S}")',
    "- {S}\n- x\n",
    "curl https://x.example/{S}",
    "export THING={S}",
)
VENDORS = (
    "acme",
    "globex",
    "initech",
    "hooli",
    "umbrella",
    "stark-io",
    "wayne_pay",
    "cyberdyne",
    "tyrell",
    "wonka",
    "soylent",
    "oscorp",
)
_STRONG = (
    "api_key",
    "apikey",
    "api_token",
    "access_token",
    "secret",
    "secret_key",
    "client_secret",
    "password",
    "auth_token",
    "private_key",
)
_WEAK = ("key", "pat", "pw", "creds", "auth", "salt")
_NAMED = (
    "{n}={S}", 'export {N}="{S}"', "{n} = '{S}'", '"{n}": "{S}"', "{n}: {S}\n", "{N}={S} make deploy", "-e {N}={S} img", "{c}: '{S}',",
    "{n} = \"{S}\"\n", "process.env.{N} = '{S}';", "set {N}={S}", "<{n}>{S}</{n}>", "{n} => '{S}'", "config['{n}'] = '{S}'", "--{d} {S}",
)  # fmt: skip
SPECIAL = "!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\""
_SPECIAL_FORMS = (
    "export DB_PASSWORD={S}", 'export DB_PASSWORD="{S}"', "export DB_PASSWORD='{S}'", '{{"password": "{J}"}}', "password: {S}\n",
    "mysql --password={S} db", 'tool --password "{S}"', "postgres://u:{S}@h/db", 'curl -u "u:{S}" http://x', "password = {S}\n",
    "connect(password='{S}')", "{{\\\"password\\\": \\\"{J2}\\\"}}", "<password>{X}</password>", "db.password={S}\n",
)  # fmt: skip


class Case(NamedTuple):
    """One secret in one text (or JSON value): the kind that is counted, a name that is its own, whether it was held out."""

    kind: str
    name: str
    given: object
    secret: str
    held: bool


def is_held(name: str) -> bool:
    """The half that a case belongs to: decided by its name alone, before any rule was written."""
    return hashlib.sha256(b"redaction-half:" + name.encode()).digest()[0] % 2 == 1


def made(template: str, rng: random.Random) -> str:
    """The template with each ``<A36>`` replaced by random characters."""
    parts = template.split("<")
    text = parts[0]
    for part in parts[1:]:
        code, close, rest = part.partition(">")
        if not close or code[:1] not in _ALPHABETS or not code[1:].isdigit():
            text += "<" + part
            continue
        text += "".join(rng.choice(_ALPHABETS[code[0]]) for _ in range(int(code[1:]))) + rest
    return text


def tokens() -> list[Case]:
    """Tokens that show by themselves what they are, one of each shape of the rule sets, in an ordinary text."""
    cases = []
    for line in (_HERE / "shapes.txt").read_text(encoding="utf-8").splitlines():
        source, rule, template = line.split(" ", 2)
        name = f"{source}:{rule}:{template}"
        rng = random.Random(name)
        token = made(template, rng)
        secret = token.rsplit("/", 1)[-1] if token.startswith("http") else token
        cases.append(Case("tokens", name, rng.choice(_CARRIERS).replace("{S}", token), secret, is_held(name)))
    return cases


def named(kind: str) -> list[Case]:
    """Values that only their name gives away: ``strong`` names, or ``weak`` ones with a random value."""
    words = _STRONG if kind == "strong" else _WEAK
    shapes = (
        "<l20>",
        "<l32>",
        "<h32>",
        "<h40>",
        "<A24>",
        "<A40>",
        "<M22>",
        "<U32>",
        "<W36>",
        "<h8>-<h4>-<h4>-<h4>-<h12>",
        "<B40>=",
    )
    cases = []
    for vendor in VENDORS:
        for word in words:
            for form in _NAMED:
                name = f"{kind}:{vendor}:{word}:{form}"
                rng = random.Random(name)
                secret = made(rng.choice(shapes), rng)
                plain = f"{vendor}_{word}".replace("-", "_")
                camel = "".join(part.capitalize() if at else part for at, part in enumerate(plain.split("_")))
                text = (
                    form.replace("{N}", plain.upper())
                    .replace("{n}", plain)
                    .replace("{c}", camel)
                    .replace("{d}", plain.replace("_", "-"))
                )
                cases.append(Case(f"names:{kind}", name, text.replace("{S}", secret), secret, is_held(name)))
    return cases


def places() -> list[Case]:
    """Where secrets stand in practice: one text or tool input a case."""
    cases = []
    for line in (_HERE / "places.txt").read_text(encoding="utf-8").splitlines():
        name, template, text = line.split("\t", 2)
        rng = random.Random(name)
        secret = made(template, rng)
        given = json.loads(
            text.replace("{BEGIN}", "-----BEGIN" + " RSA " + "PRIVATE KEY-----").replace(
                "{END}", "-----END RSA PRIVATE KEY-----"
            )
        )
        while "{L}" in text:  # a line of a key
            text = text.replace("{L}", made("<B64>", rng), 1)
        given = json.loads(
            text.replace("{BEGIN}", "-----BEGIN" + " RSA " + "PRIVATE KEY-----").replace(
                "{END}", "-----END RSA PRIVATE KEY-----"
            )
        )
        cases.append(Case("places", name, _filled(given, secret), secret, is_held(name)))
    return cases


def _filled(given: object, secret: str) -> object:
    if isinstance(given, str):
        return given.replace("{S}", secret)
    if isinstance(given, dict):
        return {key: _filled(value, secret) for key, value in given.items()}
    return [_filled(value, secret) for value in given] if isinstance(given, list) else given


def special() -> list[Case]:
    """A password with each special character in its middle and at its beginning, in each form that can hold it."""
    cases = []
    left, right = "Kx9mQ2vT", "w7Rb4Zp8"
    for char in SPECIAL:
        for form in _SPECIAL_FORMS:
            if (char in "\"'`" and char in form) or (char == "/" and "://" in form) or (char in "<&" and "</" in form):
                continue  # it would end the value
            for secret in (left + char + right, char + left + right):
                quoted = json.dumps(secret)[1:-1]
                text = (
                    form.replace("{{", "{").replace("}}", "}").replace("{J2}", json.dumps(quoted)[1:-1]).replace("{J}", quoted)
                )
                text = text.replace("{X}", secret).replace("{S}", secret)
                name = f"special:{form}:{secret}"
                cases.append(Case("special characters", name, text, right, is_held(name)))
                if secret[0] != char:
                    cases.append(Case("special characters", name + ":left", text, left, is_held(name)))
    return cases


def look_alikes() -> list[tuple[str, bool]]:
    """(text, held) of what must stay as it is: a line of JSON each."""
    texts = [json.loads(line) for line in (_HERE / "look_alikes.txt").read_text(encoding="utf-8").splitlines()]
    return [(text, is_held(text)) for text in texts]


def all_cases() -> list[Case]:
    return [*tokens(), *named("strong"), *named("weak"), *places(), *special()]
