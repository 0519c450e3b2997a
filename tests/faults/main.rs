//! Every system call failing in turn: whatever the kernel refuses, the daemon goes on, or says what is wrong and leaves
//! everything as it was. strace makes the calls fail, so it takes what `net` takes and leave to trace.
//!
//! Each call that the daemon, its keeper and its worker make is made to fail once, by errnos in rotation; with
//! `COREXDP_FAULTS=all` (`make faults`) by each errno.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unsafe_code,
    reason = "a panic is how a test fails; the test makes system calls"
)]

mod calls;
mod cases;
mod keeper;
mod left;
mod place;
mod pool;
mod reload;
mod scrape;
mod spared;
mod stage;
mod start;
mod stop;
mod table;
mod tracer;
mod verdict;
mod version;

use std::io::Write as _;

use keeper::Birth;
use reload::{Change, Reload, Whose};
use scrape::Scrape;
use stage::Stage;
use start::Start;
use stop::Stop;

/// The variable that leaves only the stages whose process and name begin with this, such as `worker scrape`.
const STAGES: &str = "COREXDP_FAULTS_IN";

fn stages() -> Vec<Box<dyn Stage>> {
    let mut stages: Vec<Box<dyn Stage>> = vec![
        Box::new(Start::Plain),
        Box::new(Start::Hold),
        Box::new(Start::Adopt),
        Box::new(Start::Replace),
        Box::new(Birth),
        Box::new(Reload(Change::All, Whose::Daemon)),
        Box::new(Reload(Change::Entries, Whose::Daemon)),
        Box::new(Reload(Change::Metric, Whose::Daemon)),
        Box::new(Reload(Change::Held, Whose::Daemon)),
        Box::new(Reload(Change::HeldEntries, Whose::Daemon)),
        Box::new(Reload(Change::All, Whose::Worker)),
        Box::new(Scrape::Daemon),
        Box::new(Scrape::Worker),
        Box::new(Stop(Start::Plain)),
        Box::new(Stop(Start::Hold)),
    ];
    let wanted = std::env::var(STAGES).unwrap_or_default();
    stages.retain(|stage| name(stage.as_ref()).starts_with(&wanted));
    assert!(
        !stages.is_empty(),
        "{STAGES}={wanted}: there is no such stage"
    );
    stages
}

fn name(stage: &dyn Stage) -> String {
    format!("{} {}", stage.process(), stage.name())
}

#[test]
fn failed_calls_are_served_or_refused_and_leak_nothing() {
    let stages = stages();
    let chunks = pool::record(&stages, cases::all());
    let tried = pool::run(&stages, chunks);
    // Past what captures the output of tests: the table is to be seen of those that pass, too.
    let (table, list) = (table::table(&stages, &tried), spared::list());
    let _ = writeln!(std::io::stderr(), "\n{table}\n{list}");
    let wrong: Vec<_> = tried
        .iter()
        .filter_map(|one| {
            let why = one.result.as_ref().err()?;
            let stage = name(stages[one.stage].as_ref());
            Some(format!("{stage}: {}: {why}", one.case))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}
