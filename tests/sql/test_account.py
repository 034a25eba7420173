"""sql/ in order, for a fresh and for a running account: nothing is refused, governance is never open, and the tasks run at the end."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from activity_mcp.warehouse.base import LAYOUT_VERSION
from activity_mcp.warehouse.snowflake.deployment import Deployment, Names
from duckdb_sql.scripts import split
from lengths import some
from sql.support import SQL
from standins.account import ADMIN, Account, Refused

SCRIPTS = {path.name: path.read_text(encoding="utf-8") for path in sorted(SQL.glob("*.sql"))}
FILES = list(SCRIPTS)
UNINSTALL = (SQL / "optional" / "uninstall.sql").read_text(encoding="utf-8")
TASKS = {"REFRESH_CONTEXT_TASK", "DAILY_UPKEEP_TASK", "DUAL_WRITE_TASK"}
MASKED = {
    "CLAUDE_STREAM_V2": {"feature_json"},
    "CONTEXT_CACHE": {"context_blob"},
    "ARTIFACTS": {"sample_rows", "content_schema"},
    "INSIGHT_ATOMS": {"value", "item"},
    "SCHEMA_DRIFT": {"sample_reason"},
    "ACTIVITY_STREAM": {"feature_1", "feature_2", "feature_3"},
}
THROUGH_VIEWS = {"CLAUDE_STREAM_V2", "SCHEMA_DRIFT", "ACTIVITY_STREAM"}
READER = "ACTIVITY_READER"


class Watched(Account):
    """After each statement nothing that READER may select from lacks its policy and its masks."""

    def execute(self, sql: str, local: dict[str, Any] | None = None) -> str:
        answer = super().execute(sql, local)
        if self.edition == "enterprise":
            assert self.open_tables() == set(), sql[:80]
        return answer

    def open_tables(self) -> set[str]:
        """Tables without their policies that READER can read: granted, or through views, which read with their owner's rights."""
        bare = {name for name, masks in MASKED.items() if name in self.things and not self.things[name].is_governed(masks)}
        if not bare:
            return bare
        readable = self.readable()
        return bare & (readable | (THROUGH_VIEWS if any(self.things[name].kind == "VIEW" for name in readable) else set()))

    def readable(self) -> set[str]:
        return {name for name, thing in self.things.items() if ("SELECT", READER) in thing.grants}

    def running(self) -> set[str]:
        return {name for name, thing in self.of_kind("TASK").items() if thing.runs}


def administered(**options: Any) -> Watched:
    """An account whose deploying role is ACCOUNTADMIN."""
    return Watched(role=ADMIN, **options)


def granted(**options: Any) -> Watched:
    """One where an administrator has given the engine its rights; the deploying role is another."""
    account = Watched(**options)
    account.account_grants |= {(right, "ACTIVITY_ENGINE") for right in ("EXECUTE TASK", "EXECUTE MANAGED TASK")}
    account.account_grants |= {(right, account.role) for right in ("EXECUTE TASK", "EXECUTE MANAGED TASK")}
    return account


def by_hand(account: Account, files: list[str] = FILES) -> None:
    """`snow sql -f` for each, in order."""
    for name in files:
        account.run_file(SCRIPTS[name])


def by_deploy(account: Account, scripts: dict[str, str] = SCRIPTS) -> Any:
    """`activity-mcp deploy`."""
    account.role = account._connects_as
    return Deployment(Connected(account), scripts, Names()).deploy()


