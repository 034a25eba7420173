"""Deploying to Snowflake, against a DB-API double that keeps what was noted and refuses what it is asked to refuse."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from activity_mcp import package_files
from activity_mcp.__main__ import run
from activity_mcp.errors import (
    CheckFailed,
    InvalidInput,
    StatementFailed,
    WarehouseError,
    WarehouseNewer,
    WarehouseRefused,
    WarehouseUnavailable,
)
from activity_mcp.warehouse.base import LAYOUT_VERSION
from activity_mcp.warehouse.migration_from_v1 import Migration, Progress, SnowflakeMigration
from activity_mcp.warehouse.snowflake.connection import NamedConnection
from activity_mcp.warehouse.snowflake.deployment import (
    APPLY,
    REFUSED,
    UNCHANGED,
    Deployment,
    Names,
    administrators_grants,
)
from activity_mcp.warehouse.snowflake.scripts import split
from activity_mcp.warehouse.snowflake.statements import CursorStatements, snowflake_statements

if TYPE_CHECKING:
    from standins.started import StandIn

SCRIPTS = {path.name: path.read_text() for path in sorted(Path(package_files.path_of("sql")).glob("*.sql"))}
FILES = list(SCRIPTS)
TASKS = ["REFRESH_CONTEXT_TASK", "DAILY_UPKEEP_TASK"]


class DriverError(Exception):
    pass


class Account:
    """What a connection reaches: notes in DEPLOYED_FILES, and a record of every statement. ``refuse`` maps a pattern to the
    error that a matching statement raises."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.noted: dict[str, str] = {}
        self.version = LAYOUT_VERSION
        self.tasks = "runs"
        self.refuse: dict[str, str] = {}
        self.answers: dict[str, list[tuple[Any, ...]]] = {}

    def cursor(self) -> Cursor:
        return Cursor(self)

    def run(self, sql: str, parameters: list[Any] | None) -> list[tuple[Any, ...]]:
        words = " ".join(sql.split())
        self.statements.append(words)
        for pattern, message in self.refuse.items():
            if re.match(pattern, words):
                raise DriverError(message)
        if words.startswith("MERGE INTO DEPLOYED_FILES") and parameters:
            self.noted[parameters[0]] = parameters[1]
        if "DEPLOYED_FILES" in words and words.startswith("SELECT"):
            if not self.noted:
                raise DriverError("Object 'CLAUDE_LOGS.ACTIVITIES.DEPLOYED_FILES' does not exist or not authorized.")
            return list(self.noted.items())
        if words.startswith("SELECT MAX(version)"):
            return [(self.version,)]
        if words == "CALL RESUME_TASKS()":
            return [(" | ".join(f"{task} {self.tasks}" for task in TASKS),)]
        return next((rows for pattern, rows in self.answers.items() if re.match(pattern, words)), [("done",)])


class Cursor:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._rows: list[tuple[Any, ...]] = []

    def execute(self, command: str, params: Any = None) -> None:
        self._rows = self._account.run(command, params)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows

    def close(self) -> None:
        pass


def failed(error: Exception) -> WarehouseError:
    kind = WarehouseUnavailable if "network" in str(error) else WarehouseRefused
    return kind(f"refused: {error}", hint="see to it")


def statements_of(account: Account) -> CursorStatements:
    return CursorStatements(account, DriverError, failed)


def deployment(account: Account, scripts: dict[str, str] | None = None, **names: Any) -> Deployment:
    only = names.pop("only", None)
    return Deployment(statements_of(account), SCRIPTS if scripts is None else scripts, Names(**names), only=only)


def actions(account: Account, scripts: dict[str, str] | None = None) -> dict[str, str]:
    return {file.name: file.action for file in deployment(account, scripts).plan()}


@pytest.fixture
def account() -> Account:
    return Account()


def test_an_empty_account_gets_every_statement_in_order_and_the_tasks_last(account: Account) -> None:
    reported: list[tuple[int, int]] = []
    deployed = deployment(account).deploy(lambda done, total: reported.append((done, total)))
    sent = [text for text in account.statements if "DEPLOYED_FILES AS known" not in text and not text.startswith("SELECT")]
    every = [" ".join(s.text.split()) for name in FILES for s in split(SCRIPTS[name])]
    expected = [text for text in every if text != "CALL RESUME_TASKS()"]
    assert len(every) - len(expected) == 2, "03 by itself lets them run, and so does 05"
    assert sent == [*expected, "CALL RESUME_TASKS()"]
    assert (deployed.files, deployed.tasks, deployed.suspended) == (FILES, TASKS, {})
    assert reported[-1][0] == reported[-1][1]
    assert set(FILES) < account.noted.keys()
    assert {"01_migration_setup.sql:CLAUDE_STREAM_V2", "03_streams_tasks.sql:CLAUDE_STREAM_V2_STREAM"} < account.noted.keys()


