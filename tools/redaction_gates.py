"""Derives ``activity_mcp/redaction/gate_words.py``: by what word a text shows that a table may have something for it.

python tools/redaction_gates.py            exits 1 if the module is not what would be written
python tools/redaction_gates.py --write    writes it

The tables are large, and hardly a text needs them: a hook loads this module, which is small, and a table only where one of its
words is in the text.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from activity_mcp.redaction.phrases import FUNCTIONS  # noqa: E402
from activity_mcp.redaction.piped import longest_word  # noqa: E402
from activity_mcp.redaction.programs import COMMANDS, CONSUMERS  # noqa: E402
from activity_mcp.redaction.sight import APART, LONG  # noqa: E402
from activity_mcp.redaction.tokens import TOKENS, rows_of  # noqa: E402

MODULE = ROOT / "activity_mcp" / "redaction" / "gate_words.py"
Gate = dict[bytes, list[str]]
Row = tuple[str, str, int, int]


def token_gates() -> tuple[Gate, Gate, Gate]:
    """The prefixes of tokens, by the piece that a mark ends in them: before anything, before one long piece; and the others,
    by the beginning of the piece that they begin."""
    solid = [prefix for prefix in _prefixes() if all(_is_solid(row) for row in rows_of(prefix))]
    by_piece: Gate = {}
    before_long: Gate = {}
    by_head: Gate = {}
    for prefix in _prefixes():
        first = prefix.lstrip("_").encode().translate(APART).split()[0]
        if len(first) == len(prefix.lstrip("_")):
            by_head.setdefault(first[:4], []).append(prefix)
        else:
            (before_long if prefix in solid else by_piece).setdefault(first, []).append(prefix)
    return by_piece, before_long, by_head


def _prefixes() -> list[str]:
    rows = [line.split(" ")[5:] for line in TOKENS.split("\n")[1:-1]]
    return list(dict.fromkeys(prefix for prefixes in rows for prefix in prefixes))


def _is_solid(row: Row) -> bool:
    """Whether nothing but letters and digits follows, and enough of them to be a long piece."""
    _, alphabet, min_chars, _ = row
    return alphabet.isalnum() and min_chars >= LONG


def program_gates() -> Gate:
    """The programs by the first run of letters and digits of their name."""
    found: Gate = {}
    for line in COMMANDS.split("\n")[1:-1]:
        program = line.partition(" |")[0]
        programs = found.setdefault(program.partition("-")[0].partition("_")[0].encode(), [])
        if program not in programs:
            programs.append(program)
    return found


def call_gates() -> Gate:
    """The functions by the last word of their name."""
    found: Gate = {}
    for function in FUNCTIONS:
        word = function.replace(".", " ").replace("_", " ").replace("->", " ").split()[-1].encode()
        calls = found.setdefault(word, [])
        if function + "(" not in calls:
            calls.append(function + "(")
    return found


def _block(name: str, gate: Gate, meaning: str) -> str:
    lines = "\n".join("|".join((word.decode(), *texts)) for word, texts in gate.items() if texts != [word.decode()])
    words = textwrap.fill(" ".join(word.decode() for word in gate), 126)
    return f'{name} = """\\\n{words}\n\n{lines}\n"""\n"""{meaning}"""\n'


def rendered() -> str:
    """The text of the module."""
    by_piece, before_long, by_head = token_gates()
    consumers: Gate = {word: [word.decode()] for word in sorted({longest_word(consumer) for consumer in CONSUMERS})}
    return "\n".join(
        (
            '"""By what word a text shows that a table of redaction may have something for it: derived from the tables.',
            "",
            "The words, and for some a line with what to look for instead of the word. Plain text, for nothing loads faster.",
            'Written by ``python tools/redaction_gates.py --write``; a test holds it and the tables together.\n"""',
            "",
            "from __future__ import annotations",
            "",
            _block("TOKENS_BY_PIECE", by_piece, "Prefixes of tokens by their first piece, where a mark ends it."),
            _block("TOKENS_BEFORE_LONG", before_long, "The same, of tokens that are a long piece behind their prefix."),
            _block("TOKENS_BY_HEAD", by_head, "The others, by the first four characters of their piece."),
            _block("PROGRAMS", program_gates(), "Programs by the first run of letters and digits of their name."),
            _block("CALLS", call_gates(), "What calls a function of ``phrases``, by the last word of its name."),
            _block("CONSUMERS", consumers, "The word of each consumer of ``programs`` that a text must have.").rstrip(),
            "",
        )
    )


def main() -> int:
    text = rendered()
    if "--write" in sys.argv[1:]:
        MODULE.write_text(text, encoding="utf-8")
    if MODULE.read_text(encoding="utf-8") == text:
        return 0
    print("gate_words.py is not what the tables give: python tools/redaction_gates.py --write", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
