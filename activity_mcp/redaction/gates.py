"""Which finders a text gives reason to run: questions to sets, before any table is loaded or any search begins.

A gate may be open where its finder finds nothing; it is never shut where it would find something. Where all are shut, which is
so for most of what a hook records, the finders are not even loaded.
"""

from __future__ import annotations

from itertools import islice

from .gate_words import CALLS, CONSUMERS, PROGRAMS, TOKENS_BEFORE_LONG, TOKENS_BY_HEAD, TOKENS_BY_PIECE
from .rules import open_rules
from .sight import APART, MANY, escaped, may_have_joints

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from .rules import Rule
    from .sight import Sight

    Open = dict[str, Any]

PATH_MEMBERS = ("file_path", "notebook_path", "path", "filePath")
"""What names a file in the input of a tool."""
NAME_LITERALS = (b"pass", b"secret", b"token", b"key", b"cred", b"pwd", b"cookie", b"auth", b"salt")
"""What most secret names have somewhere; the others have one of ``NAME_WORDS`` as a word of its own."""
NAME_WORDS = frozenset(
    (
        b"rocommunity", b"rwcommunity", b"pw", b"pat", b"pats", b"sig", b"signature", b"login", b"appid", b"sid", b"sessionid",
        b"sessid", b"phpsessid", b"jsessionid", b"kennwort", b"contrasena", b"senha", b"wachtwoord", b"mdp", b"motdepasse",
        b"heslo", b"parola", b"pepper", b"pin", b"jwt", b"api", b"sas", b"bearer", b"mnemonic", b"psk", b"phrase",
        b"dockerconfigjson", b"rootpw", b"bindpw", b"userpw", b"adminpw", b"dbpw", b"authtok", b"requirepass", b"otp", b"totp",
        b"seed", b"hmac", b"dek", b"kek", b"license", b"licence", b"session", b"code", b"storepass", b"keypass",
    )
)  # fmt: skip
NAME_ENDINGS = (b"Pw", b"Pat", b"Psk", b"Pin")
"""``githubPat``."""
FOREIGN_NAMES = (
    "пароль", "密码", "密碼", "口令", "密钥", "密鑰", "令牌", "パスワード", "暗証番号", "비밀번호", "암호",
    "contraseña", "hasło", "lösenord", "şifre",
    "كلمة المرور", "كلمة السر", "รหัสผ่าน", "mật khẩu", "κωδικός", "סיסמה", "jelszó", "पासवर्ड",
)  # fmt: skip
_FOREIGN = tuple(next(char for char in name if char > "\x7f") for name in FOREIGN_NAMES)
"""The first character of each that is not ASCII: to look for one character costs hardly anything."""
PAIRS = frozenset(
    (
        b"auth", b"basicauth", b"httpbasicauth", b"networkcredential", b"credentials", b"pscredential", b"basic", b"login",
        b"digestauth", b"httpdigestauth", b"usernamepasswordcredentials", b"directoryentry", b"basiccredentials",
        b"usernamepasswordauthenticationtoken", b"basicauthentication", b"passwordauthentication", b"setbasicauth",
        b"httpntlmauth", b"userpassword",
    )
)  # fmt: skip
ENCODER_WORDS = frozenset(
    (b"btoa", b"b64encode", b"encode64", b"base64", b"encodetostring", b"getbytes", b"base64encode", b"buffer")
)
SETTING_WORDS = frozenset((b"secret", b"community", b"password", b"key"))
_DIGITS = frozenset(b"%d" % digit for digit in range(10))
FIELDS = ("password", "passwd", "passphrase", "passcode", "secret", "token", "pwd", "assword")
"""What a field or a heading calls a secret."""
_FIELDS = tuple(field.encode() for field in FIELDS)
_LOGINS = {
    b"login": "login", b"logon": "logon", b"log": "log in", b"creds": "creds", b"credentials": "credentials",
    b"sign": "sign in", b"signin": "signin",
}  # fmt: skip
"""What a sentence that gives an account away has, by its first word."""
PEER_WORDS = frozenset((b"eap", b"xauth"))
"""Kinds of secrets of ``ipsec.secrets``, beside ``PSK``."""
ECHOES = frozenset((b"echo", b"printf"))
SECRETISH = frozenset(
    (
        b"secret", b"secrets", b"passwd", b"password", b"passphrase", b"token", b"login", b"auth", b"unlock", b"luksopen",
        b"luksformat", b"vault", b"keyring", b"kinit", b"join", b"store", b"base64", b"vncpasswd", b"encfs", b"pass",
        b"credential", b"credentials", b"creds", b"unseal", b"decrypt", b"encrypt", b"versions", b"add", b"set", b"put",
        b"askpass", b"wallet",
    )
)  # fmt: skip
"""Words of a command that reads a secret."""
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
MAX_BASE64 = 4096
_MAX_RUNS = 6
_HEX = b"0123456789abcdefABCDEF"
_MARKS_OF_PASSWORDS = "!#$%^&*+?@"
ESCAPE, CSI = "\x1b", "\x9b"
"""What begins a sequence for a terminal."""
_WRITTEN_ESCAPES = ("\\e[", "\\e]", "\\x1", "\\033", "\\u001")
_AFTER_PROGRAM = (b" ", b"\t", b".", b"\\")
_PASSWORD_OPTIONS = (b" -p", b" -P", b" -w")
_MIN_KEY_PIECE = 20
_MIN_KEY_LINES = 190


