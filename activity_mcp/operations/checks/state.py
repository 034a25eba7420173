"""Is it recording, is it flowing, is it fresh: the status document, judged as ``status`` itself judges it (see ``health``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...health.assessment import of_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...health.check import Check
    from .subject import Subject


def checks(subject: Subject) -> Iterator[Check]:
    yield from of_document(subject.status)
