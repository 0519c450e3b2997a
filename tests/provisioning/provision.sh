#!/bin/sh
# Puts another Corefile in the place of the one that runs: checked first, and kept only when the box still answers. An
# example for provisioning, which the tests run.
#
# provision.sh NEW CURRENT CONTROL: two Corefiles in one folder, and the daemon's control socket. Prints what the new one
# gives as JSON. Ends with corexdp's exit code; on failure everything is as before.
set -u
new=$1 current=$2 control=$3
corexdp=${COREXDP:-corexdp}

# Mistakes are JSON on standard output, one object for each; 0 says that there are none.
"$corexdp" check --json -conf "$new" || exit

cp -p "$current" "$current.before"
mv "$new" "$current"
back() {
    code=$?
    mv "$current.before" "$current"
    exit "$code"
}
# Whatever happens from here on, the old filters are back in ten seconds unless we say that all is well.
"$corexdp" reload --control "$control" --confirm 10s || back
"$corexdp" status --control "$control" --json | jq -e 'all(.filters[]; .attached)' >/dev/null || back
"$corexdp" confirm --control "$control" || back
rm "$current.before"
"$corexdp" status --control "$control" --json
