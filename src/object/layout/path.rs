//! Paths of members: `net.addr`, `slot[2]`.

use super::{Field, Kind, Layout, Member};
use crate::base::suggest::suggestion;

/// Path of a whole value that is not a struct.
const WHOLE: &str = "value";
/// Maximum length of a path in bytes.
const MAX_PATH_LEN: usize = 256;

impl Layout {
    /// Finds the part with this path of members and elements. A whole that is not a struct has the path `value`.
    ///
    /// # Errors
    /// The fault of the path and its remedy, as a sentence.
    pub fn find(&self, path: &str) -> Result<Field, String> {
        let shape = Self::WHOLE;
        let mut walk = Walk {
            layout: self,
            path,
            done: 0,
            at: Field { offset: 0, shape },
        };
        if path.len() > MAX_PATH_LEN || path.contains(char::is_control) {
            return Err(Walk::no_path());
        }
        let whole = self.whole();
        if let Kind::Composite(members) = &whole.kind {
            // The name of a static variable in a function has a dot: `function.variable`.
            let is_first = |name: &&str| {
                let rest = path.strip_prefix(name);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            let names = members.iter().map(|member| &*member.name);
            let longest = names.filter(is_first).max_by_key(|name| name.len());
            let name = longest.unwrap_or(first_name(path));
            walk.member(members, name, &whole.name)?;
            walk.done = name.len();
        } else if first_name(path) != WHOLE {
            let name = &whole.name;
            return Err(format!(
                "there is no {path}; the value is {name}, not a struct, and its FIELD is {WHOLE}"
            ));
        } else {
            walk.done = WHOLE.len();
        }
        while walk.done < path.len() {
            walk.step()?;
        }
        Ok(walk.at)
    }
}

/// Evaluation of a path.
struct Walk<'a> {
    layout: &'a Layout,
    path: &'a str,
    /// Number of evaluated bytes of the path.
    done: usize,
    /// The part at the evaluated prefix of the path.
    at: Field,
}

impl Walk<'_> {
    fn step(&mut self) -> Result<(), String> {
        let (parent, rest) = self
            .path
            .split_at_checked(self.done)
            .ok_or_else(Self::no_path)?;
        let shape = self.layout.shape(self.at.shape);
        if let Some(after) = rest.strip_prefix('.') {
            let Kind::Composite(members) = &shape.kind else {
                return Err(format!("{parent} is {}, which has no members", shape.name));
            };
            let name = first_name(after);
            self.member(members, name, parent)?;
            self.done += 1 + name.len();
            return Ok(());
        }
        let after = rest.strip_prefix('[').ok_or_else(Self::no_path)?;
        let Kind::Array { element, count } = shape.kind else {
            return Err(format!("{parent} is {}, which has no elements", shape.name));
        };
        let (number, _) = after.split_once(']').ok_or_else(Self::no_path)?;
        let index = number.parse().ok().filter(|index: &u32| *index < count);
        let Some(index) = index else {
            let last = count.saturating_sub(1);
            return Err(format!(
                "{parent} has no element {number}; there are {parent}[0] to {parent}[{last}]"
            ));
        };
        let size = self.layout.shape(element).size;
        self.at.offset = self.at.offset.saturating_add(index.saturating_mul(size));
        self.at.shape = element;
        self.done += number.len() + 2;
        Ok(())
    }

    fn member(&mut self, members: &[Member], name: &str, parent: &str) -> Result<(), String> {
        let Some(member) = members.iter().find(|member| *member.name == *name) else {
            let names: Vec<_> = members.iter().map(|member| &*member.name).collect();
            let remedy = suggestion(name, &names);
            return Err(format!("{parent} has no member {name}; {remedy}"));
        };
        if member.bits.is_some() {
            return Err(format!(
                "{name} is a bit-field, and a FIELD has whole bytes; write it with `map` or read it with `metric`"
            ));
        }
        self.at.offset = self.at.offset.saturating_add(member.offset());
        self.at.shape = member.shape;
        Ok(())
    }

    fn no_path() -> String {
        "FIELD is not a path to a member; write one as action, net.addr or slot[2]".into()
    }
}

/// The text up to the first dot or bracket.
fn first_name(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or_default()
}
