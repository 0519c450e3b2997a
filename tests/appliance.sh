#!/bin/bash
# Boots an image as a vendor builds it, on several kernels and sizes of memory, under emulation, and tests what is in
# dist/ there, from inside and, over an emulated network card, from outside. As many at a time as there are processors.
# Ends with `N passed, N failed`. Reports and consoles stay in target/appliance/boots/.
#
# Usage: tests/appliance.sh [WORD…]    with words, only the boots whose line below has them all
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

work=$PWD/target/appliance
. tests/appliance/fetch.sh

# Machine, kernel, MiB of memory, the network card (see machine.sh), the mode that its driver allows, the init, and the
# package that installs what is tested. Debian's amd64 kernel does not begin in 64 MiB, whatever runs on it: it unpacks
# itself at 16 MiB and needs 51.5 from there.
boots='
amd64 6.1  256 twin   native  systemd buildroot
amd64 6.12 256 twin   native  systemd yocto
arm64 5.10 256 twin   native  sysv buildroot
arm64 5.10  64 plain  native  sysv buildroot
arm64 6.1  256 twin   native  sysv buildroot
arm64 6.1   64 plain  native  sysv buildroot
arm64 6.1   64 rigid  generic sysv buildroot
arm64 6.12 256 twin   native  sysv buildroot
arm64 6.12  64 plain  native  sysv buildroot
amd64 6.1  256 twin   native  sysv buildroot
amd64 6.1   80 plain  native  sysv buildroot
'

fail() {
    printf 'appliance: %s\n' "$*" >&2
    exit 1
}

# The lines of the table that have all these words.
chosen() {
    local line word
    while read -r line; do
        [ -n "$line" ] || continue
        for word; do
            [[ " $line " = *" $word "* ]] || continue 2
        done
        echo "$line"
    done <<<"$boots"
}

# Waits until one of the boots that run has ended, and prints its report.
await_boot() {
    local pid
    wait -n -p pid
    cat "${reports[$pid]}"
    unset "reports[$pid]"
}

[ "$(id -u)" -eq 0 ] || fail 'network namespaces need root'
for target in aarch64 x86_64; do
    [ -x "dist/$target-unknown-linux-musl/corexdp" ] || fail "dist/$target-unknown-linux-musl is missing; run make dist"
done
mapfile -t lines < <(chosen "$@")
[ ${#lines[@]} -gt 0 ] || fail "no boot has all of these words: $*"

mkdir -p "$work"/{boots,packages,unpacked}
rm -f "$work"/boots/*.report
# The reports of those that run, by process.
declare -A reports=()
trap 'kill "${!reports[@]}"; wait; exit 1' HUP INT TERM
for line in "${lines[@]}"; do
    read -r -a words <<<"$line"
    fetch "${words[0]}" "${words[1]}" "${words[5]}" || {
        printf '\n== %s\n  FAILED  no kernel, so no boot\n' "$line"
        continue
    }
    [ ${#reports[@]} -lt "$(nproc)" ] || await_boot
    report=$work/boots/$(IFS=- && echo "${words[*]}").report
    nice tests/appliance/boot.sh "${words[@]}" >"$report" 2>&1 </dev/null &
    reports[$!]=$report
done
while [ ${#reports[@]} -gt 0 ]; do await_boot; done

# A boot that came to no count is one failure.
counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$work"/boots/*.report 2>/dev/null)
passed=$(awk '{ sum += $1 } END { print sum + 0 }' <<<"$counts")
failed=$(awk -v boots=${#lines[@]} 'NF { sum += $2; boots-- } END { print sum + boots }' <<<"$counts")
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ]
