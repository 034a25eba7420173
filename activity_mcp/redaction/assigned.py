"""Values that a text gives to a secret name: assignments, options, members, elements, arguments, sentences.

A text is searched for the literals of names; around each the name is read, and what follows it decides how its value is read: by the
separator, the quotes and the place, for each format (shell, .env, JSON at any level of escaping, YAML, INI, HCL, XML, SQL, code).
No regular expressions: a hook has none loaded.
"""

from __future__ import annotations

from .names import BARE, FOREIGN_NAMES, NAME_LITERALS, NAME_WORDS, STRONG, is_almost_strong, judge_name, words_of
from .reading import (
    QUOTES,
    backslashes,
    block,
    end_of_line,
    opening_quote,
    quoted_value,
    skip_blanks,
    word,
)
from .values import is_code, is_identifier, is_plain, is_random, is_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .sight import Sight

    Span = tuple[int, int, str]
    Judge = Callable[[str], tuple[str, int] | None]

_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_CLOSERS = frozenset("\\\"'`]*)")
_SEPARATORS = (":=", "=>", "===", "==", "?=", "+=", "!==", "!=", "=", "：", "＝", "<-", ":")
_MAX_NAME = 64
_GETTERS = frozenset(
    "get fetch read load find lookup hash check verify is has create generate make new delete revoke require parse decode validate"
    " match compare refresh rotate request use test encrypt decrypt sign ask prompt ensure update compute build forgot reset".split()
)
_SETTERS = frozenset("env arg setenv setx set export define declare config add put pass echo -e -p let const var string user".split())
_SENTENCE = frozenset(
    "is are must should the your you enter please required invalid at be a an to for not does do in of with or and this that has have"
    " will can cannot could was were it been by on from if incorrect wrong match contain characters least provide".split()
)
_STATED = (" is ", " was ", " is: ", " ist ", " es ", " est ", " = ", "是", " 是 ", "为", " to be ")


class Name:
    """A name in a text: where it stands, and what it announces."""

    __slots__ = ("end", "kind", "start", "strength", "text")

    def __init__(self, text: str, start: int, end: int, kind: str, strength: int) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.kind = kind
        self.strength = strength

    @property
    def is_option(self) -> bool:
        return self.text.startswith("-")


def assignments(sight: Sight, names: Iterable[Name]) -> Iterator[Span]:
    """Where in the text one of its secret names is given a value: the value's span, and the kind of the name."""
    for name in names:
        span = value_of(sight.text, sight.lowered, name)
        if span is not None:
            yield (*span, name.kind)


def names_in(sight: Sight, judge: Judge = judge_name, more: Sequence[str] = ()) -> list[Name]:
    """The secret names of a text, each once."""
    text, lowered = sight.text, sight.lowered
    seen: set[int] = set()
    found: list[Name] = []
    literals = [*NAME_LITERALS, *more, *sorted(word.decode() for word in NAME_WORDS & sight.words)]
    literals += [word.lower() for word in ("Pw", "Pat", "Psk", "Pin") if word in text and word.lower() not in literals]  # githubPat
    if not text.isascii():
        literals += FOREIGN_NAMES
    for literal in literals:
        at = lowered.find(literal)
        while at >= 0:
            end = _end_of_name(text, at + len(literal))
            if end not in seen:
                seen.add(end)
                start = _start_of_name(text, at)
                judged = judge(text[start:end])
                if (judged is None or judged[1] != STRONG) and text[start - 1 : start] == " ":
                    judged = judge(_with_word_before(text, start, end)) or judged
                if judged is not None and text[start - 10 : start] != "[redacted:":
                    found.append(Name(text[start:end], start, end, *judged))
            at = lowered.find(literal, at + len(literal))
    return found


def _with_word_before(text: str, start: int, end: int) -> str:
    """``API key``, ``access token``: the name with the word before it, if a value may follow."""
    if text[end : end + 16].lstrip(" \"'`*\\")[:1] not in (":", "=", "："):
        return text[start:end]
    before = start - 1
    while before > max(0, start - 24) and text[before - 1].isalpha():
        before -= 1
    return f"{text[before : start - 1]}_{text[start:end]}"


def _end_of_name(text: str, at: int) -> int:
    most = min(len(text), at + _MAX_NAME)
    while at < most and text[at] in _NAME:
        at += 1
    return at


