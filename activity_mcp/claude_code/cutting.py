"""Texts and values cut to a number of bytes. Standard library only: a hook pays for it on every tool call."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Room:
    """How many bytes of a value still fit, and whether anything had to be cut."""

    __slots__ = ("cut", "left")

    def __init__(self, left: int) -> None:
        self.left = left
        self.cut = False


def fitted(value: Any, room: Room, depth: int = 0) -> Any:
    """The value's beginning, as far as there is room: texts are cut, later members and items left out."""
    if isinstance(value, str):
        text = head(value, max(room.left, 0))
        room.cut = room.cut or len(text) < len(value)
        room.left -= size_of(text)
        return text
    if not isinstance(value, (dict, list)):
        room.left -= 8
        return value
    if depth >= 12:
        room.cut = True
        return "[nested too deeply]"
    kept: dict[str, Any] | list[Any] = {} if isinstance(value, dict) else []
    for item in value.items() if isinstance(value, dict) else value:
        if room.left <= 0:
            room.cut = True
            break
        if isinstance(kept, dict):
            key = head(str(item[0]), 256)
            room.left -= len(key) + 4
            kept[key] = fitted(item[1], room, depth + 1)
        else:
            kept.append(fitted(item, room, depth + 1))
    return kept


def head(text: str, limit: int) -> str:
    """The first ``limit`` bytes of the text, whole characters only."""
    if len(text) * 4 <= limit:
        return text
    encoded = text[:limit].encode("utf-8", "replace")
    if len(encoded) <= limit and len(text) <= limit:
        return text
    return encoded[:limit].decode("utf-8", "ignore")


def size_of(text: str) -> int:
    """Its bytes in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
