"""Texts of the kinds that a recorder sees, 10 KB each: files of this Python and of this package, and made ones.

None holds a real secret; what is made comes from a seed, so that every run measures the same.
"""

from __future__ import annotations

import argparse
import base64
import difflib
import http.client
import imaplib
import json
import os
import pydoc
import random
import subprocess
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CHARACTERS = 10_240
_LIBRARY = Path(os.__file__).parent
_PACKAGE = Path(__file__).parents[1]
_MODULES = ("argparse", "subprocess", "imaplib", "http.client", "ssl", "tarfile", "urllib.request", "smtplib")
_NAMES = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Edsger Dijkstra")
_PROSE = (
    "今天我们修复了夜间报表的一个错误：部分迟到的订单被计算了两次。", "连接条件应该使用发货编号，而不是订单编号。",
    "请检查测试是否通过，然后提交更改。", "数据库的迁移脚本在生产环境中运行了四分钟，没有锁表。",
    "夜間レポートの不具合を修正しました。", "Сегодня мы исправили ошибку ночного отчёта. ",
)  # fmt: skip
_SHELL = (
    'for file in "$@"; do\n  test -f "$file" || { echo "no $file" >&2; exit 2; }\ndone\n',
    "if git diff --quiet HEAD -- app/{n}.py; then\n  echo 'nothing to do'\nfi\n",
    "curl -fsS https://example.org/v{n}/health | grep -q '\"ok\"' || exit {n}\n",
    'export PATH="$HOME/.local/bin:$PATH" LOG_LEVEL=info\n', "docker run --rm -v \"$PWD:/app\" image:{n} make -j4 test\n",
)  # fmt: skip
_SCRIPT = (
    "export async function load{n}(key: string, options: Options = {{}}): Promise<Order[]> {{\n"
    "  const response = await fetch(`${{base}}/orders/${{key}}?page=${{options.page ?? {n}}}`, {{ signal: options.signal }});\n"
    "  if (!response.ok) {{\n    throw new Error('orders: ' + response.status + ' ' + response.statusText);\n  }}\n"
    "  return (await response.json()).items.map((item) => ({{ ...item, total: item.units * item.price }}));\n}}\n\n"
)
_HEADER = (
    "/**\n * Reads block {n} of the file into a buffer of the caller.\n *\n * @param handle  what open_block() gave\n"
    " * @return the bytes that were read, or -1\n */\n"
    "int read_block_{n}(struct handle *handle, unsigned char *buffer, size_t length);\n\n"
    "#define BLOCK_{n}_SIZE 0x{n:04x} /* pages, not bytes */\n"
)


def texts() -> dict[str, list[str]]:
    """Each kind by its name, and its texts, all of the same length."""
    made: dict[str, Callable[[random.Random], Iterable[str]]] = {
        "package-lock": _lock, "JSON": _json, "lines of JSON": _json_lines, "YAML": _yaml, "CSV": _table, "a log": _log,
        "shell": _repeated(*_SHELL), "TypeScript": _repeated(_SCRIPT), "C": _repeated(_HEADER),
        "Chinese, Japanese and Russian": _repeated(*_PROSE), "base64": _base64,
    }  # fmt: skip
    found = {
        "Python": _slices(_read(_LIBRARY.joinpath(*name.split(".")).with_suffix(".py") for name in _MODULES)),
        "Python, the rules of redaction": _slices(_read(sorted((_PACKAGE / "redaction").glob("*.py")))),
        "SQL": _slices(_read(sorted((_PACKAGE / "warehouse" / "duckdb" / "generated").glob("*.sql")))),
        "Markdown": _slices([str(metadata.metadata("activity-mcp").json["description"])]),
        "HTML": _slices(pydoc.HTMLDoc().docmodule(module) for module in (argparse, subprocess, imaplib, http.client)),
        "a diff": _slices(_diffs()),
        "a diff in colours": _slices("".join(_coloured(line) for line in diff.splitlines(True)) for diff in _diffs()),
        **{kind: [_filled(make(_seeded(seed))) for seed in range(4)] for kind, make in made.items()},
    }
    return {kind: slices for kind, slices in found.items() if slices}


def _seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same texts each time


def _read(paths: Iterable[Path]) -> Iterable[str]:
    return (path.read_text(encoding="utf-8", errors="replace") for path in paths if path.is_file())


def _slices(whole: Iterable[str]) -> list[str]:
    """The beginning and the middle of each text that is long enough."""
    found = []
    for text in whole:
        middle = len(text) // 2
        found += [piece for piece in (text[:CHARACTERS], text[middle : middle + CHARACTERS]) if len(piece) == CHARACTERS]
    return found


def _filled(pieces: Iterable[str]) -> str:
    text = ""
    for piece in pieces:
        text += piece
        if len(text) >= CHARACTERS:
            break
    return text[:CHARACTERS]


