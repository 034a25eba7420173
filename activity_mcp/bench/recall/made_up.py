"""Made-up histories: the same seed makes the same one. What happens in a session is written by ``_Session``, what happens over
the weeks is planned by ``_Writer``, which knows from its plan what the next session needs."""

from __future__ import annotations

import random
from typing import Any

from .histories import DAY, HOUR, History, Need, Recorded

SYLLABLES = ("ba", "do", "fi", "gu", "ka", "le", "mo", "nu", "pa", "ri", "so", "ta", "ve", "wi", "zo")
HABITS = (
    ("make test", "make build", "make lint"),
    ("npm test", "npm run build", "npm run lint"),
    ("cargo test", "cargo build", "cargo clippy"),
    ("pytest -q", "ruff check .", "python -m build"),
)


def history(seed: int, now_us: int) -> History:
    """The history of this seed, which ended a little before ``now_us``."""
    return _Writer(seed, now_us).written()


class _Session:
    """One session while it is written: where it is, on which branch, and when its next event happens."""

    def __init__(self, writer: _Writer, number: int, at_us: int, branch: str, *, project: str | None = None) -> None:
        self.writer = writer
        self.id = f"{writer.seed:04d}-{number:02d}-{writer.word()}"
        self.at_us = at_us
        self.branch = branch
        self.project = project or writer.history.project
        self._event("session_event", event_type="start", start_source="startup", git_branch=branch)

    def asks(self, text: str) -> None:
        self._event("session_event", event_type="user_prompt", excerpt=text, git_branch=self.branch)
        self._says(f"user: {text}")

    def concludes(self, text: str) -> None:
        self._event("session_event", event_type="turn_end", excerpt=text)
        self._says(f"assistant: {text}")

    def stops(self, reason: str) -> None:
        self._event("session_event", event_type="turn_stopped", reason=reason, excerpt=reason)
        self._says(f"[{reason}]")

    def ends(self) -> None:
        self._event("session_event", event_type="end", reason="other")

    def runs(self, command: str, *, error: str | None = None, denied: bool = False, background: bool = False) -> None:
        marks: dict[str, Any] = {"denied": "user"} if denied else {}
        parameters = {"command": command} | ({"run_in_background": True} if background else {})
        self._calls("Bash", parameters, error=error, **marks)
        self._says(f"$ {command}")
        self._says("The user does not want this." if denied else error or f"done {self.writer.word()}")

    def edits(self, path: str, *, error: str | None = None) -> None:
        self._calls("Edit", {"file_path": path}, error=error)
        self._event(
            "file_event", operation="edit", file_path=path, success=error is None, git_branch=self.branch, tool_use_id="t"
        )
        self._says(f"edit {path}: {error or 'done'}")

    def reads(self, path: str) -> None:
        self._calls("Read", {"file_path": path}, error=None)
        self._event("file_event", operation="read", file_path=path, success=True, git_branch=self.branch, tool_use_id="t")
        self._says(f"read {path}")

    def finds(self, metric_of: tuple[str, str], value: float) -> None:
        subject, metric = metric_of
        features = {
            "method": "record_insight", "success": True, "latency_ms": 2, "insight_id": f"i-{self.writer.word()}",
            "subject": subject, "metric": metric, "value": value, "query_id": f"q-{self.writer.word()}",
        }  # fmt: skip
        self._event("mcp_event", **features)
        self._says(f"{subject} {metric} = {value}")

    def _calls(self, tool: str, parameters: dict[str, Any], *, error: str | None, **marks: Any) -> None:
        outcome = {"success": error is None and not marks, "latency_ms": self.writer.random.randrange(20, 90_000)}
        failed = {"error": error} if error else {}
        self._event("tool_event", tool_name=tool, parameters=parameters, **outcome, **failed, **marks)

    def _event(self, event_name: str, **features: Any) -> None:
        self.at_us += self.writer.random.randrange(1, 90_000_000)
        self.writer.history.events.append(Recorded(self.at_us, event_name, features, self.id, self.project))

    def _says(self, text: str) -> None:
        if self.project == self.writer.history.project:
            self.writer.history.transcript.append((self.at_us, text))


