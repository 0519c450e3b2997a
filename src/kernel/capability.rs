//! Capabilities: which this process has, and giving them up. By the raw calls, since neither std nor nix has them.

use nix::errno::Errno;
use nix::libc;

/// `_LINUX_CAPABILITY_VERSION_3` (2.6.26): two words of 32 bits for each set.
const VERSION: u32 = 0x2008_0522;

/// A capability that has a part in this program; the value is its bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Capability {
    /// Take other group ids.
    SetGid = 6,
    /// Take other user ids.
    SetUid = 7,
    /// Lower the bounding set.
    SetPcap = 8,
    /// Listen on ports below 1024.
    NetBindService = 10,
    /// Attach to interfaces.
    NetAdmin = 12,
    /// Before 5.8, all that `Bpf` and `Perfmon` allow, and much else.
    SysAdmin = 21,
    /// Programs whose speculative paths or pointers an unprivileged one could abuse (5.8).
    Perfmon = 38,
    /// Maps and programs (5.8).
    Bpf = 39,
}

impl Capability {
    /// The name that manuals and service managers use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SetGid => "CAP_SETGID",
            Self::SetUid => "CAP_SETUID",
            Self::SetPcap => "CAP_SETPCAP",
            Self::NetBindService => "CAP_NET_BIND_SERVICE",
            Self::NetAdmin => "CAP_NET_ADMIN",
            Self::SysAdmin => "CAP_SYS_ADMIN",
            Self::Perfmon => "CAP_PERFMON",
            Self::Bpf => "CAP_BPF",
        }
    }

    /// Whether this kernel knows it.
    pub fn is_known(self) -> bool {
        // SAFETY: takes two integers; an unknown capability is EINVAL.
        unsafe { libc::prctl(libc::PR_CAPBSET_READ, u64::from(self as u8), 0, 0, 0) >= 0 }
    }
}

/// Some capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Set(u64);

impl Set {
    /// None.
    pub const EMPTY: Self = Self(0);

    /// Whether this one is among them.
    pub const fn has(self, one: Capability) -> bool {
        self.has_bit(one as u8)
    }

    const fn has_bit(self, bit: u8) -> bool {
        self.0 & (1 << bit) != 0
    }

    const fn with(self, one: Capability) -> Self {
        Self(self.0 | 1 << one as u8)
    }

    /// Of these, only the `wanted`.
    #[must_use]
    pub fn only(self, wanted: &[Capability]) -> Self {
        let held = wanted.iter().filter(|one| self.has(**one));
        held.fold(Self::EMPTY, |set, one| set.with(*one))
    }

    /// The words of 32 bits, the low one first.
    fn words(self) -> [u32; 2] {
        [0, 32]
            .map(|shift| u32::try_from(self.0 >> shift & u64::from(u32::MAX)).unwrap_or_default())
    }
}

/// `struct __user_cap_header_struct`; process 0 is the caller.
#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// `struct __user_cap_data_struct`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Words {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

impl Header {
    /// The kernel writes to it when it does not know the version.
    const fn new() -> Self {
        Self {
            version: VERSION,
            pid: 0,
        }
    }
}

/// What this process may do now.
///
/// # Errors
/// None that a kernel of this century gives.
pub fn effective() -> Result<Set, Errno> {
    let (mut header, mut words) = (Header::new(), [Words::default(); 2]);
    // SAFETY: version 3 has the kernel write two elements, and there are two.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_capget,
            &raw mut header,
            (&raw mut words).cast::<Words>(),
        )
    };
    Errno::result(answer)?;
    let [low, high] = words.map(|word| u64::from(word.effective));
    Ok(Set(high << 32 | low))
}

/// Gives up every capability but these, also as what a program that is run next could have, for good. The ambient ones
/// go with the inheritable ones.
///
/// # Errors
/// `EPERM` when one of these is not held.
pub fn keep(set: Set) -> Result<(), Errno> {
    let words = set.words().map(|word| Words {
        effective: word,
        permitted: word,
        inheritable: 0,
    });
    let mut header = Header::new();
    // SAFETY: version 3 has the kernel read two elements, and there are two.
    let answer = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, words.as_ptr()) };
    Errno::result(answer).map(drop)
}

/// Takes all but these out of the bounding set, if this process may (`CAP_SETPCAP`). If not, `no_new_privs` must keep
/// what is left in it out of reach.
pub fn bound(set: Set) {
    for bit in 0..64 {
        if set.has_bit(bit) {
            continue;
        }
        // SAFETY: takes two integers. EINVAL: there are no more; EPERM: not allowed, for this one and all others.
        if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, u64::from(bit), 0, 0, 0) } < 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in() {
        let all = Set(u64::MAX);
        let set = all.only(&[Capability::Bpf, Capability::NetAdmin]);
        assert_eq!(set, Set(1 << 39 | 1 << 12));
        assert_eq!(set.words(), [1 << 12, 1 << 7]);
        assert_eq!(Set::EMPTY.only(&[Capability::Bpf]), Set::EMPTY);
        assert!(!set.has(Capability::Perfmon));
    }
}
