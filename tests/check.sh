# Functions of the scripts that check files with commands: tests/dist.sh, tests/release.sh.
# shellcheck shell=bash

passed=0
failed=0

# Runs a command, and shows its output if it fails. $1 says what the command checks.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        printf 'ok: %s\n' "$name"
        passed=$((passed + 1))
    else
        printf 'FAILED: %s: %s\n' "$name" "$output" >&2
        failed=$((failed + 1))
    fi
}

# Ends with the counts.
finish() {
    printf '\n%d passed, %d failed\n' "$passed" "$failed"
    [ "$passed" -gt 0 ] && [ "$failed" -eq 0 ]
}
