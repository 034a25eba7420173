"""Whether a value that a name is given is a secret: by the name's strength, how the value is written, and what it looks
like."""

from __future__ import annotations

from .names import BARE, STRONG, Name, is_almost_strong, judge_name, words_of
from .patterns import words
from .randomness import has_odd_part, is_odd, is_random
from .sight import end_of_line
from .values import CODE_ROOTS, is_code, is_identifier, is_plain, is_reference

_SENTENCE = words(
    "is are must should the your you enter please required invalid at be a an to for not does do in of with or and"
    " this that has have will can cannot could was were it been by on from if incorrect wrong match contain"
    " characters least provide"
)


_MIN_WEAK, _MIN_BARE = 10, 24
"""Characters from which a value may be random for a weak name, and for a bare one."""
_PUBLIC_VALUES = ("sha256", "sha512", "ssh-", "pk_live_", "pk_test_")


def is_secret_text(name: Name, value: str, separator: str = "=") -> bool:
    """Whether a quoted value of the name is a secret."""
    if _is_too_short(name, value) or not value.strip() or is_reference(value) or is_plain(value):
        return False
    if name.strength != STRONG:
        return is_secret_of_weak(name, value)
    if len(value) < 3 or value.lower() == name.text.lower() or _is_template(value) or _is_colour(value):
        return False
    if value.isdigit():
        return len(value) >= (4 if name.kind == "password" else 6)
    if separator in ("==", "===", "!=", "!==") and value.isalpha() and name.kind == "token":
        return False
    if value.startswith(("http://", "https://")) and "@" not in value:
        return False
    if " " in value and is_sentence(value):
        return False
    if is_place(value) and (
        name.kind == "private_key" or value.count("/") > 1 or value.endswith((".pem", ".key", ".txt", ".json"))
    ):
        return False
    return not _is_secret_name(value) and not (name.kind == "cookie" and value.isalpha())


def _is_too_short(name: Name, value: str) -> bool:
    """Whether a value cannot be random enough for a weak name (``is_secret_of_weak``): most values of weak names are not."""
    if name.strength == STRONG:
        return False
    return len(value) < (_MIN_BARE if name.strength == BARE else _MIN_WEAK) and not is_almost_strong(name.text)


def _is_template(value: str) -> bool:
    """``{user}:{password}``, ``Basic %s``: what is to be filled in."""
    return (
        (("{" in value and "}" in value) or "%s" in value)
        and not has_odd_part(value)
        and not any(c.isdigit() for c in value[3:])
    )


def _is_colour(value: str) -> bool:
    return value[0] == "#" and len(value) in (4, 7, 9) and not value[1:].strip("0123456789abcdefABCDEF")


def is_place(value: str) -> bool:
    return value[0] in "/.~" and not has_odd_part(value)


def _is_secret_name(value: str) -> bool:
    """``auth_token`` is what a secret is called, not a secret."""
    bare = value.replace("_", "").replace("-", "").replace(".", "")
    if not bare.isalpha() or not bare.isascii():
        return False
    if "_" in value or "-" in value or "." in value:
        return judge_name(value) is not None or words_of(value)[-1] in (
            "field",
            "name",
            "input",
            "form",
            "id",
            "type",
            "hash",
            "file",
            "reset",
        )
    return judge_name(value) is not None and len(words_of(value)) > 1 and not value.islower()


def is_sentence(value: str) -> bool:
    words = value.lower().replace(".", " ").replace(",", " ").replace("!", " ").split()
    return sum(word in _SENTENCE for word in words) >= (1 if len(words) < 4 else 2)


def is_secret_of_weak(name: Name, value: str, *, addressed: bool = False) -> bool:
    """Whether the value of a weak name is random; ``addressed`` if a URL or an option gives it."""
    value = value.strip()
    if name.strength == BARE and not addressed:
        classes = any(c.islower() for c in value) + any(c.isupper() for c in value) + any(c.isdigit() for c in value)
        is_hex = not value.strip("0123456789abcdefABCDEF-")
        min_chars = _MIN_BARE if classes == 3 else 32
        return classes > 1 and not is_hex and is_random(value, min_chars) and "." not in value and value.count("/") < 5
    if is_almost_strong(name.text):
        return (is_chosen(value) or is_random(value, 10)) and not is_code(value, name.text) and not _is_template(value)
    if value.startswith(("http://", "https://")) or value.lower().startswith(_PUBLIC_VALUES):
        return False
    if value.startswith(("/", "./", "~")) and not has_odd_part(value):
        return False
    return is_random(value, _MIN_WEAK)


def is_chosen(value: str) -> bool:
    """A password that somebody has chosen, or a generator: of some length, with a digit or a mark; no slug, path or port."""
    if len(value) < 6 or ((value[0] in "~.<{(\\/" or value.count("/") > 2) and not has_odd_part(value)):
        return False
    if value.isdigit():
        return len(value) >= 6
    if " " in value:
        return len(value) >= 24 and has_odd_part(value)
    if has_odd_part(value) or any(char in "!@#$%^&*?+" for char in value):
        return any(char.isalnum() for char in value)
    return (value.isalnum() and not value.isalpha()) or (not value.isascii() and not value.isalpha())


