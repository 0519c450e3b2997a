#!/bin/bash
# Part of tests/appliance.sh. What the packages for Buildroot and Yocto put into an image: their own commands install it,
# from what dist/ has in the place of what they would have compiled.
#
# Usage: tests/appliance/packages.sh buildroot|yocto sysv|systemd BINARY OBJECTS    lists it: mode, owner, path; OBJECTS
#                                                                                   is a folder with the programs
set -uo pipefail

recipe_folder=yocto-layer/meta-corexdp/recipes-connectivity/corexdp

# Installs into folder $5 as package $1 does for init $2, with the daemon $3 and the programs in folder $4.
install_package() {
    local build status
    mkdir -p "$5" && build=$(mktemp -d "$5.XXXXXX") || return
    # Whatever the one who tests has: a package gives each folder it makes its mode, or has a table for it.
    (umask 022 && "install_$1" "$2" "$3" "$4" "$build" "$5")
    status=$?
    rm -rf "$build"
    return "$status"
}

install_buildroot() {
    local init=$1 binary=$2 objects=$3 build=$4 root=$5
    mkdir -p "$build/target/target/release" &&
        cp "$binary" "$build/target/target/release/corexdp" && cp "$objects"/*.o "$build/" &&
        run_make BUILD="$(realpath "$build")" TARGET_DIR="$(realpath "$root")" INIT="${init^^}" install >/dev/null &&
        set_permissions "$root"
}

# Not as a part of the make that may have started the test.
run_make() { env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory -f tests/appliance/buildroot.mk "$@"; }

# As Buildroot does for its table, before it makes the file system.
set_permissions() {
    local path type mode user group
    while read -r path type mode user group _; do
        [ -n "$path" ] || continue
        test "-$type" "$1$path" && chmod "$mode" "$1$path" && chown "$user:$group" "$1$path" || return
    done < <(run_make permissions)
}

# Runs the recipe's do_install, and then leaves out what goes into packages that corexdp-image does not name.
install_yocto() {
    local init=$1 binary=$2 objects=$3 build=$4 root=$5 recipe commands
    # As DISTRO_FEATURES has it.
    [ "$init" = systemd ] || init=sysvinit
    recipe=$(echo $recipe_folder/corexdp_*.bb)
    mkdir -p "$build/target/machine/release" &&
        cp "$binary" "$build/target/machine/release/corexdp" && cp "$objects"/*.o "$build/" || return
    # The one expression of Python in it becomes a word of the shell.
    commands=$(sed -n '/^do_install() {/,/^}/p' "$recipe" |
        sed "s/\${@bb\.utils\.contains('DISTRO_FEATURES', '\([a-z]*\)', 'true', 'false', d)}/feature \1/")
    [[ $commands != *'{@'* ]] || {
        echo "$recipe: do_install has Python that tests/appliance/packages.sh does not know" >&2
        return 1
    }
    # shellcheck disable=SC2016 # for the shell inside
    env -i PATH="$PATH" init="$init" B="$build" D="$root" S=. UNPACKDIR=$recipe_folder/files \
        CARGO_TARGET_SUBDIR=machine/release COREXDP_OBJECTS="$(objects_of "$recipe")" PN=corexdp \
        sbindir=/usr/sbin sysconfdir=/etc datadir=/usr/share mandir=/usr/share/man nonarch_libdir=/usr/lib \
        systemd_system_unitdir=/usr/lib/systemd/system \
        sh -eu -c "feature() { [ \"\$init\" = \"\$1\" ]; }
            $commands
            do_install
            $(others "$recipe")" && find "$root" -type d -empty -delete
}

objects_of() { sed -n 's/^COREXDP_OBJECTS ?= "\(.*\)"$/\1/p' "$1"; }

# Commands that remove the files of packages that the image has not: those of the recipe, and those that bitbake and
# the class bash-completion make by themselves.
others() {
    # shellcheck disable=SC2016 # bitbake's variables, which are the shell's inside
    sed -n '/^FILES:${PN}-objects /d; s/^FILES:[^ ]* += "\(.*\)"$/rm -r "${D}\1"/p' "$1"
    # shellcheck disable=SC2016 # for the shell inside
    echo 'rm -r "${D}${mandir}" "${D}${datadir}/bash-completion"'
}

# Mode, owner and path of what is in folder $1, but for the folders that every image has.
list_installed() {
    (cd "$1" && find . \( ! -type d -o -path '*/corexdp*' \) -printf '%m %U:%G %P\n' | sed 's, , /,2' | LC_ALL=C sort -k 3)
}

if [ "$0" = "${BASH_SOURCE[0]}" ]; then
    [ $# -eq 4 ] || {
        sed -n 's/^# Usage: /usage: /p' "$0" >&2
        exit 64
    }
    cd "$(dirname "$0")/../.." || exit 1
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    install_package "$1" "$2" "$3" "$4" "$scratch/root" && list_installed "$scratch/root"
fi
