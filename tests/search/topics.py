"""Sessions with known answers: what was asked, run, failed, changed and concluded, and questions as a person words them weeks later.

The questions share few words with their session, misspell some, and paste errors; the sessions share many with each other.
"""

from __future__ import annotations

from typing import NamedTuple


class Topic(NamedTuple):
    """One session. ``questions``: what it is the answer to."""

    asked: str
    command: str
    error: str
    file: str
    concluded: str
    questions: tuple[str, ...]


TOPICS = (
    Topic(
        "The nightly import dies with a lock on the database, find out why",
        "sqlite3 app.db 'PRAGMA journal_mode'", "sqlite3.OperationalError: database is locked",
        "src/importer/session.py", "Two writers shared one connection; WAL mode and a busy timeout of five seconds fixed the import.",
        ("when did we fix the database lock in the import", "sqlite3.OperationalError: database is locked", "busy timout WAL"),
    ),
    Topic(
        "Coverage in CI fell below the gate after the merge", "pytest --cov=src --cov-fail-under=90",
        "FAIL Required test coverage of 90% not reached. Total coverage: 87.31%", "tests/test_checkout.py",
        "Added tests for the refund branch of checkout; coverage is 92 percent again.",
        ("why was coverage below 90", "refund tests", "which session raised the covrage"),
    ),
    Topic(
        "Docker image got huge, shrink it", "docker build -t shop:slim . && docker images shop", "no space left on device",
        "Dockerfile", "A multi-stage build on slim Debian takes the image from 1.9 GB to 240 MB.",
        ("how did we make the docker image smaller", "multistage build", "no space left on device"),
    ),
    Topic(
        "Login redirects in a loop on staging", "curl -sIL https://staging.example.com/login",
        "curl: (47) Maximum (50) redirects followed", "src/auth/middleware.ts",
        "The cookie was set Secure behind a proxy that spoke http; trust proxy solved the redirect loop.",
        ("redirect loop at login", "Maximum redirects followed", "cookie secure proxy"),
    ),
    Topic(
        "Upgrade to Python 3.13 and see what breaks", "tox -e py313",
        "ModuleNotFoundError: No module named 'distutils'", "pyproject.toml",
        "setuptools provides distutils; the legacy build script was replaced by hatchling.",
        ("No module named 'distutils'", "upgrading python to 3.13", "why did we move to hatchling"),
    ),
    Topic(
        "Payments webhook is delivered twice and orders are doubled", "rg -n idempotency src/payments",
        "IntegrityError: duplicate key value violates unique constraint \"payment_event_id\"", "src/payments/webhook.py",
        "Each delivery is deduplicated by its event id inside one transaction.",
        ("doubled orders from the webhook", "duplicate key value violates unique constraint", "how do we make payments idempotent"),
    ),
    Topic(
        "The dashboard query takes forty seconds", "psql -c 'EXPLAIN ANALYZE SELECT * FROM orders WHERE customer_id = 7'",
        "canceling statement due to statement timeout", "db/migrations/0042_orders_customer_index.sql",
        "An index on orders(customer_id, created_at) takes it to 80 ms.",
        ("slow dashboard query", "which index did we add on orders", "statement timeout"),
    ),
    Topic(
        "Write a release script that signs the tag", "git tag -s v2.4.0 -m 'v2.4.0'", "gpg: signing failed: Inappropriate ioctl for device",
        "scripts/release.sh", "export GPG_TTY=$(tty) before signing; documented in the script.",
        ("gpg signing failed", "release script that signs tags", "Inappropriate ioctl for device"),
    ),
    Topic(
        "Translate the settings page to German", "npm run i18n:extract", "Missing translation key settings.notifications.digest",
        "locales/de.json", "All 48 keys of the settings page are translated, plural forms included.",
        ("german translation of settings", "missing translation key", "locales/de.json"),
    ),
    Topic(
        "Memory of the worker grows until it is killed", "py-spy dump --pid 4242", "Killed: out of memory (exit code 137)",
        "src/worker/cache.py", "The LRU cache had no bound; maxsize=1024 keeps resident memory flat.",
        ("worker killed out of memory", "exit code 137", "memory leak in the worker cache"),
    ),
    Topic(
        "Move the search from Elasticsearch to Postgres", "psql -f db/fulltext.sql", "text search configuration \"german\" does not exist",
        "db/fulltext.sql", "tsvector with a GIN index replaces Elasticsearch; ranking by ts_rank.",
        ("why did we drop elasticsearch", "GIN index tsvector", "text search configuration does not exist"),
    ),
    Topic(
        "Flaky test in the scheduler, it fails one run of ten", "pytest tests/test_scheduler.py --count 50",
        "AssertionError: assert 3 == 2", "tests/test_scheduler.py",
        "The test slept on the wall clock; a fake clock made it deterministic.",
        ("flaky schedular test", "fake clock", "file:test_scheduler.py failed:"),
    ),
)  # fmt: skip
