"""Whether the next session is given what it needs: coverage and noise beside three baselines, over made-up histories, and
over a few that a person wrote (``by_hand``); with a directory of transcripts over what was recorded as well (``recorded``).

coverage   the share of the needed facts (``histories`` has the rule) within the first 2,000 characters
noise      the share of the lines shown that hold none
per line   needed facts shown for each line, beside the best baseline's

Each history goes through the embedded warehouse and its refresh sequence, and is then rendered as a starting session and
``get_context`` have it. Nothing depends on how fast the machine is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ...activity import derived_id
from ...clock import SYSTEM_CLOCK, iso
from ...context.injection import HEADING, injection_text
from ...context.render import render_context
from ...errors import InvalidInput
from ...warehouse import Batch, Row, Scope
from ..measured import Measured, against
from .baselines import latest_of_each_kind, latest_rows, transcript_tail
from .by_hand import written_histories
from .made_up import history
from .scoring import MAX_CHARACTERS, Score, score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .histories import History

HISTORIES = 30
CUSTOMER = "recall@example.com"
LINES, ANSWER = "lines of a starting session", "get_context"
BASELINES = ("the latest of each kind", "the latest rows", "the transcript's tail")
MIN_COVERAGE, MIN_PER_LINE, MAX_NOISE = 0.85, 2.0, 0.25
_CHANNEL = "recall"
_BATCH_ROWS = 5000


def measure(
    environ: Mapping[str, str], *, histories: int = HISTORIES, first_seed: int = 1, sessions: str | None = None
) -> list[Measured]:
    """The rows of the benchmark, over the histories of these seeds, and over the transcripts in the directory ``sessions``.

    Raises InvalidInput where that holds none.
    """
    now_us = SYSTEM_CLOCK.time_us()
    made = [history(seed, now_us) for seed in range(first_seed, first_seed + histories)]
    written = written_histories(now_us)
    blobs = contexts_of([*made, *written], f"{environ['ACTIVITY_HOME']}/recall.duckdb")
    rows = _judged("", scores_of(made, blobs)) + _judged("by hand, ", scores_of(written, blobs))
    return rows + (_of_recorded(sessions, environ) if sessions is not None else [])


def _of_recorded(directory: str, environ: Mapping[str, str]) -> list[Measured]:
    from .recorded import recorded_histories

    histories, blobs = recorded_histories(
        directory, {**environ, "ACTIVITY_HOME": f"{environ['ACTIVITY_HOME']}/recorded"}, CUSTOMER
    )
    if not histories:
        raise InvalidInput(
            f"no transcript is in {directory}; recorded sessions were not measured", hint="name a folder of *.jsonl"
        )
    return _judged("recorded, ", scores_of(histories, blobs))


def _judged(prefix: str, scores: Mapping[str, Score]) -> list[Measured]:
    best = {name: max(getattr(scores[each], name) for each in BASELINES) for name in ("coverage", "per_line")}
    rows = []
    for name in (LINES, ANSWER):
        what, mine = f"{prefix}{name}", scores[name]
        rows += [
            Measured(f"{what}: coverage", mine.coverage, "of the facts", best["coverage"], mine.coverage / best["coverage"],
                     f"≥ {MIN_COVERAGE:g}", mine.coverage >= MIN_COVERAGE),
            against(f"{what}: facts per line", mine.per_line, best["per_line"], "a line", at_least=MIN_PER_LINE),
            Measured(f"{what}: noise", mine.noise, "of the lines", target=f"≤ {MAX_NOISE:g}", met=mine.noise <= MAX_NOISE),
        ]  # fmt: skip
    for name in BASELINES:
        rows += [
            Measured(f"floor, {prefix}{name}: coverage", scores[name].coverage, "of the facts"),
            Measured(f"floor, {prefix}{name}: facts per line", scores[name].per_line, "a line"),
            Measured(f"floor, {prefix}{name}: noise", scores[name].noise, "of the lines"),
        ]
    return rows


def scores_of(histories: Sequence[History], blobs: Mapping[str, Mapping[str, Any]]) -> dict[str, Score]:
    """The scores of what is shown and of the baselines, summed over the histories; ``blobs`` by project."""
    scores = dict.fromkeys((LINES, ANSWER, *BASELINES), Score())
    for each in histories:
        blob = blobs[each.project]
        shown = {
            LINES: shown_lines(blob, each),
            ANSWER: answer_lines(blob, each),
            BASELINES[0]: latest_of_each_kind(blob, each.project),
            BASELINES[1]: latest_rows(each),
            BASELINES[2]: transcript_tail(each),
        }
        for name, lines in shown.items():
            scores[name] += score(lines, each.needs)
    return scores


def shown_lines(blob: Mapping[str, Any], each: History) -> list[str]:
    """What a starting session is shown, without the heading."""
    text = injection_text(blob, project=each.project, now_us=each.now_us, limit=MAX_CHARACTERS)
    return text.removeprefix(HEADING).strip().splitlines()


def answer_lines(blob: Mapping[str, Any], each: History) -> list[str]:
    """What get_context answers in as many bytes, an entry a line; the times of the record itself are no lines."""
    shown = render_context(blob, (), now_us=each.now_us, project=each.project, max_bytes=MAX_CHARACTERS)
    lines = []
    for name, section in shown.context.items():
        entries = section.items() if isinstance(section, dict) else section if isinstance(section, list) else ()
        lines += [f"{name} {orjson.dumps(entry).decode()}" for entry in entries]
    return lines


def contexts_of(histories: Sequence[History], path: str) -> dict[str, dict[str, Any]]:
    """The context of each project after its history went through an embedded warehouse in a new file at ``path``."""
    from ...warehouse.duckdb.warehouse import DuckDBWarehouse

    warehouse = DuckDBWarehouse(path)
    expected = None
    rows = _rows(histories)
    try:
        for start in range(0, len(rows), _BATCH_ROWS):
            batch = rows[start : start + _BATCH_ROWS]
            warehouse.append(Batch(_CHANNEL, expected, batch[-1].stream_offset, batch))
            expected = batch[-1].stream_offset
        warehouse.fold()
        found = warehouse.contexts([Scope(CUSTOMER, each.project) for each in histories], _CHANNEL)
    finally:
        warehouse.close()
    return {row.scope.project: row.blob for row in found}


def _rows(histories: Sequence[History]) -> list[Row]:
    events = sorted((event for each in histories for event in each.events), key=lambda event: (event.at_us, event.session_id))
    return [
        Row(
            activity_id=derived_id(event.event_name, "recall", f"{number}"),
            ts=iso(event.at_us),
            customer=CUSTOMER,
            activity="did",
            anonymous_customer_id=None,
            feature_json=orjson.dumps(event.features).decode(),
            revenue_impact=None,
            link=None,
            event_name=event.event_name,
            session_id=event.session_id,
            project=event.project,
            org_id=None,
            source="hook",
            schema_version="1",
            channel_id=_CHANNEL,
            stream_offset=f"{1:012d}:{number:012d}:{0:08x}",
        )
        for number, event in enumerate(events)
    ]
