"""The redaction of a batch's labels and ids: what was looked through once is not looked through again.

A batch says the same of most of its records: session, prompt, model, version. What repeats and held no secret is remembered,
the text of each member apart; and the ids that are new in every record are known by their shape, which no secret has:
Anthropic's of a request, and our own that is derived from it. All else goes through the redactor.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..activity import Labels

MAX_REMEMBERED = 4096
_REQUEST_ID = re.compile(r"req_[0-9A-Za-z]{20,32}")
_DERIVED_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_MAX_LENGTH = 256


class RepeatedLabels:
    """``redactor``, with a memory of at most ``MAX_REMEMBERED`` texts without a secret. For one thread at a time."""

    def __init__(self, redactor: Labels) -> None:
        self._redactor = redactor
        self._clean: set[tuple[str, str]] = set()

    @property
    def count(self) -> int:
        return self._redactor.count

    @count.setter
    def count(self, value: int) -> None:
        self._redactor.count = value

    def text(self, text: str) -> str:
        return self._redactor.text(text)

    def label(self, text: str) -> str:
        if ("", text) in self._clean:
            return text
        return self._remembered("", text, self._redactor.label(text))

    def identifier(self, text: str) -> str:
        if ("_id", text) in self._clean or _DERIVED_ID.fullmatch(text):
            return text
        return self._remembered("_id", text, self._redactor.identifier(text))

    def labels(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """As the redactor's: the members in their order, and ``_redacted``."""
        unknown = {name: item for name, item in features.items() if not self._is_clean(name, item)}
        if not unknown:
            return dict(features)
        done = self._redactor.labels(unknown)
        for name, item in unknown.items():
            if isinstance(item, str):
                self._remembered(name, item, done[name])
        return {**features, **done}

    def _is_clean(self, name: str, item: Any) -> bool:
        if not isinstance(item, str):
            return not isinstance(item, (dict, list))
        return (name, item) in self._clean or (name == "request_id" and _REQUEST_ID.fullmatch(item) is not None)

    def _remembered(self, name: str, text: str, done: str) -> str:
        if done == text and len(text) <= _MAX_LENGTH:
            if len(self._clean) >= MAX_REMEMBERED:
                self._clean.clear()
            self._clean.add((name, text))
        return done
