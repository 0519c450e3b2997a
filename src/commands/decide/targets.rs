//! The maps to which a decision goes.

use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::escape::Plain;
use crate::base::exit;
use crate::base::hex::Upper;
use crate::base::suggest::list;
use crate::commands::inspect::INTERNAL;
use crate::commands::open_map::OpenMap;
use crate::commands::test::join;
use crate::config::MAP;
use crate::config::decision::{self, Order, Saved};
use crate::encode::Encoder;
use crate::filter::{Content, Refused};
use crate::kernel::map_scan::Scan;

impl OpenMap<'_> {
    fn interface(&self) -> &str {
        &self.running.place.interface
    }

    fn stage(&self) -> &str {
        self.running.place.stage.as_deref().unwrap_or_default()
    }

    fn has_decisions(&self) -> bool {
        !self.definition.kind.is_array()
    }

    /// True if there is a decision about this key.
    fn has_decision(&self, key: &[u8]) -> bool {
        match &self.content {
            Content::Map(_) => self.running.decision(key).is_some(),
            Content::Table(table) => {
                let found = table.decision(key, &mut Box::<Scan>::default());
                found.is_ok_and(|found| found.is_some())
            }
        }
    }
}

/// An entry in bytes.
pub(super) struct Entry {
    pub(super) key: Vec<u8>,
    /// `None` for a deletion.
    pub(super) value: Option<Vec<u8>>,
    pub(super) saved: Saved,
}

/// The maps of all filters, in the order in which packets meet them.
pub(super) struct Targets<'a> {
    maps: &'a [OpenMap<'a>],
    /// Encoder of each map, made when it is needed.
    encoders: Vec<Option<Encoder<'a>>>,
    interface: Option<&'a str>,
}

/// Exit code and message.
type Wrong = (u8, String);

