"""Redaction: secrets are replaced by ``[redacted:kind]`` before anything is written.

Two things count as a secret: a value that has the shape of one (in any place; ``shapes``: tokens of the table in
``tokens``, patterns, runs that only a generator makes; ``pem``: private keys), and a value that something calls a secret: the
value of a sensitive key of an object, of an assignment, member, element, argument or option in a text (``assigned``), of a
column (``tables``) or of an option that only its program gives a meaning (``commands``). ``names`` judges a name,
``values`` a value by itself; ``reading`` finds where a value begins and ends, ``views`` decodes texts that are encoded or cut.
What only mentions secrets stays: token counts, ``token_source``, references (``$TOKEN``), hashes. ``settings`` is what a user
adds: patterns, names, values to be kept as hashes, paths to be left out.

A text is searched for literals first and then for what must follow them, by hand; the few patterns are compiled when a text
calls for one: so a text without secrets costs a hook no regular expressions. No search looks at the same characters again and
again. All finds are replaced in one pass over the text, and the same text gives the same redacted text: what is equal stays
equal.

No redaction knows every secret: what no shape and no name gives away is stored as it is. ``docs/redaction.md`` has how much is
found, by kind. Standard library only, no I/O.
"""

from __future__ import annotations

from .gates import PATH_MEMBERS, has_escapes, opened
from .rules import RULES
from .sight import APART, Sight, forget_line, is_uuid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from .rules import Rule
    from .settings import RedactionSettings

    Span = tuple[int, int, str]

__all__ = ["RULES", "Redactor"]

MAX_DEPTH = 64
HIDDEN_PATH = "[redacted:path]"
_MIN_KEY_CHARS = 12
_MIN_LABEL = 10
_NAMING = ("name", "key", "Name", "Key", "id", "ParameterKey", "variable")
_STRONG = 3
"""As in ``names``."""
_PLAIN_KEYS = frozenset(
    (
        "command", "description", "file_path", "old_string", "new_string", "content", "pattern", "path", "prompt", "url",
        "query", "timeout", "replace_all", "limit", "offset", "run_in_background", "output_mode", "glob", "type",
        "subagent_type", "todos", "status", "activeForm", "notebook_path", "new_source", "cell_id", "hook_event_name", "source",
        "model", "reason", "cwd",
    )
)  # fmt: skip
"""What the parameters of most calls are called: none of them announces a secret, so that a hook need not load what judges."""
_ANNOUNCING = frozenset(
    (
        "k", "name", "key", "id", "option", "field", "param", "parameter", "setting", "attribute", "property", "prop", "label",
        "element", "selector", "question", "placeholder", "env", "arg", "variable", "title", "locator",
    )
)  # fmt: skip
"""Members that may say what another one is."""
_VALUED = frozenset(("value", "parametervalue", "val", "default", "secretstring", "secretvalue", "stringdata"))
_CONTENTS = frozenset(("content", "new_string", "old_string", "new_str", "old_str", "file_text", "text"))
_KEY_FILES = (
    ".key", ".vault-token", ".vault_pass", ".vault_password", ".pgpass", "_token", ".token", "password.txt", "secret.txt",
    ".secret", "passwd", ".passwd", ".pw", ".password", "id_rsa", "id_ed25519", "id_ecdsa", ".ppk", "master.key",
    "secret_key_base", ".credentials",
)  # fmt: skip
_LIST_FILES = (
    "chap-secrets", "pap-secrets", "userlist.txt", "ipsec.secrets", "/dovecot/users", "/dovecot/passwd", "cram-md5.pwd",
)  # fmt: skip
"""Files that list accounts, with no names for their columns."""
_CONTENT = frozenset(("parameters", "error", "sql", "text", "excerpt", "file_path", "sample_rows", "content_schema"))
"""Members that hooks, imports and the recorder redact themselves, before they cut them."""
_MAX_REMEMBERED = 8192
_MAX_REMEMBERED_CHARS = 256
_LONG_NUMBER = 6
"""Digits from which a number below a secret key is a secret: a PIN of four, a version or a count stays."""


