"""Secrets on command lines, where only the program defines what an option is: ``docker login -p``, ``curl -u``, ``redis-cli
AUTH``.

A command is read word by word, as the shell does, to its end; every word once, so that a line of commands costs its length.
"""

from __future__ import annotations

from .programs import COMMANDS, CONSUMERS
from .reading import backslashes, end_of_line, quoted_value, skip_blanks, word_end
from .values import has_odd_part, is_plain, is_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sight import Sight

    Span = tuple[int, int, str]

_ENDS = frozenset(";|&\n)")
_AFTER_WORD = frozenset(("", *" \t\r\n,;)}]\\|"))
_AFTER_MARK = frozenset(("", *" \t\r\n;|"))
_MAX_WORDS = 400
_BEFORE = frozenset(" \t\r\n;|&(\"'`/=$!\\nt{[,>")
_STDIN_WINDOW = 400


class Word:
    """A word of a command: its span, without its quotes."""

    __slots__ = ("end", "is_option", "start", "text")

    def __init__(self, text: str, start: int, end: int, *, is_quoted: bool = False) -> None:
        self.start = start
        self.end = end
        self.text = text[start : min(end, start + 600)]
        self.is_option = not is_quoted and text[start : start + 1] == "-"


def commands(sight: Sight) -> Iterator[Span]:
    """Where a command of the text has a secret."""
    text, lowered, words = sight.text, sight.lowered, sight.words
    for head in sorted(_heads().keys() & words):
        for program in _heads()[head]:
            rows = [row for row in COMMANDS[program] if row[1] and all(part.encode() in words for part in _parts(row[0]))]
            if rows:
                yield from _of_program(text, lowered, program, rows)
    if words & _GIVERS or "<<" in text:
        yield from _standard_input(text, lowered, words)


_ECHOES = frozenset((b"echo", b"printf"))
_GIVERS = _ECHOES | {b"expect"}
_longest_words: dict[str, bytes] = {}
_BY_HEAD: dict[bytes, list[str]] = {}


def _heads() -> dict[bytes, list[str]]:
    """The programs by the first run of letters and digits of their name."""
    if not _BY_HEAD:
        for program in COMMANDS:
            _BY_HEAD.setdefault(program.partition("-")[0].partition("_")[0].encode(), []).append(program)
    return _BY_HEAD


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


def words_of_command(text: str, at: int) -> tuple[list[Word], int]:
    """The words from here to the end of the command, and where it ends."""
    words: list[Word] = []
    while at < len(text) and len(words) < _MAX_WORDS:
        char = text[at]
        if char in " \t":
            at += 1
        elif char == "\\" and text[at + 1 : at + 2] in ("\n", "\r"):
            at += 2
        elif (
            (char in _ENDS and not (char == "&" and text[at + 1 : at + 2].isalnum()))
            or (char == "\\" and text[at + 1 : at + 2] == "n")
            or (char in ">#" and text[at + 1 : at + 2] == " ")
        ):
            return words, at
        else:
            word, at = _word(text, at)
            words.append(word)
    return words, at


def _word(text: str, at: int) -> tuple[Word, int]:
    level = backslashes(text, at)
    if text[at + level : at + level + 1] in ("'", '"'):
        span = quoted_value(text, at)
        if span is not None:
            return Word(text, *span, is_quoted=True), span[1] + 1 + backslashes(text, span[1])
    end = at
    while end < len(text) and text[end] not in " \t\r\n":
        char = text[end]
        if char in "\"'" and text[end - 1] in "=:@ -":  # --opt="…", user:"…"
            span = quoted_value(text, end)
            if span is not None:
                word = Word(text, at, span[1])
                return word, span[1] + 1
        if char in "\"'" and text[end + 1 : end + 2] in _AFTER_WORD:
            return Word(text, at, end), end + 1
        if char == "\\" and text[end + 1 : end + 2] in ('"', "n") and text[end + 2 : end + 3] in ("", " ", ",", "}", '"'):
            return Word(text, at, end), end + 2
        if char in ";|" and text[end + 1 : end + 2] in _AFTER_MARK:
            break
        if char == "&" and text[end + 1 : end + 2] in ("&", " ", ""):
            break
        if end - at > 512:
            end = word_end(text, end, end_of_line(text, end))
            break
        end += 1
    return Word(text, at, max(end, at + 1)), max(end, at + 1)


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
            if mark and name and not value.startswith("@") and (place == "=" or _is_secret_name(name)):
                yield from _hidden(text, word.start + len(name) + 1, word.end)
    elif (place == "last" and len(plain) > 1 and plain) or (place == "last" and plain):
        yield from _hidden(text, plain[-1].start, plain[-1].end)
    elif place == "/" and plain:
        login = plain[0].text.partition("@")[0]
        if "/" in login and not login.startswith("/"):
            yield from _hidden(text, plain[0].start + login.index("/") + 1, plain[0].start + len(login))
    elif place.isdigit() and len(plain) >= int(place):
        word = plain[int(place) - 1]
        if "=" not in word.text[:-2] or has_odd_part(word.text):
            yield from _hidden(text, word.start, word.end)
    elif place in ("using", "user_pw"):
        for at, word in enumerate(plain[:-1]):
            if word.text.lower() == place:
                yield from _hidden(text, plain[at + 1].start, plain[at + 1].end)


