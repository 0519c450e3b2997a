//! The report of a failure to the user who started the daemon, or who asked it for something.

use nix::errno::Errno;

/// Fails unless these lines and this exit code are how a call's failure is told: the code that is right for it, and one
/// line that names what failed and why.
pub(crate) fn is_told(code: Option<i32>, lines: &[String], errno: Errno) -> Result<(), String> {
    let story = || format!("exit code {code:?}, lines {lines:#?}");
    let told: Vec<_> = lines
        .iter()
        .filter(|line| !line.starts_with("warning: "))
        .collect();
    let [line] = told[..] else {
        return Err(format!("not one line: {}", story()));
    };
    let right = code.is_some_and(|code| codes(errno).contains(&code));
    if !right {
        return Err(format!("not one of {:?}: {}", codes(errno), story()));
    }
    let about = line
        .split_once(": ")
        .is_some_and(|(about, _)| !about.is_empty());
    if !about || !reasons(errno).iter().any(|reason| line.contains(reason)) {
        return Err(format!("does not say why: {}", story()));
    }
    Ok(())
}

/// Exit codes for it: 66 when it befalls a file that is read, 69 when something holds the interface.
fn codes(errno: Errno) -> &'static [i32] {
    match errno {
        Errno::EPERM => &[77, 66],
        Errno::EBUSY => &[71, 66, 69],
        _ => &[71, 66],
    }
}

/// The wordings of an errno: by nix, by the C library, and by corexdp.
fn reasons(errno: Errno) -> Vec<String> {
    let library = std::io::Error::from(errno).to_string();
    let library = library.split(" (os error").next().unwrap_or_default();
    let ours = match errno {
        Errno::EPERM => "not permitted",
        Errno::ENOMEM => "no memory",
        Errno::EBUSY => "held by another",
        _ => errno.desc(),
    };
    [errno.desc(), library, ours].map(str::to_owned).to_vec()
}
