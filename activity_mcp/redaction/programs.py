"""The command lines whose options do not show that their value is a secret: by program, as of August 2026, from the programs'
manuals.

One row: the program, the words of the command, and its options and places, each with how its value holds the secret:

    -p      the next word, or what is joined to it by ``=``      -p+   joined to the option too (``-pSECRET``), but not the
    next word -p*     joined or the next word                              -u:   ``user:secret``, joined or the next word
    -U%     ``user%secret``                                      -u,   ``user,secret``
    -v=     ``name=secret``, any name                            -b;   cookies: every value, unless it is a file
    #2      the second word that is no option                    #=    every word that is ``name=secret``, any name
    #>     ``>secret``                                           #word  the word behind this one
    #last   the last word that is no option
"""

from __future__ import annotations

COMMANDS = """
curl | | -u: --user: -U: --proxy-user: -b; --cookie; --pass --proxy-pass --key-passwd -E: --oauth2-bearer
wget | | --password --http-password --proxy-password --ftp-password
http | | -a: --auth: -a --auth
https | | -a: --auth:
xh | | -a: --auth:
docker | login | -p* --password
docker | service create | -e=
docker | swarm join | --token
podman | login | -p* --password
nerdctl | login | -p* --password
buildah | login | -p* --password
buildah | | --creds:
skopeo | | --creds: --src-creds: --dest-creds: --src-registry-token --dest-registry-token
skopeo | login | -p* --password
helm | registry login | -p* --password
helm | repo add | --password
oras | | -p* --password
crane | auth login | -p* --password
mysql | | -p+ --password
mariadb | | -p+ --password
mysqldump | | -p+ --password
mariadb-dump | | -p+ --password
mysqladmin | | -p+ --password
mysqladmin | password | #last
mysqlimport | | -p+ --password
mysqlshow | | -p+ --password
mysqlcheck | | -p+ --password
mysqlsh | | -p+ --password
mycli | | -p* --password
mongosh | | -p* --password
mongo | | -p* --password
mongodump | | -p* --password
mongorestore | | -p* --password
mongoexport | | -p* --password
mongoimport | | -p* --password
mongostat | | -p* --password
snowsql | | -p* --password
sqlcmd | | -P* -Z*
bcp | | -P*
osql | | -P*
isql | | -P*
tsql | | -P*
db2 | | #using
cqlsh | | -p* --password
cypher-shell | | -p* --password
influx | | -p* -password --password -t --token
clickhouse-client | | --password
redis-cli | | -a --pass
redis-cli | auth | #last
redis-cli | config set requirepass | #last
redis-cli | config set masterauth | #last
valkey-cli | | -a --pass
valkey-cli | auth | #last
keydb-cli | | -a --pass
keydb-cli | auth | #last
rabbitmqctl | add_user | #2
rabbitmqctl | change_password | #2
rabbitmqctl | authenticate_user | #2
rabbitmqadmin | | -p* --password
etcdctl | | --user: --password
mosquitto_pub | | -P
mosquitto_sub | | -P
mosquitto_passwd | | #last
twine | | -p* --password
grafana-cli | admin reset-admin-password | #1
composer | config | #last
bundle | config set | #last
bundle | config | #last
ab | | -A: -P:
siege | | -H;
ncftpput | | -p*
ncftpget | | -p*
certutil | | -p*
samba-tool | user create | #2
samba-tool | user add | #2
samba-tool | | --newpassword --adminpass --password
esxcli | | -p* --password
virsh | set-user-password | #3
ipa-client-install | | -w* --password
ipa-server-install | | -p* -a* --ds-password --admin-password
realm | join | --one-time-password
beeline | | -p*
ftp | | -u:
acl | setuser | #>
govc | | -u:
redis-benchmark | | -a
mosquitto_rr | | -P
dig | | -y:
nsupdate | | -y:
kafka-configs | | --add-config
poetry | config | #last
poetry | publish | -p* --password
flit | | --password
uv | publish | -p* --password -t --token
gem | push | -k --key
cargo | login | #1
cargo | publish | --token
cargo | yank | --token
npm | login | --password
npm | token | --password
nuget | | -ApiKey -Password
nuget | setapikey | #1
nuget | push | -k -ApiKey #2
dotnet | nuget push | -k --api-key
dotnet | nuget add | -p --password
dotnet | user-secrets set | #2
mvn | | -Dpassword
az | login | -p* --password
az | keyvault secret set | --value
az | ad sp | --password
az | acr login | -p* --password
az | sql server | -p* --admin-password
az | vm create | --admin-password
az | webapp config appsettings set | --settings=
az | storage | --account-key --sas-token
aws | ssm put-parameter | --value
aws | secretsmanager create-secret | --secret-string --secret-binary
aws | secretsmanager put-secret-value | --secret-string --secret-binary
aws | secretsmanager update-secret | --secret-string --secret-binary
aws | rds | --master-user-password
aws | iam | --password
aws | cognito-idp | --password
aws | configure set | #=secret
gcloud | | --password --root-password
gcloud | sql users | --password
ibmcloud | login | -p* --apikey
cf | login | -p*
cf | auth | #2
cf | set-env | #3
oc | login | -p* --password --token
oc | create secret | --from-literal=
kubectl | create secret | --from-literal= --docker-password
kubectl | config set-credentials | --token --password
kubectl | | --from-literal=
kubeseal | | --from-literal=
vault | kv put | #=
vault | kv patch | #=
vault | write | #=
vault | login | #1
vault | operator unseal | #1
vault | unwrap | #1
vault | token | #1
bao | kv put | #=
bao | write | #=
bao | login | #1
bao | operator unseal | #1
consul | kv put | #2
consul | | -token -http-auth:
nomad | var put | #=
nomad | | -token
gh | secret set | -b* --body
glab | variable set | -v --value #2
glab | auth login | -t --token
heroku | config:set | #=
heroku | config:add | #=
fly | secrets set | #=
flyctl | secrets set | #=
doppler | secrets set | #= #2
doppler | configure set token | #1
railway | variables | --set=
supabase | secrets set | #=
supabase | db | -p* --password
supabase | link | -p* --password
supabase | login | --token
netlify | env:set | #2
netlify | | -a --auth
vercel | | -t* --token -e= -b=
convex | env set | #2
eb | setenv | #=
pulumi | config set | #2
terraform | | -var=secret
tofu | | -var=secret
firebase | functions:config:set | #=
firebase | | --token
op | item create | #=secret
op | item edit | #=secret
bw | login | #2
bw | unlock | #1
doctl | auth init | -t* --access-token
doctl | | -t* --access-token
ngrok | authtoken | #1
ngrok | config add-authtoken | #1
ngrok | | --authtoken --basic-auth:
cloudflared | service install | #1
cloudflared | | --token
tailscale | up | --authkey --auth-key
tailscale | login | --auth-key
snyk | auth | #1
snyk | config set | #=secret
wandb | login | #1
sentry-cli | | --auth-token --api-key
sentry-cli | login | --auth-token
huggingface-cli | login | --token
hf | auth login | --token
circleci | | --token
circleci | setup | --token
travis | encrypt | #1
travis | login | --github-token
ansible-vault | encrypt_string | #1
jf | | --password --apikey --access-token
jfrog | | --password --apikey --access-token
mc | alias set | #3 #4
mc | admin user add | #3
mc | config host add | #3 #4
s3cmd | | --secret_key --access_token
rclone | | --password --pass
rclone | obscure | #1
rclone | config create | #=secret
rclone | config create | #pass
ldapsearch | | -w*
ldapmodify | | -w*
ldapadd | | -w*
ldapdelete | | -w*
ldapwhoami | | -w*
ldapcompare | | -w*
ldappasswd | | -w* -s* -a*
slappasswd | | -s*
sshpass | | -p*
plink | | -pw
pscp | | -pw
psftp | | -pw
putty | | -pw
ssh-keygen | | -N -P
openssl | | -k -K -passin -passout -pass -password
openssl | passwd | #last
gpg | | --passphrase
gpg2 | | --passphrase
zip | | -P* --password
unzip | | -P*
7z | | -p+
7za | | -p+
7zz | | -p+
rar | | -p+ -hp+
unrar | | -p+
qpdf | | --password --encrypt --user-password --owner-password
qpdf | | #2
pdftk | | #user_pw
pdftk | | #owner_pw
pdftk | | #input_pw
keytool | | -storepass -keypass -srcstorepass -deststorepass -destkeypass -srckeypass -new
jarsigner | | -storepass -keypass
apksigner | | --ks-pass --key-pass
signtool | | /p
htpasswd | | #last
useradd | | -p* --password
usermod | | -p* --password
smbclient | | -U% --user%
rpcclient | | -U%
smbget | | -U%
winexe | | -U%
net | user | #2
net | use | #3 #/user
net | rpc | -U%
smbmap | | -p*
crackmapexec | | -p*
nxc | | -p*
evil-winrm | | -p*
xfreerdp | | /p
xfreerdp3 | | /p
wlfreerdp | | /p
rdesktop | | -p*
wpa_passphrase | | #2
nmcli | | password
iwctl | | --passphrase
ipmitool | | -P*
snmpwalk | | -c* -A* -X*
snmpget | | -c* -A* -X*
lftp | | -u,
ncftp | | -p*
swaks | | -ap --auth-password
sendemail | | -xp
vncviewer | | -passwd
geth | | --mnemonic --password
cast | | --private-key --mnemonic --password
forge | | --private-key --mnemonic
security | add-generic-password | -w*
security | add-internet-password | -w*
security | unlock-keychain | -p*
security | import | -P*
cmdkey | | /pass
schtasks | | /rp
psexec | | -p*
sc | config | password=
credstash | put | #2
chamber | write | #3
confluent | login | --password
databricks | secrets put | --string-value
databricks | secrets put-secret | --string-value #3
dbt | | --password
snow | | --password --token
sfdx | | -p* --password
airflow | users create | -p* --password
airflow | connections add | --conn-password
airflow | variables set | #=secret
superset | fab create-admin | --password
flask | fab create-admin | --password
wp | user create | --user_pass
wp | config create | --dbpass
drush | | --account-pass --db-url
drush | upwd | #2
occ | | --admin-pass --database-pass
newman | | --postman-api-key
nats | | --password --creds
stripe | | --api-key
twilio | | -p
hydra | | -p*
sqlplus | | #/
convertto-securestring | | -string #1
"""

