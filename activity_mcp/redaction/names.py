"""What kind of secret a name announces, and how sure that is.

A name is judged by its words: ``dbPassword``, ``DB_PASSWORD`` and ``db-password`` are the same. A *strong* name (password,
token, secret, api key …) makes any value a secret; a *weak* one (``…_KEY``, ``…_PAT``, ``…_SALT``) only a value that is random.
"""

from __future__ import annotations

from .gates import FOREIGN_NAMES
from .patterns import words as _words

STRONG, WEAK, BARE = 3, 2, 1
"""BARE: a weak word alone (``key``), which in most texts is the key of a table, so that its value must be random beyond
doubt."""

_SECRET_WORDS = {
    "password": "password", "passwords": "password", "passwd": "password", "passphrase": "password", "passcode": "password",
    "passwort": "password", "kennwort": "password", "wachtwoord": "password", "contrasena": "password", "senha": "password",
    "motdepasse": "password", "mdp": "password", "parola": "password", "heslo": "password", "passwordhash": "password",
    "secret": "secret", "secrets": "secret", "token": "token", "authorization": "authorization", "bearer": "token",
    "credential": "credentials", "credentials": "credentials", "cookie": "cookie", "cookies": "cookie", "psk": "password",
    "mnemonic": "secret", "rocommunity": "password", "rwcommunity": "password", "passe": "password",
    "clave": "password", "motpasse": "password", "requirepass": "password",
    "masterauth": "password", "jwt": "token", "storepass": "password",
    "keypass": "password", "keystorepass": "password", "passwordplain": "password", "tokensecret": "secret",
}  # fmt: skip
_SECRET_ENDINGS = (
    ("password", "password"), ("passwd", "password"), ("passphrase", "password"), ("apikey", "api_key"),
    ("secretaccesskey", "aws_secret_access_key"), ("accesskey", "access_key"), ("secretkey", "secret_key"),
    ("privatekey", "private_key"), ("clientsecret", "secret"),
    ("signingkey", "secret_key"), ("encryptionkey", "secret_key"), ("masterkey", "secret_key"), ("accountkey", "secret_key"),
    ("authkey", "secret_key"), ("sshkey", "private_key"), ("token", "token"), ("secretkeybase", "secret_key"),
    ("secret", "secret"), ("apikeys", "api_key"), ("apisecret", "secret"), ("presharedkey", "secret_key"),
    ("sharedkey", "secret_key"), ("sessionkey", "secret_key"), ("seedphrase", "secret"), ("recoveryphrase", "secret"),
    ("connectionkey", "secret_key"), ("webhooksecret", "secret"), ("dockerconfigjson", "credentials"),
    ("storagekey", "secret_key"), ("sharedaccesskey", "secret_key"), ("deploykey", "secret_key"), ("passwort", "password"),
    ("kennwort", "password"), ("authident", "credentials"),
)  # fmt: skip
_WEAK_WORDS = {
    "key": "secret_key", "keys": "secret_key", "auth": "authorization", "pat": "token", "pats": "token", "pw": "password",
    "pass": "password", "pwd": "password", "creds": "credentials", "cred": "credentials", "salt": "secret", "pepper": "secret",
    "pin": "password", "otp": "password", "totp": "secret", "seed": "secret", "sig": "signature", "signature": "signature",
    "login": "password", "sid": "token", "sessionid": "cookie", "session": "cookie", "sas": "token", "hmac": "secret",
    "appid": "api_key", "apppass": "password", "dek": "secret_key", "kek": "secret_key", "privkey": "private_key",
    "api": "api_key",
    "phpsessid": "cookie", "jsessionid": "cookie", "license": "secret_key", "licence": "secret_key", "tokens": "token",
    "code": "token",
}  # fmt: skip
_NEARLY_STRONG = _words("pass pw pwd creds cred salt pepper pat auth apppass pin")
"""Weak words whose value need not be long: the value is no word, no path and no number of a port."""
_GLUED = ("pass", "pw", "pwd", "authtok")
"""How a name in one word ends: ``rootpw``, ``bindpw``, ``remotepass``, ``mysqlpwd``."""
_NOT_GLUED = _words("pass pw pwd compass trespass encompass surpass bypass overpass underpass subpass multipass impasse")
_OTHER_PASSES = ("bypass", "lowpass", "highpass", "bandpass", "allpass", "renderpass", "subpass", "onepass", "firstpass")
_NOT_A_KEY = _words(
    "primary foreign public publishable cache sort partition row group unique object natural composite lookup map dict hash"
    " index order bucket idempotency dedup dedupe translation i18n locale event registry shard routing hot shortcut keyboard"
    " press candidate surrogate join range record message storage config setting field column property attribute item node"
    " tree menu tab react query route cursor page next prev start last first any enter arrow up down left right home escape"
    " delete backspace space metadata label tag topic lock redis s3 file resource dedupe distinct answer legend major minor"
    " pub host known turn hockey mon don the a an this that each every your my our its no any one same new which"
    " what of for with by and"
)
_NOT_SECRET_KEYS = ("public", "primary", "foreign")
_SOMETIMES_A_KEY = _words("storage host file record message topic bucket config redis resource field legend route query item")
"""Of these some vendors have secret keys: only a value that is random beyond doubt is one."""
_ACCOUNTS = _words(
    "db database user smtp mail email admin root mysql postgres pg redis snowsql snowflake ftp ssh login sudo app my imap ldap"
    " proxy http jdbc mongo rabbitmq amqp mqtt vpn wifi ap service svc bind superuser dba sa oracle mssql sql neo4j elastic"
)
_HARMLESS_TOKENS = _words(
    "page next cursor continuation stop eos bos pad unk mask sep cls special start end first last per prompt completion max"
    " min input output sync total num count reserved image audio cached reasoning"
)
_TRAILING = _words(
    "value values plain plaintext raw base64 b64 prod production dev development stage staging old new current live main"
    " backup confirm confirmation again repeat verify default local ci internal external encrypted enc primary secondary string"
)
_PUBLIC_SIGNATURES = _words("sig signature session sid seed code login api license licence tokens appid otp pin totp hmac")
_MAX_NAMES = 4096
_LETTERS = bytes(byte if 97 <= byte <= 122 else 32 for byte in range(256))
_kinds: dict[str, tuple[str, int] | None] = {}
_completed: dict[str, bool] = {}
_almost: dict[str, bool] = {}


