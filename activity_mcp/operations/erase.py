"""Forgetting: what matches a selection leaves the queue, the dead letters, the warehouse, the contexts, and stays away.

    lead → seal the live segment → drain, passing over what is picked → tombstones → rewrite the warehouse without it
         → publish every context → delete the committed segments, dead letters and artifacts that held it, and what of the
         ledger of imports names it → look through the bytes of each of our files, and report which still holds it

Segments are never rewritten: offsets and checksums stay what they are, and exactly-once with them. What was committed is in the
warehouse, so its segments can be deleted whole; what was not yet is committed first, without the lines that are picked. A note
(``system_event`` forgotten, which names nothing) is appended behind the seal, so that the committed offset lies beyond every
segment to be deleted and no rule of the queue is bent. A kill at any moment leaves a queue and a warehouse that are whole;
forgetting again completes it.

Events that are recorded after the command has begun are new, and are kept. What a legal hold names stays in the warehouse.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from ..activity import derived_id
from ..context import Snapshot
from ..errors import WarehouseUnavailable
from ..pipeline.draining import drain
from ..queue import QueueReader, dead_letters, prune, read_commit, seal_segment
from ..recording.event_catalogue import FORGOTTEN
from ..recording.tombstones import Tombstones
from ..warehouse import Scope
from .drain import BATCH_BYTES, BATCH_ROWS, retry_while_busy
from .files_beside import FilesBeside
from .own_files import files_that_hold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..pipeline.flusher import Flusher
    from ..service import ActivityService
    from .selection import Selection

LEAD_WITHIN_S = 15.0
DRAIN_WITHIN_S = 300.0
_NOTE = FORGOTTEN.features("events were forgotten on request")


@dataclass(slots=True)
class Forgotten:
    """What was (or, of a dry run, would be) forgotten.

    ``rows`` of the warehouse, by event_name; ``held``: selected rows that legal holds keep; ``lines`` of the queue that had not
    reached it; ``segments`` deleted; ``removed`` other files, by path. Not looked at: ``untouched`` queues of other warehouses,
    whose own command has to be given, and databases that were ``set_aside`` because they could not be read.
    """

    rows: dict[str, int] = field(default_factory=dict)
    held: int = 0
    lines: int = 0
    segments: int = 0
    removed: list[str] = field(default_factory=list)
    untouched: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Our files that hold the text all the same: by a legal hold, one of those two, or an event since then."""


