"""Writes sql/03_streams_tasks.sql from sql/refresh/, and activity_mcp/warehouse/duckdb/generated/ from sql/.

``--check`` writes nothing and exits 1 on a difference.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT)]

from duckdb_sql import ASSEMBLED, Untranslatable, assemble, generate  # noqa: E402

TARGET = ROOT / "activity_mcp" / "warehouse" / "duckdb" / "generated"


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: generate_duckdb_sql.py [--check]", file=sys.stderr)
        return 2
    assembled, whole = ROOT / "sql" / ASSEMBLED, assemble(ROOT)
    is_stale = not assembled.exists() or assembled.read_text(encoding="utf-8") != whole
    if is_stale and arguments:
        print(f"differs: {ASSEMBLED}; run python tools/generate_duckdb_sql.py", file=sys.stderr)
        return 1
    if is_stale:
        assembled.write_text(whole, encoding="utf-8")
        print(f"wrote {ASSEMBLED}")
    try:
        made = generate(ROOT)
    except Untranslatable as reason:
        print(f"cannot translate {reason}", file=sys.stderr)
        return 1
    found = {path.name: path.read_text(encoding="utf-8") for path in TARGET.glob("*.sql")}
    different = sorted(name for name in made.keys() | found.keys() if made.get(name) != found.get(name))
    if arguments:
        for name in different:
            print(f"differs: {name}; run python tools/generate_duckdb_sql.py", file=sys.stderr)
        return 1 if different else 0
    TARGET.mkdir(parents=True, exist_ok=True)
    for name in different:
        if name in made:
            (TARGET / name).write_text(made[name], encoding="utf-8")
        else:
            (TARGET / name).unlink()
        print(f"{'wrote' if name in made else 'removed'} {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
