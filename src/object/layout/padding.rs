//! Padding: bytes of a struct between its members, which the compiler inserts for alignment.

use std::fmt::Write as _;

use super::{Kind, Layout, Member};

impl Layout {
    /// Text about the numbers of bytes of members and padding, such as `60 of members, 4 of padding at its end`; `None`
    /// without padding.
    pub fn padding(&self) -> Option<String> {
        let Kind::Composite(members) = &self.whole().kind else {
            return None;
        };
        let (mut text, mut sum, mut end, mut last) = (String::new(), 0, 0, "");
        let mut hole = |size: u32, after: &str| {
            if size == 0 {
                return;
            }
            let of = if sum == 0 { " of padding" } else { "" };
            sum += size;
            let _ = match after {
                "" => write!(text, ", {size}{of} at its end"),
                _ => write!(text, ", {size}{of} after {after}"),
            };
        };
        for member in members {
            hole(member.offset().saturating_sub(end), last);
            end = end.max(self.end(member));
            last = &member.name;
        }
        let size = self.whole().size;
        hole(size.saturating_sub(end), "");
        let of_members = size.saturating_sub(sum);
        (sum > 0).then(|| format!("{of_members} of members{text}"))
    }

    /// Offset of the first byte after a member, from the start of the struct.
    fn end(&self, member: &Member) -> u32 {
        let size = u64::from(self.shape(member.shape).size) * 8;
        let bits = member.bits.map_or(size, u64::from) + u64::from(member.bit_offset);
        u32::try_from(bits.div_ceil(8)).unwrap_or(u32::MAX)
    }
}
