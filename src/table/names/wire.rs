//! Names in wire format, RFC 1035 section 3.1, without the root label.

/// Bytes of the longest name: 255 with the root label.
pub const MAX_NAME: usize = 254;
const MAX_LABEL: u8 = 63;

/// Number of labels of a name; `None` if the bytes are no name.
pub(super) fn labels(wire: &[u8]) -> Option<u8> {
    if wire.is_empty() || wire.len() > MAX_NAME {
        return None;
    }
    let mut rest = wire;
    let mut count = 0;
    while let Some((size, after)) = rest.split_first() {
        if !(1..=MAX_LABEL).contains(size) {
            return None;
        }
        rest = after.get(usize::from(*size)..)?;
        count += 1;
    }
    Some(count)
}

/// The suffixes of a name, longest first. The bytes must be a name.
pub fn suffixes(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = wire;
    std::iter::from_fn(move || {
        let suffix = rest;
        let size = usize::from(*suffix.first()?);
        rest = suffix.get(size + 1..).unwrap_or_default();
        Some(suffix)
    })
}

/// Writes the labels of a name in reverse order, so that names below a name begin with its bytes. Reversing twice gives the
/// name again. Returns the bytes written; the buffer has [`MAX_NAME`] bytes.
pub(super) fn reverse<'a>(wire: &[u8], buffer: &'a mut [u8; MAX_NAME]) -> &'a [u8] {
    let length = wire.len().min(MAX_NAME);
    let mut end = length;
    let mut rest = wire;
    while let Some(size) = rest.first() {
        let (label, after) = rest
            .split_at_checked(usize::from(*size) + 1)
            .unwrap_or((rest, &[]));
        let Some(start) = end.checked_sub(label.len()) else {
            break;
        };
        if let Some(place) = buffer.get_mut(start..end) {
            place.copy_from_slice(label);
        }
        end = start;
        rest = after;
    }
    buffer.get(..length).unwrap_or_default()
}
