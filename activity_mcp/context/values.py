"""Values as they come out of a blob or a line: read without trusting their types, and cut to what a reader is shown.

What these functions give can always be encoded as JSON, and a reader sees all of it. They read a feature as the refresh
sequence does (``::VARCHAR``, ``TRY_CAST … AS NUMBER``, ``… AS BOOLEAN``), so that an event reads the same before and after it
was flushed. How a number prints where Snowflake's documentation leaves it open is how DuckDB prints it.
"""

from __future__ import annotations

from ..activity import dump_json
from ..clock import parse_iso
from ..plain_json import clean, dumps
from .visible import without_invisible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeGuard, TypeVar

    _Key = TypeVar("_Key")
    _Read = TypeVar("_Read")

TOKENS = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_creation_tokens")
MAX_TEXT = 300
MAX_NAME = 255
MAX_PATH = 1024
_MAX_VALUE_BYTES = 512
_BLANKS = " \t\n\r\f\v"
_FALSE = ("false", "f", "no", "n", "off", "0")
_TRUE = ("true", "t", "yes", "y", "on", "1")


def remembering(most: int) -> Callable[[Callable[[_Key], _Read]], Callable[[_Key], _Read]]:
    """A function that keeps what it read, as the same texts come with each answer; when it keeps ``most``, all are dropped.

    What ``functools.lru_cache`` is for; a hook cannot afford its import.
    """

    def decorate(read: Callable[[_Key], _Read]) -> Callable[[_Key], _Read]:
        known: dict[_Key, _Read] = {}

        def remembered(key: _Key) -> _Read:
            try:
                return known[key]
            except KeyError:
                pass
            if len(known) >= most:
                known.clear()
            found = known[key] = read(key)
            return found

        remembered.__doc__ = read.__doc__
        return remembered

    return decorate


def as_text(value: Any, limit: int = MAX_TEXT) -> str | None:
    """The value as text of at most ``limit`` characters; JSON for what is not a string; None for null."""
    if value is None:
        return None
    text = (value if type(value) is str else _as_printed(value))[:limit]
    return text if text.isascii() else without_invisible(text)


def _as_printed(value: Any) -> str:
    """``::VARCHAR`` of what is not null."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else _as_json(value).removesuffix(".0")  # 89.0 is 89


def _as_json(value: Any) -> str:
    if isinstance(value, dict):
        return "{%s}" % ",".join([f"{_quoted(name)}:{_as_json(member)}" for name, member in value.items()])
    if isinstance(value, list):
        return "[%s]" % ",".join([_as_json(item) for item in value])
    if isinstance(value, str):
        return _quoted(value)
    return _as_digits(value) if type(value) is float else dumps(value)


def _quoted(text: str) -> str:
    if min(text, default=" ") >= " ":
        return dumps(text)
    return '"%s"' % "".join([f"\\u{ord(c):04X}" if c < " " and c not in "\b\t\n\f\r" else dumps(c)[1:-1] for c in text])


def _as_digits(number: float) -> str:
    """The fewest digits that mean this number, with an exponent only from 1e21 on and below 1e-6."""
    mantissa, _, exponent = repr(number).partition("e")
    if not exponent:
        return mantissa
    sign, digits = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
    digits, power = digits.replace(".", ""), int(exponent)
    if 0 < power < 21:
        return f"{sign}{digits.ljust(power + 1, '0')}.0"
    return f"{sign}0.{digits.rjust(len(digits) - power - 1, '0')}" if -7 < power < 0 else f"{mantissa}e{power}"


def as_name(value: Any) -> str | None:
    if value is None or (type(value) is str and len(value) <= MAX_NAME and value.isascii()):  # nearly all of them
        return value
    return as_text(value, MAX_NAME)


def as_path(value: Any) -> str | None:
    return as_text(value, MAX_PATH)


def shorter(text: str | None, limit: int) -> str | None:
    """The text, or its beginning and an ellipsis: ``limit`` characters at most."""
    return text if text is None or len(text) <= limit else text[: limit - 1] + "…"


def as_number(value: Any) -> float | None:
    """The value as a number of a size that can be meant, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip(_BLANKS)  # float() would strip more than these, and read the digits of any alphabet
        try:
            value = float(text) if len(text) < 40 and text.isascii() and text.isprintable() and "_" not in text else None
        except ValueError:
            return None
    if not isinstance(value, (int, float)) or not -1e15 < value < 1e15:
        return None
    return int(value) if value == int(value) else value


def as_amount(value: Any) -> float:
    """The value as a number that can be added up; 0 for what is none, or below zero."""
    if type(value) is int or type(value) is float:
        return value if 0 <= value < 1e15 else 0
    return max(as_number(value) or 0, 0)


def as_boolean(value: Any) -> bool | None:
    if isinstance(value, bool) or value is None:
        return value
    text = _as_printed(value).lower()
    return False if text in _FALSE else True if text in _TRUE else None


def as_shown(value: Any) -> Any:
    """A value of any type, an insight's: itself, or the beginning of its text where it is large."""
    if isinstance(value, str):
        return as_text(value)
    cleaned = clean(value, "value", strict=False)
    if isinstance(cleaned, (dict, list)) and len(dump_json(cleaned)) > _MAX_VALUE_BYTES:
        return shorter(_as_json(cleaned), MAX_TEXT)
    return cleaned


def is_time(value: Any) -> TypeGuard[str]:
    """Whether this may be a time as ``iso`` writes it. Such texts are compared and shown, seldom parsed."""
    return isinstance(value, str) and 20 <= len(value) <= 32 and value.isascii() and value[10] == "T" and value[0] in "12"


def as_time(value: Any) -> str | None:
    return value if value is not None and is_time(value) else None


def age(ts: str, now_us: int) -> str | None:
    """How long ago, in the largest unit that says it: ``<1 min``, ``3 min``, ``2 h``, ``5 d``."""
    at_us = time_us(ts)
    if at_us is None:
        return None
    seconds = (now_us - at_us) // 1_000_000
    if seconds < 60:
        return "<1 min"
    if seconds < 3600:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 2 * 86_400 else f"{seconds // 86_400} d"


@remembering(256)
def time_us(ts: str) -> int | None:
    """The time in microseconds, None for what is none."""
    try:
        return parse_iso(ts)
    except ValueError:
        return None


def objects(container: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in the array ``name`` of a blob; what is not an object is passed over."""
    found = container.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def members(container: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object ``name`` of a container; empty where it is something else."""
    found = container.get(name)
    return found if isinstance(found, dict) else {}