class WordGate:
    """A block of ``gate_words``: the words, and by each what to look for.

    ``is_whole``: nothing that goes on as a word can follow what is looked for, so that all of its words are words of the text;
    else all but the last.
    """

    __slots__ = ("_block", "_is_whole", "_wanted_of", "words")

    def __init__(self, block: str, *, is_whole: bool = False) -> None:
        self._block = block
        self._is_whole = is_whole
        self._wanted_of: dict[bytes, list[tuple[str, bytes, set[bytes]]]] = {}
        self.words = frozenset(block.partition("\n\n")[0].encode().split())

    def of(self, words: set[bytes], data: bytes) -> list[str]:
        """What a text with these words has of it, by word in alphabetical order."""
        found: list[str] = []
        for word in sorted(self.words & words):
            if word not in self._wanted_of:
                self._wanted_of[word] = [
                    (wanted, wanted.encode(), self._words_in(wanted)) for wanted in self.wanted(word.decode())
                ]
            found += [wanted for wanted, needle, parts in self._wanted_of[word] if parts <= words and needle in data]
        return found

    def wanted(self, word: str) -> list[str]:
        """What to look for in a text that has the word."""
        start = self._block.find(f"\n{word}|") + 1
        return self._block[start : self._block.index("\n", start)].split("|")[1:] if start else [word]

    def _words_in(self, wanted: str) -> set[bytes]:
        """The words of what is looked for that a text has as words of its own."""
        words = wanted.encode().translate(APART).split(b" ")
        return set(words if self._is_whole else words[:-1]) - {b""}


_PREFIXES, _LONG_PREFIXES = WordGate(TOKENS_BY_PIECE), WordGate(TOKENS_BEFORE_LONG)
_OPEN_PREFIXES = WordGate(TOKENS_BY_HEAD)
_PROGRAMS, _CALLS = WordGate(PROGRAMS, is_whole=True), WordGate(CALLS, is_whole=True)
_CONSUMERS = WordGate(CONSUMERS)


def opened(sight: Sight, rules: Iterable[Rule], literals: Sequence[str] = ()) -> Open:
    """What each finder that has something to look for is to look for; those without are left out."""
    text, words = sight.text, sight.words
    found: Open = {
        "private_keys": has_key_lines(sight),
        "tokens": prefixes_of(sight),
        "rules": open_rules(sight, rules),
        "by_chance": bool(sight.long) and _may_be_by_chance(sight),
        "urls": "@" in text and b"://" in sight.data,
        "drivers": "@" in text and not words.isdisjoint((b"thin", b"tcp", b"unix")),
        "names": may_have_names(sight, literals),
        "calls": _calls(sight),
        "phrases": _has_phrase(sight),
        "remarks": _has_remark(sight),
        "accounts": _has_account(sight),
        "pgpass": ":" in text and (b"5432" in words or ("*" in text and b":*:" in sight.data)),
        "programs": _programs(sight),
        "beside_user": b" -" in sight.names and any(map(sight.names.__contains__, _PASSWORD_OPTIONS)),
        "piped": _is_piped(sight),
        "encoded": bool(sight.long) and _may_have_base64(sight),
        "views": has_views(sight),
    }
    return {finder: reason for finder, reason in found.items() if reason}