def test_what_is_applied_already_is_left_alone(account: Account) -> None:
    assert actions(account) == dict.fromkeys(FILES, APPLY)
    deployment(account).deploy()
    assert actions(account) == dict.fromkeys(FILES, UNCHANGED)
    account.statements.clear()
    deployed = deployment(account).deploy()
    assert (deployed.files, deployed.tasks) == ([], [])
    assert all(text.startswith("SELECT") for text in account.statements)


def test_a_changed_view_is_applied_again_and_the_grants_after_it(account: Account) -> None:
    deployment(account).deploy()
    changed = SCRIPTS | {"04_typed_views.sql": SCRIPTS["04_typed_views.sql"].replace("Calls of the MCP server", "Calls")}
    assert actions(account, changed) == dict.fromkeys(FILES, UNCHANGED) | {
        "04_typed_views.sql": APPLY,
        "05_governance.sql": APPLY,
    }
    assert deployment(account, changed).deploy().files == ["04_typed_views.sql", "05_governance.sql"]
    assert actions(account, changed) == dict.fromkeys(FILES, UNCHANGED)


def test_a_changed_table_is_refused_before_anything_is_applied(account: Account) -> None:
    """CREATE TABLE IF NOT EXISTS would pass over it in silence, and the views would then fail one by one."""
    deployment(account).deploy()
    before = dict(account.noted)
    account.statements.clear()
    changed = SCRIPTS | {
        name: SCRIPTS[name].replace(
            "    pinned          BOOLEAN        NOT NULL", "    pinned          VARCHAR        NOT NULL"
        )
        for name in ("02_artifacts.sql",)
    }
    assert actions(account, changed)["02_artifacts.sql"] == REFUSED
    with pytest.raises(
        CheckFailed, match=r"02_artifacts\.sql: ARTIFACTS is defined otherwise .* nothing was applied"
    ) as caught:
        deployment(account, changed | {"01_migration_setup.sql": SCRIPTS["01_migration_setup.sql"] + "\nSELECT 1;"}).deploy()
    assert "ALTER TABLE" in caught.value.hint
    assert account.noted == before
    assert all(text.startswith("SELECT") for text in account.statements)


def test_a_new_table_and_another_wording_are_applied(account: Account) -> None:
    deployment(account).deploy()
    before = SCRIPTS["02_artifacts.sql"]
    text = before.replace("COMMENT 'Kept beyond expires_at.'", "COMMENT 'Stays beyond expires_at.'")
    assert text != before
    text += "\nCREATE TABLE IF NOT EXISTS MORE (a VARCHAR COMMENT 'A letter.');\n"
    assert actions(account, SCRIPTS | {"02_artifacts.sql": text})["02_artifacts.sql"] == APPLY


def test_a_failure_names_the_place_and_the_next_run_goes_on_there(account: Account) -> None:
    account.refuse = {r"CREATE OR REPLACE SECURE VIEW VW_TOOL_EVENTS": "SQL compilation error: no such column"}
    with pytest.raises(
        StatementFailed, match=r"04_typed_views\.sql:\d+: CREATE OR REPLACE SECURE VIEW VW_TOOL_EVENTS .*no such column"
    ):
        deployment(account).deploy()
    assert "CALL RESUME_TASKS()" not in account.statements
    done = ["01_migration_setup.sql", "02_artifacts.sql", "03_streams_tasks.sql"]
    assert [name for name in FILES if name in account.noted] == done
    account.refuse = {}
    deployed = deployment(account).deploy()
    assert deployed.files == ["04_typed_views.sql", "05_governance.sql"]
    assert deployed.tasks == TASKS, "05 resumes them, though 03 was not applied again"


def test_a_network_that_fails_can_be_tried_again(account: Account) -> None:
    account.refuse = {r"CREATE OR REPLACE SECURE VIEW V_CHANNELS": "the network is gone"}
    with pytest.raises(WarehouseUnavailable) as caught:
        deployment(account).deploy()
    assert caught.value.retryable


def test_tasks_that_may_not_run_are_reported_and_nothing_else_is_lost(account: Account) -> None:
    account.tasks = "is suspended: Cannot execute task, EXECUTE TASK privilege must be granted to owner role"
    deployed = deployment(account).deploy()
    assert deployed.files == FILES
    assert deployed.suspended.keys() == set(TASKS)
    assert "EXECUTE TASK" in deployed.suspended[TASKS[0]]
    grants = administrators_grants(Names(role_prefix="LOGS"))
    assert grants[0] == "GRANT EXECUTE TASK, EXECUTE MANAGED TASK ON ACCOUNT TO ROLE LOGS_ENGINE;"


def test_an_edition_without_policies_gets_everything_else(account: Account) -> None:
    account.answers = {
        r"EXECUTE IMMEDIATE \$\$ BEGIN CREATE ROW ACCESS POLICY": [("this edition has no policies: all see all",)]
    }
    deployed = deployment(account).deploy()
    assert (deployed.files, deployed.tasks, deployed.edition_lacks_policies) == (FILES, TASKS, True)
    account.answers = {}
    account.noted.clear()
    assert not deployment(account).deploy().edition_lacks_policies


