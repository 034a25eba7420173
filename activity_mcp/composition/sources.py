"""What is recorded of Claude Code beside its hooks: its transcripts, and what its exporter reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..identity import is_paused
from ..lazy import lazy
from .reading import ReadingParts

if TYPE_CHECKING:
    from ..claude_code.hooks.listener import HookListener
    from ..claude_code.session_state import SessionState
    from ..claude_code.transcripts.follower import TranscriptFollower
    from ..otlp.post import ReceiverPost
    from ..otlp.receiver import Receiver
    from ..usage.prices import PriceList


class SourceParts(ReadingParts):
    """Above reading: what the leader follows and listens to."""

    @lazy
    def prices(self) -> PriceList:
        """What a request cost where nobody measured it."""
        from ..usage.prices import PriceList

        return PriceList()

    @lazy
    def session_state(self) -> SessionState:
        from ..claude_code.session_state import SessionState

        return SessionState(self.queue.directory)

    @lazy
    def hook_listener(self) -> HookListener:
        from ..claude_code.hooks.listener import HookListener

        return HookListener(self.queue.directory, self.on_error, self.clock)

    @lazy
    def follower(self) -> TranscriptFollower:
        """Reads transcripts while their sessions run. Its backlog takes at most a quarter of the queue."""
        from ..claude_code.transcripts.live import live_follower

        return live_follower(
            self.session_state,
            self.queue.directory,
            identity=self.identity,
            config=self.config,
            redactor=self.recorder.redactor,
            estimate=self.prices.estimate,
            append=self.recorder.append_read,
            has_room=lambda: self.writer.uncommitted_bytes() < self.config.max_queue_bytes // 4,
            clock=self.clock,
        )

    def follow_transcripts(self) -> None:
        """What the leader does in each turn: mostly to see that no transcript has anything new."""
        if self.config.record and self.session_state.has_requests() and not is_paused(self.config.home):
            self.follower.turn()

    def follow_sources(self) -> None:
        """What the leader reads in each turn: transcripts, and what the search index does not have yet."""
        self.follow_transcripts()
        if self.finding.feed is not None:
            self.finding.feed.turn()

    @lazy
    def receiver_post(self) -> ReceiverPost:
        """Where Claude Code's exporter reports, while this process leads."""
        from ..otlp.post import ReceiverPost

        return ReceiverPost(
            self.queue.directory,
            self.config.home,
            self.config.otlp_port,
            is_asked=self.config.otlp_is_asked,
            make_receiver=self.make_receiver,
            on_error=self.on_error,
            clock=self.clock,
        )

    def make_receiver(self, token: str) -> Receiver:
        """What takes the exporter's requests into the queue."""
        from ..claude_code.transcripts.discovery import ImportOrigins, default_folders
        from ..otlp.labels import RepeatedLabels
        from ..otlp.mapping import SOURCE
        from ..otlp.places import SessionPlaces
        from ..otlp.receiver import Receiver
        from ..usage.prices import valid_cost

        origins = ImportOrigins(self.identity, self.config.org_id, RepeatedLabels(self.redactor), source=SOURCE)
        return Receiver(
            token,
            append=lambda activities: self.recorder.append_read(activities, durable=True),
            origin_of=lambda session_id, cwd: None if is_paused(self.config.home) else origins(session_id, cwd),
            place_of=SessionPlaces(lambda: default_folders(self.environ)).of,
            estimate=self.prices.estimate,
            valid_cost=valid_cost,
            redactor=self.redactor,
            clock=self.clock,
        )