class _Writer:
    """Plans what a history holds, then spreads it over its sessions."""

    def __init__(self, seed: int, now_us: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)  # noqa: S311 - a made-up history, not a secret
        self._words: set[str] = set()
        name = self.word()
        self.history = History(f"/home/dev/{name}", now_us)
        self.namesake = f"/srv/old/{name}"
        self.habits = self.random.choice(HABITS)
        self.files = [f"{self.history.project}/src/{self.word()}.py" for _ in range(self.random.randrange(2, 5))]
        self.edits: dict[str, list[str]] = {}
        self.succeeded: dict[str, list[str]] = {}
        self.decisions: dict[str, tuple[int, str]] = {}
        self.insights: dict[tuple[str, str], float] = {}

    def word(self) -> str:
        """A word that no other line of the history has."""
        while (made := "".join(self.random.choices(SYLLABLES, k=4))) in self._words:
            continue
        self._words.add(made)
        return made

    def written(self) -> History:
        count = self.random.randrange(6, 14)
        weeks = self.random.randrange(2, 5)
        ages = sorted((self.random.randrange(6 * HOUR, weeks * 7 * DAY) for _ in range(count - 1)), reverse=True)
        branches = [f"topic-{self.word()}" for _ in range(2)]
        work = self._plan(count)
        for number, age in enumerate([*ages, self.random.randrange(HOUR, 5 * HOUR)]):
            branch = self.random.choice(["main", *branches])
            session = _Session(self, number, self.history.now_us - age, branch)
            self._turns(session, work[number], is_last=number == count - 1)
            if self.random.random() < 0.5:
                self._in_the_namesake(number, self.history.now_us - age, branch)
        self.history.events.sort(key=lambda event: event.at_us)
        self._needs()
        self.history.transcript.sort(key=lambda line: line[0])
        return self.history

    # --- what is to happen in which session

    def _plan(self, count: int) -> list[list[tuple[str, Any]]]:
        work: list[list[tuple[str, Any]]] = [[] for _ in range(count)]
        last = count - 1
        for _ in range(self.random.randrange(2, 4)):  # mended, in the same session or in another
            command, first = self._breakable(), self.random.randrange(last)
            error = f"error: {self.word()} is missing"
            work[first] += [("fails", (command, error))] * self.random.randrange(1, 4)
            work[self.random.randrange(first, last)].append(("works", command))
        for _ in range(self.random.randrange(1, 4)):  # failing still
            command, first = self._breakable(), self.random.randrange(max(0, last - 3), count)
            for at in sorted({first, self.random.randrange(first, count)}):
                work[at] += [("fails", (command, f"error: {self.word()} broke"))] * self.random.randrange(1, 3)
        if self.random.random() < 0.4:
            path = f"{self.history.project}/src/{self.word()}.toml"
            work[last].append(("edit fails", path))
        if self.random.random() < 0.5:
            command = f"git push --force origin {self.word()}"
            work[self.random.randrange(last - 2, last)].append(("denied", command))
            self._need("denied", command)
        for _ in range(self.random.randrange(2, 5)):
            topic = self.word()
            for at in sorted(self.random.sample(range(count), self.random.randrange(1, 3))):
                work[at].append(("decides", topic))
        for _ in range(self.random.randrange(0, 3)):
            metric = (self.word(), "rows per day")
            for at in sorted(self.random.sample(range(count), self.random.randrange(1, 3))):
                work[at].append(("finds", metric))
        return work

    def _breakable(self) -> str:
        test = f"pytest tests/test_{self.word()}.py::test_{self.word()}"
        return self.random.choice([test, f"./scripts/{self.word()}.sh", f"docker compose up {self.word()}", test])

    def _need(self, kind: str, *marks: str) -> None:
        self.history.needs.append(Need(kind, marks))

    # --- a session

    def _turns(self, session: _Session, work: list[tuple[str, Any]], *, is_last: bool) -> None:
        decided = [what for what in work if what[0] == "decides"]
        others = [what for what in work if what[0] != "decides"]
        for number in range(turns := self.random.randrange(2, 4)):
            session.asks(f"Please look at {self.word()} and change {self.word()} as we said")
            for _ in range(self.random.randrange(3, 9)):
                self._noise(session)
            self._habit(session)
            mine = others if number == turns - 1 else others[: len(others) // 2]
            others = others[len(mine) :]
            for what, subject in mine:
                self._happens(session, what, subject)
            is_final = number == turns - 1
            if not (is_last and is_final):
                session.concludes(self._conclusion(session, decided if is_final else []))
        if is_last:
            self._last_turn(session, decided)
        else:
            session.ends()

    def _last_turn(self, session: _Session, decided: list[tuple[str, Any]]) -> None:
        session.concludes(self._conclusion(session, decided))
        self._need("branch", session.branch)
        ending = self.random.choice(["concluded", "interrupted", "killed", "background"])
        if ending in ("interrupted", "killed"):
            wanted = self.word()
            session.asks(f"Now move {wanted} over to {self.word()}")
            self._noise(session)
            if ending == "interrupted":
                session.stops("interrupted")
            self._need("open", wanted)
        elif ending == "background":
            command = f"npm run dev -- --name {self.word()}"
            session.asks(f"Start {self.word()}")
            session.runs(command, background=True)
            session.concludes(f"It runs as {self.word()}.")
            self._need("background", command)
        if ending != "background" and self.random.random() < 0.5:
            session.ends()

    def _conclusion(self, session: _Session, decided: list[tuple[str, Any]]) -> str:
        said = [f"{topic} now uses {self._decide(topic, session.at_us)}" for _, topic in decided]
        return f"Decided: {'; '.join(said)}." if said else f"Done: {self.word()} is in place and {self.word()} is gone."

    def _decide(self, topic: str, at_us: int) -> str:
        choice = self.word()
        self.decisions[topic] = max(self.decisions.get(topic, (0, "")), (at_us, choice))
        return choice

    def _habit(self, session: _Session) -> None:
        for command in self.habits:
            if self.random.random() < 0.6:
                if self.random.random() < 0.15:
                    session.runs(command, error=f"Exit code 2 {self.word()}")
                session.runs(command)
                self.succeeded.setdefault(command, []).append(session.id)
        for path in self.files:
            if self.random.random() < 0.4:
                session.edits(path)
                self.edits.setdefault(path, []).append(session.id)

    def _noise(self, session: _Session) -> None:
        word = self.word()
        kind = self.random.randrange(5)
        if kind == 0:
            session.runs(f"grep -rn {word} src", error="Exit code 1" if self.random.random() < 0.1 else None)
            return
        if kind == 1:
            session.runs(self.random.choice(["git status", "ls -la", f"cat docs/{word}.md", f"rg {word}"]))
        elif kind == 2:
            session.edits(f"{session.project}/src/{word}.py")
        else:
            session.reads(f"{session.project}/lib/{word}.py")

    def _happens(self, session: _Session, what: str, subject: Any) -> None:
        if what == "fails":
            session.runs(subject[0], error=subject[1])
        elif what == "works":
            session.runs(subject)
        elif what == "edit fails":
            session.edits(subject, error="String to replace not found in file.")
        elif what == "denied":
            session.runs(subject, denied=True)
        elif what == "finds":
            self.insights[subject] = self.random.randrange(100, 10**6) / 4
            session.finds(subject, self.insights[subject])

    def _in_the_namesake(self, number: int, at_us: int, branch: str) -> None:
        session = _Session(self, 50 + number, at_us, branch, project=self.namesake)
        session.asks(f"In the old one, look at {self.word()}")
        for _ in range(4):
            self._noise(session)
        session.runs(self._breakable(), error=f"error: {self.word()}")
        session.concludes(f"Nothing to do about {self.word()}.")

    # --- the rest of the rule

    def _needs(self) -> None:
        for command in self.habits:
            sessions = self.succeeded.get(command, [])
            if len(sessions) >= 3 and len(set(sessions)) >= 2:
                self._need("habit", command)
        for topic, (_, choice) in sorted(self.decisions.items(), key=lambda item: item[1])[-3:]:
            self._need("decision", topic, choice)
        for mark in self._failing():
            self._need("failing", mark)
        for (subject, _), value in self.insights.items():
            self._need("insight", subject, f"{value:g}" if value == int(value) else str(value))
        worked = [path for path, sessions in self.edits.items() if len(set(sessions)) >= 2]
        worked.sort(key=lambda path: (-len(self.edits[path]), path))
        for path in worked[:2]:
            self._need("file", path.rpartition("/")[2])

    def _failing(self) -> list[str]:
        """The commands and files whose newest outcome is a failure, from what happened."""
        outcomes: dict[str, tuple[int, bool]] = {}
        for event in self.history.events:
            features = event.features
            if event.project != self.history.project or event.event_name != "tool_event" or "denied" in features:
                continue
            parameters = features["parameters"]
            name = parameters.get("command") or parameters["file_path"].rpartition("/")[2]
            if not name.startswith(("grep", "rg")):
                outcomes[name] = max(outcomes.get(name, (0, True)), (event.at_us, features["success"]))
        all_tests = max([at for name, (at, ok) in outcomes.items() if name == "pytest -q" and ok], default=0)
        return [name for name, (at, ok) in outcomes.items() if not ok and not (name.startswith("pytest ") and all_tests > at)]
