//! The functions of an object, and its entry function.

use std::cmp::Reverse;
use std::fmt::Write;

use super::elf::{Elf, Symbol, SymbolKind, SymbolSection};
use super::error::{Error, Fault, Quoted};
use super::insn::Insn;
use crate::base::quantity::Quantity;

/// Maximum number of functions that an error names.
const MAX_LISTED: usize = 8;

/// A function in a section of instructions.
#[derive(Clone, Copy)]
pub(super) struct Function<'a> {
    pub name: &'a str,
    /// Index of the function's section.
    pub section: usize,
    /// Offset in the section.
    pub start: u64,
    /// Size in bytes.
    pub size: u64,
}

/// All functions of an object, in order of section and offset.
pub(super) struct Functions<'a> {
    elf: &'a Elf<'a>,
    all: Vec<Function<'a>>,
}

impl<'a> Functions<'a> {
    pub(super) fn of(elf: &'a Elf<'a>) -> Self {
        let mut all: Vec<_> = elf
            .symbols()
            .filter_map(|(_, symbol)| function(elf, &symbol))
            .collect();
        // Of two symbols at the same offset, the one with a size comes first.
        all.sort_unstable_by_key(|function| {
            let size = Reverse(function.size);
            (function.section, function.start, size, function.name)
        });
        let mut functions = Self { elf, all };
        functions.find_sizes();
        functions
    }

    /// Extends each function of unknown size to the next function, or to the section's end.
    fn find_sizes(&mut self) {
        let (mut section, mut nearest, mut end) = (0, 0, 0);
        for function in self.all.iter_mut().rev() {
            if function.section != section {
                section = function.section;
                end = self.elf.section(section).map_or(0, |section| section.size);
                nearest = end;
            }
            if function.start < nearest {
                (end, nearest) = (nearest, function.start);
            }
            if function.size == 0 {
                function.size = end.saturating_sub(function.start);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&Function<'a>> {
        self.all.get(index)
    }

    /// The functions in sections for XDP programs.
    pub(super) fn programs(&self) -> impl Iterator<Item = &Function<'a>> {
        let all = self.all.iter();
        all.filter(|function| self.section_name(function).starts_with("xdp"))
    }

    /// Index of the function at `offset` of `section`.
    pub(super) fn starting_at(&self, section: usize, offset: u64) -> Option<usize> {
        let index = self
            .all
            .partition_point(|function| (function.section, function.start) < (section, offset));
        self.all
            .get(index)
            .filter(|function| (function.section, function.start) == (section, offset))
            .map(|_| index)
    }

    /// The function's instructions before linking.
    pub(super) fn code(&self, function: &Function) -> Result<&'a [[u8; Insn::SIZE]], Error> {
        let data: &'a [u8] = self
            .elf
            .section(function.section)
            .map_or(&[], |section| section.data);
        let &Function { start, size, .. } = function;
        let range = usize::try_from(start).ok().zip(usize::try_from(size).ok());
        let bytes = range.and_then(|(start, size)| data.get(start..start.checked_add(size)?));
        let what = match bytes.map(<[u8]>::as_chunks) {
            Some((code, [])) if size > 0 && start % 8 == 0 => return Ok(code),
            Some(_) => "instructions take 8 bytes each, at multiples of 8".to_owned(),
            None => format!("its section has {}", data.len()),
        };
        Err(self.error(
            function,
            format!(
                "has {} at offset {start}, but {what}",
                Quantity(size, "byte")
            ),
        ))
    }

    /// The error `what` in `function`.
    pub(super) fn error(&self, function: &Function, what: String) -> Error {
        Error::from(Fault::Function {
            name: function.name.into(),
            section: self.section_name(function).into(),
            what,
        })
    }

    /// Name of the function's section.
    pub(super) fn section_name(&self, function: &Function) -> &'a str {
        self.elf
            .section(function.section)
            .map_or("", |section| section.name)
    }

    /// Index of the function `name` in a section for XDP programs.
    ///
    /// # Errors
    /// When there is no such function, or more than one.
    pub(super) fn entry(&self, name: &str) -> Result<usize, Error> {
        let named = || {
            self.all
                .iter()
                .enumerate()
                .filter(|(_, function)| function.name == name)
        };
        let mut found =
            named().filter(|(_, function)| self.section_name(function).starts_with("xdp"));
        match (found.next(), found.next(), named().next()) {
            (Some((index, _)), None, _) => Ok(index),
            (Some((_, one)), Some((_, other)), _) => {
                let (one, other) = (self.section_name(one), self.section_name(other));
                let what = format!(
                    "is defined twice, in section {} and in {}; rename one of them",
                    Quoted(one),
                    Quoted(other)
                );
                Err(Error::entry(name, what))
            }
            (None, _, Some((_, function))) => {
                let section = Quoted(self.section_name(function));
                let what = format!(
                    "is in section {section}; an XDP program is in a section whose name starts with `xdp`, as by SEC(\"xdp\")"
                );
                Err(Error::entry(name, what))
            }
            (None, _, None) => Err(Error::entry(name, format!("is missing; {}", self.list()))),
        }
    }

    /// The names of the object's functions, for a message.
    fn list(&self) -> String {
        if self.all.is_empty() {
            return "the object has no functions".into();
        }
        let mut list = String::from("the object has ");
        for (number, function) in self.all.iter().take(MAX_LISTED).enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            let (name, section) = (Quoted(function.name), Quoted(self.section_name(function)));
            let _ = write!(list, "{comma}{name} in section {section}");
        }
        if let Some(more @ 1..) = self.all.len().checked_sub(MAX_LISTED) {
            let _ = write!(list, " and {more} more");
        }
        list
    }
}

/// The function that a symbol names. Assemblers write function symbols without a type. A local symbol without a type is
/// a jump target.
fn function<'a>(elf: &Elf<'a>, symbol: &Symbol<'a>) -> Option<Function<'a>> {
    let SymbolSection::Section(section) = symbol.section else {
        return None;
    };
    let named = match symbol.kind {
        SymbolKind::Function => true,
        SymbolKind::Untyped => symbol.global,
        _ => false,
    };
    let fits = named && !symbol.name.is_empty() && elf.section(section)?.is_code();
    fits.then_some(Function {
        name: symbol.name,
        section,
        start: symbol.value,
        size: symbol.size,
    })
}
