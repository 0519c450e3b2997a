SUMMARY = "A DNS server behind an XDP filter, with a read-only root"
DESCRIPTION = "A small image to begin from: BIND, corexdp in front of it, and nothing that is written to flash."
LICENSE = "MIT"

inherit core-image features_check

# It brings the kernel's options.
REQUIRED_DISTRO_FEATURES = "corexdp"

IMAGE_INSTALL = "packagegroup-core-boot corexdp corexdp-objects bind ${CORE_IMAGE_EXTRA_INSTALL}"

IMAGE_FEATURES += "read-only-rootfs"
IMAGE_FSTYPES = "squashfs-xz"
IMAGE_LINGUAS = ""
