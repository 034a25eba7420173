"""Whether somebody chose these characters, or a generator made them: by how letters and digits alternate, and by which letters
stand beside each other.

Only the first ``_JUDGED`` characters are looked at, so that judging costs the same for values of any length.
"""

from __future__ import annotations

from .patterns import words
from .sight import APART

_JUDGED = 512
DIGITS = frozenset("0123456789")
NO_DIGITS = {ord(char): None for char in "0123456789"}
_HEX = "0123456789abcdefABCDEF"
_DIGITS_APART = bytes(32 if byte in b"0123456789" else byte for byte in range(256))
_OTHERS_APART = bytes(byte if byte in b"0123456789" else 32 for byte in range(256))
_APART = {ord(char): " " for char in "_-./:+=~!@#$%^&*|,;?\\"}
_PAIRS = words(
    "th he in er an re nd at on nt ha es st en ed to it ou ea hi is or ti as te et ng of al de se le sa si ar ve ra"
    " ld ur li ri io ne ic co me ma om ce el ro ch us ll la ta em be tr ns no ec ac ca ss il pr ai su pe ut ol un ad"
    " ag mo lo am po da ie pa ge ho wa ow id fi ee sh ot nc ul oo ir wi up ke ab ev ay ry vi gr ly ty so do ap op ex"
    " we ck im fo sc bo ba uc ef ui ei ov ey ig iv ci av tt pl ff rt mi sp rs mp rd rm rk rn rc bl cl cr dr fr gi go"
    " gu ht ki lt ms ob od os pu rr ru sl sw tu ub ue um va ye qu ct"
)
"""The pairs of letters that make up five sixths of what is written in English; of random letters, less than a quarter."""


def is_random(value: str, min_chars: int) -> bool:
    """Whether the value, of ``min_chars`` characters or more, is made of characters nobody would choose."""
    value = value[:_JUDGED]
    if len(value) < min_chars or not value.isascii() or " " in value:
        return False
    runs = value.translate(_APART).split()
    if not all(run.isalnum() for run in runs):
        return False
    longest = max(runs, key=len, default="")
    if len(longest) >= max(10, min_chars * 2 // 3) and _is_scrambled(longest):
        return True
    joined = "".join(runs)
    if (
        len(joined) * 4 >= min_chars * 3
        and changes_in(joined) >= 4
        and _longest_word(joined) <= 7
        and any(c.isupper() for c in joined)
    ):
        return True
    odd = sum(len(run) for run in runs if is_odd(run))
    return odd * 2 >= min_chars and odd * 2 >= len(joined)


def has_odd_part(value: str) -> bool:
    """Whether a run of six letters and digits or more is one that nobody would choose, with anything between them."""
    runs = value[:_JUDGED].encode("utf-8", "replace").translate(APART).split()
    return any(len(run) >= 6 and is_odd(run.decode("ascii")) for run in runs)


def is_odd(run: str) -> bool:
    """Whether the run of letters and digits is no word, no number and no word with a number behind it."""
    if run.isdigit():
        return len(run) >= 16
    if run.isalpha():
        if len(run) >= 16 and not run.strip(_HEX):
            return True
        return len(run) >= 6 and is_no_word(run, 3)
    bare = run.rstrip("0123456789")
    return len(run) > 2 and (any(char in DIGITS for char in bare) or (len(bare) >= 6 and is_no_word(bare, 3)))


def _is_scrambled(run: str) -> bool:
    digits = sum(char in DIGITS for char in run)
    if not digits:
        return len(run) >= 10 and is_no_word(run, 5)
    if digits == len(run):
        return len(run) >= 12
    changes = changes_in(run)
    if (digits >= 4 and len(run) >= 20) or changes >= 3:
        return True
    return changes >= 1 and (not run.strip(_HEX) or (digits >= 4 and changes >= 2) or is_no_word(run.translate(NO_DIGITS), 5))


def _longest_word(run: str) -> int:
    longest = streak = 0
    for char in run:
        streak = streak + 1 if char.isalpha() else 0
        longest = max(longest, streak)
    return longest


def changes_in(run: str) -> int:
    """How often letters and digits alternate, in a run without blanks."""
    data = run.encode("utf-8", "surrogatepass")
    groups = len(data.translate(_DIGITS_APART).split()) + len(data.translate(_OTHERS_APART).split())
    return max(0, groups - 1)


def is_no_word(letters: str, tenths: int) -> bool:
    """Whether fewer than so many tenths of the pairs of letters are usual ones."""
    lowered = letters.lower()
    pairs = len(lowered) - 1
    if pairs < 4:
        return False
    return sum(lowered[at : at + 2] in _PAIRS for at in range(pairs)) * 10 < pairs * tenths
