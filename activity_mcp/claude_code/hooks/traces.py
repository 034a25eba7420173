"""What this hook knows from earlier ones, and leaves for later ones (``session_state``): loaded by the events that need it.

A session may run in two processes of Claude Code at once (two terminals that resume it): each has its own start, and each end
belongs to the start that the same process reported. No payload says which process it is; a hook is its child, so its nearest
ancestor that is no shell names it, with the moment at which that began, as numbers of processes are used again.

Standard library only.
"""

from __future__ import annotations

from ...fs import LOCAL
from ..session_state import SessionState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...fs import FileSystem

_SHELLS = (b"sh", b"dash", b"bash", b"zsh", b"ksh", b"fish")
_MAX_SHELLS = 4


class Traces:
    """Those of one queue, for the hook that is the process ``process``."""

    def __init__(self, queue_dir: str, environ: Mapping[str, str], process: int, fs: FileSystem = LOCAL) -> None:
        self._queue_dir = queue_dir
        self._environ = environ
        self._process = process
        self._fs = fs
        self._state = SessionState(queue_dir, fs=fs)
        self.new_prompt_key, self.note_prompt_key = self._state.new_prompt_key, self._state.note_prompt_key
        self.next_repeat, self.note_prompt = self._state.next_repeat, self._state.note_prompt
        self.request = self._state.request

    def start_of(self, session_id: str) -> str | None:
        """The activity id of the start that an end of the session belongs to; None where no hook has noted one."""
        return self._state.start_of(session_id, self._client())

    def reported_start(self, session_id: str, source: str, content: str, now_us: int) -> tuple[str, str]:
        """What names the start of a session that goes on (``starts.Reporter.start``)."""
        from .starts import Reporter

        return Reporter(self._queue_dir, self._environ, self._process, self._fs).start(session_id, source, content, now_us)

    def note_start(self, session_id: str, activity_id: str) -> None:
        """For the session's end, which start it belongs to."""
        self._state.note_start(session_id, activity_id, self._client())

    def _client(self) -> str | None:
        """What names the process of Claude Code that runs this hook; None where that cannot be seen."""
        process = self._process
        for _ in range(_MAX_SHELLS):
            parent = self._status_of(process)
            if parent is None:
                return None
            process = int(parent[1])
            found = self._status_of(process)
            if found is None or process <= 1:
                return None
            if found[0] not in _SHELLS:
                return f"{process} {found[2].decode('ascii', 'replace')}"
        return None

    def _status_of(self, process: int) -> tuple[bytes, bytes, bytes] | None:
        """Name, parent and start of a process: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
        try:
            data = self._fs.read(f"/proc/{process}/stat")
        except OSError:
            return None
        head, _, rest = data.rpartition(b") ")
        fields = rest.split()
        return (head.partition(b"(")[2], fields[1], fields[19]) if len(fields) > 19 else None
