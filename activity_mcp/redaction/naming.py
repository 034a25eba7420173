"""Finds the secret names of a text: by the literals that most have, by the whole words that the others have."""

from __future__ import annotations

from .gates import NAME_LITERALS, NAME_WORDS, foreign_names, name_endings
from .names import STRONG, Name, judge_name, may_be_completed
from .sight import end_of_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .sight import Sight

    Judge = Callable[[str], tuple[str, int] | None]

_NAME_CHARS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
_NAME = frozenset(_NAME_CHARS)
STATED = (
    " is: ", " is ", " was ", " ist ", " es ", " est : ", " est ", " = ", "是", " 是 ", "为", " to be ",
    " lautet: ", " lautet ",
    " equals ", " -> ", " → ", " – ", " — ", " - ", " è ", " é ", " är ", " to ", " wird ", " jest ",
)  # fmt: skip
"""How a sentence states the value of a name."""
_STATED_FIRST = frozenset([mark.lstrip(" ")[0] for mark in STATED] + ["f", "o"])
_MAX_NAME = 64
_COMPLETED = (b"phrase", b"keybase")
"""Names that announce a secret only together with the segment before them: ``seed.phrase``."""


def names_in(sight: Sight, judge: Judge = judge_name, more: Sequence[str] = ()) -> list[Name]:
    """The secret names of a text, each once."""
    text, lowered = sight.text, sight.lowered
    seen: set[int] = set()
    harmless: set[str] = set()
    found: list[Name] = []
    for literal in _literals_of(sight, judge, more):
        at, length = lowered.find(literal), len(literal)
        while at >= 0:
            end = _end_of_name(text, at + length)
            if end not in seen:
                seen.add(end)
                start = _start_of_name(text, at)
                name = text[start:end]
                if name in harmless:
                    pass
                elif judge(name) is None and not more and not may_be_completed(name):
                    harmless.add(name)
                elif (secret := _name_at(sight, start, end, judge)) is not None:
                    found.append(secret)
            is_cut = end - at - length == _MAX_NAME
            at = lowered.find(literal, at + length if is_cut else end)
    return found


def _name_at(sight: Sight, start: int, end: int, judge: Judge) -> Name | None:
    text = sight.text
    before, after = text[start - 1 : start], text[end : end + 1]
    if before == "." and end - start <= 12:
        judged = judge(_with_segment_before(text, start, end))
        if judged is not None and judged[1] == STRONG:
            return Name(text[start:end], start, end, *judged)
    if after == " " and (is_in_sentence(sight, start, end) or _is_before_little(text, end + 1)):
        return None
    judged = judge(text[start:end])
    if before == " " and (judged is None or judged[1] != STRONG):
        judged = judge(_with_word_before(text, start, end)) or judged
    if judged is None or text[start - 10 : start] == "[redacted:":
        return None
    return Name(text[start:end], start, end, *judged)


def _is_before_little(text: str, at: int) -> bool:
    """Whether one or two letters or digits end the line: too few for a value (``token 5``)."""
    end = text.find("\n", at, at + 3)
    return end > at and text[at:end].isalnum() and text[at:end].isascii()


def _literals_of(sight: Sight, judge: Judge, more: Sequence[str]) -> list[str]:
    """The literals by which the secret names of the text are found: those that one of its names has that may be one."""
    literals = [
        literal.decode() for literal in NAME_LITERALS if _may_announce(sight.names, sight.lowered_names, literal, judge)
    ]
    literals += more
    literals += sorted(word.decode() for word in NAME_WORDS & sight.words)
    literals += [ending.lower() for ending in name_endings(sight) if ending.lower() not in literals]
    literals += foreign_names(sight)
    return literals


def _may_announce(names: bytes, lowered: bytes, literal: bytes, judge: Judge) -> bool:
    """Whether one of the names has the literal and announces a secret: most (``author``, ``keyboard``) announce none."""
    at = lowered.find(literal)
    while at >= 0:
        start = lowered.rfind(b" ", 0, at) + 1
        end = lowered.find(b" ", at)
        end = len(names) if end < 0 else end
        if end - start > _MAX_NAME or lowered[start:end] in _COMPLETED or judge(names[start:end].decode("ascii")) is not None:
            return True
        at = lowered.find(literal, end)
    return False


def statement_at(text: str, lowered: str, at: int) -> int:
    """Where the value begins that a sentence states for the name that ends here (``password for bob is …``), or 0."""
    if lowered.startswith(STATED, at):
        return at + len(next(mark for mark in STATED if lowered.startswith(mark, at)))
    if lowered.startswith((" for ", " of "), at):
        end = end_of_line(text, at)
        for mark in (" is ", " = ", ": ", "="):
            place = lowered.find(mark, at + 4, min(end, at + 64))
            if place > 0:
                return place + len(mark)
    return 0


