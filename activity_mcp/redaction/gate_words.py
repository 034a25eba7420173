"""By what word a text shows that a table of redaction may have something for it: derived from the tables.

The words, and for each a line with what to look for in a text that has it. Plain text, for nothing loads faster.
Written by ``python tools/redaction_gates.py --write``; a test holds it and the tables together.
"""

from __future__ import annotations

TOKENS_BY_PIECE = """\
sk gsk xai pplx hf api r8 lsv2 nvapi jina tvly fc pcsk csk fw pa wandb salad ghp gho ghu ghs ghr github glpat gldt glrt glrtr
glptt glcbt glsoat glagent gloas glft glimt glffct glwt gitlab BBDC npm pypi rubygems dckr CLOJARS lin ntn secret figd figp
figu PMAK CFPAT pnu pnb pul rdme API CCIPAT CCIPRJ bkua bkaj bkct sqp squ sqa sgp slk sgd snyk tk hawk endr odt ico aio BBFF
BBUS p8e fio xoxb xoxp xoxa xoxr xoxs xoxo xoxc xoxd xoxe xapp SG key xkeysib xsmtpsib re live os rk whsec sq0atp sq0csp
sq0idp sqco shpat shpca shppa shpss shptka shippo duffel FLWSECK ak rzp access ramp test pdl flb shltm bedrock amzn da2 amzn1
ya29 GOCSPX 1 dop doo dor t1 y0 HRKU fo1 fm1r fm1a fm2 vcp nfp rnd v1 cfat cfut cfk hvs hvb hvr s dp ops st sha256 tskey glsa
glc sntrys sntryu NRAK NRAA NRRA NRII NRIQ NRBR px dt0c01 dt0s01 dt0s02 dt0e01 ddp ddw hcaik hcbik phx phs rootly sdk
configcat sbp sb pscale napi mdb pat WPL sl sm tfp apify bb NF ion web u rh na1 AGE

sk|sk-ant-|sk-proj-|sk-svcacct-|sk-service-|sk-admin-|sk-or-v1-|sk-lf-|sk_|sk_live_|sk_test_|sk_prod_|sk_sbox_|sk.|sk.eyJ|sk-
gsk|gsk_
xai|xai-
pplx|pplx-
hf|hf_
api|api_org_|api-
r8|r8_
lsv2|lsv2_pt_|lsv2_sk_
nvapi|nvapi-
jina|jina_
tvly|tvly-
fc|fc-
pcsk|pcsk_
csk|csk-
fw|fw_
pa|pa-
wandb|wandb_v1_
salad|salad_cloud_
ghp|ghp_
gho|gho_
ghu|ghu_
ghs|ghs_
ghr|ghr_
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
gitlab|_gitlab_session=
BBDC|BBDC-
npm|npm_
pypi|pypi-Ag
rubygems|rubygems_
dckr|dckr_pat_|dckr_oat_
CLOJARS|CLOJARS_
lin|lin_api_|lin_oauth_
ntn|ntn_
secret|secret_|secret-
figd|figd_
figp|figp_
figu|figu_
PMAK|PMAK-
CFPAT|CFPAT-
pnu|pnu_
pnb|pnb_
pul|pul-
rdme|rdme_
API|API-
CCIPAT|CCIPAT_
CCIPRJ|CCIPRJ_
bkua|bkua_
bkaj|bkaj_
bkct|bkct_
sqp|sqp_
squ|squ_
sqa|sqa_
sgp|sgp_
slk|slk_
sgd|sgd_
snyk|snyk_uat.
tk|tk-us-
hawk|hawk.
endr|endr+
odt|odt_
ico|ico-
aio|aio_
BBFF|BBFF-
BBUS|BBUS-
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
key|key-
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
sqco|sqco_
shpat|shpat_
shpca|shpca_
shppa|shppa_
shpss|shpss_
shptka|shptka_
shippo|shippo_live_|shippo_test_
duffel|duffel_test_|duffel_live_
FLWSECK|FLWSECK_TEST-|FLWSECK-|FLWSECK_
ak|ak_live_
rzp|rzp_live_|rzp_test_
access|access-production-|access-sandbox-|access-development-
ramp|ramp_sec_
test|test_
pdl|pdl_live_|pdl_sdbx_
flb|flb_live_
shltm|shltm_
bedrock|bedrock-api-key-
amzn|amzn.mws.
da2|da2-
amzn1|amzn1.oa2-cs.v1.
ya29|ya29.
GOCSPX|GOCSPX-
1|1//0
dop|dop_v1_
doo|doo_v1_
dor|dor_v1_
t1|t1.
y0|y0_
HRKU|HRKU-
fo1|fo1_
fm1r|fm1r_
fm1a|fm1a_
fm2|fm2_
vcp|vcp_
nfp|nfp_
rnd|rnd_
v1|v1.0-
cfat|cfat_
cfut|cfut_
cfk|cfk_
hvs|hvs.
hvb|hvb.
hvr|hvr.
s|s.|s-s4t2ud-|s-s4t2af-
dp|dp.pt.|dp.st.|dp.ct.|dp.sa.|dp.scim.|dp.audit.|dp.said.
ops|ops_eyJ
st|st.
sha256|sha256~
tskey|tskey-
glsa|glsa_
glc|glc_
sntrys|sntrys_
sntryu|sntryu_
NRAK|NRAK-
NRAA|NRAA-
NRRA|NRRA-
NRII|NRII-
NRIQ|NRIQ-
NRBR|NRBR-
px|px-api-|px-dep-
dt0c01|dt0c01.
dt0s01|dt0s01.
dt0s02|dt0s02.
dt0e01|dt0e01.
ddp|ddp_
ddw|ddw_
hcaik|hcaik_
hcbik|hcbik_
phx|phx_
phs|phs_
rootly|rootly_
sdk|sdk-
configcat|configcat-sdk-1/
sbp|sbp_
sb|sb_secret_
pscale|pscale_tkn_|pscale_pw_|pscale_oauth_
napi|napi_
mdb|mdb_sa_sk_
pat|pat-na1-|pat-eu1-|pat-na2-
WPL|WPL_AP1.
sl|sl.|sl.u.
sm|sm_aat_|sm_pat_|sm_sat_
tfp|tfp_
apify|apify_api_
bb|bb_live_
NF|NF-
ion|ion_
web|web_
u|u-s4t2ud-|u-s4t2af-
rh|rh-api-
na1|na1.
AGE|AGE-SECRET-KEY-1
"""
"""Prefixes of tokens by their first piece, where a mark ends it."""