class Connected:
    """``Statements`` on the model, which keeps what was noted."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._notes = account.noted

    def execute(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        words = sql.split()
        if "DEPLOYED_FILES AS known" in sql:
            self._notes[parameters[0]] = parameters[1]
            return []
        if words[0] == "SELECT" and "DEPLOYED_FILES" in sql:
            return list(self._notes.items())
        if words[0] == "SELECT" and "ACTIVITY_SCHEMA_VERSION" in sql:
            return [(LAYOUT_VERSION,)] if self._notes else [(0,)]
        return [(self._account.execute(sql),)]


def assert_governed(account: Watched, *, dual_write: bool = False) -> None:
    wanted = TASKS if dual_write else TASKS - {"DUAL_WRITE_TASK"}
    assert account.running() == wanted
    engine = {thing.owner for kind in ("TASK", "PROCEDURE", "STREAM") for thing in account.of_kind(kind).values()}
    assert engine == {"ACTIVITY_ENGINE"}
    assert account.may("ACTIVITY_ADMIN", "OPERATE", "REFRESH_CONTEXT_TASK")
    assert account.may(READER, "MONITOR", "REFRESH_CONTEXT_TASK")
    assert account.may("ACTIVITY_ADMIN", "SELECT", "ACCESS_MAP")
    assert account.may("ACTIVITY_ENGINE", "USAGE", "IS_OWN_EVENT")
    assert not account.may(READER, "SELECT", "V_QUERY_HISTORY")
    assert account.things["SUPERSEDED"].row_policy == ""
    views = {name for name in account.of_kind("VIEW") if name.startswith("VW_")}
    operators = {"V_CHANNELS", "V_DOUBLED_OFFSETS", "V_STREAM_LAG", "V_TASK_MONITORING"}
    tables = {"CONTEXT_CACHE", "ARTIFACTS", "INSIGHT_ATOMS", "SCHEMA_DRIFT", "ACTIVITY_SCHEMA_VERSION"}
    assert account.readable() == views | operators | tables
    assert all("SECURE VIEW" in account.things[name].text for name in views | operators)


@pytest.mark.parametrize("made", [administered, granted])
def test_the_five_files_in_order_make_a_governed_account(made: Any) -> None:
    account = made()
    by_hand(account)
    assert_governed(account)


@pytest.mark.parametrize("made", [administered, granted])
@pytest.mark.parametrize("dual_write", [False, True])
def test_the_five_files_in_order_again_leave_a_running_account_as_it_was(made: Any, dual_write: bool) -> None:
    account = made()
    by_hand(account)
    account.execute(f"CALL SET_MIGRATION_FLAG('dual_write_enabled', {str(dual_write).upper()})")
    by_hand(account)
    assert_governed(account, dual_write=dual_write)


@pytest.mark.parametrize("first", [by_hand, by_deploy])
@pytest.mark.parametrize("changed", FILES)
@pytest.mark.parametrize("dual_write", [False, True])
def test_a_changed_file_is_deployed_without_a_task_staying_behind(first: Any, changed: str, dual_write: bool) -> None:
    account = administered()
    first(account)
    by_deploy(account)
    account.execute(f"CALL SET_MIGRATION_FLAG('dual_write_enabled', {str(dual_write).upper()})")
    deployed = by_deploy(account, SCRIPTS | {changed: SCRIPTS[changed] + "\n-- changed\n"})
    assert changed in deployed.files
    assert deployed.suspended == {}
    assert_governed(account, dual_write=dual_write)


def test_the_first_four_files_alone_make_a_recorder_whose_tasks_can_run() -> None:
    account = administered()
    by_hand(account, FILES[:4])
    assert account.running() == TASKS - {"DUAL_WRITE_TASK"}
    for procedure in ("CLEAN_UP", "APPLY_RETENTION", "REFRESH_CONTEXT"):
        assert procedure in account.of_kind("PROCEDURE")
    assert account.readable() == set()


def test_without_the_administrators_grants_everything_is_there_and_the_answer_says_what_is_missing() -> None:
    account = Watched()
    answers = [answer for name in FILES for answer in account.run_file(SCRIPTS[name])]
    assert account.running() == set()
    assert any("GRANT EXECUTE TASK" in answer for answer in answers)
    assert any("GRANT USAGE ON WAREHOUSE" in answer for answer in answers)
    assert "REFRESH_CONTEXT_TASK is suspended: Cannot execute task" in answers[-1]
    assert account.open_tables() == set()
    account.account_grants |= {(right, "ACTIVITY_ENGINE") for right in ("EXECUTE TASK", "EXECUTE MANAGED TASK")}
    account.run_file(SCRIPTS["05_governance.sql"])
    assert_governed(account)


def test_an_edition_without_policies_gets_everything_else_and_says_so() -> None:
    account = administered(edition="standard")
    answers = [answer for name in FILES for answer in account.run_file(SCRIPTS[name])]
    assert any(answer.startswith("this edition has no policies") for answer in answers)
    assert account.running() == TASKS - {"DUAL_WRITE_TASK"}
    deployed = by_deploy(administered(edition="standard"))
    assert (deployed.edition_lacks_policies, deployed.suspended) == (True, {})


@pytest.mark.parametrize("seed", range(6))
def test_whatever_was_interrupted_is_made_good_by_doing_it_again(seed: int) -> None:
    """Any prefix of the statements, again any prefix, and then all of them: what a person does whose network fails."""
    rng = random.Random(seed)
    account = rng.choice([administered, granted])()
    dual_write = rng.random() < 0.5
    account.flags["dual_write_enabled"] = dual_write
    for _ in range(3):
        stop = rng.randrange(sum(len(split(text)) for text in SCRIPTS.values()))
        for name in FILES:
            statements = split(SCRIPTS[name])
            account.role, account._variables = account._connects_as, {}
            for statement in statements[:stop]:
                account.execute(statement.text)
            stop -= len(statements)
            if stop <= 0:
                break
    by_hand(account)
    assert_governed(account, dual_write=dual_write)


MOVES: dict[str, Callable[[Account], Any]] = {
    "deploy": by_deploy,
    "by hand": by_hand,
    "dual write": lambda account: account.execute("CALL SET_MIGRATION_FLAG('dual_write_enabled', TRUE)"),
    "cutover": lambda account: account.execute("CALL SET_MIGRATION_FLAG('read_from_v2', TRUE)"),
    "rollback": lambda account: [
        account.execute("CALL SET_MIGRATION_FLAG('read_from_v2', FALSE)"),
        account.execute("CALL SET_MIGRATION_FLAG('dual_write_enabled', FALSE)"),
    ],
    "upgrade": lambda account: by_deploy(account, {name: text + "\n-- another version\n" for name, text in SCRIPTS.items()}),
}


@pytest.mark.long
@pytest.mark.parametrize("order", some(itertools.permutations(MOVES, 3), 40))
def test_deploy_upgrade_cutover_rollback_in_every_order(order: tuple[str, ...]) -> None:
    account = administered()
    by_hand(account)
    for move in order:
        account.role = account._connects_as
        MOVES[move](account)
    assert_governed(account, dual_write=account.flags["dual_write_enabled"])


def test_what_is_uninstalled_is_gone_and_can_be_deployed_again() -> None:
    account = administered()
    by_hand(account)
    account.run_file(UNINSTALL)
    assert {thing.kind for thing in account.things.values()} == {"WAREHOUSE", "DATABASE"}
    assert not any(role.startswith("ACTIVITY_") for role in account.roles)
    by_hand(account)
    assert_governed(account)


def test_an_older_layout_gets_its_contexts_rebuilt() -> None:
    account = administered()
    by_hand(account)
    account.answers = {"found": [(2,)], "activities": [(7,)]}
    account.things["SUPERSEDED"].row_policy = "CUSTOMER_ROWS"
    by_hand(account)
    assert account.contexts_made_anew == 1
    assert_governed(account)


# --- the model refuses what Snowflake refuses


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("GRANT OWNERSHIP ON TASK REFRESH_CONTEXT_TASK TO ROLE ACTIVITY_ADMIN COPY CURRENT GRANTS", "suspend it first"),
        ("ALTER TABLE CLAUDE_STREAM_V2 ADD ROW ACCESS POLICY CUSTOMER_ROWS ON (customer)", "already has a ROW_ACCESS_POLICY"),
        ("USE ROLE SYSADMIN", "not assigned"),
        ("CALL NOWHERE()", "Unknown"),
        ("CREATE TABLE CLAUDE_STREAM_V2 (a VARCHAR)", "already exists"),
    ],
)
def test_the_model_refuses(sql: str, reason: str) -> None:
    account = administered()
    by_hand(account)
    with pytest.raises(Refused, match=reason):
        account.execute(sql)


def test_the_model_would_have_stopped_an_order_that_transfers_running_tasks() -> None:
    text = SCRIPTS["05_governance.sql"]
    for task in TASKS:
        text = text.replace(f"ALTER TASK IF EXISTS {task} SUSPEND;\n", "")
    account = administered()
    by_hand(account, FILES[:4])
    with pytest.raises(Refused, match="suspend it first"):
        account.run_file(text)


def test_the_model_would_have_seen_grants_before_policies() -> None:
    text = SCRIPTS["05_governance.sql"]
    grant = "GRANT SELECT ON VIEW VW_TOOL_EVENTS TO ROLE ACTIVITY_READER;\n"
    early = text.replace(grant, "").replace("-- Policies (Enterprise edition).", f"{grant}-- Policies (Enterprise edition).")
    account = administered()
    by_hand(account, FILES[:4])
    with pytest.raises(AssertionError, match="GRANT SELECT ON VIEW VW_TOOL_EVENTS"):
        account.run_file(early)