class Name:
    """A name in a text: its place, and the kind of value it announces."""

    __slots__ = ("end", "is_option", "kind", "start", "strength", "text")

    def __init__(self, text: str, start: int, end: int, kind: str, strength: int) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.kind = kind
        self.strength = strength
        self.is_option = text[:1] == "-"


def sensitive_kind(name: str) -> str | None:
    """What kind of secret the name announces whatever its value is, or None: ``db_password``, but not ``token_source``."""
    judged = judge_name(name)
    return judged[0] if judged is not None and judged[1] == STRONG else None


def judge_name(name: str) -> tuple[str, int] | None:
    """The kind of secret that the name announces, and whether it is STRONG, WEAK or BARE; None for other names."""
    if name in _kinds:
        return _kinds[name]
    judged = _judge(name) if 2 <= len(name) <= 128 else None
    if len(_kinds) < _MAX_NAMES:
        _kinds[name] = judged
    return judged


def _judge(name: str) -> tuple[str, int] | None:
    if not name.isascii() and name.lower().endswith(FOREIGN_NAMES):
        return "password", STRONG
    words = words_of(name)
    while len(words) > 1 and words[-1] in _TRAILING:
        words.pop()
    if not words:
        return None
    last = words[-1]
    before = words[-2] if len(words) > 1 else ""
    if last in ("token", "tokens") and before in _HARMLESS_TOKENS:
        return None
    if last in ("pass", "pwd") and before in _ACCOUNTS:
        return "password", STRONG
    if last in _SECRET_WORDS:
        return _SECRET_WORDS[last], STRONG
    joined = "".join(words[-3:])
    if before not in _NOT_A_KEY and len(last) > 2:
        for ending, kind in _SECRET_ENDINGS:
            if joined.endswith(ending):
                return kind, STRONG
    if last in ("key", "keys") and (before in _NOT_A_KEY or words[0] in _NOT_SECRET_KEYS):
        return ("secret_key", BARE) if before in _SOMETIMES_A_KEY else None
    return _judge_weak(last, before)


def _judge_weak(last: str, before: str) -> tuple[str, int] | None:
    if last in _WEAK_WORDS:
        return _WEAK_WORDS[last], WEAK if before or last in _NEARLY_STRONG else BARE
    if last.endswith(_GLUED) and last not in _NOT_GLUED and not last.endswith(_OTHER_PASSES):
        return "password", WEAK
    if last.endswith("key") and len(last) > 5 and last[:-3] not in _NOT_A_KEY:
        return "secret_key", WEAK
    return None


def may_be_completed(name: str) -> bool:
    """Whether a name that announces nothing may announce a secret behind one more word: ``seed.phrase``, ``seed phrase``."""
    if name in _completed:
        return _completed[name]
    words = words_of(name)
    while len(words) > 1 and words[-1] in _TRAILING:
        words.pop()
    joined = "".join(words)
    may_be = (
        not words
        or (len(words) < 3 and any(ending.endswith(joined) for ending, _ in _SECRET_ENDINGS))
        or (words[-1] in ("key", "keys") and words[0] in _NOT_SECRET_KEYS)
    )
    if len(_completed) < _MAX_NAMES:
        _completed[name] = may_be
    return may_be


def is_almost_strong(name: str) -> bool:
    """Whether the name's last word is one whose value is a secret unless it is a word, a path or a small number."""
    if name in _almost:
        return _almost[name]
    words = words_of(name)
    is_almost = bool(words) and (words[-1] in _NEARLY_STRONG or words[-1].endswith(_GLUED))
    if len(_almost) < _MAX_NAMES:
        _almost[name] = is_almost
    return is_almost


def words_of(name: str) -> list[str]:
    """``dbPassword``, ``DB_PASSWORD``, ``APIKey2``: their words in lower case, digits left out."""
    if name.isascii() and (name.islower() or name.isupper()):
        return name.lower().encode().translate(_LETTERS).decode().split()
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
