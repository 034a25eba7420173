"""``doctor``: everything that can be checked without changing anything, each finding with a hint.

To add a check, write a module ``operations/checks/<part>.py`` with one function

    def checks(subject: Subject) -> Iterator[Check]

and put its name into ``PARTS``, in the order in which a person should read the table. ``subject.service`` has the
configuration, the environment and the clock; ``subject.status`` is the document of ``activity-mcp status --json``. Judge what
that document already reports in ``health/assessment.py``, so that ``status`` and ``doctor`` never disagree. A check leads
nothing, writes nothing and asks the network only if it says so. It need not guard itself: an error it raises is a failed
check that bears the module's name, and the other modules run all the same. Heavy imports belong inside the function.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..config import read_config
from ..errors import ActivityError
from ..health.check import Check
from ..queue.moved import follow_move

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..service import ActivityService
    from .checks.subject import Subject

CONFIGURED = "every variable has a value that can be used"
PARTS = ("installation", "storage", "state", "snowflake", "server", "claude_code", "exporter")


def examine(environ: Mapping[str, str] | None = None) -> list[Check]:
    """All checks, in the order of ``PARTS``. Never raises for what is wrong: it reports it."""
    return list(examinations(os.environ if environ is None else environ))


def examinations(environ: Mapping[str, str]) -> Iterator[Check]:
    """The same, each as soon as it is made: the first before anything is loaded but what reads the configuration."""
    found = [_configuration(environ)]
    yield found[0]
    if found[0].status == "fail":
        return
    from ..service import ActivityService

    service = ActivityService.from_environ(environ, source="cli")
    try:
        yield from _of_parts(service, found)
    finally:
        service.close()


def checks_of(service: ActivityService) -> list[Check]:
    """The same of a service that is there."""
    found = [Check("configuration", "ok", CONFIGURED)]
    return [found[0], *_of_parts(service, found)]


def _of_parts(service: ActivityService, found: list[Check]) -> Iterator[Check]:
    """What the parts find that is not among ``found`` yet."""
    from .checks.subject import Subject

    subject = Subject(service)
    for part in PARTS:
        for check in _guarded(part, subject):
            if check not in found:
                found.append(check)
                yield check


def _configuration(environ: Mapping[str, str]) -> Check:
    try:
        config = read_config(environ)
        if config.is_embedded:
            follow_move(config.queue_dir, config.db)
    except ActivityError as error:
        return Check("configuration", "fail", error.message, error.hint or "nothing else was checked")
    return Check("configuration", "ok", CONFIGURED)


def document_of(checks: list[Check]) -> dict[str, Any]:
    """What ``doctor --json`` prints: {version, ok, checks: [{name, status, found, hint}]}; ok is false when a check failed."""
    return {
        "version": 1,
        "ok": all(check.status != "fail" for check in checks),
        "checks": [check._asdict() for check in checks],
    }


def _guarded(part: str, subject: Subject) -> Iterator[Check]:
    from importlib import import_module

    try:
        yield from import_module(f"{__package__}.checks.{part}").checks(subject)
    except ActivityError as error:
        yield Check(part, "fail", error.message, error.hint)
    except Exception as error:  # a doctor that dies of what it finds is of no use
        yield Check(part, "fail", f"could not be checked: {type(error).__name__}: {error}")
