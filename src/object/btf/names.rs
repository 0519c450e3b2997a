//! Names in the string section of BTF.

/// Maximum length of a name of a type or member, in bytes. C++ and Rust have long mangled names.
const MAX_NAME_LEN: usize = 1024;

/// The name at `offset`. [`Btf::parse`](super::Btf::parse) has checked that there is one.
pub(super) fn name_at(strings: &str, offset: u32) -> &str {
    checked_name(strings, offset).unwrap_or_default()
}

/// The name at `offset`, up to its NUL; `None` if `offset` is out of bounds, or the name is too long.
pub(super) fn checked_name(strings: &str, offset: u32) -> Option<&str> {
    let from = strings.get(usize::try_from(offset).ok()?..)?;
    let within = from
        .as_bytes()
        .get(..MAX_NAME_LEN)
        .unwrap_or(from.as_bytes());
    from.get(..within.iter().position(|&byte| byte == 0)?)
}
