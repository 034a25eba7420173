"""The budget of an answer: which sections, and how much of each, fit into a number of bytes.

The bytes are those of the whole answer encoded compactly: the envelope (``reserve``, counted with an empty ``context`` and an
empty ``truncated``), the context, and the names of what was left out. They are spent by worth (``worth``), whatever section an
entry is in:

1. every entry that is worth something, the best for its bytes first, in full or with its texts and lists shortened;
2. where there is room to spare, the other entries in the same order, and the sections of sums, each whole or not at all; the
   default answer has none below ``SPARE_ROOM``, but where it would be nearly empty.

So a small answer is short, and a large one complete. Where not even the names fit, ``truncated`` says ``["context"]``. Each
entry is encoded once; nothing is encoded to find out that it is too long.
"""

from __future__ import annotations

from .values import shorter
from .worth import BASE, MIN_COST, MIN_WORTH, SPARE_ROOM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from typing import Any

    Dumps = Callable[[Any], bytes]

ALL_LEFT_OUT = "context"
_SHORT_TEXT = 80
_SHORT_CONCLUSION = 200
"""A conclusion says at its end what to do about its beginning."""
_SHORT_LIST = 2
_TEXTS = frozenset(
    (
        "first_asked", "asked", "concluded", "stopped", "error", "sql", "value", "subject", "metric", "failed_commands",
        "git_branch",
    )
)  # fmt: skip
_QUOTED = 3  # two quotation marks, and a comma or a colon


class Fitted:
    """A context that fits into ``room`` bytes, the names of the sections left out of it, and which entries were chosen."""

    __slots__ = ("chosen", "context", "room", "truncated")

    def __init__(
        self,
        context: dict[str, Any],
        truncated: list[str],
        room: int,
        chosen: Mapping[str, dict[int, Any]] | None = None,
    ) -> None:
        self.context = context
        self.truncated = truncated
        self.room = room
        self.chosen = chosen or {}

    def with_sums(self, changed: Iterable[Section]) -> Fitted:
        """The same choice of entries, where these sections have others, each as long as the one before."""
        context = self.context.copy()
        for section in changed:
            chosen = self.chosen.get(section.name)
            if chosen is not None:
                context[section.name] = section.value(section.those(chosen))
        return Fitted(context, self.truncated, self.room, self.chosen)


class Section:
    """One member of the context: a list of entries, an object of named entries (``keyed``), or one ``plain`` value.

    One that is ``whole`` is never shortened: half of a sum would be read as the sum. ``worths`` are those of the entries,
    without them each counts as a sum; ``shorts`` gives the entries as a small answer has them.
    """

    __slots__ = (
        "_lengths", "_make_shorts", "_shorts", "_units", "entries", "is_uncut", "keyed", "name", "plain", "whole", "worths",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        entries: list[Any],
        *,
        keyed: bool = False,
        plain: bool = False,
        whole: bool = False,
        worths: list[float] | None = None,
        shorts: Callable[[], list[Any]] | None = None,
    ) -> None:
        self._make_shorts = shorts
        self._shorts: list[Any] | None = None
        self.worths = worths if worths is not None else [BASE["sums"]] * len(entries)
        self.name = name
        self.entries = entries
        self.keyed = keyed
        self.plain = plain
        self.whole = whole
        self.is_uncut = keyed or plain or whole
        """Whether its entries have one form only."""
        self._lengths: list[int] | None = None
        self._units: list[Unit] | None = None

    def value(self, entries: list[Any]) -> Any:
        """The member's value with these of its entries."""
        if self.plain:
            return entries[0] if entries else None
        return dict(entries) if self.keyed else entries

    def renew(self, entries: list[Any], dumps: Dumps) -> bool:
        """Hold these entries from now on, all of them sums. Whether each is as long as the one that it replaces."""
        before = self._lengths
        if len(entries) != len(self.entries):
            self.worths = [BASE["sums"]] * len(entries)
        self.entries = entries
        self._lengths = self._shorts = self._units = None
        return before is not None and before == self.lengths(dumps)

    def those(self, indices: Collection[int]) -> list[Any]:
        """The entries at these places, in their order."""
        return self.entries if len(indices) == len(self.entries) else [self.entries[index] for index in sorted(indices)]

    def lengths(self, dumps: Dumps) -> list[int]:
        """The bytes of each entry with its comma, encoded when first asked for."""
        if self._lengths is None:
            if self.keyed:
                self._lengths = [len(dumps(name)) + len(dumps(value)) + 2 for name, value in self.entries]
            else:
                self._lengths = [len(dumps(entry)) + 1 for entry in self.entries]
        return self._lengths

    def shorts(self) -> list[Any]:
        """The entries as a small answer has them, made when they are needed."""
        if self._shorts is None:
            self._shorts = self._make_shorts() if self._make_shorts else self.entries
        return self._shorts

    def units(self, dumps: Dumps) -> list[Unit]:
        """What of it can be shown apart, worked out once: a section may be part of several contexts."""
        if self._units is None:
            if self.whole:
                self._units = [Unit(self, list(range(len(self.entries))), sum(self.worths), dumps)] if self.entries else []
            else:
                self._units = [Unit(self, [index], worth, dumps) for index, worth in enumerate(self.worths)]
        return self._units