class Redactor:
    """Replaces secrets; ``count`` is how many it has replaced so far. With ``enabled=False`` it changes nothing.

    ``remembers``: short texts in which nothing was found are kept, so that none is searched twice; for a process that redacts
    much. No text that held anything is kept.
    """

    __slots__ = ("_passes_uuids", "_remembers", "_rules", "_settings", "count", "enabled", "remembered")

    def __init__(
        self,
        enabled: bool = True,
        *,
        rules: Sequence[Rule] = RULES,
        settings: RedactionSettings | None = None,
        remembers: bool = False,
    ) -> None:
        self._remembers = remembers
        self.remembered: set[str] = set()
        self.enabled = enabled
        self.count = 0
        self._settings = settings if enabled else None
        self._rules = (*rules, *settings.rules) if settings is not None else rules
        self._passes_uuids = rules is RULES and (settings is None or not (settings.rules or settings.literals))

    def text(self, text: str) -> str:
        """The text with each secret in it replaced."""
        if not self.enabled or len(text) < 4 or text in self.remembered:
            return text
        return self._replaced(text, self._spans(text))

    def _replaced(self, text: str, spans: list[Span]) -> str:
        if not spans:
            return text
        parts: list[str] = []
        at = 0
        for start, end, kind in _merged(spans):
            parts += (text[at:start], f"[redacted:{kind}]")
            at = end
            self.count += 1
        parts.append(text[at:])
        return "".join(parts)

    def _spans(self, text: str) -> list[Span]:
        spans = self._found(text)
        if self._remembers and not spans and len(text) <= _MAX_REMEMBERED_CHARS:
            if len(self.remembered) >= _MAX_REMEMBERED:
                self.remembered.clear()
            self.remembered.add(text)
        return spans

    def _found(self, text: str) -> list[Span]:
        if not has_escapes(text):
            return self._found_in(text)
        from .escapes import shown

        return [(*view.span(start, end), kind) for view in shown(text) for start, end, kind in self._found_in(view.text)]

    def _found_in(self, text: str) -> list[Span]:
        sight = Sight(text)
        literals = self._settings.literals if self._settings is not None else ()
        gates = opened(sight, self._rules, literals)
        if not gates:
            return []
        from .finding import find

        return find(sight, gates, self._rules, self._settings.is_sensitive if self._settings is not None else None, literals)

    def value(self, value: Any) -> Any:
        """The JSON value with each secret in it replaced: texts by their content, members by the name of their key."""
        return self._walk(value, 0) if self.enabled else value

    def label(self, text: str) -> str:
        """A name, a path or a branch: its secrets replaced, by the same mark wherever it is given. E-mail addresses stay."""
        if not self.enabled or len(text) < _MIN_LABEL or text in self.remembered or not _may_hold_secret(text):
            return text
        return self._replaced(text, [span for span in self._spans(text) if span[2] != "email"])

    def identifier(self, text: str) -> str:
        """An id, which stays one: what holds a secret becomes ``redacted-`` and the beginning of its SHA-256."""
        if (
            not self.enabled
            or (self._passes_uuids and is_uuid(text))
            or text in self.remembered
            or not _may_hold_secret(text)
            or all(span[2] == "email" for span in self._spans(text))
        ):
            return text
        from ..activity import sha256_hex

        self.count += 1
        return f"redacted-{sha256_hex(text)[:24]}"

    def labels(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """The members of an event's features that are labels or ids; its content is redacted where it is cut."""
        if not self.enabled:
            return dict(features)
        before = self.count
        kept = dict(features)
        for name, item in features.items():
            if item and isinstance(item, (str, dict, list)) and name not in _CONTENT:
                kept[name] = self._labelled(name, item)
        if self.count > before and isinstance(kept.get("_redacted", 0), int):
            kept["_redacted"] = kept.get("_redacted", 0) + self.count - before
        return kept

    def _labelled(self, name: str, item: Any) -> Any:
        if not isinstance(item, str):
            return self.value(item)
        return self.identifier(item) if name.endswith(("_id", "_uuid", "Id")) else self.label(item)

    def path(self, path: str) -> str:
        """The path of a file, unless the settings hide it, or keep no more than a hash of it."""
        if self.hashes("file_path"):
            return str(self._hashed(path))
        if not self.hides(path):
            return self.text(path)
        self.count += 1
        return HIDDEN_PATH

    def hides(self, path: Any) -> bool:
        """Whether the settings ask to keep nothing of a file with this path, its name included."""
        return self._settings is not None and isinstance(path, str) and self._settings.hides(path)

    def hashes(self, member: str) -> bool:
        """Whether the settings ask to keep only a hash of this member."""
        return self._settings is not None and member in self._settings.hash_only

    def _judge(self, name: str) -> tuple[str, int] | None:
        if self._settings is not None and self._settings.is_sensitive(name):
            return "named", _STRONG
        if name in _PLAIN_KEYS:
            return None
        from .names import judge_name

        return judge_name(name)

    def _kind_of(self, name: str) -> str | None:
        judged = self._judge(name)
        return judged[0] if judged is not None and judged[1] == _STRONG else None

    def _walk(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if depth >= MAX_DEPTH:
            return "[nested too deeply]" if isinstance(value, (dict, list, tuple)) else value
        if isinstance(value, dict):
            return self._members(value, depth + 1)
        if isinstance(value, (list, tuple)):
            return self._items(value, depth + 1)
        return value

    def _members(self, members: dict[Any, Any], depth: int) -> dict[Any, Any]:
        if self._settings is not None and self._settings.hides_any(members):
            return self._blanked(members)
        named = next((members[key] for key in _NAMING if key in members), None)  # {"name": "DB_PASSWORD", "value": …}
        of_value = self._judge(named) if isinstance(named, str) else None
        paths = [path for key in PATH_MEMBERS if isinstance(path := members.get(key), str)]
        in_key_file, in_list = any(map(_is_key_file, paths)), any(path.endswith(_LIST_FILES) for path in paths)
        announced = self._announced(members)
        walked = {}
        for key, item in members.items():
            if self.hashes(key):
                walked[key] = self._hashed(item)
                continue
            judged = self._judge(key) if isinstance(key, str) else None
            if of_value is not None and isinstance(key, str) and key.lower() in _VALUED:
                judged = of_value
            if announced and judged is None and isinstance(item, str) and _is_given(key, item, announced):
                judged = announced, _STRONG
            if in_key_file and isinstance(item, str) and key in _CONTENTS and _is_one_word(item):
                judged = "key_file", _STRONG
            walked[self._key(key)] = self._judged(item, judged, key, depth)
        if in_list and any(isinstance(walked.get(key), str) for key in _CONTENTS):
            walked = {key: self._listed(item) if key in _CONTENTS else item for key, item in walked.items()}
        return walked

    def _listed(self, item: Any) -> Any:
        """The content of a file that lists accounts."""
        from .accounts import listed

        if not isinstance(item, str):
            return item
        spans = list(listed(item))
        forget_line()
        return self._replaced(item, spans)

    def _announced(self, members: dict[Any, Any]) -> str | None:
        """The kind of secret that one member says another is (``{"element": "Password field", "text": "…"}``)."""
        if not any(isinstance(key, str) and key.lower() in _ANNOUNCING for key in members):
            return None
        from .members import announced

        return announced(members, _ANNOUNCING, self._judge)

    def _judged(self, item: Any, judged: tuple[str, int] | None, key: Any, depth: int) -> Any:
        """The member of an object with its secrets replaced: all of it under a strong name, what is random under a weak one."""
        if judged is None:
            return self._walk(item, depth)
        kind, strength = judged
        if strength == _STRONG:
            return self._hide(item, kind, depth)
        from .judging import is_secret_of_weak
        from .names import Name
        from .values import is_reference

        if isinstance(item, str) and is_secret_of_weak(Name(str(key), 0, 0, kind, strength), item) and not is_reference(item):
            self.count += 1
            return f"[redacted:{kind}]"
        return self._walk(item, depth)

    def _key(self, key: Any) -> Any:
        return self.text(key) if isinstance(key, str) and len(key) >= _MIN_KEY_CHARS else key  # as a table of tokens has them

    def _items(self, items: Sequence[Any], depth: int) -> list[Any]:
        if len(items) == 2 and isinstance(items[0], str):
            from .members import paired

            kind = paired(items, self._judge)
            if kind is not None:
                return [items[0], self._hide(items[1], kind, depth)]
        walked = []
        kind = None  # of the option before: ["--password", "…"]
        for item in items:
            walked.append(self._hide(item, kind, depth) if kind and isinstance(item, str) else self._walk(item, depth))
            kind = self._kind_of(item) if isinstance(item, str) and item.startswith("-") else None
        return walked

    def _hide(self, value: Any, kind: str, depth: int) -> Any:
        """What is under a sensitive key is a secret: texts, long numbers, and the keys of a table of them; references are
        not."""
        if isinstance(value, str):
            from .values import is_reference

            if not value or is_reference(value):
                return value
            self.count += 1
            return f"[redacted:{kind}]"
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if sum(char.isdigit() for char in str(value)) < _LONG_NUMBER:
                return value
            self.count += 1
            return f"[redacted:{kind}]"
        if isinstance(value, (dict, list, tuple)) and depth >= MAX_DEPTH:
            return f"[redacted:{kind}]"
        if isinstance(value, dict):
            return {self._hidden_key(key, kind): self._hide(item, kind, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._hide(item, kind, depth + 1) for item in value]
        return value

    def _hidden_key(self, key: Any, kind: str) -> Any:
        """Below a secret key a key is a name (``user``), unless it is random or has the shape of a secret."""
        if not isinstance(key, str) or len(key) < 8:
            return key
        from .randomness import is_random

        if is_random(key, 12) and not key.replace("_", "").isalpha():
            self.count += 1
            return f"[redacted:{kind}]"
        return self.text(key)

    def _blanked(self, members: dict[Any, Any]) -> dict[Any, Any]:
        """What is kept of a call on a hidden file: that it was made, and its numbers."""
        self.count += 1
        return {key: HIDDEN_PATH if isinstance(item, (str, list, dict, tuple)) else item for key, item in members.items()}

    def _hashed(self, value: Any) -> Any:
        """A text, or what a list or object holds, as its length and SHA-256: equal things can be recognised, not read."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        from ..activity import sha256_hex
        from ..plain_json import dumps

        text = value if isinstance(value, str) else dumps(value)
        self.count += 1
        return f"[sha256:{sha256_hex(text)} length:{len(text)}]"


def _may_hold_secret(label: str) -> bool:
    """Whether a short text can hold one: it has ten characters of a token in a row, or gives something a value."""
    if len(label) < _MIN_LABEL:
        return False
    if ":" in label or "=" in label or "$" in label:
        return True
    pieces = label.encode("utf-8", "surrogatepass").translate(APART).split()
    return any(len(piece) >= _MIN_LABEL for piece in pieces)


def _is_given(key: Any, item: str, kind: str) -> bool:
    from .members import is_given

    return is_given(key, item, kind)


def _is_key_file(path: str) -> bool:
    return path.lower().endswith(_KEY_FILES) or "/secrets/" in path


def _is_one_word(content: str) -> bool:
    """A file whose whole content is one secret."""
    from .values import is_plain

    content = content.strip()
    return 6 <= len(content) <= 1024 and not any(char in content for char in " \n\t(){}<>") and not is_plain(content)


# --- finding


def _merged(spans: list[Span]) -> Iterator[Span]:
    """The spans in order, overlapping ones as one that bears the name of the first found."""
    spans.sort(key=lambda span: span[0])  # stable: at the same place the order of finding decides
    start, end, kind = spans[0]
    for span in spans[1:]:
        if span[0] < end:
            end = max(end, span[1])
            continue
        yield start, end, kind
        start, end, kind = span
    yield start, end, kind
