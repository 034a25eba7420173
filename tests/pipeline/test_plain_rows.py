"""Rows of plain lines are those that reading line by line gives, whatever the lines say; and so is what is set aside."""

from __future__ import annotations

import json
import tempfile
import zlib
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.activity import Origin, build, encode_line
from activity_mcp.fs import FileSystem
from activity_mcp.pipeline import flusher
from activity_mcp.pipeline.flusher import Flusher
from activity_mcp.pipeline.plain_rows import rows_of_lines
from activity_mcp.pipeline.rows import row_of
from activity_mcp.queue import QueueReader, Record, dead_letters
from activity_mcp.warehouse import Batch, Row, RowsAlike
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from lengths import examples
from rigs import Rig

NOW_US = 1_790_000_000_000_000
ORIGINS = [
    Origin("ada@example.com", "hook", session_id="s1", project="/work/a"),
    Origin("Zoë", "cli", anonymous_customer_id="anon", org_id="org", project='/work/"b",\\'),
]
FEATURES: list[dict[str, Any]] = [
    {"tool_name": "Bash", "success": True, "latency_ms": 3},
    {
        "tool_name": "Bash",
        "success": False,
        "error": "\x1b[31mno\x1b[0m \u2028 é \ud7ff 𝄞",
        "parameters": {"a": [1, {"b": None}]},
    },
    {"tool_name": "x", "success": True, "n": [1e-05, 1.2e22, 12345678901234567.0, -0.0, 1e16, 0.1, 9007199254740993, 1 << 63]},
    {"tool_name": ',"feature_json":{},"revenue_impact":1,"link":', "success": True},
    {"tool_name": "x", "success": True, "revenue_impact": 1, "link": {"revenue_impact": None, "link": 2}},
    {"tool_name": 7},
    {},
]


def members(features: int = 0, origin: int = 0, number: int = 0, **changes: Any) -> dict[str, Any]:
    made = build(
        "tool_event", {"tool_name": "x"}, ORIGINS[origin], now_us=NOW_US + number, revenue_impact=changes.pop("money", None)
    )
    activity_id = f"01234567-89ab-7def-8123-{number:012x}"
    return {**made.record(), "activity_id": activity_id, "feature_json": FEATURES[features], "v": "1", **changes}


def without(name: str, **changes: Any) -> dict[str, Any]:
    made = members(**changes)
    del made[name]
    return made


def checksummed(body: bytes) -> bytes:
    """A line with the checksum that belongs to it, whatever it says."""
    return body + b',"_crc":"%08x"}\n' % zlib.crc32(body)


def said(old: bytes, new: bytes, **changes: Any) -> bytes:
    """A line in which something else stands, with its own checksum."""
    whole = orjson.dumps(members(**changes))[:-1]
    assert old in whole
    return checksummed(whole.replace(old, new, 1))


def moved(name: str) -> dict[str, Any]:
    made = members()
    return {**{key: value for key, value in made.items() if key != name}, name: made[name]}


