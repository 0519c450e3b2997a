//! Traversal of all parts of a layout.

use std::fmt::Write as _;

use super::{Kind, Layout, ShapeId};

/// Maximum depth of nested structs and arrays.
const MAX_DEPTH: usize = 8;
/// Maximum number of visited parts. A damaged type may have billions.
const MAX_PARTS: usize = 1 << 12;

/// A part of a key or value.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The path, as for [`Layout::find`].
    pub path: &'a str,
    /// Offset in the key or value, in bytes.
    pub offset: u32,
    /// Type of the part.
    pub shape: ShapeId,
    /// The width of a bit-field in bits; `None` for an ordinary member.
    pub bits: Option<u32>,
    /// Maximum number, as in [`Member::max`](super::Member::max).
    pub max: Option<u64>,
}

impl Layout {
    /// Visits each member, and the member's own members if `visit` returns true. Of an array of structs, visits only the
    /// first element. A whole that is not a struct is one part with the path `whole`.
    pub fn walk(&self, whole: &str, visit: &mut dyn FnMut(Part<'_>) -> bool) {
        self.walk_elements(whole, Elements::First, visit);
    }

    /// Like [`Layout::walk`], but visits all elements of all arrays.
    pub fn walk_all(&self, whole: &str, visit: &mut dyn FnMut(Part<'_>) -> bool) {
        self.walk_elements(whole, Elements::All, visit);
    }

    fn walk_elements(
        &self,
        whole: &str,
        elements: Elements,
        visit: &mut dyn FnMut(Part<'_>) -> bool,
    ) {
        let mut walk = Walk {
            layout: self,
            elements,
            path: String::new(),
            parts_left: MAX_PARTS,
            visit,
        };
        if let Kind::Composite(_) = self.whole().kind {
            walk.descend(Self::WHOLE, 0, MAX_DEPTH);
        } else {
            walk.path.push_str(whole);
            walk.part(Self::WHOLE, 0, None, None, MAX_DEPTH);
        }
    }

    /// True if a type is a struct or union, or an array of structs or unions.
    pub fn has_members(&self, id: ShapeId) -> bool {
        let mut id = id;
        for _ in 0..MAX_DEPTH {
            match self.shape(id).kind {
                Kind::Composite(_) => return true,
                Kind::Array { element, .. } => id = element,
                _ => return false,
            }
        }
        false
    }
}

/// Elements of an array that a traversal visits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Elements {
    /// The members of the first element.
    First,
    /// All elements as parts.
    All,
}

struct Walk<'a> {
    layout: &'a Layout,
    elements: Elements,
    path: String,
    parts_left: usize,
    visit: &'a mut dyn FnMut(Part<'_>) -> bool,
}

impl Walk<'_> {
    /// Visits the members or elements of the part at `offset`.
    fn descend(&mut self, shape: ShapeId, offset: u32, depth_left: usize) {
        let layout = self.layout;
        let Some(depth_left) = depth_left.checked_sub(1) else {
            return;
        };
        let length = self.path.len();
        match &layout.shape(shape).kind {
            Kind::Composite(members) => {
                let dot = if length == 0 { "" } else { "." };
                for member in members {
                    let _ = write!(self.path, "{dot}{}", member.name);
                    let offset = offset.saturating_add(member.offset());
                    let (bits, max) = (member.bits, member.max);
                    self.part(member.shape, offset, bits, max, depth_left);
                    self.path.truncate(length);
                }
            }
            Kind::Array { element, count } if self.elements == Elements::All => {
                let size = layout.shape(*element).size;
                for index in 0..*count {
                    if self.parts_left == 0 {
                        break;
                    }
                    let _ = write!(self.path, "[{index}]");
                    let offset = offset.saturating_add(index.saturating_mul(size));
                    self.part(*element, offset, None, None, depth_left);
                    self.path.truncate(length);
                }
            }
            Kind::Array {
                element,
                count: 1..,
            } => {
                self.path.push_str("[0]");
                self.descend(*element, offset, depth_left);
                self.path.truncate(length);
            }
            _ => {}
        }
    }

    fn part(
        &mut self,
        shape: ShapeId,
        offset: u32,
        bits: Option<u32>,
        max: Option<u64>,
        depth_left: usize,
    ) {
        let Some(parts_left) = self.parts_left.checked_sub(1) else {
            return;
        };
        self.parts_left = parts_left;
        let part = Part {
            path: &self.path,
            offset,
            shape,
            bits,
            max,
        };
        if (self.visit)(part) {
            self.descend(shape, offset, depth_left);
        }
    }
}
