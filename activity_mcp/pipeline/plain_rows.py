"""Rows from lines that nobody has parsed: what lines have alike is read once, and of each line only what it has of its own.

A line as ``activity`` writes it is

    {"activity_id":"…","ts":"…", HEAD ,"feature_json": FEATURES ,"revenue_impact": MONEY ,"link": TAIL ,"_crc":"…"}

and most lines of a batch have HEAD and TAIL alike: who, where, which event. The first line of a kind is read as a whole
(``rows.row_of``), and must give the same line when it is encoded again; each line that differs from it in nothing but an id of
hex digits, a time in our form, an object and a number then has the same columns beside these. A line that cannot be cut so is
read by itself. What is no activity is not judged here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from .. import schema
from ..activity import SCHEMA_VERSION, decode_line
from ..clock import normal_iso
from ..errors import InvalidActivity
from ..queue import Offset, Record
from ..warehouse import OwnColumns, Row, RowsAlike
from .rows import money, row_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..queue import PlainLines
    from ..queue.block import Block

_START, _BEFORE_TS = b'{"activity_id":"', b'","ts":"'
_ID_START = len(_START)
_ID_END = _ID_START + 36
_TS_START = _ID_END + len(_BEFORE_TS)
_TS_END = _TS_START + len("2026-01-21T06:19:38.048000Z")
_FEATURES, _MONEY, _LINK = b',"feature_json":', b',"revenue_impact":', b',"link":'
_CRC_BYTES = len(b',"_crc":"01234567"}\n')
_ID_DIGITS = b"0123456789abcdef-"
_MEMBERS = (
    "activity_id", "ts", "customer", "activity", "anonymous_customer_id", "feature_json", "revenue_impact", "link",
)  # fmt: skip
_ODD = (ValueError, TypeError, RecursionError, InvalidActivity)
"""What a line raises that is no activity, whatever is wrong with it."""


class _Kind(NamedTuple):
    """What lines have alike: the ``number`` of their row among the shared ones, and whether their features are unchecked."""

    number: int
    event_name: str
    is_unchecked: bool


def rows_of_lines(lines: PlainLines, channel_id: str) -> RowsAlike | None:
    """The lines as rows of ``channel_id``, equal to those that ``row_of`` makes; None where one of them is no activity."""
    reading = _Reading(channel_id)
    try:
        for segment, block in lines.segments:
            reading.add(segment, block)
    except _ODD:
        return None
    return RowsAlike(reading.shared, reading.own)


class _Reading:
    def __init__(self, channel_id: str) -> None:
        self.shared: list[Row] = []
        self.own: list[OwnColumns] = []
        self._channel_id = channel_id
        self._kinds: dict[tuple[bytes, bytes], _Kind | None] = {}

    def add(self, segment: int, block: Block) -> None:
        """The lines of a block: the one loop whose every step is paid for each event."""
        kinds, own, prefix = self._kinds, self.own, "%012d:" % segment
        for line, end, crc in zip(block.lines, block.ends, block.crcs, strict=True):
            activity_id, ts = line[_ID_START:_ID_END], _normal_ts(line[_TS_START:_TS_END])
            head, _, rest = line[_TS_END:-_CRC_BYTES].partition(_FEATURES)
            features, _, rest = rest.rpartition(_MONEY)
            amount, _, tail = rest.partition(_LINK)
            is_framed = line.startswith(_START) and line[_ID_END:_TS_START] == _BEFORE_TS
            if ts is None or not amount or not is_framed or activity_id.translate(None, _ID_DIGITS):
                self._add_alone(line, Offset(segment, end, crc))
                continue
            alike = head, tail
            kind = kinds[alike] if alike in kinds else self._learn(alike, features, amount, line)
            if kind is None:
                self._add_alone(line, Offset(segment, end, crc))
                continue
            value = orjson.loads(features)
            if type(value) is not dict:
                raise ValueError("feature_json is not an object")
            if kind.is_unchecked:
                schema.mark(kind.event_name, value)
            text = orjson.dumps(value).decode()
            paid = None if amount == b"null" else money(orjson.loads(amount))
            place = prefix + "%012d:%08x" % (end, crc)
            own.append(OwnColumns(activity_id.decode(), ts, text, paid, place, kind.number))

    def _add_alone(self, line: bytes, offset: Offset) -> None:
        """A line that shares nothing: its row is its own kind."""
        row = row_of(Record(offset, line, decode_line(line, orjson.loads)), self._channel_id)
        own = OwnColumns(row.activity_id, row.ts, row.feature_json, row.revenue_impact, row.stream_offset, len(self.shared))
        self.shared.append(row)
        self.own.append(own)

    def _learn(self, alike: tuple[bytes, bytes], features: bytes, amount: bytes, line: bytes) -> _Kind | None:
        """The kind of which this is the first line; None where its parts may be something else than they seem."""
        members = decode_line(line, orjson.loads)
        kind = None
        if _is_written_so(members, line, alike, features, amount):
            row = row_of(Record(Offset(0, 0, 0), line, members), self._channel_id)
            is_unchecked = members.get("v") is None and members.get("schema_version") in (None, SCHEMA_VERSION)
            kind = _Kind(len(self.shared), row.event_name, is_unchecked)
            self.shared.append(row)
        self._kinds[alike] = kind
        return kind


def _normal_ts(ts: bytes) -> str | None:
    """The time as text, if ``iso`` has written it; None for every other."""
    try:
        text = ts.decode("ascii")
        return text if normal_iso(text) is text else None
    except ValueError:
        return None


def _is_written_so(members: Mapping[str, Any], line: bytes, alike: tuple[bytes, bytes], features: bytes, amount: bytes) -> bool:
    """Whether the members of the line are where it was cut: they come in this order, and encoded again they are these parts."""
    if tuple(members)[: len(_MEMBERS)] != _MEMBERS:
        return False
    head, tail = alike
    value, paid = orjson.dumps(orjson.loads(features)), orjson.dumps(orjson.loads(amount))
    return orjson.dumps(members) == b"".join((line[:_TS_END], head, _FEATURES, value, _MONEY, paid, _LINK, tail, b"}"))
