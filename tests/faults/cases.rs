//! The injected errnos, and the calls that fail with them.

use std::fmt;

use nix::errno::Errno;

use crate::calls::Call;
use crate::spared;

/// The errnos of failed calls.
pub(crate) const ERRNOS: [Errno; 7] = [
    Errno::ENOMEM,
    Errno::EPERM,
    Errno::EINTR,
    Errno::ENOSPC,
    Errno::EBUSY,
    Errno::EMFILE,
    Errno::EAGAIN,
];

/// Environment variable that selects the full product; without it each call fails once.
const WHICH: &str = "COREXDP_FAULTS";

/// One call and its injected errno.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) call: Call,
    pub(crate) errno: Errno,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answers {:?}", self.call, self.errno)
    }
}

/// True if every call fails with every errno.
pub(crate) fn all() -> bool {
    match std::env::var(WHICH).ok().as_deref() {
        None | Some("") => false,
        Some("all") => true,
        Some(other) => panic!("{WHICH}={other}: set it to `all`, or unset it"),
    }
}

/// The cases of a stage: every errno for each call, or one errno for each call. The single errno rotates from call to
/// call and from stage to stage.
pub(crate) fn cases(stage: usize, calls: &[Call], all: bool) -> Vec<Case> {
    let injected = calls.iter().filter(|call| !spared::is_spared(call));
    let of_call = |(number, call): (usize, &Call)| {
        let one = ERRNOS[(stage + number) % ERRNOS.len()];
        let errnos = if all { ERRNOS.to_vec() } else { vec![one] };
        let case = |errno| Case {
            call: call.clone(),
            errno,
        };
        errnos.into_iter().map(case).collect::<Vec<_>>()
    };
    injected.enumerate().flat_map(of_call).collect()
}

#[test]
fn rotation_uses_each_errno_and_the_product_uses_all() {
    let call = |nth| Call {
        name: "read".into(),
        nth,
        about: String::new(),
    };
    let calls: Vec<_> = (1..=14).map(call).collect();
    for errno in ERRNOS {
        let rotation = cases(3, &calls, false);
        let times = rotation.iter().filter(|case| case.errno == errno).count();
        assert_eq!(times, 2, "{errno}");
        let product = cases(3, &calls, true);
        let times = product.iter().filter(|case| case.errno == errno).count();
        assert_eq!(times, 14, "{errno}");
    }
}
