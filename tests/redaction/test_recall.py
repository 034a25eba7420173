"""How much is found, by kind, and how little is replaced that should stay: on made-up corpora, with a half that was held out."""

from __future__ import annotations

import json

import pytest

from activity_mcp.redaction import Redactor
from redaction.corpora import Case, all_cases, look_alikes

GOALS = {"tokens": 98.0, "names:strong": 99.5, "names:weak": 95.0, "places": 95.0, "special characters": 100.0}
"""The least of each kind, in percent of all its cases."""
MOST_FALSE = 2.0


def is_gone(case: Case) -> bool:
    kept = json.dumps(Redactor().value(case.given))
    return json.dumps(case.secret)[1:-1] not in kept


@pytest.fixture(scope="module")
def found() -> dict[str, list[tuple[Case, bool]]]:
    by_kind: dict[str, list[tuple[Case, bool]]] = {}
    for case in all_cases():
        by_kind.setdefault(case.kind, []).append((case, is_gone(case)))
    return by_kind


@pytest.mark.parametrize("kind", GOALS)
def test_of_each_kind_enough_is_found(kind: str, found: dict[str, list[tuple[Case, bool]]]) -> None:
    cases = found[kind]
    missed = [case.name for case, gone in cases if not gone]
    assert 100 * (len(cases) - len(missed)) / len(cases) >= GOALS[kind], missed


def test_the_corpora_have_both_halves_of_every_kind(found: dict[str, list[tuple[Case, bool]]]) -> None:
    for kind, cases in found.items():
        held = sum(case.held for case, _ in cases)
        assert 0.35 < held / len(cases) < 0.65, kind


def test_what_only_looks_like_a_secret_stays() -> None:
    texts = look_alikes()
    replaced = [text for text, _ in texts if Redactor().text(text) != text]
    assert 100 * len(replaced) / len(texts) <= MOST_FALSE, replaced