TOKENS_BY_HEAD = """\
GR13 ATBB ATCT ATAT oy2 cio AKCp AKC cmVm SK KEY0 EAAA EZAK EZTK AKIA ASIA ABIA ACCA ABSK AIza GOOG dapi dose LTAI AKID AQVN
SCW eyJr 4b1d dG9r EAAC IGQV AAAA 5AEP EAA

GR13|GR1348941
ATBB|ATBB
ATCT|ATCTT3
ATAT|ATATT3
oy2|oy2
cio|cio
AKCp|AKCp
AKC|AKC
cmVm|cmVmdGtu|cmVmd
SK|SK
KEY0|KEY01
EAAA|EAAA
EZAK|EZAK
EZTK|EZTK
AKIA|AKIA
ASIA|ASIA
ABIA|ABIA
ACCA|ACCA
ABSK|ABSK
AIza|AIza
GOOG|GOOG1E
dapi|dapi
dose|dose
LTAI|LTAI
AKID|AKID
AQVN|AQVN
SCW|SCW
eyJr|eyJrIjoi
4b1d|4b1d
dG9r|dG9rO
EAAC|EAACEdEose0cBA
IGQV|IGQV
AAAA|AAAAAAAAAAAAAAAAAAAA
5AEP|5AEP861
EAA|EAA
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

curl|curl
wget|wget
http|http
https|https
xh|xh
docker|docker
podman|podman
nerdctl|nerdctl
buildah|buildah
skopeo|skopeo
helm|helm
oras|oras
crane|crane
mysql|mysql
mariadb|mariadb|mariadb-dump
mysqldump|mysqldump
mysqladmin|mysqladmin
mysqlimport|mysqlimport
mysqlshow|mysqlshow
mysqlcheck|mysqlcheck
mysqlsh|mysqlsh
mycli|mycli
mongosh|mongosh
mongo|mongo
mongodump|mongodump
mongorestore|mongorestore
mongoexport|mongoexport
mongoimport|mongoimport
mongostat|mongostat
snowsql|snowsql
sqlcmd|sqlcmd
bcp|bcp
osql|osql
isql|isql
tsql|tsql
db2|db2
cqlsh|cqlsh
cypher|cypher-shell
influx|influx
clickhouse|clickhouse-client
redis|redis-cli|redis-benchmark
valkey|valkey-cli
keydb|keydb-cli
rabbitmqctl|rabbitmqctl
rabbitmqadmin|rabbitmqadmin
etcdctl|etcdctl
mosquitto|mosquitto_pub|mosquitto_sub|mosquitto_passwd|mosquitto_rr
twine|twine
grafana|grafana-cli
composer|composer
bundle|bundle
ab|ab
siege|siege
ncftpput|ncftpput
ncftpget|ncftpget
certutil|certutil
samba|samba-tool
esxcli|esxcli
virsh|virsh
ipa|ipa-client-install|ipa-server-install
realm|realm
beeline|beeline
ftp|ftp
acl|acl
govc|govc
dig|dig
nsupdate|nsupdate
kafka|kafka-configs
poetry|poetry
flit|flit
uv|uv
gem|gem
cargo|cargo
npm|npm
nuget|nuget
dotnet|dotnet
mvn|mvn
az|az
aws|aws
gcloud|gcloud
ibmcloud|ibmcloud
cf|cf
oc|oc
kubectl|kubectl
kubeseal|kubeseal
vault|vault
bao|bao
consul|consul
nomad|nomad
gh|gh
glab|glab
heroku|heroku
fly|fly
flyctl|flyctl
doppler|doppler
railway|railway
supabase|supabase
netlify|netlify
vercel|vercel
convex|convex
eb|eb
pulumi|pulumi
terraform|terraform
tofu|tofu
firebase|firebase
op|op
bw|bw
doctl|doctl
ngrok|ngrok
cloudflared|cloudflared
tailscale|tailscale
snyk|snyk
wandb|wandb
sentry|sentry-cli
huggingface|huggingface-cli
hf|hf
circleci|circleci
travis|travis
ansible|ansible-vault
jf|jf
jfrog|jfrog
mc|mc
s3cmd|s3cmd
rclone|rclone
ldapsearch|ldapsearch
ldapmodify|ldapmodify
ldapadd|ldapadd
ldapdelete|ldapdelete
ldapwhoami|ldapwhoami
ldapcompare|ldapcompare
ldappasswd|ldappasswd
slappasswd|slappasswd
sshpass|sshpass
plink|plink
pscp|pscp
psftp|psftp
putty|putty
ssh|ssh-keygen
openssl|openssl
gpg|gpg
gpg2|gpg2
zip|zip
unzip|unzip
7z|7z
7za|7za
7zz|7zz
rar|rar
unrar|unrar
qpdf|qpdf
pdftk|pdftk
keytool|keytool
jarsigner|jarsigner
apksigner|apksigner
signtool|signtool
htpasswd|htpasswd
useradd|useradd
usermod|usermod
smbclient|smbclient
rpcclient|rpcclient
smbget|smbget
winexe|winexe
net|net
smbmap|smbmap
crackmapexec|crackmapexec
nxc|nxc
evil|evil-winrm
xfreerdp|xfreerdp
xfreerdp3|xfreerdp3
wlfreerdp|wlfreerdp
rdesktop|rdesktop
wpa|wpa_passphrase
nmcli|nmcli
iwctl|iwctl
ipmitool|ipmitool
snmpwalk|snmpwalk
snmpget|snmpget
lftp|lftp
ncftp|ncftp
swaks|swaks
sendemail|sendemail
vncviewer|vncviewer
geth|geth
cast|cast
forge|forge
security|security
cmdkey|cmdkey
schtasks|schtasks
psexec|psexec
sc|sc
credstash|credstash
chamber|chamber
confluent|confluent
databricks|databricks
dbt|dbt
snow|snow
sfdx|sfdx
airflow|airflow
superset|superset
flask|flask
wp|wp
drush|drush
occ|occ
newman|newman
nats|nats
stripe|stripe
twilio|twilio
hydra|hydra
sqlplus|sqlplus
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
stdin file passphrase password token login chpasswd cryptsetup docker encfs env batch htpasswd kinit config item openssl
insert passwd podman realm secret secrets smbpasswd ssh keygen su sudo variable vault versions vncpasswd


"""
"""The word of each consumer of ``programs`` that a text must have."""