def test_tables_of_an_older_layout_are_no_reason_to_refuse(account: Account) -> None:
    deployment(account).deploy()
    account.noted["02_artifacts.sql:INSIGHT_ATOMS"] = "what it was"
    assert actions(account)["02_artifacts.sql"] == REFUSED
    account.version = LAYOUT_VERSION - 1
    assert actions(account)["02_artifacts.sql"] == UNCHANGED


def test_a_newer_layout_is_left_alone(account: Account) -> None:
    deployment(account).deploy()
    account.version = 99
    account.statements.clear()
    with pytest.raises(WarehouseNewer, match="layout 99"):
        deployment(account).deploy()
    assert all(text.startswith("SELECT") for text in account.statements)


def test_one_file_alone_is_applied_changed_or_not(account: Account) -> None:
    deployment(account).deploy()
    assert deployment(account, only="04_typed_views.sql").deploy().files == ["04_typed_views.sql"]


@pytest.mark.parametrize("options", [[], ["--dry-run"]], ids=["applied", "planned"])
def test_a_file_alone_that_takes_owners_away_says_what_must_follow(
    account: Account, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], options: list[str]
) -> None:
    team = NamedConnection("team", {"account": "acme"})
    monkeypatch.setattr("activity_mcp.warehouse.snowflake.connection.read_connection", lambda name: team)
    monkeypatch.setenv("SNOW_CONNECTION", "team")
    reached = nullcontext(statements_of(account))
    monkeypatch.setattr("activity_mcp.warehouse.snowflake.statements.snowflake_statements", lambda connection: reached)
    deployment(account).deploy()
    reported = {}
    for name in (None, *FILES):
        assert run(["deploy", "--role-prefix", "TEAM", *options, *(["--only", name] if name else [])]) == 0
        reported[name] = "TEAM_ENGINE owns them again" in " ".join(capfd.readouterr().err.split())
    assert [name for name, said in reported.items() if said] == FILES[:3]


def test_the_names_of_this_installation_stand_in_every_statement(account: Account) -> None:
    names: dict[str, Any] = {"database": "LOGS", "schema": "S1", "warehouse": "WH", "role": "OWNER", "role_prefix": "TEAM"}
    deployment(account, **names).deploy()
    sent = "\n".join(account.statements)
    for setting in (
        "activity_database = 'LOGS'",
        "activity_schema = 'S1'",
        "activity_warehouse = 'WH'",
        "activity_role = 'OWNER'",
    ):
        assert sent.count(f"SET {setting}") == len(FILES)
    assert "TEAM_WRITER" in sent
    assert not re.search(r"CLAUDE_LOGS|COMPUTE_WH|ACTIVITY_(WRITER|READER|ADMIN|ENGINE)", sent)
    assert "SELECT file_name, sha256 FROM LOGS.S1.DEPLOYED_FILES" in sent


@pytest.mark.parametrize("name", ["a b", "x;DROP", "'", "", "1a", 'a"b'])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="not a plain identifier"):
        Names(database=name)


def test_the_migration_on_snowflake_calls_the_procedures_day_by_day(account: Account) -> None:
    from datetime import datetime

    days = [(datetime(2026, 11, 1), 3), (datetime(2026, 11, 3), 4)]
    account.answers = {r"SELECT day_start, activities FROM V_BACKFILL_PENDING": days,
                       r"SELECT check_name": [("missing", "1", "0", "FAIL", '["a"]')]}  # fmt: skip
    migration, reported = Migration(SnowflakeMigration(statements_of(account))), []
    assert migration.backfill(lambda done, total: reported.append((done, total))) == 7
    assert reported == [(3, 7), (7, 7)]
    migration.dual_write(True)
    with pytest.raises(CheckFailed, match="missing failed"):
        migration.cutover()
    calls = [text for text in account.statements if text.startswith("CALL")]
    copy = "CALL BACKFILL_RANGE_TO_V2(?::TIMESTAMP_NTZ, DATEADD(DAY, 1, ?::TIMESTAMP_NTZ))"
    assert calls == [copy, copy, "CALL SET_MIGRATION_FLAG(?, ?)"]


def test_the_genuine_connector_carries_the_questions(snowflake: StandIn, database: str) -> None:
    """The stand-in has no procedures: what is asked through views is answered, and a refused statement is reported in its words."""
    with snowflake_statements(snowflake.connection(database)) as statements:
        migration = Migration(SnowflakeMigration(statements))
        assert migration.status() == Progress(False, False, 0, 0, 0, 0)
        assert [check.status for check in migration.validate()] == ["PASS"] * 10
        with pytest.raises(StatementFailed, match="SQL compilation error"):
            migration.dual_write(False)
        plan = Deployment(statements, SCRIPTS, Names(database=database)).plan()
        assert [file.action for file in plan] == [APPLY] * len(FILES)
