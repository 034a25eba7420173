"""``make mutants``: leave out each rule of the log path, one at a time, and see that a test notices. Exit 1 if any survives."""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from mutation.catalogue import MUTANTS
from mutation.run import run_all

LOOP = "tests/crash/test_kill_loop.py::test_two_flushers_without_a_lease_ship_each_acknowledged_event_once_into_memory"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invariant", type=int, action="append", help="only these; may be given several times")
    parser.add_argument("--why", action="store_true", help="print what each failing test said")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--loop", action="store_true", help="with the kill loop as the only test, those that it must notice")
    given = parser.parse_args()
    chosen = tuple(mutant for mutant in MUTANTS if not given.invariant or mutant.invariant in given.invariant)
    if given.loop:
        chosen = tuple(replace(mutant, killers=(LOOP,)) for mutant in chosen if mutant.seen_by_loop)
    began = time.monotonic()
    width = max(len(mutant.left_out) for mutant in chosen)
    results = []
    print(f" #  {'rule left out':<{width}}      s  killed by")
    for result in run_all(chosen, given.jobs):
        results.append(result)
        outcome = result.killed_by or f"SURVIVED {result.remark}"
        number, rule = result.mutant.invariant, result.mutant.left_out
        print(f"{number:>2}  {rule:<{width}}  {result.seconds:>5.1f}  {outcome}", flush=True)
    for result in results if given.why else ():
        print(f"\n{result.mutant.left_out}: {result.remark[:300]}")
    lost = [result for result in results if result.killed_by is None]
    print(f"\n{len(results) - len(lost)} of {len(results)} killed in {time.monotonic() - began:.0f} s")
    return 1 if lost else 0


if __name__ == "__main__":
    raise SystemExit(main())
