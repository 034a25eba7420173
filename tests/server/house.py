"""One state directory with the real service on it, and an MCP client in memory: for tests of what tools do to the warehouse."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp import Client

from activity_mcp.operations.drain import Drainer
from activity_mcp.server.app import build_server
from activity_mcp.service import ActivityService
from deployed import put_warehouse
from fakes import FakeClock
from patience import PATIENCE_S

ADA = "ada@example.com"


class House:
    """One state directory; each ``service`` is a process's own as far as memory goes."""

    def __init__(self, home: Path) -> None:
        self.home = home
        put_warehouse(home)
        self.environ = {"ACTIVITY_HOME": str(home), "ACTIVITY_CUSTOMER": ADA, "HOME": str(home)}
        self.clock = FakeClock(time_us=time.time_ns() // 1000)
        self.opened: list[ActivityService] = []

    def service(self, **environ: str) -> ActivityService:
        made = ActivityService.from_environ({**self.environ, **environ}, clock=self.clock)
        self.opened.append(made)
        return made

    def log_tools(self, service: ActivityService, *results: bool, **features: Any) -> None:
        for success in results:
            service.log("tool_event", {"tool_name": "Bash", "success": success, **features})

    def rows(self, service: ActivityService, sql: str) -> list[list[Any]]:
        return service.query(sql).rows


@asynccontextmanager
async def client_of(service: ActivityService) -> AsyncIterator[Client]:
    async with Client(build_server(service)) as client:
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return dict(result.structured_content or {})


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(result.content[0].text)  # type: ignore[union-attr]


def drain(service: ActivityService) -> None:
    Drainer(service).drain(PATIENCE_S)
