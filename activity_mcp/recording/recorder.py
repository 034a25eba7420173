"""The log path up to the disk: redact → build → validate → append. The answer never comes before the sync.

Every event that this process writes goes through here: the ``log_event`` tool, the commands, the server's own events. A
caller who can fix an event is refused with the path and the reason; an import's events are kept and marked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import schema
from ..activity import KEPT_ACTIVITIES, KEPT_METHODS, Activity, Origin, build, dump_json
from ..errors import InvalidActivity, InvalidInput, NotDurable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..clock import Clock
    from ..identity import Identity
    from ..queue import Appended, QueueWriter
    from ..redaction import Redactor
    from .answers import LoggedEvent

MAX_KEPT_BYTES = 128 << 10
"""How long the line of an insight or an artifact may be: it is never cut, so what is longer is refused."""


class Recorder:
    """Writes activities of one process into its queue. Thread-safe; ``log`` and ``append`` block on the disk.

    ``org_id`` and the identity are those of every event without its own; ``dumps`` encodes events: orjson's in a process that
    writes many, the standard library's where loading orjson would cost more than the event.
    """

    def __init__(
        self,
        writer: QueueWriter,
        redactor: Redactor,
        identity: Identity,
        *,
        org_id: str | None,
        clock: Clock,
        dumps: Callable[[Any], bytes] = dump_json,
    ) -> None:
        self.writer = writer
        self.redactor = redactor
        self._identity = identity
        self._org_id = org_id
        self._clock = clock
        self._dumps = dumps

    def origin(
        self, source: str, *, customer: str | None = None, project: str | None = None, session_id: str | None = None
    ) -> Origin:
        """Who and where, for the events of one caller."""
        return Origin(
            customer if customer is not None else self._identity.customer,
            source,
            anonymous_customer_id=self._identity.anonymous_customer_id,
            session_id=session_id,
            project=project,
            org_id=self._org_id,
            redactor=self.redactor,
        )

    def log(self, event_name: str, features: Mapping[str, Any], origin: Origin, **columns: Any) -> LoggedEvent:
        """Record one event of a caller who can fix it. ``columns`` as in ``activity.build``.

        Raises:
            InvalidActivity: nothing was recorded.
            QueueRefused: the queue did not take it.
            NotDurable: it may have been recorded; try again with the same ``activity_id``.
        """
        activity = self.prepare(event_name, features, origin, **columns)
        try:
            appended = self.append([activity])
        except NotDurable as error:
            error.hint = f"{error.hint} (activity_id {activity.activity_id})"
            raise
        return {
            "activity_id": activity.activity_id,
            "accepted": True,
            "durable": appended.durable,
            "degraded": appended.degraded,
        }

    def prepare(self, event_name: str, features: Mapping[str, Any], origin: Origin, **columns: Any) -> Activity:
        """The event redacted, built and validated, not yet written.

        Raises:
            InvalidActivity: it is refused, with path and reason.
        """
        if not hasattr(features, "items"):
            raise InvalidActivity("feature_json", "must be an object", hint="pass the event's fields as a JSON object")
        if event_name == "mcp_event" and features.get("method") in KEPT_METHODS:
            raise InvalidActivity("feature_json.method", f"{features['method']} has a tool of its own", hint="call that tool")
        now_us, redacted = self._clock.time_us(), self.redactor.value(dict(features))
        activity = build(event_name, redacted, origin, now_us=now_us, dumps=self._dumps, **columns)
        _complete(activity)
        schema.validate(activity)
        return activity

    def redacted(self, value: Any) -> Any:
        """A caller's value without its secrets."""
        return self.redactor.value(value)

    def prepare_kept(self, method: str, features: Mapping[str, Any], origin: Origin, *, link: str | None = None) -> Activity:
        """The event that carries an insight or an artifact, as it is: the caller has redacted it.

        Raises:
            InvalidActivity: it is refused, with path and reason.
            InvalidInput: its line is longer than ``MAX_KEPT_BYTES``.
        """
        given = {name: value for name, value in features.items() if value is not None}
        name = KEPT_ACTIVITIES[method]
        made = {"method": method, "success": True, **given}
        activity = build("mcp_event", made, origin, now_us=self._clock.time_us(), activity=name, link=link, dumps=self._dumps)
        schema.validate(activity)
        size = len(activity.line(self._dumps))
        if size > MAX_KEPT_BYTES:
            raise InvalidInput(
                f"{method} refused, nothing was recorded: {size} bytes, at most {MAX_KEPT_BYTES} are kept",
                hint="store what is large with store_artifact as rows or content, and refer to it",
            )
        return activity

    def keep(self, activities: Sequence[Activity]) -> Appended:
        """Append durably and whole, whatever the durability and the pressure: of insights and artifacts nothing is cut."""
        return self.writer.append([activity.line(self._dumps) for activity in activities], durable=True)

    def append(self, activities: Sequence[Activity], *, durable: bool | None = None, counted: bool = True) -> Appended:
        """Append activities, cut where the queue is under pressure with them (``degraded`` is True then).

        ``durable`` None: as configured. ``counted`` False: a refusal is not counted, as the caller keeps the event.
        """
        lines = [activity.line(self._dumps) for activity in activities]
        degraded = self.writer.pressure(sum(map(len, lines))) != "ok"
        if degraded:
            lines = [activity.line(self._dumps, degraded=True) for activity in activities]
        appended = self.writer.append(lines, durable=durable, counted=counted)
        appended.degraded = degraded
        return appended

    def append_read(self, activities: Sequence[Activity], *, durable: bool | None = None) -> Appended:
        """Append what was read in a transcript: nobody can correct it, so what breaks its schema is kept and marked."""
        for activity in activities:
            if schema.mark(activity.event_name, activity.feature_json):
                activity.features_changed()
            activity.validated = True
        return self.append(activities, durable=durable)

    def system_event(self, features: dict[str, Any], activity_id: str | None = None) -> Activity:
        """A ``system_event`` of the server itself, as of now, not yet written."""
        now_us, origin = self._clock.time_us(), self.origin("mcp")
        activity = build(
            "system_event", features, origin, now_us=now_us, activity_id=activity_id, strict=False, dumps=self._dumps
        )
        activity.validated = True
        return activity


def _complete(activity: Activity) -> None:
    """Fill in what the schema requires and the columns already hold."""
    features = activity.feature_json
    if activity.event_name == "sql_event" and not features.get("query_id"):
        features["query_id"] = activity.activity_id
        activity.features_changed()
    if activity.event_name == "session_event":
        if activity.session_id and not features.get("session_id"):
            features["session_id"] = activity.session_id
            activity.features_changed()
        elif not activity.session_id and isinstance(features.get("session_id"), str):
            activity.session_id = features["session_id"][:255]
