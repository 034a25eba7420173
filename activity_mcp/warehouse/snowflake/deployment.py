"""Applying ``sql/`` to Snowflake: what is new or changed, in order, and again from where it stopped.

    plan    each file's text with the names of this installation, and whether it has to be applied
    deploy  statement by statement; a file is noted in DEPLOYED_FILES when its last statement is done

Every statement can be repeated, so going on after a failure is running the failed file again from its top. One thing cannot be
had by repeating: ``CREATE TABLE IF NOT EXISTS`` does not change a table that exists. Hence the definition of each table and
stream has a checksum of its own, comments left out, and a file in which one has changed since it was applied is refused.

Tasks are resumed at the very end, when everything they call is there. What only an account's administrator can grant is tried
by 05_governance.sql, which answers what is left to do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...activity import sha256_hex
from ...errors import CheckFailed, InvalidInput, StatementFailed, WarehouseNewer
from ..base import LAYOUT_VERSION
from .scripts import Statement, split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..base import Statements

GOVERNANCE = "05_governance.sql"
APPLY, UNCHANGED, REFUSED = "apply", "unchanged", "refused"
_HOLDS_DATA = re.compile(r"CREATE\s+(?:TRANSIENT\s+)?(?:TABLE|STREAM)\s+IF\s+NOT\s+EXISTS\s+(\w+)", re.IGNORECASE)
_COMMENT = re.compile(r"COMMENT\s*=?\s*'(?:[^']|'')*'|--[^\n]*", re.IGNORECASE)
_TAKES_OWNER = re.compile(r"CREATE\s+OR\s+REPLACE\s+(?:TASK|PROCEDURE)\b", re.IGNORECASE)
RESUME_TASKS = "CALL RESUME_TASKS()"
_LACKS_POLICIES = "this edition has no policies"
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,200}")
_ROLES = ("WRITER", "READER", "CLIENT", "ADMIN", "ENGINE")
_NOTE = """
MERGE INTO DEPLOYED_FILES AS known
USING (SELECT ? AS file_name, ? AS sha256) AS applied
    ON known.file_name = applied.file_name
WHEN MATCHED THEN
    UPDATE SET sha256 = applied.sha256, applied_at = SYSDATE()
WHEN NOT MATCHED THEN
    INSERT (file_name, sha256, applied_at)
    VALUES (applied.file_name, applied.sha256, SYSDATE())
