#!/bin/bash
# Part of tests/appliance.sh. The image as a vendor builds it: a kernel, an initramfs that only finds the root, and the
# root, a read-only squashfs with what the packages install and a configuration.

: "${work:?the folder for what is downloaded and made}"

# The target that dist/ has for Debian's name of a machine.
triple() {
    case $1 in
    arm64) echo aarch64-unknown-linux-musl ;;
    amd64) echo x86_64-unknown-linux-musl ;;
    esac
}

# Of kernel $1, the files of the modules that follow, each after those it needs. What is built in has no file.
modules() {
    local linux=$1 name file needs
    shift
    for name; do
        file=$(find "$linux/lib/modules" -name "$name.ko" -o -name "$name.ko.xz" | head -n 1)
        [ -n "$file" ] || continue
        needs=$(module "$file" | tr '\0' '\n' | sed -n 's/^depends=//p' | tr ',' ' ')
        # shellcheck disable=SC2086 # a list of names
        [ -z "$needs" ] || modules "$linux" $needs
        echo "$file"
    done | awk '!seen[$0]++'
}

# The content of a module's file.
module() {
    case $1 in
    *.xz) xz -dc "$1" ;;
    *) cat "$1" ;;
    esac
}

# Puts the modules that follow $1, a kernel, and $2 into folder $2, with a list of their order.
install_modules() {
    local linux=$1 folder=$2 file name
    mkdir -p "$folder"
    shift 2
    modules "$linux" "$@" | while read -r file; do
        name=$(basename "${file%.xz}")
        module "$file" >"$folder/$name" && echo "$name" >>"$folder/order"
    done
    [ -s "$folder/order" ]
}

# Makes $3/initramfs for machine $1, kernel $2.
make_initramfs() {
    local root=$3/initramfs-root
    mkdir -p "$root"/{bin,dev,root} &&
        cp "$work/unpacked/busybox-$1/bin/busybox" "$root/bin/" &&
        ln -s busybox "$root/bin/sh" &&
        cp tests/appliance/initramfs-init "$root/init" &&
        install_modules "$2" "$root/modules" virtio_mmio virtio_pci virtio_blk squashfs &&
        (cd "$root" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -9) >"$3/initramfs"
}

# Makes $3/squashfs for machine $1, kernel $2, with init $4, as package $5 has it.
make_squashfs() {
    local root=$3/root dist
    dist=dist/$(triple "$1")
    mkdir -p "$root" && "make_base_$4" "$1" "$root" &&
        install_package "$5" "$4" "$dist/corexdp" "$dist" "$3/package" && list_installed "$3/package" >"$3/installed" &&
        # The modes too.
        tar -c -C "$3/package" . | tar -x --keep-directory-symlink --no-overwrite-dir -p -C "$root" &&
        cp -R tests/appliance/rootfs/common/. "tests/appliance/rootfs/$4/." "$root/" &&
        make_dns_server "$1" "$root/usr/sbin/dns" &&
        install_modules "$2" "$root/lib/modules" virtio_net veth &&
        "enable_services_$4" "$root" &&
        # Small blocks and, in machine.sh, a short queue: the caches for larger ones are megabytes of 64.
        mksquashfs "$root" "$3/squashfs" -noappend -quiet -no-progress -comp xz -b 32K
}

make_base_sysv() {
    mkdir -p "$2"/{bin,dev,etc,lib,proc,sbin,sys,run,tmp,var,usr/sbin} && ln -s ../run "$2/var/run" &&
        cp "$work/unpacked/busybox-$1/bin/busybox" "$2/bin/" && busybox_applets "$2" &&
        ln -s ../bin/busybox "$2/sbin/init"
}

make_base_systemd() {
    cp -R "$work/unpacked/systemd-$1/." "$2/" && mkdir -p "$2"/{dev,etc,proc,sys,run,tmp,var} &&
        cp "$work/unpacked/busybox-$1/bin/busybox" "$2/bin/" && busybox_applets "$2" &&
        ln -s ../lib/systemd/systemd "$2/sbin/init"
}

# Its place in the order is its name.
enable_services_sysv() { :; }

# As Buildroot and Yocto do at the end: links in the image, by its unit's [Install].
enable_services_systemd() {
    systemctl --quiet --root="$1" enable corexdp.service interfaces.service named.service test-console.service
}

make_dns_server() {
    local machine=x86_64
    [ "$1" = arm64 ] && machine=aarch64
    "${CLANG:-clang}" --target=$machine-linux-gnu -O1 -Wall -Wextra -Werror -ffreestanding -fno-stack-protector \
        -nostdlib -static -fuse-ld=lld tests/appliance/dns.c -o "$2"
}

# The links of the applets that the image's scripts and the test use, but for what is there.
busybox_applets() {
    local applet
    for applet in sh mount umount dmesg syslogd ip insmod unshare nsenter sleep readlink cut cat echo rm sed grep tr \
        setsid start-stop-daemon stty wget nslookup printf touch kill ps test timeout seq pidof free stat find \
        xargs mkdir head tail wc; do
        [ -e "$1/bin/$applet" ] || ln -s busybox "$1/bin/$applet" || return
    done
}
