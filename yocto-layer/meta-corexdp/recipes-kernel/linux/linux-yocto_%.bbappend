# Nothing, unless the distribution asks for it.
include ${@bb.utils.contains('DISTRO_FEATURES', 'corexdp', 'linux-corexdp.inc', '', d)}
