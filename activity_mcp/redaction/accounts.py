"""Accounts with their passwords: in a sentence (``log in as admin/…``) and in the lists that programs keep, which have no names
for their columns: ``chap-secrets`` of ppp, ``userlist.txt`` of PgBouncer, ``passwd`` files of Dovecot, ``ipsec.secrets``."""

from __future__ import annotations

from .gates import PEER_WORDS, logins_of, speaks_of_peers
from .judging import is_chosen
from .randomness import has_odd_part
from .reading import quoted, skip_blanks
from .sight import end_of_line
from .values import is_plain, is_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sight import Sight

    Span = tuple[int, int, str]

_USER = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@%-")
_BEFORE_USER = ("", " ", "\n", '"', "'", "`", "(")
_NEAR = 48
_HEX = frozenset("0123456789abcdefABCDEF")
_ADDRESS = _HEX | frozenset(".:/!")
_MARKS = frozenset("!#$%^&*+?@")


def accounts(sight: Sight) -> Iterator[Span]:
    """Where the text has a password of an account."""
    for login in logins_of(sight):
        yield from _in_sentences(sight.text, sight.lowered, login)
    for word in sorted(PEER_WORDS & sight.words):
        yield from _of_peers(sight.text, sight.lowered, word.decode())
    yield from _lines_with_marks(sight.text)
    if speaks_of_peers(sight):
        yield from _lines_of_peers(sight.text)


def _is_likely(value: str) -> bool:
    return (
        8 <= len(value) <= 256
        and is_chosen(value)
        and (has_odd_part(value) or not _MARKS.isdisjoint(value))
        and not value.isdigit()
        and not is_reference(value)
        and not is_plain(value)
    )


# --- log in as admin/…, use bob:… to log in


def _in_sentences(text: str, lowered: str, login: str) -> Iterator[Span]:
    at = lowered.find(login)
    while at >= 0:
        line = end_of_line(text, at)
        begin = max(text.rfind("\n", max(0, at - _NEAR), at) + 1, at - _NEAR)
        yield from _pairs(text, begin, min(line, at + _NEAR))
        at = lowered.find(login, at + _NEAR)


def _pairs(text: str, begin: int, end: int) -> Iterator[Span]:
    """``user/password``, ``user / password``, ``user:password``: a name, and what is no path and no time."""
    for mark in ("/", ":"):
        at = text.find(mark, begin, end)
        while at >= 0:
            start = at - (text[at - 1 : at] == " ")
            user = start
            while user > begin and text[user - 1] in _USER:
                user -= 1
            first = at + 1 + (text[at + 1 : at + 2] == " " and start < at)
            last = first
            while last < min(len(text), first + 256) and text[last] not in " \t\r\n\"'`<>()":
                last += 1
            value = text[first:last].rstrip(".,;:!?")
            is_user = (
                0 < start - user <= 32 and text[user].isalpha() and text[user - 1 : user] in ("", " ", "\n", '"', "'", "`", "(")
            )
            ending = value.rpartition(".")[2] if "." in value else ""
            is_file = mark == "/" and 0 < len(ending) < 5 and ending.isalpha()
            if is_user and not is_file and "/" not in value and "://" not in text[user:last] and _is_likely(value):
                yield first, first + len(value), "password"
            at = text.find(mark, at + 1, end)


# --- : PSK "…", bob : EAP "…"


def _of_peers(text: str, lowered: str, kind: str) -> Iterator[Span]:
    at = lowered.find(f": {kind} ")
    while at >= 0:
        place = skip_blanks(text, at + len(kind) + 3)
        span = quoted(text, place, 0) if text[place : place + 1] == '"' else None
        if span is not None and span[1] - span[0] >= 4:
            yield (*span, "password")
        at = lowered.find(f": {kind} ", at + 1)


# --- lists


def _lines_with_marks(text: str) -> Iterator[Span]:
    """The passwords of the lines that are accounts by what is between their columns, or behind the last."""
    for mark in ("*", '" "', "::"):
        at = text.find(mark)
        while at >= 0:
            following = at + 1
            if mark != "*" or _is_column(text, at):
                begin, end = text.rfind("\n", 0, at) + 1, end_of_line(text, at)
                span = _password_of(text[begin:end]) if 8 <= end - begin <= 512 else None
                if span is not None:
                    yield begin + span[0], begin + span[1], "password"
                following = max(end, following)
            at = text.find(mark, following)


def _is_column(text: str, at: int) -> bool:
    """Whether the ``*`` here is a column of its own."""
    return text[at - 1 : at] == " " and text[at + 1 : at + 2] in (" ", "\n")


def listed(text: str) -> Iterator[Span]:
    """The passwords of a file that is a list of accounts."""
    place = 0
    while place < len(text):
        end = end_of_line(text, place)
        if 8 <= end - place <= 512:
            span = _password_of(text[place:end], is_list=True)
            if span is not None:
                yield place + span[0], place + span[1], "password"
        place = text.find("\n", end) + 1
        if place <= 0:
            return


