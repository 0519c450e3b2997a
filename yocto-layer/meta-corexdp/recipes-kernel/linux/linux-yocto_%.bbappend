# Nothing, unless the distribution asks for it.
require ${@bb.utils.contains('DISTRO_FEATURES', 'corexdp', 'linux-corexdp.inc', '', d)}
