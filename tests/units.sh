#!/bin/sh
# Verifies the systemd unit of Buildroot and Yocto in a temporary root, where /bin/true replaces the programs of the unit.
# systemd-analyze prints a warning for a line that it ignores and still succeeds, so any output is a failure.
set -eu
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/bin" "$root/usr/sbin" "$root/etc/systemd/system"
cp /bin/true "$root/usr/sbin/corexdp"
cp /bin/true "$root/bin/mkdir"
cp /bin/true "$root/bin/sh"
cp buildroot/package/corexdp/corexdp.service "$root/etc/systemd/system/"
# The ordering of the unit names these targets.
cp /lib/systemd/system/*.target "$root/etc/systemd/system/"

problems=$(LC_ALL=C systemd-analyze verify --root="$root" --man=no corexdp.service 2>&1) || problems="$problems (failed)"
problems=$(printf '%s' "$problems" | grep -v '^$' || true)
if [ -n "$problems" ]; then
    printf 'corexdp.service: %s\n' "$problems" >&2
    exit 1
fi
# The exposure is between 0 (closed) and 10 (open).
exposure=$(systemd-analyze security --offline=true --root="$root" --threshold=40 corexdp.service | tail -n 1) || {
    printf 'corexdp.service: %s, which is above 4.0\n' "$exposure" >&2
    exit 1
}
