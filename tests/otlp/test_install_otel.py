"""`install --otel`: the exporter's variables in and out of Claude Code's settings, beside nobody else's; and who says it is silent."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.health.assessment import of_document
from activity_mcp.otlp.token import FILE, stored_token
from activity_mcp.service import ActivityService
from cli.conftest import call, home
from cli.outcome import Call

__all__ = ["call", "home"]


@pytest.fixture
def settings(home: Path) -> Path:
    return home.parent / ".claude" / "settings.json"


def env_of(settings: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(settings.read_text()).get("env", {})
    return found


def test_install_asks_claude_code_for_logs_as_json_and_uninstall_takes_it_back(call: Call, home: Path, settings: Path) -> None:
    settings.parent.mkdir(parents=True)
    before = b'{\n    "env": {"MINE": "1"},\n    "theme": "dark"\n}\n'
    settings.write_bytes(before)
    assert call("install", "--otel").code == 0
    token = stored_token(str(home))
    assert env_of(settings) == {
        "MINE": "1",
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:8758",
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer {token}",
    }
    assert "nothing to do" in call("install", "--otel").err
    assert call("install").code == 0  # without the option: what was asked for stays
    assert env_of(settings)["OTEL_LOGS_EXPORTER"] == "otlp"
    assert call("uninstall").code == 0
    assert settings.read_bytes() == before
    assert not (home / FILE).exists()


def test_uninstall_leaves_what_was_changed_since(call: Call, settings: Path) -> None:
    assert call("install", "--otel").code == 0
    document = json.loads(settings.read_text())
    settings.write_text(json.dumps(document | {"theme": "light", "env": document["env"] | {"LATER": "1"}}))
    assert call("uninstall").code == 0
    assert json.loads(settings.read_text()) == {"theme": "light", "env": {"LATER": "1"}}


@pytest.mark.parametrize(
    "env",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://otel.example.com"},
        {"CLAUDE_CODE_ENABLE_TELEMETRY": "1", "OTEL_METRICS_EXPORTER": "prometheus"},
        {"OTEL_LOGS_EXPORTER": "console"},
    ],
)
def test_somebody_elses_exporter_is_never_displaced(call: Call, settings: Path, env: dict[str, str]) -> None:
    settings.parent.mkdir(parents=True)
    before = json.dumps({"env": env})
    settings.write_text(before)
    outcome = call("install", "--otel")
    assert outcome.code == 2
    assert "another exporter is set" in outcome.err
    assert settings.read_text() == before
    call("uninstall")
    assert json.loads(settings.read_text()) == {"env": env}


def test_an_exporter_of_the_environment_is_one_too(call: Call, settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.example.com")
    assert call("install", "--otel").code == 2
    assert not settings.exists()


def test_a_token_is_written_into_no_settings_that_others_share(call: Call) -> None:
    assert call("install", "--otel", "--scope", "project").code == 2


def test_a_dry_run_makes_no_token(call: Call, home: Path, settings: Path) -> None:
    assert "OTEL_LOGS_EXPORTER" in call("install", "--otel", "--dry-run").out
    assert not settings.exists()
    assert not (home / FILE).exists()


def test_what_was_there_and_is_no_object_is_left(call: Call, settings: Path) -> None:
    settings.parent.mkdir(parents=True)
    settings.write_text('{"env": ["x"]}')
    assert call("install", "--otel").code == 2
    assert settings.read_text() == '{"env": ["x"]}'


# --- silence


def exporter_check(call: Call) -> tuple[str, str]:
    service = ActivityService.from_environ(source="cli")
    try:
        return next((each.status, each.describe()) for each in of_document(service.status()) if each.name == "exporter")
    finally:
        service.close()


def test_an_exporter_that_says_nothing_while_transcripts_grow_is_a_warning(call: Call, home: Path) -> None:
    assert exporter_check(call)[0] == "ok"  # nobody asked for one
    assert call("install", "--otel").code == 0
    assert exporter_check(call)[0] == "ok"
    service = ActivityService.from_environ(source="cli")
    ledger = Path(service.queue.directory, "imports.json")
    service.close()
    ledger.write_text("{}")
    asked_s = (home / FILE).stat().st_mtime
    os.utime(ledger, (asked_s + 3500, asked_s + 3500))
    assert exporter_check(call)[0] == "ok"
    os.utime(ledger, (asked_s + 7300, asked_s + 7300))
    status, said = exporter_check(call)
    assert (status, "reported nothing for 2 h while transcripts grew" in said) == ("warn", True)
    (ledger.parent / "otlp.json").write_text(json.dumps({"port": 8758, "last_us": round((asked_s + 7000) * 1e6)}))
    assert exporter_check(call)[0] == "ok"
    (ledger.parent / "otlp.json").write_text(json.dumps({"error": "port 8758 is taken by another program", "last_us": None}))
    assert "port 8758 is taken" in exporter_check(call)[1]


def doctors_word(call: Call) -> tuple[str, str]:
    checks = call("doctor", "--json").json["checks"]
    return next((check["status"], check["found"]) for check in checks if check["name"] == "other exporter")


def test_doctor_names_an_exporter_that_reports_elsewhere(call: Call, settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("install", "--otel").code == 0
    assert doctors_word(call) == ("ok", "none is set")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.example.com")
    status, found = doctors_word(call)
    assert (status, "OTEL_EXPORTER_OTLP_ENDPOINT in the environment" in found) == ("warn", True)
    call("uninstall")
    assert doctors_word(call)[0] == "ok"
