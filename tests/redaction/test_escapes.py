"""What a terminal colours is found as if it had not: tokens behind, within and before a sequence, names and values apart by one."""

from __future__ import annotations

import itertools

import pytest

from activity_mcp.redaction import Redactor

VALUE = "hunter2" + "-Blue77"
TOKEN = "gh" + "p_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6"
KEY = "AK" + "IAQ7RZ2LMNP4XWVT5K"
WRITTEN = ("\x1b", "\\x1b", "\\x1B", "\\e", "\\033", "\\u001b", "\\u001B", "\\\\u001b")
SEQUENCES = ("[32m", "[1;38;5;208m", "[0m", "[K", "[2J", "[?25h", "[m")
PLACES = (
    "{E}{T}{E}", "the key{E}: {T}", "{E}DB_PASSWORD{E}={E}{V}{E}", "{E}password{E}: {E}{V}{E}", '{{E}"password"{E}: {E}"{V}"{E}}',
    "Authorization: {E}Bearer {V}{E}", "postgres://app:{E}{V}{E}@db/x", "mysql --password {E}{V}{E} orders",
    "{E}curl{E} -u {E}admin:{V}{E} https://x", "{E}{K}{E}", "x {E}{K}", "user{E}|{E}password{E}|\n{E}bob{E}|{E}{V}{E}|\n",
)  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN, ids=ascii)
def test_a_secret_in_colours_is_found_in_every_place(written: str) -> None:
    for place, sequence in itertools.product(PLACES, SEQUENCES):
        text = place.replace("{E}", written + sequence)
        text = text.replace("{T}", TOKEN).replace("{V}", VALUE).replace("{K}", KEY)
        found = Redactor().text(text)
        assert not any(secret in found for secret in (TOKEN, VALUE, KEY)), (place, sequence, found)


def test_the_sequences_around_a_secret_stay() -> None:
    assert Redactor().text(f"\x1b[1mDB_PASSWORD\x1b[0m=\x1b[32m{VALUE}\x1b[0m\n") == (
        "\x1b[1mDB_PASSWORD\x1b[0m=\x1b[32m[redacted:password]\x1b[0m\n"
    )


@pytest.mark.parametrize("at", range(1, len(TOKEN)))
def test_a_token_in_two_colours_is_one(at: int) -> None:
    found = Redactor().text(f"x \x1b[31m{TOKEN[:at]}\x1b[32m{TOKEN[at:]}\x1b[0m y")
    assert found == "x \x1b[31m[redacted:github_token]\x1b[0m y"


def test_two_words_in_two_colours_are_two_as_well() -> None:
    assert TOKEN not in Redactor().text(f"Token\x1b[32m{TOKEN}\x1b[0mis")


def test_what_the_address_or_the_text_of_a_link_holds_is_found() -> None:
    for end in ("\x07", "\x1b\\"):
        link = f"\x1b]8;;https://x.example/?token={VALUE}{end}{TOKEN}\x1b]8;;{end}"
        found = Redactor().text(link)
        assert VALUE not in found
        assert TOKEN not in found


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[32mok\x1b[0m 12 passed, \x1b[31m1 failed\x1b[0m in 3.2s",
        "\x1b[01;34msrc\x1b[0m  \x1b[01;32mrun.sh\x1b[0m  key.py",
        "\x1b[", "\x1b", "\x1b[999", "\x9b", "\\e[", "\\033[", "a\x1b]0;title", "\x1b(B\x1b)0", "\x1b[38;5;", "C:\\e[x]\\033[y]",
    ],
)  # fmt: skip
def test_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert Redactor().text(text) == text
