#!/bin/sh
# Writes the plain tarball of a release into FOLDER, for publication, and the hash of the tarball with vendored crates, which
# Buildroot makes at download, into corexdp.hash. Run it at the tag of the release. The tarball contains neither this folder
# nor yocto-layer/, so the new hash does not change the tarball. BUILDROOT is a source tree of Buildroot.
#
# Usage: buildroot/release-hash.sh BUILDROOT FOLDER
set -eu
[ $# -eq 2 ] || {
	sed -n 's/^# Usage: /usage: /p' "$0" >&2
	exit 64
}
buildroot=$(cd "$1" && pwd)
mkdir -p "$2"
folder=$(cd "$2" && pwd)
cd "$(dirname "$0")/.."

version=$(sed -n 's/^COREXDP_VERSION = //p' buildroot/package/corexdp/corexdp.mk)
suffix=$(sed -n 's/^BR_FMT_VERSION_cargo = //p' "$buildroot"/package/pkg-*.mk "$buildroot"/support/download/* | head -n 1)
name=corexdp-$version
tarball=$name$suffix.tar.gz
git archive --format=tar.gz --prefix="$name/" -o "$folder/$name.tar.gz" HEAD

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp "$folder/$name.tar.gz" "$scratch/$tarball"
(cd "$scratch" && TAR=tar CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} \
	"$buildroot/support/download/cargo-post-process" -o "$scratch/$tarball" -n "$name")

hash=$(sha256sum "$scratch/$tarball" | cut -d ' ' -f 1)
file=buildroot/package/corexdp/corexdp.hash
sed -i "/  corexdp-.*\.tar\.gz\$/d" "$file"
echo "sha256  $hash  $tarball" >>"$file"
tail -n 1 "$file"
