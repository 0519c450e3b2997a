#!/bin/bash
# Checks the scripts for OpenRC and OpenWrt, as `make install` installs them: shellcheck, the syntax, and each command with
# stand-ins for the daemon, for openrc-run with supervise-daemon, and for rc.common with procd. The scripts run in BusyBox's
# shell and in dash. The last line is `N passed, N failed`.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=check.sh
. tests/check.sh

unset MAKEFLAGS MAKELEVEL MFLAGS
scratch=$(mktemp -d) || exit
# The stand-ins of the supervisors are background processes, which write their number into this file.
trap 'kill $(cat "$scratch"/*/supervisor.pid 2>/dev/null) 2>/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

# Installs the script for $1 into the folder $2. Its paths lead into this folder.
install_script() {
    local root=$2
    mkdir -p "$root/run" "$root/bin"
    make --silent install INIT="$1" DESTDIR="$root" BINARY=tests/init/corexdp OBJECTS= >/dev/null &&
        sed -i -e "s,/usr/local/sbin/corexdp,$root&,g" -e "s,/proc/mounts,$root/mounts," \
            -e "s,=/run/,=$root/run/,; s,=/var/run/,=$root/run/," -e "s,/etc/\(corexdp\|default\)/,$root&,g" \
            "$root/etc/init.d/corexdp" &&
        printf 'sysfs /sys sysfs rw 0 0\n' >"$root/mounts" &&
        printf '#!/bin/sh\necho "$@" >>%s/mounted\n' "$root" >"$root/bin/mount" &&
        chmod +x "$root/bin/mount" &&
        touch "$root/etc/corexdp/Corefile"
}

is_linted() {
    shellcheck -s dash "$1" && shellcheck -s sh "$1" && busybox sh -n "$1" && dash -n "$1"
}

# Runs a command of the script in $root.
service() {
    # shellcheck disable=SC2086 # `busybox sh` is two words
    ROOT=$root PATH="$root/bin:$PATH" START_LIMIT=${limit-20} \
        timeout 60 $shell "tests/init/$init" "$root/etc/init.d/corexdp" "$1"
}

daemon_pid() {
    cat "$root/run/corexdp.pid"
}

# Waits for at most 20 s until the command succeeds.
becomes() {
    local tenths=200
    until "$@" 2>/dev/null; do
        [ $((tenths -= 1)) -gt 0 ] || return
        sleep 0.1
    done
}

is_another_daemon() {
    [ "$(daemon_pid)" != "$1" ] && kill -0 "$(daemon_pid)"
}

# The daemon attaches its filters after 0.5 s.
start_returns_after_attaching() {
    service start && kill -0 "$(daemon_pid)" &&
        grep -x "run -conf $root/etc/corexdp/Corefile --pidfile $root/run/corexdp.pid *" "$root/called"
}

start_mounts_the_file_system_of_held_filters() {
    grep -x -- '-t bpf -o mode=0700 bpf /sys/fs/bpf' "$root/mounted"
}

# The daemon stays the same afterwards.
another_start_changes_nothing() {
    local pid
    pid=$(daemon_pid) && service start && [ "$(daemon_pid)" = "$pid" ]
}

status_shows_the_filters() {
    service status | grep 'eth0 .*attached'
}

reload_reports_the_result() {
    service reload && touch "$root/wrong" && ! service reload && rm "$root/wrong" &&
        [ "$(grep -c -x reload "$root/called")" = 2 ]
}

restart_with_a_wrong_corefile_keeps_the_daemon() {
    local pid
    pid=$(daemon_pid) && touch "$root/wrong" && ! service restart && [ "$(daemon_pid)" = "$pid" ] && kill -0 "$pid" &&
        rm "$root/wrong"
}

restart_starts_another_daemon() {
    local pid
    pid=$(daemon_pid) && service restart && is_another_daemon "$pid"
}

killed_daemon_is_restarted() {
    local pid
    pid=$(daemon_pid) && kill -KILL "$pid" && becomes is_another_daemon "$pid"
}

stop_returns_after_the_end() {
    local pid
    pid=$(daemon_pid) && service stop && ! kill -0 "$pid" 2>/dev/null && [ ! -e "$root/run/corexdp.pid" ]
}

existing_mount_stays() {
    echo 'bpf /sys/fs/bpf bpf rw,mode=700 0 0' >>"$root/mounts"
    rm "$root/mounted"
    service start && service stop && [ ! -e "$root/mounted" ]
}

wrong_corefile_starts_no_daemon() {
    touch "$root/wrong"
    : >"$root/called"
    ! service start && rm "$root/wrong" && ! grep '^run' "$root/called"
}

# The daemon goes on trying, so the filters are attached later.
slow_start_fails_and_goes_on() {
    touch "$root/slow"
    ! limit=1 service start && [ ! -e "$root/run/corexdp.pid" ] && rm "$root/slow" && becomes daemon_pid && service stop
}

for init in openrc procd; do
    root=$scratch/$init
    check "make install INIT=$init installs the script" install_script "$init" "$root"
    check "$init: the script is linted" is_linted "$root/etc/init.d/corexdp"
    for shell in 'busybox sh' dash; do
        for name in start_returns_after_attaching start_mounts_the_file_system_of_held_filters another_start_changes_nothing \
            status_shows_the_filters reload_reports_the_result restart_with_a_wrong_corefile_keeps_the_daemon \
            restart_starts_another_daemon killed_daemon_is_restarted stop_returns_after_the_end existing_mount_stays \
            wrong_corefile_starts_no_daemon slow_start_fails_and_goes_on; do
            check "$init, $shell: ${name//_/ }" "$name"
        done
        sed -i '/bpf/d' "$root/mounts"
    done
done

finish