def fit(sections: Sequence[Section], room: int, dumps: Dumps, *, is_terse: bool = False) -> Fitted:
    """What of these sections fits into ``room`` bytes, the ``{}`` of the context not counted.

    ``room`` must hold the names of all sections (``names_size``); an included section gives back the room of its name. An
    answer that ``is_terse`` leaves out what is worth little where there is no room to spare.
    """
    if room < names_size(sections):
        return Fitted({}, [ALL_LEFT_OUT] if room >= len(ALL_LEFT_OUT) + _QUOTED else [], room)
    chosen = _chosen(sections, room, dumps, is_small=is_terse and room < SPARE_ROOM)
    picked = {name: [entry for _, entry in sorted(entries.items())] for name, entries in chosen.items()}
    context = {each.name: each.value(picked[each.name]) for each in sections if each.name in chosen}
    return Fitted(context, [each.name for each in sections if each.name not in chosen], room, chosen)


def _chosen(sections: Sequence[Section], room: int, dumps: Dumps, *, is_small: bool) -> Mapping[str, dict[int, Any]]:
    """The entries to show, by section and index, each in the form to show it in."""
    filling = _Filling(room - names_size(sections), dumps, is_small=is_small)
    units = [unit for section in sections for unit in section.units(dumps)]
    units.sort(key=lambda unit: -unit.density)
    if not is_small:
        for section in sections:
            first = next((unit for unit in units if unit.section is section), None)
            if first is not None:
                filling.take(first)
    for unit in units:
        if not is_small or unit.worth >= MIN_WORTH or unit.section.plain:
            filling.take(unit)
    for unit in units if is_small else ():
        filling.take(unit, keeping=room * 3 // 4)
    filling.take_empty(sections)
    return filling.chosen


class _Filling:
    """What was chosen so far, and the room that is left."""

    def __init__(self, left: int, dumps: Dumps, *, is_small: bool) -> None:
        self._left = left
        self._dumps = dumps
        self._is_small = is_small
        self.chosen: dict[str, dict[int, Any]] = {}

    def take(self, unit: Unit, *, keeping: int = 0) -> None:
        """Show these entries, in full or shortened, if there is room and so many bytes are left afterwards."""
        if self._left <= keeping:
            return
        section = unit.section
        known = self.chosen.get(section.name)
        if known is not None and unit.indices[0] in known:
            return
        brackets = 0 if section.plain or known is not None else 2
        for entries, size in unit.forms(self._dumps, is_small=self._is_small):
            if size + brackets + keeping <= self._left:
                self._left -= size + brackets
                self.chosen.setdefault(section.name, {}).update(zip(unit.indices, entries, strict=True))
                return

    def take_empty(self, sections: Sequence[Section]) -> None:
        """Say of the sections that hold nothing that they do."""
        for section in sections:
            cost = len("null,") if section.plain else len("[],")
            if not section.entries and cost <= self._left:
                self._left -= cost
                self.chosen[section.name] = {}


class Unit:
    """Entries of one section that are shown together or not at all: one, or all of a whole section."""

    __slots__ = ("_forms", "density", "indices", "section", "size", "worth")

    def __init__(self, section: Section, indices: list[int], worth: float, dumps: Dumps) -> None:
        self.section = section
        self.indices = indices
        self.worth = worth
        lengths = section.lengths(dumps)
        self.size = sum(lengths[index] for index in indices)
        self.density = worth / max(self.size, MIN_COST)
        self._forms: dict[bool, list[tuple[list[Any], int]]] = {}

    def forms(self, dumps: Dumps, *, is_small: bool) -> list[tuple[list[Any], int]]:
        """The forms in which these entries can be shown, with the bytes of each, the first choice first; made once."""
        found = self._forms.get(is_small)
        if found is None:
            found = self._forms[is_small] = self._made(dumps, is_small)
        return found

    def _made(self, dumps: Dumps, is_small: bool) -> list[tuple[list[Any], int]]:
        section = self.section
        entries = [section.entries[index] for index in self.indices]
        full = (entries, self.size)
        if section.is_uncut:
            return [full]
        if is_small:
            entries = [section.shorts()[index] for index in self.indices]
        short = [shortened(entry) for entry in entries]
        other = (short, sum(len(dumps(entry)) + 1 for entry in short))
        return [other] if is_small else [full] if short == entries else [full, other]


def names_size(sections: Sequence[Section]) -> int:
    """The bytes of ``truncated`` when it names every section, without its brackets."""
    return sum(len(section.name) + _QUOTED for section in sections)


def shortened(entry: Any) -> Any:
    """The entry with its texts cut and its lists reduced, itself where it has none; ids, paths and numbers stay whole."""
    if not isinstance(entry, dict):
        return _cut(entry, "")
    cut = {name: short for name, value in entry.items() if (short := _cut(value, name)) is not value}
    return {**entry, **cut} if cut else entry


def _cut(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return shortened(value)
    if isinstance(value, list):
        return [_cut(each, name) for each in value[:_SHORT_LIST]]
    limit = _SHORT_CONCLUSION if name == "concluded" else _SHORT_TEXT
    return shorter(value, limit) if isinstance(value, str) and name in _TEXTS else value
