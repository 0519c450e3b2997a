#!/bin/sh
# Shows the main use of corexdp: a real DNS server at one end of a veth pair, two clients at the other end, and the filter
# between them. The demo makes two network namespaces, and removes both at the end. The exit code is 0 if every step had
# its expected result. COREXDP names another binary than that of `make build`.
set -u
cd "$(dirname "$0")/.." || exit 1

PATH="$PATH:/usr/sbin:/sbin"
corexdp=${COREXDP:-target/release/corexdp}
corefile=tests/demo/Corefile
address=192.0.2.53
allowed=192.0.2.10
blocked=192.0.2.66

server=cxdemo-$$-srv
client=cxdemo-$$-cli
dir=
knotd=
daemon=

say() { printf '\n== %s\n' "$*"; }

fail() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

clean_up() {
    status=$?
    trap - EXIT
    for pid in $daemon $knotd; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    for namespace in "$server" "$client"; do
        [ -e "/run/netns/$namespace" ] && ip netns delete "$namespace"
    done
    [ -n "$dir" ] && rm -rf "$dir"
    [ "$status" -eq 0 ] || printf '\ndemo: failed\n' >&2
    exit "$status"
}

# Retries a command for five seconds.
wait_for() {
    tries=50
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

ask() { ip netns exec "$client" kdig "@$address" -b "$1" +timeout=1 +retry=0 +short www.example A 2>&1; }

# Sends a query from address $1, prints the answer, and fails unless the verdict is $2.
expect() {
    from=$1
    wanted=$2
    answer=$(ask "$from")
    case $answer in
    198.51.100.80) verdict=answered ;;
    *) verdict='not answered' ;;
    esac
    printf '%-11s www.example A? %s: %s\n' "$from" "$verdict" "$(echo "$answer" | tail -n 1)"
    [ "$verdict" = "$wanted" ] || fail "$from should be $wanted"
}

make_network() {
    ip netns add "$server" && ip netns add "$client" || return
    ip -n "$server" link add dns0 type veth peer name eth0 netns "$client" || return
    ip -n "$server" address add "$address/24" dev dns0 || return
    ip -n "$client" address add "$allowed/24" dev eth0 || return
    ip -n "$client" address add "$blocked/24" dev eth0 || return
    ip -n "$server" link set lo up && ip -n "$server" link set dns0 up && ip -n "$client" link set eth0 up
}

start_dns_server() {
    sed "s|@DIR@|$dir|" tests/demo/knot.conf >"$dir/knot.conf" && cp tests/demo/example.zone "$dir/" || return
    ip netns exec "$server" knotd -c "$dir/knot.conf" >"$dir/knotd.log" 2>&1 &
    knotd=$!
    wait_for ask "$allowed"
}

start_corexdp() {
    ip netns exec "$server" "$corexdp" run -conf "$corefile" --log stderr --control "$dir/control" \
        --pidfile "$dir/pid" 2>"$dir/corexdp.log" &
    daemon=$!
    # The daemon writes the pid file after all filters are attached.
    wait_for test -s "$dir/pid"
}

show_link() { ip -d -n "$server" link show dns0 | grep -E '^[0-9]|xdp'; }

[ "$(id -u)" -eq 0 ] || fail 'network namespaces and XDP need root'
[ -x "$corexdp" ] || fail "$corexdp is missing; run make build"
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
dir=$(mktemp -d) || fail 'cannot create a temporary folder'
make_network || fail 'cannot create the network namespaces'
start_dns_server || {
    cat "$dir/knotd.log" >&2
    fail 'knotd does not answer'
}

say "Without a filter the DNS server (knotd, $address) answers both clients"
expect $allowed answered
expect $blocked answered

say "corexdp run -conf $corefile"
grep -v '^ *#' $corefile | grep .
start_corexdp || {
    cat "$dir/corexdp.log" >&2
    fail 'corexdp did not attach'
}
show_link

say 'With the filter the DNS server answers one client'
expect $allowed answered
expect $blocked 'not answered'

say 'The metrics: curl http://localhost:9153/metrics'
ip netns exec "$server" curl -fsS http://localhost:9153/metrics >"$dir/metrics" || fail 'the metrics page does not answer'
grep -E '^(# HELP )?(coredns_ebpf_|corexdp_filter|corexdp_map)' "$dir/metrics"
for metric in acl_dropped_packets acl_passed_packets; do
    grep -Eq "^coredns_ebpf_$metric [1-9]" "$dir/metrics" || fail "$metric is not above 0"
done

say 'The log'
wait_for grep -q '^map xdp_map: key=00000000 value=00000001C0000242FFFFFFFF' "$dir/corexdp.log" ||
    fail 'the log does not show the dropped packet'
cat "$dir/corexdp.log"

say 'After SIGTERM the filter is detached, and the DNS server answers both clients'
kill -TERM "$daemon"
wait "$daemon"
status=$?
daemon=
tail -n 1 "$dir/corexdp.log"
[ $status -eq 0 ] || fail "corexdp ended with $status"
show_link | tee "$dir/link"
grep -q xdp "$dir/link" && fail 'an XDP program is left on dns0'
expect $allowed answered
expect $blocked answered