def is_secret_word(
    text: str, lowered: str, name: Name, before: str, separator: str, span: tuple[int, int], *, spaced: bool
) -> bool:
    """Whether the value that is not quoted is a secret: in a shell nearly everything is, in code hardly anything."""
    value = text[span[0] : min(span[1], span[0] + 520)]
    if span[1] - span[0] > 512:
        return name.strength == STRONG or is_random(value, 16)
    if is_reference(value) or is_plain(value) or (value[0] == "#" and value[1:2] in ("", " ")):
        return False
    is_shell = not spaced and separator == "=" and (name.text.replace("-", "_").isupper() or name.is_option)
    if name.strength != STRONG:
        addressed = before in ("?", "&") or name.is_option or is_shell
        return (is_shell or not is_code(value, name.text)) and is_secret_of_weak(name, value.rstrip(".,"), addressed=addressed)
    number = value.rstrip(".,;").replace(".", "")
    if number.isdigit():
        return len(number) >= (4 if name.kind == "password" else 8) and (separator != ":" or len(number) >= 6)
    if is_place(value) and (
        name.kind in ("private_key", "cookie") or value.count("/") > 1 or value.startswith(("~/", "./", "../"))
    ):
        return False
    if is_shell:
        return len(value) >= 3 and not value.startswith("id=") and not _is_rooted_code(value)
    if value.startswith("@") and is_identifier(value[1:].partition("(")[0].partition(".")[0]):
        return False  # a decorator, a file for curl
    return _is_literal(text, lowered, name, before, separator, value, span[1], spaced=spaced)


def _is_rooted_code(value: str) -> bool:
    return value.startswith(
        ("os.environ", "os.getenv", "process.env.", "System.getenv", "config.", "settings.", "env(", "getenv(")
    )


def _is_literal(
    text: str, lowered: str, name: Name, before: str, separator: str, value: str, end: int, *, spaced: bool
) -> bool:
    bare = value.rstrip(".,;:!?")
    if is_code(value, name.text):
        return False
    if is_random(bare, 14):
        return True
    if name.kind == "private_key" and bare.replace(".", "").isidentifier() and not is_random(bare, 20):
        return False
    if not bare.replace("_", "").replace("-", "").isalpha():
        if not bare.isascii() and len(bare) < 6:
            return False
        letters = sum(char.isalnum() and char.isascii() for char in bare)
        return (
            len(bare) >= 4
            and (letters >= 2 or not bare.isascii())
            and not (len(bare) < 6 and spaced and separator == ":" and not is_odd(bare))
        )
    if separator in ("==", "===", "!=", "!=="):
        return False
    rest = text[end : end_of_line(text, end)].strip()
    if separator == "=" and not spaced and len(bare) >= 6 and _is_among_settings(text, name, rest):
        return True
    if (
        len(bare) < 6
        or bare != bare.lower()
        or (rest not in ("", '"', "'", ",", "}", "\\", '",', '"}', "',") and not rest.startswith("#"))
    ):
        return not bare.isascii() and len(bare) > 5 and not rest
    if not bare.isascii():
        return len(bare) > 7 and not rest
    if separator == "=" and not spaced:
        lead = text[max(0, name.start - 2) : name.start].strip()
        return (lead[-1:] not in (",", "(", ".") or (lead[-1:] == "." and _is_property(text, name, rest))) and (
            rest[:1] not in (",", ")")
        )
    if separator == "=" or separator == ":=":
        return _is_ini(lowered, name.start) and not is_code(bare, name.text)
    return separator == ":" and len(bare) >= 8 and before not in ('"', "'", "`", ".") and rest[:1] not in (",", "}")


def _is_property(text: str, name: Name, rest: str) -> bool:
    """``ssl.keystore.password=…`` as a line of a file of properties."""
    start = text.rfind("\n", 0, name.start) + 1
    path = text[start : name.start]
    return (
        not rest
        and len(path) < 120
        and path.replace(".", "").replace("-", "").replace("_", "").isalnum()
        and (path.partition(".")[0].lower() not in CODE_ROOTS)
    )


def _is_among_settings(text: str, name: Name, rest: str) -> bool:
    """``host=h user=u password=…  dbname=x``: between others of a connection string."""
    before = text[max(0, name.start - 32) : name.start].split(" ")
    following = rest.split(" ", 1)[0]
    return len(before) > 1 and not before[-1] and "=" in before[-2] and ("=" in following or not following.strip("\"'"))


def _is_ini(lowered: str, at: int) -> bool:
    section = lowered.rfind("\n[", max(0, at - 4000), at)
    return section >= 0 or lowered.startswith("[")
