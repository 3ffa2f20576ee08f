#!/bin/sh
# Makes every password and key of docker-compose.yml, once; what is there stays.
# Each service sees only its own directory below /secrets. To begin anew, remove all volumes together.
set -eu
umask 077
cd "${SECRETS_DIR:-/secrets}"

# The roles' user in the Dockerfile, and the user of the official Postgres image.
CHATROOM_UID=${CHATROOM_UID:-10001}
POSTGRES_UID=${POSTGRES_UID:-999}

# Written last: an interrupted run starts over.
[ -e nats/env ] && exit 0

# Behind a letter, because nats-server would read a value of digits as a number.
password() { printf p; od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
base64url() { base64 -w0 | tr '+/' '-_' | tr -d '='; }

mkdir -p nats postgres operator command projector query analyst
: > nats/env.new
: > postgres/env
password > postgres/superuser-password

for role in operator command projector query analyst; do
    upper=$(echo "$role" | tr '[:lower:]' '[:upper:]')
    login="chatroom_$role"
    [ "$role" = operator ] && login=chatroom_migrate
    nats=$(password)
    postgres=$(password)
    echo "export NATS_${upper}_PASSWORD=$nats" >> nats/env.new
    echo "export POSTGRES_${upper}_PASSWORD=$postgres" >> postgres/env
    printf %s "$nats" > "$role/nats-password"
    printf %s "postgres://$login:$postgres@postgres:5432/chatroom" > "$role/database-url"
done

# Ed25519: the last 32 bytes of either form are the key itself.
openssl genpkey -algorithm ed25519 -outform DER -out command/key.der
seed=$(tail -c 32 command/key.der | base64url)
public=$(openssl pkey -inform DER -in command/key.der -pubout -outform DER | tail -c 32 | base64url)
rm command/key.der
printf %s "compose:$seed" > command/token-signing-key
for role in command query; do
    printf %s "compose:$public" > "$role/token-public-keys"
done

key() { head -c 32 /dev/urandom | base64url; }
key > command/pepper
key > command/phone-key
printf '1:%s' "$(key)" > command/refresh-keys

chown -R "$CHATROOM_UID" operator command projector query analyst
chown -R "$POSTGRES_UID" postgres
mv nats/env.new nats/env
