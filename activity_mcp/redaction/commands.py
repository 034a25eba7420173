"""Secrets on command lines, where only the program defines what an option is: ``docker login -p``, ``curl -u``, ``redis-cli
AUTH``.

A command is read word by word, as the shell does (``command_words``).
"""

from __future__ import annotations

from .command_words import Word, word_at, words_of_command
from .judging import is_chosen
from .programs import commands_of
from .randomness import has_odd_part
from .reading import skip_blanks
from .sight import end_of_line
from .values import is_plain, is_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .sight import Sight

    Span = tuple[int, int, str]

_BEFORE = frozenset(" \t\r\n;|&(\"'`/=$!\\nt{[,>")


def commands(sight: Sight, programs: Iterable[str]) -> Iterator[Span]:
    """Where a command of the text has a secret; ``programs`` are those that the text has."""
    text, lowered, words = sight.text, sight.lowered, sight.words
    for program in programs:
        rows = [row for row in commands_of(program) if row[1] and all(part.encode() in words for part in _parts(row[0]))]
        if rows:
            yield from _of_program(text, lowered, program, rows)
    if " -p" in text or " -P" in text or " -w" in text:
        yield from _beside_user(text)


_USER_OPTIONS = (" -u ", " -U ", " --user ", " --username ", " -n ", " -l ", " -D ")
_PASSWORD_OPTIONS = (" -p ", " -P ", " -w ", " -pw ", " -pass ")


def _beside_user(text: str) -> Iterator[Span]:
    """``any-program -u bob -p …``: beside an option for the user, one for the password."""
    for option in _PASSWORD_OPTIONS:
        at = text.find(option)
        while at >= 0:
            following = at + len(option) - 1
            start = max(0, at - 200, text.rfind("\n", max(0, at - 200), at))
            lead = text[start : at + 1]
            user = max(lead.rfind(mark) for mark in (*_USER_OPTIONS, " -p " if option == " -w " else " -u "))
            named = lead[user:].split() if user >= 0 else []
            if len(named) > 1 and not named[1].startswith("-") and not _ends_command(lead[user:]):
                word, _ = word_at(text, skip_blanks(text, following))
                if _may_be_password(word.text):
                    yield from hidden(text, word.start, word.end)
            at = text.find(option, following)


def _ends_command(piece: str) -> bool:
    return any(mark in piece for mark in (" | ", " && ", "; ", " || "))


def _may_be_password(value: str) -> bool:
    """No port, no path, no mapping of ports, no name of a profile."""
    return (
        is_chosen(value)
        and not value.replace(":", "").replace(".", "").replace("-", "").replace(",", "").isdigit()
        and (len(value) >= 8 or not value.isalnum())
    )


def _parts(name: str) -> list[str]:
    return name.replace(":", " ").replace("-", " ").replace("_", " ").split()


def _of_program(text: str, lowered: str, program: str, rows: list[tuple[str, str]]) -> Iterator[Span]:
    flags = tuple(option.rstrip("+*:%,=;") for row in rows for option in row[1].replace("=secret", "").split())
    has_places = any("#" in row[1] for row in rows)
    at = lowered.find(program)
    line, is_flagged = -1, has_places
    while at >= 0:
        end = at + len(program)
        if text[end : end + 1] in (" ", "\t", ".", "\\") and (at == 0 or text[at - 1] in _BEFORE):
            if lowered.startswith(".exe", end):
                end += 4
            if not has_places and end > line:
                line = end_of_line(text, end)
                is_flagged = _has_flags(text, end, line, flags)
            if is_flagged:
                words, last = words_of_command(text, end)
                for name, spec in rows:
                    yield from _of_command(text, words, name, spec)
                end = max(end, last)
        at = lowered.find(program, end)


def _has_flags(text: str, start: int, line: int, flags: tuple[str, ...]) -> bool:
    """Whether the line has one of the options, as a word of its own or the last of some letters (``-su``), or goes on."""
    if text[line - 1 : line] == "\\":
        return True
    if all(flag[:1] in "-/" for flag in flags) and text.find("-", start, line) < 0 and text.find("/", start, line) < 0:
        return False
    return any(text.find(flag if len(flag) > 2 else flag[1:], start, line) >= 0 for flag in flags)


def _of_command(text: str, words: list[Word], name: str, spec: str) -> Iterator[Span]:
    plain = [word for word in words if not word.is_option]
    if name:
        parts = name.split()
        start = _index(plain, parts)
        if start < 0:
            return
        plain = plain[start + len(parts) :]
    for option in spec.split():
        if option.startswith("#"):
            yield from _places(text, plain, option[1:])
        else:
            yield from _options(text, words, option)


def _index(words: list[Word], parts: list[str]) -> int:
    lowered = [word.text.lower() for word in words[:40]]
    return next((at for at in range(len(lowered)) if lowered[at : at + len(parts)] == parts), -1)


