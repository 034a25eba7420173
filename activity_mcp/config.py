"""The environment, read once at the edge and handed on as one frozen value.

Every variable of docs/configuration.md is parsed here and nowhere else. A bad value raises InvalidConfig naming the variable;
it is never replaced by a default. Light enough for a hook: standard library only on Linux.
"""

from __future__ import annotations

import os
import sys

from .activity import MAX_TEXT, sha256_hex
from .errors import InvalidConfig
from .fs import LOCAL
from .project import working_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

    from .redaction import Redactor

MAX_INJECT = 8000
OTLP_PORT = 8758


class Config:
    """What the environment asks for. Paths are absolute text; times carry their unit in the name."""

    __slots__ = (
        "backpressure_ms", "budget_day_usd", "budget_month_usd", "context_max_stale_s", "context_ttl_s", "customer", "db",
        "home", "http_token",
        "inject_chars", "interval_ms", "log_format", "log_level",
        "max_queue_bytes", "org_id", "otlp_is_asked", "otlp_port", "prompts", "queue_root", "record", "redact",
        "retention_days", "snow_connection",
    )  # fmt: skip

    home: str
    queue_root: str
    db: str
    snow_connection: str | None
    backpressure_ms: int
    max_queue_bytes: int
    budget_day_usd: float | None
    budget_month_usd: float | None
    customer: str | None
    org_id: str | None
    context_ttl_s: float
    context_max_stale_s: float
    interval_ms: int | None
    """None: every event is synced before its answer; else the longest time an event may go unsynced."""
    redact: bool
    prompts: str
    record: bool
    inject_chars: int
    retention_days: int
    log_level: str
    log_format: str
    http_token: str | None
    otlp_port: int | None
    """Where Claude Code's exporter may report; None: nowhere. Where not ``otlp_is_asked``, only after ``install --otel``."""
    otlp_is_asked: bool

    def __init__(self, **values: Any) -> None:
        for name in self.__slots__:
            object.__setattr__(self, name, values[name])

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Config is frozen: {name}")

    @property
    def is_embedded(self) -> bool:
        """Whether the warehouse is a file on this machine."""
        return not self.snow_connection

    @property
    def sink(self) -> str:
        """The name of the warehouse this queue belongs to."""
        return f"snowflake:{self.snow_connection}" if self.snow_connection else f"duckdb:{os.path.realpath(self.db)}"

    @property
    def queue_dir(self) -> str:
        """One queue per warehouse, so that two configurations never ship each other's rows."""
        kind = "snowflake" if self.snow_connection else "duckdb"
        return os.path.join(self.queue_root, f"{kind}-{sha256_hex(self.sink)[:12]}")

    @property
    def artifacts_dir(self) -> str:
        return os.path.join(self.home, "artifacts")

    def redactor(self, *, remembers: bool = False) -> Redactor:
        """What redacts here: the built-in rules, and those of ``redaction.json`` in the home. Raises InvalidConfig.

        ``remembers``: for a process that redacts much (``Redactor``).
        """
        from .redaction import Redactor

        if not self.redact:
            return Redactor(enabled=False)
        try:
            data = LOCAL.read(os.path.join(self.home, "redaction.json"))
        except (FileNotFoundError, NotADirectoryError):
            return Redactor(remembers=remembers)
        except OSError as error:
            raise InvalidConfig("redaction.json", f"it cannot be read ({error.strerror})", hint="mend or remove it") from error
        from .plain_json import loads
        from .redaction.settings import parse_settings

        return Redactor(settings=parse_settings(data, loads), remembers=remembers)


def read_config(environ: Mapping[str, str]) -> Config:
    """The configuration of this environment. Raises InvalidConfig for the first value that cannot be used."""
    home = _directory(environ.get("ACTIVITY_HOME") or default_home(environ))
    connection = _utf8("SNOW_CONNECTION", environ.get("SNOW_CONNECTION", ""), "name the connection otherwise") or None
    db = _directory(environ.get("ACTIVITY_DB") or os.path.join(home, "activity.duckdb"))
    _refuse_unusable(environ, home, None if connection else db)
    return Config(
        home=home,
        queue_root=_directory(environ.get("QUEUE_DIR") or os.path.join(home, "queue")),
        db=db,
        snow_connection=connection,
        backpressure_ms=_integer(environ, "BACKPRESSURE_THRESHOLD", 120_000, 1, "milliseconds"),
        max_queue_bytes=_integer(environ, "MAX_QUEUE_SIZE", 50 * 1024 * 1024, 64 * 1024, "bytes"),
        budget_day_usd=_budget(environ, "ACTIVITY_BUDGET_DAY_USD"),
        budget_month_usd=_budget(environ, "ACTIVITY_BUDGET_MONTH_USD"),
        customer=_name(environ, "ACTIVITY_CUSTOMER"),
        org_id=_name(environ, "ACTIVITY_ORG"),
        context_ttl_s=_number(environ, "ACTIVITY_CONTEXT_TTL", 30, "seconds"),
        context_max_stale_s=_number(environ, "ACTIVITY_CONTEXT_MAX_STALE", 3600, "seconds"),
        interval_ms=_interval(environ.get("ACTIVITY_DURABILITY") or "event"),
        redact=_choice(environ, "ACTIVITY_REDACT", ("on", "off")) == "on",
        prompts=_choice(
            environ, "ACTIVITY_PROMPTS", ("hash", "excerpt", "full") if connection else ("excerpt", "hash", "full")
        ),
        record=_choice(environ, "ACTIVITY_RECORD", ("on", "off")) == "on",
        inject_chars=_inject(environ),
        retention_days=_integer(environ, "ACTIVITY_RETENTION_DAYS", 180, 1, "days"),
        log_level=_choice(environ, "ACTIVITY_LOG_LEVEL", ("warning", "debug", "info", "error")),
        log_format=_choice(environ, "ACTIVITY_LOG_FORMAT", ("text", "json")),
        otlp_port=_port(environ.get("ACTIVITY_OTLP_PORT") or ""),
        otlp_is_asked=bool(environ.get("ACTIVITY_OTLP_PORT")),
        http_token=_token(environ.get("ACTIVITY_HTTP_TOKEN") or ""),
    )


