#!/bin/sh
# Replaces the Corefile of a running daemon: checks the new Corefile first, and restores the old one unless the box still
# answers. An example for provisioning, which the tests run.
#
# Usage: provision.sh NEW CURRENT CONTROL
#
# NEW and CURRENT are Corefiles in one folder, CONTROL is the control socket of the daemon. Prints the new status as JSON.
# The exit code is corexdp's. A failure leaves Corefile and filters as they were.
set -u
new=$1 current=$2 control=$3
corexdp=${COREXDP:-corexdp}

# Prints each mistake as a JSON object on standard output. The exit code 0 means no mistake.
"$corexdp" check --json -conf "$new" || exit

cp -p "$current" "$current.before"
mv "$new" "$current"
restore() {
    code=$?
    mv "$current.before" "$current"
    exit "$code"
}
# From here on, the daemon restores the old filters after ten seconds unless this script confirms the new ones.
"$corexdp" reload --control "$control" --confirm 10s || restore
# An address that cannot be had is no error for `reload`, since it may come later.
"$corexdp" status --control "$control" --json |
    jq -e 'all(.filters[]; .attached) and all(.listeners[]; .up)' >/dev/null || restore
"$corexdp" confirm --control "$control" || restore
rm "$current.before"
"$corexdp" status --control "$control" --json
