#!/bin/bash
# Builds the fuzz targets and runs each target for SECONDS, one on each core at a time. target/fuzz/corpus/ keeps the
# inputs of each target for the next run, and target/fuzz/found/ the inputs on which a target failed. The last line is
# `N passed, N failed`.
#
# Usage: tests/fuzz.sh SECONDS [TARGET…]
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

work=$PWD/target/fuzz
clang=${CLANG:-clang}
strip=${LLVM_STRIP:-llvm-strip}
objcopy=${strip/%strip*/objcopy${strip##*strip}}

# Compiles the sources of the programs and the tests. Their objects are seeds of the target object, their types of btf.
make_seeds() {
    local source name object headers
    headers=/usr/include/$(uname -m)-linux-gnu
    mkdir -p "$work"/seeds/{object,btf}
    for source in bpf/*.bpf.c tests/objects/*.bpf.c tests/objects/wrong/*.bpf.c; do
        name=$(basename "$source" .bpf.c)
        object=$work/seeds/object/$name
        [ "$object" -nt "$source" ] && continue
        "$clang" -O2 -g -target bpf "-I$headers" -Wno-everything -c "$source" -o "$object.new" &&
            "$strip" -g "$object.new" || return
        # An object without types has no section .BTF.
        "$objcopy" "--dump-section=.BTF=$work/seeds/btf/$name" "$object.new" /dev/null 2>/dev/null
        mv "$object.new" "$object"
    done
}

# Runs target $1 for $2 seconds. The output of libFuzzer goes to a log.
run() {
    local target=$1 seconds=$2 dictionary=tests/fuzz/dictionaries/$1.dict log=$work/$1.log folders=() folder
    for folder in "tests/fuzz/seeds/$target" "tests/fuzz/found/$target" "$work/seeds/$target"; do
        [ -d "$folder" ] && folders+=("$folder")
    done
    [ ${#folders[@]} -gt 0 ] || { printf 'failed %s: it has no seeds\n' "$target" && return 1; }
    mkdir -p "$work/corpus/$target" "$work/found"
    [ -e "$dictionary" ] && folders=("-dict=$dictionary" "${folders[@]}")
    nice "$work/$host/release/$target" "-max_total_time=$seconds" -timeout=20 -rss_limit_mb=1024 -max_len=16384 \
        -use_value_profile=1 -print_final_stats=1 "-artifact_prefix=$work/found/$target-" \
        "$work/corpus/$target" "${folders[@]}" >"$log" 2>&1
    local status=$? runs cover
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    cover=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | sed -n '1p;$p' | paste -s -d ' ')
    if [ $status -eq 0 ] && [ "${runs:-0}" -gt 0 ]; then
        printf 'passed %s: %s inputs; edges covered at first and in the end: %s\n' "$target" "$runs" "$cover"
        return
    fi
    # Prints the fault and the input. A panic message has more than one line.
    grep -a -A 2 -e ' panicked at ' "$log"
    grep -a -e 'ERROR: ' -e 'Test unit written to' "$log" || tail -n 20 "$log"
    printf 'failed %s: fix the bug, and add the input to tests/fuzz/found/%s/\n' "$target" "$target"
    return 1
}

case ${1-} in
'' | *[!0-9]*)
    echo 'usage: tests/fuzz.sh SECONDS [TARGET…]' >&2
    exit 64
    ;;
esac
seconds=$1
shift
if [ $# -eq 0 ]; then
    for file in tests/fuzz/src/bin/*.rs; do
        set -- "$@" "$(basename "$file" .rs)"
    done
fi
host=$(rustc --print host-tuple) || exit
make_seeds && tests/fuzz/cargo build || exit

export -f run
export work host
printf '%s\n' "$@" | xargs -P "$(nproc)" -I TARGET bash -c "run TARGET $seconds" | tee "$work/results"
passed=$(grep -c '^passed ' "$work/results")
printf '%d passed, %d failed\n' "$passed" $(($# - passed))
[ "$passed" -eq $# ]
