"""On the PYTHONPATH of children that crash: gives them a disk that pauses, tears and dies, or one that notes what it syncs.

Never part of the product.
"""

import os

if "CRASH_SEED" in os.environ:
    from crash import faults

    faults.install(os.environ["CRASH_SEED"], os.environ["CRASH_MARKS"])
if "CRASH_JOURNAL" in os.environ:
    from crash import journal

    journal.install(os.environ["CRASH_JOURNAL"], os.environ["CRASH_BOOT"])