_commands: dict[str, list[tuple[str, str]]] = {}


def commands_of(program: str) -> list[tuple[str, str]]:
    """(words of the command, options and places) of each row of the program."""
    if program not in _commands:
        found = []
        start = COMMANDS.find(f"\n{program} |") + 1
        while COMMANDS.startswith(f"{program} |", start):
            end = COMMANDS.index("\n", start)
            _, name, spec = (part.strip() for part in COMMANDS[start:end].split("|"))
            found.append((name, spec))
            start = end + 1
        _commands[program] = found
    return _commands[program]


CONSUMERS = (
    "--password-stdin", "--token-stdin", "sudo -s", "sudo --stdin", "passwd", "chpasswd", "--with-token",
    "--passphrase-fd 0", "cryptsetup", "secret set", "secret put", "secrets put", "env add", "kinit",
    "docker secret create", "podman secret create", "--stdin", "secret create", "versions add", "su -", "su ",
    "ssh-add", "login --token -", "--api-key-stdin", "pass insert", "secrets import", "variable set", "vault write",
    "--key-file -", "--key-file=-", "gpg --batch", "openssl passwd", "htpasswd -i", "auth login", "op item",
    "smbpasswd", "vncpasswd", "secret-tool", "secrets create", "realm join", "encfs",
    "mysql_config_editor", "ssh-keygen", "password -",
)  # fmt: skip
"""Commands that read a secret from their standard input: what ``echo`` or ``<<<`` gives them is one."""
