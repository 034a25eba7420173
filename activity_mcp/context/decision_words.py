"""The words by which ``decisions`` reads a conclusion: English and German, and how Chinese says the same."""

from __future__ import annotations


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


AROUND = "`*_\"'.,;:!?()[]{}<>„“”‘’«»。，；：！？"
SENTENCE_ENDS, PAUSES = ".;!?。；！？", ":,–—，："
PAUSE = ","
ARTICLES = _set(
    "a an the its their our your any all every already just only also der die das den dem des ein eine einen einem einer alle"
)
PRONOUNS = _set("it this they that these those he she es dies diese dieses sie")
ALL_OF_US = _set("we i you one let lets let's wir ich man")
CONNECTORS = _set(
    "from because since so when which who where as for in on at by to with than if while but and or after before until again "
    "now any anymore aus weil da damit für im in am bei durch mit als wenn und oder aber nach vor seit jetzt"
)
BE = _set("is are was were be been got gets ist sind war waren wird werden wurde wurden")
USE = _set("use uses used using nutzt nutzen benutzt benutzen verwendet verwenden")
LITTLE = ARTICLES | PRONOUNS | ALL_OF_US | CONNECTORS | BE | _set(
    "of will would not no never longer more out up has have had do does did there here back then instead rather decided "
    "decision decide agreed reverted correction nicht nie kein keine mehr statt anstatt hat haben von zu wieder"
)  # fmt: skip
"""Words that are of no matter."""
ONE_VALUE = {
    "pinned": "to", "set": "to", "limited": "to", "bound": "to", "defaults": "to", "default": "to", "stored": "as in",
    "kept": "as in", "written": "as in", "encoded": "as in", "saved": "as in", "locked": "by in", "named": "", "called": "",
    "built": "with", "signed": "with", "deployed": "to", "hosted": "on", "listens": "on", "runs": "at on",
}  # fmt: skip
"""Verbs that take one value, and what may be between."""
VERBS = BE | USE | ONE_VALUE.keys() | _set(
    "run chose choose chosen keep keeps store stores lock locks write writes read reads need needs go goes take takes has have "
    "depends relies comes lives stands sets setzt läuft kommt steht speichert schreibt erwartet braucht heißt"
)  # fmt: skip
TAKE_AWAY = _set(
    "removed removes removing dropped drops dropping abandoned retired discarded reverted undid replaces replacing entfernt "
    "verworfen"
)
GONE = _set("gone removed dropped retired obsolete unused wrong reverted abandoned falsch hinfällig entfernt verworfen")
"""What is said of a subject that is no more, behind ``is``."""
DONE_WITH = _set("used needed supported wanted true valid called possible benutzt verwendet genutzt gebraucht nötig")
MOVED = _set("moved switched migrated changed went renamed upgraded back gewechselt umgestellt umgezogen")
"""Only with one of these is "from … to" a change."""
OF = _set("for of in from on at für in aus von")
DECIDED = _set("decided decision decide agreed chose entschieden beschlossen")
CHANGED = _set("instead again reverted correction back wieder stattdessen")
WRITTEN_TOGETHER = (
    ("而不是", " instead of "), ("不再使用", " no longer uses "), ("不再", " no longer "), ("改用", " uses "),
    ("使用", " uses "), ("取代", " replaces "), ("代替", " replaces "), ("。", "。 "), ("，", "， "),
)  # fmt: skip
"""What says the same in a script that writes no spaces."""
