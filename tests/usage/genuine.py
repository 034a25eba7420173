"""One session of the genuine Claude Code (2.1.332), against a stand-in for the API: its transcripts and what it exported.

Two requests of the main conversation before a subagent's two, one after; two calls of Bash, of which one failed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "cost_session"
SESSION = "9eb6b490-2cdb-41a4-bd17-41522f8c46a5"
TRANSCRIPT = FOLDER / f"{SESSION}.jsonl"
SUBAGENT = FOLDER / SESSION / "subagents" / "agent-a016f67592b300b40.jsonl"
PROJECT = "/home/maya/measured"
TOTAL_USD = 0.014283999999999998
"""``total_cost_usd``, as ``claude -p --output-format json`` printed it."""
TOKENS = {"prompt_tokens": 322, "completion_tokens": 164, "cache_read_tokens": 13_000, "cache_creation_tokens": 1_400}


def batches() -> list[dict[str, Any]]:
    """The bodies of its ``POST /v1/logs``, as http/json."""
    found: list[dict[str, Any]] = json.loads((FOLDER / "otlp.json").read_text())
    return found


def records() -> list[dict[str, Any]]:
    """The attributes of each record."""
    return [
        {each["key"]: next(iter(each["value"].values())) for each in record["attributes"]}
        for body in batches()
        for resource in body["resourceLogs"]
        for scope in resource["scopeLogs"]
        for record in scope["logRecords"]
    ]


def requests_exported() -> list[dict[str, Any]]:
    return [record for record in records() if record["event.name"] == "api_request"]
