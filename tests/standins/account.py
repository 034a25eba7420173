"""A model of a Snowflake account that knows who owns what, and refuses what Snowflake refuses of it.

It runs the statements of ``sql/`` as `snow sql -f` sends them, procedures and blocks included (``scripting``). Rows it does not
keep: DML changes nothing, and a question is answered from ``answers`` or with zeros. What it knows, with the documentation it
was read in (docs.snowflake.com/en/…):

    ownership     CREATE OR REPLACE needs the object's owner and makes the present role the owner; grants go, unless COPY GRANTS
                  (sql-reference/sql/create-view, create-task)
    transfer      of a task that runs is refused; to its present owner it suspends it (sql-reference/sql/grant-ownership)
    resuming      asks for OWNERSHIP or OPERATE, and whether the *owner* may EXECUTE TASK and EXECUTE MANAGED TASK (user-guide/tasks-intro)
    replaced      a task is suspended (sql-reference/sql/create-task)
    account       EXECUTE TASK is ACCOUNTADMIN's to grant; a warehouse is its owner's (user-guide/security-access-control-privileges)
    policies      a table has at most one row access policy; an edition without them says "Unsupported feature"
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from duckdb_sql.scripts import split

from .scripting import Block, Raised, run_block

ADMIN = "ACCOUNTADMIN"
_CREATE = re.compile(
    r"CREATE (?P<replace>OR REPLACE )?(?:SECURE |TRANSIENT )?(?P<kind>ROW ACCESS POLICY|MASKING POLICY|RESOURCE MONITOR|\w+) "
    r"(?P<exists>IF NOT EXISTS )?(?P<name>IDENTIFIER\(\$\w+\)|\w+)",
    re.IGNORECASE,
)
_OWNED_KINDS = {"TABLE", "VIEW", "STREAM", "TASK", "PROCEDURE", "FUNCTION"}


class Refused(Exception):
    """What Snowflake says instead of doing it."""


@dataclass
class Thing:
    """An object: who owns it, what it is, and which roles were granted what on it."""

    kind: str
    owner: str
    text: str = ""
    grants: set[tuple[str, str]] = field(default_factory=set)
    runs: bool = False
    row_policy: str = ""
    masks: dict[str, str] = field(default_factory=dict)

    def is_governed(self, masks: set[str]) -> bool:
        """Whether it has a row policy, and masks on exactly these columns."""
        return bool(self.row_policy) and self.masks.keys() == masks


@cache
def _words(sql: str) -> str:
    """A statement without comments, on one line. Cached: every account of a run executes the same files."""
    return " ".join(re.sub(r"--[^\n]*", "", sql).split())


@cache
def _statements(text: str) -> list[str]:
    return [statement.text for statement in split(text)]


class Account:
    """``role`` is the role that connects, which may create roles and objects; ``edition`` is standard or enterprise."""

    def __init__(self, *, role: str = "DEPLOYER", edition: str = "enterprise") -> None:
        self.role = self._connects_as = role
        self.edition = edition
        self.things: dict[str, Thing] = {"COMPUTE_WH": Thing("WAREHOUSE", ADMIN)}
        self.roles: dict[str, set[str]] = {ADMIN: {role}, role: set()}  # role → roles that are granted to it
        self.account_grants: set[tuple[str, str]] = {("EXECUTE TASK", ADMIN), ("EXECUTE MANAGED TASK", ADMIN)}
        self.answers: dict[str, list[tuple[Any, ...]]] = {}
        self.flags = {"dual_write_enabled": False, "read_from_v2": False}
        self.contexts_made_anew = 0
        self.noted: dict[str, str] = {}  # what a deployment wrote down: file → checksum
        self._variables: dict[str, str] = {}

    # --- what a test does

    def run_file(self, text: str) -> list[str]:
        """As `snow sql -f` does: statement by statement, to the first that is refused. What each answered."""
        self.role, self._variables = self._connects_as, {}
        return [self.execute(statement) for statement in _statements(text)]

    def execute(self, sql: str, local: dict[str, Any] | None = None) -> str:
        """One statement; its answer. Raises Refused."""
        words = _words(sql)
        if "IDENTIFIER($" in words:
            words = re.sub(r"IDENTIFIER\(\$(\w+)\)", lambda found: self._variables[found[1].lower()], words)
        begin = words[:32].upper()
        for start, handler in self._handlers:
            if begin.startswith(start):
                return str(handler(sql, words, local or {}))
        raise AssertionError(f"the model does not know: {words[:100]}")

    def holders(self, role: str) -> set[str]:
        """The role and every role granted to it, directly or not: whose privileges it has."""
        found, waiting = set(), [role]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.roles.get(one, set())
        return found

    def may(self, role: str, privilege: str, name: str) -> bool:
        thing, has = self.things[name], self.holders(role)
        return thing.owner in has or any((privilege, one) in thing.grants for one in has)

    def of_kind(self, kind: str) -> dict[str, Thing]:
        return {name: thing for name, thing in self.things.items() if thing.kind == kind}

    # --- statements

    @cached_property
    def _handlers(self) -> list[tuple[str, Callable[[str, str, dict[str, Any]], str]]]:
        """The beginning of a statement and what does it, in the order in which they are tried."""
        nothing = lambda sql, words, local: "done"  # noqa: E731
        handlers = {
            "SET ": self._set, "USE ROLE ": self._use_role, "USE ": nothing, "CREATE ": self._create, "DROP ": self._drop,
            "ALTER TASK ": self._alter_task, "ALTER TABLE ": self._alter_table, "ALTER ROW ACCESS POLICY ": self._policy,
            "ALTER MASKING POLICY ": self._policy, "ALTER ": nothing, "GRANT OWNERSHIP ": self._transfer,
            "GRANT ROLE ": self._grant_role, "GRANT ": self._grant, "REVOKE ": self._revoke,
            "EXECUTE IMMEDIATE ": self._block, "CALL ": self._call, "MERGE ": nothing, "INSERT ": nothing, "DELETE ": nothing,
            "UPDATE MIGRATION_FLAGS": self._flag, "UPDATE ": nothing, "SELECT ": self._ask, "BEGIN": nothing, "COMMIT": nothing,
            "ROLLBACK": nothing,
        }  # fmt: skip
        return list(handlers.items())

    def _set(self, sql: str, words: str, local: dict[str, Any]) -> str:
        name, value = words.removeprefix("SET ").split(" = ")
        self._variables[name.strip().lower()] = self.role if value == "CURRENT_ROLE()" else value.strip("'")
        return "done"

    def _use_role(self, sql: str, words: str, local: dict[str, Any]) -> str:
        wanted = words.removeprefix("USE ROLE ")
        if wanted not in self.holders(self._connects_as):
            raise Refused(f"Requested role '{wanted}' is not assigned to the executing user.")
        self.role = wanted
        return "done"

    def _create(self, sql: str, words: str, local: dict[str, Any]) -> str:
        found = _CREATE.match(words)
        assert found is not None, words[:80]
        kind, name = found["kind"].upper(), found["name"]
        if "POLICY" in kind and self.edition == "standard":
            raise Refused(f"SQL compilation error: Unsupported feature '{kind}'.")
        if kind == "ROLE":
            self.roles.setdefault(name, set())
            return "done"
        old = self.things.get(name)
        if old is not None and not found["replace"]:
            if not found["exists"]:
                raise Refused(f"Object '{name}' already exists.")
            return "already exists"
        if old is not None and old.owner not in self.holders(self.role):
            raise Refused(f"Insufficient privileges to operate on {kind.lower()} '{name}'")
        made = Thing(kind, self.role, sql)
        if old is not None and "COPY GRANTS" in words:
            made.grants = set(old.grants)
        self.things[name] = made
        return "done"

    def _drop(self, sql: str, words: str, local: dict[str, Any]) -> str:
        found = re.match(r"DROP (ROW ACCESS POLICY|MASKING POLICY|\w+) (IF EXISTS )?(\w+)", words)
        assert found is not None, words
        kind, exists, name = found.groups()
        if kind == "ROLE":
            self.roles.pop(name, None)
            for granted in self.roles.values():
                granted.discard(name)
            return "done"
        if kind == "SCHEMA":
            self.things = {other: thing for other, thing in self.things.items() if thing.kind in ("WAREHOUSE", "DATABASE")}
            return "done"
        if name not in self.things and not exists:
            raise Refused(f"{kind} '{name}' does not exist or not authorized.")
        if name in self.things:
            self._must_own(name)
            del self.things[name]
        return "done"

    def _alter_task(self, sql: str, words: str, local: dict[str, Any]) -> str:
        found = re.match(r"ALTER TASK (IF EXISTS )?(\w+) (SUSPEND|RESUME)", words)
        assert found is not None, words
        exists, name, action = found.groups()
        if name not in self.things:
            if exists:
                return "done"
            raise Refused(f"Task '{name}' does not exist or not authorized.")
        task = self.things[name]
        if not self.may(self.role, "OPERATE", name):
            raise Refused(f"Insufficient privileges to operate on task '{name}'")
        if action == "RESUME":
            has = self.holders(task.owner)
            for privilege in ("EXECUTE TASK", "EXECUTE MANAGED TASK"):
                if not any((privilege, role) in self.account_grants for role in has):
                    raise Refused(f"Cannot execute task, {privilege} privilege must be granted to owner role")
        task.runs = action == "RESUME"
        return "done"

    def _alter_table(self, sql: str, words: str, local: dict[str, Any]) -> str:
        found = re.match(r"ALTER TABLE (?:IF EXISTS )?(\w+) (.*)", words)
        assert found is not None
        name, change = found.groups()
        self._must_own(name)
        table = self.things[name]
        if match := re.match(r"ADD ROW ACCESS POLICY (\w+)", change):
            if table.row_policy:
                raise Refused(f"Object {name} already has a ROW_ACCESS_POLICY. Only one is allowed at a time.")
            table.row_policy = match[1]
        elif match := re.match(r"DROP ROW ACCESS POLICY (\w+)", change):
            if table.row_policy != match[1]:
                raise Refused(f"Policy {match[1]} is not attached to {name}")
            table.row_policy = ""
        elif match := re.match(r"MODIFY COLUMN (\w+) SET MASKING POLICY (\w+) FORCE", change):
            if match[2] not in self.things:
                raise Refused(f"Masking policy '{match[2]}' does not exist or not authorized.")
            table.masks[match[1]] = match[2]
        return "done"

    def _policy(self, sql: str, words: str, local: dict[str, Any]) -> str:
        name = re.match(r"ALTER (?:ROW ACCESS|MASKING) POLICY (\w+) SET BODY", words)
        assert name is not None, words[:80]
        self._must_own(name[1])
        self.things[name[1]].text = sql
        return "done"

    def _transfer(self, sql: str, words: str, local: dict[str, Any]) -> str:
        found = re.match(
            r"GRANT OWNERSHIP ON (?:ALL (\w+)S IN SCHEMA \w+|TASK (\w+)) TO ROLE (\w+) COPY CURRENT GRANTS$", words
        )
        assert found is not None, words
        kind, task, role = found.groups()
        names = [task] if task else list(self.of_kind(kind))
        for name in names:
            self._must_own(name)
            thing = self.things[name]
            if thing.kind == "TASK" and thing.runs and thing.owner != role:
                raise Refused(f"Cannot transfer ownership of the task {name}: suspend it first.")
            thing.runs = thing.runs and thing.kind != "TASK"
            thing.owner = role
        return "done"

    def _grant_role(self, sql: str, words: str, local: dict[str, Any]) -> str:
        found = re.match(r"GRANT ROLE (\w+) TO ROLE (\w+)$", words)
        assert found is not None, words
        self.roles[found[2]].add(found[1])
        return "done"

    def _grant(self, sql: str, words: str, local: dict[str, Any]) -> str:
        if found := re.match(r"GRANT (.*) ON ACCOUNT TO ROLE (\w+)$", words):
            if ADMIN not in self.holders(self.role):
                raise Refused("Insufficient privileges: EXECUTE TASK can be granted by ACCOUNTADMIN only")
            self.account_grants |= {(privilege, found[2]) for privilege in found[1].split(", ")}
            return "done"
        found = re.match(r"GRANT (.*) ON (?:ALL (\w+)S IN SCHEMA \w+|(\w+) (\w+)) TO ROLE (\w+)$", words)
        assert found is not None, words
        privileges, all_of, _, name, role = found.groups()
        assert role in self.roles, role
        for one in self.of_kind(all_of) if all_of else [name]:
            if one not in self.things:
                raise Refused(f"'{one}' does not exist or not authorized.")
            self._must_own(one)
            self.things[one].grants |= {(privilege, role) for privilege in privileges.split(", ")}
        return "done"

    def _revoke(self, sql: str, words: str, local: dict[str, Any]) -> str:
        found = re.match(r"REVOKE (\w+) ON ALL (\w+)S IN SCHEMA \w+ FROM ROLE (\w+)$", words)
        assert found is not None, words
        for thing in self.of_kind(found[2]).values():
            thing.grants.discard((found[1], found[3]))
        return "done"

    def _block(self, sql: str, words: str, local: dict[str, Any]) -> str:
        if "$$" not in sql:
            return self.execute(str(local[words.split(":")[1]]), local)
        return str(run_block(Block(sql.split("$$")[1]), self._in_block, {}))

    def _call(self, sql: str, words: str, local: dict[str, Any]) -> str:
        found = re.match(r"CALL (\w+)\((.*)\)$", words)
        assert found is not None, words
        name, given = found.groups()
        procedure = self.things.get(name)
        if procedure is None or not self.may(self.role, "USAGE", name):
            raise Refused(f"Unknown user-defined function {name} or insufficient privileges")
        if name == "REBUILD_CONTEXTS":
            self.contexts_made_anew += 1
        if name in ("REBUILD_CONTEXTS", "FOLD_BATCH", "BACKFILL_TO_V2"):
            return "done"
        names = [part.split()[0] for part in re.findall(r"\((.*?)\)", procedure.text)[0].split(",") if part.strip()]
        values = [_value(part.strip(), local) for part in given.split(",") if part.strip()]
        caller, self.role = self.role, procedure.owner  # with the owner's rights
        try:
            body = Block(procedure.text.split("$$")[1])
            return str(run_block(body, self._in_block, dict(zip(names, values, strict=True))))
        finally:
            self.role = caller

    def _in_block(self, sql: str, local: dict[str, Any]) -> Any:
        try:
            return self.execute(sql, local)
        except Refused as refusal:
            raise Raised(str(refusal)) from refusal

    def _flag(self, sql: str, words: str, local: dict[str, Any]) -> str:
        self.flags[local["flag_name"]] = bool(local["is_on"])
        return "done"

    def _ask(self, sql: str, words: str, local: dict[str, Any]) -> str:
        """``SELECT … AS name INTO :name``: from ``answers`` by name, the flags as they are, else zero."""
        for name in re.findall(r":(\w+)", (re.search(r"INTO ((?::\w+,? ?)+)", words) or [""])[0]):
            known = {"runs_dual_write": self.flags["dual_write_enabled"]}
            local[name] = known.get(name, self.answers.get(name, [(0,)])[0][0])
        return "done"

    def _must_own(self, name: str) -> None:
        if name not in self.things:
            raise Refused(f"'{name}' does not exist or not authorized.")
        if self.things[name].owner not in self.holders(self.role):
            raise Refused(f"Insufficient privileges to operate on {self.things[name].kind.lower()} '{name}'")


def _value(text: str, local: dict[str, Any]) -> Any:
    if text.startswith(":"):
        return local[text[1:]]
    return {"TRUE": True, "FALSE": False}.get(text.upper(), text.strip("'"))
