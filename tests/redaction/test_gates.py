"""What lets a hook leave the finders unloaded: a gate is never shut where its finder would find something."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from activity_mcp.redaction import RULES, Redactor, gate_words, gates
from activity_mcp.redaction.gates import opened
from activity_mcp.redaction.names import judge_name
from activity_mcp.redaction.programs import CONSUMERS
from activity_mcp.redaction.settings import RedactionSettings
from activity_mcp.redaction.sight import Sight, is_uuid
from lengths import LONG
from redaction.cases import LOOK_ALIKES, secrets
from redaction.corpora import all_cases, look_alikes

REPO = Path(__file__).resolve().parents[2]
ORDINARY = [
    "pytest -q tests/test_orders.py",
    "def total(order):\n    return sum(line.amount for line in order.lines)\n",
    "/work/shop/app/orders.py",
    "git log --oneline -- app/orders.py | head -20",
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "toolu_01ABCdefGHIjklMNOpqrSTUv",
    "ls -la && sed -n 1,40p README.md",
    "fix the rounding of the invoice, and say why it was wrong",
]
"""What most of a hook's texts are like."""


def test_the_words_of_the_gates_are_those_of_the_tables() -> None:
    done = subprocess.run([sys.executable, str(REPO / "tools" / "redaction_gates.py")], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def _all_open(sight: Sight) -> dict[str, object]:
    """Every gate open, whatever the text."""
    everything = {
        "private_keys", "by_chance", "urls", "drivers", "names", "phrases", "remarks", "accounts", "pgpass", "beside_user", "piped", "encoded",
        "views",
    }  # fmt: skip
    found: dict[str, object] = dict.fromkeys(everything, True)
    lists = (
        ("tokens", gates._PREFIXES),
        ("long", gates._LONG_PREFIXES),
        ("calls", gates._CALLS),
        ("programs", gates._PROGRAMS),
        ("heads", gates._OPEN_PREFIXES),
    )
    wanted = {name: [text for word in sorted(gate.words) for text in gate.wanted(word.decode())] for name, gate in lists}
    found["tokens"] = [text for name in ("tokens", "long", "heads") for text in wanted[name]]
    return {**found, "calls": wanted["calls"], "programs": wanted["programs"], "rules": list(RULES)}


@pytest.mark.long
def test_a_shut_gate_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The corpora, text by text and three at a time, with the gates and with all of them open."""
    texts = [case.given if isinstance(case.given, str) else json.dumps(case.given) for case in all_cases()][
        :: 8 if LONG else 16
    ]
    texts += [text for text, _ in look_alikes()] + [text for _, text, _ in secrets()] + list(LOOK_ALIKES)
    texts += ["\\n".join(texts[at : at + 3]) for at in range(0, len(texts), 11)]
    gated = [Redactor().text(text) for text in texts]
    monkeypatch.setattr("activity_mcp.redaction.opened", lambda sight, *_: _all_open(sight))
    ungated = [Redactor().text(text) for text in texts]
    assert [(before, after) for before, after in zip(gated, ungated, strict=True) if before != after] == []


@pytest.mark.parametrize("text", ORDINARY)
def test_what_hooks_mostly_see_opens_no_gate(text: str) -> None:
    assert opened(Sight(text), RULES) == {}


def test_no_finder_looks_at_a_uuid() -> None:
    """So an id of that form is passed over unread: every word of the gates that fits into one, at every place of it."""
    blocks = (
        gate_words.TOKENS_BY_PIECE,
        gate_words.TOKENS_BEFORE_LONG,
        gate_words.TOKENS_BY_HEAD,
        gate_words.PROGRAMS,
        gate_words.CALLS,
        gate_words.CONSUMERS,
    )
    words = {word for block in blocks for word in re.split("[|\\s]", block)} | {
        literal for rule in RULES for literal in rule[1]
    }
    known = sorted(word for word in words if word and not word.strip("0123456789abcdef-") and len(word) <= 12)
    assert len(known) > 5
    draw = random.Random(5)
    plain = [str(uuid.UUID(int=draw.getrandbits(128))) for _ in range(500)]
    spelled = [
        text[:at] + word + text[at + len(word) :] for text in plain[:20] for word in known for at in range(37 - len(word))
    ]
    asked = [text for text in (*plain, *spelled) if is_uuid(text)]
    assert len(asked) > 1000
    assert [text for text in asked if opened(Sight(text), RULES)] == []


@pytest.mark.parametrize(
    "text", ["3F2504E0-4F89-41D3-9A0C-0305E82C3301", "3f2504e0-4f89-41d3-9a0c-0305e82c33", "g" * 36, "-" * 36]
)
def test_what_only_resembles_a_uuid_is_read(text: str) -> None:
    assert not is_uuid(text)


def test_a_pattern_of_the_users_own_finds_uuids_as_well() -> None:
    settings = RedactionSettings({"version": 1, "patterns": [{"name": "customer", "pattern": "3f25[0-9a-f-]+"}]})
    text = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    assert Redactor(settings=settings).identifier(text).startswith("redacted-")
    assert Redactor().identifier(text) == text


def test_keys_that_are_not_judged_announce_nothing() -> None:
    from activity_mcp.redaction import _PLAIN_KEYS

    assert [key for key in _PLAIN_KEYS if judge_name(key) is not None] == []


def test_an_ordinary_call_loads_no_finder() -> None:
    code = (
        "import json, sys; sys.path.append(sys.argv[1]); from activity_mcp.redaction import Redactor\n"
        "redactor = Redactor()\n"
        "for text in json.loads(sys.argv[2]): redactor.value({'command': text, 'file_path': text}); redactor.identifier(text)\n"
        "print(*sorted(name for name in sys.modules if name.startswith('activity_mcp.redaction.')))"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(REPO), json.dumps(ORDINARY)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"activity_mcp.redaction.{name}" for name in ("gate_words", "gates", "rules", "sight")]


@pytest.mark.parametrize("token", ["gh" + "p_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6", "glpat" + "-aB3dE6gH9jK2mN5pQ8sT1v"])
@pytest.mark.parametrize("lead", ["line\\n", "a\\t", "x\\r\\n", "%20"])
def test_a_token_behind_an_escaped_line_break_is_found(lead: str, token: str) -> None:
    assert token not in Redactor().text(f"{lead}{token} and more")


@pytest.mark.parametrize("name", ["パスワード", "пароль", "密码", "password"])
def test_a_name_that_json_escapes_is_a_name(name: str) -> None:
    escaped = "".join(f"\\u{ord(char):04x}" for char in name)
    assert "c0rr3ctAb7" not in Redactor().text(f'{{"note": "{escaped}: c0rr3ctAb7", "{escaped}": "c0rr3ctAb7"}}')


def test_every_consumer_has_its_word() -> None:
    words = gates._CONSUMERS.words
    assert [consumer for consumer in CONSUMERS if not any(word.decode() in consumer for word in words)] == []
