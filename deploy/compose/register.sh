#!/bin/sh
# Registers the Temporal namespace and the search attributes; safe to run again.
# Reads TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, RETENTION (a duration such as 720h) and SEARCH_ATTRIBUTES
# (names, all of type Keyword). Gives up after DEADLINE seconds, by default 120.
set -eu

deadline=$(($(date +%s) + ${DEADLINE:-120}))

# A fresh server answers before it is ready, and a fresh namespace is known everywhere only seconds later.
until_it_works() {
    until "$@"; do
        if [ "$(date +%s)" -ge "$deadline" ]; then
            echo "gave up: $*" >&2
            exit 1
        fi
        sleep 1
    done
}

healthy() { temporal operator cluster health; }

namespace() {
    temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
        temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
}

registered() {
    temporal operator search-attribute list | grep -Eq "^ *$1 +Keyword *\$"
}

# One by one: of several names in one call, the command registers only the first (seen with CLI 1.9.1).
attribute() {
    registered "$1" || {
        temporal operator search-attribute create --name "$1" --type Keyword
        registered "$1"
    }
}

until_it_works healthy
until_it_works namespace
for name in $SEARCH_ATTRIBUTES; do
    until_it_works attribute "$name"
done
echo "namespace $TEMPORAL_NAMESPACE is ready"
