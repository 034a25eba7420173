"""Secrets of every kind, given by a hook, by an MCP client and in a transcript: none is anywhere afterwards.

What is read back is everything: each column of each table of the warehouse by SQL (its file is compressed), the segments of the
queue, the published contexts, the search index, what is exported in each form, and every byte of every file below the home.
"""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.claude_code.hooks import hook
from activity_mcp.operations.import_transcripts import TranscriptImport
from activity_mcp.redaction import Redactor
from activity_mcp.sessions import export
from claude_code.conftest import Script, unique
from claude_code.hooked import payload, tool_use
from redaction.corpora import Case, all_cases
from search.conftest import build
from server.house import House, call, client_of, drain

EVERY = 67
"""Of the corpora one case in so many, which leaves some of every kind."""
WAYS = ("hook", "log_event", "import")


def sample() -> list[Case]:
    """Cases whose secret is found (``test_recall`` says how many are), and is long enough to stand nowhere by chance."""
    kept = [case for case in all_cases()[::EVERY] if len(case.secret) >= 8]
    return [case for case in kept if case.secret not in json.dumps(Redactor().value(case.given))]


def token(seed: str) -> str:
    rng = random.Random(seed)
    return "gh" + "p_" + "".join(rng.choices(string.ascii_letters + string.digits, k=36))


def as_input(given: Any) -> dict[str, Any]:
    return given if isinstance(given, dict) else {"command": given if isinstance(given, str) else json.dumps(given)}


class Recorded:
    """A home in which all three ways have recorded the whole sample, and what is in it then, as texts by where they are."""

    def __init__(self, home: Path) -> None:
        self.house = House(home)
        self.service = self.house.service()
        self.cases = sample()
        self.tokens = {
            f"{way} {place}": token(f"{way} {place}") for way in WAYS for place in ("name", "key", "file", "id", "path")
        }

    def by_hooks(self) -> None:
        for number, case in enumerate(self.cases):
            text = case.given if isinstance(case.given, str) else json.dumps(case.given)
            self._fire(tool_use("Bash", as_input(case.given), call=f"toolu_h{number}"))
            self._fire(payload("UserPromptSubmit", prompt=text, prompt_id=f"hp{number}"))
            if number % 4 == 0:
                self._fire(
                    payload("PostToolUseFailure", tool_name="Bash", tool_use_id=f"toolu_f{number}", tool_input={}, error=text)
                )
                self._fire(payload("Stop", last_assistant_message=text, prompt_id=f"hs{number}"))
        place = self._places("hook")
        file = {"file_path": f"/work/x.{place('file')}", "content": "x"}
        self._fire(tool_use("Write", file, call=place("id"), cwd=f"/work/{place('path')}"))
        self._fire(tool_use(f"mcp__{place('name')}__y", {place("key"): 1}, call="toolu_hk"))

    def _fire(self, given: dict[str, Any]) -> None:
        assert hook.run(json.dumps(given).encode(), self.house.environ) == b""

    async def by_log_event(self) -> None:
        place = self._places("log_event")
        async with client_of(self.service) as client:
            for number, case in enumerate(self.cases):
                features = {"tool_name": "Bash", "success": number % 2 > 0, "parameters": as_input(case.given)}
                features["error"] = case.given if isinstance(case.given, str) else json.dumps(case.given)
                await call(client, "log_event", event_name="tool_event", feature_json=features)
            features = {"event_type": place("name"), place("key"): 1, "file_path": f"/work/x.{place('file')}"}
            names = {
                "project": f"/work/{place('path')}",
                "activity_id": place("id"),
                "link": f"https://x.example/{place('path')}",
            }
            await call(client, "log_event", event_name="system_event", feature_json=features, **names)

    def by_import(self, path: Path) -> None:
        place = self._places("import")
        script = Script(path, session="imported", cwd=f"/work/{place('path')}")
        for number, case in enumerate(self.cases):
            text = case.given if isinstance(case.given, str) else json.dumps(case.given)
            script.prompt(text)
            script.calls("Bash", unique("toolu", f"I{number}"), as_input(case.given), unique("msg", f"I{number}"))
            script.result(unique("toolu", f"I{number}"), text, is_error=number % 3 == 0)
            script.says(text, unique("msg", f"T{number}"))
        script.calls(f"mcp__{place('name')}__y", place("id"), {place("key"): 1}, unique("msg", "K"))
        script.calls(
            "Write", unique("toolu", "W"), {"file_path": f"/work/x.{place('file')}", "content": "x"}, unique("msg", "W")
        )
        TranscriptImport(self.service).run([str(path)])

    def _places(self, way: str) -> Any:
        return lambda place: self.tokens[f"{way} {place}"]

    def settle(self) -> None:
        """Into the warehouse, the contexts and the search index."""
        drain(self.service)
        self.service.context()
        build(self.service)

    def texts(self) -> Iterator[tuple[str, str]]:
        """Where, and what is there."""
        yield from self.texts_of_files()
        yield from self._tables()
        for index in self.house.home.rglob("*search*"):
            yield from self._index(index)
        events = list(export.pages(self.service.adapter.queries, [], lambda done, total: None))
        for form in ("csv", "json"):
            yield f"export {form}", "".join(export.texts(form, [], events, "all"))
        assert len(events) > 3 * len(self.cases)

    def texts_of_files(self) -> Iterator[tuple[str, str]]:
        for path in sorted(self.house.home.rglob("*")):
            if path.is_file():
                yield f"file {path.relative_to(self.house.home)}", str(path) + path.read_bytes().decode("utf-8", "replace")

    def _tables(self) -> Iterator[tuple[str, str]]:
        for (table,) in self.service.query("SELECT table_name FROM information_schema.tables").rows:
            found = self.service.query(f'SELECT * FROM "{table}"', max_rows=1_000_000, max_bytes=1 << 30)
            assert not found.truncated
            yield f"table {table}", json.dumps(found.rows, default=str)

    def _index(self, path: Path) -> Iterator[tuple[str, str]]:
        if path.read_bytes()[:15] != b"SQLite format 3":
            return
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                yield f"index {table}", repr(connection.execute(f'SELECT * FROM "{table}"').fetchall())


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Recorded]:
    made = Recorded(tmp_path / "home")
    yield made
    for service in made.house.opened:
        service.close()


