"""Lines and messages: whatever comes, nothing is lost, nothing fails, and nothing piles up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import JSONRPCResponse

from activity_mcp.server.front.framing import LineCutter
from activity_mcp.server.front.messages import encode_message


@given(st.lists(st.binary(max_size=20)), st.lists(st.integers(1, 15), min_size=1, max_size=20))
def test_lines_do_not_depend_on_how_the_bytes_arrive(lines: list[bytes], sizes: list[int]) -> None:
    stream = b"\n".join(lines)
    expected = stream.split(b"\n")
    if expected[-1] == b"":
        expected.pop()  # a newline ends a line, it does not begin one
    cutter, cut, at = LineCutter(), [], 0
    for turn in range(len(stream)):
        size = sizes[turn % len(sizes)]
        cut += cutter.feed(stream[at : at + size])
        at += size
    assert cut + cutter.rest() == expected


@given(st.lists(st.integers(0, 12)), st.integers(1, 9))
def test_only_a_line_over_the_limit_is_lost(lengths: list[int], size: int) -> None:
    stream = b"".join(b"x" * length + b"\n" for length in lengths)
    cutter, cut = LineCutter(limit=6), []
    for at in range(0, len(stream), size):
        cut += cutter.feed(stream[at : at + size])
    assert cut + cutter.rest() == [b"x" * length if length <= 6 else None for length in lengths]


def test_a_long_line_that_never_ends_is_not_kept() -> None:
    cutter = LineCutter(limit=1000)
    for _ in range(100):
        assert cutter.feed(b"x" * 1000) == []
        assert len(cutter._partial) <= 1000
    assert cutter.feed(b"\nnext\n") == [None, b"next"]


@pytest.mark.parametrize("value", ["ü 💙", "\ud800 alone", 1 << 70, None, 0.5, [True, {"": {}}]])
def test_any_result_becomes_one_line_that_reads_back(value: Any) -> None:
    line = encode_message(JSONRPCResponse(jsonrpc="2.0", id="7", result={"value": value}))
    assert json.loads(line) == {"jsonrpc": "2.0", "id": "7", "result": {"value": value}}
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
