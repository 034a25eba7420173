"""The page as an application in this process, and a browser's requests to it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Self

from starlette.testclient import TestClient

from activity_mcp.bench.registry import own_environment
from activity_mcp.service import ActivityService
from activity_mcp.web.sources import sources_of
from patience import PATIENCE_S
from web.seed import CUSTOMER, Seeded, seed

PORT = 8757
TOKEN = "a-token-of-the-state-directory"


class Paged:
    """A home, the page of it, and ``client``, who has come in. ``sessions``: how many are seeded there, where ``seeded`` does
    not say what was; ``ids`` are theirs."""

    def __init__(
        self,
        environ: Mapping[str, str],
        home: Path,
        *,
        sessions: int = 0,
        seeded: Seeded | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        from activity_mcp.web.app import Page

        self.environ = own_environment(str(home), environ) | {"ACTIVITY_CUSTOMER": CUSTOMER, **(more or {})}
        self.ids = seeded.ids if seeded else seed(self.environ, sessions=sessions) if sessions else []
        self.service = ActivityService.from_environ(self.environ, source="cli")
        self.page = Page(sources_of(self.service), TOKEN, port=PORT)
        self.client = self.visitor()
        assert self.client.get("/", params={"token": TOKEN}).status_code == 200

    def visitor(self, **headers: str) -> TestClient:
        """A browser that has not come in."""
        return TestClient(self.page, base_url=f"http://127.0.0.1:{PORT}", headers=headers, follow_redirects=False)

    def log(self, event_name: str, **features: Any) -> None:
        """Record one event, as another process would."""
        self.service.log(event_name, features)

    def flush(self) -> None:
        from activity_mcp.operations.drain import Drainer

        Drainer(self.service).drain(PATIENCE_S)

    def read(self, path: str, status: int = 200) -> str:
        """A page's HTML once the warehouse has answered all of it."""
        deadline = time.monotonic() + 120
        while True:
            answer = self.client.get(path)
            if "data-pending" not in answer.text:
                assert answer.status_code == status, (path, answer.status_code, answer.text[:500])
                return answer.text
            assert time.monotonic() < deadline, "the warehouse did not answer"

    def csv(self, path: str) -> list[list[str]]:
        import csv
        import io

        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/csv")
        return list(csv.reader(io.StringIO(answer.text)))

    def csrf(self, path: str) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.read(path))
        assert found, f"{path} has no form"
        return found[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.page.close()
        self.service.close()


class Elements(HTMLParser):
    """What a page consists of: its elements with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"

    def all(self, tag: str) -> list[dict[str, Any]]:
        return [attributes for name, attributes in self.found if name == tag]