def _is_secret_name(name: str) -> bool:
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
            yield from _hidden(text, start, end)
    else:
        at = value.find(mark)
        if at >= 0 and "://" not in value[: at + 3] and (not only_secret or _is_secret_name(value[:at])):
            first = start + at + 1
            if text[first : first + 1] in ('"', "'") and end > first + 1:
                first += 1
            yield from _hidden(text, first, end)


def _cookies(text: str, start: int, value: str) -> Iterator[Span]:
    at = 0
    for piece in value.split(";"):
        name, mark, _ = piece.partition("=")
        if mark:
            yield from _hidden(text, start + at + len(name) + 1, start + at + len(piece), "cookie")
        at += len(piece) + 1


def _hidden(text: str, start: int, end: int, kind: str = "password") -> Iterator[Span]:
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


# --- standard input


def _standard_input(text: str, lowered: str, words: set[bytes]) -> Iterator[Span]:
    """``echo … | docker login --password-stdin``, ``gh auth login --with-token <<< …``, ``expect``'s ``send``."""
    if not _ECHOES.isdisjoint(words) or "<<" in text:
        for consumer in CONSUMERS:
            if _longest_word(consumer) not in words:
                continue
            at = lowered.find(consumer)
            while at >= 0:
                yield from _piped(text, lowered, at)
                at = lowered.find(consumer, at + len(consumer))
    at = lowered.find("send ") if b"expect" in words else -1
    while at >= 0:
        span = quoted_value(text, at + 5) if at + 5 < len(text) else None
        if span is not None:
            value = text[span[0] : span[1]]
            end = span[0] + len(value.split("\\r")[0].split("\\n")[0].rstrip("\\"))
            if any(char.isdigit() for char in text[span[0] : end]) and " " not in value:
                yield from _hidden(text, span[0], end)
        at = lowered.find("send ", at + 5)


def _longest_word(consumer: str) -> bytes:
    """The word of a consumer that a text must have."""
    if consumer not in _longest_words:
        words = consumer.replace("-", " ").replace("=", " ").replace("_", " ").split()
        _longest_words[consumer] = max(words, key=len).encode()
    return _longest_words[consumer]


def _piped(text: str, lowered: str, at: int) -> Iterator[Span]:
    line = text.find("\n", at, at + 4096)
    line = min(len(text), at + 4096) if line < 0 else line
    here = text.find("<<<", at, min(line, at + _STDIN_WINDOW))
    if here >= 0:
        start = skip_blanks(text, here + 3)
        if start < line:
            word, _ = _word(text, start)
            yield from _hidden(text, word.start, word.end)
    first = max(0, text.rfind("\n", 0, at) + 1, at - _STDIN_WINDOW)
    heredoc = text.find("<<", first, line)
    if here < 0 <= heredoc and text[heredoc + 2 : heredoc + 3] != "<" and line < len(text):
        start = line + 1
        yield from _hidden(text, start, end_of_line(text, start))
    pipe = text.rfind("|", first, at)
    if pipe < 0:
        return
    for program in ("echo ", "printf "):
        start = lowered.rfind(program, first, pipe)
        if start < 0:
            continue
        words, end = words_of_command(text, start + len(program))
        if end > at:
            continue
        given = [word for word in words if not (word.text.startswith("-") and len(word.text) < 4)]
        if program == "printf " and len(given) > 1:
            given = given[1:]
        for word in given:
            yield from _lines_of(text, word, "chpasswd" in lowered[at : at + 60])
        return


def _lines_of(text: str, word: Word, is_account: bool) -> Iterator[Span]:
    """A secret a line (``passwd`` asks twice), behind the account where the program wants that."""
    at = word.start
    for piece in word.text.replace("\\n", "\n\n").split("\n"):
        if not piece:
            at += 1
            continue
        start = at + piece.find(":") + 1 if is_account and ":" in piece else at
        end = word.end if at + len(piece) >= word.start + 599 else at + len(piece)
        yield from _hidden(text, start, end)
        at += len(piece) + 1
