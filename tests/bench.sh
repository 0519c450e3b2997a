#!/bin/bash
# Measures corexdp beside its peers and prints one table. Needs root, and what `make build` makes.
#
# All of it runs in network, mount and process namespaces of its own, so that nothing is left of it, however it ends:
# no interface, no pin, no process. What is made inside, such as further namespaces, goes with them.
#
# Usage: tests/bench.sh [attach|fill|scrape|rest|programs|flood]...
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

# Reads lines `INTERFACE CPU` from inside, where no kernel thread has a number: the one that takes what arrives at that
# interface is to run on that CPU, and before all that is no such thread, as an interrupt would.
pin() {
    local interface cpu file name thread
    while read -r interface cpu; do
        for file in /proc/[0-9]*/comm; do
            # A process may end while we look.
            { read -r name <"$file"; } 2>/dev/null || continue
            case $name in
            "napi/$interface-"*)
                thread=${file//[^0-9]/}
                taskset -p -c "$cpu" "$thread" >/dev/null
                chrt -f -p 1 "$thread"
                touch "$COREXDP_BENCH_DIR/pinned-$interface"
                ;;
            esac
        done
    done
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
# What begins the names of interfaces that nobody else on this machine may have.
COREXDP_BENCH_WIRE=f$$
export COREXDP_BENCH_BINARY COREXDP_BENCH_DIR COREXDP_BENCH_WIRE
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# In the background, because the first process of a namespace does not hear Ctrl-C.
# shellcheck disable=SC2016 # expanded inside
setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc \
    sh -c 'mount -t sysfs sysfs /sys && mount -t bpf bpf /sys/fs/bpf && mount -t tmpfs tmpfs /run && exec "$@"' \
    sh "${bench[@]}" -- "$@" 3> >(pin) &
inside=$!
wait "$inside"
inside=
