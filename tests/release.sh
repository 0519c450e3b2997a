#!/bin/bash
# Checks `make deps`, `make install` and `make release`: a release of this source and dist/ is written twice, checked, and
# installed into a folder, in which the binary runs with the folder as root. The last line is `N passed, N failed`.
#
# Usage: tests/release.sh, after `make dist`
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=check.sh
. tests/check.sh

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
product=corexdp-$version
# As `make test` runs this script, make would take options of that make.
unset MAKEFLAGS MAKELEVEL MFLAGS
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
# A name with a space: DESTDIR and the folder of a release may have some.
root="$scratch/the root"
here=$product-$(uname -m)-unknown-linux-musl

# Copies the source into $1 as a repository with one commit, with dist/.
copy_source() {
    mkdir -p "$1/dist" || return
    # Without git, which may refuse a checkout of another user. The new repository ignores what .gitignore names.
    tar --create --exclude=./target --exclude=./dist --exclude=./.git . | tar --extract --directory "$1" || return
    cp -R dist/*-musl "$1/dist/" || return
    (
        cd "$1" || exit
        export GIT_COMMITTER_DATE='2026-01-02T03:04:05Z' GIT_AUTHOR_DATE='2026-01-02T03:04:05Z'
        git init --quiet && git add --all && git -c user.name=test -c user.email=test@example.org -c commit.gpgsign=false \
            commit --quiet --no-verify --message source
    )
}

clone_source() {
    git clone --quiet "$1" "$2" && cp -R "$1/dist" "$2/"
}

# Prints the standard error of a command that must fail.
error_of() {
    ! { "$@" >/dev/null; } 2>&1
}

build_names_what_is_missing_and_installs_nothing() {
    local error
    mkdir -p "$scratch/bin"
    printf '#!/bin/sh\ntouch "%s/called"\n' "$scratch" >"$scratch/bin/apt-get"
    chmod +x "$scratch/bin/apt-get"
    error=$(PATH="$scratch/bin:$PATH" CLANG=no-such-clang error_of make build) || return
    echo "$error"
    [ ! -e "$scratch/called" ] && [ "$(grep -c -v '^make:' <<<"$error")" = 1 ] &&
        grep -q '^setup: missing: no-such-clang; as root, .make deps. installs the Debian packages clang$' <<<"$error"
}

install_names_what_is_not_built_and_installs_nothing() {
    local error
    error=$(error_of make -C "$scratch/one" install DESTDIR="$root") || return
    echo "$error"
    grep -q '^install: missing: target/release/corexdp target/bpf/acl.o .*; run make build first$' <<<"$error" &&
        [ ! -e "$root" ]
}

release_refuses_a_changed_source() {
    local error status
    touch "$scratch/one/new-file"
    error=$(error_of "$scratch/one/cross/release.sh")
    status=$?
    rm "$scratch/one/new-file"
    echo "$error"
    [ "$status" = 0 ] && [ "$error" = 'release: new-file differs from the last commit; commit or remove it' ]
}

writes_the_release() {
    (umask 077 && TZ=Asia/Tokyo "$scratch/two/cross/release.sh" "$scratch/two/elsewhere") &&
        "$scratch/one/cross/release.sh"
}

has_the_files_of_a_release() {
    local target
    diff <({
        printf '%s\n' SHA256SUMS "$product.tar.gz" "$product-vendored.tar.gz"
        for target in x86_64 aarch64; do
            printf '%s\n' "$product-$target-unknown-linux-musl."{cdx.json,tar.gz}
        done
    } | sort) <(find "$release" -type f -printf '%P\n' | sort) && (cd "$release" && sha256sum --check --strict SHA256SUMS) &&
        [ "$(wc -l <"$release/SHA256SUMS")" = 6 ]
}

# git and tar differ in the order of a folder and of files whose names begin with its name.
is_sorted() {
    awk '{ print $6 }' "$1" | LC_ALL=C sort --check || awk '{ print $6 }' "$1" | sed 's,/$,,' | tr / '\001' | LC_ALL=C sort --check
}

# One folder, files of root that only root writes, sorted, of the time of the commit.
is_tidy() {
    tar --list --verbose --numeric-owner --full-time --utc --file "$1" >"$scratch/list" &&
        ! awk '$2 != "0/0" || $4 " " $5 != "2026-01-02 03:04:05" || $1 !~ /^(drwxr-xr-x|-rw[-x]r-[-x]r-[-x]|l)/' \
            "$scratch/list" | head -n 3 | grep . &&
        is_sorted "$scratch/list" &&
        ! awk '{ print $6 }' "$scratch/list" | grep -v "^$(basename "$1" .tar.gz)/"
}

source_has_no_hash_of_itself() {
    diff <(tar --list --file "$release/$product.tar.gz" | sed -n "s,^$product/\(buildroot\|yocto-layer\)/.*[^/]\$,&,p") - <<EOF
$product/buildroot/package/corexdp/S60corexdp
$product/buildroot/package/corexdp/corexdp.service
EOF
}

# cargo finds all crates in the folder: the home is empty, and there is no network.
vendored_source_needs_no_network() {
    tar --extract --file "$release/$product-vendored.tar.gz" --directory "$scratch" &&
        (cd "$scratch/$product-vendored" && CARGO_HOME=$scratch/home RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} \
            unshare --net cargo metadata --locked --offline --format-version 1 >/dev/null)
}

# Installs the release for this machine, which is then in $root.
installs_the_release() {
    tar --extract --file "$release/$here.tar.gz" --directory "$scratch" &&
        make -C "$scratch/$here" install DESTDIR="$root"
}

expected_files() {
    local program header
    for program in bpf/*.bpf.c; do
        program=$(basename "$program" .bpf.c)
        printf '644 %s\n' "/usr/local/lib/corexdp/$program.o" "/usr/local/share/corexdp/$program.Corefile"
    done
    for header in bpf/*.h; do
        echo "644 /usr/local/include/corexdp/$(basename "$header")"
    done
    printf '644 /usr/local/share/%s\n' corexdp/{data.Corefile,fail2ban.conf} \
        doc/corexdp/{CHANGELOG.md,LICENCES,LICENSE{-APACHE,-MIT,.BSD-2-Clause,.GPL-2.0},README.md,SECURITY.md,bom.cdx.json}
    cat <<EOF
644 /usr/local/lib/systemd/system/corexdp.service
644 /usr/local/share/bash-completion/completions/corexdp
644 /usr/local/share/fish/vendor_completions.d/corexdp.fish
644 /usr/local/share/man/man5/corexdp-corefile.5
644 /usr/local/share/man/man7/corexdp-programs.7
644 /usr/local/share/man/man8/corexdp.8
644 /usr/local/share/zsh/site-functions/_corexdp
755 /usr/local/sbin/corexdp
755 /usr/local/share/corexdp/crowdsec.sh
EOF
}

has_the_installed_files() {
    diff <(expected_files | sort) <(find "$root" -type f -printf '%m /%P\n' | sort) &&
        [ "$(stat --format=%a "$root/etc/corexdp")" = 755 ]
}

# Source and release install the same files; a release adds the bill of its binary.
source_installs_the_same() {
    local dist
    dist=dist/$(uname -m)-unknown-linux-musl
    make -C "$scratch/one" install DESTDIR="$scratch/source" BINARY="$dist/corexdp" OBJECTS="$(echo "$dist"/*.o)" &&
        diff --recursive --exclude=LICENCES --exclude=bom.cdx.json "$scratch/source" "$root"
}

# Manuals, completions and Corefiles; in the recipe for Yocto, all packages together.
yocto_installs_the_same() {
    python3 -B - "$scratch/yocto" "dist/$(uname -m)-unknown-linux-musl" <<EOF &&
import sys
sys.path.insert(0, 'tests/appliance')
import packages
packages.removals = lambda recipe: []
packages.install_package('yocto', 'systemd', sys.argv[2] + '/corexdp', sys.argv[2], sys.argv[1])
EOF
        diff --recursive --exclude=doc "$scratch/yocto/usr/share" "$scratch/$here/usr/share"
}

# Runs a program with $root as its root folder, which has no libraries.
inside() {
    chroot "$root" "$@"
}

prints_its_version() {
    [ "$(inside /usr/local/sbin/corexdp --version)" = "corexdp $version" ]
}

accepts_the_installed_corefiles() {
    local corefile
    for corefile in "$root"/usr/local/share/corexdp/*.Corefile; do
        inside /usr/local/sbin/corexdp check -conf "${corefile#"$root"}" || return
    done
    # Copied to the place that the unit reads.
    cp "$root/usr/local/share/corexdp/acl.Corefile" "$root/etc/corexdp/Corefile" &&
        inside /usr/local/sbin/corexdp check
}

# A program of the user's own, in any folder.
compiles_with_the_installed_headers() {
    cat >"$root/own.bpf.c" <<EOF
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "prefix_table.h"
#include "name_table.h"

struct rule {
	__u8 action;
	__u64 packets;
};

PREFIX_TABLE(xdp_map, struct rule);

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
EOF
    (cd "$root" && "${CLANG:-clang}" -O2 -g -target bpf -mcpu=v2 -Iusr/local/include/corexdp \
        "-I/usr/include/$(uname -m)-linux-gnu" -c own.bpf.c -o own.o) &&
        inside /usr/local/sbin/corexdp inspect /own.o | grep xdp_map &&
        rm "$root/own.bpf.c" "$root/own.o"
}

# Manuals, unit and Corefiles name files and folders that exist, and none of another PREFIX.
texts_have_the_installed_paths() {
    local texts=("$root"/usr/local/share/{man/man*/*,corexdp/*.Corefile} "$root/usr/local/lib/systemd/system/corexdp.service")
    local path paths
    ! grep -o -E '/usr/(s?bin|lib|include|share)/corexdp.*' "${texts[@]}" || return
    paths=$(grep -h -o -E '/usr/local/(s?bin|lib|include|share)/corexdp(/[a-z]*\.o)?' "${texts[@]}" | sort -u)
    echo "$paths"
    [ "$(wc -l <<<"$paths")" -gt 9 ] || return
    for path in $paths; do
        [ -e "$root$path" ] || return
    done
}

manuals_are_shown() {
    local manual
    for manual in "$root"/usr/local/share/man/man*/*; do
        mandoc -W warning -T utf8 "$manual" >"$scratch/page" && [ "$(wc -l <"$scratch/page")" -gt 200 ] || return
    done
}

