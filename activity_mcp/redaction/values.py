"""What a value in the place of a secret is, by itself: a reference, a placeholder, or code.

A reference is one as a whole, and nothing less: ``$TOKEN`` and ``${TOKEN}`` stay, ``$ecretP4ss`` and ``${x}9K`` are passwords.
Only the first ``_JUDGED`` characters of a value are looked at, so that judging costs the same for values of any length.
"""

from __future__ import annotations

from .patterns import words
from .randomness import DIGITS, NO_DIGITS, has_odd_part, is_no_word, is_random

_JUDGED = 512
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")

PLAIN_WORDS = words(
    "none null nil true false yes no on off str string bytes text varchar char bearer basic token secret password passwd hidden"
    " required optional undefined unset number object example sample unknown any bool boolean int integer value default missing"
    " invalid expired empty changeme placeholder dummy todo fixme tbd redacted masked removed xxx replaceme insert username"
    " password123example error failed denied incorrect wrong rejected accepted disabled enabled prompt stdin oauth auth digest"
    " type field input array list dict map set function undefined void never public private static const var let func def class"
    " include omit cors same-origin anonymous use-credentials return await async lambda new self this float"
    " double long short byte uuid json yaml file path env secretstr user admin"
)
"""Values in the place of a secret that are none."""

_PLACEHOLDERS = (
    "your_", "your-", "your.", "yourown", "<your", "replace_", "replace-", "replaceme", "replacewith", "change_",
    "change-", "changeit", "changethis", "insert_", "insert-", "enter_", "enter-", "enteryour", "put_your", "example_",
    "example-", "placeholder", "dummy_", "dummy-", "fake_", "fake-", "xxxx", "todo_", "todo-", "my_secret", "redacted",
)  # fmt: skip
_REMOTE = (
    "file://", "fileb://", "op://", "arn:", "secretref:", "ref+", "vault:", "env:", "env.", "ssm:", "keyvault:",
    "akv://", "sops:", "enc[", "doppler://", "infisical://", "bao:", "berglas://", "secretsmanager:", "awssm://",
    "gcpsm://",
)  # fmt: skip
CODE_ROOTS = words(
    "os process settings config self this env ctx args options opts req request app cfg conf import var local data module each"
    " props state params event response res result session context secrets vars inputs github steps needs values string"
    " event user client object math json random std fmt viper console system environment"
)


def is_reference(value: str) -> bool:
    """Whether the value as a whole names what holds the secret, or says that there is none here."""
    if len(value) > _JUDGED:
        return False
    value = value.strip()
    if not value or (len(value) > 2 and not value.strip(value[0])):
        return True  # ****, xxxx, ----
    first = value[0]
    if first == "[" and value.startswith("[redacted:") and value.endswith("]"):
        return True
    if value.startswith("..."):
        return not value.strip(".…")
    lowered = value.lower()
    if lowered.startswith(_PLACEHOLDERS) and not is_random(value, 12):
        return True
    if lowered.startswith(_REMOTE):
        return True
    if first == "!" and value[1:].partition(" ")[0].isalpha() and value[1:2] and (" " in value or len(value) < 10):
        return True  # a tag of YAML: !vault, !Ref name
    if first not in "$%{<" and "${" not in value and "{{" not in value and "$" not in value:
        return False
    rest = _without_references(value)
    return rest is not None and not rest.strip(" \t:/@-_.,;+|&?=")


def _without_references(value: str) -> str | None:
    """What is left of a value when its references are taken out; None if it has none."""
    rest: list[str] = []
    at, found = 0, False
    while at < len(value):
        end = _end_of_reference(value, at)
        if end:
            found = True
            at = end
        else:
            rest.append(value[at])
            at += 1
    return "".join(rest) if found else None


def _end_of_reference(value: str, at: int) -> int:
    """Where the reference that begins here ends, or 0."""
    first, after = value[at], value[at + 1 : at + 2]
    if first == "$":
        if after == "(":
            return _closed(value, at + 1, "(", ")")
        if after == "{":
            end = _closed(value, at + 1, "{", "}")
            return 0 if end and _has_default(value[at + 2 : end - 1]) else end
        return _end_of_variable(value, at + 1)
    if first == "{" and after == "{":
        end = value.find("}}", at + 2)
        return end + 2 if end >= 0 else 0
    if first == "{":
        end = value.find("}", at + 1)
        return end + 1 if end > 0 and _is_path(value[at + 1 : end].partition(":")[0].rstrip("!rsa")) else 0
    if first == "<":
        end = value.find(">", at + 1)
        return end + 1 if end > at + 1 and is_wordy(value[at + 1 : end]) else 0
    if first == "%":
        if after == "(":
            end = value.find(")s", at + 2)
            return end + 2 if end > 0 else 0
        if value[at + 1 :] in ("s", "d", "v", "q", "r", "@") or value[at : at + 2] == "%s":
            return at + 2
        end = value.find("%", at + 1)
        return (
            end + 1
            if end > at + 1 and value[at + 1 : end].upper() == value[at + 1 : end] and _is_name(value[at + 1 : end])
            else 0
        )
    return 0


def _closed(value: str, at: int, opening: str, closing: str) -> int:
    depth = 0
    for place in range(at, len(value)):
        if value[place] == opening:
            depth += 1
        elif value[place] == closing:
            depth -= 1
            if not depth:
                return place + 1
    return 0