def _password_of(line: str, *, is_list: bool = False) -> tuple[int, int] | None:
    if line[0] in "#;/{[<":
        return None
    span = _of_columns(line, is_list=is_list) or _of_colons(line, is_list=is_list)
    return span if span is not None and (is_list or _is_likely(line[span[0] : span[1]])) else None


def _of_columns(line: str, *, is_list: bool) -> tuple[int, int] | None:
    """``bob * … *`` and ``bob pptpd … *`` of ppp, ``"bob" "…"`` of PgBouncer."""
    if '"' not in line and not 2 < _count_of_cells(line) < 5:
        return None
    cells = _cells(line)
    if len(cells) in (3, 4) and (is_list or _is_any(line, cells)) and "=" not in line:
        return cells[2]
    if len(cells) == 2 and line[0] == '"' and line.rstrip()[-1] == '"' and cells[0][1] + 3 == cells[1][0]:
        return cells[1]
    return None


def _is_any(line: str, cells: list[tuple[int, int]]) -> bool:
    """Whether the account is one for any server, or from any address."""
    if line[slice(*cells[1])] == "*":
        return True
    return len(cells) == 4 and line[slice(*cells[3])] == "*" and all(_USER.issuperset(line[slice(*cell)]) for cell in cells[:2])


# --- accounts of ppp, by their columns alone, in a text that speaks of them


def _lines_of_peers(text: str) -> Iterator[Span]:
    """``bob pptpd … 10.0.0.5``, also in an ``echo "…" >> /etc/ppp/chap-secrets``, a diff, or what ``cat`` shows."""
    place = 0
    while place < len(text):
        end = end_of_line(text, place)
        if 8 <= end - place <= 512:
            start = place + _start_of_peer(text[place:end])
            span = _password_of_peer(text[start:end])
            if span is not None:
                yield start + span[0], start + span[1], "password"
        place = text.find("\n", end) + 1
        if place <= 0:
            return


def _start_of_peer(line: str) -> int:
    """Where the account begins: behind ``echo "``, or the mark of a diff or a listing."""
    for echo in ("echo ", "printf "):
        at = line.find(echo)
        if at >= 0:
            at += len(echo) + 3 * line.startswith("-e ", at + len(echo))
            return at + (line[at : at + 1] in ("'", '"') and line[at + 1 : at + 2] != '"')
    return len(line) - len(line.lstrip("+-> \t0123456789:|"))


def _password_of_peer(line: str) -> tuple[int, int] | None:
    words = line.split(None, 4)
    if len(words) < 3 or (len(words) == 5 and words[4][0] not in ">|#" and '"' not in line):
        return None  # a sentence
    cells = _cells(line)
    if len(cells) < 3 or not all(_USER.issuperset(line[slice(*cell)].replace("*", "x")) for cell in cells[:2]):
        return None
    start, end = cells[2]
    value = line[start:end].rstrip("'\"")
    if len(cells) > 3 and _is_address(line[slice(*cells[3])]):
        return (start, start + len(value)) if len(value) >= 4 and not is_reference(value) and not is_plain(value) else None
    is_last = len(cells) == 3 or line[slice(*cells[3])][:1] in (">", "|")
    return (start, start + len(value)) if is_last and _is_likely(value) else None


def _is_address(cell: str) -> bool:
    """``*``, ``-``, ``10.0.0.5``, ``10.0.0.0/24``, ``fd00::1``: from where an account may be used."""
    cell = cell.removesuffix("\\n").rstrip("'\"").removesuffix("\\n")
    if cell in ("*", "-"):
        return True
    return len(cell) > 2 and cell[0] in _HEX and _ADDRESS.issuperset(cell) and ("." in cell or ":" in cell)


def _count_of_cells(line: str) -> int:
    """How many cells a line without quotes has."""
    return len([cell for cell in line.replace("\t", " ").split(" ") if cell])


def _cells(line: str) -> list[tuple[int, int]]:
    cells: list[tuple[int, int]] = []
    at = skip_blanks(line, 0)
    while at < len(line) and len(cells) < 6:
        span = quoted(line, at, 0) if line[at] == '"' else None
        if span is None:
            end = at
            while end < len(line) and line[end] not in " \t":
                end += 1
            span = at, end
        cells.append(span)
        at = skip_blanks(line, span[1] + (line[at] == '"'))
    return cells


def _of_colons(line: str, *, is_list: bool) -> tuple[int, int] | None:
    """``bob:…:1000:1000::/home/bob``, ``bob:…::::``: as in a file of accounts, the password behind the name."""
    fields = line.split(":")
    if len(fields) < (2 if is_list else 5) or not fields[0] or not _USER.issuperset(fields[0]) or not fields[1]:
        return None
    if any(field and not field.isdigit() for field in fields[2:4]) or fields[1] in ("x", "*", "!", "!!"):
        return None
    return len(fields[0]) + 1, len(fields[0]) + 1 + len(fields[1])
