"""Snowflake as far as this project meets it, in a process of its own: ``python -m standins.snowflake_service …``.

Prints the port it listens on as its first line. A test steers it at ``/stand-in/faults`` and ``/stand-in/channels``; what
it holds is in the SQLite files below ``--stores``, one for each database, which outlive it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from pathlib import Path

from .faults import Faults
from .http import Answer, Request, TLSServer
from .snowpipe import SnowpipeEndpoints
from .sql import SQLEndpoints
from .store import Stores


class SnowflakeService:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._faults = Faults()
        self._snowpipe = SnowpipeEndpoints(stores, self._faults)
        self._sql = SQLEndpoints(stores, self._faults)
        self._seen: list[str] = []

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/stand-in/"):
            return self._steer(request)
        self._seen.append(f"{request.method} {request.path}")
        return (
            self._snowpipe.answer(request)
            or self._sql.answer(request)
            or Answer.error(404, "NOT_FOUND", f"no such endpoint: {request.path}")
        )

    def _steer(self, request: Request) -> Answer:
        if request.path == "/stand-in/requests":
            return Answer.json(self._seen)
        if request.path == "/stand-in/statements":
            return Answer.json(self._sql.statements)
        if request.path == "/stand-in/channels":
            self._stores.of(request.query["database"]).drop_all_channels()
        elif request.path == "/stand-in/sessions":
            self._sql.expire_sessions()
        elif request.method == "DELETE":
            self._faults.clear()
        else:
            self._faults.arm(json.loads(request.body))
        return Answer.json({})


def _leave_with_the_parent() -> None:
    """Standard input ends when the process that started this one does, however it ended."""
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--stores", type=Path, required=True)
    options = parser.parse_args()
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()
    service = SnowflakeService(Stores(options.stores))
    server = TLSServer(options.port, options.certificate, service.answer)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
