"""The peak memory of a command in a process of its own, and of its children, as the kernel counts it (VmHWM; Linux)."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from ..errors import ActivityError

if TYPE_CHECKING:
    from collections.abc import Mapping


def peaks(command: list[str], environ: Mapping[str, str]) -> tuple[float, float]:
    """Run ``activity-mcp`` with these arguments. Returns its peak and the largest of its children's, in MB; 0 where unknown.

    Raises:
        ActivityError: it failed.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "activity_mcp", *command],
        env=dict(environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    peak = childs = 0.0
    while process.poll() is None:
        peak = max(peak, _high_water(process.pid))
        childs = max([childs, *map(_high_water, _children(process.pid))])
        time.sleep(0.02)
    errors = process.communicate()[1]
    if process.returncode:
        raise ActivityError(f"{command[0]} ended with {process.returncode}: {errors[-300:].decode(errors='replace')}")
    return peak, childs


def _children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def _high_water(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            found = [line for line in file if line.startswith("VmHWM")]
    except OSError:
        return 0.0
    return int(found[0].split()[1]) / 1024 if found else 0.0
