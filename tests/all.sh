#!/bin/bash
# Runs the tests. The last line is `N passed, N failed`. A failed step that is not a test, such as clippy, counts as one
# failure.
#
# Usage: tests/all.sh [check]
#
# `make check` is the inner loop, at most four minutes on two idle cores. `make test` is what CI runs.
#
#                                                                check  test
#   rustfmt and clippy of the debug build                          x     x
#   clippy of the fuzz targets and of the feature `faults`               x
#   hadolint, oelint, shellcheck, systemd-analyze: make lint             x
#   cargo test of the debug build: unit and end-to-end tests       x     x
#   the tests in $slow, several minutes together                         x
#   cargo test --features faults --test run                              x
#   each fuzz target for 15 seconds: tests/fuzz.sh                       x
#   static binaries: make dist, tests/dist.sh, release.sh, rebuild.sh    x
#   emulated boots: tests/appliance.sh                                   x
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

# ip, knotd and others are in sbin, which is not in the PATH of every root shell.
PATH="$PATH:/usr/sbin:/sbin"
cargo=${CARGO:-cargo}
# Tests that check leaves out: every system call fails once, a daemon runs for a while, and traffic passes each filter.
slow='faults soak bystander'
passed=0
failed=0

step() {
    printf '\n== %s\n' "$*"
    "$@" && return
    printf '== failed: %s\n' "$*" >&2
    failed=$((failed + 1))
    return 1
}

# Adds the test counts in $log: results of cargo, or the last line of a script. $1 is the exit status of the command. A
# failure without a result, such as a compiler error, counts as one failed test.
add_up() {
    local counts
    counts=$(awk '
        /^test result: / { passed += $4; failed += $6 }
        /^[0-9]+ passed, [0-9]+ failed$/ { last_passed = $1; last_failed = $3 }
        END { print passed + last_passed + 0, failed + last_failed + 0 }' "$log")
    passed=$((passed + ${counts% *}))
    failed=$((failed + ${counts#* }))
    if [ "$1" -ne 0 ] && [ "${counts#* }" -eq 0 ]; then
        failed=$((failed + 1))
    fi
}

# Runs a command that prints the number of its passed and failed tests.
tests() {
    printf '\n== %s\n' "$*"
    "$@" 2>&1 | tee "$log"
    add_up "${PIPESTATUS[0]}"
}

# Ends with the counts, and fails unless all tests passed.
finish() {
    printf '\n%d passed, %d failed\n' "$passed" "$failed"
    [ "$passed" -gt 0 ] && [ "$failed" -eq 0 ]
}

check() {
    local main name targets=(--lib --bins)
    for main in tests/*/main.rs; do
        name=$(basename "$(dirname "$main")")
        [[ " $slow " = *" $name "* ]] || targets+=(--test "$name")
    done
    step "$cargo" fmt --all --check
    step "$cargo" clippy --locked --all-targets -- -D warnings
    # More threads than cores, because most tests wait most of the time.
    RUST_TEST_THREADS=${RUST_TEST_THREADS:-4} tests "$cargo" test --locked --no-fail-fast "${targets[@]}"
    finish
}

if [ "$(id -u)" -ne 0 ]; then
    echo 'the tests need root: they create network namespaces and load programs into the kernel' >&2
    exit 77
fi
log=$(mktemp)
rebuild_log=$(mktemp)
rebuild=
trap 'rm -f "$log" "$rebuild_log"; [ -z "$rebuild" ] || kill "$rebuild"' EXIT

case ${1-} in
check)
    check
    exit
    ;;
'') ;;
*)
    echo 'usage: tests/all.sh [check]' >&2
    exit 64
    ;;
esac

step make --no-print-directory lint
if step make --no-print-directory build; then
    tests "$cargo" test --locked --no-fail-fast
    # With the feature `faults`, tests make kernel calls of the binary fail.
    tests "$cargo" test --locked --no-fail-fast --features faults --test run
    # 15 seconds for each fuzz target.
    tests tests/fuzz.sh 15
fi
if step make --no-print-directory dist; then
    tests tests/dist.sh
    tests tests/release.sh
    # The emulated machines are often idle. rebuild.sh uses that time.
    nice -n 19 tests/rebuild.sh >"$rebuild_log" 2>&1 &
    rebuild=$!
    tests tests/appliance.sh
    printf '\n== tests/rebuild.sh\n'
    wait "$rebuild"
    status=$?
    rebuild=
    tee "$log" <"$rebuild_log"
    add_up "$status"
fi

finish
