"""The connection that ``SNOW_CONNECTION`` names, as its file describes it: for the reader, and for the Snowpipe writer alike.

It is a table of the standard ``connections.toml`` (or of ``config.toml``), found and read by the genuine connector itself, so
that it is the very connection other tools of Snowflake use. Its ``host`` and ``port``, where given, hold for both clients.

    reader   whatever the connector can sign in with
    writer   private_key_file (with private_key_file_pwd), a programmatic access token, or OAuth client credentials, by
             Snowpipe Streaming; anything else, such as a password or a browser, with SQL

The connector's errors are mapped here and nowhere else. None of its modules is imported before something is asked.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import DOCS_URL, WarehouseError, WarehouseRefused, WarehouseUnavailable
from .extra import extra_needed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snowflake.connector import SnowflakeConnection

DEFAULT_DATABASE, DEFAULT_SCHEMA = "CLAUDE_LOGS", "ACTIVITIES"
KEPT = "nothing is lost, the queue holds it"
LOGIN_TIMEOUT_S = 10
_STREAMING = ("SNOWFLAKE_JWT", "PROGRAMMATIC_ACCESS_TOKEN", "OAUTH_CLIENT_CREDENTIALS")
_PASSPHRASE_NAMES = ("private_key_file_pwd", "private_key_passphrase", "private_key_password")
_GRANT_WORDS = ("does not exist", "not authorized", "insufficient privileges", "403", "404")
_KEY_WORDS = ("decrypt", "private key", "private_key", "pkcs", "passphrase")
_NETWORK_WORDS = ("failed after retries", "timed out", "timeout", "error sending request", "failed to communicate")


@dataclass(frozen=True, slots=True)
class NamedConnection:
    """One connection of the file: its name, and its parameters as they are written there."""

    name: str
    parameters: Mapping[str, Any]

    @property
    def database(self) -> str:
        return self._text("database") or DEFAULT_DATABASE

    @property
    def schema(self) -> str:
        return self._text("schema") or DEFAULT_SCHEMA

    @property
    def authenticator(self) -> str:
        """The way of signing in, in capitals; a private key without another word means SNOWFLAKE_JWT."""
        stated = (self._text("authenticator") or "").upper()
        if stated in ("", "SNOWFLAKE") and self._key_file():
            return "SNOWFLAKE_JWT"
        return stated or "SNOWFLAKE"

    def connect(self, **parameters: Any) -> SnowflakeConnection:
        """A new connection of the genuine connector, UTC, with ``?`` for bound values. ``parameters`` override the file's.

        Raises WarehouseRefused or WarehouseUnavailable.
        """
        os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")  # it would ask the cloud's metadata services
        with extra_needed():
            import snowflake.connector
            from snowflake.connector.errors import Error

        given = dict(self.parameters)
        if self.authenticator == "SNOWFLAKE_JWT":
            given = {key: value for key, value in given.items() if key not in (*_PASSPHRASE_NAMES, "private_key_path")}
            given |= {"authenticator": "SNOWFLAKE_JWT", "private_key_file": self._key_file()}
            given |= {"private_key_password": self._passphrase()} if self._passphrase() else {}
        session = {"TIMEZONE": "UTC", "QUERY_TAG": "activity-mcp", "CLIENT_TELEMETRY_ENABLED": False}
        defaults = {
            "database": self.database,
            "schema": self.schema,
            "login_timeout": LOGIN_TIMEOUT_S,
            "retry_max_attempts": 3,  # the callers try again by themselves, without holding up a call meanwhile
            "paramstyle": "qmark",
            "client_out_of_band_telemetry_enabled": False,
            "enable_server_session_keep_alive_auto_detection": False,
        }
        overrides = {"session_parameters": session | given.pop("session_parameters", {}), **parameters}
        try:
            return snowflake.connector.connect(**(defaults | given | overrides))
        except Error as error:
            raise self.failed(error) from error

    @property
    def can_stream(self) -> bool:
        """Whether Snowpipe Streaming takes this way of signing in; for any other rows are written with SQL."""
        return self.authenticator in _STREAMING or bool(self._text("oauth_client_secret"))

    def streaming_properties(self) -> dict[str, str]:
        """The properties that the Snowpipe Streaming SDK takes. Raises WarehouseRefused where it cannot sign in that way."""
        account = self._required("account")
        host = self._text("host") or f"{account.lower().replace('_', '-')}.snowflakecomputing.com"
        port = self._text("port") or "443"
        properties = {"account": account, "url": f"https://{host}:{port}"}
        if (user := self._text("user")) or self.authenticator == "SNOWFLAKE_JWT":  # a token says whose it is
            properties["user"] = user or self._required("user")
        if role := self._text("role"):
            properties["role"] = role
        return properties | self._credentials()

    def failed(self, error: Exception) -> WarehouseError:
        """An error of the connector as ours. ``error`` is a ``snowflake.connector.errors.Error``."""
        text = _one_line(getattr(error, "msg", None) or str(error))
        where = f"connection {self.name!r}"
        if _is_about_the_network(text):
            return WarehouseUnavailable(
                f"Snowflake cannot be reached with {where} ({text}); {KEPT}",
                hint="it is tried again by itself; check the network, and host and account of the connection",
            )
        return WarehouseRefused(f"Snowflake refuses {where} ({text}); {KEPT}", hint=hint_for(text, self))

    # --- what the file says

    def _credentials(self) -> dict[str, str]:
        kind = self.authenticator
        if kind == "SNOWFLAKE_JWT":
            return self._key_pair()
        if kind == "PROGRAMMATIC_ACCESS_TOKEN":
            return {"authorization_type": "PAT", "personal_access_token": self._token()}
        if kind == "OAUTH_CLIENT_CREDENTIALS" or self._text("oauth_client_secret"):
            return self._oauth()
        ways = {"SNOWFLAKE": "a password", "OAUTH": "an OAuth access token that nobody can renew"}
        raise WarehouseRefused(
            f"connection {self.name!r} signs in with {ways.get(kind, kind)}, which Snowpipe Streaming does not take; "
            f"rows are written with SQL instead, and {KEPT}",
            hint="give it a private_key_file, or authenticator PROGRAMMATIC_ACCESS_TOKEN (or OAUTH_CLIENT_CREDENTIALS)",
        )

    def _key_pair(self) -> dict[str, str]:
        if not (path := self._key_file()):
            raise WarehouseRefused(
                f"connection {self.name!r} has no private_key_file; {KEPT}", hint="name the key's file (PKCS#8) there"
            )
        properties = {"authorization_type": "JWT", "private_key_file": path}
        if passphrase := self._passphrase():
            properties["private_key_passphrase"] = passphrase
        return properties

    def _oauth(self) -> dict[str, str]:
        names = {
            "oauth_client_id": "oauth_client_id",
            "oauth_client_secret": "oauth_client_secret",
            "oauth_token_endpoint": "oauth_token_request_url",
        }
        optional = {name: text for name in ("oauth_scope", "oauth_refresh_token") if (text := self._text(name))}
        return {"authorization_type": "OAUTH"} | {ours: self._required(theirs) for ours, theirs in names.items()} | optional

    def _token(self) -> str:
        if path := self._text("token_file_path"):
            try:
                with open(os.path.expanduser(path), encoding="utf-8") as file:
                    return file.read().strip()
            except (OSError, UnicodeDecodeError) as error:
                raise WarehouseRefused(
                    f"the token of connection {self.name!r} cannot be read ({error}); {KEPT}", hint="check token_file_path"
                ) from error
        return self._text("token") or self._required("password")

    def _key_file(self) -> str | None:
        path = self._text("private_key_file") or self._text("private_key_path")
        return os.path.expanduser(path) if path else None

    def _passphrase(self) -> str | None:
        return next((text for name in _PASSPHRASE_NAMES if (text := self._text(name))), None)

    def _text(self, name: str) -> str | None:
        value = self.parameters.get(name)
        return str(value) if value not in (None, "") else None

    def _required(self, name: str) -> str:
        if text := self._text(name):
            return text
        raise WarehouseRefused(f"connection {self.name!r} has no {name}; {KEPT}", hint=f"add {name} to it in connections.toml")


def read_connection(name: str) -> NamedConnection:
    """The connection of that name. Raises WarehouseRefused where there is none, or where the file cannot be used."""
    with extra_needed():
        from snowflake.connector.config_manager import CONFIG_MANAGER, CONNECTIONS_FILE
        from snowflake.connector.errors import Error

    try:
        CONFIG_MANAGER.read_config()
        found: Any = CONFIG_MANAGER["connections"]
        known = {str(key): dict(value) for key, value in dict(found).items() if hasattr(value, "items")}
    except (Error, ValueError) as error:
        text = _one_line(getattr(error, "msg", None) or str(error))
        raise WarehouseRefused(
            f"the connections of Snowflake cannot be read ({text}); {KEPT}",
            hint=f"mend {CONNECTIONS_FILE} or the config.toml beside it",
        ) from error
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise WarehouseRefused(
            f"SNOW_CONNECTION names {name!r}, which is not in {CONNECTIONS_FILE} (found: {names}); {KEPT}",
            hint=f"add [{name}] there, or name one of those; SNOWFLAKE_HOME says where the file is",
        )
    return NamedConnection(name, known[name])


def hint_for(text: str, connection: NamedConnection) -> str:
    """What a person can do about Snowflake's refusal, by its words and codes."""
    lowered = text.lower()
    place = f"{connection.database}.{connection.schema}"
    signs_with_key = connection.authenticator == "SNOWFLAKE_JWT"
    if any(word in lowered for word in _KEY_WORDS) or (signs_with_key and "authentication failed" in lowered):
        return "check private_key_file and private_key_file_pwd of the connection"
    if "jwt" in lowered or "390144" in lowered:
        return (
            "the key may have been replaced or removed (ALTER USER … SET RSA_PUBLIC_KEY), user or account may be misspelt, "
            "or this machine's clock is off: compare `date -u` with the true time"
        )
    if any(word in lowered for word in _GRANT_WORDS):
        grants = f"USAGE on {place} and INSERT on {place}.CLAUDE_STREAM_V2"
        return f"run `activity-mcp deploy`, or grant its role {grants}: {DOCS_URL}/snowflake.md"
    if any(word in lowered for word in ("expired", "incorrect username", "authentication", "token", "401")):
        return "renew the token or the key of the connection, and check its user and account"
    return f"{DOCS_URL}/snowflake.md lists what the connection needs; `activity-mcp doctor` checks it"


def _is_about_the_network(text: str) -> bool:
    """Nothing answered, or something on the way did; the connector says so in words only."""
    lowered = text.lower()
    return any(word in lowered for word in _NETWORK_WORDS) or re.search(r"error status: (5\d\d|429)", lowered) is not None


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()[:300]
