"""What a killed process leaves half written is swept, and nothing else is touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from activity_mcp.fs import FileSystem
from activity_mcp.queue import Sweeper
from activity_mcp.queue.leftovers import is_leftover
from fakes import FakeClock


class DyingDisk(FileSystem):
    """Its processes die between writing a file and renaming it."""

    def sync(self, fd: int) -> None:
        raise KeyboardInterrupt

    def unlink(self, path: str) -> bool:
        return False


def left_by_a_killed_process(path: Path) -> Path:
    before = set(path.parent.iterdir())
    with pytest.raises(KeyboardInterrupt):
        DyingDisk().publish(str(path), b"half")
    (left,) = set(path.parent.iterdir()) - before
    return left


def test_what_a_killed_publisher_leaves_is_swept_an_hour_later_and_looked_for_once_an_hour(tmp_path: Path) -> None:
    clock = FakeClock()
    sweeper = Sweeper([str(tmp_path), str(tmp_path / "no such place")], clock=clock)
    left, young = (left_by_a_killed_process(tmp_path / name) for name in ("settings.json", "a.meta.json"))
    os.utime(left, (0, 0))
    sweeper.sweep()
    assert (left.exists(), young.exists()) == (False, True)
    os.utime(young, (0, 0))
    sweeper.sweep()
    assert young.exists()
    clock.advance(3600)
    sweeper.sweep()
    assert not young.exists()


@pytest.mark.parametrize(
    "name",
    ["notes.tmp", "x.json", "x.1.2.tmp", "x.json.17.xyz.1.tmp", "x.json.17.7f0a.tmp", "17.7f0a.1.tmp", ".17.7f0a.1.tmp", ""],
)
def test_what_has_another_kind_of_name_is_somebody_elses(name: str) -> None:
    assert not is_leftover(name)
