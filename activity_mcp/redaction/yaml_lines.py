"""Values on the lines below their name: block scalars and lists of YAML, a quoted text on the next line of JSON."""

from __future__ import annotations

from .judging import is_secret_text
from .names import STRONG, Name
from .reading import block, opening_quote, quoted_value
from .values import is_code, is_plain, is_reference


def value_on_lines(text: str, name: Name, at: int, separator: str) -> tuple[int, int] | None:
    line_start = text.rfind("\n", 0, name.start) + 1
    column = name.start - line_start
    indent = line_start
    while indent < name.start and text[indent] in " \t-":
        indent += 1
    if text[at] in "\r\n":
        following = at
        while following < min(len(text), at + 80) and text[following] in " \t\r\n":
            following += 1
        if text.startswith(('"""', "'''"), following):
            return None  # what a function does
        if following < len(text) and opening_quote(text, following):
            span = quoted_value(text, following)
            return span if span and is_secret_text(name, text[span[0] : span[1]][:520], separator) else None
        if separator != ":" or indent != name.start:
            return None
    found = block(text, at, column if indent == name.start else indent - line_start)
    if found is None or name.strength != STRONG:
        return None
    content = text[found[0] : found[1]]
    if text[at] in "\r\n":
        first = content.split("\n", 1)[0].strip()
        if first.startswith("- "):
            first = first[2:].strip("\"' ")
            found = (found[0] + 2, found[1])
            if ":" in first or is_plain(first) or is_reference(first) or len(first) < 4 or is_code(first, name.text):
                return None
            return found
        if ":" in first or "=" in first[:40] or " " in first or is_code(first, name.text):
            return None
        return found if not is_plain(first) and not is_reference(first) and len(first) >= 4 else None
    return found if not is_reference(content.strip()) and content.strip() else None