def far_statement_at(text: str, lowered: str, at: int) -> int:
    """Where the value begins that some words separate from the name, at the end of the line: ``API key you need: …``, or 0."""
    end = end_of_line(text, at)
    limit = min(end, at + 72)
    place = max(
        text.rfind(": ", at, limit) + 2,
        text.rfind(" = ", at, limit) + 3,
        text.rfind(" to ", at, limit) + 4,
        text.rfind(" is ", at, limit) + 4,
    )
    if place <= at + 2:
        return 0
    between = lowered[at:place]
    if (
        place <= at + 2
        or not (text[at + 1 : at + 2].isalpha() or text[at + 1 : at + 2] == "(")
        or any(map(between.__contains__, _OF_OTHERS))
    ):
        return 0
    rest = text[place:end].rstrip(".!)*` ")
    return place if rest and " " not in rest and "://" not in rest else 0


_OF_OTHERS = (
    "hash", "sha", "md5", "fingerprint", "count", "expire", "file", "url", "type", "name", "size", "length", "version",
    "commit",
    "error", "format", "path", "hint", "policy", "limit", "usage", "{", "=>",
)  # fmt: skip
"""Words between a name and a value after which the value is something else."""


def is_in_sentence(sight: Sight, start: int, at: int) -> bool:
    """Whether the name is one of the words of a sentence, as most are: a word follows, and no statement of what it is."""
    text, lowered = sight.text, sight.lowered
    following = lowered[at + 1 : at + 2]
    if not following.isalpha() or text[start] == "-" or text[start - 1 : start] == "<":
        return False
    if following in _STATED_FIRST and statement_at(text, lowered, at):
        return False
    return _is_followed_by_a_word(text, at + 1) and not (
        sight.has_mixed and _is_strong(text[start:at], lowered[start - 7 : start]) and far_statement_at(text, lowered, at)
    )


def _is_strong(name: str, before: str) -> bool:
    judged = judge_name(name)
    return (judged is not None and judged[1] == STRONG) or (
        name.lower() == "key" and before.endswith(("api ", "access ", "secret "))
    )


def _is_followed_by_a_word(text: str, at: int) -> bool:
    """As in a sentence: of letters, and no type that a value follows (``password String = "…"``)."""
    parts = text[at : at + 96].split(None, 2)
    if len(parts) > 1 and (parts[1] in ("=", ":=") or (len(parts) > 2 and parts[2].startswith("= "))):
        return False
    return parts[0].rstrip(".,;:!?)\"'").isalpha()


def _with_segment_before(text: str, start: int, end: int) -> str:
    """``secret.key``, ``auth.token``: the name with the segment of the path before it."""
    before = start - 1
    while before > max(0, start - 24) and text[before - 1] in _NAME:
        before -= 1
    return f"{text[before : start - 1]}_{text[start:end]}"


def _with_word_before(text: str, start: int, end: int) -> str:
    """``API key``, ``access token``: the name with the word before it, if a value may follow."""
    is_given = text[end : end + 16].lstrip(" \"'`*\\")[:1] in (":", "=", "：")
    if not is_given and not _is_before_token(text, end):
        return text[start:end]
    before = start - 1
    while before > max(0, start - 24) and text[before - 1].isalpha():
        before -= 1
    word = text[before : start - 1]
    return f"{word}_{text[start:end]}" if is_given or word.lower() in _KEEPERS else text[start:end]


_KEEPERS = frozenset(("api", "access", "secret", "private", "auth", "signing", "encryption"))


def _is_before_token(text: str, end: int) -> bool:
    """Whether the next word looks generated: ``the API key 5d74648f…``, where nothing but a blank says what it is."""
    following = text[end + 1 : end + 65].split(None, 1)[:1] if text[end : end + 1] == " " else []
    value = following[0].strip("\"'`.,;") if following else ""
    if len(value) < 16 or value.isalpha() or value.isdigit() or "/" in value:
        return False
    from .randomness import is_random  # few names get this far

    return is_random(value, 16)


def _end_of_name(text: str, at: int) -> int:
    if text[at : at + 1] not in _NAME:
        return at
    rest = text[at : at + _MAX_NAME]
    return at + len(rest) - len(rest.lstrip(_NAME_CHARS))


def _start_of_name(text: str, at: int) -> int:
    if text[at - 1 : at] not in _NAME:
        return at
    lead = text[max(0, at - _MAX_NAME) : at]
    return at - len(lead) + len(lead.rstrip(_NAME_CHARS))