"""


@dataclass(frozen=True, slots=True)
class Names:
    """What things are called here. ``role`` owns what is created (None: the connection's own role); the five roles of
    05_governance.sql begin with ``role_prefix``."""

    database: str = "CLAUDE_LOGS"
    schema: str = "ACTIVITIES"
    warehouse: str = "COMPUTE_WH"
    role: str | None = None
    role_prefix: str = "ACTIVITY"

    def __post_init__(self) -> None:
        for option in ("database", "schema", "warehouse", "role", "role_prefix"):
            name = getattr(self, option)
            if name is not None and not _IDENTIFIER.fullmatch(name):
                raise InvalidInput(
                    f"{option} {name!r} is not a plain identifier; nothing was applied", hint="letters, digits and _"
                )

    def put_into(self, script: str) -> str:
        """The script with its parameter block, and the roles' names wherever they stand, as they are here."""
        for name, value in (("database", self.database), ("schema", self.schema), ("warehouse", self.warehouse)):
            script = re.sub(rf"^SET activity_{name}\s*= '[^']*';", f"SET activity_{name} = '{value}';", script, flags=re.M)
        if self.role:
            script = re.sub(
                r"^SET activity_role\s*= CURRENT_ROLE\(\);", f"SET activity_role = '{self.role}';", script, flags=re.M
            )
        return re.sub(rf"\bACTIVITY_({'|'.join(_ROLES)})\b", rf"{self.role_prefix}_\1", script)

    @property
    def engine(self) -> str:
        return f"{self.role_prefix}_ENGINE"


@dataclass(frozen=True, slots=True)
class Planned:
    """One file: what is to be done with it, and why."""

    name: str
    text: str
    action: str
    reason: str

    @property
    def sha256(self) -> str:
        return sha256_hex(self.text)

    @property
    def notes(self) -> dict[str, str]:
        """What DEPLOYED_FILES has to say of it: its checksum, and one for each table and stream in it."""
        return {self.name: self.sha256} | _definitions(self.name, self.text)


@dataclass(slots=True)
class Deployed:
    """What a run did: the files applied, the tasks that run now, and those that do not, with Snowflake's words.

    ``owners_taken``: what was applied replaced tasks or procedures, and 05_governance.sql did not give them their owner again.
    """

    files: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    suspended: dict[str, str] = field(default_factory=dict)
    edition_lacks_policies: bool = False
    owners_taken: bool = False


class Deployment:
    """``scripts`` maps the names of the files to their texts, in any order; ``only`` applies that file whatever is noted."""

    def __init__(self, statements: Statements, scripts: Mapping[str, str], names: Names, *, only: str | None = None) -> None:
        self._statements = statements
        self._scripts = {name: names.put_into(scripts[name]) for name in sorted(scripts)}
        self._names = names
        self._only = only

    def plan(self) -> list[Planned]:
        """What would be done, asking only. Raises WarehouseNewer where a newer version has deployed already."""
        found, noted = self._noted()
        if 0 < found < LAYOUT_VERSION:  # 01_migration_setup.sql brings older tables to this layout: what they were is no matter
            noted = {name: sha256 for name, sha256 in noted.items() if ":" not in name}
        made = [self._planned(name, text, noted) for name, text in self._scripts.items() if self._only in (None, name)]
        if any(file.action == APPLY for file in made):  # replacing a task or procedure takes its owner and grants away
            again = "grants and owners are given again"
            made = [
                Planned(file.name, file.text, APPLY, again) if (file.name, file.action) == (GOVERNANCE, UNCHANGED) else file
                for file in made
            ]
        return made

    def deploy(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> Deployed:
        """Apply what the plan says. Raises CheckFailed when it refuses a file, StatementFailed with the place that failed."""
        plan = self.plan()
        refused = [file for file in plan if file.action == REFUSED]
        if refused:
            raise CheckFailed(
                f"{refused[0].name}: {refused[0].reason}; nothing was applied",
                hint="undo the change; or ALTER TABLE to the new shape and then delete its row "
                f"'{refused[0].name}:…' from {self._place}.DEPLOYED_FILES",
            )
        steps = {file.name: split(file.text) for file in plan if file.action == APPLY}
        done, total, result = 0, sum(map(len, steps.values())), Deployed(owners_taken=takes_owners(plan))
        has_tasks = False
        for file in plan:
            for statement in steps.get(file.name, ()):
                if statement.text == RESUME_TASKS:
                    has_tasks = True
                elif self._run(file.name, statement).startswith(_LACKS_POLICIES):
                    result.edition_lacks_policies = True
                done += 1
                on_progress(done, total)
            if file.action == APPLY:
                self._note(file)
                result.files.append(file.name)
        if has_tasks:
            self._resume(result)
        return result

    @property
    def _place(self) -> str:
        return f"{self._names.database}.{self._names.schema}"

    def _planned(self, name: str, text: str, noted: Mapping[str, str]) -> Planned:
        changed = [what for what, sha256 in _definitions(name, text).items() if noted.get(what, sha256) != sha256]
        if changed:
            return Planned(name, text, REFUSED, f"{changed[0].partition(':')[2]} is defined otherwise than when it was applied")
        before, now = noted.get(name), sha256_hex(text)
        if before == now and self._only is None:
            return Planned(name, text, UNCHANGED, "applied already")
        return Planned(name, text, APPLY, "not applied yet" if before is None else "changed since it was applied")

    def _noted(self) -> tuple[int, dict[str, str]]:
        """The layout, and the checksums of what was applied; 0 and none where the tables are not there yet."""
        try:
            versions = self._statements.execute(f"SELECT MAX(version) FROM {self._place}.ACTIVITY_SCHEMA_VERSION")  # noqa: S608
            noted = self._statements.execute(f"SELECT file_name, sha256 FROM {self._place}.DEPLOYED_FILES")  # noqa: S608
        except StatementFailed:
            return 0, {}
        found = int(versions[0][0] or 0) if versions else 0
        if found > LAYOUT_VERSION:
            raise WarehouseNewer(
                f"{self._place} has layout {found}, this version knows {LAYOUT_VERSION}; nothing was applied",
                hint="upgrade activity-mcp",
            )
        return found, {str(name): str(sha256) for name, sha256 in noted}

    def _run(self, name: str, statement: Statement) -> str:
        """Run it; what it answers."""
        try:
            rows = self._statements.execute(statement.text)
        except StatementFailed as error:
            what = " ".join(statement.text.split())[:80]
            raise StatementFailed(
                f"{name}:{statement.line}: {what}: {error.message}",
                hint=error.hint or f"mend the cause and deploy again: it goes on with {name}",
            ) from error
        return str(rows[0][0]) if rows and rows[0] else ""

    def _note(self, file: Planned) -> None:
        for name, sha256 in file.notes.items():
            self._statements.execute(_NOTE, [name, sha256])

    def _resume(self, result: Deployed) -> None:
        """Let the tasks run; RESUME_TASKS answers of each whether it does, and of the others why not."""
        rows = self._statements.execute(RESUME_TASKS)
        for line in str(rows[0][0]).split(" | "):
            task, _, state = line.partition(" ")
            if state == "runs":
                result.tasks.append(task)
            else:
                result.suspended[task] = state.removeprefix("is suspended: ")


def takes_owners(plan: Iterable[Planned]) -> bool:
    """Whether these files, applied alone, replace tasks or procedures: these lose their owner and grants until
    05_governance.sql is applied after them."""
    applied = {file.name: file.text for file in plan if file.action == APPLY}
    return GOVERNANCE not in applied and any(_TAKES_OWNER.search(text) for text in applied.values())


def administrators_grants(names: Names) -> list[str]:
    """What only ACCOUNTADMIN can grant, as statements: for the tasks, for the query history, and for the clients' users."""
    role = names.role or "<the role that deploys>"
    return [
        f"GRANT EXECUTE TASK, EXECUTE MANAGED TASK ON ACCOUNT TO ROLE {names.engine};",
        f"GRANT IMPORTED PRIVILEGES ON DATABASE SNOWFLAKE TO ROLE {role};",
        f"GRANT ROLE {names.role_prefix}_CLIENT TO USER <each recorder's user>;  -- or: deploy --add-user",
        f"GRANT ROLE {names.role_prefix}_READER TO USER <each reader's user>;",
        f"GRANT ROLE {names.role_prefix}_ADMIN TO USER <an administrator of the record>;",
    ]


def _definitions(name: str, text: str) -> dict[str, str]:
    """The checksum of each table and stream that a file defines, by ``file:name``; wording and layout do not count."""
    found = [(match[1], statement.text) for statement in split(text) if (match := _HOLDS_DATA.match(statement.text))]
    return {f"{name}:{what}": sha256_hex(" ".join(_COMMENT.sub(" ", definition).split())) for what, definition in found}
