//! The cost of 1,000 samples a second.

use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::Path;

use corexdp::kernel::map::Map;
use corexdp::kernel::ring_buffer::RingBuffer;
use corexdp::kernel::{limits, program};
use corexdp::object::frame::sample::ALL_VERDICTS;
use corexdp::object::frame::{self, Place, RINGS, SETTINGS, SETTINGS_SIZE, Settings};
use corexdp::object::{LinkedObject, MapDef, link};

use super::programs::{Above, Bench, ROUNDS};
use super::runs::Packets;
use super::shipped::NEVER;
use super::table::{Aim, Row, Unit};
use support::objects::compile::compile;
use support::packets::filter::Filter;
use support::packets::frame::ip4;
use support::packets::kernel::Program;
use support::packets::message::query;
use support::packets::sandbox::PASS;
use support::shipped_object;

const RING_SIZE: u32 = 256 << 10;

/// A program in its frame.
pub(crate) struct Framed {
    pub(crate) program: Program,
    /// Maps of the object that were created for it, by name.
    maps: Vec<(String, Map)>,
}

impl Framed {
    /// The program of an object, with its frame. The program shares the maps of `filter`; other maps are created.
    pub(crate) fn new(path: &Path, filter: Option<&Filter>) -> Self {
        let mut object = link(&fs::read(path).unwrap(), "xdp_prog").unwrap();
        object.add_frame(Place::Alone).unwrap();
        Self::load(&object, filter)
    }

    fn load(object: &LinkedObject, filter: Option<&Filter>) -> Self {
        let shared = |def: &MapDef| filter.and_then(|filter| filter.descriptor(&def.name));
        let new = object.maps.iter().filter(|def| shared(def).is_none());
        let maps: Vec<_> = new.map(|def| (def.name.clone(), create(def))).collect();
        let descriptors = object.maps.iter().map(|def| {
            let own = maps.iter().find(|(name, _)| *name == def.name);
            let own = own.map(|(_, map)| map.fd().as_raw_fd());
            own.or_else(|| shared(def)).unwrap()
        });
        let descriptors: Vec<i32> = descriptors.collect();
        let program = program::Program::load(object, &descriptors, None).unwrap();
        Self {
            program: Program(OwnedFd::from(program)),
            maps,
        }
    }

    fn map(&self, name: &str) -> &Map {
        let found = self.maps.iter().find(|(known, _)| known == name);
        &found.unwrap().1
    }

    /// Switches samples off, or on.
    fn sample(&self, settings: Option<Settings>) {
        let value = settings.map_or([0; SETTINGS_SIZE], |settings| settings.bytes());
        self.map(SETTINGS).update(&[0; 4], &value).unwrap();
    }
}

/// Creates a map with its initial content from the object.
fn create(def: &MapDef) -> Map {
    let inner = def.inner.as_deref().map(create);
    let inner = inner.as_ref().map(|inner| inner.fd().as_fd());
    let map = Map::create(def, None, inner, limits::possible_cpus().unwrap()).unwrap();
    if let Some(content) = &def.initial {
        map.update(&[0; 4], content).unwrap();
    }
    if def.freeze {
        map.freeze().unwrap();
    }
    map
}

pub(crate) fn samples(bench: &Bench<'_>) -> Vec<Row> {
    let empty = compile("pass", &bench.site.file("sampled"));
    let acl = Filter::load("acl", &["@hosts 198.51.100.9 action=ACL_DROP"]);
    let dns = Filter::load("dns", &[&format!("@settings 0 rate={NEVER}")]);
    let asked = query("www.some-domain.example", 1).edns(1232, &[]).bytes;
    let unlisted = ip4("192.0.2.1").udp(53).bytes;
    let asked = ip4("10.0.77.1").datagram(53, &asked).bytes;
    let framed = |name: &str, filter| Framed::new(&shipped_object(name), Some(filter));
    [
        ("an empty program", Framed::new(&empty, None), &unlisted),
        ("acl, another source", framed("acl", &acl), &unlisted),
        ("dns, a query, a rate", framed("dns", &dns), &asked),
    ]
    .into_iter()
    .map(|(what, framed, packet)| row(bench, what, &framed, &Packets::same(packet.clone())))
    .collect()
}

fn row(bench: &Bench<'_>, what: &str, framed: &Framed, packets: &Packets<'_>) -> Row {
    let ring = Map::create(&frame::ring(RING_SIZE), None, None, 1).unwrap();
    let descriptor = ring.fd().as_raw_fd().to_ne_bytes();
    framed.map(RINGS).update(&[0; 4], &descriptor).unwrap();
    let reader = ring.fd().try_clone().unwrap();
    let mut reader = RingBuffer::open(reader, RING_SIZE as usize).unwrap();
    let settings = Settings {
        session: 1,
        verdicts: ALL_VERDICTS,
        stage: 0,
        one_in: 1,
        rate: 1000,
        wake: RING_SIZE / 4,
    };
    let (mut on, mut off, mut taken) = (Above::default(), Above::default(), 0);
    for _ in 0..ROUNDS {
        let time = |program| packets.time(program, PASS, bench.counter.as_ref());
        let empty = time(&bench.empty);
        framed.sample(None);
        off.push(time(&framed.program), empty);
        framed.sample(Some(settings));
        // The first window finds the gap.
        time(&framed.program);
        on.push(time(&framed.program), empty);
        reader.read(&mut |_| taken += 1).unwrap();
    }
    assert!(taken > ROUNDS, "{taken} samples");
    let [on, _] = on.figures();
    let [off, _] = off.figures();
    Row {
        what: format!("1,000 samples/s of {what}"),
        unit: Unit::Nanoseconds,
        ours: on.unwrap(),
        peer: "samples off",
        theirs: off.unwrap(),
        aim: Aim::None,
    }
}
