"""Which characters a reader sees. What was recorded may hold others: a message that only a model reads, a quotation that seems
to end, a sequence that a terminal obeys.

    without_invisible   for a model: what shows nothing goes; line ends and tabs stay
    in_quotes           the same on one line, every quotation mark an apostrophe, every compatibility form its plain one
    for_terminal        for a person: what a terminal would obey or hide, as an escape (``\\x1b``, ``\\u202e``)

``str.isprintable`` covers controls, format characters (directions, tags, joiners), surrogates, private and unassigned ones.
``_BLANK`` are those that it calls printable though they show nothing: the rest of Default_Ignorable_Code_Point (variation
selectors, fillers; Unicode 16, DerivedCoreProperties.txt), and blanks that are letters or symbols.
"""

from __future__ import annotations

_RANGES = (
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2065, 0x2065), (0x2800, 0x2800),
    (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0xFFFC, 0xFFFC), (0x16FE4, 0x16FE4),
    (0x1D159, 0x1D159), (0xE0100, 0xE01EF),
)  # fmt: skip
_BLANK = frozenset(chr(code) for first, last in _RANGES for code in range(first, last + 1))
_LINE_ENDS = "\n\r\t"
_QUOTES = ("QUOTATION", "PRIME", "DITTO", "GERSHAYIM", "CORNER BRACKET", "ACUTE ACCENT")
"""What the names of characters say that can be taken for a double quotation mark, beside those of categories Pi and Pf."""


def without_invisible(text: str) -> str:
    """The text as it is seen. Blanks of other kinds become spaces."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(filter(None, map(_seen, text)))


def in_quotes(text: str) -> str:
    """The text made fit for double quotation marks: one line, single spaces, no mark that seems to end it."""
    if not text.isascii():
        import unicodedata  # only a text that has such characters pays for it

        text = unicodedata.normalize("NFKC", text)
        text = "".join(char if char.isascii() else _unquoted(char, unicodedata.name(char, "")) for char in text)
    return " ".join(without_invisible(text).replace('"', "'").split())


def for_terminal(text: str) -> str:
    """The text with an escape for each character that a terminal would obey or not show; line ends and tabs stay."""
    if text.isprintable() and text.isascii():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else _escape(char) for char in text)


def for_terminal_json(text: str) -> str:
    """The same of a JSON text: only its strings can hold such characters, and there these escapes mean the same."""
    if text.isprintable() and text.isascii():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else _json_escape(char) for char in text)


def _seen(char: str) -> str:
    if char.isprintable():
        return "" if char in _BLANK else char
    return char if char in _LINE_ENDS else " " if char.isspace() else ""


def _unquoted(char: str, name: str) -> str:
    if name.startswith("COMBINING"):
        return char
    return "'" if char in _PI_PF or any(word in name for word in _QUOTES) else char


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(char: str) -> str:
    data = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[at]:02x}{data[at + 1]:02x}" for at in range(0, len(data), 2))


_PI_PF = frozenset("«»‘’‛“”‟‹›⸂⸃⸄⸅⸉⸊⸌⸍⸜⸝⸠⸡")
