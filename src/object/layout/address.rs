//! Recognition of IP and MAC addresses by their types.

use super::{Kind, Layout, Shape};

impl Layout {
    /// True if `shape` has the type of an address: an array of bytes or of big-endian numbers, or a union of such arrays.
    pub fn is_address(&self, shape: &Shape) -> bool {
        let is_part = |element: &Shape| match element.kind {
            Kind::Number { big_endian, .. } => big_endian || element.size == 1,
            _ => false,
        };
        self.is_array(shape, &is_part)
    }

    /// True if `shape` has the size of an IPv6 or MAC address and is an array of any type, or a union of arrays.
    pub fn may_be_address(&self, shape: &Shape) -> bool {
        matches!(shape.size, 6 | 16) && self.is_array(shape, &|_| true)
    }

    /// True if `shape` is an array whose elements pass `is_element`, or a union of such arrays of the size of `shape`.
    fn is_array(&self, shape: &Shape, is_element: &dyn Fn(&Shape) -> bool) -> bool {
        match &shape.kind {
            Kind::Array { element, .. } => is_element(self.shape(*element)),
            Kind::Composite(members) => {
                !members.is_empty()
                    && members.iter().all(|member| {
                        let view = self.shape(member.shape);
                        member.bit_offset == 0
                            && view.size == shape.size
                            && self.is_array(view, is_element)
                    })
            }
            _ => false,
        }
    }
}
