"""Names that make their value a secret, and the assignments and options in a text that give such a name a value."""

from __future__ import annotations

from .patterns import PLAIN_WORDS, compiled, is_reference
from .patterns import words as _words

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator

    Span = tuple[int, int, str]

_SECRET_WORDS = {
    "password": "password", "passwords": "password", "passwd": "password", "passphrase": "password", "passcode": "password",
    "secret": "secret", "secrets": "secret", "token": "token", "authorization": "authorization",
    "credential": "credentials", "credentials": "credentials", "cookie": "cookie", "cookies": "cookie",
}  # fmt: skip
_SECRET_ENDINGS = (
    ("password", "password"), ("passwd", "password"), ("passphrase", "password"), ("apikey", "api_key"),
    ("accesskey", "access_key"), ("secretkey", "secret_key"), ("privatekey", "private_key"), ("clientsecret", "secret"),
    ("signingkey", "secret_key"), ("encryptionkey", "secret_key"), ("masterkey", "secret_key"), ("accountkey", "secret_key"),
    ("authkey", "secret_key"), ("sshkey", "private_key"), ("token", "token"), ("secretkeybase", "secret_key"),
)  # fmt: skip


_ACCOUNTS = _words("db database user smtp mail email admin root mysql postgres pg redis snowsql snowflake ftp ssh login sudo")
_HARMLESS_TOKENS = _words(
    "page next cursor continuation stop eos bos pad unk mask sep cls special start end first last per prompt completion max"
    " min input output sync"
)
_NAME_LITERALS = ("pass", "secret", "token", "key", "credential", "pwd", "cookie")
_MAX_NAMES = 4096
_kinds: dict[str, str | None] = {}


def sensitive_kind(name: str) -> str | None:
    """What kind of secret the name announces, or None: ``db_password``, ``clientSecret``, but not ``token_source``."""
    if name in _kinds:
        return _kinds[name]
    kind = _kind_of(name) if len(name) <= 128 else None
    if len(_kinds) < _MAX_NAMES:
        _kinds[name] = kind
    return kind


def _kind_of(name: str) -> str | None:
    lowered = name.lower()
    if "authorization" not in lowered and not any(literal in lowered for literal in _NAME_LITERALS):
        return None
    words = _words_of(name)
    last = words[-1]
    before = words[-2] if len(words) > 1 else ""
    if last in ("token", "tokens") and before in _HARMLESS_TOKENS:
        return None
    if last in ("pass", "pwd"):
        return "password" if before in _ACCOUNTS else None
    if last in _SECRET_WORDS:
        return _SECRET_WORDS[last]
    joined = "".join(words[-3:])
    return next((kind for ending, kind in _SECRET_ENDINGS if joined.endswith(ending) and len(last) > 2), None)


def _words_of(name: str) -> list[str]:
    """``dbPassword``, ``DB_PASSWORD``, ``APIKey2`` → their words in lower case, digits left out."""
    spaced = []
    for at, char in enumerate(name):
        if not (char.isascii() and char.isalpha()):
            spaced.append(" ")
            continue
        before, after = name[at - 1 : at], name[at + 1 : at + 2]
        if char.isupper() and (before.islower() or (before.isupper() and after.isascii() and after.islower())):
            spaced.append(" ")
        spaced.append(char)
    return "".join(spaced).lower().split()


# --- an assignment or an option in a text, from the name's literal on

_ASSIGNED = (
    r"[\w-]{0,40}+(?P<after>)(?:\\?[\"'`]|\]){0,3}+"
    r"(?:[ \t]{0,4}:[ \t]{0,4}(?:str|string|String)(?=[ \t]{0,4}=))?"
    r"(?P<by>[ \t]{0,8}+(?::=|=>|={1,3}|:)[ \t]{0,8}+|[ \t]{1,4}+)"
    r"(?:(?P<quote>\\?[\"'`])(?P<quoted>[^\"'`\\\s]{4,512}+)\\?[\"'`]"
    r"|(?P<plain>[^\s\"'`\\&;,()<>|\[\]{}:=-][^\s\"'`\\&;,()<>|\[\]{}]{2,511}+)(?![(\[{]))"
)
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_CODE_ROOTS = _words("os process settings config self this env ctx args options opts req request app cfg conf import")


def assignments(text: str, lowered: str, kind_of: Callable[[str], str | None] = sensitive_kind) -> Iterator[Span]:
    """Where in the text a secret name is given a value: the value's span, and the kind of the name."""
    for literal in _NAME_LITERALS:
        at = lowered.find(literal)
        while at >= 0:
            end = at + len(literal)
            after = _end_of_name(text, end)
            name = _name_around(text, at, after)
            kind = kind_of(name)
            if kind is not None and _may_have_value(text, after, name) and not _is_in_arn(text, at, after):
                match = compiled(_ASSIGNED).match(text, at)
                if match is not None and _is_assigned_secret(name, kind, match):
                    end = match.end()
                    yield (*match.span("quoted" if match["quoted"] is not None else "plain"), kind)
            at = lowered.find(literal, end)


def _end_of_name(text: str, at: int) -> int:
    most = min(len(text), at + 40)
    while at < most and (text[at].isalnum() or text[at] in "_-"):
        at += 1
    return at


def _may_have_value(text: str, at: int, name: str) -> bool:
    """Whether a value can follow the name that ends here, before a pattern is asked: most names only stand in a sentence."""
    following = text[at : at + 24].lstrip("\\\"'`] \t")
    return name.startswith("-") or following[:1] in (":", "=")


def _is_in_arn(text: str, at: int, after: int) -> bool:
    """``arn:aws:secretsmanager:*:*:secret:…`` names a secret and does not tell it."""
    return text[at - 1 : at] == ":" and text[after : after + 1] == ":"


def _name_around(text: str, at: int, end: int) -> str:
    start, least = at, max(0, at - 64)
    while start > least and text[start - 1] in _NAME_CHARACTERS:
        start -= 1
    return text[start:end]


def _is_assigned_secret(name: str, kind: str, match: re.Match[str]) -> bool:
    value = match["quoted"] or match["plain"]
    if is_reference(value) or value.lower() in PLAIN_WORDS or value.lower() == name.lower():
        return False
    if kind == "private_key" and (value[0] in "/.~" or value.endswith((".pem", ".key"))):
        return False  # where the key is, not the key
    if kind == "private_key" and not match["quoted"] and value.replace(".", "_").isidentifier():
        return False  # its type: private_key: Ed25519PrivateKey
    if kind == "token" and match["by"].strip() == "==" and value.isalpha():
        return False  # a parser's: token == "keyword"
    is_option = name.startswith("-")
    separator = match["by"].strip()
    if not separator and not is_option:
        return False  # "the token expires": only options are set by a space
    if match["quoted"]:
        return not _is_name(value)
    if is_option:
        return not value.startswith("id=")
    if _is_code(name, value):
        return False
    if name.isupper() and match["by"] == "=":
        return True
    return len(value) >= 6 and bool(compiled(r"\d").search(value)) and not (kind == "token" and value.isdigit())


def _is_name(value: str) -> bool:
    """``auth_token`` is what a secret is called, not a secret."""
    return ("_" in value or "-" in value) and value.replace("_", "").replace("-", "").isalpha() and _kind_of(value) is not None


def _is_code(name: str, value: str) -> bool:
    """``token=token_v2`` and ``password = settings.db1``: an expression, not a value."""
    lowered = value.lower()
    return lowered.startswith((name.lower() + "_", name.lower() + ".")) or lowered.partition(".")[0] in _CODE_ROOTS
