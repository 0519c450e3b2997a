//! XDP modes of the kernel.

use std::fmt;

use bpf_sys::{XDP_FLAGS_DRV_MODE, XDP_FLAGS_HW_MODE, XDP_FLAGS_SKB_MODE};

/// Place in the interface's receive path where a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The driver, before it allocates a packet buffer.
    Native,
    /// The network stack: slower, but works with every driver.
    Generic,
    /// The network card.
    Offload,
}

impl Mode {
    pub(super) const fn flags(self) -> u32 {
        match self {
            Self::Generic => XDP_FLAGS_SKB_MODE,
            Self::Native => XDP_FLAGS_DRV_MODE,
            Self::Offload => XDP_FLAGS_HW_MODE,
        }
    }

    /// Name in the Corefile, in metrics and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Offload => "offload",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