@pytest.mark.anyio
async def test_no_secret_of_the_sample_is_anywhere_after_a_hook_a_client_and_an_import(
    recorded: Recorded, tmp_path: Path
) -> None:
    recorded.by_hooks()
    await recorded.by_log_event()
    recorded.by_import(tmp_path / "imported.jsonl")
    wanted = {case.name: case.secret for case in recorded.cases} | recorded.tokens
    queued = [(where, name) for where, text in recorded.texts_of_files() for name, secret in wanted.items() if secret in text]
    recorded.settle()
    places = dict(recorded.texts())
    leaked = [(where, name) for where, text in places.items() for name, secret in wanted.items() if secret in text]
    assert (queued, leaked) == ([], [])
    assert len(recorded.cases) > 25
    for kind in ("table ", "index ", "export csv", "export json", "file "):
        assert any(where.startswith(kind) and "[redacted:" in text for where, text in places.items()), kind


@pytest.mark.parametrize("before", [0, 300, 3_000])
@pytest.mark.parametrize("behind", [0, 3_000])
@pytest.mark.parametrize(
    "form",
    [
        "token = 'ghp_aB3dE6gH9jK2' + 'mN5pQ8sT1vW4yZ7bC0eF3hJ6'",
        'key = ("ghp_aB3dE6gH9jK2mN5p"\n       "Q8sT1vW4yZ7bC0eF3hJ6")',
        "curl https://x/?k=gh%70_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3h%4A6",
        "DB_PASSWORD%3Dhunter2-Blue77%26x",
        "&quot;password&quot;: &quot;hunter2-Blue77&quot;",
        "echo ghp_aB3dE6gH9jK2\\\nmN5pQ8sT1vW4yZ7bC0eF3hJ6",
        "x = %41\n" + "y = a\n" * 400 + "DB_PASSWORD%3Dhunter2-Blue77%26x",
    ],
)
def test_what_is_decoded_or_joined_is_found_wherever_it_stands_in_a_long_text(form: str, before: int, behind: int) -> None:
    """A long text is looked at again around its changes alone."""
    filling = "a = total(order)\n"
    text = filling * (before // len(filling)) + form + "\n" + filling * (behind // len(filling))
    found = Redactor().text(text)
    assert Redactor().text(form) in found
    assert "[redacted:" in found