class Forgetter:
    """Forgets what ``selection`` matches, over ``service``'s queue and warehouse. ``on_progress`` gets (rows done, rows)."""

    def __init__(
        self,
        service: ActivityService,
        selection: Selection,
        *,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self._service = service
        self._selection = selection
        self._on_progress = on_progress
        self._files = FilesBeside(service.config, selection, service.adapter)
        self._artifacts: set[str] = set()
        self._ids: set[str] = set()
        self._lines = 0

    def dry_run(self) -> Forgotten:
        """Look, and change nothing. Raises a WarehouseError when the warehouse cannot be read."""
        found = Forgotten(untouched=self._other_queues(), set_aside=self._files.set_aside())
        self._artifacts |= self._files.artifacts_that_match()
        self._lead()
        try:
            found.rows = self._count_rows()
            found.held = found.rows.pop("held", 0)
            found.lines = self._count_lines()
        finally:
            self._service.lease.release()
        found.removed = [*self._dead_letters(), *self._files.of_artifacts(self._artifacts), *self._files.old_copies()]
        return found

    def run(self) -> Forgotten:
        """Forget. Raises WarehouseUnavailable, and has forgotten nothing or only a part, when the queue does not drain."""
        service, until_us = self._service, self._service.clock.time_us()
        found = Forgotten(untouched=self._other_queues(), set_aside=self._files.set_aside())
        self._artifacts |= self._files.artifacts_that_match()
        self._lead()
        try:
            self._remove_index()
            self._seal()
            flusher = service.make_flusher(self._omits)
            self._drain(flusher)
            service.recorder.append(
                [service.recorder.system_event(_NOTE)], counted=False
            )  # where the queue was full it has room now
            self._drain(flusher)
            found.lines = self._lines
            found.rows = self._count_rows()
            found.held = found.rows.pop("held", 0)
            Tombstones(service.config.home).add(self._selection, self._ids, until_us)
            if found.rows or self._is_in_free_blocks():
                self._rewrite()
            self._remove_index()  # with what the drain has put into it; it is built again from what is left
            self._publish(flusher)
            found.segments = self._delete_segments(flusher)
        finally:
            service.warehouse.release()
            service.lease.release()
        found.removed = [*self._dead_letters(), *self._files.of_artifacts(self._artifacts), *self._files.old_copies()]
        for path in found.removed:
            os.unlink(path)
        self._forget_imports()
        found.left = self._files.remove_unfinished()
        return found

    # --- the queue

    def _lead(self) -> None:
        if not self._service.lease.acquire_from(LEAD_WITHIN_S):
            pid = self._service.lease.last_report().get("pid", "?")
            raise WarehouseUnavailable(
                f"process {pid} leads and did not step down; nothing was forgotten", hint="close Claude Code and try again"
            )

    def _seal(self) -> None:
        """What is recorded from here on goes into a segment of its own."""
        segments = QueueReader(self._service.queue.directory).segments()
        if segments:
            seal_segment(self._service.queue.directory, segments[-1], clock=self._service.clock)

    def _remove_index(self) -> None:
        if self._service.finding.feed is not None:
            self._service.finding.feed.remove()

    def _drain(self, flusher: Flusher) -> None:
        """Everything is committed, without what is picked."""
        deadline = self._deadline()
        drain(lambda: retry_while_busy(lambda: flusher.step(max_rows=BATCH_ROWS, max_bytes=BATCH_BYTES), deadline))

    def _omits(self, members: Mapping[str, Any]) -> bool:
        if not self._picks(members):
            return False
        self._lines += 1
        self._note(members)
        return True

    def _picks(self, members: Mapping[str, Any]) -> bool:
        if self._selection.matches(members):
            return True
        features = members.get("feature_json")
        return bool(self._artifacts) and isinstance(features, dict) and features.get("artifact_id") in self._artifacts

    def _count_lines(self) -> int:
        reader, commit, count = QueueReader(self._service.queue.directory, loads=orjson.loads), None, 0
        found = read_commit(self._service.queue.directory)
        commit = found.offset if found is not None else None
        while True:
            batch = reader.read(commit)
            count += sum(self._picks(record.value) for record in batch.records)
            commit = batch.end
            if not batch.more:
                return count

    def _delete_segments(self, flusher: Flusher) -> int:
        directory, committed = self._service.queue.directory, flusher.offset
        return prune(directory, committed, committed, clock=self._service.clock) if committed is not None else 0

    def _dead_letters(self) -> list[str]:
        return [
            letter.path
            for letter in dead_letters(self._service.queue.directory)
            if self._picks_letter(letter.data(), letter.at)
        ]

    def _picks_letter(self, data: bytes, at: str) -> bool:
        try:
            members = orjson.loads(data)
        except ValueError:
            members = None
        if isinstance(members, dict) and self._picks(members):
            return True
        return self._selection.picks_bytes(data, at)

    def _other_queues(self) -> list[str]:
        root, own = self._service.config.queue_root, self._service.queue.directory
        names = sorted(os.listdir(root)) if os.path.isdir(root) else []
        paths = [os.path.join(root, name) for name in names]
        return [path for path in paths if path != own and os.path.exists(os.path.join(path, "queue.json"))]

    # --- the warehouse

    def _count_rows(self) -> dict[str, int]:
        rewriter = self._service.adapter.rewriter
        return retry_while_busy(lambda: rewriter.count(self._picks_row), self._deadline()) if rewriter is not None else {}

    def _is_in_free_blocks(self) -> bool:
        """Whether the file holds the text though no row does: of rows that retention or a refresh has removed."""
        is_embedded = self._service.adapter.rewriter is not None
        return is_embedded and bool(files_that_hold(self._selection, [self._service.config.db]))

    def _rewrite(self) -> None:
        rewriter = self._service.adapter.rewriter
        if rewriter is not None:
            retry_while_busy(lambda: rewriter.rewrite(self._picks, self._on_progress), self._deadline())

    def _picks_row(self, members: Mapping[str, Any]) -> bool:
        if not self._picks(members):
            return False
        self._note(members)
        return True

    def _note(self, members: Mapping[str, Any]) -> None:
        """Remember the activity, and the artifact whose event it is: its content goes as well."""
        self._ids.add(str(members.get("activity_id")))
        features = members.get("feature_json")
        if isinstance(features, dict) and features.get("event_type") == "user_prompt":  # as the history of prompts names it
            key = f"{features.get('session_id')}\0{features.get('prompt_hash')}"
            self._ids.add(derived_id("session_event", "user_prompt", key))
        if isinstance(features, dict) and features.get("method") == "store_artifact":
            self._artifacts.add(str(features.get("artifact_id") or members.get("activity_id")))

    def _deadline(self) -> float:
        return time.monotonic() + DRAIN_WITHIN_S

    def _publish(self, flusher: Flusher) -> None:
        """Every context as it is now; a scope that is gone has none, and no file that names it.

        A server that holds one in memory lets go of it with its file, and of local events at the note. Where contexts come
        from Snowflake all are gone, until the leader has read them again.
        """
        service, now = self._service, self._service.clock.time_us()
        at_once, found = service.adapter.capabilities.folds_on_request, {}
        if at_once:
            retry_while_busy(service.warehouse.fold, self._deadline())
            retry_while_busy(service.refresher.publish_changes, self._deadline())
        scopes = [Scope(*key) for key in service.snapshots.known()]
        if at_once:
            found = {row.scope: row for row in service.warehouse.contexts(scopes, flusher.channel_id)}
        service.snapshots.clear()  # damaged ones included, whatever they hold
        for scope, row in found.items():
            snapshot = Snapshot(scope.customer, scope.project, row.blob, row.watermark, now, row.row_version)
            service.snapshots.publish(snapshot)

    # --- the ledger of imports

    def _forget_imports(self) -> None:
        """The ledger names each transcript by its path, which holds project and session."""
        from ..claude_code.transcripts import ImportLedger

        needles = [text for text in (self._selection.session, _as_folder(self._selection.project)) if text]
        pattern = self._selection.pattern
        if needles or pattern is not None:
            ledger = ImportLedger(os.path.join(self._service.queue.directory, "imports.json"))
            ledger.forget(
                lambda path: all(needle in path for needle in needles) and (pattern is None or bool(pattern.search(path)))
            )
        self._service.session_state.take_requests(sys.maxsize)  # they name transcripts too; another request follows any of them


def _as_folder(project: str | None) -> str | None:
    """How Claude Code names the folder of a project's transcripts."""
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in project) if project else None
