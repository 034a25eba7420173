"""Finds values that are secrets by their shape, wherever they stand: tokens by the table, others by a pattern, the rest by
chance.

Tokens (``tokens``): a text is cut at everything that is no letter and no digit; only where a piece begins as a token does,
the token is measured. Other shapes (``RULES``) are patterns, tried only where their literal is and their hint
agrees, for a pattern costs a hook the import of the regular expressions. Last, what no table knows: a word, ``_`` or ``-``,
and then many characters that are as mixed as only a generator makes them.

Every run in a pattern is possessive or bounded, so that none can search the same characters again and again.
"""

from __future__ import annotations

from .chance import random_runs
from .patterns import compiled, words
from .sight import APART as _APART
from .sight import Sight
from .tokens import ALPHABETS, TOKENS
from .values import is_code, is_plain, is_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator

    Hint = int | str | Callable[[str, int], bool]
    Rule = (
        tuple[str, tuple[str, ...], str] | tuple[str, tuple[str, ...], str, Hint] | tuple[str, tuple[str, ...], str, Hint, str]
    )
    Span = tuple[int, int, str]

HINT_WINDOW = 420
_B = r"(?<![A-Za-z0-9_-])"  # the beginning of a token
_DIGITS = frozenset("0123456789")
_ALNUM = ALPHABETS["A"]
_HEX = ALPHABETS["h"]
_IN_TOKENS = "abcdefghijklmnopqrstuvwxyz0123456789-_./+=%"
_CRYPT = words(
    "1 2 2a 2b 2x 2y 5 6 7 8 y gy apr1 sha1 md5 scrypt argon2i argon2d argon2id pbkdf2 pbkdf2-sha256 pbkdf2-sha512"
    " krb5asrep krb5tgs"
)


def _is_hex_before(text: str, at: int, min_chars: int) -> bool:
    return at >= min_chars and not text[at - min_chars : at].strip("0123456789abcdef")


def _is_long(lowered: str, at: int, min_chars: int) -> bool:
    return len(lowered) >= at + min_chars and not lowered[at : at + min_chars].strip(_IN_TOKENS)


def _is_mid_azure(lowered: str, at: int) -> bool:
    return lowered[at - 1 : at].isdigit() and _is_long(lowered, at + 2, 30)


def _is_between_uuids(lowered: str, at: int) -> bool:
    return lowered[at - 13 : at - 12] == "-" and lowered[at + 9 : at + 10] == "-" and lowered[at - 18 : at - 17] == "-"


def _is_license(lowered: str, at: int) -> bool:
    return at >= 30 and lowered[at - 30 : at - 29] == "_"


def _is_hash(lowered: str, at: int) -> bool:
    end = lowered.find("$", at + 2, at + 18)
    return end > 0 and lowered[at + 1 : end] in _CRYPT


def _is_mailchimp(lowered: str, at: int) -> bool:
    return lowered[at + 3 : at + 4].isdigit() and _is_hex_before(lowered, at, 32)


def _is_newrelic(lowered: str, at: int) -> bool:
    return _is_hex_before(lowered, at, 30)


def _is_azure_devops(lowered: str, at: int) -> bool:
    return at >= 76 and lowered[at - 76 : at].isalnum()


def _is_salesforce(lowered: str, at: int) -> bool:
    return lowered[at - 15 : at - 13] == "00" and lowered[at - 15 : at].isalnum()


def _is_jwt(lowered: str, at: int) -> bool:
    if at and (lowered[at - 1].isalnum() or lowered[at - 1] in "_-"):
        return False
    return _is_long(lowered, at + 2, 19) and "." in lowered[at : at + 2000]


