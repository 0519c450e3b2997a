//! Messages about changes that were not made, with the entry that is in the way.

use nix::errno::Errno;

use super::{Item, NOTHING};
use crate::base::escape::Plain;
use crate::base::exit;
use crate::commands::open_map::OpenMap;
use crate::commands::test::origin::{Origins, Wanted};
use crate::commands::test::test_map;
use crate::control::changes::Outcome;
use crate::filter::{Content, Refused};
use crate::kernel::map_scan::Scan;
use crate::list::Action;
use crate::table::ValueLayout;

/// Exit code and message of a change that was not made; `None` for a change that was. `origins` is given for the first
/// refusals.
pub(super) fn refusal(
    item: &Item,
    maps: &[OpenMap<'_>],
    origins: Option<&Origins<'_>>,
) -> Option<(u8, String)> {
    let refused = match item.outcome? {
        Outcome::Done => return None,
        Outcome::Gone => {
            let message = "a reload has replaced the map; try again";
            return Some((exit::UNAVAILABLE, message.into()));
        }
        Outcome::Refused(refused) => refused,
    };
    let code = match refused {
        Refused::Unknown => NOTHING,
        Refused::Kind | Refused::Given | Refused::Kernel(Errno::EDQUOT | Errno::E2BIG) => {
            exit::UNAVAILABLE
        }
        Refused::Kernel(_) => exit::SYSTEM,
    };
    let map = maps.get(item.target)?;
    let room = map.definition.max_entries;
    let is_about_entry = matches!(refused, Refused::Unknown | Refused::Given);
    let explained = origins.filter(|_| is_about_entry);
    let explained = explained.and_then(|origins| explain(item, map, refused, origins));
    let general = || refused.message(&item.saved.key, &item.saved.map, room);
    Some((code, explained.unwrap_or_else(general)))
}

/// The message about a key that has no decision, but an entry.
fn explain(
    item: &Item,
    map: &OpenMap<'_>,
    refused: Refused,
    origins: &Origins<'_>,
) -> Option<String> {
    let (word, name) = (&item.saved.key, Plain(&item.saved.map));
    let mut scan = Box::<Scan>::default();
    let found = test_map(map, word, &mut scan).ok()?.ok()??;
    let key = Plain(word);
    let deciding = map.encoder().key_word(&found.key)?;
    let deciding = Plain(&deciding);
    if found.end.is_some() {
        return Some(format!(
            "no decision about {key} in {name}; the decision about {deciding} decides about it"
        ));
    }
    let place = origins.place(map.running, &found.wanted())?;
    let place = Plain(&place);
    if refused == Refused::Given {
        return Some(format!(
            "{key} is given by {place}; change it there, and reload"
        ));
    }
    let pass = map.encoder().action_field(Action::Passthru);
    let pass = pass.as_deref().unwrap_or("FIELD=VALUE…");
    let mut line = String::new();
    map.encoder()
        .line(&item.saved.map, &found.key, &found.value, &mut line);
    let remedy = match map.content {
        // An entry that passes needs no decision to pass.
        Content::Table(_) if !line.contains(pass) => format!(", or `corexdp add {key} {pass}`"),
        _ => String::new(),
    };
    Some(format!(
        "no decision about {key} in {name}; {place} has {deciding}: change it there, and reload{remedy}"
    ))
}

/// An entry of a table as an operator finds it: its place and its line, with the action only.
pub(super) fn described(
    map: &OpenMap<'_>,
    layout: &ValueLayout,
    origins: &Origins<'_>,
    wanted: &Wanted<'_>,
) -> String {
    let mut action = wanted.value.to_vec();
    if let Some(others) = action.get_mut(layout.action..) {
        others.fill(0);
    }
    let mut line = String::new();
    map.encoder()
        .line(&map.running.name, wanted.key, &action, &mut line);
    match origins.place(map.running, wanted) {
        Some(place) => format!("{}: {line}", Plain(&place)),
        None => line,
    }
}
