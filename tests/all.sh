#!/bin/bash
# Every test that CI runs. The last line is `N passed, N failed`; a step that is no test, such as clippy, counts as
# one failure when it fails.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

# ip, knotd and others stand in sbin, which not every root shell searches.
PATH="$PATH:/usr/sbin:/sbin"
cargo=${CARGO:-cargo}
passed=0
failed=0

step() {
    printf '\n== %s\n' "$*"
    "$@" && return
    printf '== failed: %s\n' "$*" >&2
    failed=$((failed + 1))
    return 1
}

# Runs cargo test with these arguments and adds its results up. A failure without a result, as when the tests do not
# compile or a signal ends them, counts as one.
tests() {
    printf '\n== cargo test %s\n' "$*"
    local status counts
    "$cargo" test --locked --no-fail-fast "$@" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    counts=$(awk '/^test result: / { passed += $4; failed += $6 } END { print passed + 0, failed + 0 }' "$log")
    passed=$((passed + ${counts% *}))
    failed=$((failed + ${counts#* }))
    if [ "$status" -ne 0 ] && [ "${counts#* }" -eq 0 ]; then
        failed=$((failed + 1))
    fi
}

# Each fuzz target for a short time; one that fails is a failed test.
fuzz() {
    printf '\n== fuzz targets\n'
    local counts
    tests/fuzz.sh 15 2>&1 | tee "$log"
    counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)
    # Without a result, as when the targets do not compile, it is one failure.
    counts=${counts:-0 1}
    passed=$((passed + ${counts% *}))
    failed=$((failed + ${counts#* }))
}

if [ "$(id -u)" -ne 0 ]; then
    echo 'the tests make network namespaces and load programs into the kernel; run them as root' >&2
    exit 77
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT

step make --no-print-directory lint
if step make --no-print-directory build; then
    tests
    # Again with a binary whose kernel calls can be made to fail, and the tests that do so.
    tests --features faults --test run
    fuzz
fi

printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ]
