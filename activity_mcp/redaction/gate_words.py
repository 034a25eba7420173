"""By what word a text shows that a table of redaction may have something for it: derived from the tables.

The words, and for some a line with what to look for instead of the word. Plain text, for nothing loads faster.
Written by ``python tools/redaction_gates.py --write``; a test holds it and the tables together.
"""

from __future__ import annotations

TOKENS_BY_PIECE = """\
sk xai r8 lsv2 nvapi jina tvly pcsk pa wandb salad github glpat gldt glrt glrtr glptt glcbt glsoat glagent gloas glft glimt
glffct glwt BBDC pypi dckr figd figp figu PMAK CFPAT pul CCIPAT CCIPRJ sgp sgd snyk tk hawk endr p8e fio xoxb xoxp xoxa xoxr
xoxs xoxo xoxc xoxd xoxe xapp SG xkeysib xsmtpsib re live os rk whsec sq0atp sq0csp sq0idp duffel FLWSECK rzp access pdl shltm
bedrock amzn ya29 GOCSPX 1 t1 y0 HRKU fo1 fm1r fm1a fm2 v1 hvs hvb hvr dp ops st sha256 tskey glsa glc sntrys NRII NRIQ px
dt0c01 dt0s01 dt0s02 dt0e01 phx phs api sdk configcat sb pscale mdb pat WPL sl tfp apify bb rh na1

sk|sk-ant-|sk-proj-|sk-svcacct-|sk-service-|sk-admin-|sk-or-v1-|sk-lf-|sk_live_|sk_test_|sk_prod_|sk_sbox_|sk.|sk.eyJ
xai|xai-
r8|r8_
lsv2|lsv2_pt_|lsv2_sk_
nvapi|nvapi-
jina|jina_
tvly|tvly-
pcsk|pcsk_
pa|pa-
wandb|wandb_v1_
salad|salad_cloud_
github|github_pat_
glpat|glpat-
gldt|gldt-
glrt|glrt-
glrtr|glrtr-
glptt|glptt-
glcbt|glcbt-
glsoat|glsoat-
glagent|glagent-
gloas|gloas-
glft|glft-
glimt|glimt-
glffct|glffct-
glwt|glwt-
BBDC|BBDC-
pypi|pypi-Ag
dckr|dckr_pat_|dckr_oat_
figd|figd_
figp|figp_
figu|figu_
PMAK|PMAK-
CFPAT|CFPAT-
pul|pul-
CCIPAT|CCIPAT_
CCIPRJ|CCIPRJ_
sgp|sgp_
sgd|sgd_
snyk|snyk_uat.
tk|tk-us-
hawk|hawk.
endr|endr+
p8e|p8e-
fio|fio-u-
xoxb|xoxb-
xoxp|xoxp-
xoxa|xoxa-
xoxr|xoxr-
xoxs|xoxs-
xoxo|xoxo-
xoxc|xoxc-
xoxd|xoxd-
xoxe|xoxe-|xoxe.
xapp|xapp-
SG|SG.
xkeysib|xkeysib-
xsmtpsib|xsmtpsib-
re|re_
live|live_
os|os_v2_
rk|rk_live_|rk_test_|rk_prod_
whsec|whsec_
sq0atp|sq0atp-
sq0csp|sq0csp-
sq0idp|sq0idp-
duffel|duffel_test_|duffel_live_
FLWSECK|FLWSECK_TEST-|FLWSECK-|FLWSECK_
rzp|rzp_live_|rzp_test_
access|access-production-|access-sandbox-|access-development-
pdl|pdl_live_|pdl_sdbx_
shltm|shltm_
bedrock|bedrock-api-key-
amzn|amzn.mws.
ya29|ya29.
GOCSPX|GOCSPX-
1|1//0
t1|t1.
y0|y0_
HRKU|HRKU-
fo1|fo1_
fm1r|fm1r_
fm1a|fm1a_
fm2|fm2_
v1|v1.0-
hvs|hvs.
hvb|hvb.
hvr|hvr.
dp|dp.pt.|dp.st.|dp.ct.|dp.sa.|dp.scim.|dp.audit.|dp.said.
ops|ops_eyJ
st|st.
sha256|sha256~
tskey|tskey-
glsa|glsa_
glc|glc_
sntrys|sntrys_
NRII|NRII-
NRIQ|NRIQ-
px|px-api-|px-dep-
dt0c01|dt0c01.
dt0s01|dt0s01.
dt0s02|dt0s02.
dt0e01|dt0e01.
phx|phx_
phs|phs_
api|api-
sdk|sdk-
configcat|configcat-sdk-1/
sb|sb_secret_
pscale|pscale_tkn_|pscale_pw_|pscale_oauth_
mdb|mdb_sa_sk_
pat|pat-na1-|pat-eu1-|pat-na2-
WPL|WPL_AP1.
sl|sl.|sl.u.
tfp|tfp_
apify|apify_api_
bb|bb_live_
rh|rh-api-
na1|na1.
"""
"""Prefixes of tokens by their first piece, where a mark ends it."""

