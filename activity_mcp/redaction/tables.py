"""Secrets in columns: of CSV, of Markdown, of ``INSERT INTO``, of ``.pgpass``. The name is above the value, not before
it."""

from __future__ import annotations

from .judging import is_chosen, is_secret_text
from .names import STRONG, Name, is_almost_strong
from .randomness import has_odd_part
from .reading import quoted
from .sight import end_of_line
from .values import is_plain, is_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .assigned import Span
    from .naming import Judge
    from .sight import Sight

_DELIMITERS = "|,;\t"
_NEXT_TO = ("", "|", ",", ";", "\t", "\n", "\r")
_MAX_ROWS = 10_000


def columns(sight: Sight, names: Iterable[Name], judge: Judge) -> Iterator[Span]:
    """Where the text has a value in a column that one of its secret names heads."""
    text, lowered = sight.text, sight.lowered
    if b"insert" in sight.words or "\n" in text:
        done = inserted = 0
        for name in sorted((name for name in names if _may_be_column(name)), key=_start_of):
            if b"insert" in sight.words and name.start >= inserted and _is_in_insert(lowered, name.start):
                inserted, found = _insert(text, lowered, name, judge)
                yield from found
            elif b"copy" in sight.words and name.start >= inserted and _is_in_copy(lowered, name.end):
                inserted, found = _copied(text, name, judge)
                yield from found
            elif name.start >= done and _may_head(text, name):
                end, found = _rows(text, name, judge)
                done = max(done, end)
                yield from found
    if "|" in text:
        yield from _named_cells(text, names)


def _may_be_column(name: Name) -> bool:
    return name.strength == STRONG or is_almost_strong(name.text)


def _start_of(name: Name) -> int:
    return name.start


def _may_head(text: str, name: Name) -> bool:
    """Whether a delimiter or the end of the line is next to the name."""
    before = text[max(0, name.start - 2) : name.start].strip(" \"'*`")
    after = text[name.end : name.end + 3].lstrip(" \"'*`")
    return (before[-1:] in _NEXT_TO) and (after[:1] in _NEXT_TO)


# --- lines of cells


def _rows(text: str, name: Name, judge: Judge) -> tuple[int, list[Span]]:
    """How far the table was read whose head has the name, and the secrets below it."""
    start = text.rfind("\n", 0, name.start) + 1
    end = end_of_line(text, name.end)
    if end >= len(text) or end - start > 2000:
        return 0, []
    head = text[start:end]
    delimiter = next((mark for mark in _DELIMITERS if mark in head), "")
    if not delimiter or not _is_head(head, delimiter) or delimiter in _line_before(text, start).strip("-+=|: "):
        return 0, []
    cells = head.split(delimiter)
    judged = [judge(cell.strip().strip("\"'*` ")) for cell in cells]
    secret = {
        column: kind
        for column, kind in enumerate(judged)
        if kind is not None and _may_be_column(Name(cells[column].strip(), 0, 0, *kind))
    }
    found: list[Span] = []
    place, last_read = text.find("\n", end) + 1, end
    for _ in range(_MAX_ROWS):
        if place <= 0 or place >= len(text):
            break
        last_read = line_end = end_of_line(text, place)
        line = text[place:line_end]
        if line.strip() and not line.strip("-+=|: "):
            place = text.find("\n", line_end) + 1
            continue
        spans = _cells(line, delimiter)
        if len(spans) != len(cells) or not line.strip():
            break
        for column, kind in secret.items():
            first, last = spans[column]
            value = line[first:last]
            if value.strip("-: ") and is_secret_text(Name(cells[column].strip(), 0, 0, *kind), value):
                found.append((place + first, place + last, kind[0]))
        place = text.find("\n", line_end) + 1
    return last_read, found


def _line_before(text: str, start: int) -> str:
    return text[max(0, start - 400) : max(0, start - 1)].rpartition("\n")[2]


def _named_cells(text: str, names: Iterable[Name]) -> Iterator[Span]:
    """``| DB_PASSWORD | … |``: the cell beside one that holds nothing but a name."""
    for name in names:
        end = name.end
        while text[end : end + 1] in ("`", "*", '"', " "):
            end += 1
        if text[end : end + 1] != "|" or name.strength != STRONG or end - name.end > 60:
            continue
        before = text[max(0, name.start - 4) : name.start].strip(' `*"')
        close = text.find("|", end + 1, min(end_of_line(text, end), end + 600))
        if before[-1:] not in ("|", "\n", "") or close < 0:
            continue
        cell = text[end + 1 : close]
        value = cell.strip(' `*"')
        if (
            len(value) >= 8
            and is_chosen(value)
            and (has_odd_part(value) or not value.isalnum())
            and is_secret_text(name, value)
        ):
            start = end + 1 + cell.index(value)
            yield start, start + len(value), name.kind


