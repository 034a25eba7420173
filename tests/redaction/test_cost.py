"""What redaction costs: in proportion to the text, and no regular expressions for a text without secrets."""

from __future__ import annotations

import base64
import random
import string
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from activity_mcp.redaction import Redactor, sight
from activity_mcp.redaction.reading import word_end
from activity_mcp.redaction.sight import forget_line, line_break
from lengths import some

REPO = Path(__file__).resolve().parents[2]


PIECES = [
    "eyJ", "eyJaaaaaaaa.", "eyJaaaaaaaa.eyJ", "://a:", "://:", "sk-", "sk-proj-", "sk-ant-", "ghp_", "AKIA", "xoxb-",
    "AIza",
    "-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----\nMIIE", "-", "password", "password=", "token: ", "key ",
    "curl ", "curl -u ", "curl -u a:", "authorization: ", "Cookie: a=", "bearer ", "secret_key = ", '"password":"',
    "--password ", "secret" + "_" * 30, "a" * 64, '\\"', "İpass=",
    "password=$(", "password=${", "{{", "token='", "password:\n  ", "name: DB_PASSWORD\n", "<password>", "<password", "password,token\n",
    "| password | x |\n", "insert into t (password) values (", "('", "echo a | sudo -S ", "echo passwd <<< ", "docker login -p ",
    "mysql -p", "expect send ", "auth=('a', ", "identified by ", "community ", "password is ", "'\"` + '", "%41", "' + '", "\\\n",
    "ghp_abc_", "Authorization: Bearer ", "$6$", "@", ":5432:", "-----BEGIN PRIVATE KEY-----\n-----END", "Private-Lines: 999\n",
    "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF_", "key key key=", "a" * 63 + "\n", ",password,", "=", "aW1hZ2luZWQ6YmFzZTY0", "YWJjMTIz/", "mysqli('a',", "kind: secret\ndata:\n  a: b\n", "kind: secret\n", ":thin:", ":thin:a/b",
    "a:b@tcp(", "password for x ", "password\\u003d", '<string name="key">', "cat <<EOF | passwd\n", 'form-data; name="password"\n\n', "token is ",
    "https://a/Ab3dE6gH9/Ab3dE6gH9/", "setPassword('a', ", "<key>password</key>", "password string = ", "credentials('a','b',", "key=1&", "\\\\\\\"password\\\\\\\":",
]  # fmt: skip
"""What finders look for, repeated without an end: each would make a search begin again at every one of them."""