TOKENS_BEFORE_LONG = """\
gsk pplx hf api sk fc csk fw ghp gho ghu ghs ghr gitlab npm rubygems CLOJARS lin ntn secret pnu pnb rdme API bkua bkaj bkct
sqp squ sqa slk odt ico aio BBFF BBUS key sqco shpat shpca shppa shpss shptka shippo ak ramp test flb da2 amzn1 dop doo dor
vcp nfp rnd cfat cfut cfk s sntryu NRAK NRAA NRRA NRBR ddp ddw hcaik hcbik rootly sbp napi sm NF ion web u AGE

gsk|gsk_
pplx|pplx-
hf|hf_
api|api_org_
sk|sk_|sk-
fc|fc-
csk|csk-
fw|fw_
ghp|ghp_
gho|gho_
ghu|ghu_
ghs|ghs_
ghr|ghr_
gitlab|_gitlab_session=
npm|npm_
rubygems|rubygems_
CLOJARS|CLOJARS_
lin|lin_api_|lin_oauth_
ntn|ntn_
secret|secret_|secret-
pnu|pnu_
pnb|pnb_
rdme|rdme_
API|API-
bkua|bkua_
bkaj|bkaj_
bkct|bkct_
sqp|sqp_
squ|squ_
sqa|sqa_
slk|slk_
odt|odt_
ico|ico-
aio|aio_
BBFF|BBFF-
BBUS|BBUS-
key|key-
sqco|sqco_
shpat|shpat_
shpca|shpca_
shppa|shppa_
shpss|shpss_
shptka|shptka_
shippo|shippo_live_|shippo_test_
ak|ak_live_
ramp|ramp_sec_
test|test_
flb|flb_live_
da2|da2-
amzn1|amzn1.oa2-cs.v1.
dop|dop_v1_
doo|doo_v1_
dor|dor_v1_
vcp|vcp_
nfp|nfp_
rnd|rnd_
cfat|cfat_
cfut|cfut_
cfk|cfk_
s|s.|s-s4t2ud-|s-s4t2af-
sntryu|sntryu_
NRAK|NRAK-
NRAA|NRAA-
NRRA|NRRA-
NRBR|NRBR-
ddp|ddp_
ddw|ddw_
hcaik|hcaik_
hcbik|hcbik_
rootly|rootly_
sbp|sbp_
napi|napi_
sm|sm_aat_|sm_pat_|sm_sat_
NF|NF-
ion|ion_
web|web_
u|u-s4t2ud-|u-s4t2af-
AGE|AGE-SECRET-KEY-1
"""
"""The same, of tokens that are a long piece behind their prefix."""

TOKENS_BY_HEAD = """\
GR13 ATBB ATCT ATAT oy2 cio AKCp AKC cmVm SK KEY0 EAAA EZAK EZTK AKIA ASIA ABIA ACCA ABSK AIza GOOG dapi dose LTAI AKID AQVN
SCW eyJr 4b1d dG9r EAAC IGQV AAAA 5AEP EAA

GR13|GR1348941
ATCT|ATCTT3
ATAT|ATATT3
cmVm|cmVmdGtu|cmVmd
KEY0|KEY01
GOOG|GOOG1E
eyJr|eyJrIjoi
dG9r|dG9rO
EAAC|EAACEdEose0cBA
AAAA|AAAAAAAAAAAAAAAAAAAA
5AEP|5AEP861
"""
"""The others, by the first four characters of their piece."""

