//! Checks of a `list` line, before its file is read.

use super::checker::Checker;
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::config::lists::List;

impl Checker<'_> {
    /// Checks that the map can hold items of lists, and the line's FIELDs.
    pub(super) fn check_list(&mut self, list: &List) {
        let (map, corefile) = (self.map, self.faults.corefile);
        if self.encoder.item_keys().is_none() || map.key_size as usize > MAX_KEY {
            let message = format!(
                "keys of {} are neither addresses, prefixes nor domain names; a list needs an lpm_trie of prefixes, or a hash of addresses or of struct qname",
                self.name
            );
            return self.faults.add(list.at, "list", message);
        }
        let has_actions = list.format.is_none_or(|(format, _)| format.has_actions());
        if list.fields.is_empty() && !has_actions {
            let message =
                "no FIELD=VALUE, and this format has no actions; add the value of the entries";
            return self.faults.add(list.at, "list", message);
        }
        let mut value = [0; MAX_VALUE];
        let words = list.fields.iter().map(|word| corefile.text(*word));
        if let Err(error) = self.encoder.value(words, &mut value) {
            let at = list.fields.get(error.field).copied();
            self.faults
                .add(at.unwrap_or(list.at), "list", error.message);
        }
    }
}
