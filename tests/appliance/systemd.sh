#!/bin/bash
# Part of tests/appliance.sh. What is asked of a machine with systemd besides: the unit does what its options promise.
# shellcheck disable=SC2154 # machine.sh sets `reply`

# Those before anything has been done to the daemon.
checks_of_the_unit() {
    check 'systemd is the first process' inside 'readlink /proc/1/exe | grep /systemd$'
    check 'systemd takes every option of the unit' options_are_taken
    check 'it is the unit that the package installs, enabled' unit_is_the_packages
    check 'the next service, ordered by the unit alone, started after it' started_before corexdp named
    check 'the processes are confined as the unit says' confined
    check 'corexdp status, through its socket, says so' inside 'corexdp status | grep eth0'
}

options_are_taken() {
    inside 'log >/tmp/log && test -s /tmp/log' && ! inside 'grep -E "corexdp[.]service:[0-9]+:|Unknown (key|section)" /tmp/log' &&
        [ -z "$machine_is_lost" ]
}

unit_is_the_packages() {
    inside 'systemctl show -P FragmentPath -P DropInPaths -P UnitFileState corexdp | tr "\n" ,' &&
        # Debian calls it by the other of its two names.
        [ "${reply#/usr}" = '/lib/systemd/system/corexdp.service,,enabled,' ]
}

# Whether unit $1 was active before unit $2 began to start.
started_before() {
    # shellcheck disable=SC2016 # for the shell inside
    inside 'test $(systemctl show -P ActiveEnterTimestampMonotonic '"$1"') -le $(
        systemctl show -P InactiveExitTimestampMonotonic '"$2"')'
}

# None of the three processes can gain a privilege, or make a system call that the unit does not name.
confined() {
    inside "grep -l 'NoNewPrivs:.1' \$(pidof corexdp | sed 's,[0-9]*,/proc/&/status,g') | wc -l" && [ "$reply" = 3 ] &&
        inside "grep -l 'Seccomp:.2' \$(pidof corexdp | sed 's,[0-9]*,/proc/&/status,g') | wc -l" && [ "$reply" = 3 ]
}

# Those after start has refused a Corefile that is wrong.
checks_of_states() {
    check 'systemd does not try it again' not_tried_again
    check 'with the right Corefile again start succeeds' right_from_now_on
    check 'while an interface is down the unit is starting' starts_while_down
    check 'and active once its filters are attached' active_once_up
    check 'a daemon that hangs is replaced by the watchdog' replaced_after STOP
    check 'the log says that it was the watchdog' logged 'Watchdog timeout'
    check 'the kernel has its XDP links' links_stand
    check 'with exit hold the filter stands without its daemon' held
    check 'and the next daemon takes it over, with its counters' adopted
    check 'what is held ends with its pins' let_go
    check 'stopped while one starts, it leaves nothing behind' stopped_while_starting
}

right_from_now_on() { inside 'umount /etc/corexdp/Corefile' && service start && links_stand; }

starts_while_down() {
    inside 'systemctl stop corexdp; ip link set lan0 down; systemctl start --no-block corexdp' || return
    # shellcheck disable=SC2016 # for the shell inside
    inside 'seq 100 | while read _; do test $(systemctl show -P SubState corexdp) = start && exit 3; sleep 0.1; done'
    [ $? -eq 3 ] && inside 'sleep 2; systemctl is-active corexdp'
    [ "$reply" = activating ]
}

active_once_up() {
    inside 'ip link set lan0 up; systemctl start corexdp && systemctl is-active corexdp' && links_stand
}

held() {
    inside 'sed "s/^ *if .*/&\nexit hold/; s,\.\./\.\./usr,/usr," /etc/corexdp/Corefile >/tmp/hold &&
        mount -o bind /tmp/hold /etc/corexdp/Corefile' &&
        service restart && unanswered 192.0.2.66 && service stop && no_process &&
        unanswered 192.0.2.66 && answered 192.0.2.10
}

adopted() { service start && links_stand && sample_is coredns_ebpf_acl_dropped_packets 2; }

let_go() {
    service stop && inside 'umount /etc/corexdp/Corefile && rm -r /sys/fs/bpf/corexdp' && answered 192.0.2.66
}

stopped_while_starting() {
    starts_while_down && service stop && no_process && inside 'ip link set lan0 up' && answered 192.0.2.66
}

# A Corefile that is wrong is not tried again each second.
not_tried_again() {
    inside 'systemctl show -P NRestarts corexdp' && local before=$reply
    inside 'sleep 4; systemctl show -P NRestarts corexdp' && [ "$reply" = "$before" ] &&
        inside 'systemctl is-failed corexdp'
}

# How exposed systemd holds the unit to be, from 0, closed, to 10, open.
report_of_systemd() {
    inside 'systemctl --version | head -n 1' && printf '  %s; ' "$reply"
    inside 'systemd-analyze --no-pager security corexdp | tail -n 1' && printf '%s\n' "${reply#* }"
}
