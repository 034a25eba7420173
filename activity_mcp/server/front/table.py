"""The answers that never change, as bytes that the SDK made (``tools/write_handshake.py``), and whether they hold here.

``handshake.json``
    made_with   {distribution: version} of the libraries whose answers these are
    version     of this package, which the greeting states
    modern      the version of the protocol that has no handshake
    greetings   {protocol version: result of initialize}, and the result of server/discover under ``modern``
    lists       {"handshake" | "modern": {method: result}}
    server      what a modern result's ``_meta`` says of the server
Results are JSON texts.
"""

from __future__ import annotations

import os
import sys

from ... import __version__
from ...plain_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "handshake.json")


class Table:
    """The static answers. Raises OSError, ValueError or KeyError when the file is not as it was written."""

    def __init__(self, path: str = FILE) -> None:
        with open(path, "rb") as file:
            document = loads(file.read())
        self.made_with: dict[str, str] = document["made_with"]
        self.version: str = document["version"]
        self.modern: str = document["modern"]
        self.greetings: dict[str, bytes] = {version: text.encode() for version, text in document["greetings"].items()}
        self.lists: dict[str, dict[str, bytes]] = {
            dialect: {method: text.encode() for method, text in lists.items()} for dialect, lists in document["lists"].items()
        }
        self.server = document["server"].encode()

    def holds(self, path: Sequence[str] | None = None) -> bool:
        """Whether the libraries that made these answers are installed: one look for the folder of each on ``sys.path``."""
        if self.version != __version__:
            return False
        places = sys.path if path is None else path
        folders = [f"{name.replace('-', '_')}-{version}.dist-info" for name, version in self.made_with.items()]
        return all(any(os.path.isdir(f"{place}/{folder}") for place in places if place) for folder in folders)


def read_table() -> Table | None:
    """The table, if it can be used; None sends everything the long way."""
    try:
        table = Table()
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
    return table if table.holds() else None