def _is_head(line: str, delimiter: str) -> bool:
    cells = [cell.strip().strip("\"'*` ") for cell in line.strip().strip("|" if delimiter == "|" else "").split(delimiter)]
    return len(cells) > 1 and all(
        0 < len(cell) <= 40 and cell.replace("_", "").replace(" ", "").replace("-", "").replace(".", "").isalnum()
        for cell in cells
    )


def _cells(line: str, delimiter: str) -> list[tuple[int, int]]:
    """The spans of the cells of a line, without quotes and blanks."""
    spans: list[tuple[int, int]] = []
    at = 0
    while True:
        start = at
        while start < len(line) and line[start] == " ":
            start += 1
        span = quoted(line, start, 0) if line[start : start + 1] in ('"', "'", "`") else None
        if span is not None:
            spans.append(span)
            end = line.find(delimiter, span[1])
        else:
            end = line.find(delimiter, at)
            last = end if end >= 0 else len(line)
            content = line[at:last]
            first = at + len(content) - len(content.lstrip())
            spans.append((first, max(first, at + len(content.rstrip()))))
        if end < 0:
            return spans
        at = end + 1


# --- INSERT INTO t (name, password) VALUES ('a', '…')


def _is_in_insert(lowered: str, at: int) -> bool:
    opening = lowered.rfind("(", max(0, at - 1000), at)
    return opening > 0 and "insert into" in lowered[max(0, opening - 160) : opening]


def _insert(text: str, lowered: str, name: Name, judge: Judge) -> tuple[int, list[Span]]:
    opening = text.rfind("(", 0, name.start)
    close = text.find(")", name.end, name.end + 2000)
    values = lowered.find("values", close, close + 40) if close >= 0 else -1
    if values < 0:
        return 0, []
    names = [cell.strip().strip("\"`'[]\\") for cell in text[opening + 1 : close].split(",")]
    judged = [judge(cell) for cell in names]
    found: list[Span] = []
    at = values + 6
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if text[at : at + 1] != "(":
            return at, found
        at, cells = _tuple(text, at + 1)
        for kind, span in zip(judged, cells, strict=False):
            if (
                kind is not None
                and kind[1] == STRONG
                and span is not None
                and is_secret_text(name, text[span[0] : span[1]][:520])
            ):
                found.append((*span, kind[0]))


def _tuple(text: str, at: int) -> tuple[int, list[tuple[int, int] | None]]:
    """The place behind the tuple, and the spans of its cells: those that are quoted."""
    cells: list[tuple[int, int] | None] = []
    current: tuple[int, int] | None = None
    depth = 0
    while at < len(text):
        char = text[at]
        if char in "'\"":
            span = quoted(text, at, 0)
            if span is None:
                break
            current, at = span, span[1]
        elif char == "(":
            depth += 1
        elif char == ")":
            if not depth:
                cells.append(current)
                return at + 1, cells
            depth -= 1
        elif char == "," and not depth:
            cells.append(current)
            current = None
        at += 1
    return len(text), [*cells, current]


# --- COPY t (name, password) FROM stdin;


def _is_in_copy(lowered: str, at: int) -> bool:
    close = lowered.find(")", at, at + 1000)
    return close > 0 and lowered.startswith(") from stdin", close) and "copy " in lowered[max(0, at - 1000) : at]


def _copied(text: str, name: Name, judge: Judge) -> tuple[int, list[Span]]:
    opening, close = text.rfind("(", 0, name.start), text.find(")", name.end)
    judged = [judge(cell.strip().strip('"')) for cell in text[opening + 1 : close].split(",")]
    found: list[Span] = []
    place = text.find("\n", close) + 1
    for _ in range(_MAX_ROWS):
        line_end = end_of_line(text, place)
        if place <= 0 or place >= len(text) or text.startswith("\\.", place):
            break
        at = place
        for kind, cell in zip(judged, text[place:line_end].split("\t"), strict=False):
            if kind is not None and kind[1] == STRONG and is_secret_text(name, cell[:520]) and cell != "\\N":
                found.append((at, at + len(cell), kind[0]))
            at += len(cell) + 1
        place = text.find("\n", line_end) + 1
    return max(close, place), found


# --- .pgpass: host:port:database:user:password


def pgpass(text: str) -> Iterator[Span]:
    """Where the text has a line of a file of passwords for PostgreSQL."""
    for mark in (":5432:", ":*:"):
        at = text.find(mark)
        while at >= 0:
            start = text.rfind("\n", 0, at) + 1
            end = end_of_line(text, at)
            fields = text[start : min(end, start + 1024)].split(":")
            following = at + len(mark)
            if (
                len(fields) >= 5
                and " " not in ":".join(fields[:4])
                and "/" not in fields[0]
                and (fields[1].isdigit() or fields[1] == "*")
            ):
                first = start + sum(len(field) + 1 for field in fields[:4])
                value = text[first:end].split("'")[0].split('"')[0].rstrip()
                if len(value) >= 3 and "/" not in fields[2] and not is_reference(value) and not is_plain(value):
                    yield first, first + len(value), "password"
                following = end
            at = text.find(mark, max(following, at + 1))