def _has_default(inner: str) -> bool:
    """``${PASSWORD:-hunter2}`` holds the password."""
    for mark in (":-", ":=", ":+"):
        name, found, default = inner.partition(mark)
        if found:
            return bool(default) and not is_plain(default) and not is_reference(default) and _is_name(name)
    return False


def _end_of_variable(value: str, at: int) -> int:
    """``$TOKEN``, ``$token2``, ``$env:TOKEN``, ``$response.token``, ``$1``: a name that a programmer would choose."""
    end = at
    while end < len(value) and (value[end] in _NAME or (value[end] in ".:" and value[end + 1 : end + 2].isalpha())):
        end += 1
    name = value[at:end]
    if not name:
        return 0
    if name.isdigit():
        return end if len(name) == 1 else 0
    return end if _is_path(name.replace(":", ".")) else 0


def _is_path(text: str) -> bool:
    return bool(text) and all(_is_name(part) for part in text.split("."))


def _is_name(text: str) -> bool:
    """An identifier with digits only where a programmer puts them: behind a word, or anywhere among capitals."""
    if not text or not _NAME.issuperset(text) or text[0] in DIGITS:
        return False
    if text.isupper() or text.isalpha():
        return (text.isupper() and len(text) < 40) or len(text) < 12 or not is_no_word(text, 4)
    return not any(text[at] in DIGITS and text[at + 1].islower() for at in range(len(text) - 1) if text[at + 1].isalpha())


def is_identifier(text: str) -> bool:
    """An identifier that code may have: at most one group of digits a word (``sha256sum``, ``tokenService2``, ``var_1``)."""
    if not text or not _NAME.issuperset(text) or text[0] in DIGITS:
        return False
    if any(len(word) > 6 and is_no_word(word.translate(NO_DIGITS), 3) for word in text.split("_")) and not text.isupper():
        return False
    return all(_groups(word) < 2 for word in text.split("_")) and sum(char in DIGITS for char in text) < 5


def _groups(text: str) -> int:
    return sum(1 for at, char in enumerate(text) if char in DIGITS and (not at or text[at - 1] not in DIGITS))


def is_wordy(text: str) -> bool:
    """Words, as in ``<your token here>``."""
    if len(text) > 80 or text[0] == "/":
        return False
    parts = text.replace("/", " ").replace("-", " ").replace("_", " ").replace(".", " ").replace("'", " ").split()
    return bool(parts) and all(part.isalnum() and _is_name(part) and _groups(part) < 2 for part in parts)


def is_plain(value: str) -> bool:
    """A word that is none: ``null``, ``example1``, ``TODO``, with a mark or a short number behind it."""
    lowered = value[:40].lower().strip().rstrip(".,;:!?…)}]\"'`").rstrip("?")
    if lowered in PLAIN_WORDS:
        return True
    bare = lowered.rstrip("0123456789")
    return len(lowered) - len(bare) <= 2 and (
        bare.rstrip("_-") in PLAIN_WORDS or bare.replace("_", "").replace("-", "") in PLAIN_WORDS
    )


def is_code(value: str, name: str = "") -> bool:
    """An expression, not a literal: a path of names, a call, an index, a structure, a comparison."""
    value = value[:_JUDGED]
    bare = value.rstrip(";,)}]:?!.")
    if not bare or value.startswith(("[]", "{}", "()")):
        return True
    if value[0] in "{[(":
        if value[-1] in "{[(" or len(value) < 3 or value[-1] in "]})":
            return True
        return _is_dotted(bare[1:]) or (any(mark in value for mark in ":,\"'=") and not has_odd_part(value))
    head = bare
    for at, char in enumerate(value):
        if char in "([<{":
            return _is_dotted(value[:at]) and not (char == "{" and at == 0)
        if char in "\"'`":
            return at < 3 and value[:at].isalpha()  # f"…": the caller reads quotes
    if "?." in head or "->" in head or "::" in head:
        head = head.replace("?.", ".").replace("->", ".").replace("::", ".")
    if "||" in head or "&&" in head or "??" in head:
        head = head.replace("||", "|").replace("&&", "|").replace("??", "|").split("|")[0]
    if head[:1] == "&" or head[:1] == "*" or head[:1] == "!":
        head = head[1:]
    root, dot, _ = head.partition(".")
    if dot and root.lower() in CODE_ROOTS and _NAME.issuperset(head.replace(".", "").replace("-", "")):
        return True
    if dot and _is_dotted(head):
        return True
    return bool(name) and _shares_a_word(head.rpartition(".")[2], name)


def _is_dotted(text: str) -> bool:
    text = text.replace("?.", ".").replace("->", ".").replace("::", ".").lstrip("&*!$@")
    parts = text.split(".")
    return all(is_identifier(part) or (part.isdigit() and len(parts) > 1) for part in parts) and bool(parts[0])


def _shares_a_word(value: str, name: str) -> bool:
    """``apiKey = apiKey1``, ``token: Token2``, ``password = expected_password``: called as what it is given to is called."""
    bare = value.rstrip("0123456789")
    if len(value) - len(bare) > 2 or not bare or not _NAME.issuperset(bare) or _groups(bare) > 3:
        return False
    plain, asked = bare.replace("_", "").lower(), name.replace("_", "").replace("-", "").lower()
    return any(word in plain for word in _OWN_WORDS if word in asked)


_OWN_WORDS = words("password passwd passphrase secret token apikey key credential cookie auth pass pwd salt")
