"""Importing transcripts into the queue: bounded in memory, idempotent, and never in the way of live events.

Activities go into the queue in groups. Above half of the queue's cap the import waits until some are shipped (``shipping``), so
that live events are never refused for it. A file's mark goes into the ledger only after the last of its activities is durable,
which is one sync for all of them; a killed import repeats that file, and the derived ids fold.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import orjson

from ..claude_code.transcripts import ImportLedger, TranscriptReader, TranscriptReport, discover
from ..claude_code.transcripts.discovery import ImportOrigins
from ..claude_code.transcripts.expiry import expiring
from ..claude_code.transcripts.key_set import KeySet
from ..claude_code.transcripts.known_prompts import KEYS_FILE, HistoryKeys
from ..recording.tombstones import Tombstones
from .agents import CLAUDE_CODE
from .import_history import RecordedPrompts, history_readers
from .shipping import ShippingHere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..activity import Activity, Origin
    from ..claude_code.transcripts import FileMark
    from ..claude_code.transcripts.copies import Copies
    from ..claude_code.transcripts.history import HistoryReader
    from ..service import ActivityService
    from .agents import Agent
    from .shipping import Shipping

GROUP = 200
DRAIN_TIMEOUT_S = 300.0
_DAY_US = 86_400 * 1_000_000
_COLUMNS_BYTES = 1024
"""What the other columns of a line take, at most."""


class _Wanted(NamedTuple):
    """What of the files is to be recorded. ``since_us`` is what a person asked for, ``kept_from_us`` what is kept at all."""

    since_us: int | None
    kept_from_us: int | None
    origins: ImportOrigins
    tombstones: Tombstones

    def newest_bound(self) -> int | None:
        """What is before it need not be read."""
        return max((bound for bound in (self.since_us, self.kept_from_us) if bound is not None), default=None)

    def was_forgotten(self, activity_id: str, origin: Origin, ts_us: int) -> bool:
        return self.tombstones.covers(activity_id, origin.session_id, origin.project, ts_us)


class TranscriptImport:
    """One import into ``service``'s queue. ``on_progress`` gets (bytes read, bytes there are); ``shipping`` (default: this
    process) ships what is recorded, and is the caller's to close; ``agent`` wrote the files."""

    def __init__(
        self,
        service: ActivityService,
        *,
        on_progress: Callable[[int, int], None] | None = None,
        shipping: Shipping | None = None,
        agent: Agent = CLAUDE_CODE,
    ) -> None:
        self._service = service
        self._agent = agent
        self._shipping = shipping or ShippingHere(service)
        self._on_progress = on_progress or (lambda done, total: None)
        self._ledger = ImportLedger(os.path.join(service.queue.directory, "imports.json"))
        self._keys = HistoryKeys(os.path.join(service.queue.directory, KEYS_FILE))
        self._prompts = RecordedPrompts()

    def run(
        self, paths: Iterable[str] | None, *, since_us: int | None = None, dry_run: bool = False, history: bool = False
    ) -> TranscriptReport:
        """Import these files and folders (None: the agent's own). ``dry_run`` reads and counts, and writes nothing;
        ``history`` takes the prompts of Claude Code's history as well, those that nobody has recorded.

        Raises InvalidInput for a path that does not exist, a QueueRefused, or WarehouseUnavailable when the queue is half full
        and does not drain; what was appended until then is kept.
        """
        service = self._service
        paths = None if paths is None else list(paths)
        report = TranscriptReport()
        folders = self._agent.folders(service.environ)
        report.folders = paths if paths is not None else folders
        if self._agent is CLAUDE_CODE:
            report.expiring = expiring(paths, service.environ, self._ledger, service.clock.time_us())
        wanted = _Wanted(
            since_us,
            self._kept_from_us(),
            ImportOrigins(service.identity, service.config.org_id, service.recorder.redactor),
            Tombstones(service.config.home),
        )
        done = self._import_files(discover(paths, service.environ, since_us, folders=folders), wanted, report, dry_run)
        if history:
            self._import_history(wanted, report, done, dry_run)
        return report

    def _import_files(self, found: Sequence[str], wanted: _Wanted, report: TranscriptReport, dry_run: bool) -> int:
        """Import what is new in these files; how many bytes they have."""
        sizes = {path: _size(path) for path in found}
        done, seen = 0, KeySet()
        pending = dict(self._ledger.pending(found, now_us=self._service.clock.time_us(), since_us=wanted.newest_bound()))
        owners = self._ledger.owners()
        for path in found:
            if path in pending:
                reader = self._reader(path, wanted, mark=pending[path], seen=seen, copies=owners.of(os.path.realpath(path)))
                self._import(reader, done, sum(sizes.values()), dry_run)
                report.add(reader.report)
            else:
                report.files += 1
                report.unchanged += 1
            done += sizes[path]
            self._on_progress(done, sum(sizes.values()))
        return done

    def _reader(self, path: str, wanted: _Wanted, *, mark: FileMark | None, seen: KeySet, copies: Copies) -> TranscriptReader:
        service = self._service
        return TranscriptReader(
            path,
            origin_for=wanted.origins,
            redactor=service.recorder.redactor,
            prompts=service.config.prompts,
            now_us=service.clock.time_us(),
            mark=mark,
            since_us=wanted.since_us,
            kept_from_us=wanted.kept_from_us,
            seen=seen,
            copies=copies,
            loads=orjson.loads,
            dumps=orjson.dumps,
            was_forgotten=wanted.was_forgotten if wanted.tombstones else None,
            start_of=service.session_state.start_of,
            estimate=service.prices.estimate,
            repeats_of=service.session_state.repeats_of,
            noted_key=service.session_state.prompt_key,
            history_key=self._keys.of_one_file(),
            lines_of=self._agent.translator(path),
        )

    def _import_history(self, wanted: _Wanted, report: TranscriptReport, done: int, dry_run: bool) -> None:
        """Import the prompts of Claude Code's history that nobody has recorded: of the transcripts all must be known first."""
        if not dry_run:
            self._shipping.drain(DRAIN_TIMEOUT_S, verify=False)
        readers = history_readers(
            self._service,
            self._prompts,
            self._keys,
            dry_run=dry_run,
            since_us=wanted.since_us,
            kept_from_us=wanted.kept_from_us,
            origin_for=wanted.origins,
            was_forgotten=wanted.was_forgotten,
        )
        for reader in readers:
            self._import(reader, done, done, dry_run)
            report.add(reader.report)

    def _kept_from_us(self) -> int | None:
        """From when on activities are kept, where this program removes the older ones; None where the engine does."""
        if self._service.adapter.maintenance is None:
            return None
        return self._service.clock.time_us() - self._service.config.retention_days * _DAY_US

    def _import(self, reader: TranscriptReader | HistoryReader, before: int, total: int, dry_run: bool) -> None:
        group: list[Activity] = []
        size, most = 0, self._service.config.max_queue_bytes // 8
        for activity in reader:
            self._prompts.saw(activity)
            group.append(activity)
            size += len(activity.encoded_features(orjson.dumps)) + _COLUMNS_BYTES
            if len(group) == GROUP or size >= most:
                self._append(group, size, dry_run)
                self._on_progress(before + reader.position, total)
                group, size = [], 0
        self._append(group, size, dry_run)
        if not dry_run:
            self._service.writer.sync()
            self._ledger.commit([reader.mark])

    def _append(self, group: list[Activity], size: int, dry_run: bool) -> None:
        if dry_run or not group:
            return
        self._make_room(size)
        self._service.recorder.append_read(group, durable=False)

    def _make_room(self, size: int) -> None:
        waiting, most = self._service.writer.uncommitted_bytes(), self._service.config.max_queue_bytes
        self._shipping.keep_up(waiting)
        if waiting and waiting + size > most // 2:
            self._shipping.drain(DRAIN_TIMEOUT_S, verify=False, leaves_bytes=most // 4)


def _size(path: str) -> int:
    """0 for a file that is gone: reading it says so in the report."""
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
