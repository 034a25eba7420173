"""Claude Code as a source of events: its transcripts, and what they and its hooks have in common.

Nothing is imported until it is asked for: a hook that needs one module here must not pay for the others.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .discovery import ImportOrigins, discover
    from .ledger import FileMark, ImportLedger
    from .transcripts import TranscriptReader, TranscriptReport

__all__ = ["FileMark", "ImportLedger", "ImportOrigins", "TranscriptReader", "TranscriptReport", "discover"]

_HOMES = {
    "FileMark": "ledger",
    "ImportLedger": "ledger",
    "ImportOrigins": "discovery",
    "TranscriptReader": "transcripts",
    "TranscriptReport": "transcripts",
    "discover": "discovery",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
