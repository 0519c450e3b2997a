#!/bin/bash
# Makes one image, boots it in an emulated machine, and asks it what tests/appliance.sh promises. Ends with `N passed,
# N failed`. Traffic stays in a network namespace of its own. The console stays in target/appliance/boots/.
#
# Usage: tests/appliance/boot.sh MACHINE KERNEL MEMORY CARD MODE INIT PACKAGE    as in the table of tests/appliance.sh,
#                                                                                which has fetched what the image is of
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

PATH="$PATH:/usr/sbin:/sbin"
work=$PWD/target/appliance
namespace=corexdp-appliance-$$
. tests/appliance/packages.sh
. tests/appliance/image.sh
. tests/appliance/machine.sh
. tests/appliance/checks.sh
. tests/appliance/systemd.sh

clean_up() {
    local status=$?
    trap - EXIT
    end_machine
    [ -e "/run/netns/$namespace" ] && ip netns delete "$namespace"
    exit "$status"
}

# What is asked of a machine that has just booted; $1 is the mode expected on the wide side.
checks() {
    check 'every filter is attached when the next service starts' inside 'test -s /run/attached-after'
    check 'the root is a read-only squashfs, the Corefile on it' root_is_read_only
    check 'of corexdp there is what its package installs' files_are_the_packages
    [ "$init" = sysv ] || checks_of_the_unit
    check 'the kernel has an XDP link of the daemon on both interfaces' links_stand
    check "eth0 (virtio_net) is attached in $1 mode" attached_in eth0 "$1"
    [ "$1" = native ] || check 'the log says why not native' logged 'eth0: native mode refused: .*[a-z]'
    check 'lan0 (veth) is attached in native mode' attached_in lan0 native

    check 'outside: 192.0.2.10 gets its answer' answered 192.0.2.10
    check 'outside: 192.0.2.66 gets none' unanswered 192.0.2.66
    check 'outside: 192.0.2.10 still gets its answer' answered 192.0.2.10
    check 'the page, from outside, counts the packet that was dropped' sample_is coredns_ebpf_acl_dropped_packets 1
    # shellcheck disable=SC2016 # for the shell inside
    check 'inside: a host at lan0 gets its answer' \
        inside 'nsenter -t $(cat /run/host.pid) -n nslookup -type=a www.example 198.51.100.1 | grep 198.51.100.80'
    check 'the page, from inside, counts its question' \
        inside 'wget -q -O - http://127.0.0.1:9153/metrics | grep "^coredns_ebpf_lan_dns_packets 1$"'

    checks_of_reload
    checks_of_programs
    checks_of_the_service
    check 'nothing ran out of memory' inside '! dmesg | grep -i "out of memory"'
}

# Nothing has changed but what is read again, so counters go on; when a reload fails, too.
checks_of_reload() {
    check 'reload by the same daemon' reloads success 1
    check 'the log says so' logged 'reload: done'
    check 'the kernel has its XDP links' links_stand
    check 'outside: 192.0.2.66 gets no answer, 192.0.2.10 does' both_as_configured
    check 'the page goes on counting' sample_is coredns_ebpf_acl_dropped_packets 2

    check 'a Corefile that is wrong is there in its place' put_wrong_corefile
    check 'reload fails in the same daemon' reloads failure 1
    check 'the log says what is wrong' logged 'reload: .*Corefile:2: ebpf: '
    check 'the kernel has its XDP links' links_stand
    check 'outside: 192.0.2.66 gets no answer, 192.0.2.10 does' both_as_configured
    check 'the page goes on counting' sample_is coredns_ebpf_acl_dropped_packets 3
    check 'with the right Corefile again reload succeeds' right_again
}

# The verifier of each kernel looks at each program that is shipped. For the largest of them it takes more memory than a
# second daemon finds in 64 MiB.
checks_of_programs() {
    local object name
    [ "$memory" -ge 256 ] || return 0
    for object in dist/"$(triple "$arch")"/*.o; do
        name=$(basename "$object" .o)
        check "this kernel accepts $name" accepts "$name"
    done
}

checks_of_the_service() {
    check 'after SIGKILL another daemon attaches' killed_and_back
    check 'the kernel has its XDP links' links_stand
    check 'outside: 192.0.2.66 gets no answer' unanswered 192.0.2.66
    check 'the page counts anew' sample_is coredns_ebpf_acl_dropped_packets 1

    check 'stop succeeds' service stop
    check 'and has waited for the end' no_process
    check 'outside: 192.0.2.66 gets an answer now' answered 192.0.2.66
    check 'start succeeds' service start
    check 'and has waited for the filters' links_stand
    check 'outside: 192.0.2.66 gets no answer' unanswered 192.0.2.66
    check 'restart succeeds' service restart
    check 'outside: 192.0.2.66 gets no answer, 192.0.2.10 does' both_as_configured
    check 'start fails with a Corefile that is wrong' start_refuses
    check 'the log says what is wrong' logged 'Corefile:2: ebpf: '
    [ "$init" = sysv ] || checks_of_states
}

both_as_configured() { unanswered 192.0.2.66 && answered 192.0.2.10; }

right_again() { inside 'umount /etc/corexdp/Corefile' && reloads success 2; }

start_refuses() { service stop && put_wrong_corefile && ! service start && no_process; }

# Seconds and memory (what is shared is counted once), in the machine's own words.
report() {
    local after pss
    inside 'cat /run/attached-after' && after=$reply
    # shellcheck disable=SC2016 # for the shell inside
    inside 'for pid in $(pidof corexdp); do grep ^Pss: /proc/$pid/smaps_rollup; done | tr -dc "0-9\n" | tr "\n" "+"' &&
        pss=$((${reply}0))
    inside 'uname -r' &&
        printf '  %s: attached %s s after the kernel began; daemon and worker take %s KiB\n' \
            "$reply" "${after-?}" "${pss-?}"
    inside 'log | grep "native mode refused"' && printf '  eth0%s\n' "${reply##*: eth0}"
    [ "$init" = sysv ] || report_of_systemd
}

[ $# -eq 7 ] || {
    sed -n 's/^# Usage: /usage: /p' "$0" >&2
    exit 64
}
arch=$1 version=$2 memory=$3 card=$4 mode=$5 init=$6 package=$7
linux=$work/unpacked/linux-$version-$arch
folder=$work/boots/$(IFS=- && echo "$*")
for kernel in "$linux"/boot/vmlinuz-*; do :; done
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

printf '\n== Linux %s on %s, %s MiB, a %s network card, %s, %s\n' "$version" "$arch" "$memory" "$card" "$init" "$package"
rm -rf "$folder"
if ! { mkdir -p "$folder" && make_initramfs "$arch" "$linux" "$folder" && make_squashfs "$arch" "$linux" "$folder" "$init" "$package"; }; then
    echo '  FAILED  no image, so no boot'
    exit 1
fi
ip netns add "$namespace" || exit
boot "$arch" "$folder" "$kernel" "$memory" "$card" && report
checks "$mode"
end_machine
rm -rf "$folder"/root "$folder"/package "$folder"/initramfs-root "$folder"/console.{in,out} "$folder/reply"

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ]
