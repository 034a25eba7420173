"""The frame of ``activity-mcp bench``: what it runs, what it prints, what it exits with. The numbers are the machine's."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from activity_mcp.__main__ import run
from activity_mcp.bench import registry
from activity_mcp.bench import server as bench_server
from activity_mcp.bench.measured import Measured, against, bounded, number, percentile
from activity_mcp.errors import WarehouseUnavailable

ROW = {"what": "made up", "value": 3.0, "unit": "ms", "floor": 2.0, "ratio": 1.5, "target": "≤ 2 × floor", "met": True}


@pytest.fixture
def homes(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two benchmarks of the test's own, ``good`` and ``slow``; the homes they were given, as they were while they ran."""
    given: list[Path] = []

    def module(name: str, row: Measured) -> None:
        def measure(environ: Mapping[str, str]) -> list[Measured]:
            home = Path(environ["ACTIVITY_HOME"])
            assert home.is_dir()
            assert not {"SNOW_CONNECTION", "QUEUE_DIR", "ACTIVITY_RECORD", "CLAUDE_PROJECT_DIR"} & environ.keys()
            given.append(home)
            return [row]

        made = ModuleType(name)
        made.measure = measure  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"activity_mcp.bench.{name}", made)

    module("good", against("made up", 3.0, 2.0, "ms", at_most=2))
    module("slow", bounded("too slow", 900.0, "ms", below=250))
    monkeypatch.setattr(registry, "BENCHMARKS", {"good": "what is met", "slow": "what is missed"})
    for name, value in {
        "SNOW_CONNECTION": "x",
        "QUEUE_DIR": "/q",
        "ACTIVITY_RECORD": "off",
        "CLAUDE_PROJECT_DIR": "/w",
    }.items():
        monkeypatch.setenv(name, value)
    return given


def test_without_a_name_all_of_them_run_each_in_a_home_of_its_own_that_is_gone_afterwards(
    homes: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench"]) == 0
    shown = capfd.readouterr().out
    assert all(text in shown for text in ("made up", "3 ms", "2 ms, 1.50 ×", "≤ 2 × floor", "too slow", "not met on this run"))
    assert len(set(homes)) == 2
    assert [home.exists() for home in homes] == [False, False]


def test_a_missed_target_is_said_and_is_no_error(homes: list[Path], capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "slow", "--json"]) == 0
    (row,) = json.loads(capfd.readouterr().out)["rows"]
    assert (row["bench"], row["met"], row["floor"], row["ratio"]) == ("slow", False, None, None)


def test_json_is_one_document_with_the_machine_the_versions_and_every_row(
    homes: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", "good", "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["rows"] == [{"bench": "good", **ROW}]
    assert document["failed"] == {}
    assert document["at"].endswith("Z")
    machine = document["machine"]
    assert machine["cpus"] == os.cpu_count()
    assert machine["python"] == sys.version.split()[0]
    assert machine["versions"].keys() >= {"activity-mcp", "duckdb", "mcp"}
    assert machine["file_system"]


def test_the_disk_that_is_measured_is_the_callers_choice(homes: list[Path], tmp_path: Path) -> None:
    assert run(["bench", "good", "--dir", str(tmp_path)]) == 0
    assert homes[0].parent == tmp_path


def test_one_that_cannot_be_measured_is_said_and_the_others_run(
    homes: list[Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def measure(environ: Mapping[str, str]) -> list[Measured]:
        raise WarehouseUnavailable("it is away")

    monkeypatch.setattr(sys.modules["activity_mcp.bench.slow"], "measure", measure)
    assert run(["bench", "slow", "good", "--json"]) == 1
    said = capfd.readouterr()
    document = json.loads(said.out)
    assert (document["failed"], [row["bench"] for row in document["rows"]]) == ({"slow": "it is away"}, ["good"])
    assert "slow could not be measured: it is away" in said.err


def test_an_unknown_name_is_refused_before_anything_runs(homes: list[Path], capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "good", "fast"]) == 2
    assert "one of good, slow" in capfd.readouterr().err
    assert homes == []


def test_every_benchmark_that_is_named_exists() -> None:
    for name in registry.BENCHMARKS:
        module = __import__(f"activity_mcp.bench.{name}", fromlist=("measure",))
        assert callable(module.measure)


def test_a_ratio_at_its_bound_is_met_and_one_beyond_it_is_not() -> None:
    assert [against("x", value, 10, "ms", at_most=1.5).met for value in (15, 15.1)] == [True, False]
    assert [against("x", value, 10, "events/s", at_least=0.8).met for value in (8, 7.9)] == [True, False]
    assert against("x", 26, 30, "ms", at_most=1.5, below=25).met is False
    assert against("x", 1, 2, "ms").met is None
    assert bounded("x", 250, "ms", below=250).met is False


def test_numbers_are_shown_with_three_figures() -> None:
    assert [number(n) for n in (0.001234, 1.456, 38.21, 273.4, 11327)] == ["0.00123", "1.46", "38.2", "273", "11,327"]
    assert [percentile([3, 1, 2, 4], share) for share in (0.5, 0.95)] == [2, 4]


@pytest.mark.slow
def test_servers_on_one_directory_are_measured_and_lose_nothing(tmp_path: Path) -> None:
    environ = {**os.environ, "ACTIVITY_HOME": str(tmp_path / "home"), "ACTIVITY_CUSTOMER": "ada"}
    rows = bench_server.measure(environ, servers=2, calls=20, events=20, seconds=1.0)
    assert [row.what.split(",")[0].split(" of ")[0].strip() for row in rows] == [
        "get_context p95", "p50", "p99", "answered", "failed calls", "lost",
    ]  # fmt: skip
    assert [(row.value, row.met) for row in rows[-2:]] == [(0, True), (0, True)]
