"""The table of redaction: true secrets, every one of them invented, and look-alikes that must stay.

``tools/redaction_table.py`` prints what is missed and what is a false alarm, and renders ``docs/redaction.md`` from it.
"""

from __future__ import annotations

import json

UPPER = "Q7RZ2MK9XWPL4TVB"
MIXED = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6kL9n"
WORD = "hun" + "ter" + "22x"
HEX40 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"


def secrets() -> list[tuple[str, str, str]]:
    """(kind, text, the part of it that must not survive). Put together at run time, so that no scanner takes this for a leak."""
    aws_id = "AK" + "IA" + UPPER
    aws_secret = (MIXED[:38] + "/+")[:40]
    anthropic = "sk-" + "ant-" + "api03-" + MIXED + "-_x"
    openai = "sk-" + "proj-" + MIXED
    legacy = "sk-" + MIXED
    github = "gh" + "p_" + MIXED[:36]
    fine = "github" + "_pat_" + "11ABCDEFG0" + "_" + MIXED
    gitlab = "gl" + "pat-" + MIXED[:20]
    slack = "xo" + "xb-" + "123456789012-" + MIXED[:24]
    stripe = "sk" + "_live_" + MIXED[:24]
    restricted = "rk" + "_live_" + MIXED[:24]
    google = "AI" + "za" + MIXED[:35]
    jwt = ".".join(("ey" + "JhbGciOiJIUzI1NiJ9", "ey" + "JzdWIiOiIxMjM0In0", MIXED))
    body = "\n".join(MIXED[i:] + MIXED[:i] for i in range(4))
    pem = f"-----BEGIN RSA {'PRIVATE'} KEY-----\n{body}\n-----END RSA {'PRIVATE'} KEY-----"
    gsk = "gs" + "k_" + MIXED + MIXED[:12]
    xai = "xa" + "i-" + MIXED + MIXED
    return [
        ("aws_access_key_id", f"export AWS_ACCESS_KEY_ID={aws_id}", aws_id),
        ("aws_access_key_id", f"key {aws_id.replace('AKIA', 'ASIA')}.", UPPER),
        ("aws_access_key_id", f"Credential={aws_id}/20260121/us-east-1/s3/aws4_request", aws_id),
        ("aws_secret_access_key", f"aws_secret_access_key = {aws_secret}", aws_secret),
        ("aws_secret_access_key", f"aws configure set aws_secret_access_key {aws_secret}", aws_secret),
        ("aws_secret_access_key", f'{{"SecretAccessKey": "{aws_secret}"}}', aws_secret),
        ("anthropic_key", f"ANTHROPIC_API_KEY={anthropic} claude -p hi", anthropic),
        ("openai_key", f"client = OpenAI(api_key='{openai}')", openai),
        ("openai_key", f"the key {legacy} was used", legacy),
        ("github_token", f"git clone https://{github}@github.com/a/b", github),
        ("github_token", f"gh auth login --with-token <<< {github.replace('p_', 's_', 1)}", MIXED[:36]),
        ("github_token", f"token: {fine}", fine),
        ("gitlab_token", f"curl --header 'PRIVATE-TOKEN: {gitlab}' https://gitlab.example", gitlab),
        ("slack_token", f"SLACK={slack}", slack),
        ("stripe_key", f"stripe.api_key = '{stripe}'", stripe),
        ("stripe_key", f"key={restricted}", restricted),
        ("google_api_key", f"https://maps.example/api?key={google}&q=x", google),
        ("jwt", f"the cookie was {jwt}, decoded", jwt),
        ("jwt", f"https://x.example/verify/{jwt}#x", jwt),
        ("jwt", f"Authorization: Bearer {jwt}", jwt),
        ("private_key", f"cat > id_rsa <<EOF\n{pem}\nEOF", body.splitlines()[2]),
        ("private_key", json.dumps({"pem": pem}), MIXED[5:]),
        ("url_password", f"psql postgres://app:{WORD}@db.example:5432/x", WORD),
        ("url_password", f"redis://:{WORD}@cache:6379/0", WORD),
        ("url_password", "mongodb+srv://root:p" + "@ss" + "w0rd@cluster/x", "ssw0rd"),
        ("authorization", f"curl -H 'Authorization: Basic {MIXED}' https://x", MIXED),
        ("authorization", f'headers = {{"Authorization": "Bearer {HEX40}"}}', HEX40),
        ("authorization", f"Authorization: {HEX40}", HEX40),
        ("bearer_token", f"use bearer {HEX40} there", HEX40),
        ("cookie", f"curl -b x -H 'Cookie: session={HEX40}; theme=dark'", HEX40),
        ("password", f"curl -s -u admin:{WORD} https://x", WORD),
        ("password", f"export DB_PASSWORD={WORD}", WORD),
        ("password", "export DB_PASSWORD=" + "let" + "mein", "let" + "mein"),
        ("secret", f"NPM_SECRET='{WORD}' make release", WORD),
        ("password", f"mysql --password {WORD} orders", WORD),
        ("password", f"mysql --password={WORD} orders", WORD),
        ("token", f'deploy --token "{WORD}"', WORD),
        ("api_key", f'{{"model": "x", "api_key": "{WORD}"}}', WORD),
        ("api_key", json.dumps(json.dumps({"apiKey": WORD})), WORD),
        ("api_key", f"curl -H 'X-Api-Key: {HEX40}' https://x", HEX40),
        ("secret", f"clientSecret: '{WORD}',", WORD),
        ("password", f'password: str = "{WORD}"', WORD),
        ("password", f"if password == '{WORD}':", WORD),
        ("password", f"host=db user=app password={WORD} dbname=x", WORD),
        ("password", f"  password: {WORD}\n  user: app", WORD),
        ("token", f'os.environ["REFRESH_TOKEN"] = "{WORD}"', WORD),
        ("token", f"https://x.example/cb?access_token={HEX40}&state=1", HEX40),
        ("password", f"SNOWSQL_PWD={WORD} PGPASSWORD={WORD} psql", WORD),
        # --- shapes of other vendors
        ("groq_key", f"GROQ {gsk}", gsk),
        ("xai_key", f"key: {xai}", MIXED),
        ("perplexity_key", f"use {'pp' + 'lx-'}{MIXED}x", MIXED),
        ("huggingface_token", f"huggingface-cli login --token {'h' + 'f_'}{MIXED[:34]}", MIXED[:34]),
        ("replicate_token", f"REPLICATE={'r' + '8_'}{MIXED[:37]}", MIXED[:37]),
        ("langsmith_key", f"{'ls' + 'v2_pt_'}{HEX40[:32]}_{HEX40[:10]}", HEX40[:32]),
        ("langfuse_key", f"langfuse {'sk-' + 'lf-'}3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3f2504e0"),
        ("gitlab_token", f"runner {'gl' + 'rt-'}{MIXED[:20]}", MIXED[:20]),
        ("npm_token", f"//registry.npmjs.org/:_authToken={'np' + 'm_'}{MIXED[:36]}", MIXED[:36]),
        ("token", f"//npm.example.org/:_authToken={WORD}", WORD),
        ("pypi_token", f"twine upload -u __token__ -p {'py' + 'pi-Ag'}EIcHlwaS5vcmc{MIXED}", MIXED),
        ("rubygems_key", f"{'ruby' + 'gems_'}{(HEX40 * 2)[:48]}", HEX40),
        ("docker_token", f"docker login -p {'dc' + 'kr_pat_'}{MIXED[:27]}", MIXED[:27]),
        ("linear_key", f"{'lin' + '_api_'}{MIXED}", MIXED),
        ("notion_token", f"{'nt' + 'n_'}{MIXED}ab", MIXED),
        ("figma_token", f"X-Figma: {'fi' + 'gd_'}{MIXED}", MIXED),
        ("atlassian_token", f"{'AT' + 'ATT3'}{MIXED * 2}=1A2B3C4D", MIXED),
        ("airtable_token", f"{'pa' + 't'}{MIXED[:14]}.{(HEX40 * 2)[:64]}", HEX40),
        ("postman_key", f"{'PM' + 'AK-'}{HEX40[:24]}-{HEX40[:34]}", HEX40[:34]),
        ("slack_token", f"{'xa' + 'pp-'}1-A0123456789-1234567890123-{HEX40}", HEX40),
        ("webhook", f"curl https://hooks.{'slack'}.com/services/T0AB12CD3/B0AB12CD3/{MIXED[:24]} -d x", MIXED[:24]),
        ("webhook", f"https://discord.example/api/{'webhooks'}/123456789012345678/{MIXED}{MIXED[:28]}", MIXED),
        ("telegram_token", f"https://api.telegram.org/bot123456789{':A' + 'A'}{MIXED[:33]}/getMe", MIXED[:33]),
        ("sendgrid_key", f"{'S' + 'G.'}{MIXED[:22]}.{(MIXED * 2)[:43]}", MIXED[:22]),
        ("mailgun_key", f"api {'ke' + 'y-'}{HEX40[:32]} here", HEX40[:32]),
        ("stripe_key", f"endpoint {'wh' + 'sec_'}{MIXED[:32]}", MIXED[:32]),
        ("square_token", f"{'sq' + '0csp-'}{MIXED[:36]}", MIXED[:36]),
        ("shopify_token", f"{'shp' + 'at_'}{HEX40[:32]}", HEX40[:32]),
        ("google_token", f"access {'ya' + '29.'}{MIXED}{MIXED}", MIXED),
        ("google_secret", f"{'GO' + 'CSPX-'}{MIXED[:28]}", MIXED[:28]),
        ("google_token", f"refresh {'1/' + '/0'}{MIXED}-x", MIXED),
        ("azure_secret", f"az login -p Abc{'8' + 'Q~'}{MIXED[:34]}", MIXED[:34]),
        ("azure_signature", f"https://x.blob.example/c?sv=2022&sig={MIXED}%3D&se=2027", MIXED),
        ("secret_key", f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={MIXED}{MIXED}==;EndpointSuffix=y", MIXED),
        ("digitalocean_token", f"{'dop' + '_v1_'}{(HEX40 * 2)[:64]}", HEX40),
        ("databricks_token", f"{'da' + 'pi'}{HEX40[:32]}", HEX40[:32]),
        ("snowflake_token", f"Snowflake ver:1{'-hi' + 'nt:'}1234567890-ETMs{MIXED}", MIXED),
        ("vault_token", f"VAULT={'hv' + 's.'}{MIXED}", MIXED),
        ("terraform_token", f"abc.{'atlas' + 'v1'}.{MIXED}{MIXED}", MIXED),
        ("doppler_token", f"{'dp' + '.pt.'}{MIXED}", MIXED),
        ("grafana_token", f"{'gl' + 'sa_'}{MIXED[:32]}_1a2b3c4d", MIXED[:32]),
        ("sentry_token", f"{'sn' + 'trys_'}{MIXED}{MIXED}", MIXED),
        ("newrelic_key", f"{'NR' + 'AK-'}{UPPER}{UPPER[:11]}", UPPER),
        ("supabase_key", f"{'sb' + 'p_'}{HEX40}", HEX40),
        ("planetscale_token", f"{'psc' + 'ale_tkn_'}{MIXED}", MIXED),
        ("age_key", f"{'AGE-SEC' + 'RET-KEY-1'}{UPPER * 4}", UPPER),
        # --- connection strings and options
        ("password", f"Server=db;Database=x;User Id=sa;Password={WORD};Encrypt=true", WORD),
        ("password", f"Driver=ODBC;Uid=sa;Pwd={WORD};", WORD),
        ("password", f"jdbc:postgresql://db/x?user=app&password={WORD}&ssl=true", WORD),
        ("password", f"mysql -u root -p{WORD} orders < dump.sql", WORD),
        ("password", f"sshpass -p {WORD} ssh host", WORD),
        ("password", f"redis-cli -h cache -a {WORD} ping", WORD),
        ("password", f"openssl rsa -in k.pem -passin pass:{WORD}", WORD),
        ("password", f"machine x.example login ada password {WORD}", WORD),
        ("password", f"snow sql -q 'select 1' --password {WORD}", WORD),
        ("password", f"CREATE USER ada PASSWORD = '{WORD}'", WORD),
        ("password", f"psql -c \"alter role ada with login password '{WORD}'\"", WORD),
        ("password", f"CREATE USER a@b IDENTIFIED BY '{WORD}'", WORD),
        ("secret", f"kubectl create secret generic x --from-literal=client_secret={WORD}", WORD),
        ("authorization", f"Proxy-Authorization: Basic {MIXED[:16]}", MIXED[:16]),
        ("token", f"curl -H 'X-Auth-Token: {HEX40}' https://x", HEX40),
        ("token", f"set -x\n+ export CI_JOB_TOKEN={WORD}\n+ make", WORD),
    ]


LOOK_ALIKES = [
    f"git show {HEX40}",
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "integrity sha512-" + MIXED + MIXED + "==",
    "data:image/png;base64,iVBORw0KGgo" + (MIXED + "AKIA" + "eyJ") * 20,
    "write to ada@example.org or ops+alerts@example.com",
    "git@github.com:owner/repo.git",
    "https://example.org:8443/path?x=1@2",
    "postgres://$USER:$PASSWORD@db/x and postgres://{user}:{password}@db",
    "curl -H 'Authorization: Bearer $TOKEN' -H 'X-Api-Key: ${API_KEY}'",
    "a task-list with sk-learn-like-names-and-a-long-slug-2-end",
    ".sk-folding-cube-animation-delay-something { }",
    "from Asia with love: ASIAN_MARKETS_2026",
    '"usage": {"input_tokens": 3, "output_tokens": 12, "cache_read_input_tokens": 15289}',
    "token_source=transcript prompt_tokens=1234 max_tokens: 4096 next_page_token=abc123def",
    "tokenizer = Tokenizer.from_file('bpe24.json'); tokens = 123456",
    "token = tokens[0]; password = get_password1(user)",
    "def login(user: str, password: str, token: str | None = None) -> None:",
    "password: string; token?: string; secret = settings.SECRET1",
    "the password: it must have 8 characters; the token expires in 3600 s",
    "--password-stdin --token-file /run/secrets/t1 --private-key ~/.ssh/id_ed25519",
    "docker build --secret id=npm2,src=.npmrc .",
    "api_key=api_key_v2, token=token2_of(x), keyword = 'monkey1'",
    'AUTH_COOKIE_NAME = "auth_token"; TOKEN = "access_token"',
    "the token abc123def was listed, its password policy2 too",
    "private_key: /etc/ssl/private/key1.pem",
    "grep -rn -- '-----BEGIN RSA PRIVATE KEY-----' .",
    "Bearer authentication-of-the-message, Basic understanding",
    "//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJmaWxl",
    "primary_key='id', foreign_key='order_id42', turkey = 'sandwich1'",
    "MY_TOKEN=$(cat token.txt) PASSWORD=${PASSWORD:-none} SECRET=<your-secret1>",
    "[redacted:password] and password=[redacted:password]",
    "docker run -u 1000:1000 image; chown -R app:app1234 /srv",
    "PWD=/home/ada/project1 OLDPWD=/tmp2",
    # --- what the shapes of other vendors must leave alone
    "npm_config_registry=https://registry.npmjs.org npm_package_name=activity",
    "pypi-agent-of-the-month, hf_hub_download('x'), r8_format, gsk_scan(a)",
    "a path/to/pattern, patients, patch-and-fix; task skips disk; SKIP=1; ask sk",
    "https://hooks.slack.com/ and https://discord.com/api/webhooks/",
    "at 12:aa:bb:cc:dd:ee the mac 00:AA:11 spoke to fe80::aa",
    "SG.sendgrid.com, key-value-store, primary-key-of-table, dp.pt, hvs.txt",
    f"commit {HEX40} and blob {HEX40[:32]} and SKU SK-12345",
    "ssh -p 2222 host; docker run -p 3306:3306 mysql; mysql -P 3306 -p orders; psql -p 5432",
    "redis-cli -h cache ping; sshpass -f file ssh host; openssl -passin env:PASS",
    "the login asks for a password on the next page; pass: yes; two tests pass: 12",
    "SELECT key, token_count, secret_level FROM passwords WHERE id = 5",
    "CREATE TABLE users (password TEXT NOT NULL, api_key TEXT)",
    "const { token, apiKey } = props; if (!token) return; setToken(null)",
    "git log --format=%H --author=ada@example.org",
    'ETag: "9f86d081884c7d659a2feaa0c55ad015" Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==',
    "uuid 3f2504e0-4f89-41d3-9a0c-0305e82c3301 ulid 01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "Lq" * 21 + " ada@laptop",
    "-----BEGIN CERTIFICATE-----\n" + MIXED + "\n-----END CERTIFICATE-----",
    "sig=" + "short" + "&x=1 signature=abc design=" + "wide",
    "toolu_01ABCdefGHIjklMNOpqrSTUv msg_01XYZabcDEFghiJKLmnoPQR req_011CQabc",
    "version 1//0 of a/b//c, 50%sig=, eyJ is how JSON begins in base64",
    "ver:1-hint: none; atlasv1 is a name; AccountKey is where the key goes",
    "x-request-id: 7f3a9c2e-1b4d-4e8f-9a6b-5c8d7e0f1a2b, traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "private_key: Ed25519PrivateKey | None, private_key = rsa.PrivateKey2(x); key: hpke.MLKEM768PrivateKey",
    "if token == 'keyword' or token == \"root\": pass",
    '"Resource": "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-4Xy7Zq"',
    "pwd; cd $PWD; echo PWD; Pwd: /home/ada",
]
