"""The table of shapes: values that are secrets wherever they stand. One row: (kind, literals, pattern, hint).

The pattern is tried where one of the lower-case literals stands in the text, from there on; its first group, or else all of it,
is the secret. Before that the hint is asked, for a pattern costs a hook the import of the regular expressions:

    a number    that many characters of a token must follow the literal, and none may stand before it: so it is sought only
                among the few long tokens of a text. Negative: what stands before is not looked at. 0: no hint
    a text      it must follow within HINT_WINDOW characters; "@": within the same word

Every run in a pattern is possessive or bounded, so that none can search the same characters again and again.

The shapes are those that the vendors document or that their own scanners look for, as of August 2026.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    Rule = tuple[str, tuple[str, ...], str] | tuple[str, tuple[str, ...], str, int | str]

HINT_WINDOW = 420
_B = r"(?<![A-Za-z0-9_-])"  # the beginning of a token

RULES: tuple[Rule, ...] = (
    (
        "private_key",
        ("-----begin ",),
        (
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:\\{1,4}[nr]|-(?!-)|[A-Za-z0-9+/=\s:,.]){20,}+"
            r"(?:-----END[A-Z0-9 ]{0,60}-----)?"
        ),
        "private key",
    ),
    ("age_key", ("age-secret-key-1",), r"AGE-SECRET-KEY-1[A-Z0-9]{50,}+", 50),
    # --- models
    ("anthropic_key", ("sk-ant-",), r"(?<![A-Za-z0-9])sk-ant-[A-Za-z0-9_-]{16,}+", 16),
    (
        "openai_key",
        ("sk-",),
        r"(?<![A-Za-z0-9])sk-(?:(?:proj|svcacct|admin|or-v1|lf)-[A-Za-z0-9_-]{20,}+|(?=[a-z]*+[A-Z0-9])[A-Za-z0-9]{20,}+)",
        20,
    ),
    ("groq_key", ("gsk_",), _B + r"gsk_[A-Za-z0-9]{40,}+", 40),
    ("xai_key", ("xai-",), _B + r"xai-[A-Za-z0-9]{60,}+", 60),
    ("perplexity_key", ("pplx-",), _B + r"pplx-[A-Za-z0-9]{40,}+", 40),
    ("huggingface_token", ("hf_",), _B + r"hf_[A-Za-z0-9]{30,}+", 30),
    ("replicate_token", ("r8_",), _B + r"r8_[A-Za-z0-9]{30,}+", 30),
    ("langsmith_key", ("lsv2_",), _B + r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}", 40),
    # --- code and packages
    (
        "github_token",
        ("ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_"),
        r"(?<![A-Za-z0-9_])(?:gh[opsur]_[A-Za-z0-9]{30,}+|github_pat_[A-Za-z0-9_]{22,}+)",
        22,
    ),
    (
        "gitlab_token",
        ("glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glsoat-", "glagent-", "gloas-", "glft-", "glimt-"),
        _B + r"gl(?:pat|dt|rt|ptt|cbt|soat|agent|oas|ft|imt)-[A-Za-z0-9_.-]{20,}+",
        20,
    ),
    ("npm_token", ("npm_",), _B + r"npm_[A-Za-z0-9]{36,}+", 36),
    ("pypi_token", ("pypi-ag",), _B + r"pypi-Ag[A-Za-z0-9_-]{40,}+", 40),
    ("rubygems_key", ("rubygems_",), _B + r"rubygems_[0-9a-f]{48}", 48),
    ("docker_token", ("dckr_",), _B + r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}+", 20),
    ("linear_key", ("lin_api_",), _B + r"lin_api_[A-Za-z0-9]{32,}+", 32),
    ("notion_token", ("ntn_",), _B + r"ntn_[A-Za-z0-9]{40,}+", 40),
    ("figma_token", ("figd_",), _B + r"figd_[A-Za-z0-9_-]{30,}+", 30),
    ("atlassian_token", ("atatt3",), _B + r"ATATT3[A-Za-z0-9_=-]{60,}+", 60),
    ("airtable_token", ("pat",), _B + r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}", 30),
    ("postman_key", ("pmak-",), _B + r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}", 50),
    # --- messages
    ("slack_token", ("xox", "xapp-"), r"(?<![A-Za-z0-9])(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}+", 13),
    ("webhook", ("hooks.slack.com/",), r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9_/]{20,}+)", 0),
    ("webhook", ("/api/webhooks/",), r"/api/webhooks/(\d{10,24}/[A-Za-z0-9_-]{40,}+)", 0),
    ("telegram_token", (":aa",), r"(?<=\d{8}):AA[A-Za-z0-9_-]{32,}+", -32),
    ("sendgrid_key", ("sg.",), _B + r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}", 40),
    ("mailgun_key", ("key-",), _B + r"key-[0-9a-f]{32}(?![0-9a-f])", 32),
    # --- money
    (
        "stripe_key",
        ("sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"),
        r"(?<![A-Za-z0-9])(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,}+|whsec_[A-Za-z0-9+/]{24,}+=*+)",
        16,
    ),
    ("square_token", ("sq0",), _B + r"sq0[a-z]{3}-[A-Za-z0-9_-]{22,}+", 22),
    ("shopify_token", ("shpat_", "shpca_", "shppa_", "shpss_"), _B + r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}", 32),
    # --- clouds
    ("aws_access_key_id", ("akia", "asia"), r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])", 16),
    (
        "aws_secret_access_key",
        ("secret",),
        (
            r"(?i:secret_?(?:access_?)?key)\\?[\"']?(?:[ \t]{0,8}[:=]{1,2}[ \t]{0,8}|[ \t]{1,8})\\?[\"']?"
            r"([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
        ),
        "key",
    ),
    ("google_api_key", ("aiza",), r"(?<![A-Za-z0-9_+/-])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])", 35),
    ("google_token", ("ya29.",), _B + r"ya29\.[A-Za-z0-9_-]{20,}+", 20),
    ("google_secret", ("gocspx-",), _B + r"GOCSPX-[A-Za-z0-9_-]{20,}+", 20),
    ("google_token", ("1//0",), r"(?<![A-Za-z0-9/:.])1//0[A-Za-z0-9_-]{30,}+", 30),
    ("azure_secret", ("8q~",), r"(?<=[A-Za-z0-9_~.-]{3})8Q~[A-Za-z0-9_~.-]{31,}+", "~"),
    ("azure_signature", ("sig=",), r"(?<=[?&])sig=([A-Za-z0-9%+/_-]{40,}+=*+)", 0),
    ("digitalocean_token", ("dop_v1_", "doo_v1_", "dor_v1_"), _B + r"do[opr]_v1_[0-9a-f]{64}", 64),
    ("databricks_token", ("dapi",), _B + r"dapi[0-9a-f]{32}(?![0-9a-f])", 32),
    ("snowflake_token", ("-hint:",), r"-hint:\d{1,20}-[A-Za-z0-9+/=_-]{30,}+", 0),
    ("vault_token", ("hvs.", "hvb.", "hvr."), _B + r"hv[sbr]\.[A-Za-z0-9_-]{24,}+", 24),
    ("terraform_token", (".atlasv1.",), r"\.atlasv1\.[A-Za-z0-9_-]{50,}+", -50),
    ("doppler_token", ("dp.",), _B + r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{32,}+", 32),
    ("grafana_token", ("glsa_", "glc_"), _B + r"gl(?:sa|c)_[A-Za-z0-9+/=_-]{32,}+", 32),
    ("sentry_token", ("sntrys_", "sntryu_"), _B + r"sntry[su]_[A-Za-z0-9+/=_-]{40,}+", 40),
    ("newrelic_key", ("nrak-",), _B + r"NRAK-[A-Z0-9]{27}", 27),
    ("supabase_key", ("sbp_", "sb_secret_"), _B + r"(?:sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{20,}+)", 20),
    ("planetscale_token", ("pscale_",), _B + r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{30,}+", 30),
    # --- carriers
    ("jwt", ("eyj",), r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\.eyJ[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+)?", 18),
    ("url_password", ("://",), r"://[^\s/:@\"'`<>\[]{0,128}:([^\s/\"'`<>]{1,256})@", "@"),
    (
        "authorization",
        ("authorization",),
        (
            r"(?i)authorization\\?[\"']?[ \t]{0,4}[:=][ \t]{0,4}\\?[\"']?"
            r"(?:(?:bearer|basic|token|digest|apikey)[ \t]{1,4}|(?=[^\s\"'\\`]{0,256}\d))([^\s\"'\\`]{6,}+)"
        ),
        0,
    ),
    ("bearer_token", ("bearer ",), r"(?i)(?<![a-z])bearer[ \t]{1,4}(?=[a-z._~+/=-]{0,256}\d)([a-z0-9._~+/=-]{16,}+)", 0),
    ("cookie", ("ookie:",), r"(?i)ookie:[ \t]{0,4}([a-z0-9_.$-]{1,128}=[^\s\"'\\;][^\"'\r\n]{0,4096}+)", "="),
    # --- options and formats whose name says nothing
    (
        "password",
        ("curl ",),
        r"(?i)curl [^\n|;&]{0,400}?(?:-u|--user)[ =]?[\"']?[^\s:\"'/]{1,128}:([^\s\"'@/][^\s\"']{2,256})",
        "-u",
    ),
    (
        "password",
        ("mysql", "mariadb"),
        r"(?i)(?:mysql|mariadb)[a-z_-]{0,20} [^\n|;&]{0,400}?(?<=\s)-p[\"']?([^\s\"'=-][^\s\"']{2,256})",
        " -p",
    ),
    (
        "password",
        ("create user ", "alter user ", "create role ", "alter role "),
        r"(?i)(?:create|alter) (?:user|role) [^;']{0,300}?(?:password|identified by)\s{1,4}'([^'\s]{3,256})'",
        "'",
    ),
    ("password", ("sshpass ",), r"sshpass -p[ ]?[\"']?([^\s\"']{3,256})", " -p"),
    ("password", ("redis-cli ",), r"redis-cli [^\n|;&]{0,400}?(?<=\s)-a [\"']?([^\s\"']{3,256})", " -a "),
    ("password", (";pwd=", "; pwd="), r"(?i);[ ]?pwd=([^;\s\"'\\]{3,256})", 0),
    ("password", (" pass:",), r" pass:([^\s\"'\\]{3,256})", 0),
    ("password", ("login ",), r"login[ \t]{1,4}\S{1,128}[ \t\n]{1,8}password[ \t]{1,4}(\S{3,256})", "password"),
)  # fmt: skip