def _start_of_name(text: str, at: int) -> int:
    least = max(0, at - _MAX_NAME)
    while at > least and text[at - 1] in _NAME:
        at -= 1
    return at


def value_of(text: str, lowered: str, name: Name) -> tuple[int, int] | None:
    """The span of the secret that the text gives to the name, or None."""
    at = name.end
    char = text[at : at + 1]
    if not char:
        return None
    before = text[name.start - 1 : name.start]
    if char == " " and text[at + 1 : at + 2].isalpha() and before != "<" and not name.is_option:
        if not lowered.startswith(_STATED, at) and _is_followed_by_a_word(text, at + 1):
            return None
    if before == "<" or (before == ":" and char == ">"):
        return _element(text, name)
    most = min(len(text), at + 24)
    while at < most and text[at] in _CLOSERS:
        at += 1
    if ")" in text[name.end : at] and text[name.end : at].count(")") > 1:
        return None
    place = skip_blanks(text, at)
    separator = _separator(text, place)
    if separator:
        return _after_separator(text, lowered, name, before, place, separator, spaced=place > at)
    if text[place : place + 1] == "," and at > name.end:
        return _paired(text, lowered, name, place) or _argument(text, name, place + 1, before)
    if at > name.end or text[at] in "\n\r":
        found = _paired(text, lowered, name, at)
        if found:
            return found
    if text[at : at + 1] == "(":
        return _call(text, name, at)
    if text[at : at + 1] == " " or text[at : at + 1] == "\t" or not text[at : at + 1].isascii():
        return _after_blank(text, lowered, name, at, place)
    return None


def _is_followed_by_a_word(text: str, at: int) -> bool:
    """As in a sentence: of letters, and no type that a value follows (``password String = "…"``)."""
    parts = text[at : at + 96].split(None, 2)
    if len(parts) > 1 and (parts[1] in ("=", ":=") or len(parts) > 2 and parts[2].startswith("= ")):
        return False
    return parts[0].rstrip(".,;:!?)\"'").isalpha()


def _separator(text: str, at: int) -> str:
    char = text[at : at + 1]
    if not char or char not in "=:?+!<：＝":
        return ""
    found = next((mark for mark in _SEPARATORS if text.startswith(mark, at)), "")
    if found == ":" and text[at + 1 : at + 2] == ":":
        return ""
    return "" if found == ":" and text.startswith("://", at) else found


# --- after = and :


def _after_separator(
    text: str, lowered: str, name: Name, before: str, at: int, separator: str, *, spaced: bool
) -> tuple[int, int] | None:
    if separator == ":" and before == ":" and not spaced:
        return None  # arn:aws:secretsmanager:…:secret:…
    start = at + len(separator)
    value = skip_blanks(text, start)
    spaced = spaced or value > start
    if separator == ":":
        value = _after_type(text, value)
    while text.startswith("**", value) or text.startswith("* ", value):  # **Password:** of Markdown
        value = skip_blanks(text, value + 2)
    if _is_line_end(text, value):
        return _lines(text, name, value, separator)
    value = _after_prefix(text, value)
    if value >= len(text):
        return None
    opening = text[value]
    if opening == "[" or opening == "(":
        within = skip_blanks(text, value + 1)
        if within < len(text) and opening_quote(text, within):
            value = within
    span = quoted_value(text, value)
    if span is not None:
        found = text[span[0] : min(span[1], span[0] + 520)]
        if opening_quote(text, value) and text[value] == "`" and " " in found:
            return None  # a command whose output it is
        return span if is_secret_text(name, found, separator) else None
    span = word(text, value)
    if span[1] <= span[0]:
        return None
    return span if _is_secret_word(text, lowered, name, before, separator, span, spaced=spaced) else None


def _after_type(text: str, at: int) -> int:
    """``password: str = "…"``: where the value begins, behind the type; else the place itself."""
    if text[at : at + 1] in QUOTES or not text[at : at + 1].isalpha():
        return at
    place = at
    while place < min(len(text), at + 48) and (text[place].isalnum() or text[place] in "_.[]<>?| &*"):
        place += 1
    if text[place : place + 1] == "=" and text[place + 1 : place + 2] not in "=>~" and place > at:
        value = skip_blanks(text, place + 1)
        return value if opening_quote(text, _after_prefix(text, value)) else at
    return at


