#!/bin/bash
# Measures corexdp beside its peers and prints one table. Needs root, and what `make build` makes.
#
# All of it runs in network, mount and process namespaces of its own, so that nothing is left of it, however it ends:
# no interface, no pin, no process.
#
# Usage: tests/bench.sh [attach|fill|scrape|rest|programs]...
set -eu
cd "$(dirname "$0")/.."

# ip, bpftool and xdp-loader stand in sbin, which not every root shell searches.
PATH="$PATH:/usr/sbin:/sbin"
# In the dev profile, since `make test` shares it; the clock runs while others work, not the harness.
bench=("${CARGO:-cargo}" bench --locked --quiet --profile dev --bench peers)
inside=

# What ships, when `make dist` has made it of these sources; else what `make build` has.
binary() {
    local shipped
    shipped=dist/$(uname -m)-unknown-linux-musl/corexdp
    if [ ! -e "$shipped" ]; then
        echo target/release/corexdp
    elif [ -n "$(find src cross build.rs Cargo.toml Cargo.lock -newer "$shipped" -print -quit)" ]; then
        echo "$shipped is older than its sources; not measured" >&2
        echo target/release/corexdp
    else
        echo "$shipped"
    fi
}

clean_up() {
    status=$?
    trap - EXIT
    # Ends all that is inside, by --kill-child.
    [ -z "$inside" ] || kill -KILL "$inside" 2>/dev/null || true
    rm -rf "$COREXDP_BENCH_DIR"
    exit "$status"
}

if [ "$(id -u)" -ne 0 ]; then
    echo 'the benchmarks make namespaces and load programs into the kernel; run them as root' >&2
    exit 77
fi
"${bench[@]}" --no-run
COREXDP_BENCH_BINARY=$PWD/$(binary)
COREXDP_BENCH_DIR=$(mktemp -d)
export COREXDP_BENCH_BINARY COREXDP_BENCH_DIR
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# In the background, because the first process of a namespace does not hear Ctrl-C.
# shellcheck disable=SC2016 # expanded inside
unshare --net --mount --pid --fork --kill-child --mount-proc \
    sh -c 'mount -t bpf bpf /sys/fs/bpf && exec "$@"' sh "${bench[@]}" -- "$@" &
inside=$!
wait "$inside"
inside=
