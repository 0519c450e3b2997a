#!/bin/bash
# Checks that dist/ does not depend on the folder of the source: runs `make dist` in a copy of the source with the tools of
# tests/setup.sh, and compares the bytes. The last line is `N passed, N failed`.
#
# Usage: tests/rebuild.sh, after `make dist`
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

passed=0
failed=0
make=
trap '[ -z "$make" ] || { kill "$make"; wait "$make"; }; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
# The other path differs in depth and length. It has no spaces: the make of bpf-sys fails with them.
folder=$(mktemp -d) || exit
other=$folder/elsewhere/corexdp-once-more

copy() {
    mkdir -p "$other/target" &&
        tar --create --exclude=./target --exclude=./dist --exclude=./.git . | tar --extract --directory "$other" &&
        cp -a target/venv "$other/target/"
}

# Runs make in the background, so that a signal to this script ends make too.
make_dist() {
    make --no-print-directory -C "$other" dist &
    make=$!
    wait "$make" && make=
}

if ! { copy && make_dist; } >"$folder/log" 2>&1; then
    make=
    tail -n 30 "$folder/log"
    printf 'FAILED: the second build failed\n\n0 passed, 1 failed\n'
    exit 1
fi

# Compares the files of both folders, so that a file in only one of them is a difference.
while read -r name; do
    if cmp "dist/$name" "$other/dist/$name"; then
        printf 'ok: dist/%s is equal in both builds\n' "$name"
        passed=$((passed + 1))
    else
        printf 'FAILED: dist/%s differs between the builds\n' "$name"
        failed=$((failed + 1))
    fi
done < <(for dist in dist "$other/dist"; do (cd "$dist" && find ./*-musl -type f); done | sort -u)

printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ]