def _after_prefix(text: str, at: int) -> int:
    """Behind the letters that may stand before a quote: ``f"…"``, ``rb'…'``, ``@"…"``, ``$'…'``."""
    place = at
    while place < at + 3 and text[place : place + 1] in tuple("fFrRbBuUL@$"):
        place += 1
    return place if place > at and text[place : place + 1] in ('"', "'") else at


def _is_line_end(text: str, at: int) -> bool:
    """Whether the value stands on the following lines: nothing, or the mark of a block, ends this one."""
    if at >= len(text):
        return False
    if text[at] in "\r\n":
        return True
    if text[at] in "|>":
        end = end_of_line(text, at)
        return end - at <= 12 and not text[at + 1 : end].strip("-+0123456789 \t") and end < len(text)
    return False


def _lines(text: str, name: Name, at: int, separator: str) -> tuple[int, int] | None:
    line_start = text.rfind("\n", 0, name.start) + 1
    column = name.start - line_start
    indent = line_start
    while indent < name.start and text[indent] in " \t-":
        indent += 1
    if text[at] in "\r\n":
        following = at
        while following < min(len(text), at + 80) and text[following] in " \t\r\n":
            following += 1
        if following < len(text) and opening_quote(text, following):
            span = quoted_value(text, following)
            return span if span and is_secret_text(name, text[span[0] : span[1]][:520], separator) else None
        if separator != ":" or indent != name.start:
            return None
    found = block(text, at, column if indent == name.start else indent - line_start)
    if found is None or name.strength != STRONG:
        return None
    content = text[found[0] : found[1]]
    if text[at] in "\r\n":
        first = content.split("\n", 1)[0].strip()
        if first.startswith("- "):
            first = first[2:].strip("\"' ")
            found = (found[0] + 2, found[1])
            if ":" in first or is_plain(first) or is_reference(first) or len(first) < 4 or is_code(first, name.text):
                return None
            return found
        if ":" in first or "=" in first[:40] or " " in first or is_code(first, name.text):
            return None
        return found if not is_plain(first) and not is_reference(first) and len(first) >= 4 else None
    return found if not is_reference(content.strip()) and content.strip() else None


# --- what is a secret


def is_secret_text(name: Name, value: str, separator: str = "=") -> bool:
    """Whether a quoted value of the name is a secret."""
    if not value.strip() or is_reference(value) or is_plain(value):
        return False
    if name.strength != STRONG:
        return is_secret_of_weak(name, value)
    if len(value) < 3 or value.lower() == name.text.lower():
        return False
    if value.isdigit():
        return len(value) >= (4 if name.kind == "password" else 6)
    if separator in ("==", "===", "!=", "!==") and value.isalpha() and name.kind == "token":
        return False
    if value.startswith(("http://", "https://")) and "@" not in value:
        return False
    if " " in value and _is_sentence(value):
        return False
    if _is_place(value) and (name.kind == "private_key" or value.count("/") > 1 or value.endswith((".pem", ".key", ".txt", ".json"))):
        return False
    return not _is_secret_name(value) and not (name.kind == "cookie" and value.isalpha())


def _is_place(value: str) -> bool:
    return value[0] in "/.~" and not is_random(value, 16)


def _is_secret_name(value: str) -> bool:
    """``auth_token`` is what a secret is called, not a secret."""
    bare = value.replace("_", "").replace("-", "").replace(".", "")
    if not bare.isalpha() or not bare.isascii():
        return False
    if "_" in value or "-" in value or "." in value:
        return judge_name(value) is not None or words_of(value)[-1] in ("field", "name", "input", "form", "id", "type", "hash", "file", "reset")
    return judge_name(value) is not None and len(words_of(value)) > 1 and not value.islower()


def _is_sentence(value: str) -> bool:
    words = value.lower().replace(".", " ").replace(",", " ").replace("!", " ").split()
    return sum(word in _SENTENCE for word in words) >= (1 if len(words) < 4 else 2)


