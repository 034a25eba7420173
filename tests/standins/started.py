"""Starting the stand-in for Snowflake, steering it, and seeing what it holds."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from activity_mcp.warehouse.snowflake.connection import NamedConnection
from patience import PATIENCE_S

from .certificates import make_certificates, make_client_keys

TESTS = Path(__file__).parents[1]
IMPATIENCE = {
    "mgmt_retry_total_backoff_seconds": "0",
    "non_scoped_auth_failure_retry_total_backoff_seconds": "0",
    "data_retry_initial_backoff_seconds": "0",
}


class StandIn:
    """One process. ``kill`` and ``start`` again keep the port and everything it stored."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.stores = directory / "stores"
        self.stores.mkdir()
        make_certificates(directory)
        make_client_keys(directory)
        self.authority = directory / "ca.pem"
        self._context = ssl.create_default_context(cafile=str(self.authority))
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "standins.snowflake_service", "--port", str(self.port)]
        command += ["--certificate", str(self.directory / "server.pem"), "--stores", str(self.stores)]
        environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *(path for path in sys.path if path)])}
        self._process = subprocess.Popen(
            command, cwd=self.directory, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                pipe.close()
            self._process = None

    # --- what clients need

    def parameters(self, database: str = "CLAUDE_LOGS", **overrides: Any) -> dict[str, Any]:
        """A table of connections.toml: a key pair, unless overridden. None leaves one out."""
        parameters = {
            "account": "test",
            "user": "recorder",
            "host": "127.0.0.1",
            "port": self.port,
            "database": database,
            "private_key_file": str(self.directory / "key.p8"),
            "retry_max_attempts": 1,
        }
        return {name: value for name, value in (parameters | overrides).items() if value is not None}

    def connection(self, database: str = "CLAUDE_LOGS", **overrides: Any) -> NamedConnection:
        return NamedConnection("test", self.parameters(database, **overrides))

    def environ(self, home: Path, database: str = "CLAUDE_LOGS", **overrides: Any) -> dict[str, str]:
        """What a process needs to find this stand-in under SNOW_CONNECTION=test."""
        home.mkdir(exist_ok=True)
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in self.parameters(database, **overrides).items()]
        (home / "connections.toml").write_text("[test]\n" + "".join(lines))
        (home / "connections.toml").chmod(0o600)
        return {"SNOW_CONNECTION": "test", "SNOWFLAKE_HOME": str(home), "SSL_CERT_FILE": str(self.authority)}

    # --- steering

    def arm(self, place: str, **fault: Any) -> None:
        self._post("faults", {"place": place, **fault})

    def clear(self) -> None:
        self._post("faults", None, method="DELETE")

    def drop_channels(self, database: str) -> None:
        self._post(f"channels?database={database}", {})

    def expire_sessions(self) -> None:
        self._post("sessions", {})

    # --- seeing

    def statements(self) -> list[str]:
        found: list[str] = self._get("statements")
        return found

    def requests(self) -> list[str]:
        found: list[str] = self._get("requests")
        return found

    def rows(self, database: str = "CLAUDE_LOGS") -> list[dict[str, Any]]:
        path = self.stores / f"{database}.sqlite"
        if not path.exists() or not path.stat().st_size:
            return []
        with contextlib.closing(sqlite3.connect(path)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'rows'").fetchall():
                return []
            return [json.loads(body) for (body,) in connection.execute("SELECT body FROM rows ORDER BY id")]

    def _post(self, path: str, value: object, method: str = "POST") -> None:
        data = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}/stand-in/{path}", data=data, method=method)
        urllib.request.urlopen(request, context=self._context, timeout=PATIENCE_S).close()

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(
            f"https://127.0.0.1:{self.port}/stand-in/{path}", context=self._context, timeout=PATIENCE_S
        ) as answer:
            return json.load(answer)
