#!/bin/bash
# Part of tests/appliance.sh. Kernels, BusyBox and systemd from Debian's packages, of machines that are not this one. apt has
# a configuration of its own for that, in $work, so that this machine's stays as it is.

: "${work:?the folder for what is downloaded and made}"

apt() { APT_CONFIG=$work/apt/apt.conf nice "apt-$1" -q "${@:2}"; }

# The address of the archive that this machine has for a codename like $1; $2 is what the operator says instead.
mirror() {
    if [ -n "$2" ]; then
        echo "$2"
        return
    fi
    # shellcheck disable=SC2016 # apt fills these in
    apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null |
        awk -v "pattern=$1" '$1 ~ pattern { print $2; exit }'
}

# Writes apt's configuration and reads the lists of packages.
configure_apt() {
    local main security key=/usr/share/keyrings/debian-archive-keyring.gpg
    main=$(mirror '^[a-z]*$' "${DEBIAN_MIRROR-}")
    security=$(mirror '^[a-z]*-security$' "${DEBIAN_SECURITY_MIRROR-}")
    if [ -z "$main" ] || [ -z "$security" ]; then
        echo 'appliance: this machine has no sources of Debian; set DEBIAN_MIRROR and DEBIAN_SECURITY_MIRROR' >&2
        return 1
    fi
    mkdir -p "$work"/apt/lists/partial "$work"/apt/archives/partial "$work/packages" "$work/unpacked" || return
    : >"$work/apt/status"
    for suite in bookworm bookworm-backports bullseye; do
        echo "deb [arch=amd64,arm64 signed-by=$key] $main $suite main"
    done >"$work/apt/sources.list"
    for suite in bookworm-security bullseye-security; do
        echo "deb [arch=amd64,arm64 signed-by=$key] $security $suite main"
    done >>"$work/apt/sources.list"
    cat >"$work/apt/apt.conf" <<EOF
Dir::State "$work/apt";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt";
Dir::Etc::sourcelist "$work/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
EOF
    apt get update >"$work/apt/update.log" 2>&1 || {
        cat "$work/apt/update.log" >&2
        return 1
    }
}

# Downloads package $1 (NAME:ARCH, or NAME:ARCH=VERSION) and unpacks it in $2.
unpack() {
    local folder
    folder=$(mktemp -d "$work/packages/XXXXXX") || return
    (cd "$folder" && apt get download "$1") >"$folder/log" 2>&1 &&
        dpkg-deb -x "$folder"/*.deb "$folder/root" &&
        mv "$folder/root" "$2"
    local status=$?
    [ $status -eq 0 ] || grep -A 1 '^E' "$folder/log" >&2
    rm -rf "$folder"
    return $status
}

# The names of the kernel packages for machine $1 whose version starts with $2, newest first. There may be a list
# that names a version whose file has gone from the mirror, hence all.
kernels() {
    local version
    apt cache madison "linux-image-cloud-$1:$1" |
        awk -F ' *[|] *' -v "version=$2." 'index($2, version) == 1 { print $2 }' |
        while read -r version; do
            apt cache show "linux-image-cloud-$1:$1=$version" | sed -n "s/^Depends: \\(linux-image-[^ ]*\\).*/\\1:$1/p"
        done
}

# Downloads systemd for machine $1 with all that it needs, and unpacks it in $2, a root where /bin is /usr/bin and so on, as
# Buildroot and Yocto have it with systemd. Nothing of it is run here.
unpack_systemd() {
    local folder name package
    folder=$(mktemp -d "$work/packages/XXXXXX") && mkdir -p "$folder"/archives/partial "$folder"/root/usr || return
    for name in bin sbin lib lib64; do
        mkdir "$folder/root/usr/$name" && ln -s "usr/$name" "$folder/root/$name" || return
    done
    apt get install -y --no-install-recommends --download-only -o "APT::Architecture=$1" \
        -o "Dir::Cache::archives=$folder/archives" "systemd:$1" >"$folder/log" 2>&1 || {
        grep '^E' "$folder/log" >&2
        return 1
    }
    for package in "$folder"/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$folder/root" || return
    done
    rm -rf "$folder"/root/{usr/share,var} "$folder"/root/usr/lib/*/gconv
    mv "$folder/root" "$2" && rm -rf "$folder"
}

# Sees to it that BusyBox for machine $1 is in $work/unpacked/busybox-$1, and kernel $2 in $work/unpacked/linux-$2-$1; for
# init $3 systemd, that is in $work/unpacked/systemd-$1.
fetch() {
    local package busybox=$work/unpacked/busybox-$1 linux=$work/unpacked/linux-$2-$1 systemd=$work/unpacked/systemd-$1
    [ "$3" = systemd ] || systemd=$busybox
    [ -d "$busybox" ] && [ -d "$linux" ] && [ -d "$systemd" ] && return
    if [ -z "${apt_is_configured-}" ]; then
        configure_apt || return
        apt_is_configured=yes
    fi
    [ -d "$busybox" ] || unpack "busybox-static:$1" "$busybox" || return
    [ -d "$systemd" ] || unpack_systemd "$1" "$systemd" || return
    [ ! -d "$linux" ] || return 0
    for package in $(kernels "$1" "$2"); do
        unpack "$package" "$linux" && break
        echo "appliance: $package can't be had; an older one, if there is one, will do" >&2
    done
    [ -d "$linux" ]
}
