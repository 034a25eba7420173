"""Runs the finders that a text gives reason to run; each is loaded when a text first does."""

from __future__ import annotations

from .gates import may_have_names, prefixes_of
from .rules import open_rules
from .sight import Sight, forget_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .gates import Open
    from .names import Name
    from .naming import Judge
    from .rules import Rule

    Span = tuple[int, int, str]
    IsSensitive = Callable[[str], bool] | None


def find(
    sight: Sight, gates: Open, rules: Sequence[Rule], is_sensitive: IsSensitive = None, literals: Sequence[str] = ()
) -> list[Span]:
    """The spans of the secrets of the text, with their kinds; of several at one place the first says what it is.

    ``gates`` is what each finder is to look for, ``rules`` are all of them; ``is_sensitive`` knows the names that a user added,
    and ``literals`` find them.
    """
    spans: list[Span] = []
    if "private_keys" in gates:
        from .pem import private_keys

        spans += private_keys(sight)
    spans += _shapes(sight, gates)
    spans += _in_urls(sight, gates)
    spans += _by_names(sight, gates, is_sensitive, literals)
    spans += _in_commands(sight, gates)
    if "encoded" in gates:
        from .encoded import encoded

        spans += encoded(sight, lambda decoded: _has_secret(decoded, rules, is_sensitive))
    if "views" in gates:
        from .views import views

        for view in views(sight.text):
            found = _in_other(Sight(view.text), rules, is_sensitive)
            spans += ((*view.span(start, end), kind) for start, end, kind in found)
    forget_line()
    return [span for span in spans if not sight.text.startswith("[redacted:", span[0])]


def _shapes(sight: Sight, gates: Open) -> list[Span]:
    spans: list[Span] = []
    if "tokens" in gates:
        from .tokens import tokens

        spans += tokens(sight, gates["tokens"])
    if "rules" in gates:
        from .shapes import matches

        spans += matches(sight, gates["rules"])
    if "by_chance" in gates:
        from .chance import random_runs

        spans += random_runs(sight)
    return spans


def _in_urls(sight: Sight, gates: Open) -> list[Span]:
    spans: list[Span] = []
    if "urls" in gates:
        from .urls import url_passwords

        spans += url_passwords(sight.text)
    if "drivers" in gates:
        from .urls import driver_passwords

        spans += driver_passwords(sight.text)
    return spans


def _judge_of(is_sensitive: IsSensitive) -> Judge:
    """What decides what a name announces: loaded once for a text, for it is asked about every name."""
    from .names import STRONG, judge_name

    if is_sensitive is None:
        return judge_name
    return lambda name: ("named", STRONG) if is_sensitive(name) else judge_name(name)


def _by_names(sight: Sight, gates: Open, is_sensitive: IsSensitive, literals: Sequence[str]) -> list[Span]:
    """What names, phrases and columns call a secret."""
    spans: list[Span] = []
    names: list[Name] = []
    if "names" in gates:
        from .naming import names_in

        judge = _judge_of(is_sensitive)
        names = names_in(sight, judge, literals)
    if names:
        from .assigned import assignments

        spans += assignments(sight, names)
    if "phrases" in gates or "calls" in gates:
        from .phrases import phrases

        spans += phrases(sight, gates.get("calls", ()))
    if "remarks" in gates:
        from .remarks import remarks

        spans += remarks(sight)
    if "accounts" in gates:
        from .accounts import accounts

        spans += accounts(sight)
    if names and ("\n" in sight.text or "|" in sight.text or b"insert" in sight.words):
        from .tables import columns

        spans += columns(sight, names, judge)
    if "pgpass" in gates:
        from .tables import pgpass

        spans += pgpass(sight.text)
    return spans


def _in_commands(sight: Sight, gates: Open) -> list[Span]:
    spans: list[Span] = []
    if "programs" in gates or "beside_user" in gates:
        from .commands import commands

        spans += commands(sight, gates.get("programs", ()))
    if "piped" in gates:
        from .piped import piped

        spans += piped(sight)
    return spans


def _in_other(sight: Sight, rules: Sequence[Rule], is_sensitive: IsSensitive) -> list[Span]:
    """What a text that is encoded in another says by itself: nothing that only looks random, no command lines."""
    gates = {"tokens": prefixes_of(sight), "rules": open_rules(sight, rules), "names": may_have_names(sight)}
    spans = _shapes(sight, {gate: reason for gate, reason in gates.items() if reason})
    if gates["names"]:
        from .naming import names_in

        if names := names_in(sight, _judge_of(is_sensitive)):
            from .assigned import assignments

            spans += assignments(sight, names)
    return spans


def _has_secret(decoded: str, rules: Sequence[Rule], is_sensitive: IsSensitive) -> bool:
    if _in_other(Sight(decoded), rules, is_sensitive):
        return True
    if "://" not in decoded:
        return False
    from .urls import url_passwords

    return any(True for _ in url_passwords(decoded))
