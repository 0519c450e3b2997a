#!/bin/sh
# Installs what building, the demo or the tests need: on Debian and Ubuntu, as root, when something is missing.
# Elsewhere it says what is missing. Quick and silent when everything is there.
#
# Usage: tests/setup.sh build|demo|test
set -eu

# The daemons that the demo and the tests start stand in sbin, which not every root shell searches.
PATH="$PATH:/usr/sbin:/sbin"
cc=${CC:-cc}

# One line each: the sets that need it, how it is found, its name there, its Debian package.
needs() {
    cat <<EOF
build,demo,test command ${CLANG:-clang} clang
build,demo,test command llvm-strip llvm
build,demo,test command $cc gcc
build,demo,test command make make
build,demo,test libclang libclang.so libclang-dev
build,demo,test header stdlib.h libc6-dev
build,demo,test header linux/bpf.h linux-libc-dev
build,demo,test header libelf.h libelf-dev
build,demo,test header zlib.h zlib1g-dev
build,demo,test header bpf/bpf_helpers.h libbpf-dev
demo,test command ip iproute2
demo,test command knotd knot
demo,test command kdig knot-dnsutils
demo,test command curl curl
test command bpftool bpftool
test command promtool prometheus
test command shellcheck shellcheck
test command strace strace
test command unshare util-linux
test command ps procps
EOF
}

found() {
    case $1 in
    command) command -v "$2" >/dev/null ;;
    header) echo "#include <$2>" | "$cc" -E -x c - >/dev/null 2>&1 ;;
    libclang) found_libclang ;;
    esac
}

# Where bindgen looks.
found_libclang() {
    libdir=$(llvm-config --libdir 2>/dev/null) || libdir=/usr/lib
    for file in "${LIBCLANG_PATH:-/usr/lib}"/libclang*.so* "$libdir"/libclang*.so* /usr/lib/llvm-*/lib/libclang*.so* \
        /usr/lib64/libclang*.so* /usr/lib/*-linux-gnu/libclang*.so*; do
        [ -e "$file" ] && return
    done
    return 1
}

# Lines of needs() that set $1 has and this machine has not.
missing() {
    needs | while read -r sets kind name package; do
        case ",$sets," in
        *",$1,"*) found "$kind" "$name" || echo "$kind $name $package" ;;
        esac
    done
}

check_rust() {
    components='cargo rustc'
    [ "$1" = test ] && components="$components cargo-fmt cargo-clippy"
    for component in $components; do
        if ! command -v "$component" >/dev/null; then
            echo "setup: $component is missing; install Rust 1.95 or newer with rustfmt and clippy, for example by rustup" >&2
            exit 1
        fi
    done
}

# No package may start its service here, nor at the next boot: the tests run their own, in their own namespaces.
install() {
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        trap 'rm -f $policy' EXIT
        trap 'exit 1' HUP INT TERM
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update
    apt-get -q -y install --no-install-recommends "$@"
    for package in "$@"; do
        # As `systemctl disable`, which a machine without systemd has not.
        rm -f "/etc/systemd/system/multi-user.target.wants/$package.service"
    done
}

case ${1-} in
build | demo | test) ;;
*)
    echo 'usage: tests/setup.sh build|demo|test' >&2
    exit 64
    ;;
esac

check_rust "$1"
lacking=$(missing "$1")
[ -n "$lacking" ] || exit 0

packages=$(echo "$lacking" | while read -r _ _ package; do echo "$package"; done | sort -u | tr '\n' ' ')
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "$lacking" | while read -r kind name package; do
        echo "setup: $kind $name is missing (Debian package $package)" >&2
    done
    command -v apt-get >/dev/null && echo "setup: as root: apt-get install --no-install-recommends $packages" >&2
    exit 1
fi

echo "setup: installing $packages"
# shellcheck disable=SC2086 # a list of names
install $packages
lacking=$(missing "$1")
if [ -n "$lacking" ]; then
    echo "setup: installed, but still not found:" >&2
    echo "$lacking" >&2
    exit 1
fi
