#!/bin/bash
# Part of tests/appliance.sh. What is asked of a machine. Each check is one line; a failed one shows what was said last.
# shellcheck disable=SC2154 # boot.sh sets `init`, machine.sh `machine_folder`

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
links_stand() { inside links-stand; }

# Whether corexdp's files are the package's, with their modes and owners, beside the Corefile that the image brings. What is
# more in $reply, after "+", or less, after "-".
files_are_the_packages() {
    local found
    inside 'find / -xdev "(" -path "*/corexdp*" -o -name "*corexdp" ")" ! -path "*.wants/*" | xargs stat -c "%a %u:%g %n"' ||
        return
    found=$(LC_ALL=C sort -k 3 <<<"$reply")
    reply=$(diff -U 0 <(sort -u -k 3 "$machine_folder/installed" - <<<'644 0:0 /etc/corexdp/Corefile') <(echo "$found"))
}

no_process() {
    [ -z "$machine_is_lost" ] && ! inside 'pidof corexdp'
}

root_is_read_only() {
    inside 'grep "^/dev/[^ ]* / squashfs ro" /proc/mounts' && ! inside 'touch /etc/corexdp/Corefile' &&
        [ -z "$machine_is_lost" ]
}

logged() {
    inside "log | grep '$1'"
}

# Asks the service for what $1 says. When it fails, $reply is why.
service() {
    inside "service $1" && return
    inside 'log | tail -n 8'
    return 1
}

# Kills the daemon without a chance to clean up; returns when another has attached.
killed_and_back() { replaced_after KILL; }

# Sends the daemon signal $1; returns when another has attached.
replaced_after() {
    local before limit=$((SECONDS + 90))
    inside daemon-pid && before=$reply && inside "kill -$1 $before" || return
    until inside daemon-pid && [ "$reply" != "$before" ]; do
        [ $SECONDS -lt $limit ] && [ -z "$machine_is_lost" ] || return
        sleep 0.3
    done
}

# Has the daemon reload. Whether its count of results $1 becomes $2 soon, and it is the same process still. systemd is told
# the result too, the init script's signal has none.
reloads() {
    local before told=success tenths=200
    inside daemon-pid && before=$reply || return
    service reload || told=failure
    [ "$told" = "$1" ] || [ "$init:$told" = sysv:success ] || return
    until sample_is "corexdp_reloads_total{result=\"$1\"}" "$2"; do
        tenths=$((tenths - 1))
        [ "$tenths" -gt 0 ] && [ -z "$machine_is_lost" ] || return
        sleep 0.1
    done
    inside 'daemon-pid && pidof corexdp' && [[ $reply == "$before"$'\n'* && " ${reply#*$'\n'} " == *" $before "* ]]
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
