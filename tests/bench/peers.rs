//! corexdp and comparable tools in one table. `tests/bench.sh` runs this program in namespaces.
//!
//! The peers and corexdp run in turn, so that other load on the machine affects both alike.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unsafe_code,
    reason = "a panic is how a test fails; the test makes system calls"
)]

mod attach;
mod chained;
mod clients;
mod decide;
mod fill;
mod flood;
mod forged;
mod framed;
mod http;
mod instructions;
mod listed;
mod load;
mod load_peers;
mod loaded;
mod probed;
mod process;
mod programs;
mod proof;
mod reference;
mod rest;
mod runs;
mod sample;
mod sampled;
mod scrape;
mod served;
mod shipped;
mod shipped_dns;
mod shipped_names;
mod shipped_proofs;
mod shipped_sources;
mod site;
mod table;

use site::Site;
use table::{Row, print};

/// A group of rows, and the note that explains them.
struct Measure {
    name: &'static str,
    take: fn(&Site) -> Vec<Row>,
    note: &'static str,
}

const MEASURES: [Measure; 10] = [
    Measure {
        name: "attach",
        take: attach::measure,
        note: attach::NOTE,
    },
    Measure {
        name: "fill",
        take: fill::measure,
        note: fill::NOTE,
    },
    Measure {
        name: "scrape",
        take: scrape::measure,
        note: scrape::NOTE,
    },
    Measure {
        name: "rest",
        take: rest::measure,
        note: rest::NOTE,
    },
    Measure {
        name: "programs",
        take: programs::measure,
        note: programs::NOTE,
    },
    Measure {
        name: "chains",
        take: chained::measure,
        note: chained::NOTE,
    },
    Measure {
        name: "flood",
        take: flood::measure,
        note: flood::NOTE,
    },
    Measure {
        name: "proof",
        take: proof::measure,
        note: proof::NOTE,
    },
    Measure {
        name: "load",
        take: load::measure,
        note: load::NOTE,
    },
    Measure {
        name: "decide",
        take: decide::measure,
        note: decide::NOTE,
    },
];

fn main() {
    // cargo adds the option --bench.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    for word in &wanted {
        let known = MEASURES.iter().any(|measure| measure.name == word);
        assert!(
            known,
            "no measure {word}; there are attach, fill, scrape, rest, programs, chains, flood, proof, load, decide"
        );
    }
    let chosen = MEASURES
        .iter()
        .filter(|measure| wanted.is_empty() || wanted.iter().any(|word| word == measure.name));
    let site = Site::new();
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    for measure in chosen {
        eprintln!("measuring: {}", measure.name);
        rows.extend((measure.take)(&site));
        notes.push(measure.note);
    }
    println!("\n{}\n", site.head());
    print(&rows);
    for note in notes {
        println!("\n{note}");
    }
}
