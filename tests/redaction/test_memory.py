"""What a redactor remembers: texts in which it found nothing, so that none is searched twice; the results are the same."""

from __future__ import annotations

import random
from typing import Any

import pytest

from activity_mcp.redaction import Redactor
from activity_mcp.redaction.settings import RedactionSettings
from redaction.corpora import all_cases, look_alikes

SHORT = 256


def texts() -> list[str]:
    found = [text for case in all_cases() for text in of_value(case.given)] + [text for text, _ in look_alikes()]
    return random.Random(7).sample(found, 600)


def of_value(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = [*value.keys(), *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for item in items for text in of_value(item)]


@pytest.mark.parametrize("method", ["text", "label", "identifier"])
def test_a_text_that_was_seen_before_is_redacted_as_it_was(method: str) -> None:
    remembering, plain = Redactor(remembers=True), Redactor()
    for _ in range(2):
        for text in texts():
            assert getattr(remembering, method)(text) == getattr(plain, method)(text)
    assert remembering.count == plain.count


def test_nothing_is_remembered_of_a_text_that_held_a_secret() -> None:
    remembering = Redactor(remembers=True)
    given = texts()
    changed = {text for text in given if remembering.text(text) != text}
    assert changed
    assert remembering.remembered
    assert not changed & remembering.remembered


def test_few_and_short_texts_are_remembered() -> None:
    remembering = Redactor(remembers=True)
    for number in range(10_000):
        remembering.text(f"word {number}")
    assert 0 < len(remembering.remembered) <= 8192
    longest = "word " * 51 + "w"
    remembering.text(longest)
    remembering.text(longest + "w")
    assert longest in remembering.remembered
    assert max(map(len, remembering.remembered)) == SHORT


def test_a_redactor_that_is_made_for_one_event_remembers_nothing() -> None:
    redactor = Redactor()
    redactor.value({"command": "pytest -q tests"})
    assert not redactor.remembered


def test_what_settings_find_is_not_remembered_as_clean() -> None:
    settings = RedactionSettings({"version": 1, "patterns": [{"name": "ticket", "pattern": "TICKET-[0-9]+"}]})
    remembering = Redactor(settings=settings, remembers=True)
    assert [remembering.text("see TICKET-4711 there") for _ in range(2)] == ["see [redacted:ticket] there"] * 2
