#!/bin/sh
# Make the secrets, the signing key, the trust file and the gateway's clients; what exists is left as it is.
# The tool runs in the image, or is the one that the variable AUDITSEAL names.
set -eu
cd "$(dirname "$0")"
umask 077
auditseal=${AUDITSEAL:-docker compose run --rm --no-TTY --no-deps tool}

mkdir -p secrets state/minio state/watch state/index state/streams state/gateway state/prometheus state/grafana
for name in passphrase minio-root archiver auditor grafana; do
    [ -s "secrets/$name" ] || od -An -N20 -tx1 /dev/urandom | tr -d ' \n' > "secrets/$name"
done
for name in archiver auditor; do
    printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\nregion = us-east-1\n' \
        "$name" "$(cat "secrets/$name")" > "secrets/$name-credentials"
done
touch trust.txt clients.toml
if [ ! -s trust.txt ]; then
    $auditseal keys new secrets/sealer.pem --passphrase-file secrets/passphrase \
        --cluster audit.example.com --partitions 3 > trust.new
    mv trust.new trust.txt
fi
if [ ! -s clients.toml ]; then
    $auditseal gateway --new-token > secrets/gateway-token 2> hash.txt
    { echo '[[client]]'; echo 'service = "trial"'; echo 'environment = "trial"'; grep '^token_sha256' hash.txt; } > clients.toml
    rm hash.txt
fi
