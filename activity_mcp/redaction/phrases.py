"""Secrets that a phrase gives away: ``IDENTIFIED BY '…'``, ``auth=('bob', '…')``, ``secret 5 …`` of a router's
configuration."""

from __future__ import annotations

from .expressions import arguments
from .gates import ENCODER_WORDS, PAIRS
from .judging import is_chosen, is_secret_text
from .names import STRONG, Name
from .randomness import has_odd_part
from .reading import after_prefix, quoted_value, skip_blanks, word
from .sight import end_of_line
from .values import is_plain, is_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .sight import Sight

    Span = tuple[int, int, str]

_IDENTIFIED = ("identified by ", "identified by password ", "identified externally as ")
_PLACES = (
    ("mysqli_connect", 2), ("mysql_connect", 2), ("mysqli", 2), ("pdo", 2), ("getconnection", 2), ("oci_connect", 1),
    ("ftp_login", 2), ("ldap_bind", 2), ("simple_bind_s", 1), ("mysqldb.connect", 2), ("pymysql.connect", 2), ("imap_open", 2),
)  # fmt: skip
"""Functions that take a password without its name, and its place among their arguments."""
_ENCODERS = (
    "btoa(", "buffer.from(", "b64encode(", "encode64(", "base64_encode(", "encodetostring(", "base64.encode(", "getbytes(",
    "base64encode(",
)  # fmt: skip
_SIGNERS = (
    ("jwt.sign", 1), ("jwt.encode", 1), ("jwt.verify", 1), ("jwt.decode", 1), ("createhmac", 1), ("hmac.new", 0), ("fernet", 0),
    ("cookieparser", 0), ("unsafeplaintext", 0), ("sensitive", 0), ("plaincredentials", 1), ("create_user", 2),
    ("create_superuser", 2), (".connect", 1), ("->connect", 2),
    ("client.login", 0), ("client.run", 0), ("bot.run", 0), ("bot.login", 0), ("createclient", 1),
    ("sendgridapiclient", 0), ("aes.new", 0), ("algoliasearch", 1), ("set_password", 2), ("wifi.begin", 1), ("ftp", 2),
    (".connect", 3), ("client", 1), ("hs256", 1), ("new stripe", 0), ("new openai", 0), ("sign", 1), ("setapikey", 0),
    ("set_api_key", 0), ("setgenericpassword", 1), ("authenticate", 1), ("signin", 1), ("sign_in", 1), ("logon", 1),
    ("setcredentials", 1), ("withcredentials", 1), ("basic_auth", 1), ("signinwithemailandpassword", 2),
    ("createuserwithemailandpassword", 2), ("fill_credentials", 1),
)  # fmt: skip
"""Functions that take a secret, which must look like one, and its place."""
_SETTINGS = ("secret", "password", "community", "key-string", "key")


FUNCTIONS: dict[str, list[tuple[int, bool]]] = {}
"""Each function with the places of its secrets, and whether what is there is one for sure."""
for _functions, _is_sure in ((_PLACES, True), (_SIGNERS, False)):
    for _function, _place in _functions:
        FUNCTIONS.setdefault(_function, []).append((_place, _is_sure))


def phrases(sight: Sight, calls: Iterable[str]) -> Iterator[Span]:
    """Where a phrase of the text is followed by a secret; ``calls`` are those of ``FUNCTIONS`` that the text has."""
    text, lowered = sight.text, sight.lowered
    if b"identified" in sight.words:
        for phrase in _IDENTIFIED:
            yield from _after(text, lowered, phrase)
    for name in sorted(PAIRS & sight.words):
        yield from _pairs(text, lowered, name.decode())
    for call in calls:
        for place, is_sure in FUNCTIONS[call[:-1]]:
            yield from _connections(text, lowered, call, place, is_sure=is_sure)
    if ":" in text and not ENCODER_WORDS.isdisjoint(sight.words):
        for encoder in _ENCODERS:
            yield from _encoded_logins(text, lowered, encoder)
    if b"kind" in sight.words and b"secret" in sight.words:
        yield from _manifest(text, lowered)
    for setting in _SETTINGS:
        if setting.partition("-")[0].encode() in sight.words:
            yield from _configured(text, lowered, setting)


def _after(text: str, lowered: str, phrase: str) -> Iterator[Span]:
    at = lowered.find(phrase)
    while at >= 0:
        value = skip_blanks(text, at + len(phrase))
        span = quoted_value(text, value) if value < len(text) else None
        is_quoted = span is not None
        if span is None and value < len(text):
            span = word(text, value)
        if span is not None and _is_password(text[span[0] : span[1]], is_quoted=is_quoted):
            yield (*span, "password")
        at = lowered.find(phrase, at + len(phrase))


def _is_password(value: str, *, is_quoted: bool) -> bool:
    value = value[:520]
    if len(value) < 3 or is_reference(value) or is_plain(value):
        return False
    return is_chosen(value) or (is_quoted and (len(value) > 5 or not value.isalpha()))


