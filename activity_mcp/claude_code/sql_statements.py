"""SQL that a tool call ran: by an MCP tool that takes SQL, or by ``snow sql``, ``psql``, ``duckdb`` or ``sqlite3`` in Bash.

Each statement is one sql_event with the key ``<key of its call>#<ordinal>``, counted over the call from 1. Hook and import read
the same input, so they agree. What is not written in the call (a file, a variable as a whole) is not guessed at; a text in
which the shell puts something is kept as it is written, with ``unexpanded: true``. Of a call with several statements only the
whole's success is known, so each has it, and where it failed ``_outcome_of_call``: one of them failed, which one is not known.
A duration is recorded where there is one statement.
"""

from __future__ import annotations

from ..activity import derived_id
from ..sql_text import statements_in, without_leading_comments
from .draft import EventDraft
from .shell import Command, commands_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from ..redaction import Redactor


CLIENTS = {"snow": "snowflake", "psql": "postgresql", "duckdb": "duckdb", "sqlite3": "sqlite"}
MAX_STATEMENTS = 50
MAX_SQL_CHARACTERS = 16 * 1024

_MEMBERS = ("sql", "query", "statement")
_SAYS_SQL = ("sql", "query", "statement", "snowflake", "postgres", "duckdb", "bigquery", "redshift", "clickhouse", "databricks")
_ENGINES = (
    ("snowflake", "snowflake"), ("postgres", "postgresql"), ("duckdb", "duckdb"), ("motherduck", "duckdb"),
    ("sqlite", "sqlite"), ("mysql", "mysql"), ("bigquery", "bigquery"), ("redshift", "redshift"),
    ("clickhouse", "clickhouse"), ("databricks", "databricks"),
)  # fmt: skip


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WRAPPERS = _words(
    "sudo env time nohup command exec nice timeout docker docker-compose podman kubectl uv uvx poetry pipx npx xargs"
    " do then else if elif while until ! {"
)
"""Programs that run another, and words of the shell that a command may follow."""
_VALUED = {
    "psql": _words(
        "-h -p -U -v -F -o -P -R -T -L -f -d -c --host --port --username --set --variable --field-separator --output --pset"
        " --file --dbname --command"
    ),
    "duckdb": _words("-c -s -cmd -f -init -separator -nullvalue -newline"),
    "sqlite3": _words("-cmd -init -separator -nullvalue -newline -maxsize -mmap -vfs -pagecache"),
    "snow": _words(
        "-q --query -f --filename -c --connection --environment --database --schema --role --warehouse --account --user"
        " --password --authenticator --private-key-file --format -D --variable --host --port --token-file-path --config-file"
    ),
}
_SQL_OPTIONS = {
    "psql": ("-c", "--command"), "duckdb": ("-c", "-s", "-cmd"), "sqlite3": ("-cmd",), "snow": ("-q", "--query"),
}  # fmt: skip
_PLACES = {
    "psql": {"-d": "database", "--dbname": "database"}, "duckdb": {}, "sqlite3": {},
    "snow": {"--database": "database", "--schema": "schema", "--role": "role", "--warehouse": "warehouse"},
}  # fmt: skip
_OBJECTS = _words(
    "table view schema database index function procedure role user warehouse stage task stream sequence materialized transient"
    " temporary temp external unique or if type extension trigger policy tag share pipe integration file all on select"
)
_SECOND_WORDS = {
    **dict.fromkeys(("insert", "merge", "replace", "copy"), _words("into overwrite or")),
    **dict.fromkeys(("create", "alter", "drop", "truncate", "describe", "desc"), _OBJECTS),
    **dict.fromkeys(("grant", "revoke"), _OBJECTS | _words("usage insert update ownership create")),
    "delete": _words("from"),
    "use": _words("database schema warehouse role secondary"),
    "show": _words("tables databases schemas columns views warehouses grants functions tasks streams stages roles users terse"),
    "explain": _words("select with analyze insert update using"),
}
"""What must follow the first word for a text that is only called a query to be SQL."""


def sql_activities(
    call: str,
    tool_name: str,
    tool_input: Mapping[str, Any],
    *,
    redactor: Redactor,
    success: bool,
    error: str | None,
    latency_ms: float | None,
    shared: Mapping[str, Any],
) -> list[EventDraft]:
    """One draft for each statement that the call ran."""
    found = list(_statements(tool_name, tool_input))[:MAX_STATEMENTS]
    drafts: list[EventDraft] = []
    for ordinal, (sql, place) in enumerate(found, 1):
        key = f"{call}#{ordinal}"
        before = redactor.count
        features: dict[str, Any] = {
            "query_id": key,
            "sql": redactor.text(sql[: MAX_SQL_CHARACTERS + 4096])[:MAX_SQL_CHARACTERS],
            "success": success,
            **redactor.value(place),
        }
        if len(sql) > MAX_SQL_CHARACTERS:
            features["_truncated"] = ["sql"]
        if error is not None:
            features["error"] = error
        if not success and len(found) > 1:
            features["_outcome_of_call"] = True
        if latency_ms is not None and len(found) == 1:
            features["duration_ms"] = latency_ms
        if redactor.count > before:
            features["_redacted"] = redactor.count - before
        drafts.append(EventDraft("sql_event", derived_id("sql_event", "tool_use_id", key), {**features, **shared}))
    return drafts


