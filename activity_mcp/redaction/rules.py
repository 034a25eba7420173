"""Shapes of secrets that need a pattern: beside each what is cheap to look for, so that hardly a text pays for a pattern.

A rule is tried where one of its literals is and its hint agrees, and only in a text that its gate lets through: one that has
a word, a run of so many letters and digits, or what a test of the text's pieces finds. This module is
plain data and a few tests of characters: a hook loads it, and loads ``shapes`` and the regular expressions only for a rule that
is open.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .sight import Sight

    Hint = int | str | Callable[[str, int], bool]
    Gate = str | int | Callable[[Sight], bool]
    Rule = tuple[str, tuple[str, ...], str] | tuple[str, tuple[str, ...], str, Hint, Gate]

_B = r"(?<![A-Za-z0-9_-])"  # the beginning of a token
IN_TOKENS = "abcdefghijklmnopqrstuvwxyz0123456789-_./+=%"
_CRYPT = frozenset(
    (
        "1", "2", "2a", "2b", "2x", "2y", "5", "6", "7", "8", "y", "gy", "apr1", "sha1", "md5", "scrypt", "argon2i", "argon2d",
        "argon2id", "pbkdf2", "pbkdf2-sha256", "pbkdf2-sha512", "krb5asrep", "krb5tgs",
    )
)  # fmt: skip

# --- hints: whether the shape can be at this place


def _is_hex_before(text: str, at: int, min_chars: int) -> bool:
    return at >= min_chars and not text[at - min_chars : at].strip("0123456789abcdef")


def _is_long(lowered: str, at: int, min_chars: int) -> bool:
    return len(lowered) >= at + min_chars and not lowered[at : at + min_chars].strip(IN_TOKENS)


def _is_mid_azure(lowered: str, at: int) -> bool:
    return lowered[at - 1 : at].isdigit() and _is_long(lowered, at + 2, 30)


def _is_between_uuids(lowered: str, at: int) -> bool:
    return lowered[at - 13 : at - 12] == "-" and lowered[at + 9 : at + 10] == "-" and lowered[at - 18 : at - 17] == "-"


def _is_license(lowered: str, at: int) -> bool:
    return at >= 30 and lowered[at - 30 : at - 29] == "_"


def _is_hash(lowered: str, at: int) -> bool:
    end = lowered.find("$", at + 2, at + 18)
    return end > 0 and lowered[at + 1 : end] in _CRYPT


def _is_mailchimp(lowered: str, at: int) -> bool:
    return lowered[at + 3 : at + 4].isdigit() and _is_hex_before(lowered, at, 32)


def _is_newrelic(lowered: str, at: int) -> bool:
    return _is_hex_before(lowered, at, 30)


def _is_azure_devops(lowered: str, at: int) -> bool:
    return at >= 76 and lowered[at - 76 : at].isalnum()


def _is_salesforce(lowered: str, at: int) -> bool:
    return lowered[at - 15 : at - 13] == "00" and lowered[at - 15 : at].isalnum()


def _is_jwt(lowered: str, at: int) -> bool:
    if at and (lowered[at - 1].isalnum() or lowered[at - 1] in "_-"):
        return False
    return _is_long(lowered, at + 2, 19) and "." in lowered[at : at + 2000]


# --- gates: whether the text can have the shape at all


def _has_jwt_head(sight: Sight) -> bool:
    """Base64 of ``{"`` or ``{ ``: ``eyJ``, ``eyA``."""
    return b"ey" in sight.twos


def _has_bitwarden(sight: Sight) -> bool:
    return sight.longest >= 28 and b"0" in sight.words


def _has_zoho_piece(sight: Sight) -> bool:
    return sight.longest >= 32 and b"1000" in sight.words


def _has_aws_pair(sight: Sight) -> bool:
    long = b" ".join(sight.long)
    return b"AKIA" in long or b"ASIA" in long


def _has_salesforce_id(sight: Sight) -> bool:
    return "!" in sight.text and any(piece[-15:-13] == b"00" for piece in sight.long)


def _has_mailchimp_end(sight: Sight) -> bool:
    return sight.longest >= 32 and b"-us" in sight.lowered_names


def _has_base64_jwt(sight: Sight) -> bool:
    return b"ZXlK" in sight.heads


def _has_base64_pem(sight: Sight) -> bool:
    return b"LS0t" in sight.heads


def _has_airtable_head(sight: Sight) -> bool:
    return any(piece[:3].lower() == b"pat" for piece in sight.long)


def _has_salesforce_head(sight: Sight) -> bool:
    return b"3MVG" in sight.heads


def _has_hash(sight: Sight) -> bool:
    return "$" in sight.lowered and not _CRYPT.isdisjoint(sight.lowered.split("$"))


def _may_be_azure(sight: Sight) -> bool:
    return "~" in sight.text


def _may_be_telegram(sight: Sight) -> bool:
    return (
        b"AA" in sight.twos and ":AA" in sight.text and any(len(piece) >= 8 and piece[-8:].isdigit() for piece in sight.pieces)
    )


RULES: tuple[Rule, ...] = (
    ("onepassword_key", ("a3-",), _B + r"A3-[A-Z0-9]{6}-[A-Z0-9]{6,11}(?:-[A-Z0-9]{5,6}){3,4}(?![A-Za-z0-9])", 28, "a3"),
    ("airtable_token", ("pat",), _B + r"pat[A-Za-z0-9]{14}\.[0-9a-f]{60,66}", 30, _has_airtable_head),
    ("clickup_token", ("pk_",), _B + r"pk_[0-9]{6,9}_[0-9A-Z]{30,34}(?![A-Za-z0-9])", 36, "pk"),
    ("voiceflow_key", ("vf.",), _B + r"VF\.(?:(?:DM|WS)\.)?[A-Za-z0-9]{22,26}\.[A-Za-z0-9]{14,18}", 36, "vf"),
    ("harness_token", ("pat.",), _B + r"[ps]at\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9]{22,26}\.[A-Za-z0-9]{18,22}", 60, "pat"),
    ("harness_token", ("sat.",), _B + r"[ps]at\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9]{22,26}\.[A-Za-z0-9]{18,22}", 60, "sat"),
    ("zoho_token", ("1000.",), _B + r"1000\.[0-9a-f]{32}\.[0-9a-f]{32}", 60, _has_zoho_piece),
    ("bitwarden_token", ("0.",), _B + r"0\.[0-9a-f-]{36}\.[A-Za-z0-9]{28,32}(?::[A-Za-z0-9+/=]{20,28})?", 64, _has_bitwarden),
    ("authress_key", (".acc_", ".acc-"), r"(?<=[a-z0-9]{4})\.acc[_-][a-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}", 0, "acc"),
    ("mailchimp_key", ("-us",), r"(?<=[0-9a-f]{32})-us[0-9]{1,2}(?![A-Za-z0-9])", _is_mailchimp, _has_mailchimp_end),
    ("maxmind_key", ("_mmk",), r"(?<=_[A-Za-z0-9]{29})_mmk(?![A-Za-z0-9])", _is_license, "mmk"),
    ("azure_devops_token", ("azdo",), r"(?<=[A-Za-z0-9]{60})AZDO[A-Za-z0-9]{4}(?![A-Za-z0-9])", _is_azure_devops, 64),
    ("salesforce_token", ("!",), r"(?<=00[A-Za-z0-9]{13})![A-Za-z0-9_.]{60,120}", _is_salesforce, _has_salesforce_id),
    ("salesforce_key", ("3mvg9",), _B + r"3MVG9[0-9A-Za-z._+/=]{75,251}", 60, _has_salesforce_head),
    (
        "pem_base64",
        ("ls0tls1crudjti",),
        r"(?<![A-Za-z0-9+/])LS0tLS1CRUdJTi(?!BDRVJU|BQVUJM|BORVcg|BUUlVT|BYNTA5)[A-Za-z0-9+/=]{24,}+",
        24, _has_base64_pem,
    ),
    ("newrelic_key", ("nral",), r"(?<=[0-9a-f]{30})(?:FFFF)?NRAL(?![A-Za-z0-9])", _is_newrelic, 34),
    (
        "aws_secret_access_key",
        ("akia", "asia"),
        r"(?:AKIA|ASIA)[A-Z0-9]{16}[:,;\t ]{1,3}([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        16, _has_aws_pair,
    ),
    # --- messages
    ("webhook", ("hooks.slack.com/",), r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9_/]{20,}+)", 0, "hooks"),
    ("webhook", ("/api/webhooks/",), r"/api/webhooks/(\d{10,24}/[A-Za-z0-9_-]{40,}+)", 0, "webhooks"),
    ("webhook", ("hooks.zapier.com/hooks/catch/",), r"hooks\.zapier\.com/hooks/catch/([A-Za-z0-9/]{12,})", 0, "zapier"),
    ("webhook", (".tines.com/webhook/",), r"\.tines\.com/webhook/([a-z0-9/]{32,})", 0, "tines"),
    (
        "webhook",
        ("/webhookb2/", "office.com/webhook/"),
        r"/?(?:office\.com/)?webhook(?:b2)?/([A-Za-z0-9@/_-]{60,}+)",
        0, "office",
    ),
    (
        "webhook",
        ("@",),
        r"@[A-Za-z0-9]{8}-(?:[A-Za-z0-9]{4}-){3}[A-Za-z0-9]{12}/[A-Za-z]{4,40}/([A-Za-z0-9]{24,40}/[A-Za-z0-9-]{20,80})",
        _is_between_uuids, 24,
    ),
    ("telegram_token", (":aa",), r"(?<=\d{8}):AA[A-Za-z0-9_-]{32,}+", -32, _may_be_telegram),
    # --- clouds
    ("azure_secret", ("q~",), r"(?<=[A-Za-z0-9_~.-]{3}[0-9])Q~[A-Za-z0-9_~.-]{30,}+", _is_mid_azure, _may_be_azure),
    ("azure_signature", ("sig=",), r"(?<=[?&])sig=([A-Za-z0-9%+/_-]{30,}+=*+)", 0, "sig"),
    ("snowflake_token", ("-hint:",), r"-hint:\d{1,20}-[A-Za-z0-9+/=_-]{30,}+", 0, "hint"),
    ("terraform_token", (".atlasv1.",), r"\.atlasv1\.[A-Za-z0-9_=-]{40,}+", -40, "atlasv1"),
    # --- carriers
    (
        "jwt",
        ("ey",),
        r"(?<![A-Za-z0-9_-])ey(?=[A-Za-z_-]{0,200}[0-9])[A-Za-z0-9_-]{9,}+\.[A-Za-z0-9_-]{12,}+(?:\.[A-Za-z0-9_-]*+){1,3}",
        _is_jwt, _has_jwt_head,
    ),
    ("jwt_base64", ("zxlk",), r"(?<![A-Za-z0-9+/_-])ZXlK[A-Za-z0-9+/_=-]{40,}+", 40, _has_base64_jwt),
    (
        "authorization",
        ("authorization",),
        (
            r"(?i)authorization\\{0,7}[\"'`]?[ \t]{0,4}(?:[:=]|,|=>)[ \t]{0,4}(?:[fbr]?\\{0,7}[\"'`])?"
            r"(?:(?:bearer|basic|token|digest|api-?key|negotiate|bot|splunk|genie|sso-key|github-bearer)[ \t]{1,4}"
            r"|(?=[^\s\"'\\`]{0,256}\d))"
            r"([^\s\"'\\`]{6,}+)"
        ),
        0, "authorization",
    ),
    (
        "bearer_token",
        ("bearer ",),
        r"(?i)(?<![a-z])bearer[ \t]{1,4}(?=[a-z._~+/=-]{0,256}\d)([a-z0-9._~+/=-]{16,}+)",
        0, "bearer",
    ),
    ("cookie", ("ookie:",), r"(?i)ookie:[ \t]{0,4}([a-z0-9_.$-]{1,128}=[^\s\"'\\;][^\"'\r\n]{0,4096}+)", "=", "cookie"),
    ("password_hash", ("$",), r"\$[0-9A-Za-z-]{1,16}\$[A-Za-z0-9./$=,+_@*:-]{20,400}+", _is_hash, _has_hash),
    ("password", (" pass:", "=pass:"), r"[ =]pass:([^\s\"'\\]{3,256})", 0, "pass"),
)  # fmt: skip


def _is_open(gate: int | Callable[[Sight], bool], sight: Sight) -> bool:
    return sight.longest >= gate if isinstance(gate, int) else gate(sight)


def open_rules(sight: Sight, rules: Iterable[Rule]) -> list[Rule]:
    """The rules that the text may match: its gate is open and one of its literals is there."""
    lowered, words = sight.lowered, sight.words
    found: list[Rule] = []
    for rule in rules:
        if len(rule) == 5:
            gate = rule[4]
            if not (gate.encode() in words if isinstance(gate, str) else _is_open(gate, sight)):
                continue
        if not rule[1] or any(map(lowered.__contains__, rule[1])):
            found.append(rule)
    return found
