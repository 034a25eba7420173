"""Offsets are compared as text, by engines that know nothing else of them."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.queue import Offset

OFFSETS = st.builds(Offset, st.integers(0, 10**12 - 1), st.integers(0, 10**12 - 1), st.integers(0, 2**32 - 1))


def test_an_offset_is_written_with_a_fixed_number_of_digits() -> None:
    assert str(Offset(42, 1234, 0xBEEF)) == "000000000042:000000001234:0000beef"


@given(OFFSETS, OFFSETS)
def test_offsets_are_ordered_as_their_texts_are(one: Offset, other: Offset) -> None:
    assert (one < other) == (str(one) < str(other))
    assert (one == other) == (str(one) == str(other))


@given(OFFSETS)
def test_an_offset_reads_back_from_its_text(offset: Offset) -> None:
    again = Offset.parse(str(offset))
    assert again == offset
    assert (again.segment, again.end, again.crc) == tuple(offset)
    assert pickle.loads(pickle.dumps(offset)) == offset


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42:1234:beef",
        "000000000042:000000001234:0000BEEF",
        "000000000042:000000001234:+000beef",
        " 00000000042:000000001234:0000beef",
        "000000000042:000000001234:0000beef:0",
        "-00000000042:000000001234:0000beef",
        "00000000004२:000000001234:0000beef",
        None,
    ],
)
def test_a_text_that_would_not_compare_as_an_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an offset"):
        Offset.parse(text)


def test_an_offset_that_does_not_fit_its_digits_is_refused() -> None:
    for parts in ((10**12, 0, 0), (0, 10**12, 0), (0, 0, 2**32), (-1, 0, 0)):
        with pytest.raises(ValueError, match="no offset"):
            Offset(*parts)
