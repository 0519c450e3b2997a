//! Names by which browsers reach the page: the option `host` of `prometheus`.

use std::net::IpAddr;

use crate::base::escape::Quoted;

/// Length of the longest DNS name as text, without its final dot, in bytes (RFC 1035, section 2.3.4).
pub const MAX_HOST: usize = 253;
/// Maximum number of names of the option `host`.
pub const MAX_HOSTS: usize = 8;
/// Names of the option `host`, in lower case and without a final dot.
pub type Hosts = heapless::Vec<heapless::String<MAX_HOST>, MAX_HOSTS>;

/// Length of the longest label of a name in bytes (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;

/// Adds the names in the arguments of one `host` line to `hosts`. Several server blocks may have the same name.
///
/// # Errors
/// The message for the operator.
pub(super) fn read(hosts: &mut Hosts, args: &[&str]) -> Result<(), String> {
    if args.is_empty() {
        return Err("write `host NAME…`".into());
    }
    for (index, arg) in args.iter().enumerate() {
        let name = parse(arg)?;
        let is_name = |other: &&str| other.trim_end_matches('.').eq_ignore_ascii_case(&name);
        if args.iter().take(index).any(is_name) {
            return Err(format!("host {} is given twice; keep one", Quoted(arg)));
        }
        if !hosts.contains(&name) && hosts.push(name).is_err() {
            return Err(format!(
                "more than {MAX_HOSTS} names of host; leave some out"
            ));
        }
    }
    Ok(())
}

fn parse(text: &str) -> Result<heapless::String<MAX_HOST>, String> {
    let quoted = Quoted(text);
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<IpAddr>().is_ok() {
        return Err(format!(
            "host {quoted} is an address; leave it out, since every address is accepted"
        ));
    }
    if text.contains('*') {
        return Err(format!(
            "host {quoted} has '*', which is not a wildcard; write each name, for example box.example.org"
        ));
    }
    let wrong = format!(
        "{quoted} is not a host name; write it without scheme, port and path, for example box.example.org"
    );
    let name = text.strip_suffix('.').unwrap_or(text);
    let may_be_in_label = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label =
        |label: &str| (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(may_be_in_label);
    if !name.split('.').all(is_label) {
        return Err(wrong);
    }
    let mut name = heapless::String::try_from(name).map_err(|_| wrong)?;
    name.make_ascii_lowercase();
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_lower_case_without_final_dot() {
        let mut hosts = Hosts::new();
        read(&mut hosts, &["Box.Example.ORG", "b.example."]).unwrap();
        // Another server block repeats a name.
        read(&mut hosts, &["box.example.org", "_c-1"]).unwrap();
        assert_eq!(hosts, ["box.example.org", "b.example", "_c-1"]);
        let longest = [
            "a".repeat(63),
            "a".repeat(63),
            "a".repeat(63),
            "a".repeat(61),
        ]
        .join(".");
        read(&mut hosts, &[&longest]).unwrap();
        assert!(read(&mut hosts, &[&format!("a{longest}")]).is_err());
    }

    #[test]
    fn wrong_names_are_refused() {
        for (args, expected) in [
            (&[][..], "write `host NAME…`"),
            (
                &["a.example", "A.example."],
                "host \"A.example.\" is given twice; keep one",
            ),
            (
                &["192.0.2.1"],
                "host \"192.0.2.1\" is an address; leave it out, since every address is accepted",
            ),
            (
                &["*.example"],
                "host \"*.example\" has '*', which is not a wildcard; write each name, for example box.example.org",
            ),
            (
                &["[::1]"],
                "host \"[::1]\" is an address; leave it out, since every address is accepted",
            ),
        ] {
            assert_eq!(read(&mut Hosts::new(), args), Err(expected.to_owned()));
        }
        let label = "a".repeat(64);
        for wrong in [
            "", ".", "a..b", "a:9153", "http://a", "a b", "\u{e4}", &label,
        ] {
            let message = read(&mut Hosts::new(), &[wrong]).unwrap_err();
            assert!(message.ends_with(" is not a host name; write it without scheme, port and path, for example box.example.org"), "{message}");
        }
        let names: Vec<String> = (0..=MAX_HOSTS).map(|number| format!("a{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut hosts = Hosts::new();
        assert_eq!(read(&mut hosts, &names[1..]), Ok(()));
        assert_eq!(
            read(&mut hosts, &names[..1]),
            Err("more than 8 names of host; leave some out".to_owned())
        );
    }
}
