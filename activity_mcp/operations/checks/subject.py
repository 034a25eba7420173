"""What a check looks at."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...health.document import StatusDocument
    from ...service import ActivityService


class Subject:
    """What is examined: the service this environment asks for, and its status document, made when first needed."""

    def __init__(self, service: ActivityService) -> None:
        self.service = service

    @cached_property
    def status(self) -> StatusDocument:
        return self.service.status()
