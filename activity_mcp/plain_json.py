"""The standard library's JSON without its price: ``import json`` loads the regular expressions, which cost a hook more than
half of what a bare interpreter costs. And ``clean``: a value as JSON can hold it.

The work is done by the same C code that ``json`` itself calls, with the arguments it would pass, so the texts are the same.
Where an interpreter lacks that code (it is CPython's, and private), or calls it another way, ``json`` takes its place.

How deep a text may nest is bounded here, as each interpreter has a bound of its own: 994 levels on 3.11, less the frames of the
caller; 1,497 on 3.12.1; 9,998 on 3.13.0; 1,024 in orjson. The same text has the same verdict on all of them.
"""

from __future__ import annotations

from .errors import InvalidActivity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    Text = TypeVar("Text", bound=str | bytes)
    Path = str | tuple[Any, str | int]

MAX_NESTING = 512
"""How many levels of arrays and objects a text may nest that comes from outside: all interpreters and parsers can read that."""
MAX_DEPTH = 32
"""How many levels of a value are recorded."""
CUT_BYTES = 1024
"""To how many bytes of JSON ``cut`` shortens a value."""
_TOO_LARGE = 1 << 63
_SPACE = " \t\n\r"
_UNREADABLE = "nested deeper than can be read"


class NestedTooDeeply(ValueError):
    """A text that nests deeper than MAX_NESTING levels, or than the parser can read."""


def _by_json() -> tuple[Any, Any]:  # pragma: no cover - an interpreter without CPython's accelerator
    import json

    def loads(data: str | bytes) -> Any:
        return bounded(json.loads, data)

    def dumps(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    return loads, dumps


def _by_accelerator() -> tuple[Any, Any]:
    from _json import encode_basestring, make_encoder, make_scanner

    class Context:
        strict = False  # lenient: control characters inside strings are accepted
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
        except RecursionError:
            raise NestedTooDeeply(_UNREADABLE) from None
        except SystemError:  # 3.11 looks for json.decoder's exception, not loaded here; from 3.12 on it is loaded then
            raise ValueError("not JSON") from None
        if text[at:].strip(_SPACE):
            raise ValueError(f"more than one JSON value, from character {at}")
        if text.count("{") + text.count("[") > MAX_NESTING:
            refuse_if_nested_deeper(value, MAX_NESTING)
        return value

    def dumps(value: Any) -> str:
        if isinstance(value, str):
            return str(encode_basestring(value))
        encode = make_encoder({}, refuse, encode_basestring, None, ":", ",", False, False, False)
        return "".join(encode(value, 0))

    if dumps(loads('{"a": [1, 2.5, null, "\\u00e9"]}')) != '{"a":[1,2.5,null,"é"]}':
        raise ValueError("another accelerator than the one this was written for")
    return loads, dumps


def bounded(parse: Callable[[Text], Any], text: Text, levels: int = MAX_NESTING) -> Any:
    """``parse(text)``, if what it gives nests no deeper than ``levels``. Raises NestedTooDeeply, and what ``parse`` raises."""
    try:
        value = parse(text)
    except RecursionError:
        raise NestedTooDeeply(_UNREADABLE) from None
    opened = text.count("{") + text.count("[") if isinstance(text, str) else text.count(b"{") + text.count(b"[")
    if opened > levels:
        refuse_if_nested_deeper(value, levels)
    return value


def refuse_if_nested_deeper(value: Any, levels: int) -> None:
    """Raises NestedTooDeeply."""
    if is_nested_deeper(value, levels):
        raise NestedTooDeeply(f"nested deeper than {levels} levels")


def is_nested_deeper(value: Any, levels: int) -> bool:
    """Whether the value has more than that many levels of dicts and lists, however deep it is."""
    values = [value]
    for _ in range(levels + 1):
        containers = [item for item in values if isinstance(item, (dict, list))]
        if not containers:
            return False
        values = [item for inner in containers for item in (inner.values() if isinstance(inner, dict) else inner)]
    return True


loads: Callable[[str | bytes], Any]
"""The value in a JSON text (bytes: UTF-8). Raises ValueError: NestedTooDeeply beyond MAX_NESTING."""
dumps: Callable[[Any], str]
"""Compact JSON, characters as they are. Raises ValueError for NaN and circles, TypeError for what is no JSON."""
try:
    loads, dumps = _by_accelerator()
except (ImportError, TypeError, ValueError, AttributeError):  # pragma: no cover
    loads, dumps = _by_json()


# --- what JSON can hold


def clean(value: Any, path: Path, strict: bool, depth: int = 0) -> Any:
    """The value as JSON can hold it. Strict: InvalidActivity for what cannot; else it is replaced by what comes closest.

    ``path`` says where the value is: a text, or the path above it and a key or index, which is written out only for an error.
    """
    if isinstance(value, dict) and depth < MAX_DEPTH:
        return _clean_members(value, path, strict, depth + 1)
    if isinstance(value, str):
        return value if value.isascii() and "\0" not in value else clean_text(value, path, strict)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _clean_integer(value, path, strict)
    if isinstance(value, float):
        return _clean_number(value, path, strict)
    if depth >= MAX_DEPTH:
        if strict:
            raise InvalidActivity(_written(path), f"nested deeper than {MAX_DEPTH} levels")
        return "[nested too deeply]"
    if isinstance(value, (list, tuple)):
        return [clean(item, (path, index), strict, depth + 1) for index, item in enumerate(value)]
    raise InvalidActivity(_written(path), f"a {type(value).__name__} is not JSON")


def _clean_members(members: Mapping[Any, Any], path: Path, strict: bool, depth: int) -> dict[str, Any]:
    """Each member, most of which are plain, without a call."""
    kept = {}
    for key, item in members.items():
        name = key if type(key) is str and key.isascii() and "\0" not in key else clean_text(str(key), path, strict)
        kind = type(item)
        if kind is str:
            is_plain = item.isascii() and "\0" not in item
        elif kind is int:
            is_plain = -_TOO_LARGE <= item < _TOO_LARGE
        else:
            is_plain = kind is bool or item is None
        kept[name] = item if is_plain else clean(item, (path, str(key)), strict, depth)
    return kept


def _written(path: Path) -> str:
    """``feature_json.parameters.edits[2]``."""
    steps = []
    while isinstance(path, tuple):
        path, step = path
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step[:60]}")
    return path + "".join(reversed(steps))


