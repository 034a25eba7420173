"""Values in XML and HTML: of an element, of the one beside or below that names it, of an attribute of its tag."""

from __future__ import annotations

from .judging import is_chosen, is_secret_text
from .members import VALUED
from .names import Name
from .reading import quoted_value, skip_blanks
from .sight import end_of_line

_TAG = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:")
_MAX_TAG = 256
_MAX_TAGS = 160
_VALUE_TAGS = ("value", "string", "text", "plaintext", "plain", "val")
_NAME_TAGS = ("name", "key", "k", "id", "label", "property", "option", "setting", "field", "element", "attribute")
_VALUE_ATTRIBUTES = ("value", "content", "val", "default")


def is_tag(text: str, name: Name) -> bool:
    """Whether the name ends that of a tag: ``<db.password>``, ``<wsse:Password Type="…">``."""
    if text[name.end : name.end + 1] not in (" ", "\t", "\r", "\n", ">"):
        return False
    at = name.start
    while at > max(0, name.start - 48) and text[at - 1] in _TAG:
        at -= 1
    return text[at - 1 : at] == "<"


def element(text: str, lowered: str, name: Name) -> tuple[int, int] | None:
    """``<password>…</password>``, ``<Password><Value>…</Value></Password>``."""
    close = text.find(">", name.end, name.end + _MAX_TAG)
    if close < 0 or text[close - 1] == "/" or "<" in text[name.end : close]:
        return None
    start = close + 1
    if text.startswith("<![CDATA[", start):
        start += 9
        end = text.find("]]>", start)
    else:
        end = _end_of_content(text, name, start)
    if end < 0:
        return None
    value = text[start:end]
    stripped = value.strip()
    if not stripped and text.startswith("<", end) and lowered.startswith(_VALUE_TAGS, end + 1):
        inner = text.find(">", end, end + 64)
        return _content(text, name, inner + 1) if inner > 0 else None
    if not stripped or ("{" in stripped[:1] and stripped.endswith("}")):
        return None
    start += value.find(stripped)
    return (start, start + len(stripped)) if is_secret_text(name, stripped[:520]) else None


def _end_of_content(text: str, name: Name, start: int) -> int:
    """The next tag; or the end tag of this name, if what looks like a tag before it is part of a password."""
    end = text.find("<", start)
    if end < 0 or text.startswith("</" + name.text, end) or not text[start:end].strip():
        return end
    if text.startswith("</", end) and text.find(":", end, end + 48) > 0:
        return end  # with a prefix
    own = text.find("</" + name.text, end, end + 512)
    return own if own > 0 and ">" not in text[end:own] and "\n" not in text[end:own] else end


def _content(text: str, name: Name, start: int) -> tuple[int, int] | None:
    end = text.find("<", start, start + 65536)
    value = text[start:end].strip() if end > start else ""
    if not value or not is_secret_text(name, value[:520]):
        return None
    start = text.index(value, start)
    return start, start + len(value)


def form_field(text: str, name: Name, at: int) -> tuple[int, int] | None:
    """``Content-Disposition: form-data; name="password"``, an empty line, and the value."""
    start = text.find("\n", at, at + 8) + 1
    while 0 < start < len(text) and text[start] in "\r\n":
        start += 1
    end = end_of_line(text, start)
    return (start, end) if 0 < start < end and is_secret_text(name, text[start:end][:520]) else None


def named_element(text: str, lowered: str, name: Name, at: int) -> tuple[int, int] | None:
    """``<string name="api_key">…</string>``, ``<key>Password</key><string>…``, ``<property name="…"><value>…``."""
    start = at + 1
    if lowered.startswith("</key>", name.end):
        opened = lowered.find("<string>", name.end + 6, name.end + 80)
        start = opened + 8 if opened > 0 and not text[name.end + 6 : opened].strip() else -1
    if start <= 0:
        return None
    child = skip_blanks(text, start) if text[start : start + 1] != "\n" else start
    while child < min(len(text), start + 64) and text[child] in " \t\r\n":
        child += 1
    if text.startswith("<", child) and lowered.startswith(_VALUE_TAGS, child + 1):
        inner = text.find(">", child, child + 64)
        return _content(text, name, inner + 1) if inner > 0 else None
    end = text.find("</", start, start + 4096)
    value = text[start:end].strip() if end > start else ""
    if not value or "<" in value or not is_secret_text(name, value[:520]):
        return None
    start = text.index(value, start)
    return start, start + len(value)


def next_element(text: str, name: Name) -> tuple[int, int] | None:
    """``<td>Password</td><td>…</td>``, ``<name>db.password</name><value>…</value>``: the text of the next element."""
    at = name.end
    limit = min(len(text), at + _MAX_TAGS)
    while at < limit and text[at] in ":* \t\r\n":
        at += 1
    if text[at : at + 2] != "</":
        return None
    while at < limit:
        if text[at] == "<":
            at = text.find(">", at, limit) + 1
            if at <= 0:
                return None
        elif text[at] in " \t\r\n":
            at += 1
        else:
            break
    end = text.find("<", at, at + 4096)
    value = text[at:end].strip() if end > at else ""
    if not value or not is_chosen(value[:520]) or not is_secret_text(name, value[:520]):
        return None
    return at, at + len(value)


def element_before(text: str, lowered: str, name: Name, start: int) -> tuple[int, int] | None:
    """``<value>…</value><name>db.password</name>``: what the element before holds, if it is called as a value is."""
    opened = text.rfind("<", max(0, start - 48), start)
    closed = text.rfind("</", max(0, opened - _MAX_TAGS), opened) if opened > 0 else -1
    if closed < 0 or lowered[opened + 1 : start - 1] not in _NAME_TAGS or text[text.find(">", closed) + 1 : opened].strip():
        return None
    tag = lowered[closed + 2 : text.find(">", closed)]
    begin = lowered.rfind(f"<{tag}>", max(0, closed - 4096), closed)
    return _content(text, name, begin + len(tag) + 2) if tag in VALUED and begin >= 0 else None


def attribute_beside(text: str, lowered: str, name: Name) -> tuple[int, int] | None:
    """``<input type="password" value="…">``, ``<meta name="api-token" content="…">``: of the same tag, in any order."""
    opened = text.rfind("<", max(0, name.start - _MAX_TAG), name.start)
    if opened < 0 or text.find(">", opened, name.start) >= 0:
        return None
    close = text.find(">", name.end, name.end + _MAX_TAG)
    if close < 0:
        return None
    for attribute in _VALUE_ATTRIBUTES:
        at = lowered.find(attribute + "=", opened, close)
        if at > 0 and not text[at - 1].isalnum() and text[at - 1] != "_":
            span = quoted_value(text, at + len(attribute) + 1)
            if span is not None and span[0] > at and is_secret_text(name, text[span[0] : span[1]][:520]):
                return span
    return None
