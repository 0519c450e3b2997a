//! The cost of 1,000 samples a second.

use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::Path;
use std::time::Instant;

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, SockaddrLike as _, bind, send, socket,
};

use corexdp::control::SampleRequest;
use corexdp::control::client::samples::Samples;

use corexdp::kernel::map::Map;
use corexdp::kernel::ring_buffer::RingBuffer;
use corexdp::kernel::{limits, program};
use corexdp::object::frame::sample::ALL_VERDICTS;
use corexdp::object::frame::{self, Place, RINGS, SETTINGS, SETTINGS_SIZE, Settings};
use corexdp::object::{LinkedObject, MapDef, link};

use super::programs::{Above, Bench, ROUNDS};
use super::runs::Packets;
use super::sample::Sample;
use super::shipped::NEVER;
use super::site::{Site, corefile};
use super::table::{Aim, Figure, Row, Unit};
use support::net::Daemon;
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
        Self::at(Place::Alone, path, filter)
    }

    /// The program of an object, with the frame of this place.
    pub(crate) fn at(place: Place, path: &Path, filter: Option<&Filter>) -> Self {
        let mut object = link(&fs::read(path).unwrap(), "xdp_prog").unwrap();
        object.add_frame(place).unwrap();
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

    pub(crate) fn map(&self, name: &str) -> &Map {
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
    let acl = Filter::load("acl", &["198.51.100.9 action=ACL_DROP"]);
    let dns = Filter::load("dns", &[&format!("@settings 0 rate={NEVER}")]);
    let asked = query("www.some-domain.example", 1).edns(1232, &[]).bytes;
    let unlisted = ip4("192.0.2.1").udp(53).bytes;
    let asked = ip4("10.0.77.1").datagram(53, &asked).bytes;
    let framed = |name: &str, filter| Framed::new(&shipped_object(name), Some(filter));
    let empty = Framed::new(&empty, None);
    let (acl_framed, dns_framed) = (framed("acl", &acl), framed("dns", &dns));
    let cases = [
        ("an empty program", &bench.empty, &empty, unlisted.clone()),
        ("acl, another source", &acl.program, &acl_framed, unlisted),
        ("dns, a query, a rate", &dns.program, &dns_framed, asked),
    ];
    let rows = cases.into_iter().flat_map(|(what, bare, framed, packet)| {
        rows(bench, what, bare, framed, &Packets::same(packet))
    });
    rows.chain([throughput(bench.site)]).collect()
}

/// The time of a packet from its sender through the driver to the program, which drops it.
fn throughput(site: &Site) -> Row {
    const FRAMES: u32 = 30_000;
    fs::copy(shipped_object("acl"), site.file("acl.o")).unwrap();
    let lines = "entry 198.51.100.9 action=ACL_DROP\n";
    site.write("samples", &corefile("acl.o", false, lines));
    let daemon = Daemon::spawn(site.run("samples").args(["--control", "samples.socket"]));
    daemon.line(" attached ");
    let sender = sender();
    let frame = ip4("198.51.100.9").udp(53).bytes;
    let time = || {
        let start = Instant::now();
        for _ in 0..FRAMES {
            while send(sender.as_raw_fd(), &frame, MsgFlags::empty()) == Err(Errno::ENOBUFS) {}
        }
        start.elapsed().as_secs_f64() / f64::from(FRAMES)
    };
    let (mut on, mut off, mut taken) = (Vec::new(), Vec::new(), 0);
    for _ in 0..2 * ROUNDS {
        off.push(time());
        let request = SampleRequest {
            interface: None,
            verdicts: ALL_VERDICTS,
            one_in: 1,
            rate: 1000,
        };
        let mut samples = Samples::open(&site.file("samples.socket"), request).unwrap();
        // The first windows find the gap.
        for _ in 0..5 {
            time();
        }
        on.push(time());
        samples.read(&mut |_, _| taken += 1).unwrap();
    }
    daemon.stop();
    assert!(taken > ROUNDS, "{taken} samples");
    let [on, off] = [on, off].map(|times| Figure::from(&times.into_iter().collect::<Sample>()));
    Row {
        what: "a dropped packet over veth, 1,000 samples/s".into(),
        unit: Unit::Nanoseconds,
        ours: on,
        peer: "samples off",
        theirs: off,
        aim: Aim::Within(1.02),
    }
}

/// A socket that sends frames to the interface of the filter.
fn sender() -> OwnedFd {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Packet, SockType::Raw, flags, None).unwrap();
    let address = nix::libc::sockaddr_ll {
        sll_family: u16::try_from(nix::libc::AF_PACKET).unwrap(),
        sll_protocol: 0,
        sll_ifindex: if_nametoindex("bench1").unwrap().cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: `address` is a complete sockaddr_ll, which the call only reads.
    let address = unsafe { LinkAddr::from_raw((&raw const address).cast(), None) };
    bind(socket.as_raw_fd(), &address.unwrap()).unwrap();
    socket
}

fn rows(
    bench: &Bench<'_>,
    what: &str,
    bare: &Program,
    framed: &Framed,
    packets: &Packets<'_>,
) -> Vec<Row> {
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
    let (mut on, mut off, mut without) = (Above::default(), Above::default(), Above::default());
    let mut taken = 0;
    for _ in 0..ROUNDS {
        let time = |program| packets.time(program, PASS, bench.counter.as_ref());
        let empty = time(&bench.empty);
        without.push(time(bare), empty);
        framed.sample(None);
        off.push(time(&framed.program), empty);
        framed.sample(Some(settings));
        // The first window finds the gap.
        time(&framed.program);
        on.push(time(&framed.program), empty);
        reader.read(&mut |_| taken += 1).unwrap();
    }
    assert!(taken > ROUNDS, "{taken} samples");
    let figure = |above: Above| above.figures().into_iter().next().flatten().unwrap();
    let on = figure(on);
    let row = |peer, theirs, aim| Row {
        what: format!("1,000 samples/s of {what}"),
        unit: Unit::Nanoseconds,
        ours: on,
        peer,
        theirs: figure(theirs),
        aim,
    };
    if std::ptr::eq(bare, &raw const bench.empty) {
        return vec![row("samples off", off, Aim::None)];
    }
    vec![
        row("samples off", off, Aim::None),
        row("without the frame", without, Aim::None),
    ]
}