def default_home(environ: Mapping[str, str]) -> str:
    """The platform's state directory. On Linux by the XDG rule itself, which is what platformdirs would answer."""
    if _is_linux():
        state = environ.get("XDG_STATE_HOME", "").strip()
        if not os.path.isabs(state):  # "consider the path invalid and ignore it", says the rule
            state = os.path.join(_home(environ), ".local", "state")
        return os.path.join(state, "activity-mcp")
    import platformdirs

    return platformdirs.user_state_dir("activity-mcp", appauthor=False)


def _home(environ: Mapping[str, str]) -> str:
    home = environ.get("HOME") or os.path.expanduser("~")
    if not os.path.isabs(home):
        what = f"{home!r} is not an absolute path" if home != "~" else "it is not set, and this user has no home directory"
        raise InvalidConfig("HOME", what, hint="set HOME, or ACTIVITY_HOME to a directory on a local disk")
    return home


def _is_linux() -> bool:
    return str(sys.platform).startswith("linux")


def _directory(text: str) -> str:
    text = os.path.expanduser(text)
    return os.path.normpath(text if os.path.isabs(text) else os.path.join(working_directory(), text))


def _refuse_unusable(environ: Mapping[str, str], home: str, db: str | None) -> None:
    """Raise InvalidConfig for a path that cannot be used, before anything is recorded that could then not be shipped."""
    place = next((name for name in ("ACTIVITY_HOME", "XDG_STATE_HOME") if environ.get(name)), "HOME")
    places = [(place, home, ()), ("ACTIVITY_DB" if environ.get("ACTIVITY_DB") else place, db or "", ("?", "\\"))]
    for variable, path, refused in places:
        _utf8(variable, path, "rename the directory, or choose another")
        for character in refused:
            if character in path:
                reason = f"{path!r} holds {character!r}, with which DuckDB opens no file"
                raise InvalidConfig(variable, reason, hint="choose a path without it")


def _utf8(variable: str, text: str, hint: str) -> str:
    if any("\udc80" <= character <= "\udcff" for character in text):
        raise InvalidConfig(variable, f"{text!r} is not UTF-8", hint=hint)
    return text


def _integer(environ: Mapping[str, str], name: str, default: int, least: int, unit: str) -> int:
    text = environ.get(name)
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= 1 << 50:
        raise InvalidConfig(
            name, f"{text!r} is not a whole number of {unit}, at least {least}", hint=f"the default is {default}"
        )
    return value


def _name(environ: Mapping[str, str], variable: str) -> str | None:
    text = environ.get(variable, "").strip()
    if len(text) > MAX_TEXT:
        raise InvalidConfig(variable, f"{len(text)} characters, at most {MAX_TEXT} fit")
    return text or None


def _number(environ: Mapping[str, str], name: str, default: float, unit: str) -> float:
    text = environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise InvalidConfig(name, f"{text!r} is not a positive number of {unit}", hint=f"the default is {default}")
    return value


def _budget(environ: Mapping[str, str], name: str) -> float | None:
    if not environ.get(name):
        return None
    try:
        value = float(environ[name])
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise InvalidConfig(name, f"{environ[name]!r} is not a positive number of US dollars", hint="leave it out for none")
    return value


def _choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """One of the choices, of which the first is the default."""
    text = (environ.get(name) or choices[0]).strip().lower()
    if text not in choices:
        raise InvalidConfig(name, f"{text!r} is not one of {', '.join(choices)}", hint=f"the default is {choices[0]}")
    return text


def _token(text: str) -> str | None:
    if not all("!" <= character <= "~" for character in text):
        raise InvalidConfig("ACTIVITY_HTTP_TOKEN", "it may hold only what a header can carry: visible ASCII without spaces")
    return text or None


def _port(text: str) -> int | None:
    if text == "off":
        return None
    if not text:
        return OTLP_PORT
    if not (text.isascii() and text.isdecimal()) or not 0 <= int(text) <= 65_535:
        raise InvalidConfig("ACTIVITY_OTLP_PORT", f"{text!r} is neither 'off' nor a port", hint=f"the default is {OTLP_PORT}")
    return int(text)


def _interval(text: str) -> int | None:
    if text == "event":
        return None
    kind, _, millis = text.partition(":")
    if kind != "interval" or not (millis.isascii() and millis.isdecimal()) or not 1 <= int(millis) <= 60_000:
        raise InvalidConfig("ACTIVITY_DURABILITY", f"{text!r} is neither 'event' nor 'interval:<1..60000 ms>'")
    return int(millis)


def _inject(environ: Mapping[str, str]) -> int:
    text = environ.get("ACTIVITY_INJECT") or "2000"
    if text == "off":
        return 0
    if not (text.isascii() and text.isdecimal()) or int(text) > MAX_INJECT:
        raise InvalidConfig("ACTIVITY_INJECT", f"{text!r} is neither 'off' nor a number of characters up to {MAX_INJECT}")
    return int(text)
