"""What kind of connection it is, by its first message: with a handshake, without one, or one that only the SDK understands."""

from __future__ import annotations

from ...plain_json import dumps
from .plain import greeting_version, is_handshake_meta, modern_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .table import Table

_CALL_PARAMS = {"name", "arguments", "_meta"}
_GREETING_ID = "activity-mcp/greeting"


class Connection:
    """``is_open``: the first message was plain, so that plain ones can be answered from the table. ``greeting`` is what the SDK
    has to hear before it can answer on this connection; ``server`` the ``_meta`` of results without a handshake."""

    def __init__(self, table: Table | None) -> None:
        self._table = table
        self._dialect = ""
        self._is_handed_over = False
        self._stated: dict[str, Any] | None = None
        self.greeting: list[bytes] = []
        self.server: bytes | None = None

    @property
    def is_open(self) -> bool:
        return self._dialect != ""

    def result_of(self, method: str, params: dict[str, Any], line: bytes) -> bytes | None:
        """The static result of a request, or None."""
        if self._table is None:
            return None
        if method == "initialize":
            return self._greet(params, line)
        if not self._is_spoken(params):
            return None
        if method == "server/discover":
            known = self._table.greetings.get(self._table.modern) if self._dialect == "modern" else None
            return known if params.keys() <= {"_meta"} else None
        lists = self._table.lists[self._dialect]
        return lists.get(method) if params.keys() <= {"_meta"} else None

    def takes_call(self, params: dict[str, Any]) -> bool:
        """Whether a tools/call is plain, in the dialect of this connection."""
        if self._table is None or not self._is_spoken(params):
            return False
        return (
            params.keys() <= _CALL_PARAMS and type(params.get("name")) is str and isinstance(params.get("arguments", {}), dict)
        )

    def notices(self, method: str, line: bytes) -> None:
        """A notification of the client."""
        if method == "notifications/initialized" and self._dialect == "handshake" and not self._is_handed_over:
            self.greeting.append(line)

    def handed_over(self) -> None:
        """The SDK has the greeting. Where there was none, it alone knows what this connection is."""
        self._is_handed_over = True
        if not self.is_open:
            self._table = None

    def _greet(self, params: dict[str, Any], line: bytes) -> bytes | None:
        version = greeting_version(params)
        if self.is_open or version is None or self._table is None or version not in self._table.greetings:
            self._dialect, self._table = "", None  # a second greeting, or an odd one: from here on it is the SDK's alone
            return None
        if version == self._table.modern:
            self._table = None
            return None
        self._dialect, self.greeting = "handshake", [line]
        return self._table.greetings[version]

    def _is_spoken(self, params: dict[str, Any]) -> bool:
        """Whether the request's ``_meta`` agrees with the dialect; the first request without a handshake decides on that."""
        if self._dialect == "handshake":
            return is_handshake_meta(params.get("_meta", {}))
        meta = params.get("_meta")
        if meta is not None and meta == self._stated:  # a client states the same with each request
            return True
        if self._table is None or modern_version(meta) != self._table.modern:
            return False
        self._stated = meta
        self._dialect, self.server = "modern", self._table.server
        discover = {"jsonrpc": "2.0", "id": _GREETING_ID, "method": "server/discover", "params": {"_meta": meta}}
        self.greeting = [dumps(discover).encode()]
        return True
