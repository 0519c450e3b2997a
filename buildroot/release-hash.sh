#!/bin/sh
# Writes the hash of a release into corexdp.hash: of the tarball with vendored crates, which Buildroot makes at download from
# TARBALL, the plain source that `make release` writes. The tarball does not contain corexdp.hash, so the new hash does not
# change the tarball. BUILDROOT is a source tree of Buildroot.
#
# Usage: buildroot/release-hash.sh BUILDROOT TARBALL
set -eu
[ $# -eq 2 ] || {
	sed -n 's/^# Usage: /usage: /p' "$0" >&2
	exit 64
}
buildroot=$(cd "$1" && pwd)
release=$(realpath "$2")
cd "$(dirname "$0")/.."

version=$(sed -n 's/^COREXDP_VERSION = //p' buildroot/package/corexdp/corexdp.mk)
suffix=$(sed -n 's/^BR_FMT_VERSION_cargo = //p' "$buildroot"/package/pkg-*.mk "$buildroot"/support/download/* | head -n 1)
name=corexdp-$version
tarball=$name$suffix.tar.gz
[ "$(basename "$release")" = "$name.tar.gz" ] || {
	echo "release-hash: $2 is not $name.tar.gz, the version of corexdp.mk" >&2
	exit 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp "$release" "$scratch/$tarball"
(cd "$scratch" && TAR=tar CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} \
	"$buildroot/support/download/cargo-post-process" -o "$scratch/$tarball" -n "$name")

hash=$(sha256sum "$scratch/$tarball" | cut -d ' ' -f 1)
file=buildroot/package/corexdp/corexdp.hash
sed -i "/  corexdp-.*\.tar\.gz\$/d" "$file"
echo "sha256  $hash  $tarball" >>"$file"
tail -n 1 "$file"
