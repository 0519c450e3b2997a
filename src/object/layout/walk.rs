//! All parts of a layout, one after the other.

use std::fmt::Write as _;

use super::{Kind, Layout, ShapeId};

/// Structs within each other that are walked into.
const DEEPEST: usize = 8;
/// Most parts that are shown; a damaged type may have more than anybody can read.
const MOST: usize = 1 << 12;

/// A part of a key or value.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// How it is called, as [`Layout::find`] takes it.
    pub path: &'a str,
    /// Its first byte.
    pub offset: u32,
    /// Its type.
    pub shape: ShapeId,
    /// The width of a bit-field in bits; `None` for an ordinary member.
    pub bits: Option<u32>,
}

impl Layout {
    /// Shows each member, and then its own members if `see` says so; of an array the first
    /// element. What is no struct is one part, called `whole`.
    pub fn walk(&self, whole: &str, see: &mut dyn FnMut(Part<'_>) -> bool) {
        self.walk_by(whole, false, see);
    }

    /// Shows each member, and then its own members or all its elements if `see` says so. What is no struct is one part,
    /// called `whole`.
    pub fn walk_all(&self, whole: &str, see: &mut dyn FnMut(Part<'_>) -> bool) {
        self.walk_by(whole, true, see);
    }

    fn walk_by(&self, whole: &str, elements: bool, see: &mut dyn FnMut(Part<'_>) -> bool) {
        let mut walk = Walk {
            layout: self,
            elements,
            path: String::new(),
            left: MOST,
            see,
        };
        if let Kind::Group(_) = self.whole().kind {
            walk.inside(Self::WHOLE, 0, DEEPEST);
        } else {
            walk.path.push_str(whole);
            walk.part(Self::WHOLE, 0, None, DEEPEST);
        }
    }

    /// Whether something of this type has members with names of their own, if only as elements.
    pub fn has_members(&self, id: ShapeId) -> bool {
        let mut id = id;
        for _ in 0..DEEPEST {
            match self.shape(id).kind {
                Kind::Group(_) => return true,
                Kind::Array { element, .. } => id = element,
                _ => return false,
            }
        }
        false
    }
}

struct Walk<'a> {
    layout: &'a Layout,
    /// Whether elements are parts, all of them.
    elements: bool,
    path: String,
    left: usize,
    see: &'a mut dyn FnMut(Part<'_>) -> bool,
}

impl Walk<'_> {
    fn inside(&mut self, shape: ShapeId, offset: u32, deeper: usize) {
        let layout = self.layout;
        let Some(deeper) = deeper.checked_sub(1) else {
            return;
        };
        let length = self.path.len();
        match &layout.shape(shape).kind {
            Kind::Group(members) => {
                let dot = if length == 0 { "" } else { "." };
                for member in members {
                    let _ = write!(self.path, "{dot}{}", member.name);
                    let offset = offset.saturating_add(member.offset());
                    self.part(member.shape, offset, member.bits, deeper);
                    self.path.truncate(length);
                }
            }
            Kind::Array { element, count } if self.elements => {
                let size = layout.shape(*element).size;
                for index in 0..*count {
                    // What is not shown any more need not be looked for either.
                    if self.left == 0 {
                        break;
                    }
                    let _ = write!(self.path, "[{index}]");
                    let offset = offset.saturating_add(index.saturating_mul(size));
                    self.part(*element, offset, None, deeper);
                    self.path.truncate(length);
                }
            }
            Kind::Array {
                element,
                count: 1..,
            } => {
                self.path.push_str("[0]");
                self.inside(*element, offset, deeper);
                self.path.truncate(length);
            }
            _ => {}
        }
    }

    fn part(&mut self, shape: ShapeId, offset: u32, bits: Option<u32>, deeper: usize) {
        let Some(left) = self.left.checked_sub(1) else {
            return;
        };
        self.left = left;
        let part = Part {
            path: &self.path,
            offset,
            shape,
            bits,
        };
        if (self.see)(part) {
            self.inside(shape, offset, deeper);
        }
    }
}