def has_key_lines(sight: Sight) -> bool:
    """Whether a private key may be in it: its title, or lines as long as a key's."""
    words = sight.words
    if b"begin" in words or (b"private" in words and b"mac" in words):
        return True
    return (
        sight.longest >= _MIN_KEY_PIECE
        and len(sight.text) >= _MIN_KEY_LINES
        and "\n" in sight.text
        and any(len(piece) >= _MIN_KEY_PIECE and not piece.islower() for piece in sight.long)
    )


def prefixes_of(sight: Sight) -> list[str]:
    """The prefixes of tokens that the text has, longer heads first, then in the order of the table."""
    found = _PREFIXES.of(sight.pieces, sight.data)
    if sight.long:
        found += _LONG_PREFIXES.of(sight.pieces, sight.data)
    if sight.heads:
        found += _OPEN_PREFIXES.of(sight.heads, sight.data)
        found += _OPEN_PREFIXES.of({head[:3] for head in sight.heads}, sight.data)
        found += _OPEN_PREFIXES.of(sight.twos, sight.data)
    return found


def _may_be_by_chance(sight: Sight) -> bool:
    if sight.longest < 20:
        return False
    least = 20 if b"://" in sight.data else 32
    return any(
        len(piece) >= least and not piece.isalpha() and not piece.isdigit() and _may_be_generated(piece) for piece in sight.long
    )


def _may_be_generated(piece: bytes) -> bool:
    """Not hexadecimal; a shorter one with letters of both cases."""
    return bool(piece.strip(_HEX)) if len(piece) >= 32 else not piece.islower() and not piece.isupper()


def may_be_base64(piece: bytes | str) -> bool:
    """Letters of both cases and digits, as base64 of a text has them."""
    return len(piece) >= 16 and not piece.islower() and not piece.isupper() and not piece.isalpha() and not piece.isdigit()


def _may_have_base64(sight: Sight) -> bool:
    """Whether a run may be base64 of a text. Ids of calls have the same letters, but no text would begin as they do."""
    pieces = list(islice(filter(may_be_base64, sight.long), _MAX_RUNS + 1))
    if len(pieces) > _MAX_RUNS:
        return True  # to look for each would cost more than to read them all
    text = sight.text
    for piece in pieces:
        run = piece.decode("ascii")
        at = text.find(run)
        while at >= 0:
            if is_base64_of_text(text, start_of_base64(text, at, 0)):
                return True
            at = text.find(run, at + len(run))
    return False


def start_of_base64(text: str, at: int, first: int) -> int:
    """Where the run of base64 begins that this place is in, not before ``first``."""
    lead = text[max(first, at - MAX_BASE64) : at]
    return at - (len(lead) - len(lead.rstrip(BASE64)))


def is_base64_of_text(text: str, start: int) -> bool:
    """Whether every fourth character can begin three bytes of which the first is a printable one."""
    return all("I" <= char <= "Z" or "a" <= char <= "f" for char in text[start : start + 16 : 4])


def may_have_names(sight: Sight, literals: Sequence[str] = ()) -> bool:
    """Whether the text may have a name that announces a secret."""
    return (
        any(map(sight.lowered_names.__contains__, NAME_LITERALS))
        or not NAME_WORDS.isdisjoint(sight.words)
        or bool(name_endings(sight))
        or bool(foreign_names(sight))
        or any(map(sight.lowered.__contains__, literals))
    )


def name_endings(sight: Sight) -> list[str]:
    """Those of ``NAME_ENDINGS`` that a word of a name ends with: ``githubPat``, not ``githubPath``."""
    return [ending.decode() for ending in NAME_ENDINGS if _ends_word(sight.names, ending)]


def _ends_word(names: bytes, ending: bytes) -> bool:
    at = names.find(ending)
    while at >= 0:
        at += len(ending)
        if not names[at : at + 1].islower():
            return True
        at = names.find(ending, at)
    return False


def foreign_names(sight: Sight) -> list[str]:
    """Those of the foreign names that the text has."""
    lowered = sight.lowered
    if lowered.isascii():
        return []
    return [name for name, mark in zip(FOREIGN_NAMES, _FOREIGN, strict=True) if mark in lowered and name in lowered]


def _calls(sight: Sight) -> list[str]:
    if "(" not in sight.text:
        return []
    return _CALLS.of(sight.words, sight.lowered_data)


