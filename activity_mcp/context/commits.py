"""The commits that came of the work, from the commands that made them: ``git commit`` with the subject it was given.

A subject is what follows ``-m`` (also in ``-am``, ``--message``), quoted or as the first line of a here-document, which is how
Claude Code writes one. A commit whose message is typed elsewhere has no subject here. Pure, and without regular expressions.
"""

from __future__ import annotations

MAX_SUBJECT = 120
_HEREDOC = "$(cat <<"
_ENDS = ("&", ";", "|", "\n")


def subject_of(command: str) -> str | None:
    """The subject of the commit that this command makes; None where it makes none, or does not say."""
    at = _commit_at(command)
    if at is None:
        return None
    rest = command[at:]
    found = min((place for place in map(rest.find, (" -m", " -am", " --message", " -a -m")) if place >= 0), default=-1)
    if found < 0 or any(mark in rest[:found] for mark in _ENDS):
        return None  # what follows is of another command
    given = rest[found + 1 :].partition("m")[2] if not rest.startswith(" --message", found) else rest[found + 10 :]
    subject = _first_line(given.lstrip("= \t"))
    return subject[:MAX_SUBJECT] if subject else None


def _commit_at(command: str) -> int | None:
    """Behind ``git … commit``, the options of git itself between them passed over."""
    at = 0
    while (at := command.find("git ", at)) >= 0:
        begins = at == 0 or command[at - 1] in " \n\t;&|(/"
        line = command[at + 4 :].partition("\n")[0]
        words = line.split()
        while words and words[0].startswith("-"):
            words = words[2 if words[0] in ("-C", "-c") else 1 :]
        if begins and words[:1] == ["commit"]:
            return command.index("commit", at) + len("commit")
        at += 4
    return None


def _first_line(given: str) -> str:
    """The first line of a shell word: quoted, in a here-document, or bare."""
    quote = given[:1] if given[:1] in ("'", '"') else ""
    inner = given[len(quote) :]
    if inner.startswith(_HEREDOC):
        return next((line.strip() for line in inner.splitlines()[1:] if line.strip()), "")
    if quote:
        text = ""
        for index, char in enumerate(inner):
            if char == quote and (quote == "'" or inner[index - 1 : index] != "\\"):
                break
            text += char
        return next((line.strip() for line in text.splitlines() if line.strip()), "").replace('\\"', '"')
    return inner.split(maxsplit=1)[0] if inner.split() else ""
