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
use crate::filter::Refused;

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

    /// Numbers of the maps to which a decision goes: on each interface the map of the first stage that takes KEY.
    pub(super) fn choose(&mut self, order: &Order) -> Result<Vec<usize>, Wrong> {
        let name = self.name(order)?;
        let named: Vec<_> = self
            .candidates()
            .filter(|(_, map)| map.running.name == name)
            .collect();
        let mut chosen: Vec<usize> = Vec::new();
        let mut refused = String::new();
        for (number, map) in named {
            if !map.has_decisions() {
                join(&mut refused, &Refused::Kind.message("", &name, 0));
                continue;
            }
            let is_served = |target: &usize| {
                let other = self.maps.get(*target).map(OpenMap::interface);
                other == Some(map.interface())
            };
            if chosen.iter().any(is_served) {
                continue;
            }
            match self.key(number, &order.key) {
                Ok(_) => chosen.push(number),
                Err(message) => join(&mut refused, &message),
            }
        }
        if chosen.is_empty() {
            return Err((exit::USAGE, refused));
        }
        Ok(chosen)
    }

    /// Encodes a decision for a map.
    pub(super) fn encode(
        &mut self,
        target: usize,
        order: &Order,
        until: Option<u64>,
    ) -> Result<Entry, Wrong> {
        let maps = self.maps;
        let Some((map, encoder)) = maps.get(target).zip(self.encoder(target)) else {
            return Err((exit::SYSTEM, "no such map".into()));
        };
        let name = &map.running.name;
        let wrong = |message| (exit::USAGE, message);
        let (mut key, mut value) = ([0; MAX_KEY], [0; MAX_VALUE]);
        let fields = order.fields.iter().map(String::as_str);
        let (size, value) = if order.fields.is_empty() {
            (encoder.key(&order.key, &mut key).map_err(wrong)?, None)
        } else {
            let sizes = decision::encode(encoder, &order.key, fields, &mut key, &mut value);
            let (size, value_size) = sizes.map_err(wrong)?;
            (size, value.get(..value_size))
        };
        let key = key.get_mut(..size).unwrap_or_default();
        encoder.clear_host_bits(key);
        let (interface, stage) = (map.interface(), map.stage());
        let saved = if let Some(value) = value {
            let mut line = String::new();
            encoder.secret_line(name, key, value, &mut line);
            let saved = Saved::new(interface, stage, &line, until);
            saved.ok_or((exit::SYSTEM, "KEY has no words".into()))?
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

    fn key(&mut self, target: usize, word: &str) -> Result<usize, String> {
        let mut key = [0; MAX_KEY];
        let encoder = self.encoder(target);
        encoder.map_or(Ok(0), |encoder| encoder.key(word, &mut key))
    }

    fn encoder(&mut self, target: usize) -> Option<&mut Encoder<'a>> {
        let map = self.maps.get(target)?;
        let encoder = self.encoders.get_mut(target)?;
        Some(encoder.get_or_insert_with(|| map.encoder()))
    }
}
