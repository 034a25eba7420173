"""A month of somebody's work, made by the recorder itself and drained into the embedded warehouse: what pages are shown of."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from activity_mcp.clock import SYSTEM_CLOCK, iso
from activity_mcp.operations.drain import Drainer
from activity_mcp.service import ActivityService
from patience import PATIENCE_S

CUSTOMER = "ada@example.com"
PROJECTS = ("/work/shop", "/work/ledger", "/work/site", "/home/ada/dotfiles")
MODELS = {"claude-opus-5": 15e-6, "claude-sonnet-5": 3e-6, "claude-haiku-5": 8e-7}
_ASKED = (
    "The checkout total is wrong when a voucher is applied twice",
    "Add a table of invoices by month to the ledger",
    "Why is the build of the site slow?",
    "Move the fixtures of the payment tests into one place",
    "Rename Basket to Cart everywhere",
    "Explain how refunds reach the ledger",
)
_TOOLS = (
    ("Bash", {"command": "pytest -q tests/test_checkout.py"}, 0.3),
    ("Bash", {"command": "git diff --stat"}, 0.02),
    ("Read", {"file_path": "src/checkout.py"}, 0.01),
    ("Edit", {"file_path": "src/checkout.py"}, 0.05),
    ("Grep", {"pattern": "apply_voucher"}, 0.01),
    ("Write", {"file_path": "tests/test_voucher.py"}, 0.01),
)
_ERRORS = ("E   AssertionError: assert 12.50 == 10.00", "String to replace not found in file", "make: *** [test] Error 2")
SUBAGENT = "agent-1"


class Seeded(NamedTuple):
    """A home that was filled; ``ids`` are those of its sessions, the newest first."""

    home: Path
    ids: list[str]


def seed(environ: Mapping[str, str], *, sessions: int = 40, days: int = 30) -> list[str]:
    """Fill the home that the environment names; the ids of the sessions, the newest first."""
    service = ActivityService.from_environ(environ, source="cli")
    try:
        rng, now_us = random.Random(7), SYSTEM_CLOCK.time_us()
        ids = [f"{number:08x}-5e55-4000-8000-000000000000" for number in range(1, sessions + 1)]
        for number, session_id in enumerate(ids):
            age_us = int((number / sessions) ** 1.3 * days * 86_400_000_000) + 60_000_000
            project = PROJECTS[rng.choice((0, 0, 0, 1, 1, 2, 3))]
            origin = service.recorder.origin("hook", session_id=session_id, project=project)
            given = list(_session(rng, now_us - age_us, number))
            made = [service.recorder.prepare(name, features, origin, ts=iso(at)) for at, name, features in given]
            service.recorder.append(made)
        Drainer(service).drain(PATIENCE_S)
        return ids
    finally:
        service.close()


def _session(rng: random.Random, end_us: int, number: int) -> Iterator[tuple[int, str, dict[str, Any]]]:
    turns = rng.randint(1, 4)
    at = end_us - turns * rng.randint(60, 900) * 1_000_000
    step = (end_us - at) // (turns * 12)
    model = rng.choice(list(MODELS))
    yield at, "session_event", {"event_type": "start", "start_source": "startup", "git_branch": "main"}
    yield at + 1000, "session_event", {"event_type": "title", "title": _ASKED[number % len(_ASKED)]}
    for turn in range(turns):
        at += step
        asked = _ASKED[(number + turn) % len(_ASKED)]
        yield at, "session_event", {"event_type": "user_prompt", "excerpt": asked, "length": len(asked)}
        for call in range(rng.randint(2, 7)):
            at += step
            tool, parameters, fails = rng.choice(_TOOLS)
            success = rng.random() > fails
            agent = {"agent_id": SUBAGENT, "agent_type": "Explore"} if number % 3 == 0 and call in (1, 2) else {}
            features = {
                "tool_name": tool,
                "success": success,
                "parameters": parameters,
                "latency_ms": rng.uniform(3, 4000),
                **agent,
            }
            yield at, "tool_event", features if success else {**features, "error": rng.choice(_ERRORS)}
            if tool in ("Edit", "Write", "Read"):
                done = {"Edit": "edit", "Write": "create", "Read": "read"}[tool]
                yield (
                    at,
                    "file_event",
                    {"operation": done, "file_path": f"{PROJECTS[0]}/{parameters['file_path']}", "success": True},
                )
            read, written = rng.randint(5_000, 90_000), rng.randint(100, 3_000)
            price = MODELS[model]
            yield at + 10, "llm_event", {
                "model": model,
                "prompt_tokens": rng.randint(10, 900),
                "completion_tokens": written,
                "cache_read_tokens": read,
                "cache_creation_tokens": rng.randint(0, 4_000),
                "cost_usd": round(read * price / 10 + written * price * 5, 6),
                "cost_source": "estimated" if number % 2 else "caller",
            }  # fmt: skip
        at += step
        yield at, "session_event", {"event_type": "turn_end", "excerpt": "The total is right now, and a test holds it."}
