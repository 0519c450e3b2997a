# Changes nothing without the distribution feature `corexdp`.
require ${@bb.utils.contains('DISTRO_FEATURES', 'corexdp', 'linux-corexdp.inc', '', d)}
