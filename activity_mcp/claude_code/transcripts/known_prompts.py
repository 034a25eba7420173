"""Which prompts of a history file hooks and transcripts have recorded, and under what names those are that they have not.

A prompt is known where its session has one of the same text, each for one; and where its session has one at the same moment
whose text is not the same, such as one that something was pasted into. A line of an old version that names no session is
compared with the prompts of that time of all the user's sessions: another user may have typed the same.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ...activity import sha256_hex
from ...fs import ensure_directory, publish, reader
from ..ids import unnamed_prompt_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

KEYS_FILE = "history-keys.json"
VERSION = 1
_SAME_MOMENT_US = 2_000_000
_SAME_TIME_US = 10 * 60 * 1_000_000


class KnownPrompt(NamedTuple):
    """A prompt that is recorded: its session, the SHA-256 of its text, its time. ``is_own``: the user's, and not another's who
    records into the same warehouse."""

    session_id: str
    prompt_hash: str
    ts_us: int
    is_own: bool = True


class Entry(NamedTuple):
    """A prompt of the history. ``repeat``: how many with its session and text are before it; ``is_named``: its line names the
    session."""

    position: int
    session_id: str
    prompt_hash: str
    ts_us: int
    is_named: bool = True
    repeat: int = 0


def unknown_entries(entries: Iterable[Entry], known: Iterable[KnownPrompt]) -> list[Entry]:
    """Those that nobody has recorded, in the order of time."""
    numbered = _numbered(entries)
    of_session: dict[str, list[KnownPrompt]] = defaultdict(list)
    of_text: dict[str, list[KnownPrompt]] = defaultdict(list)
    for prompt in sorted(known, key=lambda prompt: prompt.ts_us):
        of_session[prompt.session_id].append(prompt)
        if prompt.is_own:
            of_text[prompt.prompt_hash].append(prompt)
    lines: dict[str, list[Entry]] = defaultdict(list)
    for entry in numbered:
        lines[entry.session_id].append(entry)
    left: list[Entry] = []
    for session_id, found in lines.items():
        if session_id in of_session:
            found = _left_of(found, of_session[session_id])
        left += [entry for entry in found if entry.is_named or not _is_near(entry, of_text.get(entry.prompt_hash, []))]
    return sorted(left, key=lambda entry: (entry.ts_us, entry.position))


def _numbered(entries: Iterable[Entry]) -> list[Entry]:
    counts: dict[tuple[str, str], int] = defaultdict(int)
    numbered = []
    for entry in sorted(entries, key=lambda entry: (entry.ts_us, entry.position)):
        key = entry.session_id, entry.prompt_hash
        numbered.append(entry._replace(repeat=counts[key]))
        counts[key] += 1
    return numbered


def _left_of(entries: list[Entry], known: list[KnownPrompt]) -> list[Entry]:
    """The entries of one session without those that are known: by their text first, then by their moment."""
    by_text: dict[str, tuple[list[Entry], list[KnownPrompt]]] = defaultdict(lambda: ([], []))
    for entry in entries:
        by_text[entry.prompt_hash][0].append(entry)
    for prompt in known:
        by_text[prompt.prompt_hash][1].append(prompt)
    left, unused = [], []
    for same_entries, same_known in by_text.values():
        rest, others = _paired(same_entries, same_known, lambda entry, prompt: True)
        left += rest
        unused += others
    return _paired(left, unused, lambda entry, prompt: abs(entry.ts_us - prompt.ts_us) <= _SAME_MOMENT_US)[0]


def _paired(
    entries: list[Entry], known: list[KnownPrompt], is_same: Callable[[Entry, KnownPrompt], bool]
) -> tuple[list[Entry], list[KnownPrompt]]:
    """What is left of both when each known prompt has taken the entry nearest in time that is the same."""
    left, unused = list(entries), []
    for prompt in known:
        same = [entry for entry in left if is_same(entry, prompt)]
        if same:
            left.remove(min(same, key=lambda entry: abs(entry.ts_us - prompt.ts_us)))
        else:
            unused.append(prompt)
    return left, unused


def _is_near(entry: Entry, known: list[KnownPrompt]) -> bool:
    return any(abs(entry.ts_us - prompt.ts_us) <= _SAME_TIME_US for prompt in known)


class HistoryKeys:
    """Which prompts were taken from a history, in ``history-keys.json`` of a queue: hashes, and which repeat each was.

    It is read once. A file that cannot be read counts as empty: a transcript that comes back from a backup is then recorded
    beside what the history said of it.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._taken = _read(path)

    def note(self, prompts: Iterable[tuple[str, str, int]]) -> None:
        """Remember (session, SHA-256 of the text, repeat) of what is about to be recorded. Raises OSError."""
        new = {(_hash(f"{session_id}\0{prompt_hash}"), repeat) for session_id, prompt_hash, repeat in prompts}
        if not new:
            return
        for name, repeat in new:
            self._taken[name] = sorted({*self._taken.get(name, ()), repeat})
        document = {"version": VERSION, "prompts": self._taken}
        ensure_directory(self._path.rpartition("/")[0])
        publish(self._path, json.dumps(document).encode("ascii"))

    def of_one_file(self) -> Callable[[str, str], str | None]:
        """Names the prompts of one transcript, which are handed in one after the other: (session, text) -> the key under which
        the history's is recorded; None for one that was not taken from there."""
        seen: dict[str, int] = defaultdict(int)

        def key_of(session_id: str, text: str) -> str | None:
            if not self._taken:
                return None
            name = _hash(unnamed_prompt_key(session_id, text))
            repeat = seen[name]
            seen[name] += 1
            return unnamed_prompt_key(session_id, text, repeat) if repeat in self._taken.get(name, ()) else None

        return key_of


def _hash(text: str) -> str:
    return sha256_hex(f"activity-mcp history {text}")[:32]


def _read(path: str) -> dict[str, list[int]]:
    try:
        with reader(path) as file:
            stored = json.load(file)
        return {str(name): [int(repeat) for repeat in repeats] for name, repeats in stored["prompts"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
