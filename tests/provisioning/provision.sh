#!/bin/sh
# Replaces the Corefile of a running daemon: checks the new Corefile first, and restores the old Corefile unless the box
# can still be reached. The tests run this example.
#
# Usage: provision.sh NEW CURRENT CONTROL
#
# NEW and CURRENT are Corefiles in one folder, CONTROL is the control socket of the daemon. Prints the new status as JSON.
# The exit code is corexdp's. A failure leaves Corefile and filters as they were.
set -u
new=$1 current=$2 control=$3
corexdp=${COREXDP:-corexdp}

# Prints the errors as JSON. The exit code is 0 if the Corefile has no errors.
"$corexdp" check --json -conf "$new" || exit

cp -p "$current" "$current.before"
mv "$new" "$current"
restore() {
    code=$?
    mv "$current.before" "$current"
    exit "$code"
}
# The daemon restores the old filters after ten seconds, unless this script confirms the new filters.
"$corexdp" reload --control "$control" --confirm 10s || restore
# `reload` succeeds even if the daemon cannot listen on an address: the address may appear later.
"$corexdp" status --control "$control" --json |
    jq -e 'all(.filters[]; .attached) and all(.listeners[]; .up)' >/dev/null || restore
"$corexdp" confirm --control "$control" || restore
rm "$current.before"
"$corexdp" status --control "$control" --json
