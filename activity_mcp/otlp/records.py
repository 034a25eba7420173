"""The log records of an OTLP request, in one shape for both encodings.

http/json is what protobuf's JSON mapping makes of ``ExportLogsServiceRequest``: 64-bit integers are texts, and Claude Code
writes them as numbers; names of events are given short (``api_request``) and long (``claude_code.api_request``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PREFIX = "claude_code."
_MAX_DEPTH = 8
_NS_PER_US = 1000


class NoDecoder(Exception):
    """The body is protobuf, and the extra that reads it is not installed."""


class Record(NamedTuple):
    """One log record: the event's short name, its attributes and its resource's, its time (None where it has none)."""

    name: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    time_us: int | None

    def text(self, name: str) -> str | None:
        """The attribute as a text; None where it is none, or empty."""
        value = self.attributes.get(name)
        return value if isinstance(value, str) and value else None

    def whole(self, name: str) -> int | None:
        """The attribute as a number of things, given as a number or as a text; None where it can be none."""
        number = self.number(name)
        return int(number) if number is not None and number == int(number) and number < 1 << 53 else None

    def number(self, name: str) -> float | None:
        """The attribute as a number from zero on."""
        value = self.attributes.get(name)
        if isinstance(value, bool):
            return None
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            return None
        return number if 0 <= number < 1e15 else None

    def boolean(self, name: str) -> bool | None:
        value = self.attributes.get(name)
        return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())


def records_of(body: bytes, content_type: str, loads: Callable[[bytes], Any]) -> list[Record]:
    """The records of a ``POST /v1/logs``. Raises InvalidInput for what is no such request, NoDecoder for protobuf without the
    extra."""
    if content_type == "application/x-protobuf":
        return list(_from_protobuf(body))
    try:
        document = loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body is not JSON ({str(error)[:100]})") from None
    resources = document.get("resourceLogs", []) if isinstance(document, dict) else None
    if not isinstance(resources, list):
        raise InvalidInput("the body is no ExportLogsServiceRequest: resourceLogs must be a list")
    return list(_from_json(resources))


def _from_json(resources: list[Any]) -> Iterator[Record]:
    for each in _objects(resources):
        resource = each.get("resource")
        about = _attributes(resource.get("attributes")) if isinstance(resource, dict) else {}
        for scope in _objects(each.get("scopeLogs")):
            for record in _objects(scope.get("logRecords")):
                attributes = _attributes(record.get("attributes"))
                body = record.get("body")
                name = attributes.get("event.name") or record.get("eventName") or _value(body)
                if isinstance(name, str):
                    time_ns = record.get("timeUnixNano") or record.get("observedTimeUnixNano")
                    yield Record(_whole(name).removeprefix(_PREFIX), attributes, about, _time_us(time_ns))


def _from_protobuf(body: bytes) -> Iterator[Record]:
    try:
        from google.protobuf.json_format import MessageToDict
        from google.protobuf.message import DecodeError
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    except ImportError:
        raise NoDecoder from None
    request = ExportLogsServiceRequest()
    try:
        request.ParseFromString(body)
        document = MessageToDict(request)
    except (DecodeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"the body is no ExportLogsServiceRequest in protobuf ({str(error)[:100]})") from None
    yield from _from_json(document.get("resourceLogs", []))


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())


def _attributes(pairs: Any) -> dict[str, Any]:
    return {_whole(str(pair.get("key"))): _value(pair.get("value")) for pair in _objects(pairs)}


def _value(value: Any, depth: int = 0) -> Any:
    """The value in an ``AnyValue``; integers that are given as texts become numbers."""
    if not isinstance(value, dict) or depth >= _MAX_DEPTH:
        return None
    if "stringValue" in value:
        text = value["stringValue"]
        return _whole(text) if isinstance(text, str) else text
    for kind in ("boolValue", "doubleValue"):
        if kind in value:
            return value[kind]
    if "intValue" in value:
        try:
            return int(value["intValue"])
        except (TypeError, ValueError, OverflowError):
            return None
    array = value.get("arrayValue")
    return [_value(each, depth + 1) for each in _objects(array.get("values"))] if isinstance(array, dict) else None


def _whole(text: str) -> str:
    """The text without halves of characters: UTF-8 has none."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _time_us(nanoseconds: Any) -> int | None:
    try:
        found = int(nanoseconds) // _NS_PER_US
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found > 0 else None
