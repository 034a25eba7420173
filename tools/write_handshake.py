"""Writes activity_mcp/server/front/handshake.json: what the SDK answers to greetings and lists, in every version.

``--check`` writes nothing and exits 1 on a difference.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import anyio  # noqa: E402
from mcp.shared.message import SessionMessage  # noqa: E402
from mcp_types import JSONRPCResponse, jsonrpc_message_adapter  # noqa: E402
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS  # noqa: E402

from activity_mcp import __version__  # noqa: E402
from activity_mcp.server.app import build_server  # noqa: E402
from activity_mcp.server.front.messages import encode_message  # noqa: E402
from activity_mcp.server.front.table import FILE  # noqa: E402

LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
CLIENT = {"name": "client", "version": "1"}
MADE_BY = ("mcp", "mcp-types")


class AnyService:
    """The answers asked for here need nothing of a service but names of what would be called."""

    def __getattr__(self, name: str) -> None:
        return None


async def results(requests: list[dict[str, Any]]) -> list[str]:
    """The results of the requests on one connection, as JSON texts."""
    server = build_server(AnyService())  # type: ignore[arg-type]
    to_server, from_client = anyio.create_memory_object_stream[SessionMessage | Exception](9)
    to_client, from_server = anyio.create_memory_object_stream[SessionMessage](9)
    serving = asyncio.ensure_future(server.run(from_client, to_client, server.create_initialization_options()))
    found = []
    for number, request in enumerate(requests):
        message = jsonrpc_message_adapter.validate_python({"jsonrpc": "2.0", "id": number, **request}, by_name=False)
        await to_server.send(SessionMessage(message))
        answer = (await from_server.receive()).message
        assert isinstance(answer, JSONRPCResponse), answer
        line = encode_message(answer).decode()
        found.append(line.removeprefix(f'{{"jsonrpc":"2.0","id":{number},"result":').removesuffix("}\n"))
    await to_server.aclose()
    await serving
    return found


def with_handshake(protocol: str) -> tuple[str, dict[str, str]]:
    """The greeting of a version, and its lists."""
    hello = {"method": "initialize", "params": {"protocolVersion": protocol, "capabilities": {}, "clientInfo": CLIENT}}
    greeting, *lists = asyncio.run(results([hello, *({"method": method} for method in (*LISTS, "ping"))]))
    return greeting, dict(zip((*LISTS, "ping"), lists, strict=True))


def without_handshake(protocol: str) -> tuple[str, dict[str, str]]:
    prefix = "io.modelcontextprotocol/"
    meta = {f"{prefix}protocolVersion": protocol, f"{prefix}clientInfo": CLIENT, f"{prefix}clientCapabilities": {}}
    asked = [{"method": method, "params": {"_meta": meta}} for method in ("server/discover", *LISTS)]
    greeting, *lists = asyncio.run(results(asked))
    return greeting, dict(zip(LISTS, lists, strict=True))


def document() -> dict[str, Any]:
    (modern,) = MODERN_PROTOCOL_VERSIONS
    spoken = {protocol: with_handshake(protocol) for protocol in HANDSHAKE_PROTOCOL_VERSIONS}
    discovered, modern_lists = without_handshake(modern)
    lists = [lists for _, lists in spoken.values()]
    assert all(other == lists[0] for other in lists), "the lists differ by version, and the table holds one set of them"
    return {
        "made_with": {name: version(name) for name in MADE_BY},
        "version": __version__,
        "modern": modern,
        "greetings": {protocol: greeting for protocol, (greeting, _) in spoken.items()} | {modern: discovered},
        "lists": {"handshake": lists[0], "modern": modern_lists},
        "server": json.dumps(json.loads(modern_lists["tools/list"])["_meta"], separators=(",", ":")),
    }


def main() -> int:
    text = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
    path = Path(FILE) if "--check" not in sys.argv else None
    if path is None:
        return 0 if Path(FILE).read_text(encoding="utf-8") == text else 1
    path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
