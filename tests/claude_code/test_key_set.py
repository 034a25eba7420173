"""The flat set of keys is a set, whatever the keys are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.claude_code.transcripts.key_set import KeySet

CLOSE = st.integers(0, 300).map(lambda n: n << 32 | n % 3)  # many of them begin at one slot
KEYS = st.lists(st.integers(2, (1 << 64) - 1) | CLOSE.filter(lambda n: n > 1), max_size=400)


@given(keys=KEYS, others=KEYS)
def test_it_holds_what_was_added_and_nothing_else(keys: list[int], others: list[int]) -> None:
    found = KeySet(keys)
    assert (set(found), len(found)) == (set(keys), len(set(keys)))
    assert [key in found for key in others] == [key in set(keys) for key in others]
    known = set(keys)
    for key in others:
        assert found.add(key) == (key not in known)
        known.add(key)


def test_of_a_key_the_lowest_64_bits_count_and_none_is_taken_for_a_free_slot() -> None:
    found = KeySet([-5, 0])
    assert (1 << 64) - 5 in found
    assert 0 in found
    assert -6 not in found


def test_keys_that_share_bits_are_not_crowded_together() -> None:
    found = KeySet(number << 16 | 0x8123 for number in range(20_000))
    runs = "".join("x" if key else " " for key in found._slots).split()
    assert max(map(len, runs)) < 200


def test_half_a_million_keys_take_less_than_24_bytes_each() -> None:
    found = KeySet(hash(("key", number)) for number in range(20_000))
    assert len(found) == 20_000
    assert found._slots.itemsize * len(found._slots) <= 24 * len(found)