def inside(made: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    """With another member before the features, which holds the like of ours."""
    names = list(made)
    at = names.index("feature_json")
    return {name: made.get(name, inner) for name in (*names[:at], "z", *names[at:])}


INDEX = st.integers(0, len(FEATURES) - 1)
PLAIN = st.builds(
    lambda features, origin, number, money, dumps: encode_line(members(features, origin, number, money=money), dumps),
    INDEX,
    st.integers(0, 1),
    st.integers(0, 99),
    st.sampled_from([None, None, 1, -0.25, 1e-09, 123456789.123456789]),
    st.sampled_from([None, orjson.dumps]),
)
OF_HOOKS = st.builds(
    lambda features, number: encode_line(without("v", features=features, number=number)), INDEX, st.integers(0, 9)
)
WRONG: list[dict[str, Any]] = [
    *({name: value} for name in ("customer", "ts", "activity_id", "event_name", "source") for value in ("", None, 7, ["x"])),
    *({name: value} for name in ("link", "session_id", "project", "org_id", "schema_version") for value in ("", "x", 7, {"a": 1})),
    *({"feature_json": value} for value in (None, "x", [], [1], {"deep": json.loads("[" * 300 + "]" * 300)}, {"nul": "a\0b"})),
    *({"revenue_impact": value} for value in (True, "1", 10**15, 1 << 63, [1], {"link": None})),
    *({"ts": value} for value in ("2026-01-21", "2026-01-21T06:19:38Z", " 2026-01-21T06:19:38.00000Z", "2026-02-30T06:19:38.048000Z")),
    *({"activity_id": value} for value in ("mine", "0" * 36, "x" * 36, '"' * 36, "é" * 18)),
    {"event_name": "web_event"}, {"ride": 1}, {"v": None}, {"v": "2"}, {"schema_version": "9", "v": None}, {"more": {"feature_json": {}}},
]  # fmt: skip
TEXTS = [
    said(b'"feature_json":{', b'"feature_json":{"a":1,"a":2,'),
    said(b'"feature_json":{', b'"feature_json": {'),
    said(b'"feature_json":{', b'"feature_json":{"nan":NaN,'),
    said(b'"feature_json":{', b'"feature_json":{"big":1e999,'),
    said(b'"feature_json":{', b'"feature_json":{,'),
    said(b'"feature_json":{', b'"feature_json":{"half":"\\ud800",'),
    said(b'"feature_json":{', b'"feature_json":{"bytes":"\xff",'),
    said(b'"feature_json":{', b'"feature_json":{"slash":"\\/\\u00e9",'),
    said(b'"feature_json":{', b'"feature_json":{},"feature_json":{'),
    said(b'"customer":', b'"customer":"eve","customer":'),
    said(b'"customer":', b'"z":{"feature_json":{},"revenue_impact":null,"link":null},"customer":'),
    said(b"01234567-89ab-7def-8123-000000000000", b"\\u0041-89ab-7def-8123-00000000000000"),
    said(b'"customer":', b' "customer":'),
    said(b'"customer":"ada', b'"customer":"\\u0061da'),
    said(b'"revenue_impact":null', b'"revenue_impact":NaN'),
    said(b'"revenue_impact":null', b'"revenue_impact":null,"revenue_impact":2'),
    said(b'"revenue_impact":null', b'"other":1,"revenue_impact":null'),
    said(b'"revenue_impact":null', b'"revenue_impact":1,"link":null,"revenue_impact":3'),
    said(b'"link":null', b'"link":null,"link":"https://example.com"'),
    said(b'"link":null', b'"link":null,"feature_json":{"other":1}'),
    said(b'"v":"1"', b'"v":"1","v":null'),
    said(b'"v":"1"', b'"v":"1","x":{"feature_json":{},"revenue_impact":1,"link":null}'),
    said(b'"v":"1"', b'"v":"1",'),
    checksummed(b'["no object"'), checksummed(b"{"), b"\0" * 40 + b"\n", b"torn", b"short\n",
]  # fmt: skip
ODD_LINES = [
    *(encode_line(members(**changes)) for changes in WRONG),
    *(encode_line(without(name)) for name in members()),
    *(encode_line(moved(name)) for name in members()),
    encode_line({**without("revenue_impact"), "customer": {"x": 1, "feature_json": {}, "revenue_impact": None, "link": "x"}}),
    encode_line(inside(without("revenue_impact"), {"x": 1, "feature_json": {}, "revenue_impact": 1, "link": "x"})),
    *TEXTS,
]
ODD = st.one_of(st.sampled_from(ODD_LINES), PLAIN.map(lambda line: line[:60] + bytes([line[60] ^ 1]) + line[61:]))
LINES = st.lists(st.one_of(PLAIN, PLAIN, PLAIN, OF_HOOKS, ODD), max_size=14)


class Unsynced(FileSystem):
    """A disk that need not survive a power cut."""

    def sync(self, fd: int) -> None:
        pass

    def sync_directory(self, path: str) -> None:
        pass


class EachRead(QueueReader):
    """The reader that reads each line."""

    def read_plain(self, *arguments: Any) -> None:
        return None


def shipped(kind: type[QueueReader], lines: list[bytes], max_rows: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Rows, and what was set aside, of a queue with these lines."""
    with tempfile.TemporaryDirectory() as directory, monkeypatch.context() as patched:
        patched.setattr(flusher, "QueueReader", kind)
        rig = Rig(Path(directory, "queue"), fs=Unsynced())
        rig.write(1)
        rig.append_raw(b"".join(lines))
        rig.write(1)
        made = Flusher(rig.directory, "channel", rig.warehouse, Origin("ada", "mcp"), clock=rig.clock, fs=rig.fs)
        rig.drain(made, max_rows=max_rows)
        rig.writer.close()
        dead = sorted((Path(letter.path).name, Path(letter.path).read_bytes()) for letter in dead_letters(rig.directory))
        return list(rig.warehouse.rows), str(made.offset), made.quarantined, dead


@examples(60, 2000)
@given(lines=LINES, max_rows=st.sampled_from([1, 3, 1000]))
def test_plain_lines_become_the_rows_that_each_read_alone_becomes(lines: list[bytes], max_rows: int) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert shipped(QueueReader, lines, max_rows, monkeypatch) == shipped(EachRead, lines, max_rows, monkeypatch)


@pytest.mark.parametrize("odd", ODD_LINES)
def test_what_no_writer_writes_is_judged_as_when_each_is_read_beside_lines_of_its_kind(odd: bytes) -> None:
    lines = [encode_line(members(number=1)), odd, encode_line(members(number=2)), odd]
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert shipped(QueueReader, lines, 1000, monkeypatch) == shipped(EachRead, lines, 1000, monkeypatch)


def rows_of(lines: list[bytes], directory: Path) -> RowsAlike:
    rig = Rig(directory)
    rig.writer.append(lines)
    plain = QueueReader(rig.directory).read_plain(None, 1 << 30, 1000)
    assert plain is not None
    rows = rows_of_lines(plain, "channel")
    assert rows is not None
    return rows


MIXED = [
    encode_line(members(n % len(FEATURES), n % 2, n, money=n / 7 if n % 3 else None, **({"session_id": f"s{n}"} if n % 11 == 0 else {})))
    for n in range(60)
] + [encode_line(members(activity_id="mine")), encode_line(members(ts="2026-01-21T07:19:38+01:00", link="https://example.com"))]  # fmt: skip


def test_what_lines_have_alike_is_read_once(tmp_path: Path) -> None:
    rows = rows_of(MIXED, tmp_path / "queue")
    assert len(rows) == len(MIXED)
    assert len(rows.shared) == 2 + 6 + 2  # two origins, six sessions of their own, and two lines that cannot be cut
    read = QueueReader(str(tmp_path / "queue"), loads=orjson.loads).read(None).items
    each = [row_of(item, "channel") for item in read if isinstance(item, Record)]
    assert list(rows) == each
    assert [rows[place] for place in range(len(rows))] == rows[:] == each


def test_the_engine_stores_rows_alike_as_it_stores_each_of_them(tmp_path: Path) -> None:
    rows = rows_of(MIXED, tmp_path / "queue")
    alike, each = (stored(tmp_path / name, given) for name, given in (("alike.duckdb", rows), ("each.duckdb", list(rows))))
    assert alike == each
    assert len(alike) == len(MIXED)


def test_the_engine_stores_rows_that_have_nothing_alike_in_their_order(tmp_path: Path) -> None:
    rows = rows_of([encode_line(members(number=n, session_id=f"s{n}")) for n in range(3000)][:1000], tmp_path / "queue")
    assert len(rows.shared) == len(rows)
    offsets = [row[Row._fields.index("stream_offset")] for row in stored(tmp_path / "alike.duckdb", rows)]
    assert offsets == [row.stream_offset for row in rows]


def stored(path: Path, rows: Any) -> list[tuple[Any, ...]]:
    """What a warehouse holds of the rows, and what it has to fold, in the order of the files."""
    warehouse = DuckDBWarehouse(str(path))
    warehouse.append(Batch("channel", None, rows[-1].stream_offset, rows))
    with warehouse.transaction() as statements:
        found, unfolded = (
            statements.execute(f"SELECT * EXCLUDE (loaded_at) FROM {table} ORDER BY rowid")
            for table in ("CLAUDE_STREAM_V2", "CLAUDE_STREAM_V2_UNFOLDED")
        )
    warehouse.close()
    assert found == unfolded
    return found
