//! Members by name: `net.addr`, `slot[2]`.

use super::{Field, Kind, Layout, Member};
use crate::base::suggest::instead;

/// What the whole is called where it is no struct.
const WHOLE: &str = "value";
/// Longest path taken, in bytes.
const LONGEST: usize = 256;

impl Layout {
    /// The place of a member, one of its members or elements, and so on. Where the whole is no struct, it is `value`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the path and what would be right.
    pub fn find(&self, path: &str) -> Result<Field, String> {
        let shape = Self::WHOLE;
        let mut walk = Walk {
            layout: self,
            path,
            done: first_name(path).len(),
            at: Field { offset: 0, shape },
        };
        if path.len() > LONGEST || path.contains(char::is_control) {
            return Err(Walk::no_path());
        }
        let whole = self.whole();
        if let Kind::Group(members) = &whole.kind {
            walk.member(members, first_name(path), &whole.name)?;
        } else if first_name(path) != WHOLE {
            let name = &whole.name;
            return Err(format!(
                "there is no {path}; it is no struct but {name}, as a whole called {WHOLE}"
            ));
        }
        while walk.done < path.len() {
            walk.step()?;
        }
        Ok(walk.at)
    }
}

/// A path being followed.
struct Walk<'a> {
    layout: &'a Layout,
    path: &'a str,
    /// How much of it is behind.
    done: usize,
    /// Where that has led to.
    at: Field,
}

impl Walk<'_> {
    fn step(&mut self) -> Result<(), String> {
        let (behind, ahead) = self
            .path
            .split_at_checked(self.done)
            .ok_or_else(Self::no_path)?;
        let shape = self.layout.shape(self.at.shape);
        if let Some(after) = ahead.strip_prefix('.') {
            let Kind::Group(members) = &shape.kind else {
                return Err(format!("{behind} is {}, which has no members", shape.name));
            };
            let name = first_name(after);
            self.member(members, name, behind)?;
            self.done += 1 + name.len();
            return Ok(());
        }
        let after = ahead.strip_prefix('[').ok_or_else(Self::no_path)?;
        let Kind::Array { element, count } = shape.kind else {
            return Err(format!("{behind} is {}, which has no elements", shape.name));
        };
        let (number, _) = after.split_once(']').ok_or_else(Self::no_path)?;
        let index = number.parse().ok().filter(|index: &u32| *index < count);
        let Some(index) = index else {
            let last = count.saturating_sub(1);
            return Err(format!(
                "{behind} has no element {number}; there are {behind}[0] to {behind}[{last}]"
            ));
        };
        let size = self.layout.shape(element).size;
        self.at.offset = self.at.offset.saturating_add(index.saturating_mul(size));
        self.at.shape = element;
        self.done += number.len() + 2;
        Ok(())
    }

    fn member(&mut self, members: &[Member], name: &str, of: &str) -> Result<(), String> {
        let is_meant = |member: &&Member| *member.name == *name;
        let Some(member) = members.iter().find(is_meant) else {
            let there: Vec<_> = members.iter().map(|member| &*member.name).collect();
            let right = instead(name, &there);
            return Err(format!("{of} has no member {name}; {right}"));
        };
        if member.bits.is_some() {
            return Err(format!(
                "{name} is a bit-field, and only whole bytes have a name here; give them by `map` or read them by `metric`"
            ));
        }
        self.at.offset = self.at.offset.saturating_add(member.offset());
        self.at.shape = member.shape;
        Ok(())
    }

    fn no_path() -> String {
        "FIELD is no path to a member; write one as action, net.addr or slot[2]".into()
    }
}

/// The letters up to a dot or bracket.
fn first_name(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or_default()
}