impl<'a> Targets<'a> {
    /// The maps of `interface`, or of all interfaces.
    pub(super) fn new(maps: &'a [OpenMap<'a>], interface: Option<&'a str>) -> Self {
        Self {
            maps,
            encoders: maps.iter().map(|_| None).collect(),
            interface,
        }
    }

    /// Id of a map in the kernel.
    pub(super) fn id(&self, target: usize) -> u32 {
        self.maps
            .get(target)
            .and_then(|map| map.running.id().ok())
            .unwrap_or_default()
    }

    /// The entries of a decision, each with the number of its map. On each interface, a deletion goes to the maps of all
    /// stages that take KEY. A new decision goes to the map that has a decision about KEY, else to that of the first stage
    /// that takes KEY and all FIELDs.
    pub(super) fn choose(
        &mut self,
        order: &Order,
        until: Option<u64>,
    ) -> Result<Vec<(usize, Entry)>, Wrong> {
        let name = self.name(order)?;
        let named: Vec<_> = self
            .candidates()
            .filter(|(_, map)| map.running.name == name)
            .collect();
        let mut chosen: Vec<(usize, Entry)> = Vec::new();
        let mut refused = String::new();
        for (number, map) in named {
            if !map.has_decisions() {
                join(&mut refused, &Refused::Kind.message("", &name, 0));
                continue;
            }
            let entry = match self.encode(number, order, until) {
                Ok(entry) => entry,
                Err(message) => {
                    join(&mut refused, &message);
                    continue;
                }
            };
            let is_earlier = |(_, earlier): &&mut (usize, Entry)| {
                entry.value.is_some() && earlier.saved.interface == entry.saved.interface
            };
            match chosen.last_mut().filter(is_earlier) {
                None => chosen.push((number, entry)),
                Some(earlier) => {
                    let has_decision = |number: usize, key: &[u8]| {
                        let map = self.maps.get(number);
                        map.is_some_and(|map| map.has_decision(key))
                    };
                    if !has_decision(earlier.0, &earlier.1.key) && has_decision(number, &entry.key)
                    {
                        *earlier = (number, entry);
                    }
                }
            }
        }
        if chosen.is_empty() {
            return Err((exit::USAGE, refused));
        }
        Ok(chosen)
    }

    /// Encodes a decision for a map.
    fn encode(
        &mut self,
        target: usize,
        order: &Order,
        until: Option<u64>,
    ) -> Result<Entry, String> {
        let maps = self.maps;
        let Some((map, encoder)) = maps.get(target).zip(self.encoder(target)) else {
            return Err("no such map".into());
        };
        let name = &map.running.name;
        let (mut key, mut value) = ([0; MAX_KEY], [0; MAX_VALUE]);
        let fields = order.fields.iter().map(String::as_str);
        let (size, value) = if order.fields.is_empty() {
            (encoder.key(&order.key, &mut key)?, None)
        } else {
            let sizes = decision::encode(encoder, &order.key, fields, &mut key, &mut value);
            let (size, value_size) = sizes?;
            (size, value.get(..value_size))
        };
        let key = key.get_mut(..size).unwrap_or_default();
        encoder.clear_host_bits(key);
        let (interface, stage) = (map.interface(), map.stage());
        let saved = if let Some(value) = value {
            let mut line = String::new();
            encoder.secret_line(name, key, value, &mut line);
            let saved = Saved::new(interface, stage, &line, until);
            saved.ok_or("KEY has no words")?
        } else {
            let word = encoder.key_word(key);
            let word = word.unwrap_or_else(|| Upper(key).to_string());
            Saved::about(interface, stage, name, &word)
        };
        Ok(Entry {
            key: key.to_vec(),
            value: value.map(<[u8]>::to_vec),
            saved,
        })
    }

    /// Name of the map: `@MAP`, else `xdp_map`, else the only map that can have decisions.
    fn name(&self, order: &Order) -> Result<String, Wrong> {
        let unavailable = |message| Err((exit::UNAVAILABLE, message));
        let mut names: Vec<&str> = self
            .candidates()
            .map(|(_, map)| map.running.name.as_str())
            .collect();
        if names.is_empty() {
            return unavailable(match self.interface {
                Some(interface) => format!(
                    "no filter on {}; `corexdp status` shows the filtered interfaces",
                    Plain(interface)
                ),
                None => "no filter; `corexdp status` shows the filtered interfaces".into(),
            });
        }
        if let Some(map) = &order.map
            && names.contains(&map.as_str())
        {
            return Ok(map.clone());
        }
        let able = self.candidates().filter(|(_, map)| map.has_decisions());
        names = able.map(|(_, map)| map.running.name.as_str()).collect();
        names.retain(|name| !INTERNAL.contains(name));
        names.sort_unstable();
        names.dedup();
        let shown: Vec<_> = names.iter().map(|name| format!("@{name}")).collect();
        let shown: Vec<_> = shown.iter().map(String::as_str).collect();
        let shown = list(&shown, " or ");
        match (&order.map, names.as_slice()) {
            (Some(map), []) => unavailable(format!("no map {}", Plain(map))),
            (Some(map), _) => unavailable(format!("no map {}; name {shown}", Plain(map))),
            (None, names) if names.contains(&MAP) => Ok(MAP.into()),
            (None, [only]) => Ok((*only).into()),
            (None, []) => {
                unavailable("no map that can have decisions: a hash or an lpm_trie".into())
            }
            (None, _) => Err((exit::USAGE, format!("no {MAP}; name the map: {shown}"))),
        }
    }

    /// The maps of the interface, or of all interfaces, with their numbers.
    fn candidates(&self) -> impl Iterator<Item = (usize, &'a OpenMap<'a>)> {
        let interface = self.interface;
        let maps = self.maps.iter().enumerate();
        maps.filter(move |(_, map)| interface.is_none_or(|name| name == map.interface()))
    }

    fn encoder(&mut self, target: usize) -> Option<&mut Encoder<'a>> {
        let map = self.maps.get(target)?;
        let encoder = self.encoders.get_mut(target)?;
        Some(encoder.get_or_insert_with(|| map.encoder()))
    }
}
