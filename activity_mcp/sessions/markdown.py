"""A session's story as Markdown. Recorded text cannot become markup: it is in code, or has its signs escaped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .shapes import COUNTS, ENDS

if TYPE_CHECKING:
    from .shapes import Step, Story

_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|~&!])")
_LIST = re.compile(r"^(\s*)([-+=>]|\d+[.)])", re.M)
_OUTCOMES = {"ok": "✓", "failed": "✗", "denied": "⊘", "interrupted": "…", "running": "…"}


def markdown_of(story: Story) -> str:
    """The whole story, the newest line last."""
    lines = [f"# {plain(story['title'] or 'Session')} {plain(story['session_id'])}", "", *_facts(story), ""]
    for turn in story["story"]:
        lines += [f"## {turn['ts'][:19].replace('T', ' ')}Z", ""]
        lines += [_quote(turn["asked"]), ""] if turn["asked"] else []
        lines += [line for step in turn["steps"] for line in _step(step)]
        lines += [""] if turn["steps"] else []
        for name in ENDS:
            if text := turn.get(name):
                lines += [f"**{name.capitalize()}:** {plain(text)}", ""]
    if story["files"]:
        lines += ["## Changed files", "", *(f"- {code(path)}" for path in story["files"]), ""]
    return "\n".join(lines)


def facts_of(story: Story) -> list[tuple[str, str]]:
    """What there is to say of the session as a whole: names and values."""
    tokens = story["tokens"]
    cost = f"${story['cost_usd']:.4f}" if story["cost_usd"] is not None else ""
    if cost and story["cost_missing"]:
        cost += f" ({story['cost_missing']} responses without a cost)"
    facts = [
        ("Project", story["project"]),
        ("Branch", story["git_branch"]),
        ("Time", f"{(story['started'] or '')[:19].replace('T', ' ')} to {(story['ended'] or '')[:19].replace('T', ' ')} UTC"),
        ("Work", ", ".join(counted(story[name], name) for name in COUNTS)),
        ("Pull requests", ", ".join(story["pull_requests"])),
        ("Models", ", ".join(story["models"])),
        ("Tokens", ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in tokens.items() if count)),
        ("Cost", cost),
        ("Resume", story["resume"]),
    ]
    return [(name, str(value)) for name, value in facts if value]


def counted(number: int, names: str) -> str:
    """One call, two calls: ``names`` is the plural."""
    return f"{number} {names if number != 1 else names.removesuffix('s')}"


def _facts(story: Story) -> list[str]:
    return [f"- {name}: {code(value) if name in ('Project', 'Resume') else plain(value)}" for name, value in facts_of(story)]


def _step(step: Step) -> list[str]:
    indent = "    " if step.get("agent") else ""
    agent = f"{plain(str(step['agent']))}: " if step.get("agent") else ""
    line = f"{indent}- {_OUTCOMES.get(step['outcome'], '?')} {agent}**{plain(str(step.get('tool')))}** {code(step['what'])}"
    return [line, f"{indent}    {code(step['error'])}"] if step.get("error") else [line]


def _quote(text: str) -> str:
    return "\n".join(f"> {plain(line)}" for line in text.splitlines() or [""])


def plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _LIST.sub(r"\1\\\2", _SIGNS.sub(r"\\\1", text))


def code(text: str) -> str:
    """Text as code on one line, whatever backticks it has."""
    text = " ".join(text.split()) or " "
    fence = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    gap = " " if "`" in text else ""
    return f"{fence}{gap}{text}{gap}{fence}"
