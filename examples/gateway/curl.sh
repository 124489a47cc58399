#!/bin/sh
# Records one event by curl. A retry sends the same event_id.
# usage: GATEWAY=https://gateway.example.com:8787 TOKEN_FILE=billing.token sh curl.sh
set -eu
umask 077
header=$(mktemp)
trap 'rm -f "$header"' EXIT
printf 'Authorization: Bearer %s\n' "$(cat "$TOKEN_FILE")" >"$header" # not in the arguments, which other users see

# Makes an event's id (RFC 9562, section 5.7).
uuid7() {
  random=$(od -An -N9 -tx1 /dev/urandom | tr -d ' \n')
  printf '%012x7%.3s8%s\n' "$(($(date +%s) * 1000))" "$random" "${random#???}" |
    sed 's/^\(.\{8\}\)\(.\{4\}\)\(.\{4\}\)\(.\{4\}\)/\1-\2-\3-\4-/'
}

curl --silent --show-error --fail-with-body --retry 5 --retry-connrefused --max-time 30 \
  --header @"$header" --header 'Content-Type: application/json' \
  --data '{
    "event_id": "'"$(uuid7)"'",
    "occurred_at": "'"$(date -u +%Y-%m-%dT%H:%M:%SZ)"'",
    "actor": {"type": "user", "id": "u-1842"},
    "action": "approve",
    "resources": [{"type": "invoice", "id": "2026-0815"}],
    "outcome": "SUCCESS"
  }' "$GATEWAY/v1/events"
