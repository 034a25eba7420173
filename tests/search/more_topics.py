"""A second set of sessions with known answers, worded by another rule: questions as one asks a colleague ("when did we …?",
"how was …?"), with other words than the session has wherever one would have forgotten them; sessions in several languages, and
pairs of sessions about nearly the same.
"""

from __future__ import annotations

from search.topics import Topic

MORE_TOPICS = (
    Topic(
        "test_login fails now and then on CI, please look", "pytest tests/test_login.py -x --count 50",
        "AssertionError: assert 401 == 200", "tests/test_login.py",
        "The login test was flaky because the token's clock and the server's differed by a second; the clock is frozen now.",
        ("when did we fix the flaky login test?", "why did test_login fail only sometimes", "how did we get rid of the 401 in CI"),
    ),
    Topic(
        "Add OAuth login with Google", "npm run test:auth", "Error: redirect_uri_mismatch", "src/auth/google.ts",
        "Google sign-in works; the redirect address has to be registered for each environment.",
        ("how did we set up google sign in", "redirect_uri_mismatch", "where is the oauth code"),
    ),
    Topic(
        "The memory of the worker grows until it is killed", "kubectl top pod worker-0", "OOMKilled", "worker/cache.go",
        "The worker's cache had no limit: an LRU of 10,000 entries holds memory at 300 MB.",
        ("which session was about the memory leak of the worker", "what did we do about OOMKilled pods", "LRU cache limit"),
    ),
    Topic(
        "Move the invoices from cents as floats to integers", "cargo test money", "thread 'money::rounds' panicked at src/money.rs:41",
        "src/money.rs", "Amounts are integers of cents now, rounded half to even at the border.",
        ("how do we round money?", "panicked at src/money.rs", "floats to integer cents"),
    ),
    Topic(
        "Write a script that rotates the API keys every month", "./ops/rotate_keys.sh --dry-run", "permission denied: kms:Decrypt",
        "ops/rotate_keys.sh", "Keys rotate on the first of each month; the role needed kms:Decrypt.",
        ("rotation of api keys", "what permission was missing for kms", "when did we write rotate_keys.sh"),
    ),
    Topic(
        "Die Rechnungen haben falsche Umlaute im PDF", "python pdf.py --beispiel", "UnicodeEncodeError: 'latin-1' codec can't encode",
        "rechnung/pdf.py", "Die Schrift kannte keine Umlaute; DejaVu Sans ist jetzt eingebettet.",
        ("Umlaute in der Rechnung", "UnicodeEncodeError latin-1", "welche Schrift haben wir ins PDF eingebettet?"),
    ),
    Topic(
        "Make the list of customers load faster", "k6 run load/customers.js", "http_req_duration p(95)=4.1s", "api/customers.py",
        "An N+1 query: select_related brings the customers' list from 4 s to 180 ms.",
        ("N+1 query", "why was the customer list slow", "how did we speed up the customers page"),
    ),
    Topic(
        "Make the list of orders exportable as Excel", "pytest tests/test_export.py", "KeyError: 'openpyxl'", "api/orders_export.py",
        "Orders are exported by openpyxl, a thousand rows at a time, so memory stays flat.",
        ("export orders to excel", "openpyxl", "how do we keep memory flat while exporting?"),
    ),
    Topic(
        "部署失败了，帮我看看原因", "helm upgrade shop ./chart", "Error: UPGRADE FAILED: another operation is in progress", "chart/values.yaml",
        "上一次部署卡住了，回滚之后重新部署成功。",
        ("部署失败", "helm upgrade another operation in progress", "回滚"),
    ),
    Topic(
        "Replace moment.js, it is 300 kB", "npx webpack-bundle-analyzer", "Module not found: Error: Can't resolve 'moment'",
        "web/src/dates.ts", "date-fns replaces moment; the bundle is 260 kB smaller.",
        ("why did we drop moment", "bundle size dates library", "Can't resolve 'moment'"),
    ),
    Topic(
        "Customers in Brazil get mails an hour late", "python -m mailer --tz America/Sao_Paulo", "AssertionError: 08:00 != 07:00",
        "mailer/schedule.py", "Brazil has no daylight saving since 2019: the zone database of the image was from 2018.",
        ("timezone bug with brazil", "daylight saving mails", "which image had an old tzdata / zone database"),
    ),
    Topic(
        "Set up a nightly backup of Postgres to S3", "pg_dump shop | aws s3 cp - s3://backups/shop.sql",
        "An error occurred (AccessDenied) when calling the PutObject operation", "ops/backup.tf",
        "Backups run at 02:00, are kept for thirty days, and a restore was tried.",
        ("when do our database backups run?", "AccessDenied PutObject", "did we ever test restoring a backup"),
    ),
    Topic(
        "Websockets disconnect after a minute behind nginx", "wscat -c wss://staging/ws", "Disconnected (code: 1006)", "nginx/ws.conf",
        "nginx closed idle connections: proxy_read_timeout is an hour, and the client pings every 30 s.",
        ("websocket disconnects 1006", "nginx timeout for websockets", "why does the client send pings?"),
    ),
)  # fmt: skip