RULES: tuple[Rule, ...] = (
    ("onepassword_key", ("a3-",), _B + r"A3-[A-Z0-9]{6}-[A-Z0-9]{6,11}(?:-[A-Z0-9]{5,6}){3,4}(?![A-Za-z0-9])", 28, "a3"),
    ("airtable_token", ("pat",), _B + r"pat[A-Za-z0-9]{14}\.[0-9a-f]{60,66}", 30, "pat?"),
    ("clickup_token", ("pk_",), _B + r"pk_[0-9]{6,9}_[0-9A-Z]{30,34}(?![A-Za-z0-9])", 36, "pk"),
    ("voiceflow_key", ("vf.",), _B + r"VF\.(?:(?:DM|WS)\.)?[A-Za-z0-9]{22,26}\.[A-Za-z0-9]{14,18}", 36, "vf"),
    ("harness_token", ("pat.",), _B + r"[ps]at\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9]{22,26}\.[A-Za-z0-9]{18,22}", 60, "pat"),
    ("harness_token", ("sat.",), _B + r"[ps]at\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9]{22,26}\.[A-Za-z0-9]{18,22}", 60, "sat"),
    ("zoho_token", ("1000.",), _B + r"1000\.[0-9a-f]{32}\.[0-9a-f]{32}", 60, "1000"),
    ("bitwarden_token", ("0.",), _B + r"0\.[0-9a-f-]{36}\.[A-Za-z0-9]{28,32}(?::[A-Za-z0-9+/=]{20,28})?", 64, "0"),
    ("authress_key", (".acc_", ".acc-"), r"(?<=[a-z0-9]{4})\.acc[_-][a-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}", 0, "acc"),
    ("mailchimp_key", ("-us",), r"(?<=[0-9a-f]{32})-us[0-9]{1,2}(?![A-Za-z0-9])", _is_mailchimp, ""),
    ("maxmind_key", ("_mmk",), r"(?<=_[A-Za-z0-9]{29})_mmk(?![A-Za-z0-9])", _is_license, "mmk"),
    ("azure_devops_token", ("azdo",), r"(?<=[A-Za-z0-9]{60})AZDO[A-Za-z0-9]{4}(?![A-Za-z0-9])", _is_azure_devops, ""),
    ("salesforce_token", ("!",), r"(?<=00[A-Za-z0-9]{13})![A-Za-z0-9_.]{60,120}", _is_salesforce, ""),
    ("salesforce_key", ("3mvg9",), _B + r"3MVG9[0-9A-Za-z._+/=]{75,251}", 60, "3MVG?"),
    (
        "pem_base64",
        ("ls0tls1crudjti",),
        r"(?<![A-Za-z0-9+/])LS0tLS1CRUdJTi(?!BDRVJU|BQVUJM|BORVcg|BUUlVT|BYNTA5)[A-Za-z0-9+/=]{24,}+",
        24, "LS0t?",
    ),
    ("newrelic_key", ("nral",), r"(?<=[0-9a-f]{30})(?:FFFF)?NRAL(?![A-Za-z0-9])", _is_newrelic, ""),
    (
        "aws_secret_access_key",
        ("akia", "asia"),
        r"(?:AKIA|ASIA)[A-Z0-9]{16}[:,;\t ]{1,3}([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        16, "",
    ),
    # --- messages
    ("webhook", ("hooks.slack.com/",), r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9_/]{20,}+)", 0, "hooks"),
    ("webhook", ("/api/webhooks/",), r"/api/webhooks/(\d{10,24}/[A-Za-z0-9_-]{40,}+)", 0, "webhooks"),
    ("webhook", ("hooks.zapier.com/hooks/catch/",), r"hooks\.zapier\.com/hooks/catch/([A-Za-z0-9/]{12,})", 0, "zapier"),
    ("webhook", (".tines.com/webhook/",), r"\.tines\.com/webhook/([a-z0-9/]{32,})", 0, "tines"),
    (
        "webhook",
        ("/webhookb2/", "office.com/webhook/"),
        r"/?(?:office\.com/)?webhook(?:b2)?/([A-Za-z0-9@/_-]{60,}+)",
        0, "office",
    ),
    (
        "webhook",
        ("@",),
        r"@[A-Za-z0-9]{8}-(?:[A-Za-z0-9]{4}-){3}[A-Za-z0-9]{12}/[A-Za-z]{4,40}/([A-Za-z0-9]{24,40}/[A-Za-z0-9-]{20,80})",
        _is_between_uuids, "",
    ),
    ("telegram_token", (":aa",), r"(?<=\d{8}):AA[A-Za-z0-9_-]{32,}+", -32, ""),
    # --- clouds
    ("azure_secret", ("q~",), r"(?<=[A-Za-z0-9_~.-]{3}[0-9])Q~[A-Za-z0-9_~.-]{30,}+", _is_mid_azure, ""),
    ("azure_signature", ("sig=",), r"(?<=[?&])sig=([A-Za-z0-9%+/_-]{30,}+=*+)", 0, "sig"),
    ("snowflake_token", ("-hint:",), r"-hint:\d{1,20}-[A-Za-z0-9+/=_-]{30,}+", 0, "hint"),
    ("terraform_token", (".atlasv1.",), r"\.atlasv1\.[A-Za-z0-9_=-]{40,}+", -40, "atlasv1"),
    # --- carriers
    (
        "jwt",
        ("ey",),
        r"(?<![A-Za-z0-9_-])ey(?=[A-Za-z_-]{0,200}[0-9])[A-Za-z0-9_-]{9,}+\.[A-Za-z0-9_-]{12,}+(?:\.[A-Za-z0-9_-]*+){1,3}",
        _is_jwt, "ey?",
    ),
    ("jwt_base64", ("zxlk",), r"(?<![A-Za-z0-9+/_-])ZXlK[A-Za-z0-9+/_=-]{40,}+", 40, "ZXlK?"),
    (
        "authorization",
        ("authorization",),
        (
            r"(?i)authorization\\{0,7}[\"'`]?[ \t]{0,4}(?:[:=]|,|=>)[ \t]{0,4}(?:[fbr]?\\{0,7}[\"'`])?"
            r"(?:(?:bearer|basic|token|digest|api-?key|negotiate|bot|splunk|genie|sso-key|github-bearer)[ \t]{1,4}"
            r"|(?=[^\s\"'\\`]{0,256}\d))"
            r"([^\s\"'\\`]{6,}+)"
        ),
        0, "authorization",
    ),
    (
        "bearer_token",
        ("bearer ",),
        r"(?i)(?<![a-z])bearer[ \t]{1,4}(?=[a-z._~+/=-]{0,256}\d)([a-z0-9._~+/=-]{16,}+)",
        0, "bearer",
    ),
    ("cookie", ("ookie:",), r"(?i)ookie:[ \t]{0,4}([a-z0-9_.$-]{1,128}=[^\s\"'\\;][^\"'\r\n]{0,4096}+)", "=", "cookie"),
    ("password_hash", ("$",), r"\$[0-9A-Za-z-]{1,16}\$[A-Za-z0-9./$=,+_@*:-]{20,400}+", _is_hash, ""),
    ("password", (" pass:", "=pass:"), r"[ =]pass:([^\s\"'\\]{3,256})", 0, "pass"),
)  # fmt: skip


