#!/bin/bash
# Checks the output of `make dist`: both binaries are static, stripped and small, and run (aarch64 in an emulator), and the
# XDP programs are in the same folders. The last line is `N passed, N failed`.
#
# Usage: tests/dist.sh, after `make dist`
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

# The size limit of a binary, in bytes, for devices with small flash.
most_bytes=900000
# shellcheck source=check.sh
. tests/check.sh

is_static_and_stripped() {
    local kind
    kind=$(file --brief "$1")
    echo "$kind"
    [[ $kind == ELF\ 64-bit\ LSB*"$2"*static* && $kind == *", stripped" ]]
}

is_small() {
    local bytes
    bytes=$(stat --format=%s "$1")
    echo "$bytes bytes; at most $most_bytes"
    [ "$bytes" -le "$most_bytes" ]
}

# Paths of this machine in the binary would make it differ from a binary built elsewhere.
has_no_local_path() {
    ! grep --text --only-matching --fixed-strings -e "$PWD" -e "${CARGO_HOME:-$HOME/.cargo}" "$1"
}

has_bill_of_materials() {
    jq -e '.specVersion == "1.6" and (.components | length > 10)' "$1/bom.cdx.json" && grep -q '^musl: ' "$1/LICENCES"
}

# Each vulnerability names components of the bill, and says why they are not affected.
has_vulnerabilities() {
    jq -e '[.components[]["bom-ref"]] as $refs | .vulnerabilities | length > 5
        and all(.analysis.state == "resolved" or .analysis.justification == "code_not_reachable")
        and all(.analysis.detail != "" and (.affects | length > 0))
        and all(.[].affects[].ref; IN($refs[]))
        and any(.id == "CVE-2022-3534" and .affects == [{"ref": "libbpf"}])
        and ([.[].id] | unique | length) == length' "$1/bom.cdx.json"
}

prints_version() {
    local expected printed
    expected=corexdp\ $(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
    printed=$("$@" --version) || return
    echo "printed '$printed', expected '$expected'"
    [ "$printed" = "$expected" ]
}

# Checks a Corefile whose object is truncated. The exit code must be 65.
refuses_damaged_object() {
    local folder status
    folder=$(mktemp -d) || return
    head -c 1000 "$examples/ordered.o" >"$folder/ordered.o"
    cp "$examples/ordered.Corefile" "$folder/"
    "$@" check -conf "$folder/ordered.Corefile"
    status=$?
    rm -r "$folder"
    echo "exit code $status, expected 65"
    [ "$status" -eq 65 ]
}

# Serves a page in a new network namespace. The seccomp list must allow the system calls of musl, too.
serves_page() {
    local folder status
    folder=$(mktemp -d) || return
    printf '. {\nprometheus 0.0.0.0:9153\n}\n' >"$folder/Corefile"
    # shellcheck disable=SC2016
    unshare --net sh -c 'ip link set lo up && "$1" run -conf "$2/Corefile" --log stderr --control "$2/control" & pid=$!
        curl --silent --show-error --fail --retry 20 --retry-connrefused --retry-delay 1 http://127.0.0.1:9153/metrics
        status=$?; kill $pid; wait $pid; exit $status' sh "$1" "$folder"
    status=$?
    rm -r "$folder"
    return "$status"
}

check_target() {
    local cpu=$1 file_cpu=$2 source name
    shift 2
    examples=dist/$cpu-unknown-linux-musl
    local binary=$examples/corexdp
    local run=("$@" "$binary")

    check "$binary is static and stripped" is_static_and_stripped "$binary" "$file_cpu"
    check "$binary is small" is_small "$binary"
    check "$binary has no path of this machine" has_no_local_path "$binary"
    check "$examples has a bill of materials" has_bill_of_materials "$examples"
    check "$examples has the vulnerabilities of its components" has_vulnerabilities "$examples"
    check "$binary prints its version" prints_version "${run[@]}"
    for source in bpf/*.bpf.c; do
        name=$(basename "$source" .bpf.c)
        check "$binary accepts $name.Corefile" "${run[@]}" check -conf "$examples/$name.Corefile"
    done
    check "$binary refuses a damaged object" refuses_damaged_object "${run[@]}"
}

check_target x86_64 x86-64
check "$examples/corexdp serves a page" serves_page "$PWD/$examples/corexdp"
check_target aarch64 'ARM aarch64' qemu-aarch64-static
finish
