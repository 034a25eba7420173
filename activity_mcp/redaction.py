"""Secrets are replaced by ``[redacted:<kind>]`` before anything is written.

Two things count as a secret: a value that has the shape of one wherever it stands (a key of a known vendor, a JWT, a private
key, a password in a URL, an Authorization header), and a value that something calls a secret: the value of a sensitive key of
an object, of an assignment in a text (``password = "…"``, ``"api_key": "…"``, ``export DB_PASSWORD=…``) or of an option
(``--password …``). What only mentions secrets stays: token counts, ``token_source``, references such as ``$TOKEN``, hashes.

``RULES`` is the table of shapes: (kind, literals, pattern). A pattern is compiled when one of its lower-case literals occurs in
a text for the first time, and is tried only where a literal stands, from there on; its first group, or else all of it, is the
secret. So a text without secrets costs a few substring searches, and no pattern can search in vain twice over the same
characters: every run is possessive or bounded. All finds are replaced in one pass over the text.

No redaction knows every secret: what no shape and no name gives away is stored as it is. Standard library only, no I/O.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    Rule = tuple[str, tuple[str, ...], str]
    Span = tuple[int, int, str]

MAX_DEPTH = 64
_LEAST_KEY = 20

RULES: tuple[Rule, ...] = (
    (
        "private_key",
        ("-----begin ",),
        (
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:\\{1,4}[nr]|-(?!-)|[A-Za-z0-9+/=\s:,.]){20,}+"
            r"(?:-----END[A-Z0-9 ]{0,60}-----)?"
        ),
    ),
    ("anthropic_key", ("sk-ant-",), r"(?<![A-Za-z0-9])sk-ant-[A-Za-z0-9_-]{16,}+"),
    (
        "openai_key",
        ("sk-",),
        r"(?<![A-Za-z0-9])sk-(?:(?:proj|svcacct|admin|or-v1)-[A-Za-z0-9_-]{20,}+|(?=[a-z]*+[A-Z0-9])[A-Za-z0-9]{20,}+)",
    ),
    (
        "github_token",
        ("ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_"),
        r"(?<![A-Za-z0-9_])(?:gh[opsur]_[A-Za-z0-9]{30,}+|github_pat_[A-Za-z0-9_]{22,}+)",
    ),
    ("gitlab_token", ("glpat-",), r"(?<![A-Za-z0-9_-])glpat-[A-Za-z0-9_.-]{20,}+"),
    ("slack_token", ("xox", "xapp-"), r"(?<![A-Za-z0-9])(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}+"),
    (
        "stripe_key",
        ("sk_live_", "rk_live_", "sk_test_", "rk_test_"),
        r"(?<![A-Za-z0-9])[sr]k_(?:live|test)_[A-Za-z0-9]{16,}+",
    ),
    ("google_api_key", ("aiza",), r"(?<![A-Za-z0-9_+/-])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    ("jwt", ("eyj",), r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\.eyJ[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+)?"),
    ("aws_access_key_id", ("akia", "asia"), r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    (
        "aws_secret_access_key",
        ("secret",),
        (
            r"(?i:secret_?(?:access_?)?key)\\?[\"']?(?:[ \t]{0,8}[:=]{1,2}[ \t]{0,8}|[ \t]{1,8})\\?[\"']?"
            r"([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
        ),
    ),
    ("url_password", ("://",), r"://[^\s/:@\"'`<>\[]{0,128}:([^\s/\"'`<>]{1,256})@"),
    (
        "authorization",
        ("authorization",),
        (
            r"(?i)authorization\\?[\"']?[ \t]{0,4}[:=][ \t]{0,4}\\?[\"']?"
            r"(?:(?:bearer|basic|token|digest|apikey)[ \t]{1,4}|(?=[^\s\"'\\`]{0,256}\d))([^\s\"'\\`]{6,}+)"
        ),
    ),
    ("bearer_token", ("bearer ",), r"(?i)(?<![a-z])bearer[ \t]{1,4}(?=[a-z._~+/=-]{0,256}\d)([a-z0-9._~+/=-]{16,}+)"),
    ("cookie", ("ookie:",), r"(?i)ookie:[ \t]{0,4}([a-z0-9_.$-]{1,128}=[^\s\"'\\;][^\"'\r\n]{0,4096}+)"),
    ("password", ("curl ",), r"(?i)curl [^\n|;&]{0,400}?(?:-u|--user)[ =]?[\"']?[^\s:\"'/]{1,128}:([^\s\"'@/][^\s\"']{2,256})"),
)

# --- names that make their value a secret

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


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


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
_PLAIN_WORDS = _words(
    "none null nil true false str string bytes text bearer basic token secret password passwd hidden required optional"
    " undefined number object example unknown any bool boolean int integer value default missing invalid expired"
)
_CODE_ROOTS = _words("os process settings config self this env ctx args options opts req request app cfg conf import")


class Redactor:
    """Replaces secrets; ``count`` says how many it has replaced so far. With ``enabled=False`` it changes nothing."""

    __slots__ = ("_rules", "count", "enabled")

    def __init__(self, enabled: bool = True, *, rules: Sequence[Rule] = RULES) -> None:
        self.enabled = enabled
        self.count = 0
        self._rules = rules

    def text(self, text: str) -> str:
        """The text with each secret in it replaced."""
        if not self.enabled or len(text) < 6:
            return text
        lowered = _lower(text)
        spans = list(_shapes(text, lowered, self._rules))
        spans.extend(_assignments(text, lowered))
        if not spans:
            return text
        parts: list[str] = []
        at = 0
        for start, end, kind in _merged(spans):
            parts += (text[at:start], f"[redacted:{kind}]")
            at = end
            self.count += 1
        parts.append(text[at:])
        return "".join(parts)

    def value(self, value: Any) -> Any:
        """The JSON value with each secret in it replaced: texts by their content, members by the name of their key."""
        return self._walk(value, 0) if self.enabled else value

    def _walk(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if depth >= MAX_DEPTH:
            return "[nested too deeply]" if isinstance(value, (dict, list, tuple)) else value
        if isinstance(value, dict):
            return self._members(value, depth + 1)
        if isinstance(value, (list, tuple)):
            return self._items(value, depth + 1)
        return value

    def _members(self, members: dict[Any, Any], depth: int) -> dict[Any, Any]:
        named = members.get("name", members.get("key"))  # {"name": "DB_PASSWORD", "value": …}
        named_kind = sensitive_kind(named) if isinstance(named, str) and "value" in members else None
        walked = {}
        for key, item in members.items():
            kind = sensitive_kind(key) if isinstance(key, str) else None
            if key == "value" and named_kind:
                kind = named_kind
            if isinstance(key, str) and len(key) >= _LEAST_KEY:
                key = self.text(key)  # as a table of tokens has them
            walked[key] = self._hide(item, kind, depth) if kind else self._walk(item, depth)
        return walked

    def _items(self, items: Sequence[Any], depth: int) -> list[Any]:
        walked = []
        kind = None  # of the option before: ["--password", "…"]
        for item in items:
            walked.append(self._hide(item, kind, depth) if kind and isinstance(item, str) else self._walk(item, depth))
            kind = sensitive_kind(item) if isinstance(item, str) and item.startswith("-") else None
        return walked

    def _hide(self, value: Any, kind: str, depth: int) -> Any:
        """Every text under a sensitive key is a secret; numbers, booleans and references are not."""
        if isinstance(value, str):
            if not value or _is_reference(value):
                return value
            self.count += 1
            return f"[redacted:{kind}]"
        if isinstance(value, (dict, list, tuple)) and depth >= MAX_DEPTH:
            return f"[redacted:{kind}]"
        if isinstance(value, dict):
            return {key: self._hide(item, kind, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._hide(item, kind, depth + 1) for item in value]
        return value


# --- finding

_patterns: dict[str, re.Pattern[str]] = {}


def _compiled(pattern: str) -> re.Pattern[str]:
    if pattern not in _patterns:
        import re  # not before a text needs it: its import is half of a hook's cost

        _patterns[pattern] = re.compile(pattern)
    return _patterns[pattern]


def _lower(text: str) -> str:
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(char.lower() if char < "\x80" else char for char in text)  # positions must agree with the text's


def _shapes(text: str, lowered: str, rules: Iterable[Rule]) -> Iterator[Span]:
    for kind, literals, pattern in rules:
        for literal in literals:
            at = lowered.find(literal)
            while at >= 0:
                match = _compiled(pattern).match(text, at)
                end = at + 1
                if match is not None:
                    group = 1 if match.re.groups else 0
                    end = match.end()
                    if not _is_reference(match[group]) and match[group].lower() not in _PLAIN_WORDS:
                        yield (*match.span(group), kind)
                at = lowered.find(literal, end)


def _assignments(text: str, lowered: str) -> Iterator[Span]:
    for literal in _NAME_LITERALS:
        at = lowered.find(literal)
        while at >= 0:
            match = _compiled(_ASSIGNED).match(text, at)
            end = at + len(literal)
            if match is not None:
                name = _name_around(text, at, match.start("after"))
                kind = sensitive_kind(name)
                if kind is not None and _is_assigned_secret(name, kind, match):
                    end = match.end()
                    yield (*match.span("quoted" if match["quoted"] is not None else "plain"), kind)
            at = lowered.find(literal, end)


def _name_around(text: str, at: int, end: int) -> str:
    start, least = at, max(0, at - 64)
    while start > least and text[start - 1] in _NAME_CHARACTERS:
        start -= 1
    return text[start:end]


def _is_assigned_secret(name: str, kind: str, match: re.Match[str]) -> bool:
    value = match["quoted"] or match["plain"]
    if _is_reference(value) or value.lower() in _PLAIN_WORDS or value.lower() == name.lower():
        return False
    if kind == "private_key" and (value[0] in "/.~" or value.endswith((".pem", ".key"))):
        return False  # where the key is, not the key
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
    return len(value) >= 6 and bool(_compiled(r"\d").search(value)) and not (kind == "token" and value.isdigit())


def _is_reference(value: str) -> bool:
    """``$TOKEN``, ``${TOKEN}``, ``{token}``, ``<your token>``, ``%s``, ``****``, ``xxxx``, and what is redacted already."""
    first = value[0]
    if first == "$":
        return len(value) > 1 and (value[1] in "{(_" or value[1].isalpha())
    if first in "<{%" or value.startswith(("[redacted:", "...")):
        return True
    return value[:5].lower() in ("your_", "your-") or not value.strip(first)


def _is_name(value: str) -> bool:
    """``auth_token`` is what a secret is called, not a secret."""
    return ("_" in value or "-" in value) and value.replace("_", "").replace("-", "").isalpha() and _kind_of(value) is not None


def _is_code(name: str, value: str) -> bool:
    """``token=token_v2`` and ``password = settings.db1``: an expression, not a value."""
    lowered = value.lower()
    return lowered.startswith((name.lower() + "_", name.lower() + ".")) or lowered.partition(".")[0] in _CODE_ROOTS


def _merged(spans: list[Span]) -> Iterator[Span]:
    """The spans in order, overlapping ones as one that bears the name of the first found."""
    spans.sort(key=lambda span: span[0])  # stable: at the same place the table's order decides
    start, end, kind = spans[0]
    for span in spans[1:]:
        if span[0] < end:
            end = max(end, span[1])
            continue
        yield start, end, kind
        start, end, kind = span
    yield start, end, kind