def shapes(sight: Sight, rules: Iterable[Rule], *, by_chance: bool = True) -> Iterator[Span]:
    """Where the text has a secret by its shape: tokens of the table first, then the patterns, then what is mixed by chance."""
    yield from _tokens(sight)
    yield from _patterns(sight, rules)
    if by_chance:
        yield from random_runs(sight)


# --- tokens of the table

Row = tuple[str, str, str, int, int]
_BY_HEAD: tuple[dict[bytes, list[Row]], ...] = ({}, {}, {}, {})


def _table() -> tuple[dict[bytes, list[Row]], ...]:
    """The rows by the first four letters and digits of their prefix, or by as many as it has."""
    if not _BY_HEAD[0]:
        for kind, prefixes, alphabet, min_chars, max_chars, _ in TOKENS:
            for prefix in prefixes.split():
                head = prefix.lstrip("_").encode().translate(_APART).split()[0][:4]
                _BY_HEAD[4 - len(head)].setdefault(head, []).append((kind, prefix, ALPHABETS[alphabet], min_chars, max_chars))
    return _BY_HEAD


def _tokens(sight: Sight) -> Iterator[Span]:
    for heads, table in zip(sight.heads, _table(), strict=True):
        for head in sorted(heads & table.keys()):
            for row in table[head]:
                yield from _of_row(sight.text, row)


