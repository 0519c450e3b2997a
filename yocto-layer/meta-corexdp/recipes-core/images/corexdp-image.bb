SUMMARY = "A DNS server behind an XDP filter, with a read-only root"
DESCRIPTION = "A small example image: BIND behind corexdp, on a read-only root file system."
LICENSE = "MIT"

inherit core-image features_check

# This feature adds the kernel options.
REQUIRED_DISTRO_FEATURES = "corexdp"

IMAGE_INSTALL = "packagegroup-core-boot corexdp corexdp-objects bind ${CORE_IMAGE_EXTRA_INSTALL}"

IMAGE_FEATURES += "read-only-rootfs"
IMAGE_FSTYPES = "squashfs-xz"
IMAGE_LINGUAS = ""
