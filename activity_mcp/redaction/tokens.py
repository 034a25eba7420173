"""The table of tokens that are recognised by their beginning.

One row: kind, alphabet of what follows, fewest characters of it, most of them or 0, sources, prefixes. The fewest are a
little less than in the sources, for tokens are cut and lengths change. Sources, looked up in August 2026: ``g``
gitleaks' gitleaks.toml, ``k`` kingfisher's data/rules, ``n`` noseyparker's builtin rules, ``t`` trufflehog's detectors,
``d`` the vendor itself, in none of these four. The rule sets were read for the facts (prefix, alphabet, length); the
table is our own.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .sight import Sight

    Span = tuple[int, int, str]
    Row = tuple[str, str, int, int]

_DIGITS = "0123456789"
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ALL = _LOWER + _UPPER + _DIGITS

ALPHABETS = {
    "h": _DIGITS + "abcdefABCDEF",
    "m": _DIGITS + "abcdef",
    "l": _LOWER + _DIGITS,
    "U": _UPPER + _DIGITS,
    "A": _ALL,
    "V": _ALL + "_",
    "W": _ALL + "_-",
    "X": _ALL + "-",
    "D": _ALL + "_-.",
    "E": _ALL + "_-.=",
    "B": _ALL + "+/=",
    "Z": _ALL + "+/=_-",
}
"""hex, lower-case hex, lower case and digits, capitals and digits, letters and digits, and these with some marks."""

TOKENS = """
anthropic_key W 16 0 gkt sk-ant-
openai_key W 20 0 gt sk-proj- sk-svcacct-
openai_key W 20 0 t sk-service-
openai_key W 20 0 gt sk-admin-
openrouter_key W 20 0 t sk-or-v1-
langfuse_key W 20 0 d sk-lf-
groq_key A 30 0 knt gsk_
xai_key W 40 0 kt xai-
perplexity_key A 32 0 g pplx-
huggingface_token A 30 0 gkn hf_
huggingface_token A 30 0 gk api_org_
replicate_token W 30 0 kt r8_
langsmith_key W 32 0 t lsv2_pt_ lsv2_sk_
elevenlabs_key h 48 0 kt sk_
nvidia_key W 40 0 kt nvapi-
jina_key W 40 0 n jina_
tavily_key W 24 0 n tvly-
firecrawl_key h 32 32 n fc-
pinecone_key W 50 0 t pcsk_
cerebras_key A 40 0 d csk-
fireworks_key A 22 24 d fw_
voyage_key W 40 0 d pa-
wandb_key W 40 0 d wandb_v1_
salad_key W 16 0 t salad_cloud_
github_token A 30 0 gknt ghp_ gho_ ghu_ ghs_ ghr_
github_token V 22 0 gknt github_pat_
gitlab_token D 18 0 gknt glpat-
gitlab_token W 18 0 g gldt-
gitlab_token D 18 0 g glrt-
gitlab_token D 18 0 d glrtr-
gitlab_token W 18 0 gkn glptt-
gitlab_token W 18 0 g glcbt- glsoat- glagent-
gitlab_token W 18 0 gt gloas-
gitlab_token W 18 0 g glft- glimt- glffct-
gitlab_token W 18 0 d glwt-
gitlab_token W 18 0 gkn GR1348941
gitlab_cookie A 24 0 g _gitlab_session=
bitbucket_token A 28 0 nt ATBB
bitbucket_token B 38 0 t BBDC-
bitbucket_token E 60 0 t ATCTT3
atlassian_token E 60 0 nt ATATT3
npm_token A 34 0 gknt npm_
pypi_token W 40 0 gknt pypi-Ag
rubygems_key A 42 52 gknt rubygems_
docker_token W 20 0 knt dckr_pat_
docker_token W 20 0 t dckr_oat_
nuget_key l 43 43 kn oy2
cratesio_token A 32 32 kn cio
clojars_token A 50 0 g CLOJARS_
artifactory_key A 60 0 gkt AKCp
artifactory_key A 64 74 k AKC
artifactory_token A 50 0 gt cmVmdGtu
artifactory_token A 59 59 g cmVmd
linear_key A 30 0 gkt lin_api_
linear_key A 30 0 d lin_oauth_
notion_token A 40 0 g ntn_
notion_token A 43 43 t secret_
figma_token W 30 0 d figd_
figma_token E 36 0 t figp_
figma_token E 36 0 d figu_
postman_key X 50 0 gknt PMAK-
contentful_token W 36 0 kt CFPAT-
prefect_token A 30 0 gt pnu_
prefect_token A 30 0 d pnb_
pulumi_token X 36 0 gkt pul-
readme_token l 60 0 gkt rdme_
octopus_key U 24 36 g API-
circleci_token V 40 0 kt CCIPAT_
circleci_token V 40 0 d CCIPRJ_
buildkite_token A 36 0 kt bkua_
buildkite_token A 30 0 d bkaj_ bkct_
sonar_token A 36 40 k sqp_ squ_ sqa_
sourcegraph_token V 36 0 gkn sgp_
sourcegraph_token A 56 64 kt slk_
sourcegraph_token V 36 0 d sgd_
segment_token A 64 64 kn sgp_
snyk_token D 30 0 d snyk_uat.
scalingo_token W 40 0 g tk-us-
stackhawk_key D 36 0 kn hawk.
endor_key W 16 16 t endr+
dependency_track_key A 32 0 kn odt_
infracost_key A 30 0 g ico-
adafruit_key A 26 30 knt aio_
ubidots_key A 28 0 kt BBFF-
ubidots_key A 28 0 d BBUS-
adobe_secret X 30 0 gkn p8e-
frameio_token E 50 0 gkt fio-u-
slack_token W 10 0 gknt xoxb- xoxp-
slack_token W 10 0 gkt xoxa- xoxr-
slack_token W 10 0 gk xoxs- xoxo-
slack_token W 10 0 d xoxc-
slack_token E 10 0 d xoxd-
slack_token W 10 0 gk xoxe-
slack_token D 20 0 gk xoxe.
slack_token W 10 0 gkn xapp-
sendgrid_key D 40 0 gknt SG.
mailgun_key m 32 32 t key-
brevo_key W 60 0 gkt xkeysib-
brevo_key W 60 0 d xsmtpsib-
resend_key V 28 0 d re_
twitch_key V 36 50 nt live_
twilio_key h 32 32 gkt SK
onesignal_key W 60 0 d os_v2_
telnyx_key V 40 0 d KEY01
stripe_key W 10 0 gknt sk_live_
stripe_key W 10 0 gkn sk_test_
stripe_key W 10 0 g sk_prod_
stripe_key W 10 0 gkn rk_live_ rk_test_
stripe_key W 10 0 g rk_prod_
stripe_key B 24 0 d whsec_
square_token W 20 0 gkn sq0atp-
square_token W 36 0 kn sq0csp-
square_token W 20 0 kt sq0idp-
square_token W 22 62 g EAAA
squarespace_key A 50 0 t sqco_
shopify_token A 28 34 gknt shpat_
shopify_token A 28 34 gkn shpca_
shopify_token A 28 34 gknt shppa_ shpss_
shopify_token A 28 34 d shptka_
shippo_token A 36 44 gk shippo_live_ shippo_test_
easypost_token A 50 58 gk EZAK EZTK
duffel_token E 36 0 g duffel_test_ duffel_live_
flutterwave_key A 10 0 g FLWSECK_TEST-
flutterwave_key W 20 0 t FLWSECK-
flutterwave_key W 14 0 d FLWSECK_
paystack_key A 36 0 k sk_live_
pagarme_key A 28 0 kt ak_live_
razorpay_key A 14 0 t rzp_live_
razorpay_key A 14 0 d rzp_test_
plaid_token X 30 0 d access-production- access-sandbox- access-development-
ramp_secret A 40 0 t ramp_sec_
lob_key h 35 35 t live_ test_
checkout_key V 24 0 d sk_sbox_
paddle_key V 30 0 d pdl_live_ pdl_sdbx_
fleetbase_key A 18 0 kt flb_live_
flexport_key W 38 0 kt shltm_
aws_access_key_id U 16 16 gknt AKIA ASIA
aws_access_key_id U 16 16 gt ABIA ACCA
aws_bedrock_key B 100 0 g ABSK
aws_bedrock_key B 40 0 g bedrock-api-key-
aws_mws_token X 32 40 n amzn.mws.
aws_appsync_key l 26 26 n da2-
aws_oauth_secret A 60 0 d amzn1.oa2-cs.v1.
google_api_key W 35 35 gknt AIza
google_token D 20 0 knt ya29.
google_secret W 20 0 kn GOCSPX-
google_token W 30 0 d 1//0
google_hmac_key U 50 58 d GOOG1E
digitalocean_token A 60 0 gknt dop_v1_ doo_v1_ dor_v1_
databricks_token h 32 32 gknt dapi
databricks_token h 32 32 d dose
alibaba_key_id A 16 26 gk LTAI
tencent_key_id A 32 36 d AKID
yandex_token E 80 0 d t1.
yandex_token W 35 40 d AQVN
yandex_key W 36 0 d y0_
scaleway_key U 17 17 d SCW
heroku_key W 36 0 gt HRKU-
flyio_token W 36 0 g fo1_
flyio_token B 60 0 g fm1r_ fm1a_ fm2_
vercel_token A 40 0 d vcp_
netlify_token A 36 0 d nfp_
render_key A 28 0 d rnd_
cloudflare_key X 140 0 gt v1.0-
cloudflare_token A 44 0 t cfat_ cfut_
cloudflare_key A 44 0 t cfk_
vault_token D 24 0 gn hvs. hvb.
vault_token D 24 0 n hvr.
vault_token A 24 24 gn s.
doppler_token D 30 0 gkt dp.pt.
doppler_token D 30 0 kt dp.st. dp.ct. dp.sa. dp.scim. dp.audit.
doppler_token D 30 0 d dp.said.
onepassword_token B 60 0 g ops_eyJ
infisical_token D 60 0 d st.
openshift_token W 40 0 g sha256~
tailscale_key W 16 0 kt tskey-
grafana_token V 30 0 gknt glsa_
grafana_token B 30 0 gknt glc_
grafana_token A 50 0 gkn eyJrIjoi
sentry_token Z 40 0 gt sntrys_
sentry_token A 40 0 gt sntryu_
newrelic_key A 25 0 knt NRAK-
newrelic_key A 25 0 n NRAA-
newrelic_key A 40 0 n NRRA-
newrelic_key W 24 0 nt NRII- NRIQ-
newrelic_key A 19 0 t NRBR-
newrelic_key X 36 36 n px-api- px-dep-
dynatrace_token D 60 0 gk dt0c01.
dynatrace_token D 60 0 k dt0s01. dt0s02. dt0e01.
datadog_key A 34 0 t ddp_ ddw_
honeycomb_key l 50 0 d hcaik_ hcbik_
posthog_key V 40 50 t phx_
posthog_key V 40 50 d phs_
rootly_token A 60 0 t rootly_
launchdarkly_key X 36 36 t api- sdk-
configcat_key Z 40 0 d configcat-sdk-1/
statsig_key A 40 46 d secret-
supabase_key A 40 0 kt sbp_
supabase_key W 20 0 d sb_secret_
planetscale_token E 30 0 gkt pscale_tkn_
planetscale_token E 30 0 gt pscale_pw_
planetscale_token E 30 0 g pscale_oauth_
neon_key A 40 0 d napi_
mongodb_secret W 36 0 k mdb_sa_sk_
clickhouse_key A 38 38 g 4b1d
hubspot_token X 36 36 kt pat-na1- pat-eu1-
hubspot_token X 36 36 d pat-na2-
intercom_token A 40 0 d dG9rO
facebook_token A 20 0 n EAACEdEose0cBA
instagram_token W 100 0 d IGQV
twitter_token Z 40 0 d AAAAAAAAAAAAAAAAAAAA
linkedin_token E 20 0 d WPL_AP1.
dropbox_token W 60 0 kn sl.
dropbox_token W 60 0 d sl.u.
settlemint_token A 16 0 g sm_aat_ sm_pat_ sm_sat_
typeform_token V 38 62 kt tfp_
apify_token W 30 0 t apify_api_
browserbase_key W 20 0 d bb_live_
nightfall_key A 32 32 kt NF-
mapbox_token D 70 0 t sk.
mapbox_token D 40 0 d sk.eyJ
ionic_token l 40 0 k ion_
dfuse_key A 32 32 kt web_
intra42_secret A 60 0 gt s-s4t2ud- s-s4t2af-
intra42_secret A 60 0 t u-s4t2ud- u-s4t2af-
robinhood_key X 36 36 t rh-api-
chainstack_key D 80 0 t 5AEP861
fullstory_key Z 90 0 kt na1.
age_key U 50 0 gkn AGE-SECRET-KEY-1
facebook_token A 80 0 gn EAA
openai_key A 20 0 kd sk-
"""

SOURCES = {
    "g": "gitleaks", "k": "kingfisher", "n": "noseyparker", "t": "trufflehog", "d": "vendor",
}  # fmt: skip

_rows: dict[str, list[Row]] = {}


def rows_of(prefix: str) -> list[Row]:
    """(kind, alphabet, fewest, most) of each row that has the prefix."""
    if prefix not in _rows:
        found = []
        at = TOKENS.find(f" {prefix}")
        while at >= 0:
            if TOKENS[at + 1 + len(prefix)] in " \n":
                line = TOKENS[TOKENS.rindex("\n", 0, at) + 1 : TOKENS.index("\n", at)]
                kind, alphabet, least, most, _ = line.split(" ", 4)
                found.append((kind, ALPHABETS[alphabet], int(least), int(most)))
            at = TOKENS.find(f" {prefix}", at + 1)
        _rows[prefix] = found
    return _rows[prefix]


def tokens(sight: Sight, prefixes: Iterable[str]) -> Iterator[Span]:
    """Where the text has a token that begins with one of these prefixes."""
    for prefix in prefixes:
        for row in rows_of(prefix):
            yield from _of_row(sight.text, prefix, row)


def _of_row(text: str, prefix: str, row: Row) -> Iterator[Span]:
    kind, alphabet, min_chars, max_chars = row
    length = len(prefix)
    at = text.find(prefix)
    run_end = 0
    while at >= 0:
        end = start = at + length
        before = text[at - 1 : at]
        if (
            not (before.isascii() and before.isalnum())
            or text[at - 3 : at - 2] == "%"
            or (before in ("n", "t", "r") and text[at - 2 : at - 1] == "\\")
        ):
            end = run_end = run_end if start < run_end else end_of_run(text, start, alphabet)
            body = text[start : min(end, start + 256)]
            while body and body[-1] in ".-=" and end - start <= 256:
                body, end = body[:-1], end - 1
            if end - start >= min_chars and (not max_chars or end - start <= max_chars) and _is_generated(body, prefix):
                yield at, end, kind
            else:
                end = start
        at = text.find(prefix, end)


def end_of_run(text: str, at: int, alphabet: str) -> int:
    """Where the run of the alphabet's characters that begins here ends."""
    step = 128
    while True:
        piece = text[at : at + step]
        rest = piece.lstrip(alphabet)
        at += len(piece) - len(rest)
        if rest or not piece:
            return at
        step = 4096


def _is_generated(body: str, prefix: str) -> bool:
    """Not a word: digits, or letters of both cases, or no separator at all."""
    if len(set(body)) < 4:
        return False
    if any(char.isdigit() for char in body):
        return True
    upper = sum(char.isupper() for char in body)
    return (1 < upper < len(body) and len(body) > 14) or (len(prefix) > 2 and body.isalpha() and len(body) >= 28)
