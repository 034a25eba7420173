"""On the PYTHONPATH of the kill loop's children: makes their disk one that pauses, tears and dies. Never part of the product."""

import os

if "CRASH_SEED" in os.environ:
    from crash import faults

    faults.install(os.environ["CRASH_SEED"], os.environ["CRASH_MARKS"])
