#!/bin/bash
# Part of tests/appliance.sh. One emulated machine: its start and end, commands inside it over the console, questions
# from outside over a tap in the test's own network namespace. A machine that ends or hangs is given up: each command
# then fails at once.

: "${namespace:?the network namespace of the outside}"

# Seconds from the start of the emulator to the console, and for one command.
boot_limit=240
command_limit=45

machine_pid=
machine_folder=
machine_is_lost=
commands=0
# What the last command said.
reply=

make_tap() {
    local options=(mode tap)
    [ "$1" = 1 ] || options+=(multi_queue)
    ip -n "$namespace" tuntap add wan0 "${options[@]}" &&
        ip -n "$namespace" address add 192.0.2.10/24 dev wan0 &&
        ip -n "$namespace" address add 192.0.2.66/24 dev wan0 &&
        ip -n "$namespace" link set wan0 up
}

# Boots machine $1 with the image in folder $2, kernel $3, $4 MiB of memory and network card $5; returns when its
# console answers. The cards: `plain`; `twin` has a second pair of queues, so that XDP has one of its own; `rigid`
# merges packets and can't be told to stop, so that its driver refuses native XDP.
boot() {
    local arch=$1 kernel=$3 memory=$4 card=$5 emulator bus console queues=1
    machine_folder=$2
    machine_is_lost=
    case $arch in
    arm64)
        emulator=(qemu-system-aarch64 -M virt -cpu cortex-a53)
        bus=device
        console=ttyAMA0
        ;;
    amd64)
        emulator=(qemu-system-x86_64 -M q35 -cpu qemu64)
        bus=pci
        console=ttyS0
        ;;
    esac
    local network=virtio-net-$bus,netdev=wan
    case $card in
    twin)
        queues=2
        network=$network,mq=on
        ;;
    rigid) network=$network,ctrl_guest_offloads=off ;;
    esac
    if ! { make_tap "$queues" && mkfifo "$machine_folder"/console.{in,out}; }; then
        machine_is_lost=yes
        return 1
    fi
    exec 7<>"$machine_folder/console.out" 8<>"$machine_folder/console.in"
    ip netns exec "$namespace" "${emulator[@]}" -accel tcg -m "$memory" -smp 1 \
        -nodefaults -display none -no-reboot \
        -kernel "$kernel" -initrd "$machine_folder/initramfs" -append "console=$console panic=-1 systemd.show_status=no" \
        -drive "file=$machine_folder/squashfs,format=raw,readonly=on,if=none,id=root" \
        -device "virtio-blk-$bus,drive=root,queue-size=16" \
        -netdev "tap,id=wan,ifname=wan0,script=no,downscript=no,queues=$queues" -device "$network" \
        -chardev "pipe,id=console,path=$machine_folder/console,logfile=$machine_folder/console.log" \
        -serial chardev:console 7>&- 8>&- >"$machine_folder/emulator.log" 2>&1 &
    machine_pid=$!
    read_console '@ready' "$boot_limit"
}

# Reads the console until a line that begins with $1; `reply` is then the rest of it. Gives the machine up after $2
# seconds. Lines that begin with $3, if given, are printed without it.
read_console() {
    local line begun='' limit=$((SECONDS + $2))
    while [ -z "$machine_is_lost" ]; do
        if IFS='' read -r -t 1 line <&7; then
            line=$begun${line%$'\r'}
            begun=
            case $line in
            "$1"*)
                reply=${line#"$1"}
                return
                ;;
            esac
            [ -z "${3-}" ] || [ "$line" = "${line#"$3"}" ] || printf '%s\n' "${line#"$3"}"
        elif ! kill -0 "$machine_pid" 2>/dev/null; then
            lose_machine 'the emulator ended'
        elif [ $SECONDS -ge $limit ]; then
            lose_machine "nothing for $2 seconds"
        else
            # A line may arrive in pieces.
            begun=$begun$line
        fi
    done
    return 1
}

lose_machine() {
    machine_is_lost=yes
    printf 'the machine is lost: %s; the last lines of its console, and the emulator:\n' "$1" >&2
    tail -n 25 "$machine_folder/console.log" | sed 's/^/  | /' >&2
    sed 's/^/  | /' "$machine_folder/emulator.log" >&2
}

# Runs a command inside; `reply` is what it said, the status is its own.
inside() {
    local said status
    reply=
    [ -z "$machine_is_lost" ] || return 1
    commands=$((commands + 1))
    # One line is one command.
    printf '%d %s\n' "$commands" "${*//$'\n'/ }" >&8
    said=$machine_folder/reply
    read_console "@$commands=" "$command_limit" "@$commands " >"$said" || return
    status=$reply
    reply=$(<"$said")
    return "$status"
}

# Runs a command outside, where the machine's wide side is.
outside() {
    [ -z "$machine_is_lost" ] || return 1
    reply=$(ip netns exec "$namespace" "$@" 2>&1)
}

end_machine() {
    if [ -n "$machine_pid" ]; then
        kill -KILL "$machine_pid" 2>/dev/null
        wait "$machine_pid" 2>/dev/null
        machine_pid=
        exec 7>&- 8>&-
    fi
    ip -n "$namespace" link delete wan0 2>/dev/null
    return 0
}
