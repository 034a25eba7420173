"""JSON files that belong to others, changed in one place and left byte for byte as they are everywhere else.

    JsonText.parse(text, name)      refuses what is not one JSON object, with the line and the column
    .get(path)                      the value there, None where nothing is
    .put(path, content)             replaces the value, or adds the member; objects above it that are missing or null are made
    .append(path, content)          adds an element to the array there, which is made if it is missing or null
    .remove(path)                   takes it out with its comma; what becomes empty stays as ``{}`` or ``[]``

Each change gives a new JsonText. A path is a tuple of member names and array indices. What is added takes the indentation and
the line ends of its neighbour; a file on one line stays on one line.
"""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from ...errors import InvalidInput
from ...plain_json import bounded

_SPACE = re.compile(r"[ \t\n\r]*")
_INDENTED = re.compile(r"[{\[]\r?\n([ \t]+)")
_decode = json.JSONDecoder().raw_decode
_BYTE_ORDER_MARK = "\ufeff"

Path = tuple[str | int, ...]


class _Value(NamedTuple):
    start: int
    end: int
    content: Any


class _Part(NamedTuple):
    """A member of an object or an element of an array; ``start`` is where its key or it begins."""

    start: int
    key: str | int
    value: _Value


class JsonText:
    """The text of a JSON object, and edits of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._unit = (_INDENTED.search(text) or (None, "  "))[1]
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._root = _value(text, text.startswith(_BYTE_ORDER_MARK))

    @classmethod
    def parse(cls, text: str, name: str) -> JsonText:
        """``text`` as the file ``name`` holds it; blank counts as ``{}``. Raises InvalidInput for what cannot be kept whole."""
        if not text.strip():
            return cls("{}\n")
        try:
            found = bounded(lambda whole: json.loads(whole, object_pairs_hook=_unique), text.removeprefix(_BYTE_ORDER_MARK))
        except ValueError as error:
            raise InvalidInput(
                f"{name} is not JSON that can be read ({error}); nothing was changed",
                hint="mend the file first; `--dry-run` never writes",
            ) from None
        if not isinstance(found, dict):
            raise InvalidInput(f"{name} holds no JSON object; nothing was changed", hint="mend the file first")
        return cls(text)

    def get(self, path: Path) -> Any:
        found = self._find(path)
        return found.content if found is not None else None

    def put(self, path: Path, content: Any) -> JsonText:
        found = self._find(path)
        if found is not None:
            if found.content == content:
                return self
            shown = self._shown(content, self._indent_of(found.start), self._is_flat(found))
            return JsonText(self.text[: found.start] + shown + self.text[found.end :])
        parent = self._find(path[:-1])
        if parent is None or parent.content is None:
            return self.put(path[:-1], {path[-1]: content})
        return self._added(parent, str(path[-1]), content)

    def append(self, path: Path, content: Any) -> JsonText:
        found = self._find(path)
        return self.put(path, [content]) if found is None or found.content is None else self._added(found, None, content)

    def remove(self, path: Path) -> JsonText:
        parent = self._find(path[:-1])
        parts = _parts(self.text, parent) if parent is not None else []
        for at, part in enumerate(parts):
            if part.key == path[-1]:
                return JsonText(self._without(parent, parts, at))  # type: ignore[arg-type]
        return self

    # --- places

    def _find(self, path: Path) -> _Value | None:
        found = self._root
        for step in path:
            for part in _parts(self.text, found):
                if part.key == step:
                    found = part.value
                    break
            else:
                return None
        return found

    def _without(self, parent: _Value, parts: list[_Part], at: int) -> str:
        if at > 0:
            start, end = parts[at - 1].value.end, parts[at].value.end
        elif len(parts) > 1:
            start, end = parts[0].start, parts[1].start
        else:
            start, end = parent.start + 1, parent.end - 1
        return self.text[:start] + self.text[end:]

    # --- adding

    def _added(self, parent: _Value, key: str | None, content: Any) -> JsonText:
        parts = _parts(self.text, parent)
        flat = self._is_flat(parent)
        indent = self._indent_of(parts[0].start) if parts and not flat else self._indent_of(parent.start) + self._unit
        shown = self._shown(content, indent, flat)
        if key is not None:
            shown = f"{json.dumps(key, ensure_ascii=False)}: {shown}"
        if parts:
            end = parts[-1].value.end
            between = ", " if flat else f",{self._newline}{indent}"
            return JsonText(self.text[:end] + between + shown + self.text[end:])
        if not flat:
            shown = f"{self._newline}{indent}{shown}{self._newline}{self._indent_of(parent.start)}"
        return JsonText(self.text[: parent.start + 1] + shown + self.text[parent.end - 1 :])

    def _is_flat(self, value: _Value) -> bool:
        """Whether what is put into this value goes on one line: as the value does, or as the whole file does if it is
        empty."""
        if "\n" in self.text[value.start : value.end]:
            return False
        if value.content:
            return True
        return bool(self._root.content) and "\n" not in self.text.strip()

    def _indent_of(self, at: int) -> str:
        line = self.text[self.text.rfind("\n", 0, at) + 1 : at]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def _shown(self, content: Any, indent: str, flat: bool) -> str:
        if flat:
            return json.dumps(content, ensure_ascii=False)
        shown = json.dumps(content, ensure_ascii=False, indent=self._unit)
        return shown.replace("\n", f"{self._newline}{indent}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for at, (key, _) in enumerate(pairs) if key in [other for other, _ in pairs[:at]])
        raise ValueError(f"the member {twice[:60]!r} occurs twice in one object")
    return found


def _value(text: str, at: int) -> _Value:
    start = _space(text, at)
    content, end = _decode(text, start)
    return _Value(start, end, content)


def _parts(text: str, parent: _Value) -> list[_Part]:
    """The members or elements of a container; of anything else none."""
    if not isinstance(parent.content, (dict, list)):
        return []
    found: list[_Part] = []
    at = _space(text, parent.start + 1)
    while at < parent.end - 1:
        start, key = at, len(found)
        if isinstance(parent.content, dict):
            key, at = scanstring(text, at + 1)
            at = _space(text, at) + 1  # the colon
        value = _value(text, at)
        found.append(_Part(start, key, value))
        at = _space(text, _space(text, value.end) + 1)  # the comma, or the end
    return found


def _space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]
