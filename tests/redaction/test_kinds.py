"""Each kind of place in which a secret can be: written down together with the rules, so that what is found stays found.

``kinds.txt`` has one place a line: its name, which secrets it holds, and the text as JSON with ``{S}`` for the secret. What the
rules do with places that they were not written for is measured by ``test_recall``.
"""

from __future__ import annotations

import json
from pathlib import Path

from activity_mcp.redaction import Redactor

SECRETS = {
    "1": "Zk3v9QmX2LrT7bWn5YdHc8Pf",  # generated
    "2": "c0rr3ctHorse7",  # chosen, with digits
    "3": "Tr0ub+d0r!3x",  # with marks
    "4": "brownfoxjumping",  # nothing but letters
}
ORDINARY = (
    "2013-05-06:5186720A.4090101@iki.example:",
    "#define OPTION_SECRET\t0xd788",
    '#define PEM_STRING_KEY "EC PRIVATE KEY"',
    '"EXPASS", "*EXPORT", "EXPROFILE"',
    "password = password.encode('latin1')",
    "(this.cookies ??= []).push(value)",
    "token = get_token('service-a1')",
    "const token = await fetchToken('orders2')",
    "password = prompt('Password 2: ')",
    "| token | description |\n|---|---|\n| access_token | string, 64 characters |",
    "mkdir -p build2/out && docker run -u root -p 8080:80 image",
    "ssh -l bob -p 2222 host && ps -u bob -p 12345",
    "echo build-2024b | tee secret-scan.log",
    "echo v1.2.3 > token_version.json",
    "use utf8mb4 as the charset, a tuple as the key",
    "page.fill('#search', 'orders2024'); page.type('#q', 'abc12345')",
    "Token expires at: 2026-11-28T10:00:00Z",
    "password hash: 9f86d081884c7d659a2feaa0c55ad015",
    "Rotate the secret\n9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
    "git clone git@github.com:team/app2web && scp a bob@host.example:backup1",
    "npm install lodash@4.17.21 react:latest@18.2.0 && docker pull a/b:v1.2.3@sha256:9f86d081",
    "<input type=\"password\" name=\"p\" value=\"\"><input name='token' type='hidden' value='${token}'>",
    "<tr><th>Password</th><th>Email</th></tr><tr><td>Token</td><td>optional</td></tr>",
    "<password>${env.DB_PASSWORD}</password><token/><secret></secret>",
    "https://x.example/password/reset/confirm and /api/token/refresh/now",
    "password or 'default', token ?? 'none', secret || 'changeme'",
    "user, password = get_credentials('orders'), None",
    "the server at http://localhost:3000 answers; ask ada@example.org or @bob, see http://h.example:8080/a and c@d.example",
    '<a href="mailto:dkuhlman7x@cutter.example">D</a>',
    "from contextvars import ContextVar, Token\n\nfrom x import Context, _RuntimeContext7\n",
    "llvm::PassToken:: run7Module(llvm::Module &M)",
    "bypass1 compass2 trespass: overpass3 = lowpass4",
)
"""What looks like one of these places, and holds no secret."""


def test_every_kind_of_place_is_known() -> None:
    leaks = []
    for line in (Path(__file__).parent / "kinds.txt").read_text(encoding="utf-8").splitlines():
        name, kinds, written = line.split("\t")
        for kind in kinds:
            secret = SECRETS[kind]
            kept = Redactor().text(json.loads(written).replace("{S}", secret))
            if secret[:6] in kept or secret[-6:] in kept:
                leaks.append((name, kind, kept))
    assert leaks == []


def test_what_only_looks_like_such_a_place_stays() -> None:
    assert [kept for text in ORDINARY if (kept := Redactor().text(text)) != text] == []