def _of_row(text: str, row: tuple[str, str, str, int, int]) -> Iterator[Span]:
    kind, prefix, alphabet, min_chars, max_chars = row
    length = len(prefix)
    at = text.find(prefix)
    run_end = 0
    while at >= 0:
        end = start = at + length
        before = text[at - 1 : at]
        if (
            not (before.isascii() and before.isalnum())
            or text[at - 3 : at - 2] == "%"
            or (before in ("n", "t", "r") and text[at - 2 : at - 1] == "\\")
        ):
            end = run_end = run_end if start < run_end else end_of_run(text, start, alphabet)
            body = text[start : min(end, start + 256)]
            while body and body[-1] in ".-=" and end - start <= 256:
                body, end = body[:-1], end - 1
            if end - start >= min_chars and (not max_chars or end - start <= max_chars) and _is_generated(body, prefix):
                yield at, end, kind
            else:
                end = start
        at = text.find(prefix, end)


def end_of_run(text: str, at: int, alphabet: str) -> int:
    """Where the run of the alphabet's characters that begins here ends."""
    step = 128
    while True:
        piece = text[at : at + step]
        rest = piece.lstrip(alphabet)
        at += len(piece) - len(rest)
        if rest or not piece:
            return at
        step = 4096


def _is_generated(body: str, prefix: str) -> bool:
    """Not a word: digits, or letters of both cases, or no separator at all."""
    if len(set(body)) < 4:
        return False
    if any(char in _DIGITS for char in body):
        return True
    upper = sum(char.isupper() for char in body)
    return (1 < upper < len(body) and len(body) > 14) or (len(prefix) > 2 and body.isalpha() and len(body) >= 28)


# --- patterns


def _patterns(sight: Sight, rules: Iterable[Rule]) -> Iterator[Span]:
    text, lowered = sight.text, sight.lowered
    for kind, literals, pattern, *hint in rules:
        if len(hint) > 1 and not _is_open(sight, str(hint[1])):
            continue
        for literal in literals:
            at = lowered.find(literal)
            while at >= 0:
                end = at + 1
                if not hint or _may_match(lowered, at, len(literal), hint[0]):
                    match = compiled(pattern).match(text, at)
                    if match is not None:
                        end = max(match.end(), end)
                        yield from _found(match, text, kind, judge=bool(hint))
                at = lowered.find(literal, end)
        if not literals:
            for match in compiled(pattern).finditer(text):
                yield from _found(match, text, kind, judge=False)


_BACKWARDS = frozenset(
    (
        "telegram_token", "azure_secret", "maxmind_key", "mailchimp_key", "salesforce_token", "azure_devops_token",
        "newrelic_key", "authress_key", "terraform_token",
    )
)  # fmt: skip
"""Kinds whose pattern begins in the middle: the whole token goes."""


def _found(match: re.Match[str], text: str, kind: str, *, judge: bool) -> Iterator[Span]:
    """The secret of a match, unless it is a reference or a word; what a user's own pattern finds is never judged."""
    group = 1 if match.re.groups else 0
    start, end = match.span(group)
    found = match[group] or ""
    if judge and kind in _BACKWARDS:
        start = _start_of_token(text, start)
    elif judge and (not found or is_reference(found[:600]) or is_plain(found) or (kind == "authorization" and is_code(found))):
        return
    if end > start and not found.startswith("[redacted:"):
        yield start, end, kind


def _start_of_token(text: str, at: int) -> int:
    first = max(0, at - 120)
    while at > first and (text[at - 1] in ALPHABETS["W"] or text[at - 1] == "~"):
        at -= 1
    return at


def _is_open(sight: Sight, gate: str) -> bool:
    """Whether the text has the word, or with ``?`` the beginning of a word, without which the rule finds nothing."""
    if not gate:
        return True
    if gate[-1] != "?":
        return gate.encode() in sight.words
    return gate[:-1].encode() in sight.heads[5 - len(gate)]


def _may_match(lowered: str, at: int, length: int, hint: Hint) -> bool:
    """Whether a shape can be here, by its hint: as cheap as can be, for most literals stand in ordinary words."""
    after = at + length
    if isinstance(hint, str):
        return lowered.find(hint, at + 1, after + HINT_WINDOW) >= 0
    if not isinstance(hint, int):
        return hint(lowered, at)
    if hint > 0 and at and lowered[at - 1].isalnum():
        return False
    min_chars = abs(hint)
    return len(lowered) - after >= min_chars and not lowered[after : after + min_chars].strip(_IN_TOKENS)
