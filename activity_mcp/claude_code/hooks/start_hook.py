"""The hook, started the cheap way: ``python -I -S -c LOADER <this file>``, for the command line in Claude Code's settings.

``-S`` leaves out ``site``, a quarter of a bare interpreter's start, and with it site-packages: so the package is found from
this file's path. ``-I`` keeps PYTHONPATH and the working directory from changing what is imported.
``hook_command`` makes the command line.

The settings outlive installations. Python exits with 2 where it is given a file that has gone, and Claude Code takes a 2 for
the hook's veto: a session could not end, and its model would read why. So the file is not run but named: the loader finds the
package beside it, or where it is after the environment got another Python, or leaves in silence. Older registrations run it.

The process lives for milliseconds and makes no cycles to speak of: without the collector it starts a twentieth sooner.
"""

import gc
import sys

LOADER = """\
import gc, sys
gc.disable()
file = sys.argv[1]
head, _, tail = file.rpartition('/lib/python')
moved = '%s/lib/python%d.%d%s' % (head, *sys.version_info[:2], tail[tail.find('/'):])
sys.path += [path.rpartition('/activity_mcp/')[0] for path in (file, moved)]
try:
    from activity_mcp.claude_code.hooks.quick_start import main
except BaseException:
    raise SystemExit(0)
main()"""


def hook_command() -> list[str]:
    """The fastest command line that runs the hook of this installation, from anywhere: absolute paths, no shell needed.

    Its first item is this interpreter, so it holds as long as this installation does. The console script
    ``activity-mcp-hook`` does the same and costs a quarter of an interpreter's start more.
    """
    return [sys.executable, "-I", "-S", "-c", LOADER, __file__]


if __name__ == "__main__":
    gc.disable()
    sys.path.append(__file__.rpartition("/activity_mcp/")[0])
    try:
        from activity_mcp.claude_code.hooks.quick_start import main
    except BaseException:
        raise SystemExit(0) from None  # a broken installation must not stop Claude Code; `activity-mcp doctor` reports it
    main()
