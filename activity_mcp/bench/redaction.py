"""Redaction by kind of text: processor time for 10 KB, beside one pass of a regular expression over the same text.

each kind   texts of this Python, of this package and made ones (``redaction_texts``): the median of the texts, each at its best
            of some runs; the floor is ``re`` cutting the text into words once
all kinds   the slowest twentieth of all texts
1 MB        a hundred texts as one, beside ten as one, by the 10 KB
hostile     what rules begin with, repeated: four times the text, in how many times the time, at the worst
"""

from __future__ import annotations

import re
import time
from statistics import median
from typing import TYPE_CHECKING

from ..redaction import Redactor
from .measured import Measured, against, bounded, percentile
from .redaction_texts import CHARACTERS, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_MS, MAX_MS_OF_95 = 1.0, 2.0
_WORDS = re.compile(r"[A-Za-z0-9_-]+")
_HOSTILE = (
    "'", '"', "\\", "@", ":", "=", "$", "%", "&", "<", "+", "-", "*", "|", "/", ".", "(", "{", "eyJ", "AKIA", "sk-", "a@b:",
    "key", "key=", "token ", "password: ", "\x1b[1m", "\\n", '"+"', "'\n'", "%41", "://a:", "-----BEGIN ", "* ", " * ", "::",
    "curl -u ", "git -p ", "echo a | ", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF_", "sha512-", "密码", "\\u0041", "a" * 64 + "\n",
)  # fmt: skip


def measure(environ: Mapping[str, str], *, runs: int = 9, hostile: int = len(_HOSTILE)) -> list[Measured]:
    """All of it; ``environ`` is not used, for nothing is recorded."""
    found = texts()
    rows: list[Measured] = []
    all_ms: list[float] = []
    for kind, slices in found.items():
        ours, floors = zip(*(_pair(text, runs) for text in slices), strict=True)
        all_ms += ours
        what = f"redaction of 10 KB of {kind}, processor time; floor: one `re` pass"
        rows.append(against(what, median(ours), median(floors), "ms", below=MAX_MS))
    share = percentile(all_ms, 0.95)
    rows.append(bounded(f"redaction of 10 KB, the slowest twentieth of {len(all_ms)} texts", share, "ms", below=MAX_MS_OF_95))
    return [*rows, _of_a_megabyte(found["Python"]), _steepest(_HOSTILE[:hostile])]


def _pair(text: str, runs: int) -> tuple[float, float]:
    """Milliseconds of the redactor and of the floor, each at its best, in turn."""
    redactor = Redactor()
    redactor.text(text)
    both = [(_spent_ms(redactor.text, text), _spent_ms(_WORDS.findall, text)) for _ in range(runs)]
    return min(ours for ours, _ in both), min(floor for _, floor in both)


def _spent_ms(work: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    work(text)
    return (time.process_time() - began) * 1000


def _of_a_megabyte(slices: list[str]) -> Measured:
    """A hundred texts of one kind as one. (One of all kinds opens every gate: that is what a text of all kinds costs.)"""
    redact, count = Redactor().text, 1_000_000 // CHARACTERS
    large, small = ("\n".join(slices[at % len(slices)] for at in range(size)) for size in (count, count // 10))
    spent = (
        min(_spent_ms(redact, large) for _ in range(2)) / count,
        min(_spent_ms(redact, small) for _ in range(3)) / (count // 10),
    )
    return against("redaction of 1 MB of Python, by the 10 KB; floor: 100 KB of it, by the 10 KB", *spent, "ms", at_most=1.5)


def _steepest(pieces: Sequence[str]) -> Measured:
    redact = Redactor().text
    growth = {}
    for piece in pieces:
        small, large = (piece * (size // len(piece)) for size in (20_000, 80_000))
        redact(small)
        growth[piece] = min(_spent_ms(redact, large) for _ in range(3)) / max(
            0.2, min(_spent_ms(redact, small) for _ in range(3))
        )
    worst = max(growth, key=lambda piece: growth[piece])
    what = f"four times a hostile text, the steepest of {len(pieces)}: {worst[:12]!r} repeated; quadratic would be 16"
    return bounded(what, growth[worst], "times", below=8)
