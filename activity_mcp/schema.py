"""Validation of an event's features against ``schemas/event_schemas.json`` (JSON Schema 2020-12).

``jsonschema`` has the word on every failure. Most events fail nothing, and that is seen many times faster by what the schemas
say of types, bounds and lists of values; whatever else they say, or an event breaks, is left to it. It is imported when it is
first asked, and each event's validator is made once.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from . import package_files
from .errors import InvalidActivity
from .plain_json import loads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jsonschema.protocols import Validator

    from .activity import Activity

MARK = "_schema_errors"
_MAX_ERRORS = 5


class SchemaError(NamedTuple):
    """Where an event departs from its schema: a path such as ``feature_json.latency_ms``, and the reason."""

    path: str
    reason: str


@functools.cache
def schemas() -> Mapping[str, Any]:
    """The schema document: ``version`` and ``$defs`` by event_name."""
    document: dict[str, Any] = loads(package_files.read_bytes("schemas", "event_schemas.json").decode("utf-8"))
    return document


def errors_of(event_name: str, features: Mapping[str, Any]) -> list[SchemaError]:
    """How the features depart from the schema of ``event_name``, at most five; empty when they do not."""
    if is_plainly_valid(event_name, features):
        return []
    found = []
    for error in _validator(event_name).iter_errors(features):
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        found.append(SchemaError(f"feature_json{path}", error.message[:300]))
        if len(found) == _MAX_ERRORS:
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


# --- what needs no validator


class _Field(NamedTuple):
    """What a field may hold: values of these Python types, not below ``least``, one of ``among``."""

    types: frozenset[type]
    least: float | None
    among: frozenset[str | None] | None


_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
_OF_AN_EVENT = frozenset({"title", "description", "type", "required", "additionalProperties", "properties"})
_OF_A_FIELD = frozenset({"description", "type", "minimum", "enum"})


def is_plainly_valid(event_name: str, features: Mapping[str, Any]) -> bool:
    """True only if the features fulfil their schema; False leaves it open."""
    required, fields = _plain_rules(event_name)
    if required is None or not required <= features.keys():
        return False
    for name, value in features.items():
        if name not in fields:
            continue
        field = fields[name]
        if field is None or type(value) not in field.types:
            return False
        if field.least is not None and value is not None and not value >= field.least:
            return False
        if field.among is not None and value not in field.among:
            return False
    return True


@functools.cache
def _plain_rules(event_name: str) -> tuple[frozenset[str] | None, dict[str, _Field | None]]:
    """The fields an event needs, and what each may hold; None for what is not said in types, bounds and lists of values."""
    event = schemas()["$defs"].get(event_name)
    if event is None or not event.keys() <= _OF_AN_EVENT or event.get("additionalProperties", True) is not True:
        return None, {}
    return frozenset(event["required"]), {name: _plain(field) for name, field in event["properties"].items()}


def _plain(field: Mapping[str, Any]) -> _Field | None:
    if not field.keys() <= _OF_A_FIELD or "type" not in field:
        return None
    names = [field["type"]] if isinstance(field["type"], str) else field["type"]
    types = frozenset(kind for name in names for kind in _PYTHON_TYPES[name])
    if "enum" in field and not types <= {str, type(None)}:
        return None
    if "minimum" in field and not types <= {int, float, type(None)}:
        return None
    return _Field(types, field.get("minimum"), frozenset(field["enum"]) if "enum" in field else None)


@functools.cache
def _validator(event_name: str) -> Validator:
    from jsonschema import Draft202012Validator

    document = schemas()
    return Draft202012Validator({"$schema": document["$schema"], "$ref": f"#/$defs/{event_name}", "$defs": document["$defs"]})
