"""Measurements that anyone can repeat: each one against its floor, in the same run, on the same machine.

``activity-mcp bench [NAME…]`` runs them. Absolute times double from one run to the next on a shared machine; a ratio to a
floor that was measured in turn with the subject holds. So a benchmark measures both, interleaved, and its target is a ratio
wherever there is a floor to compare with.

To add one:

1. Write ``bench/<name>.py`` with ``measure(environ) -> list[Measured]``. ``environ`` is the caller's environment without any of
   our settings; its ``ACTIVITY_HOME`` is a directory of its own that is removed afterwards, on the disk that is
   to be measured: put every file there.
2. What makes it smaller are keyword arguments with defaults (``measure(environ, *, events=20_000)``), so that a test can run
   the real thing in a second.
3. Make each line with ``against`` (a value beside its floor), ``bounded`` (a value with a limit) or ``Measured`` itself.
4. Name it, with what it measures, in ``registry.BENCHMARKS``.

A target that is missed is said, in the table and as ``"met": false``; it is a result, not an error.
"""
