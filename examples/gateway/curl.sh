#!/bin/sh
# Records one event by curl. The same event_id in each retry keeps a retry from recording it twice.
# usage: GATEWAY=https://gateway.example.com:8787 TOKEN_FILE=billing.token sh curl.sh
set -eu
umask 077
header=$(mktemp)
trap 'rm -f "$header"' EXIT
printf 'Authorization: Bearer %s\n' "$(cat "$TOKEN_FILE")" >"$header" # not in the arguments, which other users see

curl --silent --show-error --fail-with-body --retry 5 --max-time 30 \
  --header @"$header" --header 'Content-Type: application/json' \
  --data '{
    "event_id": "'"${EVENT_ID:-0191e3a0-7b6c-7def-8123-456789abcde0}"'",
    "actor": {"type": "user", "id": "u-1842"},
    "action": "approve",
    "resources": [{"type": "invoice", "id": "2026-0815"}],
    "outcome": "SUCCESS"
  }' "$GATEWAY/v1/events"