def is_secret_of_weak(name: Name, value: str, *, addressed: bool = False) -> bool:
    """Whether the value of a weak name is random; ``addressed`` if a URL or an option gives it."""
    value = value.strip()
    if name.strength == BARE and not addressed:
        classes = any(c.islower() for c in value) + any(c.isupper() for c in value) + any(c.isdigit() for c in value)
        is_hex = not value.strip("0123456789abcdefABCDEF-")
        least = 24 if classes == 3 else 32
        return classes > 1 and not is_hex and is_random(value, least) and "." not in value and value.count("/") < 5
    if is_almost_strong(name.text):
        return (_is_chosen(value) or is_random(value, 10)) and not is_code(value, name.text)
    if value.startswith(("http://", "https://", "/", "./", "~")) or "::" in value or value.lower().startswith(("sha256", "sha512", "ssh-", "pk_")):
        return False
    return is_random(value, 10 if addressed else 12)


def _is_chosen(value: str) -> bool:
    """A password that somebody has chosen: of some length, no word, no path, no number of a port."""
    if len(value) < 6 or "/" in value[:1] or value.count("/") > 2 or " " in value or value[0] in "~.<{(" or value[:1] == "\\":
        return value.isdigit() and len(value) >= 4 and False
    if value.isdigit():
        return len(value) >= 6
    return not value.isalpha() and not (value.replace("_", "").replace("-", "").replace(".", "").isalpha()) and any(c.isalnum() for c in value)


def _is_secret_word(
    text: str, lowered: str, name: Name, before: str, separator: str, span: tuple[int, int], *, spaced: bool
) -> bool:
    """Whether the value that is not quoted is a secret: in a shell nearly everything is, in code hardly anything."""
    value = text[span[0] : min(span[1], span[0] + 520)]
    if span[1] - span[0] > 512:
        return name.strength == STRONG or is_random(value, 16)
    if is_reference(value) or is_plain(value) or value[0] == "#" and value[1:2] in ("", " "):
        return False
    is_shell = not spaced and separator == "=" and (name.text.replace("-", "_").isupper() or name.is_option)
    if name.strength != STRONG:
        addressed = before in ("?", "&") or name.is_option or is_shell
        return (is_shell or not is_code(value, name.text)) and is_secret_of_weak(name, value.rstrip(".,"), addressed=addressed)
    number = value.rstrip(".,;").replace(".", "")
    if number.isdigit():
        return len(number) >= (4 if name.kind == "password" else 8) and (separator != ":" or len(number) >= 6)
    if _is_place(value) and (name.kind in ("private_key", "cookie") or value.count("/") > 1 or value.startswith(("~/", "./", "../"))):
        return False
    if is_shell:
        return len(value) >= 3 and not value.startswith("id=") and not _is_rooted_code(value)
    if value.startswith("@") and is_identifier(value[1:].partition("(")[0].partition(".")[0]):
        return False  # a decorator, a file for curl
    return _is_literal(text, lowered, name, before, separator, value, span[1], spaced=spaced)


def _is_rooted_code(value: str) -> bool:
    return value.startswith(("os.environ", "os.getenv", "process.env.", "System.getenv", "config.", "settings.", "env(", "getenv("))


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
        return len(bare) >= 4 and (letters >= 2 or not bare.isascii()) and not (len(bare) < 6 and spaced and separator == ":")
    if separator in ("==", "===", "!=", "!=="):
        return False
    rest = text[end : end_of_line(text, end)].strip()
    if len(bare) < 6 or bare != bare.lower() or rest not in ("", '"', "'", ",", "}", "\\", '",', '"}', "',") and not rest.startswith("#"):
        return not bare.isascii() and len(bare) > 5 and not rest
    if not bare.isascii():
        return len(bare) > 7 and not rest
    if separator == "=" and not spaced:
        lead = text[max(0, name.start - 2) : name.start].strip()
        return lead[-1:] not in (",", "(", ".") and rest[:1] not in (",", ")")
    if separator == "=" or separator == ":=":
        return _is_ini(lowered, name.start) and not is_code(bare, name.text)
    return separator == ":" and len(bare) >= 8 and before not in ("\"", "'", "`", ".") and rest[:1] not in (",", "}")


def _is_ini(lowered: str, at: int) -> bool:
    section = lowered.rfind("\n[", max(0, at - 4000), at)
    return section >= 0 or lowered.startswith("[")


# --- other ways to give a name its value


