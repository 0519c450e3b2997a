SUMMARY = "A small image with a read-only root that filters packets in front of a DNS server"
LICENSE = "MIT"

inherit core-image features_check

# It brings the kernel's options.
REQUIRED_DISTRO_FEATURES = "corexdp"

IMAGE_INSTALL = "packagegroup-core-boot corexdp corexdp-objects bind ${CORE_IMAGE_EXTRA_INSTALL}"

IMAGE_FEATURES += "read-only-rootfs"
IMAGE_FSTYPES = "squashfs-xz"
IMAGE_LINGUAS = ""
