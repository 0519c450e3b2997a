#!/bin/sh
# Has systemd read the unit that Buildroot and Yocto install, in a root of its own where its programs are any. It says
# what it ignores and still ends with success, so nothing may be said.
set -eu
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/bin" "$root/usr/sbin" "$root/etc/systemd/system"
cp /bin/true "$root/usr/sbin/corexdp"
cp /bin/true "$root/bin/mkdir"
cp buildroot/package/corexdp/corexdp.service "$root/etc/systemd/system/"
# The targets that it is ordered by.
cp /lib/systemd/system/*.target "$root/etc/systemd/system/"

said=$(LC_ALL=C systemd-analyze verify --root="$root" --man=no corexdp.service 2>&1) || said="$said (failed)"
said=$(printf '%s' "$said" | grep -v '^$' || true)
if [ -n "$said" ]; then
    printf 'corexdp.service: %s\n' "$said" >&2
    exit 1
fi
# From 0, closed, to 10, open.
exposure=$(systemd-analyze security --offline=true --root="$root" --threshold=40 corexdp.service | tail -n 1) || {
    printf 'corexdp.service: %s, which is above 4.0\n' "$exposure" >&2
    exit 1
}
