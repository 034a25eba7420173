"""What a line is worth: every factor in the direction that is written down, and the room spent by it."""

from __future__ import annotations

from typing import Any

import pytest

from activity_mcp.context.focus import FORM, MISTAKE, Focus
from activity_mcp.context.worth import BASE, HALF_LIFE_DAYS, MIN_WORTH, Rank, chosen
from context.samples import DAY, HOUR


def worth(kind: str, *, age_us: int | None, **more: Any) -> float:
    return Rank(kind, age_us, **more).worth


def test_every_kind_has_a_base_and_a_half_life() -> None:
    assert set(BASE) == set(HALF_LIFE_DAYS)


@pytest.mark.parametrize("kind", sorted(BASE))
def test_worth_halves_with_every_half_life_and_grows_with_evidence_branch_and_focus(kind: str) -> None:
    new = worth(kind, age_us=0)
    assert new == BASE[kind]
    assert worth(kind, age_us=round(HALF_LIFE_DAYS[kind] * DAY)) == pytest.approx(new / 2)
    assert worth(kind, age_us=None) == pytest.approx(new / 2)
    assert worth(kind, age_us=-HOUR) == new
    assert worth(kind, age_us=10**30) >= 0
    assert worth(kind, age_us=0, times=8) == pytest.approx(new * 1.3)
    assert worth(kind, age_us=0, times=0) == new
    assert worth(kind, age_us=0, nth=2) == pytest.approx(new * 0.64)
    assert worth(kind, age_us=0, is_same_branch=True) > new
    assert worth(kind, age_us=0, focus=1.0) > worth(kind, age_us=0, focus=0.5) > new > worth(kind, age_us=0, focus=0.0)


def test_what_is_open_is_worth_more_than_what_is_known_and_sums_are_noise() -> None:
    assert BASE["open"] > BASE["failing"] > BASE["habit"] >= BASE["session"] > BASE["file"] > BASE["query"] > MIN_WORTH
    assert max(BASE["touched"], BASE["overcome"], BASE["sums"]) < MIN_WORTH


def test_the_best_for_their_length_are_chosen_as_far_as_they_fit_in_their_order() -> None:
    assert chosen([9, 2, 8], [100, 100, 100], 200) == [0, 2]
    assert chosen([9, 8], [200, 70], 100) == [1]
    assert chosen([5, 5.1], [1, 60], 60) == [1], "a short line counts as one of the least cost"
    assert chosen([MIN_WORTH / 2], [10], 10**6) == []
    assert chosen([], [], 100) == chosen([5], [5], 0) == []


@pytest.mark.parametrize(
    ("focus", "text", "share"),
    [
        ("the loader", "loader.py broke", 1.0),
        ("loader cache", "loader.py broke", 0.5),
        ("loaders", "the loader broke", FORM),
        ("laoder", "the loader broke", MISTAKE),
        ("lod", "the loader broke", 0.0),
        ("load*", "the loader broke", 1.0),
        ('"the loader"', "a loader, the loader", 1.0),
        ('"the loader"', "the new loader", 0.0),
        ("loader -draft", "a draft of the loader", 0.0),
        ("file:src/loader.py", "edited lib/loader.py", 1.0),
        ("/repo/src/loader.py", "edited src/loader.py", 1.0),
        ("loader", "nothing of it", 0.0),
        ("LOADER", "Loader", 1.0),
        ("issue 7", "issue 7", 1.0),
        ("??", "anything", None),
        ("-draft", "anything", None),
    ],
)
def test_a_focus_is_found_by_its_words_and_a_path_by_its_last_part(focus: str, text: str, share: float | None) -> None:
    assert Focus(focus).share_in(text, None) == share


def test_why_a_line_is_there_is_said_in_words() -> None:
    rank = Rank("failing", 3 * HOUR, times=3, is_same_branch=True, focus=1.0)
    assert rank.why() == "failing, 0.1 d old, 3 times, on this branch, 100% of the focus: worth 45.0"
    assert Rank("file", None, focus=0.0).why() == "file, age unknown, 0% of the focus: worth 0.7"
