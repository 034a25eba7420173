"""Sessions as one HTML file that needs nothing else: no script, no font, no address it asks for (its policy forbids any)."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .markdown import facts_of
from .shapes import ENDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .shapes import Step, Story

_STYLE = """
:root {
  color-scheme: light dark;
  --line: #d0d7de; --dim: #59636e; --bad: #c0202b; --good: #1a7f37; --soft: #f6f8fa;
}
@media (prefers-color-scheme: dark) {
  :root { --line: #3d444d; --dim: #9198a1; --bad: #ff7b72; --good: #3fb950; --soft: #151b23; }
}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 2rem 0 .5rem; } h2 { font-size: .9rem; color: var(--dim); margin: 2rem 0 .25rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; font-size: .9rem; }
dt { color: var(--dim); } dd { margin: 0; }
.asked { border-left: 4px solid #0969da; background: var(--soft); padding: .5rem .75rem; margin: .25rem 0;
white-space: pre-wrap; }
.steps { list-style: none; padding: 0; margin: .5rem 0; font-size: .875rem; }
.steps li { padding: .15rem 0 .15rem 1.5rem; text-indent: -1.25rem; } .steps li.agent { margin-left: 1.5rem; }
.steps li > * { text-indent: 0; } code, pre { font: .85em ui-monospace, monospace; }
pre { white-space: pre-wrap; margin: .15rem 0; color: var(--bad); } .ok { color: var(--good); } .failed { color: var(--bad); }
.denied, .interrupted, .running, time, .took { color: var(--dim); } .concluded { border-left: 4px solid var(--good);
padding: .25rem .75rem; white-space: pre-wrap; } .stopped { border-left-color: var(--bad); } .files { font-size: .875rem; }
hr { border: 0; border-top: 1px solid var(--line); margin: 3rem 0; }
"""
_OUTCOMES = {"ok": "✓", "failed": "✗", "denied": "⊘", "interrupted": "…", "running": "…"}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html_of(stories: Iterable[Story], title: str) -> Iterator[str]:
    """The file, piece by piece."""
    yield (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>\n'
    )
    for number, story in enumerate(stories):
        yield ("<hr>\n" if number else "") + "".join(_story(story))
    yield "</body></html>\n"


def _story(story: Story) -> Iterator[str]:
    yield f"<article><h1>{escape(story['title'] or 'Session')} <small>{escape(story['session_id'])}</small></h1>\n<dl>"
    for name, value in facts_of(story):
        yield f"<dt>{escape(name)}</dt><dd>{f'<code>{escape(value)}</code>' if name == 'Resume' else escape(value)}</dd>"
    yield "</dl>\n"
    for turn in story["story"]:
        yield f"<h2><time>{escape(turn['ts'][:19].replace('T', ' '))} UTC</time></h2>\n"
        if turn["asked"]:
            yield f'<div class="asked">{escape(turn["asked"])}</div>\n'
        if turn["steps"]:
            yield f'<ul class="steps">{"".join(map(_step, turn["steps"]))}</ul>\n'
        for name in ENDS:
            if text := turn.get(name):
                yield f'<div class="concluded {name}">{escape(text)}</div>\n'
    if story["files"]:
        files = "".join(f"<li><code>{escape(path)}</code></li>" for path in story["files"])
        yield f'<h2>Changed files</h2>\n<ul class="files">{files}</ul>\n'
    yield "</article>\n"


def _step(step: Step) -> str:
    outcome = step["outcome"]
    agent = f"<em>{escape(str(step['agent']))}:</em> " if step.get("agent") else ""
    took = f' <span class="took">{step["latency_ms"] / 1000:.1f} s</span>' if (step.get("latency_ms") or 0) >= 1000 else ""
    error = f"<pre>{escape(step['error'])}</pre>" if step.get("error") else ""
    mark = f'<span class="{escape(outcome)}" title="{escape(outcome)}">{_OUTCOMES.get(outcome, "?")}</span>'
    body = f"{mark} {agent}<strong>{escape(str(step.get('tool')))}</strong> <code>{escape(step['what'])}</code>{took}{error}"
    return f'<li class="{"agent" if agent else "own"}">{body}</li>'
