"""The budget of an answer: which sections, and how much of each, fit into a number of bytes.

The bytes are those of the whole answer encoded compactly: the envelope (``reserve``, counted with an empty ``context`` and an
empty ``truncated``), the context, and the names of what was left out. They are spent in the order of the sections:

1. every section takes its first entry, in full, or with its texts and lists shortened; or it is left out and named
   (a section of sums is taken whole or left out);
2. then each section, in order, takes further entries as long as the next one fits.

So lists get shorter before a section goes, and the first sections lose least. Where not even the names fit, ``truncated`` says
``["context"]``. Each entry is encoded once; nothing is encoded to find out that it is too long.
"""

from __future__ import annotations

from .values import shorter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Dumps = Callable[[Any], bytes]

ALL_LEFT_OUT = "context"
_SHORT_TEXT = 80
_SHORT_LIST = 2
_TEXTS = frozenset(
    (
        "first_asked", "asked", "concluded", "stopped", "error", "sql", "value", "subject", "metric", "failed_commands",
        "git_branch",
    )
)  # fmt: skip
_QUOTED = 3  # two quotation marks, and a comma or a colon


class Section:
    """One member of the context: a list of entries, an object of named entries (``keyed``), or one ``plain`` value.

    One that is ``whole`` is never shortened: half of a sum would be read as the sum.
    """

    __slots__ = ("_sizes", "entries", "keyed", "name", "plain", "whole")

    def __init__(self, name: str, entries: list[Any], *, keyed: bool = False, plain: bool = False, whole: bool = False) -> None:
        self.name = name
        self.entries = entries
        self.keyed = keyed
        self.plain = plain
        self.whole = whole
        self._sizes: list[int] = []

    def value(self, entries: list[Any]) -> Any:
        """The member's value with these of its entries."""
        if self.plain:
            return entries[0] if entries else None
        return dict(entries) if self.keyed else entries

    def size(self, index: int, dumps: Dumps) -> int:
        """The bytes of one entry with its comma, encoded when first asked for."""
        while len(self._sizes) <= index:
            self._sizes.append(self.size_of(self.entries[len(self._sizes)], dumps))
        return self._sizes[index]

    def size_of(self, entry: Any, dumps: Dumps) -> int:
        if self.keyed:
            return len(dumps(entry[0])) + 1 + len(dumps(entry[1])) + 1
        return len(dumps(entry)) + 1


def fit(sections: list[Section], room: int, dumps: Dumps) -> tuple[dict[str, Any], list[str]]:
    """The context that fits into ``room`` bytes, its ``{}`` not counted, and the names of the sections left out of it.

    ``room`` must hold the names of all sections (``names_size``); an included section gives back the room of its name.
    """
    left = room - names_size(sections)
    if left < 0:
        return {}, [ALL_LEFT_OUT] if room >= len(ALL_LEFT_OUT) + _QUOTED else []
    chosen: dict[str, list[Any]] = {}
    open_ended: list[Section] = []
    for section in sections:
        for entries, size in _first_forms(section, dumps):
            if size <= left:
                left -= size
                chosen[section.name] = entries
                if entries == section.entries[:1]:
                    open_ended.append(section)
                break
    for section in open_ended:
        entries = chosen[section.name]
        while len(entries) < len(section.entries) and section.size(len(entries), dumps) <= left:
            left -= section.size(len(entries), dumps)
            entries.append(section.entries[len(entries)])
    context = {section.name: section.value(chosen[section.name]) for section in sections if section.name in chosen}
    return context, [section.name for section in sections if section.name not in chosen]


def names_size(sections: list[Section]) -> int:
    """The bytes of ``truncated`` when it names every section, without its brackets."""
    return sum(len(section.name) + _QUOTED for section in sections)


def _first_forms(section: Section, dumps: Dumps) -> list[tuple[list[Any], int]]:
    """The forms in which a section can be included at first, the fullest first, with what each costs beyond its name."""
    if not section.entries:
        return [([], len("null,") if section.plain else len("[],"))]
    brackets = 1 if section.plain else 2 + 1
    if section.whole:
        return [
            (list(section.entries), sum(section.size(index, dumps) for index in range(len(section.entries))) - 1 + brackets)
        ]
    first = section.entries[0]
    short = shortened(first)
    forms = [([first], section.size(0, dumps) - 1 + brackets)]
    if short != first:
        forms.append(([short], section.size_of(short, dumps) - 1 + brackets))
    return forms


def shortened(entry: Any, name: str = "") -> Any:
    """The entry with its texts cut and its lists reduced; ids, paths and numbers stay whole."""
    if isinstance(entry, dict):
        return {key: shortened(value, key) for key, value in entry.items()}
    if isinstance(entry, list):
        return [shortened(value, name) for value in entry[:_SHORT_LIST]]
    return shorter(entry, _SHORT_TEXT) if isinstance(entry, str) and name in _TEXTS else entry
