"""What hooks leave in the queue's directory for each other and for the reader of transcripts; nothing of it is durable.

    sessions/<hash of the session's id>        the activity id of the session's last recorded start. The session's end is named
                                               by it, by the hook and by an import alike, so that one end has one name
    sessions/<hash of that and a process>      the same for one process of Claude Code: two may go on with a session at once
    starts/<hash of session and payload>       which processes reported that the session goes on (``hooks.starts``)
    transcripts/<hash of the session's id>     the path of a transcript that has something new: the leader reads it
    prompt-keys/<hash of the session's id>     under which keys hooks recorded the session's last prompts: Claude Code reports a
                                               prompt that is typed while it works with the id of the turn that runs then
    prompts/<hash of session and text>         of a prompt that came without an id (Claude Code before 2.1), how often it was
                                               repeated and when last: to say "continue" twice is two prompts

All but ``starts`` are written by rename; none is synced, and each is lost without harm: an end then has the name of its last
prompt, a transcript is read by the next request, or by an import, and a repeated prompt is named by the line that an import
finds.

Standard library only: hooks load it.
"""

from __future__ import annotations

from ..activity import sha256_hex
from ..fs import LOCAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..fs import FileSystem

STARTS, GOING_ON, REQUESTS, PROMPTS, KEYS = "sessions", "starts", "transcripts", "prompts", "prompt-keys"
_MAX_KEYS = 64
SAME_PROMPT_US = 1_500_000
"""Within so long the same prompt of a session is the same one: its hook is registered twice."""
_MAX_BYTES = 16_384


class SessionState:
    """The state below one queue's directory. Writing raises OSError; reading does not."""

    def __init__(self, queue_dir: str, *, fs: FileSystem = LOCAL) -> None:
        self._directory = queue_dir
        self._fs = fs

    def note_start(self, session_id: str, start_id: str, client: str | None = None) -> None:
        """From now on the session's end belongs to this start, and so does the one that the process ``client`` reports."""
        self._publish(STARTS, session_id, start_id)
        if client is not None:
            self._publish(STARTS, f"{session_id}\0{client}", start_id)

    def start_of(self, session_id: str, client: str | None = None) -> str | None:
        """The activity id of the last start of the session in the process ``client``, or where that is not known in any; None
        where no hook has noted one."""
        own = None if client is None else self._read(self._path(STARTS, f"{session_id}\0{client}"))
        return own or self._read(self._path(STARTS, session_id))

    def new_prompt_key(self, session_id: str, prompt_id: str, text: str) -> str:
        """The key of a prompt that is being recorded: its id, or where another text has that already, both."""
        of_text = _text_hash(text)
        known, shared = self._keys(session_id), f"{prompt_id}:{of_text}"
        if known.get(of_text) in (prompt_id, shared):
            return known[of_text]
        return shared if prompt_id in known.values() else prompt_id

    def note_prompt_key(self, session_id: str, text: str, key: str) -> None:
        """The prompt is recorded under this key."""
        of_text = _text_hash(text)
        known = self._keys(session_id)
        known.pop(of_text, None)
        kept = [*known.items(), (of_text, key)][-_MAX_KEYS:]
        self._publish(KEYS, session_id, "\n".join(f"{name} {value}" for name, value in kept))

    def prompt_key(self, session_id: str, text: str) -> str | None:
        """The key under which a hook recorded this text last; None where none did."""
        return self._keys(session_id).get(_text_hash(text))

    def _keys(self, session_id: str) -> dict[str, str]:
        lines = (self._read(self._path(KEYS, session_id)) or "").split("\n")
        return {name: key for name, space, key in (line.partition(" ") for line in lines) if space}

    def next_repeat(self, prompt_key: str, now_us: int) -> int:
        """Which repeat of this prompt was sent now: 0 for the first."""
        repeats, last_us = self._prompt(prompt_key)
        return repeats + (last_us is not None and now_us - last_us >= SAME_PROMPT_US)

    def note_prompt(self, prompt_key: str, repeat: int, now_us: int) -> None:
        """This repeat of the prompt is recorded."""
        self._publish(PROMPTS, prompt_key, f"{repeat} {now_us}")

    def repeats_of(self, prompt_key: str) -> int:
        """How many repeats of the prompt hooks have recorded."""
        return self._prompt(prompt_key)[0]

    def _prompt(self, prompt_key: str) -> tuple[int, int | None]:
        repeats, _, last_us = (self._read(self._path(PROMPTS, prompt_key)) or "").partition(" ")
        return (int(repeats), int(last_us)) if repeats.isdecimal() and last_us.isdecimal() else (0, None)

    def request(self, session_id: str, transcript: str) -> None:
        """Ask the leader to read what is new in this transcript."""
        self._publish(REQUESTS, session_id, transcript)

    def has_requests(self) -> bool:
        return bool(self._fs.names(f"{self._directory}/{REQUESTS}"))

    def take_requests(self, limit: int) -> list[tuple[str, str]]:
        """(session's hash, transcript) of up to so many requests, which are gone then: what follows them is a new request."""
        taken: list[tuple[str, str]] = []
        for name in self._fs.names(f"{self._directory}/{REQUESTS}"):
            path = f"{self._directory}/{REQUESTS}/{name}"
            transcript = None if name.endswith(".tmp") or len(taken) >= limit else self._read(path)
            if transcript is not None and self._fs.unlink(path):
                taken.append((name, transcript))
        return taken

    def put_back(self, name: str, transcript: str) -> None:
        """It could not be read to its end: request it again, unless a hook has."""
        path = f"{self._directory}/{REQUESTS}/{name}"
        if self._fs.stat(path) is None:
            self._fs.publish(path, transcript.encode("utf-8", "surrogateescape"), durable=False)

    def prune(self, before_us: int) -> None:
        """Forget the starts and prompts noted before then: a session that goes on after that has a new start."""
        for folder in (STARTS, GOING_ON, PROMPTS, KEYS):
            for name in self._fs.names(f"{self._directory}/{folder}"):
                path = f"{self._directory}/{folder}/{name}"
                found = self._fs.stat(path)
                if found is not None and found.st_mtime * 1e6 < before_us:
                    self._fs.unlink(path)

    def _publish(self, folder: str, name: str, text: str) -> None:
        self._fs.ensure_directory(f"{self._directory}/{folder}")
        self._fs.publish(self._path(folder, name), text.encode("utf-8", "surrogateescape"), durable=False)

    def _path(self, folder: str, name: str) -> str:
        return f"{self._directory}/{folder}/{sha256_hex(name)[:32]}"

    def _read(self, path: str) -> str | None:
        try:
            data = self._fs.read(path)
        except OSError:
            return None
        return data.decode("utf-8", "surrogateescape") if 0 < len(data) <= _MAX_BYTES else None


def _text_hash(text: str) -> str:
    return sha256_hex(text.strip())[:32]