def _places(text: str, plain: list[Word], place: str) -> Iterator[Span]:
    if place.startswith("="):
        for word in plain:
            name, mark, value = word.text.partition("=")
            if mark and name and not value.startswith("@") and (place == "=" or is_secret_name(name)):
                yield from hidden(text, word.start + len(name) + 1, word.end)
    elif place == "last" and plain:
        yield from hidden(text, plain[-1].start, plain[-1].end)
    elif place.isdigit():
        yield from _at_place(text, plain, int(place))
    elif place == "/" and plain:
        login = plain[0].text.partition("@")[0]
        if "/" in login and not login.startswith("/"):
            yield from hidden(text, plain[0].start + login.index("/") + 1, plain[0].start + len(login))
    elif place == ">":
        for word in plain:
            if word.text.startswith(">") and len(word.text) > 4:
                yield from hidden(text, word.start + 1, word.end)
    else:
        yield from _behind_word(text, plain, place)


def _at_place(text: str, plain: list[Word], place: int) -> Iterator[Span]:
    if len(plain) >= place:
        word = plain[place - 1]
        if "=" not in word.text[:-2] or has_odd_part(word.text):
            yield from hidden(text, word.start, word.end)


def _behind_word(text: str, plain: list[Word], key: str) -> Iterator[Span]:
    """``using …``, ``user_pw …``, ``/user:bob …``."""
    for at, word in enumerate(plain[:-1]):
        lowered = word.text.lower()
        if lowered == key or (key.startswith("/") and lowered.startswith(key) and not plain[at + 1].text.startswith("/")):
            yield from hidden(text, plain[at + 1].start, plain[at + 1].end)


def is_secret_name(name: str) -> bool:
    from .names import judge_name

    return judge_name(name.rsplit(".", 1)[-1].rsplit("[", 1)[0]) is not None


def _options(text: str, words: list[Word], option: str) -> Iterator[Span]:
    only_secret = option.endswith("=secret")
    option = option.removesuffix("secret") if only_secret else option
    mode = option[-1] if option[-1] in "+*:%,=;" else ""
    flag = option.removesuffix(mode) if mode else option
    is_long = flag.startswith(("--", "/")) or len(flag) > 2
    for at, word in enumerate(words):
        joined = _joined(word.text, flag, mode, is_long=is_long)
        if joined >= 0:
            start, end = word.start + joined, word.end
        elif word.text == flag or (not is_long and mode in (":", "*") and _is_combined(word.text, flag)):
            if mode == "+" or at + 1 >= len(words):
                continue
            start, end = words[at + 1].start, words[at + 1].end
        else:
            continue
        yield from _of_value(text, start, end, mode, only_secret=only_secret)


def _joined(word: str, flag: str, mode: str, *, is_long: bool) -> int:
    """Where in the word the value begins that is joined to the option, or -1."""
    if word.startswith(flag + "="):
        return len(flag) + 1
    if is_long:
        return len(flag) + 1 if word.startswith(flag + ":") else -1
    if mode in ("+", "*", ":", "%", ",") and word.startswith(flag) and len(word) > len(flag):
        return len(flag) + (word[len(flag)] in "\"'")
    return -1


def _is_combined(word: str, flag: str) -> bool:
    """``-su`` is ``-s -u``."""
    return len(word) < 8 and word[:1] == "-" and word[1:].isalpha() and word.endswith(flag[1:]) and word[1:2] != "-"


def _of_value(text: str, start: int, end: int, mode: str, *, only_secret: bool) -> Iterator[Span]:
    value = text[start : min(end, start + 600)]
    mark = {":": ":", "%": "%", ",": ",", "=": "="}.get(mode)
    if mode == ";":
        yield from _cookies(text, start, value)
    elif mark is None:
        if not value.startswith("-") or len(value) > 6:
            yield from hidden(text, start, end)
    else:
        at = value.find(mark)
        if at >= 0 and "://" not in value[: at + 3] and (not only_secret or is_secret_name(value[:at])):
            first = start + at + 1
            if text[first : first + 1] in ('"', "'") and end > first + 1:
                first += 1
            yield from hidden(text, first, end)


def _cookies(text: str, start: int, value: str) -> Iterator[Span]:
    at = 0
    for piece in value.split(";"):
        name, mark, _ = piece.partition("=")
        if mark:
            yield from hidden(text, start + at + len(name) + 1, start + at + len(piece), "cookie")
        at += len(piece) + 1


def hidden(text: str, start: int, end: int, kind: str = "password") -> Iterator[Span]:
    value = text[start : min(end, start + 600)]
    if len(value) < 3 or is_reference(value) or is_plain(value) or value.startswith(("file:", "env:", "fd:", "<(", "/dev/")):
        return
    if value[0] == "@" and not has_odd_part(value):
        return  # a file that holds it
    if (value.isdigit() and len(value) < 5) or value.startswith("pass:"):
        return
    if value.count("/") > 1 and value[0] in "/.~" and not has_odd_part(value):
        return
    yield start, end, kind
