#!/bin/sh
# Writes the files of a release of the last commit into FOLDER: the source, the source with its crates, and for each target
# the installed files of dist/ with their bill of materials. The same commit and dist/ give the same bytes. `make release`
# runs this script after `make dist`. With --check the script only checks that the source is that of the last commit.
#
# Usage: cross/release.sh [FOLDER|--check]    FOLDER is dist/release by default
set -eu
umask 022
export LC_ALL=C TZ=UTC
cd "$(dirname "$0")/.."
targets='x86_64-unknown-linux-musl aarch64-unknown-linux-musl'
# make gets no variables of a make that runs this script.
unset MAKEFLAGS MAKELEVEL MFLAGS

fail() {
    echo "release: $*" >&2
    exit 1
}

check_source() {
    [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ] || fail "$PWD is no git checkout; clone the source"
    changed=$(git status --porcelain | head -n 1 | cut -c 4-)
    [ -z "$changed" ] || fail "$changed differs from the last commit; commit or remove it"
}

check_dist() {
    for target in $targets; do
        for file in corexdp LICENCES bom.cdx.json; do
            [ -e "dist/$target/$file" ] || fail "dist/$target/$file is missing; run make dist"
        done
    done
}

# Packs the folder $1 of the scratch folder into FOLDER. Nothing in the file depends on the machine, user or time.
pack() {
    tar -C "$scratch" --format=gnu --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
        --mtime="@$SOURCE_DATE_EPOCH" -cf "$scratch/tar" "$1"
    gzip -n <"$scratch/tar" >"$out/$1.tar.gz"
}

pack_source() {
    git -c tar.umask=0022 archive --format=tar --prefix="$name/" HEAD | gzip -n >"$out/$name.tar.gz"
    tar -C "$scratch" -xzf "$out/$name.tar.gz"
    mv "$scratch/$name" "$scratch/$name-vendored"
    # cargo prints the settings that make it use the crates.
    mkdir "$scratch/$name-vendored/.cargo"
    (cd "$scratch/$name-vendored" && "${CARGO:-cargo}" vendor --locked vendor 2>"$scratch/log" >.cargo/config.toml)
    pack "$name-vendored"
}

pack_target() {
    tree=$scratch/$name-$1
    documents=usr/share/doc/corexdp
    make --silent install DESTDIR="$tree" PREFIX=/usr INIT='systemd sysv' BINARY="dist/$1/corexdp" \
        OBJECTS="$(echo "dist/$1"/*.o)" >/dev/null
    install -D -m 755 -t "$tree/init" cross/init/corexdp.openrc cross/init/corexdp.procd
    install -m 644 "dist/$1/LICENCES" "dist/$1/bom.cdx.json" "$tree/$documents/"
    install -m 644 "$tree/$documents"/* install.mk "$tree/"
    install -m 644 cross/release.mk "$tree/Makefile"
    pack "$name-$1"
    # A scanner takes the bill without the rest.
    install -m 644 "dist/$1/bom.cdx.json" "$out/$name-$1.cdx.json"
}

folder=${1:-dist/release}
check_source
[ "$folder" != --check ] || exit 0
check_dist
# The script replaces the folder.
[ ! -e "$folder" ] || [ -e "$folder/SHA256SUMS" ] || rmdir "$folder" || fail "$folder has no SHA256SUMS, so it is no release; remove it"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
name=corexdp-$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
out=$scratch/out
mkdir "$out"

pack_source
for target in $targets; do
    pack_target "$target"
done
(cd "$out" && sha256sum -- * >SHA256SUMS)

# The folder has all files of a release or none.
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
mv "$out" "$folder"
cat "$folder/SHA256SUMS"
