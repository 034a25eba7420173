"""Validation of an event's features against ``schemas/event_schemas.json`` (JSON Schema 2020-12).

``jsonschema`` and ``orjson`` are imported at the first validation, and each event's validator is made once: a cached
validator costs some 75 µs an event, an uncached one forty times that.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from . import resources
from .errors import InvalidActivity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jsonschema.protocols import Validator

    from .activity import Activity

MARK = "_schema_errors"
_MOST_ERRORS = 5


class SchemaError(NamedTuple):
    """Where an event departs from its schema: a path such as ``feature_json.latency_ms``, and the reason."""

    path: str
    reason: str


@functools.cache
def schemas() -> Mapping[str, Any]:
    """The schema document: ``version`` and ``$defs`` by event_name."""
    import orjson

    document: dict[str, Any] = orjson.loads(resources.read_bytes("schemas", "event_schemas.json"))
    return document


def errors_of(event_name: str, features: Mapping[str, Any]) -> list[SchemaError]:
    """How the features depart from the schema of ``event_name``, at most five; empty when they do not."""
    found = []
    for error in _validator(event_name).iter_errors(features):
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        found.append(SchemaError(f"feature_json{path}", error.message[:300]))
        if len(found) == _MOST_ERRORS:
            break
    return found


def validate(activity: Activity) -> None:
    """Refuse the activity if its features fail their schema; mark it as validated if they do not.

    Raises InvalidActivity with the path and the reason of the first failure.
    """
    for error in errors_of(activity.event_name, activity.feature_json):
        raise InvalidActivity(
            error.path, error.reason, hint=f"the schema is {activity.event_name} in schemas/event_schemas.json"
        )
    activity.validated = True


def mark(event_name: str, features: dict[str, Any]) -> bool:
    """Note in the features themselves how they fail their schema (``_schema_errors``). True when they do."""
    found = errors_of(event_name, features)
    if found:
        features[MARK] = [error._asdict() for error in found]
    return bool(found)


@functools.cache
def _validator(event_name: str) -> Validator:
    from jsonschema import Draft202012Validator

    document = schemas()
    return Draft202012Validator({"$schema": document["$schema"], "$ref": f"#/$defs/{event_name}", "$defs": document["$defs"]})
