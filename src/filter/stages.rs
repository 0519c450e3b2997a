//! The stages of a chain, in the order in which they meet a packet.

use std::slice::Iter;

/// Iterator over the first stage, and over those behind it. [`Iterator::chain`] would compile each loop twice.
pub struct Stages<'a, T> {
    head: Option<&'a T>,
    behind: Iter<'a, T>,
}

impl<'a, T> Stages<'a, T> {
    pub(super) fn new(head: &'a T, behind: &'a [T]) -> Self {
        Self {
            head: Some(head),
            behind: behind.iter(),
        }
    }
}

impl<'a, T> Iterator for Stages<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        self.head.take().or_else(|| self.behind.next())
    }
}

impl<T> DoubleEndedIterator for Stages<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.behind.next_back().or_else(|| self.head.take())
    }
}
