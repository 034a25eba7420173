"""The commands, run as a person runs them: what they answer, what they say on stderr, and their exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from activity_mcp import __version__, package_files
from cli.outcome import Call
from deployed import put_warehouse


def test_it_prints_its_version_and_its_commands(call: Call) -> None:
    assert call("--version").out.split()[-1] == __version__
    assert all(name in call("--help").out for name in ("serve", "log", "import", "flush", "context", "query", "status", "demo"))


def test_an_event_logged_is_queued_flushed_and_found(call: Call) -> None:
    logged = call("log", "tool_event", "--feature", "tool_name=deploy", "--feature", "success=true", "--project", "/w")
    assert (logged.code, logged.err) == (0, "")
    assert call("status", "--json").json["queue"]["depth_events"] == 1
    assert call("flush").code == 0
    found = call("query", "SELECT activity_id, tool_name, success, project, source FROM VW_TOOL_EVENTS", "--json").json
    assert found["rows"] == [[logged.out.strip(), "deploy", True, "/w", "cli"]]
    status = call("status", "--json").json
    assert (status["queue"]["depth_events"], status["queue"]["refused"], status["problems"]) == (0, 0, [])


def test_features_are_read_as_their_schema_wants_them(call: Call) -> None:
    call(
        "log",
        "sql_event",
        "--feature",
        "query_id=17",
        "--feature",
        "sql=SELECT 1",
        "--feature",
        "success=true",
        "--feature",
        "rows=3",
    )
    found = call("query", "SELECT query_id, row_count, success FROM VW_SQL_EVENTS", "--json").json
    assert found["rows"] == [["17", 3, True]]


def test_a_sql_event_without_a_query_id_gets_its_own(call: Call) -> None:
    logged = call("log", "sql_event", "--feature", "sql=SELECT 1", "--feature", "success=true").out.strip()
    assert call("query", "SELECT query_id FROM VW_SQL_EVENTS", "--json").json["rows"] == [[logged]]


def test_ndjson_is_logged_line_by_line_and_a_bad_line_is_named(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    good = {"tool_name": "a", "success": True}
    whole = {
        "feature_json": {"tool_name": "b", "success": False},
        "activity": "tried_it",
        "activity_id": "mine",
        "ts": "2026-11-01T10:00:00Z",
    }
    lines = [json.dumps(good), json.dumps(whole), "{not json", "[]", json.dumps({"tool_name": "c"}), ""]
    lines += [json.dumps({"feature_json": good, "colour": "red"}), json.dumps({"feature_json": good, "ts": 5})]
    file.write_text("\n".join(lines))
    outcome = call("log", "tool_event", "--json", str(file))
    assert outcome.code == 2
    assert len(outcome.json["activity_ids"]) == 2
    assert outcome.json["activity_ids"][1] == "mine"
    assert [line.split(":")[0] for line in outcome.err.splitlines()] == ["line 3", "line 4", "line 5", "line 7", "line 8"]
    found = call("query", "SELECT activity, ts FROM VW_TOOL_EVENTS WHERE activity_id = 'mine'", "--json").json
    assert found["rows"] == [["tried_it", "2026-11-01T10:00:00.000000Z"]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("log", "web_event"), "unknown"),
        (("log", "tool_event", "--feature", "success=true"), "tool_name"),
        (("log", "tool_event", "--feature", "tool_name=x", "--feature", "success=maybe"), "feature_json.success"),
        (("log", "tool_event", "--feature", "nothing"), "K=V"),
        (("log", "tool_event", "--json", "/no/such/file"), "cannot be read"),
        (("log", "llm_event", "--feature", "model=m", "--feature", "prompt_tokens=-1", "--feature", "completion_tokens=1"), "prompt_tokens"),
        (("log", "mcp_event", "--feature", "method=record_insight", "--feature", "latency_ms=1"), "tool of its own"),
        (("import", "/no/such/file.jsonl"), "no such file"),
        (("import", "--since", "yesterday"), "--since"),
        (("query", "DELETE FROM CLAUDE_STREAM_V2"), "DELETE"),
        (("query", "SELECT 1; SELECT 2"), "only one"),
        (("query", "SELECT * FROM read_csv('/etc/passwd')"), "not available here"),
        (("query", "SELEC"), "syntax"),
        (("context", "--type", "gossip"), "gossip"),
        (("frobnicate",), "frobnicate"),
    ],
)  # fmt: skip
def test_a_wrong_input_is_one_clear_message_and_exit_code_2(
    call: Call, home: Path, arguments: tuple[str, ...], says: str
) -> None:
    put_warehouse(home)
    outcome = call(*arguments)
    assert outcome.code == 2
    assert says in outcome.err
    assert outcome.out == ""
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("variable", ["MAX_QUEUE_SIZE", "ACTIVITY_DURABILITY", "ACTIVITY_CONTEXT_TTL"])
def test_a_bad_setting_names_its_variable(call: Call, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "nonsense")
    outcome = call("status")
    assert outcome.code == 2
    assert variable in outcome.err


def test_recording_switched_off_records_nothing_and_says_so(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVITY_RECORD", "off")
    outcome = call("log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true")
    assert (outcome.code, outcome.out) == (0, "")
    assert "recording is off" in outcome.err
    status = call("status", "--json").json
    assert (status["recording"], status["queue"]["depth_events"]) == (False, 0)
    assert call("import").code == 2


def test_a_project_that_does_not_want_to_be_recorded_is_not(call: Call, tmp_path: Path) -> None:
    (tmp_path / ".activity-mcp-ignore").touch()
    outcome = call("log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true", "--project", str(tmp_path))
    assert "not recorded" in outcome.err
    assert call("status", "--json").json["queue"]["depth_events"] == 0


def test_a_folder_inside_an_ignored_repository_is_not_recorded_either(call: Call, tmp_path: Path) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "deep").mkdir()
    (tmp_path / "repo" / ".activity-mcp-ignore").touch()
    outcome = call(
        "log",
        "tool_event",
        "--feature",
        "tool_name=x",
        "--feature",
        "success=true",
        "--project",
        str(tmp_path / "repo" / "deep"),
    )
    assert "not recorded" in outcome.err


def test_logging_from_inside_a_project_that_does_not_want_to_be_recorded_records_nothing(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "repo" / "deep" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "deep" / ".activity-mcp-ignore").touch()
    monkeypatch.chdir(tmp_path / "repo" / "deep")
    assert "not recorded" in call("log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true").err
    assert call("status", "--json").json["queue"]["depth_events"] == 0


def test_a_project_named_from_where_one_stands_is_found_again(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repo")
    call("log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true", "--project", ".")
    answer = call("context", "--project", ".", "--json").json
    assert (answer["project"], answer["context"]["activity_counts"]) == (str(tmp_path / "repo"), {"tool_event": 1})


def test_what_was_accepted_before_the_queue_was_full_is_reported(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_QUEUE_SIZE", "65536")
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join(json.dumps({"tool_name": f"t{number}", "success": True}) for number in range(400)))
    outcome = call("log", "tool_event", "--json", str(file))
    assert outcome.code == 3
    accepted = outcome.json["activity_ids"]
    assert call("status", "--json").json["queue"]["depth_events"] == len(accepted) > 0
    assert f"stopped at line {len(accepted) + 1}" in outcome.err


def test_a_query_runs_nothing_from_the_folder_one_stands_in(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true")
    call("flush")
    for name in ("random.py", "duckdb.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit('ran what lay around')")
    monkeypatch.chdir(tmp_path)
    assert call("query", "SELECT 1 AS one", "--json").json["rows"] == [[1]]


def test_numbers_too_long_for_json_are_given_as_text(call: Call) -> None:
    call("log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true")
    found = call(
        "query", "SELECT 170141183460469231731687303715884105727::HUGEINT, 12345678901234567890123::DECIMAL(38,0)", "--json"
    )
    assert found.json["rows"] == [["170141183460469231731687303715884105727", "12345678901234567890123"]]


def test_many_commands_at_once_all_drain(home: Path) -> None:
    """A process that requests a flush leads itself when the leader it waits for is gone."""
    script = "activity-mcp log tool_event --feature tool_name=x --feature success=true && activity-mcp flush --timeout 30"
    script = script.replace("activity-mcp", f"{sys.executable} -m activity_mcp")
    running = [subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)]
    outcomes = [(process.communicate(), process.returncode) for process in running]
    assert [code for _, code in outcomes] == [0] * 6, outcomes


def test_secrets_are_redacted_before_they_reach_the_disk(call: Call, home: Path) -> None:
    secret = "ghp_" + "a1B2" * 9
    call("log", "tool_event", "--feature", "tool_name=Bash", "--feature", "success=true", "--feature", f'parameters={{"command":"curl -H {secret}"}}')  # fmt: skip
    segments = list(home.rglob("*.ndjson"))
    assert segments
    assert all(secret.encode() not in path.read_bytes() for path in segments)


def test_a_corrupt_warehouse_is_set_aside_loudly_with_exit_code_4_and_the_queue_goes_on(call: Call, home: Path) -> None:
    call("log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true")
    (home / "activity.duckdb").write_bytes(b"no database" * 1000)
    outcome = call("flush")
    assert outcome.code == 4
    assert "set aside" in outcome.err
    assert call("flush").code == 0
    assert call("query", "SELECT COUNT(*) FROM CLAUDE_STREAM_V2", "--json").json["rows"] == [[1]]


def test_a_newer_warehouse_is_left_alone_with_exit_code_4(call: Call, home: Path) -> None:
    call("log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true")
    call("flush")
    with duckdb.connect(str(home / "activity.duckdb")) as connection:
        connection.execute("INSERT INTO ACTIVITY_SCHEMA_VERSION (version, description, applied_at) VALUES (99, 'x', now())")
    call("log", "tool_event", "--feature", "tool_name=y", "--feature", "success=true")
    outcome = call("flush")
    assert outcome.code == 4
    assert "upgrade" in outcome.err
    assert call("status", "--json").json["queue"]["depth_events"] == 1


def test_a_warehouse_locked_by_somebody_is_exit_code_4_and_nothing_is_lost(call: Call, home: Path) -> None:
    call("log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true")
    call("flush")
    script = (
        f"import duckdb, time; c = duckdb.connect({str(home / 'activity.duckdb')!r}); print('open', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        other.stdout.readline()
        call("log", "tool_event", "--feature", "tool_name=y", "--feature", "success=true")
        outcome = call("flush", "--timeout", "0.3")
        assert outcome.code == 4
        assert "another process" in outcome.err
    finally:
        other.kill()
        other.communicate()
    assert call("flush").code == 0
    assert call("query", "SELECT COUNT(*) FROM CLAUDE_STREAM_V2", "--json").json["rows"] == [[2]]


def test_a_newer_queue_is_left_alone_with_exit_code_3(call: Call, home: Path) -> None:
    call("log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true")
    (queue,) = home.glob("queue/*/queue.json")
    queue.write_text(queue.read_text().replace('"version":1', '"version":2'))
    outcome = call("log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true")
    assert outcome.code == 3
    assert "upgrade" in outcome.err


@pytest.mark.skipif(os.geteuid() != 0, reason="making a file system of another type needs root")
def test_a_state_directory_that_takes_no_byte_is_exit_code_3(home: Path, tmp_path: Path) -> None:
    """A real full disk: a tmpfs of one page more than nothing."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"mount is not allowed here: {mounted.stderr.decode().strip()}")
    try:
        (place / "filler").write_bytes(b"")
        environ = {**os.environ, "ACTIVITY_HOME": str(place / "home"), "ACTIVITY_CUSTOMER": "ada"}
        command = [
            sys.executable,
            "-m",
            "activity_mcp",
            "log",
            "tool_event",
            "--feature",
            "tool_name=x",
            "--feature",
            "success=true",
        ]
        assert subprocess.run(command, env=environ, capture_output=True).returncode == 0
        with (place / "filler").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 1024)
            except OSError:
                pass
        codes = set()
        for _ in range(20):
            done = subprocess.run(command, env=environ, capture_output=True, text=True)
            codes.add(done.returncode)
            if done.returncode:
                break
        assert done.returncode == 3, (codes, done.stderr)
        assert "not accepted" in done.stderr
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_read_only_state_directory_is_exit_code_3(home: Path, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        place = "/proc/activity-mcp"  # nobody, not even root, can make a directory there
    else:
        place = str(tmp_path / "sealed")
        os.mkdir(place, 0o500)
    command = [
        sys.executable,
        "-m",
        "activity_mcp",
        "log",
        "tool_event",
        "--feature",
        "tool_name=x",
        "--feature",
        "success=true",
    ]
    done = subprocess.run(command, env={**os.environ, "ACTIVITY_HOME": place}, capture_output=True, text=True)
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


# --- import


def test_the_example_session_is_imported_once_and_shows_the_same_story_everywhere(call: Call) -> None:
    example = package_files.path_of("examples", "session.jsonl")
    first = call("import", example, "--json").json
    assert first["malformed_lines"] == 0
    assert first["unknown_line_types"] == {}
    imported = sum(first["activities"].values())
    assert call("import", example, "--json").json["activities"] == {}
    stored = call("query", "SELECT event_name, COUNT(*) FROM CLAUDE_STREAM_V2 GROUP BY ALL", "--json").json["rows"]
    assert dict(stored) == first["activities"]
    assert sum(count for _, count in stored) == imported


def example_lines() -> list[str]:
    return Path(package_files.path_of("examples", "session.jsonl")).read_text().splitlines()


def test_lines_out_of_order_lose_no_result(call: Call, tmp_path: Path) -> None:
    whole = call("import", package_files.path_of("examples", "session.jsonl"), "--dry-run", "--json").json["activities"]
    call("import", package_files.path_of("examples", "session.jsonl"))
    outcomes = "SELECT tool_use_id, success FROM VW_TOOL_EVENTS ORDER BY 1"
    expected = call("query", outcomes, "--json").json["rows"]
    os.environ["ACTIVITY_HOME"] = str(tmp_path / "other")
    (tmp_path / "reversed.jsonl").write_text("\n".join(reversed(example_lines())) + "\n")
    report = call("import", str(tmp_path / "reversed.jsonl"), "--json").json
    assert report["activities"]["tool_event"] == whole["tool_event"]
    assert call("query", outcomes, "--json").json["rows"] == expected


def test_half_a_character_in_a_transcript_costs_nothing_else_of_its_line(call: Call, tmp_path: Path) -> None:
    text = "\n".join(example_lines()) + "\n"
    (tmp_path / "cut.jsonl").write_text(text.replace('"content":"', '"content":"\\ud83d '))
    whole = call("import", package_files.path_of("examples", "session.jsonl"), "--dry-run", "--json").json
    report = call("import", str(tmp_path / "cut.jsonl"), "--json").json
    assert (report["malformed_lines"], report["activities"]) == (0, whole["activities"])


def test_pipes_devices_and_links_to_nothing_are_passed_over(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "zero.jsonl").symlink_to("/dev/zero")
    (folder / "gone.jsonl").symlink_to(folder / "never was")
    (folder / "good.jsonl").write_text("\n".join(example_lines()) + "\n")
    report = call("import", str(folder), "--json").json
    assert sum(report["activities"].values()) > 30
    assert ["gone.jsonl" in line for line in report["unreadable"]] == [True]
    assert call("import", str(folder / "pipe.jsonl")).code == 2


def test_a_result_too_wide_for_a_table_is_shown_row_by_row(call: Call) -> None:
    call("log", "tool_event", "--feature", "tool_name=deploy", "--feature", "success=true")
    shown = call("query", "SELECT * FROM VW_TOOL_EVENTS").out
    assert "row 1" in shown
    assert any(line.split() == ["tool_name", "deploy"] for line in shown.splitlines())


def test_a_dry_run_counts_and_records_nothing(call: Call) -> None:
    report = call("import", package_files.path_of("examples", "session.jsonl"), "--dry-run", "--json").json
    assert report["dry_run"]
    assert report["activities"]
    assert call("status", "--json").json["queue"]["depth_events"] == 0


def test_a_file_that_is_no_transcript_is_counted_and_not_fatal(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "binary.jsonl"
    file.write_bytes(os.urandom(20_000) + b"\n[1,2]\n{}\n")
    outcome = call("import", str(file), "--json")
    assert outcome.code == 0
    assert outcome.json["malformed_lines"] > 0
    assert outcome.json["activities"] == {}


def test_an_import_larger_than_half_the_queue_drains_and_goes_on(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_QUEUE_SIZE", str(256 * 1024))
    example = Path(package_files.path_of("examples", "session.jsonl")).read_text()
    for number in range(20):
        text = example
        for word in ("toolu_", "msg_", "req_"):
            text = text.replace(word, f"{word}{number:03d}")
        session = json.loads(example.splitlines()[0]).get("sessionId") or json.loads(example.splitlines()[1])["sessionId"]
        text = text.replace(session, session[:-4] + f"{number:04d}")
        (tmp_path / f"s{number:02d}.jsonl").write_text(text)
    report = call("import", str(tmp_path), "--json").json
    status = call("status", "--json").json
    assert report["files"] == 20
    assert (status["queue"]["refused"], status["queue"]["depth_events"]) == (0, 0)
    stored = call("query", "SELECT COUNT(*) FROM CLAUDE_STREAM_V2", "--json").json["rows"]
    assert stored == [[sum(report["activities"].values())]]


# --- what a person sees


def test_the_context_is_a_table_with_its_freshness(call: Call) -> None:
    call("import", package_files.path_of("examples", "session.jsonl"))
    shown = call("context").out
    assert "fresh" in shown.splitlines()[0]
    assert "Recent sessions" in shown
    assert "asked" in shown
    as_json = call("context", "--json").json
    assert as_json["freshness"] == "fresh"
    assert as_json["context"]["recent_sessions"]
    assert len(json.dumps(as_json, separators=(",", ":"), ensure_ascii=False).encode()) <= 8192


def test_recorded_text_is_shown_as_data_and_never_as_markup(call: Call) -> None:
    hostile = "[red]not a colour[/] \x1b[31mnor this\x1b[0m"
    call("log", "tool_event", "--feature", "tool_name=Bash", "--feature", "success=false", "--feature", f"error={hostile}")
    shown = call("context").out
    assert "[red]not a colour[/]" in shown
    assert "\x1b[31m" not in shown


def test_status_is_readable_without_a_server(call: Call) -> None:
    call("log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true")
    shown = call("status").out
    assert "1 events" in shown
    assert "activity-mcp flush" in shown


def test_a_query_without_a_warehouse_says_what_to_do(call: Call) -> None:
    outcome = call("query", "SELECT 1")
    assert outcome.code == 4
    assert "flush" in outcome.err
