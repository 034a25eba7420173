"""Rendering: a blob and the events above it become the sections of an answer, within a number of bytes.

``context_type`` chooses the sections; all of them show the same facts, ``default`` in their shortest form (shorter texts and
lists, for it has every section). In the order in which they are shown:

    commands   refused   recent_sessions   conclusions   commits   recent_errors   recent_files   insights   recent_queries
    tool_usage   activity_counts   llm_usage   recorded_at   watermark

Before them stand the ``budgets`` that are nearly spent. They, ``commands``, ``refused``, ``conclusions`` (of earlier turns) and
``commits`` are there only when they hold something. What CLAUDE.md or MEMORY.md say (``instructions``) is left out. Every entry
has a worth (``worth``), by which ``max_bytes`` is spent; a ``focus`` ranks the entries of each list by it, and ``explain`` adds
to each ``why`` it is there, and of the sums a section ``why``.

An entry leaves out what is null or empty. Times are ISO texts in UTC; ``age`` says how long ago, where that is what a reader
wants to know. The result depends on the arguments alone. Standard library only, and pure: nothing here reads a clock or a file.
"""

from __future__ import annotations

from ..activity import dump_json
from .document import Document
from .facts import facts_of
from .forms import CONTEXT_TYPES, Rendered
from .snapshot import ALL_PROJECTS
from .stored import Stored

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from .facts import Fact
    from .known import SaysIt

    Record = dict[str, Any]

__all__ = ["CONTEXT_TYPES", "Document", "Rendered", "render_context"]


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