def _has_phrase(sight: Sight) -> bool:
    text, words = sight.text, sight.words
    if b"identified" in words or (b"kind" in words and b"secret" in words):
        return True
    if ("(" in text or "[" in text or b"basic" in words) and not PAIRS.isdisjoint(words):
        return True
    if ":" in text and "(" in text and not ENCODER_WORDS.isdisjoint(words):
        return True
    if SETTING_WORDS.isdisjoint(words):
        return False
    return b"community" in words or not _DIGITS.isdisjoint(words) or not text.isascii()


def _has_remark(sight: Sight) -> bool:
    text, words = sight.text, sight.words
    if (
        b"stringdata" in words
        or b"chpasswd" in words
        or (b"sz" in words and b"reg" in words)
        or ("{" in text and (b"plain" in words or b"cleartext" in words))
        or (b"on" in words and ">" in text and b" on >" in sight.lowered_data)
    ):
        return True
    if not sight.has_mixed:
        return False
    return "@" in text or (("\n" in text or "(" in text or b"fill" in words or b"as" in words) and has_field(sight))


def _has_account(sight: Sight) -> bool:
    text, words = sight.text, sight.words
    if speaks_of_peers(sight):
        return True
    if not sight.has_mixed and not any(map(text.__contains__, _MARKS_OF_PASSWORDS)):
        return False
    if ("/" in text or ":" in text) and logins_of(sight):
        return True
    if not PEER_WORDS.isdisjoint(words) or _has_star(text):
        return True
    if b'" "' in sight.data and (text[0] == '"' or b'\n"' in sight.data):
        return True
    return text.count(":") > 3 and b"::" in sight.data


def _has_star(text: str) -> bool:
    """Whether a ``*`` is a column of its own."""
    stars = text.count("*")
    if stars > MANY:
        return " * " in text or " *\n" in text
    at = -1
    for _ in range(stars):
        at = text.find("*", at + 1)
        if text[at - 1 : at] == " " and text[at + 1 : at + 2] in (" ", "\n"):
            return True
    return False


def speaks_of_peers(sight: Sight) -> bool:
    """Whether it names a file of ppp's accounts, or has the heading of one."""
    words = sight.words
    if b"secrets" in words and (b"chap" in words or b"pap" in words):
        return True
    if b"client" not in words or b"server" not in words or b"secret" not in words:
        return False
    return "client server secret" in " ".join(sight.lowered.split())


def logins_of(sight: Sight) -> list[str]:
    """What the text has of the words of a login."""
    return [phrase for word, phrase in _LOGINS.items() if word in sight.words and phrase.encode() in sight.lowered_data]


def has_field(sight: Sight) -> bool:
    """Whether the text speaks of a password, a token or a key."""
    return b"key" in sight.words or any(map(sight.lowered_names.__contains__, _FIELDS))


def _programs(sight: Sight) -> list[str]:
    lowered = sight.lowered_data
    return [program for program in _PROGRAMS.of(sight.words, lowered) if _is_called(lowered, program.encode())]


def _is_called(lowered: bytes, program: bytes) -> bool:
    """Whether what follows the program somewhere can be an argument."""
    at = lowered.find(program)
    while at >= 0:
        at += len(program)
        if lowered[at : at + 1] in _AFTER_PROGRAM:
            return True
        at = lowered.find(program, at)
    return False


def _is_piped(sight: Sight) -> bool:
    text, words = sight.text, sight.words
    if b"expect" in words:
        return True
    if ECHOES.isdisjoint(words) and not ("<" in text and b"<<" in sight.data):
        return False
    return (
        ">" in text
        or ("%" in text and b"%s" in sight.data)
        or ("|" in text and not SECRETISH.isdisjoint(words))
        or not _CONSUMERS.words.isdisjoint(words)
    )  # fmt: skip


def has_views(sight: Sight) -> bool:
    """Whether the text may say something else when it is decoded or joined."""
    text = sight.text
    if "%" in text or ("&" in text and ("&lt;" in text or "&quot;" in text or "&#3" in text)):
        return True
    return not escaped(text).isdisjoint("u\n\r") or may_have_joints(sight)


def has_escapes(text: str) -> bool:
    """Whether the text has sequences for a terminal."""
    if ESCAPE in text or CSI in text:
        return True
    return not escaped(text).isdisjoint("ex0u") and any(map(text.__contains__, _WRITTEN_ESCAPES))
