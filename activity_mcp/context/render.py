"""Rendering: a blob and the events above it become the sections of an answer, within a number of bytes.

``context_type`` chooses the sections; all of them show the same facts, ``default`` in their shortest form (shorter texts and
lists, for it has every section). In the order in which they are shown:

    commands   refused   recent_sessions   conclusions   commits   recent_errors   recent_files   insights   recent_queries
    tool_usage   activity_counts   llm_usage   recorded_at   watermark

The ``budgets`` that are nearly spent come before them. They, ``commands``, ``refused``, ``conclusions`` (of earlier turns) and
``commits`` are there only when they hold something. What CLAUDE.md or MEMORY.md say (``instructions``) is left out. Every entry
has a worth (``worth``), by which ``max_bytes`` is spent; a ``focus`` ranks the entries of each list by it, and ``explain`` adds
to each ``why`` it is there, and of the sums a section ``why``.

An entry leaves out what is null or empty. Times are ISO texts in UTC; ``age`` says how long ago, where that is what a reader
wants to know. The result depends on the arguments alone. Standard library only, and pure: nothing here reads a clock or a file.
"""

from __future__ import annotations

from ..activity import dump_json
from .budget import Fitted, Section, fit
from .facts import facts_of
from .forms import Rendered
from .gathered import AGES_HOLD_US, Gathered
from .sections import Sections
from .snapshot import ALL_PROJECTS
from .stored import Stored
from .worth import SPARE_ROOM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from .facts import Fact
    from .focus import Focus
    from .known import SaysIt

    Record = dict[str, Any]

_BUDGETS_IN = ("default", "executive")
_BUDGET_WORTH = 100.0
"""More than any entry's: what is nearly spent is shown however small the answer is."""


def render_context(
    blob: Mapping[str, Any] | None,
    events: Iterable[Mapping[str, Any] | Fact],
    *,
    now_us: int,
    context_type: str = "default",
    max_bytes: int = 8192,
    reserve: int = 0,
    watermark: Mapping[str, str] | None = None,
    project: str = ALL_PROJECTS,
    focus: str | None = None,
    explain: bool = False,
    instructions: SaysIt | None = None,
    budgets: Sequence[Record] = (),
    dumps: Callable[[Any], bytes] = dump_json,
) -> Rendered:
    """The context of ``blob`` with ``events`` above it, in at most ``max_bytes`` together with the ``reserve``.

    ``reserve`` is the compact size of the answer around it, with ``context`` empty and ``truncated`` empty.
    """
    stored, facts = Stored(blob or {}, watermark), facts_of(events)
    document = Document(
        stored, facts, now_us=now_us, context_type=context_type, project=project, focus=focus, explain=explain,
        instructions=instructions, budgets=budgets,
    )  # fmt: skip
    return document.within(max_bytes - reserve, dumps)


class Document:
    """A context before it is cut to a size.

    Until ``valid_until_us`` it reads the same by any clock, but for an age, which may be ``AGES_HOLD_US`` off.
    """

    def __init__(
        self,
        stored: Stored,
        facts: Sequence[Fact],
        *,
        now_us: int,
        context_type: str,
        project: str,
        focus: str | None = None,
        explain: bool = False,
        instructions: SaysIt | None = None,
        budgets: Sequence[Record] = (),
    ) -> None:
        self._is_terse = context_type == "default"
        self._budgets = list(budgets) if context_type in _BUDGETS_IN else []
        self._known = Gathered(stored, facts, now_us)
        self._made = Sections(
            self._known,
            now_us=now_us,
            context_type=context_type,
            project=project,
            focus=_focus_on(focus) if focus else None,
            explain=explain,
            instructions=instructions,
            watermark=stored.watermark,
            valid_until_us=min(now_us + AGES_HOLD_US, self._known.usage.windows.until_us - 1),
        )
        self.room = 0
        """In which it was asked for last."""
        self._show()

    def add(self, facts: Sequence[Fact]) -> None:
        """Take in what was recorded since."""
        if self._known.add(facts):
            self._show()
        else:
            self._uncounted.update(_counted_by(facts))

    def _show(self) -> None:
        self._sections = self._made.all()
        self.valid_until_us = self._made.valid_until_us
        self._uncounted: set[str] = set()
        self._fitted: Fitted | None = None
        self._whole: Rendered | None = None
        self._cut: Rendered | None = None
        if self._budgets:
            self._sections.insert(0, Section("budgets", self._budgets, worths=[_BUDGET_WORTH] * len(self._budgets)))

    def within(self, room: int, dumps: Callable[[Any], bytes]) -> Rendered:
        """This document in ``room`` bytes, the braces of an empty context not counted."""
        self.room = room
        if self._uncounted:
            self._count_again(dumps)
        is_small = self._is_terse and room < SPARE_ROOM  # short rather than full, also where all of it would fit
        if not is_small:
            if self._whole is None:
                context = {section.name: section.value(section.entries) for section in self._sections}
                self._whole = Rendered(context, [], dumps(context))
            if len(self._whole.encoded) - 2 <= room:
                return self._whole
        if self._fitted is None or self._fitted.room != room:
            self._fitted, self._cut = fit(self._sections, room, dumps, is_terse=self._is_terse), None
        if self._cut is None:
            self._cut = Rendered(self._fitted.context, self._fitted.truncated, dumps(self._fitted.context))
        return self._cut

    def _count_again(self, dumps: Callable[[Any], bytes]) -> None:
        """Bring the sums up to date. What was chosen to fit stays so while each of them is as long as it was."""
        changed = [section for section in self._sections if section.name in self._uncounted]
        are_as_long = [section.renew(self._made.sums(section.name), dumps) for section in changed]
        self._fitted = self._fitted.with_sums(changed) if self._fitted is not None and all(are_as_long) else None
        self._uncounted = set()
        self._whole = self._cut = None


def _counted_by(facts: Sequence[Fact]) -> set[str]:
    """The sections that hold sums to which these were added."""
    names = {"activity_counts", "recorded_at"}
    for fact in facts:
        if fact.tool is not None:
            names.add("tool_usage")
        if fact.model is not None:
            names.add("llm_usage")
    return names


def _focus_on(text: str) -> Focus:
    from .focus import Focus  # only a question that has a focus pays for the language of search

    return Focus(text)
