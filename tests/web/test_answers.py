"""What a page asks of the warehouse: seldom, in the background, and never in the way of a flush."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from activity_mcp.errors import QueryCancelled, WarehouseUnavailable
from activity_mcp.warehouse.base import Capabilities, QueryResult
from activity_mcp.web.answers import MAX_AGE_S, PAID_PAUSE_S, Answers
from patience import PATIENCE_S


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time_us(self) -> int:
        return int(self.now * 1e6)


class Engine:
    """An adapter whose one engine answers how often it was asked; ``hold`` keeps it from answering."""

    def __init__(self, *, free: bool = True) -> None:
        self.capabilities = Capabilities(1000, folds_on_request=True, reads_are_free=free, has_one_writer=True)
        self.asked: list[str] = []
        self.hold = threading.Event()
        self.hold.set()
        self.waits = False
        self.fails: Exception | None = None
        self.gave_way = 0
        self.began = threading.Event()

    @property
    def queries(self) -> Engine:
        return self

    def exists(self) -> bool:
        return True

    def writer_waits(self) -> bool:
        return self.waits

    def query(self, sql: str, *, cancelled: Callable[[], bool], **_: Any) -> QueryResult:
        self.asked.append(sql)
        self.began.set()
        while not self.hold.wait(0.005):
            if cancelled():
                self.gave_way += 1
                raise QueryCancelled("gave way")
        if self.fails:
            raise self.fails
        return QueryResult(["N"], [[len(self.asked)]], False, "")


class Desk:
    """Answers over the engine; ``stamp`` is what was committed last."""

    def __init__(self, *, free: bool = True) -> None:
        self.engine, self.clock, self.stamp = Engine(free=free), Hands(), "1"
        self.answers = Answers(self.engine, lambda: self.stamp, self.clock)  # type: ignore[arg-type]
        self.reported = threading.Event()
        self.answers.on_answer = self.reported.set

    def ask(self, wait_s: float = 10.0) -> tuple[str, list[int]]:
        answer = self.answers.ask("SELECT 1", wait_s)
        return answer.state, [row["n"] for row in answer.rows]

    def settled(self) -> None:
        assert self.reported.wait(PATIENCE_S)
        self.reported.clear()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.answers.close()


def test_an_answer_is_given_again_without_asking_while_nothing_was_committed(desk: Desk) -> None:
    assert desk.ask() == ("fresh", [1])
    desk.clock.now += MAX_AGE_S - 1
    assert desk.ask() == ("fresh", [1])
    assert len(desk.engine.asked) == 1


def test_after_a_commit_the_old_answer_comes_at_once_and_a_new_one_behind_it(desk: Desk) -> None:
    desk.ask()
    desk.settled()
    desk.stamp = "2"
    desk.clock.now += 60
    desk.engine.hold.clear()
    assert desk.ask() == ("stale", [1])
    desk.engine.hold.set()
    desk.settled()
    assert desk.ask() == ("fresh", [2])


def test_ten_who_look_at_once_ask_once(desk: Desk) -> None:
    desk.engine.hold.clear()
    assert {desk.ask(0.0) == ("pending", []) for _ in range(10)} == {True}
    desk.engine.hold.set()
    assert desk.ask() == ("fresh", [1])
    assert len(desk.engine.asked) == 1


def test_a_statement_is_repeated_no_sooner_than_its_pause(desk: Desk) -> None:
    desk.ask()
    desk.settled()
    desk.stamp = "2"
    assert desk.ask() == ("stale", [1])
    assert len(desk.engine.asked) == 1


def test_where_reading_costs_money_an_answer_is_read_once_a_minute_at_most() -> None:
    desk = Desk(free=False)
    desk.ask()
    desk.settled()
    for number in range(10):
        desk.stamp = str(number)
        desk.clock.now += PAID_PAUSE_S / 20
        assert desk.ask()[1] == [1]
    assert len(desk.engine.asked) == 1
    desk.clock.now += PAID_PAUSE_S
    desk.ask()
    desk.settled()
    assert len(desk.engine.asked) == 2
    desk.answers.close()


def test_a_query_gives_way_to_a_flush_and_begins_again_behind_it(desk: Desk) -> None:
    desk.engine.hold.clear()
    assert desk.ask(0.0) == ("pending", [])
    assert desk.engine.began.wait(PATIENCE_S)
    desk.engine.waits = True
    while not desk.engine.gave_way:
        threading.Event().wait(0.005)
    desk.engine.hold.set()
    assert desk.ask(0.0) == ("pending", [])
    desk.engine.waits = False
    assert desk.ask() == ("fresh", [2])


def test_a_warehouse_that_does_not_answer_leaves_what_was_known_with_the_reason(desk: Desk) -> None:
    desk.ask()
    desk.settled()
    desk.engine.fails = WarehouseUnavailable("locked", hint="wait")
    desk.stamp = "2"
    desk.clock.now += 60
    desk.ask()
    desk.settled()
    answer = desk.answers.ask("SELECT 1")
    assert (answer.state, answer.problem, answer.hint) == ("stale", "locked", "wait")
    assert [row["n"] for row in answer.rows] == [1]


def test_the_page_knows_what_it_cost(desk: Desk) -> None:
    desk.ask()
    desk.settled()
    assert desk.answers.cost().statements == 1
    assert desk.answers.cost().seconds > 0
