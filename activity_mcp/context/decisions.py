"""Which conclusions were taken back by a later one: one rule for every answer. Pure, and without regular expressions.

A sentence is taken back by one of a later text that is about the same, in one of two ways:

    it names what is gone     "The workspace uses pnpm instead of npm", "npm is no longer used", "We took rayon out", "moved
                              from Flask to FastAPI": what is gone was said behind the verb of the earlier sentence, and the
                              two share a word of their subject (none is needed where "we" do it, or where what is gone is
                              itself the subject)
    it says another value     "The vpc module is pinned to 6.0", later "… to 5.21": the same subject and the same verb, one of
                              those that take one value; behind "is" only for numbers; behind "uses" only where both say what
                              for ("use Redis for sessions"), both are called decisions, or the later says "instead", "again"

A text is taken back when every sentence of it is that could stand alone. In doubt both are kept: to say what holds no more is
noise, to hide what holds is a loss.
"""

from __future__ import annotations

from . import decision_words as given
from .values import remembering

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Words = frozenset[str]

_NOTHING: Words = frozenset()
_MAX_GONE_WORDS, _MIN_WORDS_ALONE, _MAX_CHARACTERS = 4, 3, 300


class _Gone:
    """What a sentence says is gone, and of which subject: ``subject`` empty of all, None of what "it" is."""

    __slots__ = ("subject", "words")

    def __init__(self, words: Words, subject: Words | None) -> None:
        self.words = words
        self.subject = subject


class _Sentence:
    """What a sentence says: its words, its subject, what follows the verb (``said``), and what it says is gone."""

    __slots__ = ("gone", "is_alone", "purpose", "said", "subject", "value", "verb", "words")

    def __init__(self, words: Sequence[str]) -> None:
        self.words = _content(words)
        at = next((index for index, word in enumerate(words) if word in given.VERBS), None)
        self.subject = _NOTHING if at is None else _content(words[:at])
        self.said = self.words - self.subject
        self.is_alone = len(self.words) >= _MIN_WORDS_ALONE and words[0] not in given.PRONOUNS
        self.verb, self.value, self.purpose = (None, None, _NOTHING) if at is None else _value(words, at)
        self.gone = [found for index in range(len(words)) if (found := _gone_at(words, index)) is not None]


class _Text:
    """A conclusion, read once. ``is_decided`` and ``is_changed``: it says so."""

    __slots__ = ("is_changed", "is_decided", "may_take_back", "sentences", "words")

    def __init__(self, text: str) -> None:
        read = [_words(sentence) for sentence in _split(text[:_MAX_CHARACTERS])]
        self.sentences = [_Sentence(words) for words in read if _content(words)]
        self.is_decided = any(not given.DECIDED.isdisjoint(words) for words in read)
        self.is_changed = any(not given.CHANGED.isdisjoint(words) for words in read)
        self.may_take_back = any(each.gone or each.value is not None for each in self.sentences)
        self.words: Words = frozenset().union(*(each.words for each in self.sentences))


