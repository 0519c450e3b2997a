//! Checks the report of a failure to the user who started the daemon or sent it a request.

use nix::errno::Errno;

/// Fails unless the exit code fits the errno, and exactly one line names the failed operation and the reason.
pub(crate) fn is_reported(code: Option<i32>, lines: &[String], errno: Errno) -> Result<(), String> {
    let report = || format!("exit code {code:?}, lines {lines:#?}");
    let errors: Vec<_> = lines
        .iter()
        .filter(|line| !line.starts_with("warning: "))
        .collect();
    let [line] = errors[..] else {
        return Err(format!("not one line: {}", report()));
    };
    let right = code.is_some_and(|code| codes(errno).contains(&code));
    if !right {
        return Err(format!("not one of {:?}: {}", codes(errno), report()));
    }
    let about = line
        .split_once(": ")
        .is_some_and(|(about, _)| !about.is_empty());
    if !about || !reasons(errno).iter().any(|reason| line.contains(reason)) {
        return Err(format!("gives no reason: {}", report()));
    }
    Ok(())
}

/// Exit codes for an errno: 66 for a file that cannot be read, 69 for an interface that is in use.
fn codes(errno: Errno) -> &'static [i32] {
    match errno {
        Errno::EPERM => &[77, 66],
        Errno::EBUSY => &[71, 66, 69],
        _ => &[71, 66],
    }
}

/// The texts for an errno: of the C library, and of corexdp.
fn reasons(errno: Errno) -> Vec<String> {
    let library = std::io::Error::from(errno).to_string();
    let library = library.split(" (os error").next().unwrap_or_default();
    let own = match errno {
        Errno::EPERM => "not permitted",
        Errno::ENOMEM => "no memory",
        Errno::EBUSY => "has another XDP program",
        _ => library,
    };
    [library, own].map(str::to_owned).to_vec()
}
