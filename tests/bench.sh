#!/bin/bash
# Measures the static corexdp of `make dist` and its peers, and prints one table. Needs root and the output of
# `make dist-host`, which `make bench` builds.
#
# The benchmarks run in new network, mount and process namespaces. The end of the namespaces removes every interface, pin
# and process of a benchmark.
#
# Usage: tests/bench.sh [attach|fill|scrape|rest|programs|chains|flood|proof|load|decide]...
# COREXDP_BENCH_DIVISOR divides the sizes of load and decide, to try them.
# COREXDP_BENCH_PROGRAMS names the programs that `programs` measures.
set -eu
cd "$(dirname "$0")/.."

# ip, bpftool and xdp-loader are in sbin, which is not in the PATH of every root shell.
PATH="$PATH:/usr/sbin:/sbin"
# The harness shares the dev profile with `make test`. It measures other processes, so its own speed does not matter.
bench=("${CARGO:-cargo}" bench --locked --quiet --profile dev --bench peers)
inside=

# Prints the static binary of `make dist` for this machine's CPU. Fails if the binary is missing or older than its sources.
binary() {
    local shipped newer
    shipped=dist/$(uname -m)-unknown-linux-musl/corexdp
    if [ ! -e "$shipped" ]; then
        echo "$shipped is missing; run \`make dist-host\` first" >&2
        return 1
    fi
    newer=$(find src cross build.rs Cargo.toml Cargo.lock -newer "$shipped" -print -quit)
    if [ -n "$newer" ]; then
        echo "$shipped is older than $newer; run \`make dist-host\` again" >&2
        return 1
    fi
    echo "$PWD/$shipped"
}

# Reads lines `INTERFACE CPU` from the benchmarks, whose process namespace has no kernel threads. Pins the NAPI thread of
# the interface to the CPU, with real-time priority, so that it precedes ordinary threads as an interrupt does.
pin() {
    local interface cpu file name thread
    while read -r interface cpu; do
        for file in /proc/[0-9]*/comm; do
            # A process may end during the loop.
            { read -r name <"$file"; } 2>/dev/null || continue
            case $name in
            "napi/$interface-"*)
                thread=${file//[^0-9]/}
                taskset -p -c "$cpu" "$thread" >/dev/null
                chrt -f -p 2 "$thread"
                touch "$COREXDP_BENCH_DIR/pinned-$interface"
                ;;
            esac
        done
    done
}

clean_up() {
    status=$?
    trap - EXIT
    # --kill-child ends every process in the namespaces.
    [ -z "$inside" ] || kill -KILL "$inside" 2>/dev/null || true
    rm -rf "$COREXDP_BENCH_DIR"
    exit "$status"
}

if [ "$(id -u)" -ne 0 ]; then
    echo 'the benchmarks make namespaces and load programs into the kernel; run them as root' >&2
    exit 77
fi
COREXDP_BENCH_BINARY=$(binary)
"${bench[@]}" --no-run
COREXDP_BENCH_DIR=$(mktemp -d)
# A prefix of interface names that is unique on this machine.
COREXDP_BENCH_WIRE=f$$
export COREXDP_BENCH_BINARY COREXDP_BENCH_DIR COREXDP_BENCH_WIRE
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# Runs in the background, because the first process of a namespace ignores the SIGINT of Ctrl-C.
# shellcheck disable=SC2016 # the inner shell expands these
setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc \
    sh -c 'mount -t sysfs sysfs /sys && mount -t bpf -o mode=0700 bpf /sys/fs/bpf && mount -t tmpfs tmpfs /run && exec "$@"' \
    sh "${bench[@]}" -- "$@" 3> >(pin) &
inside=$!
wait "$inside"
inside=
