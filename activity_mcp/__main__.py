"""The ``activity-mcp`` command. Exit codes are those of ``activity_mcp.errors``; answers go to stdout, all else to stderr."""

from __future__ import annotations

import os
import sys

from .errors import ActivityError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> None:
    """Run one command and exit with its code."""
    os.umask(0o077)  # what libraries write is as private as what we write: DuckDB's files and what it spills
    code = run(sys.argv[1:])
    if "click" not in sys.modules:  # a plain command has closed what it opened: nothing is left to be torn down
        _leave(code)
    sys.exit(code)


def _leave(code: int) -> NoReturn:
    """End the process; where its output cannot be written any more, as the interpreter would."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        sys.exit(code)
    os._exit(code)


def run(arguments: list[str]) -> int:
    """Run the command line ``arguments``; the exit code. Errors are printed on stderr, one line and one hint."""
    if arguments == ["hook"]:  # before anything is loaded that it does not need
        from .claude_code.hooks.quick_start import main as hook

        hook()
    if arguments[:1] == ["statusline"] and not {"-h", "--help"} & set(arguments):
        from .claude_code.hooks.statusline import main as statusline

        statusline(arguments[1:])
    try:
        return _serve() if arguments == ["serve"] else _command(arguments)
    except ActivityError as error:
        _tell(error.message, error.hint)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader left; keep the interpreter from complaining at exit
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _tell(f"{where}{error.strerror or error}", "check that path, its disk and its permissions" if where else "")
        return 3
    except Exception as error:
        if os.environ.get("ACTIVITY_LOG_LEVEL", "").lower() == "debug":
            raise
        _tell(
            f"unexpected {type(error).__name__}: {error}", "what was acknowledged is kept; ACTIVITY_LOG_LEVEL=debug shows where"
        )
        return 1


def _serve() -> int:
    """``serve`` as Claude Code starts it, without what reads command lines: a user waits for its first answer."""
    from .server.run import serve_stdio

    serve_stdio()


def _open_streams() -> None:
    """Standard streams that were closed at the start become /dev/null: what is opened later must not take their place, and what
    is printed to them is meant for nobody."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, "w" if descriptor else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


def _command(arguments: list[str]) -> int:
    _open_streams()
    from .cli.plain import run_plain

    code = run_plain(arguments)
    return _read_by_click(arguments) if code is None else code


def _read_by_click(arguments: list[str]) -> int:
    import click

    from .cli.commands import commands

    try:
        result = commands.main(args=arguments, prog_name="activity-mcp", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        click.echo("interrupted; what was acknowledged is recorded", err=True)
        return 130
    except click.ClickException as error:
        from .cli.output import show_usage_error

        show_usage_error(error)
        return error.exit_code
    return result if isinstance(result, int) else 0


def _tell(message: str, hint: str) -> None:
    from .context.visible import for_terminal

    sys.stderr.write(for_terminal(f"error: {message}\n" + (f"hint: {hint}\n" if hint else "")))


if __name__ == "__main__":
    main()