def _repeated(*pieces: str) -> Callable[[random.Random], Iterable[str]]:
    """The pieces in any order; a piece that takes a number is given another each time."""
    takes = [piece.count("{n") > 0 for piece in pieces]

    def made(rng: random.Random) -> Iterable[str]:
        while True:
            at = rng.randrange(len(pieces))
            yield _numbered(pieces[at], rng.randrange(1, 999)) if takes[at] else pieces[at]

    return made


def _numbered(piece: str, number: int) -> str:
    if "{{" in piece or "{n:" in piece:
        return piece.format(n=number)
    return piece.replace("{n}", str(number))


def _diffs() -> list[str]:
    """What somebody changed in modules of the standard library: every ninth line."""
    diffs = []
    for text in _read(_LIBRARY / f"{name}.py" for name in ("argparse", "subprocess", "tarfile")):
        before = text.splitlines(True)
        after = [line.replace("self", "this") if number % 9 == 0 else line for number, line in enumerate(before)]
        diffs.append("".join(difflib.unified_diff(before, after, "a/module.py", "b/module.py")))
    return diffs


def _coloured(line: str) -> str:
    colour = {"+": "32", "-": "31", "@": "36"}.get(line[:1])
    return f"\x1b[{colour}m{line[:-1]}\x1b[m\n" if colour is not None else line


def _digest(rng: random.Random, size: int) -> str:
    return base64.b64encode(rng.randbytes(size)).decode()


def _lock(rng: random.Random) -> Iterable[str]:
    for number in range(100):
        name, version = f"@scope/part-{number}", f"{rng.randrange(9)}.{rng.randrange(30)}.0"
        entry = {
            "version": version,
            "resolved": f"https://registry.npmjs.org/{name}/-/part-{number}-{version}.tgz",
            "integrity": f"sha512-{_digest(rng, 64)}",
            "license": "MIT",
            "dependencies": {"js-tokens": "^3.0.0 || ^4.0.0"},
            "engines": {"node": ">=18"},
        }
        yield f'    "node_modules/{name}": {json.dumps(entry, indent=2)},\n'


def _json(rng: random.Random) -> Iterable[str]:
    for number in range(1000):
        order = {"id": number, "customer": rng.choice(_NAMES), "lines": [{"sku": f"A-{rng.randrange(9999)}", "units": 3}] * 2}
        yield json.dumps({**order, "key": f"order-{number}", "paid": True, "note": "late, see\nthe invoice"}, indent=2) + ",\n"


def _json_lines(rng: random.Random) -> Iterable[str]:
    while True:
        ids = {"request_id": f"{rng.getrandbits(128):032x}", "session": f"{rng.getrandbits(64):016x}"}
        fields = {"level": "info", "path": f"/api/orders/{rng.randrange(9999)}", "status": 200, "ms": rng.random() * 50}
        yield (
            json.dumps({"ts": f"2026-11-28T20:{rng.randrange(60):02}:00Z", **ids, **fields, "agent": "Mozilla/5.0 (X11)"})
            + "\n"
        )


def _yaml(rng: random.Random) -> Iterable[str]:
    while True:
        name = f"worker-{rng.randrange(999)}"
        yield f'  {name}:\n    image: registry.example.org/{name}:2.1\n    ports:\n      - "80{rng.randrange(10, 99)}:80"\n'
        yield "    environment:\n      LOG_LEVEL: info\n      WORKERS: 4\n      API_KEY: ${API_KEY}\n"
        yield f"    depends_on: [db, cache]\n    volumes:\n      - ./{name}/config:/etc/worker:ro\n    restart: always\n"
        yield '    healthcheck:\n      test: ["CMD", "wget", "-q", "-O-", "http://localhost/health"]\n      interval: 30s\n'


def _table(rng: random.Random) -> Iterable[str]:
    yield "id,date,customer,sku,units,price,note\n"
    while True:
        day = f"2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
        sold = f"SKU-{rng.randrange(9999)},{rng.randrange(9)},{rng.random() * 99:.2f}"
        yield f'{rng.randrange(99999)},{day},{rng.choice(_NAMES)},{sold},"late, again"\n'


def _log(rng: random.Random) -> Iterable[str]:
    said = ("cache hit", "cache miss", "token refreshed", "session 5f0c1d52 ended", "retry in 2 s")
    while True:
        at = f"2026-11-28 20:{rng.randrange(60):02}:{rng.randrange(60):02},{rng.randrange(999):03}"
        done = f"order {rng.randrange(99999)} in {rng.randrange(900)} ms ({rng.choice(said)})"
        yield f"{at} INFO [worker-{rng.randrange(9)}] app.orders: {done}\n"


def _base64(rng: random.Random) -> Iterable[str]:
    while True:
        yield base64.encodebytes(rng.randbytes(570)).decode() + f"# part {rng.randrange(99)}\n"