def _pairs(text: str, lowered: str, name: str) -> Iterator[Span]:
    """``auth=('bob', '…')``, ``HTTPBasicAuth("bob", "…")``: of two quoted arguments or more the last."""
    at = lowered.find(name)
    while at >= 0:
        end = at + len(name)
        place = end
        while place < min(len(text), end + 10) and text[place] in "]=:(new \t[":
            place += 1
        opened = "(" in text[end:place] or "[" in text[end:place] or text[at - 6 : at] == "basic_"
        given = arguments(text, place) if opened else []
        if len(given) > 1 and given[-1] is not None and given[0] is not None:
            yield from _password_at(text, given[-1])
        at = lowered.find(name, end)


def _connections(text: str, lowered: str, call: str, place: int, *, is_sure: bool = True) -> Iterator[Span]:
    """``mysqli_connect("h", "u", "…", "db")``: the password by its place among the arguments."""
    at = lowered.find(call)
    while at >= 0:
        given = arguments(text, at + len(call))
        span = given[place] if len(given) > place else None
        if span is not None and (is_sure or _is_generated(text[span[0] : span[1]][:520])):
            yield from _password_at(text, span)
        at = lowered.find(call, at + len(call) - 1)


def _is_generated(value: str) -> bool:
    return len(value) >= 8 and is_chosen(value) and (has_odd_part(value) or not value.isalnum()) and "/" not in value


def _encoded_logins(text: str, lowered: str, encoder: str) -> Iterator[Span]:
    """``btoa('bob:…')``: the password of a login that the text encodes."""
    at = lowered.find(encoder)
    while at >= 0:
        value = after_prefix(text, skip_blanks(text, at + len(encoder)))
        span = quoted_value(text, value) if value < len(text) else None
        if span is not None:
            colon = text.find(":", span[0], min(span[1], span[0] + 80))
            user, password = text[span[0] : max(colon, span[0])], text[colon + 1 : span[1]][:520]
            if colon > 0 and user and " " not in user and is_chosen(password) and not is_reference(password):
                yield colon + 1, span[1], "password"
        at = lowered.find(encoder, at + len(encoder))


def _password_at(text: str, span: tuple[int, int] | None) -> Iterator[Span]:
    if span is not None and is_secret_text(Name("password", 0, 0, "password", STRONG), text[span[0] : span[1]][:520]):
        yield (*span, "password")


def _configured(text: str, lowered: str, setting: str) -> Iterator[Span]:
    """``enable secret 5 $1$…``, ``username x password 7 …``, ``snmp-server community …``."""
    length = len(setting) + 1
    at = lowered.find(setting + " ")
    while at >= 0:
        start = at + length
        if text[start : start + 1] in (" ", "\t"):
            start = skip_blanks(text, start)
        if text[start : start + 1].isdigit() and text[start + 1 : start + 2] == " ":
            span = word(text, start + 2)
            if span[1] - span[0] >= 6:
                yield (*span, "password")
        elif setting == "community" and lowered.startswith("snmp-server ", at - 12):
            yield (*word(text, start), "password")
        at = lowered.find(setting + " ", at + length)


def _manifest(text: str, lowered: str) -> Iterator[Span]:
    """Every value below ``data:`` and ``stringData:`` of a manifest of Kubernetes that is of the kind Secret."""
    done = 0
    for kind in ("kind: secret", "kind: 'secret'", 'kind: "secret"'):
        at = lowered.find(kind)
        while at >= 0:
            begin = max(done, lowered.rfind("\n---", 0, at) + 1)
            end = lowered.find("\n---", at)
            end = len(text) if end < 0 else end
            if lowered[at + len(kind) : at + len(kind) + 1] in ("", "\n", "\r", " ") and at >= done:
                yield from _data_of(text, lowered, begin, end)
                done = end
            at = lowered.find(kind, max(end, at + 1))


def _data_of(text: str, lowered: str, begin: int, end: int) -> Iterator[Span]:
    place, inside = begin, -1
    while place < end:
        line_end = min(end, end_of_line(text, place))
        content = skip_blanks(text, place, 256)
        indent = content - place
        if inside >= 0 and indent > inside:
            colon = text.find(":", content, line_end)
            value = skip_blanks(text, colon + 1) if colon > 0 else line_end
            if value < line_end:
                span = quoted_value(text, value) or (value, line_end)
                content_of = text[span[0] : span[1]][:520].strip()
                if len(content_of) > 2 and not is_reference(content_of) and text[value] not in "|>":
                    yield (*span, "secret")
            elif colon < 0 and line_end > content:
                yield content, line_end, "secret"  # a line of a block
        elif line_end > content:
            inside = indent if lowered[content:line_end].rstrip() in ("data:", "stringdata:") else -1
        place = text.find("\n", line_end) + 1
        if place <= 0:
            break