@pytest.mark.long
@pytest.mark.parametrize("piece", some(PIECES, 6))
def test_no_text_takes_long(piece: str) -> None:
    """A pattern that searches the same characters again and again takes sixteen times as long for four times the text."""

    def spent(characters: int) -> float:
        text = piece * (characters // len(piece))
        best = 9.0
        for _ in range(2):
            began = time.process_time()
            Redactor().text(text)
            best = min(best, time.process_time() - began)
        return best

    spent(1_000)  # patterns are compiled
    assert spent(40_000) < 10 * max(spent(10_000), 0.005)


@pytest.mark.long
@pytest.mark.parametrize("piece", some(PIECES, 30))
def test_the_work_grows_no_faster_than_the_text(piece: str) -> None:
    """Counted, not timed: the calls that redaction makes, of Python's and of C's functions."""

    def calls(characters: int) -> int:
        text, count = piece * (characters // len(piece)), 0

        def note(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(note)
        try:
            Redactor().text(text)
        finally:
            sys.setprofile(None)
        return count

    calls(1_000)  # patterns are compiled
    assert calls(12_000) < 5 * max(calls(3_000), 200)


PLACES = [
    "password || '", "{{ password", "<password><value>", '<property name="password">', "</b>x", "password=</a>x", "(password . ", "?? '", "as the token ",
    ".fill('#password', ", "fill_in 'password' ", "# password\n", "a:b1c2d3e4@", "a@b.c:", "reg_sz ", "stringdata{:", "chpasswd:\na:b\n", "{plain}", " on >a1b2c3",
    "echo a | base64 ", "echo a > password ", "printf '=%s' ", "&lt;password&gt;", "\\u003c", "copy t (password) from stdin;\n", "| password |\n", "password: &a ",
    "/token/", "x, password = ", 'password: ["a", ', '{"password": {"value', " -u a -p ", "-name password -value ", "btoa('a:", "jwt.sign(a, ", "password to ", "password a: ",
    "\x1b[32m", "\x1b[", "\x1b", "\\e[0m", "\\\\u001b[1m", "\x9b1m", "\x1b]8;;", "a\x1b[1mb", "\x1b///", '{"v": "a1b2c3d4", "k": "token"}', "v: a\nk: token\n",
    "<v>a1</v><k>token</k>", "chap-secrets a b c1d2 *\n", "client server secret\na b c1d2e3f4 10.0.0.1\n", '"Password field here" ',
    "secret.key.", "rootpw ", "s/password=.*/", "password::", "a,pass\n",
]  # fmt: skip
"""What the places of ``kinds.txt`` begin with, repeated: their readers look ahead or back, within bounds."""


@pytest.mark.long
@pytest.mark.parametrize("piece", some(PLACES, 29))
def test_the_work_of_places_grows_no_faster_than_the_text(piece: str) -> None:
    test_the_work_grows_no_faster_than_the_text(piece)


@pytest.mark.parametrize(
    "made",
    [
        base64.b64encode,
        bytes.hex,
        lambda data: "\n".join(base64.b64encode(data[at : at + 57]).decode() for at in range(0, len(data), 57)),
    ],
    ids=["base64", "hex", "lines of base64"],
)
def test_random_runs_that_all_differ_cost_no_more_than_their_length(made: Callable[[bytes], str | bytes]) -> None:
    data = random.Random(1).randbytes(60_000)

    def spent(size: int) -> float:
        given = made(data[:size])
        text = given if isinstance(given, str) else given.decode("ascii")
        best = 9.0
        for _ in range(3):
            began = time.process_time()
            Redactor().text(text)
            best = min(best, time.process_time() - began)
        return best

    spent(1_000)
    assert spent(60_000) < 10 * max(spent(15_000), 0.002)


@pytest.mark.parametrize(
    "text",
    [
        "ls -l /srv/a.py && git log --oneline | head -20",
        "def total(order): return sum(line.amount for line in order.lines)  # the key point",
        "see https://example.org/a/b?x=1#frag and http://localhost:8080/, or ask ada@example.org",
        "tokens, secrets and passwords are words; the token expires, a secret is kept, bypass the cookie banner",
        "a task-list with sk-learn and risk-free disk-usage, at 12:aa:bb, pat/to/path, SG. and dp.",
        "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b, uuid 3f2504e0-4f89-41d3-9a0c-0305e82c3301, curl -s https://x.example",
    ],
)  # fmt: skip
def test_a_text_without_secrets_loads_no_regular_expressions(text: str) -> None:
    """Their import alone would cost a hook half of what a bare interpreter costs."""
    code = (
        "import sys; sys.path.append(sys.argv[1]); from activity_mcp.redaction import Redactor, patterns;"
        "value = {'command': sys.argv[2], 'file_path': '/srv/a.py', 'max_tokens': 5, 'nested': [{'old_string': sys.argv[2]}]};"
        "redactor = Redactor(); assert redactor.value(value) == value;"
        "assert 're' not in sys.modules and not patterns._patterns, patterns._patterns"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", code, str(REPO), text], check=True)


def _alnum(rng: random.Random, length: int) -> str:
    return "".join(rng.choices(string.ascii_letters + string.digits, k=length))


LOOK_ALIKES: dict[str, Callable[[random.Random, int], str]] = {
    "uuids": lambda rng, n: f"{uuid.UUID(int=rng.getrandbits(128))} ",
    "hashes": lambda rng, n: f"{rng.getrandbits(160):040x}  file{n}\n",
    "ids of calls": lambda rng, n: f"toolu_{_alnum(rng, 24)} ",
    "names, each another": lambda rng, n: f"DB_PASSWORD_{n} ",
    "references": lambda rng, n: f"DB_PASSWORD_{n}=$PASSWORD_{n}\n",
    "names in code": lambda rng, n: f"get{_alnum(rng, 4).title()}Token{n}(author{n}_keyboard) ",
    "lines of base64": lambda rng, n: _alnum(rng, 76) + "\n",
    "escaped lines": lambda rng, n: f"{_alnum(rng, 8)}\\n",
    "addresses": lambda rng, n: f"https://x.example/{_alnum(rng, 20)}?q=%20{n} {_alnum(rng, 6)}@x.example ",
    "members": lambda rng, n: f'{{"name":"token","value":{n}}},',
    "rows below a token": lambda rng, n: f"a,{n},b\n" if n else "name,token,x\n",
    "commands": lambda rng, n: f"echo {_alnum(rng, 5)} | tee x; curl -o {n} y; docker run -p {n}:80 z\n",
}
"""What is all around like secrets, and differs each time: no table of names or runs can remember it."""


def _of_kind(kind: str, characters: int) -> str:
    rng, pieces, length, number = random.Random(kind), [], 0, 0
    while length < characters:
        pieces.append(LOOK_ALIKES[kind](rng, number))
        length += len(pieces[-1])
        number += 1
    return "".join(pieces)


def _assert_linear(kind: str, small: int, large: int) -> None:
    """Processor time, the best of some: for so many times the text no more than three times as many times the work."""

    def spent(characters: int, tries: int) -> float:
        text, best = _of_kind(kind, characters), 1e9
        for _ in range(tries):
            began = time.process_time()
            Redactor().text(text)
            best = min(best, time.process_time() - began)
        return best

    spent(1_000, 1)  # tables are read
    assert spent(large, 1) < 3 * (large // small) * max(spent(small, 3), 0.001)


@pytest.mark.parametrize("kind", LOOK_ALIKES)
def test_look_alikes_that_all_differ_cost_no_more_than_their_length(kind: str) -> None:
    _assert_linear(kind, 5_000, 50_000)


@pytest.mark.slow
@pytest.mark.parametrize("kind", LOOK_ALIKES)
def test_a_megabyte_of_look_alikes_costs_a_hundred_times_what_ten_kilobytes_cost(kind: str) -> None:
    _assert_linear(kind, 10_000, 100_000)
    _assert_linear(kind, 10_000, 1_000_000)


class _Counted(str):
    """A text that counts how often it is searched to its end."""

    __slots__ = ("searches",)
    searches: int

    def find(self, piece: str, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        self.searches = getattr(self, "searches", 0) + (end is None)
        return super().find(piece, start, end)


def test_the_end_of_a_long_line_is_searched_for_once() -> None:
    text = _Counted("api_key: x, " * 5_000 + "\nshort\n")
    assert {line_break(text, at) for at in range(0, 60_000, 12)} == {60_000}
    assert (line_break(text, 60_001), text.searches) == (60_006, 1)
    forget_line()


def test_the_end_of_a_long_word_is_read_once() -> None:
    text = "key=1&" * 5_000 + " the end"
    before = sight.known_end_of_run(text, 3_000)
    assert {word_end(text, at, len(text)) for at in range(0, 29_000, 6)} == {30_000}
    assert (before, sight.known_end_of_run(text, 3_000), sight.known_end_of_run(text, 30_001)) == (-1, 30_000, -1)
    forget_line()


@pytest.mark.parametrize("text", ["api_key: x, " * 2_000, "password='" * 2_000, "key=1&" * 4_000])
def test_no_text_is_held_when_it_has_been_read(text: str) -> None:
    Redactor().text(text)
    assert sight._last_line == sight._last_run == ("", 0, 0)