def _element(text: str, name: Name) -> tuple[int, int] | None:
    """``<password>…</password>``."""
    close = text.find(">", name.end, name.end + 256)
    if close < 0 or text[close - 1] == "/" or "<" in text[name.end : close]:
        return None
    start = close + 1
    if text.startswith("<![CDATA[", start):
        end = text.find("]]>", start)
        start += 9
    else:
        end = text.find("</", start, start + 16384)
    if end < 0:
        return None
    value = text[start:end]
    stripped = value.strip()
    if not stripped or "<" in stripped or "{" in stripped[:1] and stripped.endswith("}"):
        return None
    start += value.find(stripped)
    return (start, start + len(stripped)) if is_secret_text(name, stripped[:520]) else None


def _paired(text: str, lowered: str, name: Name, at: int) -> tuple[int, int] | None:
    """``name: DB_PASSWORD⏎value: …``, ``<add key="DbPassword" value="…"/>``, ``variable "db_password" { default = "…" }``."""
    lead = lowered[max(0, name.start - 24) : name.start]
    if not ("name" in lead or "key" in lead or "variable" in lead or "id" in lead or "setting" in lead):
        return None
    window = lowered[at : at + 200]
    found = min((place for place in (window.find("value"), window.find("default")) if place >= 0), default=-1)
    if found < 0:
        return None
    between = window[:found]
    is_variable = "variable" in lead
    if between.count("\n") > 1 and not is_variable or between.count("name") or ("}" in between):
        return None
    if not is_variable and between.strip(" \t\r\n,\"'\\/>-:;{|" + "abcdefghijklmnopqrstuvwxyz="):
        return None
    end = at + found
    while end < len(text) and text[end].isalpha():
        end += 1
    inner = Name(name.text, at + found, end, name.kind, name.strength)
    if text[end : end + 1] == ">":
        return _element(text, inner)
    if "from" in lowered[at + found : end]:
        return None  # valueFrom: a reference of Kubernetes
    while end < len(text) and text[end] in "\"'\\":
        end += 1
    place = skip_blanks(text, end)
    separator = _separator(text, place)
    if not separator:
        return None
    value = skip_blanks(text, place + len(separator))
    if value >= len(text) or _is_line_end(text, value):
        return _lines(text, inner, value, ":") if value < len(text) else None
    span = quoted_value(text, value) or word(text, value)
    content = text[span[0] : min(span[1], span[0] + 520)]
    if not content or is_reference(content) or is_plain(content) or is_code(content, name.text) and "." in content:
        return None
    return span if len(content) >= 3 and (name.strength == STRONG or is_secret_of_weak(name, content)) else None


def _argument(text: str, name: Name, at: int, before: str) -> tuple[int, int] | None:
    """``define('DB_PASSWORD', '…')``: the next argument. In a list of names the next is another name."""
    if before not in QUOTES:
        return None
    opening = name.start - 1
    while opening > 0 and text[opening - 1] in " \\":
        opening -= 1
    value = skip_blanks(text, at)
    span = quoted_value(text, _after_prefix(text, value)) if value < len(text) else None
    if span is None or not is_secret_text(name, text[span[0] : span[1]][:520]):
        return None
    found = text[span[0] : span[1]]
    if text[opening - 1 : opening] == "(":
        after = skip_blanks(text, span[1] + 1 + backslashes(text, span[1]))
        if text[after : after + 1] in (")", ","):
            return span if not (found.isalpha() and len(found) < 6) and not is_identifier_name(found) else None
    return span if _is_chosen(found) and not is_identifier(found) and not is_identifier_name(found) else None


def is_identifier_name(value: str) -> bool:
    """``client_id``, ``email``: the name of another field."""
    return "_" in value and value.replace("_", "").isalpha() and value.islower()


def _call(text: str, name: Name, at: int) -> tuple[int, int] | None:
    """``setPassword("…")``, ``PASSWORD('…')``; what gets, checks or makes one is given something else."""
    if words_of(name.text)[:1] and words_of(name.text)[0] in _GETTERS:
        return None
    value = skip_blanks(text, at + 1)
    span = quoted_value(text, _after_prefix(text, value)) if value < len(text) else None
    if span is None:
        return None
    found = text[span[0] : span[1]][:520]
    after = skip_blanks(text, span[1] + 1)
    if text[after : after + 1] not in (")", "\\", '"', "'"):
        return None
    return span if is_secret_text(name, found) and not is_identifier_name(found) else None


