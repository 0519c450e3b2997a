#!/bin/bash
# Part of tests/appliance.sh. What is asked of a machine. Each check is one line; a failed one shows what was said last.

passed=0
failed=0
loss_is_told=

check() {
    local what=$1
    shift
    if [ -n "$machine_is_lost" ]; then
        # Said once; each counts.
        [ -n "$loss_is_told" ] || printf '  FAILED  %s, and all that follows: the machine is lost\n' "$what"
        loss_is_told=yes
        failed=$((failed + 1))
        return
    fi
    reply=
    if "$@"; then
        passed=$((passed + 1))
        printf '  ok      %s\n' "$what"
    else
        failed=$((failed + 1))
        printf '  FAILED  %s\n' "$what"
        [ -z "$reply" ] || tail -n 12 <<<"$reply" | sed 's/^/          | /'
    fi
}

# Whether the DNS server's answer reaches a client with address $1. A lost packet is not excused.
answered() {
    outside kdig @192.0.2.53 -b "$1" +timeout=3 +retry=0 +short www.example A && [ "$reply" = 198.51.100.80 ]
}

unanswered() {
    [ -z "$machine_is_lost" ] && ! answered "$1"
}

# The page's sample $1, from outside.
sample() {
    outside curl -fsS -m 10 http://192.0.2.53:9153/metrics &&
        reply=$(grep -F "$1 " <<<"$reply") && reply=${reply##* }
}

sample_is() {
    sample "$1" && [ "$reply" = "$2" ]
}

# Whether interface $1 is attached in mode $2, as the page has it.
attached_in() {
    sample_is "corexdp_filter_attached{interface=\"$1\",mode=\"$2\"}" 1
}

# Whether the kernel lists, among the daemon's descriptors, an XDP link for each interface.
links_stand() {
    # shellcheck disable=SC2016 # for the shell inside
    inside 'pid=$(cat /run/corexdp.pid) && for name in eth0 lan0; do
        cat /proc/$pid/fdinfo/* | tr -s "\t" " " | grep -A 9 "^link_type: xdp$" |
            grep -qx "ifindex: $(cat /sys/class/net/$name/ifindex)" || exit; done'
}

no_process() {
    [ -z "$machine_is_lost" ] && ! inside 'pidof corexdp'
}

root_is_read_only() {
    inside 'grep "^/dev/[^ ]* / squashfs ro" /proc/mounts' && ! inside 'touch /etc/corexdp/Corefile' &&
        [ -z "$machine_is_lost" ]
}

logged() {
    inside "grep '$1' /run/messages"
}

service() {
    inside "/etc/init.d/S60corexdp $1"
}

# Kills the daemon without a chance to clean up; returns when another has attached.
killed_and_back() {
    # shellcheck disable=SC2016 # for the shell inside
    inside 'old=$(cat /run/corexdp.pid); kill -9 $old; for tenth in $(seq 200); do
        sleep 0.1; new=$(cat /run/corexdp.pid 2>/dev/null); [ -z "$new" ] || [ "$new" = $old ] || exit 0; done; exit 1'
}

# Tells the daemon to reload. Whether its count of results $1 becomes $2 soon, and it is the same process still.
reloads() {
    local before tenths=200
    inside 'cat /run/corexdp.pid' && before=$reply && service reload || return
    until sample_is "corexdp_reloads_total{result=\"$1\"}" "$2"; do
        tenths=$((tenths - 1))
        [ "$tenths" -gt 0 ] && [ -z "$machine_is_lost" ] || return
        sleep 0.1
    done
    inside 'cat /run/corexdp.pid && pidof corexdp' && [[ $reply == "$before"$'\n'* && " ${reply#*$'\n'} " == *" $before "* ]]
}

# Over the right one, on the read-only root.
put_wrong_corefile() {
    inside 'printf ". {\n ebpf {\n }\n}\n" >/tmp/wrong && mount -o bind /tmp/wrong /etc/corexdp/Corefile'
}

# Whether another daemon attaches program $1, to the loopback interface.
accepts() {
    # shellcheck disable=SC2016 # for the shell inside
    inside "name=$1"'; rm -rf /run/try; mkdir /run/try; cd /run/try;
        printf ". {\nebpf {\nelf /usr/lib/corexdp/$name.o\nif lo\nmode generic\n}\n}\n" >Corefile;
        corexdp run --log stderr --control control --pidfile pid 2>log & pid=$!;
        tries=300; until [ -s pid ] || ! kill -0 $pid || [ $tries = 0 ]; do tries=$((tries - 1)); sleep 0.1; done 2>>log;
        test -s pid && kill $pid && wait $pid || { cat log; false; }'
}