def _statements(tool_name: str, tool_input: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    texts = _in_command(str(tool_input.get("command"))) if tool_name == "Bash" else _in_tool(tool_name, tool_input)
    for text, place in texts:
        for statement in split_statements(text):
            yield statement, place


# --- MCP tools


def _in_tool(tool_name: str, tool_input: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    lowered = tool_name.lower()
    if not any(word in lowered for word in _SAYS_SQL):
        return
    engine = next((engine for word, engine in _ENGINES if word in lowered), None)
    place = {"engine": engine} if engine else {}
    for name in ("database", "schema", "warehouse", "role"):
        value = tool_input.get(name)
        if isinstance(value, str) and value:
            place[name] = value[:255]
    for name in _MEMBERS:
        text = tool_input.get(name)
        if isinstance(text, str) and (name == "sql" or looks_like_sql(text)):
            yield text, place
            return


def looks_like_sql(text: str) -> bool:
    """Whether a text that is only called a query is SQL, not a question or a search."""
    head = without_leading_comments(text)[:4096].lower()
    words = head.split(None, 2)
    first = words[0].lstrip("(") if words else ""
    if first == "select":
        return any(mark in head for mark in (" from ", "\nfrom ", "*", "(", ",")) or head[6:].strip(" ;\n").isdigit()
    if first == "with":
        return " as" in head and "(" in head and "select" in head
    if first == "update":
        return " set " in head or "\nset " in head
    if first in ("pragma", "values", "call"):
        return "(" in head or first == "pragma"
    return len(words) > 1 and words[1].strip("(;") in _SECOND_WORDS.get(first, ())


# --- commands


def _in_command(line: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for command in commands_of(line):
        at = _client_at(command.words)
        if at is not None:
            yield from _in_client(command, at)


def _client_at(words: list[str]) -> int | None:
    """The index of the client among the words: first, or behind a program that runs another."""
    wrapped = False
    for at, word in enumerate(words[:24]):
        name = word.rpartition("/")[2]
        if name in CLIENTS:
            return at
        is_assignment = "=" in word and word.partition("=")[0].isidentifier()
        if not wrapped and not is_assignment:
            if name not in _WRAPPERS:
                return None
            wrapped = True
    return None


def _in_client(command: Command, at: int) -> Iterator[tuple[str, dict[str, Any]]]:
    client = command.words[at].rpartition("/")[2]
    place: dict[str, Any] = {"engine": CLIENTS[client]}
    texts, bare, reads_file = [], [], False
    words = iter(range(at + 1, len(command.words)))
    for index in words:
        option, value, value_at = _option(command, index, client)
        if option is None:
            bare.append(index)
            continue
        if value_at > index:
            next(words, None)
        if option in _SQL_OPTIONS[client]:
            texts.append((value, value_at in command.expands))
        elif option in _PLACES[client] and value:
            place[_PLACES[client][option]] = value[:255]
        reads_file = reads_file or option in ("-f", "--file", "--filename")
    if client == "snow" and (not bare or command.words[bare[0]] != "sql"):
        return
    if client != "snow" and bare:
        place.setdefault("database", command.words[bare[0]][:255])
    if client in ("duckdb", "sqlite3"):
        texts += [(command.words[index], index in command.expands) for index in bare[1:]]
    if not texts and not reads_file:
        stdin = command.stdin or _echoed(command.piped_from)
        texts = [stdin] if stdin is not None else []
    for text, expands in texts:
        yield _without_meta_commands(text), place | ({"unexpanded": True} if expands else {})


def _option(command: Command, index: int, client: str) -> tuple[str | None, str, int]:
    """The option that the word is, its value, and the index of the word that holds the value; None for a bare word."""
    word, valued = command.words[index], _VALUED[client]
    if not word.startswith("-") or word == "-":
        return None, "", index
    name, equals, value = word.partition("=")
    if equals and name.startswith("--"):
        return name, value, index
    if client == "psql" and not word.startswith("--"):  # its letters may be written together: -tAc "select 1"
        for at, letter in enumerate(word[1:], 2):
            if f"-{letter}" in valued and word[at:]:
                return f"-{letter}", word[at:], index
            if f"-{letter}" in valued:
                word = f"-{letter}"
    if word not in valued:
        return word, "", index
    return word, command.words[index + 1] if index + 1 < len(command.words) else "", index + 1


def _echoed(command: Command | None) -> tuple[str, bool] | None:
    """What ``echo`` pipes into a client."""
    if command is None or command.words[:1] != ["echo"] or any(word.startswith("-") for word in command.words[1:2]):
        return None
    return " ".join(command.words[1:]), bool(command.expands)


def _without_meta_commands(text: str) -> str:
    """Without the lines that are the client's own commands: ``\\d orders``, ``.tables``."""
    return "\n".join(line for line in text.split("\n") if not line.lstrip().startswith(("\\", ".")))


# --- statements


def split_statements(text: str) -> list[str]:
    """The statements of a text, without what surrounds them. A semicolon in quotes, comments, dollar quotes splits none."""
    return [statement.strip() for statement in statements_in(text) if _is_statement(statement)]


def _is_statement(text: str) -> bool:
    rest = without_leading_comments(text)
    return rest[:1].isalpha() or rest[:1] == "("
