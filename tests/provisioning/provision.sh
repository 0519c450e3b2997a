#!/bin/sh
# Replaces the Corefile of a running daemon: checks the new Corefile first, tries it, and puts it in the place of the old one
# if the box can still be reached. The tests run this example.
#
# Usage: provision.sh NEW CONTROL
#
# NEW is a Corefile in the folder of the daemon's Corefile, CONTROL is the control socket of the daemon. Prints the new status
# as JSON. The exit code is corexdp's. A failure leaves Corefile and filters as they were, and so does a script that is
# killed, or a power cut: only `confirm` changes the Corefile.
set -u
new=$1 control=$2
corexdp=${COREXDP:-corexdp}

# Prints the errors as JSON. The exit code is 0 if the Corefile has no errors.
"$corexdp" check --json -conf "$new" || exit

# The daemon restores the old filters after ten seconds, unless this script confirms the new filters.
"$corexdp" reload --control "$control" -conf "$new" --confirm 10s || exit
# `reload` succeeds even if the daemon cannot listen on an address: the address may appear later.
"$corexdp" status --control "$control" --json |
    jq -e 'all(.filters[]; .attached) and all(.listeners[]; .up)' >/dev/null || exit
"$corexdp" confirm --control "$control" || exit
rm "$new"
"$corexdp" status --control "$control" --json
