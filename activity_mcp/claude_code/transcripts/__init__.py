"""Claude Code's session files: found, read line by line into events, and remembered so that a second import adds nothing.

Names are imported on first use.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .discovery import ImportOrigins, discover
    from .ledger import FileMark, ImportLedger
    from .reader import TranscriptReader, TranscriptReport

__all__ = ["FileMark", "ImportLedger", "ImportOrigins", "TranscriptReader", "TranscriptReport", "discover"]

_HOMES = {
    "FileMark": "ledger",
    "ImportLedger": "ledger",
    "ImportOrigins": "discovery",
    "TranscriptReader": "reader",
    "TranscriptReport": "reader",
    "discover": "discovery",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