def clean_text(text: str, path: Path, strict: bool) -> str:
    """The text without what UTF-8 or a warehouse cannot hold. Strict: InvalidActivity for a lone surrogate."""
    if text.isascii() and "\0" not in text:
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        if strict:
            raise InvalidActivity(
                _written(path), "holds a lone surrogate, which is not valid Unicode", hint="send UTF-8"
            ) from None
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\0", "\ufffd")  # a NUL ends strings early in too many places downstream


def _clean_integer(value: int, path: Path, strict: bool) -> int | str:
    if -_TOO_LARGE <= value < _TOO_LARGE:
        return value
    if strict:
        raise InvalidActivity(_written(path), "an integer over 64 bits", hint="send it as a string")
    return str(value) if abs(value) < 1 << 256 else "[integer too long]"


def _clean_number(value: float, path: Path, strict: bool) -> float | None:
    if value - value == 0:  # neither NaN nor infinite
        return value
    if strict:
        raise InvalidActivity(_written(path), f"{value} is not a JSON number", hint="leave it out, or send null")
    return None


def cut(features: Mapping[str, Any], limit: int = CUT_BYTES) -> dict[str, Any]:
    """The features with every value over ``limit`` bytes cut to its type's shorter self, and marked when any was."""
    kept: dict[str, Any] = {}
    original = 0
    for key, value in features.items():
        size = len(_encoded(value))
        if size <= limit:
            kept[key] = value
            continue
        original += size
        kept[key] = _shorten(value, limit)
    if original:
        kept["_truncated"] = True
        kept["_original_size"] = original
    return kept


def _shorten(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8")[: limit // 2].decode("utf-8", "ignore")
    if isinstance(value, dict):
        shorter = {key[:64]: _shorten(item, 128) for key, item in list(value.items())[:12]}
        return shorter if len(_encoded(shorter)) <= limit else {}
    if isinstance(value, list):
        items = [_shorten(item, 128) for item in value[:8]]
        return items if len(_encoded(items)) <= limit else []
    return value


def _encoded(value: Any) -> bytes:
    return dumps(value).encode("utf-8")