PROGRAMS = """\
curl wget http https xh docker podman nerdctl buildah skopeo helm oras crane mysql mariadb mysqldump mysqladmin mysqlimport
mysqlshow mysqlcheck mysqlsh mycli mongosh mongo mongodump mongorestore mongoexport mongoimport mongostat snowsql sqlcmd bcp
osql isql tsql db2 cqlsh cypher influx clickhouse redis valkey keydb rabbitmqctl rabbitmqadmin etcdctl mosquitto twine grafana
composer bundle ab siege ncftpput ncftpget certutil samba esxcli virsh ipa realm beeline ftp acl govc dig nsupdate kafka
poetry flit uv gem cargo npm nuget dotnet mvn az aws gcloud ibmcloud cf oc kubectl kubeseal vault bao consul nomad gh glab
heroku fly flyctl doppler railway supabase netlify vercel convex eb pulumi terraform tofu firebase op bw doctl ngrok
cloudflared tailscale snyk wandb sentry huggingface hf circleci travis ansible jf jfrog mc s3cmd rclone ldapsearch ldapmodify
ldapadd ldapdelete ldapwhoami ldapcompare ldappasswd slappasswd sshpass plink pscp psftp putty ssh openssl gpg gpg2 zip unzip
7z 7za 7zz rar unrar qpdf pdftk keytool jarsigner apksigner signtool htpasswd useradd usermod smbclient rpcclient smbget
winexe net smbmap crackmapexec nxc evil xfreerdp xfreerdp3 wlfreerdp rdesktop wpa nmcli iwctl ipmitool snmpwalk snmpget lftp
ncftp swaks sendemail vncviewer geth cast forge security cmdkey schtasks psexec sc credstash chamber confluent databricks dbt
snow sfdx airflow superset flask wp drush occ newman nats stripe twilio hydra sqlplus convertto

mariadb|mariadb|mariadb-dump
cypher|cypher-shell
clickhouse|clickhouse-client
redis|redis-cli|redis-benchmark
valkey|valkey-cli
keydb|keydb-cli
mosquitto|mosquitto_pub|mosquitto_sub|mosquitto_passwd|mosquitto_rr
grafana|grafana-cli
samba|samba-tool
ipa|ipa-client-install|ipa-server-install
kafka|kafka-configs
sentry|sentry-cli
huggingface|huggingface-cli
ansible|ansible-vault
ssh|ssh-keygen
evil|evil-winrm
wpa|wpa_passphrase
convertto|convertto-securestring
"""
"""Programs by the first run of letters and digits of their name."""

CALLS = """\
connect mysqli pdo getconnection login bind s open sign encode verify decode createhmac new fernet cookieparser
unsafeplaintext sensitive plaincredentials user superuser run createclient sendgridapiclient algoliasearch password begin ftp
client hs256 stripe openai setapikey key setgenericpassword authenticate signin in logon setcredentials withcredentials auth
signinwithemailandpassword createuserwithemailandpassword credentials

connect|mysqli_connect(|mysql_connect(|oci_connect(|mysqldb.connect(|pymysql.connect(|.connect(|->connect(
mysqli|mysqli(
pdo|pdo(
getconnection|getconnection(
login|ftp_login(|client.login(|bot.login(
bind|ldap_bind(
s|simple_bind_s(
open|imap_open(
sign|jwt.sign(|sign(
encode|jwt.encode(
verify|jwt.verify(
decode|jwt.decode(
createhmac|createhmac(
new|hmac.new(|aes.new(
fernet|fernet(
cookieparser|cookieparser(
unsafeplaintext|unsafeplaintext(
sensitive|sensitive(
plaincredentials|plaincredentials(
user|create_user(
superuser|create_superuser(
run|client.run(|bot.run(
createclient|createclient(
sendgridapiclient|sendgridapiclient(
algoliasearch|algoliasearch(
password|set_password(
begin|wifi.begin(
ftp|ftp(
client|client(
hs256|hs256(
stripe|new stripe(
openai|new openai(
setapikey|setapikey(
key|set_api_key(
setgenericpassword|setgenericpassword(
authenticate|authenticate(
signin|signin(
in|sign_in(
logon|logon(
setcredentials|setcredentials(
withcredentials|withcredentials(
auth|basic_auth(
signinwithemailandpassword|signinwithemailandpassword(
createuserwithemailandpassword|createuserwithemailandpassword(
credentials|fill_credentials(
"""
"""What calls a function of ``phrases``, by the last word of its name."""

CONSUMERS = """\
batch chpasswd config cryptsetup docker encfs env file htpasswd insert item keygen kinit login openssl passphrase passwd
password podman realm secret secrets smbpasswd ssh stdin su sudo token variable vault versions vncpasswd


"""
"""The word of each consumer of ``programs`` that a text must have."""