installs_into_other_folders() {
    make -C "$scratch/$here" install DESTDIR="$scratch/other" PREFIX=/opt/x sysconfdir=/opt/x/etc libdir=/opt/x/lib64 INIT=sysv &&
        [ ! -e "$scratch/other/etc" ] && [ ! -e "$scratch/other/opt/x/lib" ] &&
        [ "$(stat --format=%a "$scratch/other/opt/x/etc/init.d/corexdp")" = 755 ] &&
        grep -q '"/opt/x/sbin/.DAEMON" run' "$scratch/other/opt/x/etc/init.d/corexdp" &&
        grep -q 'conf /opt/x/etc/corexdp/Corefile' "$scratch/other/opt/x/etc/init.d/corexdp" &&
        grep -q '^ *elf /opt/x/lib64/corexdp/acl.o$' "$scratch/other/opt/x/share/corexdp/acl.Corefile" &&
        chroot "$scratch/other" /opt/x/sbin/corexdp check -conf /opt/x/share/corexdp/acl.Corefile
}

uninstall_keeps_the_files_of_the_operator() {
    touch "$root/usr/local/lib/corexdp/own.o"
    make -C "$scratch/$here" uninstall DESTDIR="$root" &&
        diff <(find "$root" -type f -printf '/%P\n' | sort) - <<EOF
/etc/corexdp/Corefile
/usr/local/lib/corexdp/own.o
EOF
}

