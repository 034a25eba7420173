"""Files beside queue and warehouse that may hold what is to be forgotten: artifacts, copies of the database, unfinished."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .. import fs
from .own_files import files_that_hold, own_files

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..config import Config
    from ..warehouse.adapter import Adapter
    from .selection import Selection


class FilesBeside:
    """Looks for ``selection`` in the files that ``config`` names."""

    def __init__(self, config: Config, selection: Selection, adapter: Adapter) -> None:
        self._config = config
        self._selection = selection
        self._adapter = adapter

    def artifacts_that_match(self) -> set[str]:
        """The ids of artifacts whose content, which the stream does not hold, has the text or names the session."""
        if self._selection.pattern is None and self._selection.session is None:
            return set()
        found = set()
        for path in self._all_artifacts():
            with fs.reader(path) as file:
                if self._selection.picks_bytes(file.read(), None):
                    found.add(_artifact_id(path))
        return found

    def of_artifacts(self, ids: Collection[str]) -> list[str]:
        """The files of these artifacts."""
        return [path for path in self._all_artifacts() if _artifact_id(path) in ids]

    def old_copies(self) -> list[str]:
        """Copies of the database from before a migration: unused, and they hold everything."""
        return self._beside("layout-") if self._adapter.rewriter is not None else []

    def set_aside(self) -> list[str]:
        """Databases that could not be read, and so cannot be looked through."""
        return self._beside("corrupt-")

    def remove_unfinished(self) -> list[str]:
        """Remove unfinished files that hold the text; the names of our other files that still hold it."""
        left = []
        ours = [path for held in own_files(self._config) for path in held.files]
        for path in files_that_hold(self._selection, ours):
            if path.endswith(".tmp"):
                fs.LOCAL.unlink(path)
            else:
                left.append(path)
        return left

    def _all_artifacts(self) -> list[str]:
        directory = self._config.artifacts_dir
        return sorted(os.path.join(folder, name) for folder, _, names in os.walk(directory) for name in names)

    def _beside(self, kind: str) -> list[str]:
        folder, name = os.path.split(self._config.db)
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        return [os.path.join(folder, found) for found in names if found.startswith(f"{name}.{kind}")]


def _artifact_id(path: str) -> str:
    return os.path.basename(path).split(".")[0]
