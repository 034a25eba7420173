"""The content of artifacts, as files of the state directory; the warehouse keeps what they were (ARTIFACTS).

    artifacts/<artifact_id>.meta.json    what it is, whose, where, until when; published last: with it the artifact exists
    artifacts/<artifact_id>.ndjson       rows: the column names as a list, then one list a row
    artifacts/<artifact_id>.txt  .json   a text, or any other JSON value

Files are published whole or not at all. What has expired is removed when something is stored, at most once an hour.
"""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from ..clock import SYSTEM_CLOCK, iso, parse_iso
from ..errors import DiskFull, InvalidInput
from ..fs import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..clock import Clock
    from ..fs import FileSystem
    from .answers import ArtifactContent

VERSION = 1
MAX_BYTES = 1 << 30
"""What all artifacts of a state directory may take: beyond it storing is refused until some expire."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_META = ".meta.json"
_SWEEP_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Artifact:
    """What an artifact is. Times are ISO text; ``expires_at`` None means never. ``queue_id``: the queue it was recorded in.

    ``complete`` is False where a result had more rows than are kept.
    """

    artifact_id: str
    artifact_type: str
    customer: str
    project: str | None
    row_count: int
    content_schema: list[dict[str, str]]
    result_sha256: str
    stored_at: str
    expires_at: str | None
    queue_id: str
    file: str
    query_id: str | None = None
    sql_sha256: str | None = None
    source_events: list[str] = field(default_factory=list)
    complete: bool = True


class ArtifactStore:
    """The artifacts under ``directory``. Safe to use from several threads and processes."""

    def __init__(self, directory: str, *, clock: Clock = SYSTEM_CLOCK, fs: FileSystem = LOCAL) -> None:
        self.directory = directory
        self._clock = clock
        self._fs = fs
        self._swept = -_SWEEP_EVERY_S

    def get(self, artifact_id: str) -> Artifact | None:
        """The artifact, or None when it is not here (any more), or was written by a newer version."""
        if not _ID.fullmatch(artifact_id):
            return None
        try:
            meta = orjson.loads(self._fs.read(os.path.join(self.directory, artifact_id + _META)))
            if meta.pop("version") != VERSION:
                return None
            artifact = Artifact(**meta)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return None if self._has_expired(artifact) else artifact

    def put(self, artifact: Artifact, pieces: Iterable[bytes]) -> None:
        """Store the content, then what it is. Raises DiskFull (nothing remains), or InvalidInput without room."""
        self._make_room()
        content = os.path.join(self.directory, artifact.file)
        try:
            self._fs.publish(content, pieces)
            meta = os.path.join(self.directory, artifact.artifact_id + _META)
            self._fs.publish(meta, orjson.dumps({"version": VERSION, **asdict(artifact)}))
        except OSError as error:
            raise DiskFull(
                f"the artifact was not stored: {error.strerror or error}", hint="make room on the disk and call again"
            ) from error

    def path_of(self, artifact: Artifact) -> str:
        return os.path.join(self.directory, os.path.basename(artifact.file))

    def link_of(self, artifact: Artifact) -> str:
        return Path(os.path.abspath(self.path_of(artifact))).as_uri()

    def read(self, artifact: Artifact, most_bytes: int) -> ArtifactContent:
        """columns and rows, or content, as far as ``most_bytes`` go, and whether that is ``truncated``.

        A JSON value that is longer comes as the beginning of its text. Of a file that somebody removed nothing is left.
        """
        try:
            with self._fs.reader(self.path_of(artifact)) as file:
                read = file.read(most_bytes + 1)
        except OSError:
            return {"truncated": True, "reason": "its file is gone"}
        truncated = len(read) > most_bytes
        if artifact.file.endswith(".ndjson"):
            lines = (read[: read.rfind(b"\n") + 1] if truncated else read).splitlines()
            columns, *rows = map(orjson.loads, lines) if lines else ([],)
            return {"columns": columns, "rows": rows, "truncated": truncated}
        if artifact.file.endswith(".json") and not truncated:
            return {"content": orjson.loads(read), "truncated": False}
        return {"content": read[:most_bytes].decode("utf-8", "ignore"), "truncated": truncated}

    def ids(self) -> list[str]:
        """Of every artifact that is here, the newest first."""
        newest = sorted(self._metas(), key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
        return [entry.name.removesuffix(_META) for entry in newest]

    def sweep(self) -> int:
        """Remove what has expired; how many artifacts."""
        removed = 0
        for entry in self._metas():
            try:
                meta = orjson.loads(self._fs.read(entry.path))
                if meta["version"] == VERSION and meta["expires_at"] and parse_iso(meta["expires_at"]) <= self._clock.time_us():
                    os.unlink(entry.path)  # first, as with it the artifact exists
                    os.unlink(os.path.join(self.directory, os.path.basename(meta["file"])))
                    removed += 1
            except (OSError, ValueError, KeyError, TypeError):
                continue  # another process was there first, or it is not ours to judge
        return removed

    def _make_room(self) -> None:
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        if self._clock.monotonic() - self._swept < _SWEEP_EVERY_S:
            return
        self._swept = self._clock.monotonic()
        self.sweep()
        with os.scandir(self.directory) as entries:
            size = sum(entry.stat().st_size for entry in entries if entry.is_file())
        if size > MAX_BYTES:
            self._swept = -_SWEEP_EVERY_S
            raise InvalidInput(
                f"the artifacts in {self.directory} take {size >> 20} MiB, more than {MAX_BYTES >> 20}; nothing was stored",
                hint="remove some of its files, or give artifacts a shorter expires_hours",
            )

    def _metas(self) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(self.directory) as entries:
                yield from [entry for entry in entries if entry.name.endswith(_META)]
        except FileNotFoundError:
            return

    def _has_expired(self, artifact: Artifact) -> bool:
        return artifact.expires_at is not None and parse_iso(artifact.expires_at) <= self._clock.time_us()


def expiry(now_us: int, hours: float) -> str:
    return iso(now_us + round(hours * 3600) * 1_000_000)
