"""What the page needs beyond the core, by name: the extra of the package that brings it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..errors import InvalidInput

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

EXTRA = "activity-mcp[web]"
HINT = f"install {EXTRA!r}, with pip install, uv tool install or pipx install"
PACKAGES = ("jinja2",)


def missing_packages() -> list[str]:
    return [name for name in PACKAGES if find_spec(name) is None]


def check_extra() -> None:
    """Raise InvalidInput, which names the extra, where something is missing."""
    if missing := missing_packages():
        raise InvalidInput(f"the page needs the extra {EXTRA}: {', '.join(missing)}", hint=HINT)


class WithoutExtra:
    """In the place of the page, where a server runs without the extra: one line says what is missing."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.responses import PlainTextResponse

        await PlainTextResponse(f"the page needs the extra {EXTRA}: {HINT}", 503)(scope, receive, send)

    def close(self) -> None:
        """Nothing is open."""