release_of_the_other_target_has_the_same_files() {
    diff <(tar --list --file "$release/$product-x86_64-unknown-linux-musl.tar.gz" | cut -d / -f 2- | sort) \
        <(tar --list --file "$release/$product-aarch64-unknown-linux-musl.tar.gz" | cut -d / -f 2- | sort) &&
        tar --extract --to-stdout --file "$release/$product-aarch64-unknown-linux-musl.tar.gz" \
            "$product-aarch64-unknown-linux-musl/usr/sbin/corexdp" | file - | grep 'ARM aarch64'
}

check 'make build names what is missing, and installs no package' build_names_what_is_missing_and_installs_nothing
release=$scratch/one/dist/release
check 'the source is copied' copy_source "$scratch/one"
check 'the source is cloned' clone_source "$scratch/one" "$scratch/two"
check 'make install names what is not built' install_names_what_is_not_built_and_installs_nothing
check 'make release refuses a changed source' release_refuses_a_changed_source
check 'make release writes two releases' writes_the_release
check 'two releases of a commit are equal' diff --recursive "$release" "$scratch/two/elsewhere"
check 'a release has its files and their checksums' has_the_files_of_a_release
for tarball in "$release"/*.tar.gz; do
    check "$(basename "$tarball") is tidy" is_tidy "$tarball"
done
check 'the source has no hash of itself' source_has_no_hash_of_itself
check 'the vendored source needs no network' vendored_source_needs_no_network
check 'both targets have the same files' release_of_the_other_target_has_the_same_files

check 'make install installs the release' installs_the_release
check 'exactly the expected files are installed' has_the_installed_files
check 'make install installs the same from the source' source_installs_the_same
check 'Yocto installs the same texts' yocto_installs_the_same
check 'the installed binary prints its version' prints_its_version
check 'the installed binary accepts the installed Corefiles' accepts_the_installed_corefiles
check 'own programs compile with the installed headers' compiles_with_the_installed_headers
check 'the installed texts name installed paths' texts_have_the_installed_paths
check 'mandoc shows the installed manuals' manuals_are_shown
check 'make install obeys its variables' installs_into_other_folders
for init in openrc procd; do
    check "make install installs the script for $init" make -C "$scratch/$here" install DESTDIR="$scratch/$init" INIT=$init
done
check 'make uninstall keeps the files of the operator' uninstall_keeps_the_files_of_the_operator

finish