def taken_back(said: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Those of these texts, each with the ISO time at which it was said, that a later one takes back.

    Each answer about a project asks of the same texts, so some verdicts are remembered.
    """
    return _judge(tuple(said))


@remembering(64)
def _judge(said: tuple[tuple[str, str], ...]) -> frozenset[str]:
    newest: dict[str, str] = {}
    for at, text in said:
        newest[text] = max(newest.get(text, ""), at)
    return frozenset(_taken_back({text: (at, _read(text)) for text, at in newest.items()}))


def _taken_back(read: Mapping[str, tuple[str, _Text]]) -> Iterator[str]:
    changing = [(since, other) for since, other in read.values() if other.may_take_back]
    for text, (at, earlier) in read.items():
        alone = [each for each in earlier.sentences if each.is_alone] or earlier.sentences[:1]
        later = [other for since, other in changing if since > at]
        if alone and all(any(_takes_back(other, each, earlier) for other in later) for each in alone):
            yield text


def _takes_back(later: _Text, sentence: _Sentence, earlier: _Text) -> bool:
    return any(
        any(_is_said(gone, later, sentence, earlier) for gone in each.gone) or _is_another_value(each, later, sentence, earlier)
        for each in later.sentences
    )


def _is_said(gone: _Gone, later: _Text, sentence: _Sentence, earlier: _Text) -> bool:
    """Whether the earlier sentence said what is gone, of the same subject."""
    if not gone.words <= sentence.said or any(gone.words & own.words for own in sentence.gone):
        return False
    about = sentence.words if sentence.subject else earlier.words
    if gone.subject is None:  # "it": whatever the text is about
        return bool((later.words - gone.words) & (about - gone.words))
    return not gone.subject or bool(gone.subject & (about - gone.words))


def _is_another_value(new: _Sentence, later: _Text, old: _Sentence, earlier: _Text) -> bool:
    if new.value is None or old.value is None or new.value == old.value or new.verb is None or new.verb != old.verb:
        return False
    if new.purpose and new.purpose == old.purpose and new.subject == old.subject:
        return True
    if not new.subject or new.subject != old.subject:
        return False
    if new.verb == "is":
        return new.value[0].isdigit() and old.value[0].isdigit()
    return new.verb != "use" or later.is_changed or (later.is_decided and earlier.is_decided)


def _value(words: Sequence[str], at: int) -> tuple[str | None, str | None, Words]:
    """The verb at this place (``is``, ``use``, or one that takes one value), its value, and what something is used for."""
    while words[at] in given.BE and at + 1 < len(words) and (words[at + 1] in given.ONE_VALUE.keys() | given.CONNECTORS):
        at += 1
    if words[at] in given.CONNECTORS:
        return None, None, _NOTHING
    behind = [word for word in words[at + 1 :] if word not in given.ARTICLES and word not in ("now", "jetzt")]
    verb, purpose = None, _NOTHING
    if words[at] in given.USE:
        verb = "use"
        purpose = _content(_phrase(behind[behind.index("for") + 1 :])) if "for" in behind[1:4] else _NOTHING
    elif words[at] in given.BE:
        verb = "is"
    elif between := given.ONE_VALUE.get(words[at], "").split():
        verb = f"{words[at]} {behind[0]}" if behind[:1] and behind[0] in between else None
        behind = behind[1:]
    elif words[at] in given.ONE_VALUE:
        verb = words[at]
    return verb, behind[0] if behind and behind[0] != given.PAUSE and behind[0] not in given.LITTLE else None, purpose


def _gone_at(words: Sequence[str], index: int) -> _Gone | None:
    """What the word at this place says is gone."""
    found, is_subject = _thrown_out(words, index)
    if not found:
        found, is_subject = _put_aside(words, index), False
    phrase = _phrase(found)
    gone = _content(word for word in phrase if word not in given.VERBS and word not in given.DONE_WITH)
    if not gone:
        return None
    subject = _NOTHING if is_subject else _subject(words[:index])
    return _Gone(gone, subject if subject is None or subject or is_subject else _of_what(found, phrase))


def _put_aside(words: Sequence[str], index: int) -> Sequence[str]:
    """What follows "instead of", "not", "removed", or in "took … out", "from … to"; nothing elsewhere."""
    word, behind = words[index], words[index + 1 :]
    if (word, *behind[:1]) in (("instead", "of"), ("rather", "than")):
        return behind[1:]
    if word in ("statt", "anstatt", "anstelle"):
        return behind[1:] if behind[:1] == ["von"] else behind
    if word in ("not", "never", "nicht", "nie"):
        return behind[1:] if behind[:1] and behind[0] in given.CONNECTORS else behind
    if word in given.TAKE_AWAY or word in ("replaced", "ersetzt"):
        return behind
    if word in ("took", "take", "taken") and "out" in behind[1:5]:
        return behind[: behind.index("out")]
    if word in ("from", "von") and not given.MOVED.isdisjoint(words[:index]):
        return behind[: next((at for at, other in enumerate(behind[1:5], 1) if other in ("to", "back", "auf", "zu")), 0)]
    return ()


def _thrown_out(words: Sequence[str], index: int) -> tuple[Sequence[str], bool]:
    """What "no longer" or "is gone" is said of, and whether that is the subject itself."""
    word, behind = words[index], words[index + 1 :]
    if (word, *behind[:1]) in (("no", "longer"), ("nicht", "mehr")):
        rest = [each for each in _phrase(behind[1:]) if each not in given.VERBS and each not in given.DONE_WITH]
        return (behind[1:], False) if _content(rest) else (_before(words[:index]), True)
    is_said_of_it = index > 0 and words[index - 1] in given.BE and (word in given.GONE or word in ("replaced", "ersetzt"))
    return (_before(words[: index - 1]), True) if is_said_of_it else ((), False)


def _subject(words: Sequence[str]) -> Words | None:
    """The subject in front of what is gone: empty where "we" do it, None where it is only "it"."""
    at = next((index for index, word in enumerate(words) if word in given.VERBS or word in given.ALL_OF_US), len(words))
    subject = _content(words[:at])
    return subject or (None if not given.PRONOUNS.isdisjoint(words[:at]) else _NOTHING)


def _of_what(words: Sequence[str], phrase: Sequence[str]) -> Words:
    """What follows a phrase and says of what it is: "support for Python 3.9"."""
    at = words.index(phrase[-1]) + 1
    return _content(_phrase(words[at + 1 :])) if words[at : at + 1] and words[at] in given.OF else _NOTHING


def _before(words: Sequence[str]) -> Sequence[str]:
    """The last phrase of these words, without the verb at its end."""
    words = [word for word in words if word not in given.BE]
    at = max((index + 1 for index, word in enumerate(words) if word == given.PAUSE), default=0)
    return [word for word in words[at:] if word not in given.CONNECTORS][-_MAX_GONE_WORDS:]


def _phrase(words: Sequence[str]) -> Sequence[str]:
    """The words up to a pause or to what goes on behind it."""
    found: list[str] = []
    for word in words:
        if word == given.PAUSE or (word in given.CONNECTORS and found) or len(found) == _MAX_GONE_WORDS:
            break
        if word not in given.ARTICLES:
            found.append(word)
    return found


def _content(words: Iterable[str]) -> Words:
    return frozenset(_stem(word) for word in words if word != given.PAUSE and word not in given.LITTLE)


def _stem(word: str) -> str:
    is_plural = word.endswith("s") and len(word) > 3 and word.isalpha() and not word.endswith("ss")
    return word[:-1] if is_plural else word


def _split(text: str) -> Iterator[list[str]]:
    if not text.isascii():
        for written, words in given.WRITTEN_TOGETHER:
            text = text.replace(written, words)
    sentence: list[str] = []
    for part in text.split():
        sentence.append(part)
        if part[-1] in given.SENTENCE_ENDS and len(part) > 1:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _words(parts: Iterable[str]) -> list[str]:
    found = []
    for part in parts:
        word = part.lower().strip(given.AROUND)
        if word:
            found.append(word)
        if part[-1] in given.PAUSES or (part[-1] == ")" and word):
            found.append(given.PAUSE)
    return found


@remembering(512)
def _read(text: str) -> _Text:
    return _Text(text)
