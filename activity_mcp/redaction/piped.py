"""Secrets that a command reads from its standard input, or that a shell writes into a file: ``echo … | docker login
--password-stdin``, ``gh auth login --with-token <<< …``, ``echo … > password.txt``."""

from __future__ import annotations

from .command_words import Word, word_at, words_of_command
from .commands import hidden
from .gates import ECHOES, SECRETISH
from .judging import is_chosen
from .names import judge_name
from .programs import CONSUMERS
from .reading import quoted_value, skip_blanks
from .sight import end_of_line
from .values import is_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sight import Sight

    Span = tuple[int, int, str]

_STDIN_WINDOW = 400
_longest_words: dict[str, bytes] = {}


def piped(sight: Sight) -> Iterator[Span]:
    """``echo … | docker login --password-stdin``, ``gh auth login --with-token <<< …``, ``expect``'s ``send``."""
    text, lowered, words = sight.text, sight.lowered, sight.words
    if not ECHOES.isdisjoint(words) or "<<" in text:
        yield from _by_words(text, lowered, words)
        yield from _written(text, lowered, words)
        if "=%s" in text or ": %s" in text:
            yield from _formatted(text, lowered)
        for consumer in CONSUMERS:
            if longest_word(consumer) not in words:
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
                yield from hidden(text, span[0], end)
        at = lowered.find("send ", at + 5)


def _by_words(text: str, lowered: str, words: set[bytes]) -> Iterator[Span]:
    """``echo … | any-secret-tool``: one word that looks like a password, given to a command with a word for secrets in it."""
    if "|" not in text or words.isdisjoint(SECRETISH):
        return
    at = text.find("|")
    while at >= 0:
        if text[at + 1 : at + 2] != "|" and text[at - 1 : at] != "|":
            end = min(end_of_line(text, at), at + 160)
            stop = text.find("|", at + 1, end)
            command = lowered[at + 1 : stop if stop > 0 else end]
            names = (
                command.replace("-", " ")
                .replace("_", " ")
                .replace("/", " ")
                .replace(".", " ")
                .replace(":", " ")
                .replace(")", " ")
                .split()
            )
            if any(word.encode("utf-8", "replace") in SECRETISH for word in names):
                word = _echoed(text, lowered, at)
                if word is not None and "base64" in names and ":" in word.text:
                    colon = word.text.index(":")
                    if is_chosen(word.text[colon + 1 :]):
                        yield from hidden(text, word.start + colon + 1, word.end)
                elif word is not None and is_chosen(word.text.strip()) and has_odd_part_or_mark(word.text):
                    yield from hidden(text, word.start, word.end)
        at = text.find("|", at + 1)


def has_odd_part_or_mark(value: str) -> bool:
    return len(value) >= 8 and " " not in value.strip() and "/" not in value


def _echoed(text: str, lowered: str, at: int) -> Word | None:
    """The only argument of an ``echo`` or ``printf`` right before this place."""
    first = max(0, text.rfind("\n", 0, at) + 1, at - _STDIN_WINDOW)
    for program in ("echo ", "printf "):
        start = lowered.rfind(program, first, at)
        if start < 0:
            continue
        given_words, end = words_of_command(text, start + len(program))
        given = [word for word in given_words if not (word.text.startswith("-") and len(word.text) < 4)]
        if program == "printf " and len(given) == 2 and given[0].text.rstrip("\\n").endswith("%s"):
            given = given[1:]
        if len(given) == 1 and end <= at and not text[end:at].strip():
            return given[0]
    return None


def _written(text: str, lowered: str, words: set[bytes]) -> Iterator[Span]:
    """``echo … > password.txt``, ``cat > db_password <<EOF``: one word into a file that is named as a secret."""
    at = text.find(">")
    while at >= 0:
        start = skip_blanks(text, at + (2 if text[at + 1 : at + 2] == ">" else 1))
        if text[at - 1 : at] not in ("-", "=", "2", "<") and start < len(text) and text[start] not in "&\n\r<>":
            file, end = word_at(text, start)
            if _names_secret(file.text):
                word = _echoed(text, lowered, at)
                if word is not None and len(word.text) >= 6 and not is_code(word.text):
                    yield from hidden(text, word.start, word.end)
                yield from _heredoc(text, end)
        at = text.find(">", start)


def _heredoc(text: str, at: int) -> Iterator[Span]:
    line = end_of_line(text, at)
    here = text.find("<<", at, line)
    if here >= 0 and line < len(text):
        start = line + 1
        end = end_of_line(text, start)
        value = text[start:end]
        if len(value) >= 6 and " " not in value and "=" not in value and is_chosen(value):
            yield from hidden(text, start, end)


_SECRET_FILES = (".vault_pass", ".pgpass", ".netrc", "vault-password", ".passwd-s3fs")


def _names_secret(path: str) -> bool:
    """Whether a file is named as one secret: ``db_password.txt``, ``/run/secrets/x``; not ``secret.yaml``."""
    folder, _, name = path.rpartition("/")
    stem, _, ending = name.partition(".") if not name.startswith(".") else (name[1:], "", "")
    if ending not in ("", "txt", "key", "secret"):
        return False
    judged = judge_name(stem)
    return folder.endswith(("/secrets", "secrets")) or name in _SECRET_FILES or (judged is not None and judged[1] > 1)


def _formatted(text: str, lowered: str) -> Iterator[Span]:
    """``printf 'DB_PASSWORD=%s\\n' '…'``: the word that the format gives to a secret name."""
    at = lowered.find("printf ")
    while at >= 0:
        given_words, end = words_of_command(text, at + 7)
        if given_words:
            pieces = given_words[0].text.split("%s")
            for place, piece in enumerate(pieces[:-1]):
                name = piece.replace(":", "=").rstrip(" ").rstrip("=").split("\\n")[-1].split(" ")[-1].lstrip("\"'")
                judged = judge_name(name.rpartition("=")[0] or name)
                if piece.rstrip(" ").endswith(("=", ":")) and judged is not None and place + 1 < len(given_words):
                    yield from hidden(text, given_words[place + 1].start, given_words[place + 1].end)
        at = lowered.find("printf ", max(end, at + 7))


def longest_word(consumer: str) -> bytes:
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
            word, _ = word_at(text, start)
            yield from hidden(text, word.start, word.end)
    first = max(0, text.rfind("\n", 0, at) + 1, at - _STDIN_WINDOW)
    heredoc = text.find("<<", first, line)
    if here < 0 <= heredoc and text[heredoc + 2 : heredoc + 3] != "<" and line < len(text):
        start = line + 1
        yield from hidden(text, start, end_of_line(text, start))
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
        yield from hidden(text, start, end)
        at += len(piece) + 1