def _after_blank(text: str, lowered: str, name: Name, at: int, place: int) -> tuple[int, int] | None:
    """Options, settings that a blank separates, sentences that tell a password."""
    if name.is_option:
        return _option(text, name, place)
    stated = next((mark for mark in _STATED if lowered.startswith(mark, at)), "")
    if stated and name.strength == STRONG:
        return _stated(text, name, at + len(stated))
    if place >= len(text) or text[place] in "\r\n,;)":
        return None
    if text[at] not in " \t":
        return None
    typed = _behind_type(text, place) if at == name.end else 0
    if typed:
        span = quoted_value(text, typed)
        return span if span is not None and is_secret_text(name, text[span[0] : span[1]][:520]) else None
    if text[place] not in QUOTES and text[place] != "\\" and text[place : place + 64].split(None, 1)[0].rstrip(".,;:!?)").isalpha():
        return None  # a word of a sentence
    lead = lowered[max(text.rfind("\n", 0, name.start) + 1, name.start - 48) : name.start].replace('"', " ").replace("'", " ").split()
    is_set = not lead or any(word in _SETTERS for word in lead[-3:]) or lead[0] in ("machine", "login", "default", "username", "enable")
    span = quoted_value(text, place)
    if span is not None:
        found = text[span[0] : span[1]][:520]
        if name.strength != STRONG:
            return span if is_set and is_secret_of_weak(name, found) else None
        if name.kind == "password" or is_set or is_random(found, 16):
            return span if is_secret_text(name, found) and (is_set or text[span[0] - 1] == "'" or not found.isalpha()) else None
        return None
    span = word(text, place)
    found = text[span[0] : min(span[1], span[0] + 520)].rstrip(".,")
    if span[1] - span[0] < 4 or is_reference(found) or is_plain(found) or found[0] in "=<>({[|&*":
        return None
    if len(found) < 3 and found.isdigit() and name.strength == STRONG:  # Cisco: secret 5 …, password 7 …
        return None
    if name.strength != STRONG:
        return None
    if is_random(found, 16) and _is_long_secret(found):
        return (span[0], span[0] + len(found)) if span[1] - span[0] < 520 else span
    in_netrc = name.text == "password" and ("machine " in lowered or "login " in lowered)
    is_directive = not lead and span[1] >= end_of_line(text, place) and (name.start == 0 or text[name.start - 1] in "\n \t")
    if (is_set and lead or in_netrc or is_directive) and _is_chosen(found) and not is_code(found, name.text):
        return span
    return None


def _behind_type(text: str, at: int) -> int:
    """``adminPassword string = '…'``, ``password As String = "…"``: where the value begins, or 0."""
    mark = text.find("=", at, at + 40)
    if mark < 0 or not text[at:mark].replace(" ", "").replace("[]", "").replace("*", "").replace(".", "").isalnum():
        return 0
    value = skip_blanks(text, mark + 1)
    return value if value < len(text) and text[at].isalpha() and opening_quote(text, value) else 0


def _is_long_secret(value: str) -> bool:
    return len(value) >= 20 or any(c.isupper() for c in value) and any(c.islower() for c in value) and any(c.isdigit() for c in value)


def _option(text: str, name: Name, at: int) -> tuple[int, int] | None:
    if at >= len(text) or text[at] in "\r\n|;&>":
        return None
    span = quoted_value(text, at)
    is_quoted = span is not None
    if span is None:
        if text[at] == "-" and (text[at + 1 : at + 2] == "-" or text[at + 2 : at + 3] in ("", " ")):
            return None
        span = word(text, at)
    found = text[span[0] : min(span[1], span[0] + 520)]
    if not found or is_reference(found) or is_plain(found) or found.startswith("id=") or _is_place(found) and found.count("/") > 1:
        return None
    if name.strength != STRONG:
        return span if is_secret_of_weak(name, found, addressed=True) else None
    if name.kind == "private_key" and _is_place(found):
        return None
    return span if len(found) >= 3 and (is_quoted or not found.isdigit() or len(found) > 3) else None


def _stated(text: str, name: Name, at: int) -> tuple[int, int] | None:
    """``the db password is c0rr3ct``."""
    span = quoted_value(text, at) if at < len(text) else None
    if span is None:
        span = word(text, at)
    found = text[span[0] : min(span[1], span[0] + 520)].rstrip(".,!")
    if is_reference(found) or is_plain(found) or is_code(found, name.text) or not _is_chosen(found):
        return None
    return (span[0], span[0] + len(found)) if span[1] - span[0] < 520 else span
