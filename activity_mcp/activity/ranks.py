"""Which of several events with one activity_id counts, and which events are the server's own: as in SQL, so in Python."""

from __future__ import annotations

from . import KEPT_METHODS

_SOURCE_RANKS = {"otel": 0, "hook": 0, "mcp": 1, "cli": 1, "import": 2}
_OTHER_RANK, _UNANSWERED_RANK = 3, 4


def source_rank(source: object, features: object) -> int:
    """The place of an event among those that share its activity_id: the lowest counts, then the earliest.

    The same as SOURCE_RANK in ``sql/``, whose tests compare the two.
    """
    if isinstance(features, dict):
        if "_unanswered" in features and _is_set(features["_unanswered"]):
            return _UNANSWERED_RANK
        if "_partial" in features and _is_set(features["_partial"]):
            return _OTHER_RANK
    return _SOURCE_RANKS.get(str(source), _OTHER_RANK)


def _is_set(mark: object) -> bool:
    return mark is True or mark == "true"


def is_own_event(event_name: object, features: object) -> bool:
    """Whether the server reports a call of its own, which no context shows: IS_OWN_EVENT in ``sql/``."""
    if event_name != "mcp_event":
        return False
    return not isinstance(features, dict) or features.get("method") not in KEPT_METHODS
