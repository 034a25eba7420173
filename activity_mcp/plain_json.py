"""The standard library's JSON without its price: ``import json`` loads the regular expressions, which cost a hook more than
half of what a bare interpreter costs.

The work is done by the same C code that ``json`` itself calls, with the arguments it would pass, so the texts are the same.
Where an interpreter lacks that code (it is CPython's, and private), or calls it another way, ``json`` takes its place.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SPACE = " \t\n\r"


def _by_json() -> tuple[Any, Any]:  # pragma: no cover - an interpreter without CPython's accelerator
    import json

    def dumps(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    return json.loads, dumps


def _by_accelerator() -> tuple[Any, Any]:
    from _json import encode_basestring, make_encoder, make_scanner

    class Context:
        strict = False  # as lenient as can be: a tab inside of a string costs nobody his event
        object_hook = object_pairs_hook = None
        parse_float, parse_int = float, int
        parse_constant = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}.__getitem__

    def refuse(value: Any) -> Any:
        raise TypeError(f"a {type(value).__name__} is not JSON")

    scan = make_scanner(Context())  # type: ignore[arg-type]  # any object with these attributes

    def loads(data: str | bytes) -> Any:
        text = data if isinstance(data, str) else data.decode("utf-8", "surrogatepass")
        end = len(text)
        start = end - len(text.lstrip(_SPACE))
        try:
            value, at = scan(text, start)
        except StopIteration as stop:
            raise ValueError(f"not JSON at character {stop.value}") from None
        except SystemError:  # it looked for json.decoder's exception, which nobody has loaded
            raise ValueError("not JSON") from None
        if text[at:].strip(_SPACE):
            raise ValueError(f"more than one JSON value, from character {at}")
        return value

    def dumps(value: Any) -> str:
        if isinstance(value, str):
            return str(encode_basestring(value))
        encode = make_encoder({}, refuse, encode_basestring, None, ":", ",", False, False, False)
        return "".join(encode(value, 0))

    if dumps(loads('{"a": [1, 2.5, null, "\\u00e9"]}')) != '{"a":[1,2.5,null,"é"]}':
        raise ValueError("another accelerator than the one this was written for")
    return loads, dumps


try:
    _loads, _dumps = _by_accelerator()
except (ImportError, TypeError, ValueError, AttributeError):  # pragma: no cover
    _loads, _dumps = _by_json()


def loads(data: str | bytes) -> Any:
    """The value in a JSON text (bytes: UTF-8). Raises ValueError, or RecursionError where it is nested too deeply."""
    return _loads(data)


def dumps(value: Any) -> str:
    """Compact JSON, characters as they are. Raises ValueError for NaN and circles, TypeError for what is no JSON."""
    text: str = _dumps(value)
    return text
