"""What a tool accepts: one table of ``Argument`` per tool gives both the published input schema and the check of a call.

A call is checked whole before anything is done, and what is wrong is said by name (the SDK would drop an unknown argument
without a word). ``null`` counts as left out. Values are not coerced, with two exceptions: a number without a fraction is an
integer, as JSON has only one kind of number, and an object written as JSON text is read, as some clients send it that way.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ...errors import InvalidInput
from ...plain_json import bounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kind = Literal["string", "integer", "number", "boolean", "object", "array", "any"]

_TYPES: dict[Kind, Any] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list, "any": object,
}  # fmt: skip
_KINDS = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", list: "a list", dict: "an object"}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a tool: its name, what is published of it, and the bounds of its value."""

    name: str
    kind: Kind
    description: str
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None

    def schema(self) -> dict[str, Any]:
        """Its JSON Schema, as published."""
        schema: dict[str, Any] = {"type": self.kind, "description": self.description}
        if self.kind == "any":
            del schema["type"]
        if self.choices:
            schema["enum"] = list(self.choices)
        if self.minimum is not None:
            schema["minimum"] = self.minimum
        if self.maximum is not None:
            schema["maximum"] = self.maximum
        if self.default is not None:
            schema["default"] = self.default
        return schema

    def read(self, value: Any) -> Any:
        """The value as the tool takes it.

        Raises:
            ValueError: it is of another kind or out of bounds; the message says what it must be.
        """
        if self.kind == "object" and isinstance(value, str):
            value = _object_in(value)
        if self.kind == "integer" and isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, _TYPES[self.kind]) or (value.__class__ is bool and self.kind not in ("boolean", "any")):
            raise ValueError(f"must be {_article(self.kind)}, not {_KINDS.get(type(value), 'something else')}")
        if self.choices and value not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}, not {_shown(value)}")
        if self.minimum is not None and value < self.minimum:
            raise ValueError(f"must be at least {self.minimum}, not {_shown(value)}")
        if self.maximum is not None and value > self.maximum:
            raise ValueError(f"must be at most {self.maximum}, not {_shown(value)}")
        return value


def input_schema(arguments: Sequence[Argument]) -> dict[str, Any]:
    """The JSON Schema of a call with these arguments."""
    return {
        "type": "object",
        "properties": {argument.name: argument.schema() for argument in arguments},
        "required": [argument.name for argument in arguments if argument.required],
        "additionalProperties": False,
    }


class Accepted:
    """The arguments of one tool, ready to check its calls."""

    __slots__ = ("_arguments", "_by_name", "_defaults", "_required", "_tool")

    def __init__(self, tool: str, arguments: Sequence[Argument]) -> None:
        self._tool = tool
        self._arguments = arguments
        self._by_name = {argument.name: argument for argument in arguments}
        self._defaults = {argument.name: argument.default for argument in arguments}
        self._required = [argument.name for argument in arguments if argument.required]

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every argument with its value or its default.

        Raises:
            InvalidInput: a value is wrong, missing or unknown; the message names each of them.
        """
        values = self._defaults.copy()
        try:
            for name, value in given.items():
                if value is not None:
                    values[name] = self._by_name[name].read(value)
        except (KeyError, ValueError):
            raise self._refusal(given) from None
        if not given.keys() <= values.keys() or (self._required and any(given.get(name) is None for name in self._required)):
            raise self._refusal(given)
        return values

    def _refusal(self, given: Mapping[str, Any]) -> InvalidInput:
        """The error for what is given, of which something is wrong."""
        wrong = [f"unknown argument {_shown(name)}" for name in given if name not in self._by_name]
        for argument in self._arguments:
            value = given.get(argument.name)
            if value is not None:
                try:
                    argument.read(value)
                except ValueError as error:
                    wrong.append(f"{argument.name} {error}")
            elif argument.required:
                wrong.append(f"{argument.name} is missing")
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        return InvalidInput(
            f"{self._tool} refused, nothing was done: {'; '.join(wrong[:5])}{more}",
            hint=f"its arguments are {', '.join(self._by_name)}",
        )


def _object_in(text: str) -> Any:
    try:
        value = bounded(json.loads, text)
    except ValueError:
        return text
    return value if isinstance(value, dict) else text


def _article(kind: Kind) -> str:
    return f"an {kind}" if kind[0] in "aio" else f"a {kind}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
