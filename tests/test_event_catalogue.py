"""The catalogue of system events: it is complete, it is documented, and nothing is reported that it does not list."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import activity_mcp
from activity_mcp import schema
from activity_mcp.activity import Origin, build
from activity_mcp.recording import event_catalogue
from activity_mcp.recording.event_catalogue import CATALOGUE, SystemEvent

PACKAGE = Path(activity_mcp.__file__).parent
DOCS = Path(__file__).parent.parent / "docs"


def literals(path: Path) -> list[int]:
    """The lines on which a module writes the ``event_type`` of a system_event itself: as a dict's key beside a severity."""
    text = path.read_text()
    if "event_type" not in text:  # most modules, which need not be parsed
        return []
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Dict)
        and {"event_type", "severity"} <= {key.value for key in node.keys if isinstance(key, ast.Constant)}
    ]


def test_no_module_names_a_system_event_but_the_catalogue() -> None:
    found = {str(path.relative_to(PACKAGE)): literals(path) for path in PACKAGE.rglob("*.py")}
    assert [name for name, lines in found.items() if lines] == ["recording/event_catalogue.py"]


def test_every_entry_is_used_somewhere() -> None:
    names = {name for name, value in vars(event_catalogue).items() if isinstance(value, SystemEvent)}
    texts = [path.read_text() for path in PACKAGE.rglob("*.py") if path.name != "event_catalogue.py"]
    used = {
        node.id
        for text in texts
        if "event_catalogue" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Name)
    }
    assert names - used == set()
    assert {getattr(event_catalogue, name) for name in names} == set(CATALOGUE)


def test_names_are_not_given_twice() -> None:
    assert len({event.event_type for event in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("event", CATALOGUE, ids=lambda event: event.event_type)
def test_every_entry_passes_its_schema_with_each_of_its_severities(event: SystemEvent) -> None:
    for severity in event.severities:
        features = event.features("it happened", severity=severity, metrics={"rows": 1})
        activity = build("system_event", features, Origin("ada@example.com", "mcp"), now_us=0)
        schema.validate(activity)
        assert activity.validated
        assert (features["event_type"], features["severity"]) == (event.event_type, severity)


def test_a_severity_that_is_not_listed_is_refused() -> None:
    with pytest.raises(ValueError, match="retention is never critical"):
        event_catalogue.RETENTION.features("it happened", severity="critical")


def test_the_documentation_is_the_catalogue() -> None:
    """docs/events.md has a row for each entry, in the catalogue's order, word for word."""
    page = DOCS / "events.md"
    if not page.exists():
        pytest.skip("the documentation is not beside the tests")
    rows = [line for line in page.read_text().splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{event.event_type}` | {', '.join(event.severities)} | {event.when} | {event.what_to_do} |" for event in CATALOGUE
    ]
