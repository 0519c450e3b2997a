//! Output of `dump`: entries as lines of a Corefile, in words if the map has types, else in bytes.

use std::fmt::{self, Write as _};

use super::{Entry, MapView, Writer};
use crate::base::escape::Escaped;
use crate::base::json::Output;

/// A heading for each map, then a line for each entry.
pub(super) struct Lines<'a, 'o>(pub(super) &'a mut Output<'o>);

impl Writer for Lines<'_, '_> {
    fn begin(&mut self, map: &MapView<'_>) -> fmt::Result {
        let (place, name) = (map.place, Escaped(map.name));
        let (kind, count, capacity) = (map.shape.kind, map.entries, map.shape.max_entries);
        if let Some(table) = map.table {
            return writeln!(self.0, "# {place} {name} {table} {count}");
        }
        write!(self.0, "# {place} {name} {kind} ")?;
        if kind.holds_bytes() {
            writeln!(self.0, "{count} of {capacity}")
        } else {
            writeln!(self.0, "of {capacity}: its entries are not bytes")
        }
    }

    fn entry(&mut self, map: &mut MapView<'_>, entry: &Entry<'_>) -> fmt::Result {
        let first = entry.values.first();
        let is_uniform = entry.values.iter().all(|value| Some(value) == first);
        for (cpu, value) in entry.values.iter().enumerate() {
            // A line of a Corefile sets the same value for all CPUs, so different values are comments.
            if !is_uniform {
                write!(self.0, "# cpu={cpu} ")?;
            }
            let mut line = String::new();
            map.encoder.line(map.name, entry.key, value, &mut line);
            match &entry.end {
                Some(end) => writeln!(self.0, "{line} # {end}")?,
                None => writeln!(self.0, "{line}")?,
            }
            if is_uniform {
                break;
            }
        }
        Ok(())
    }

    fn end(&mut self) -> fmt::Result {
        Ok(())
    }

    fn finish(&mut self) -> fmt::Result {
        Ok(())
    }
}
