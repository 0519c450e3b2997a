//! Every system call fails in turn. After each failure the daemon works on, or reports the error and changes nothing.
//! strace injects the failures, so the tests need root and permission to trace.
//!
//! Each call of the daemon, its keeper and its worker fails once, with errnos in rotation; with `COREXDP_FAULTS=all`
//! (`make faults`) it fails with every errno.

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

use keeper::KeeperStart;
use reload::{Change, Reload, Whose};
use scrape::Scrape;
use stage::Stage;
use start::Start;
use stop::Stop;

/// Environment variable that selects the stages whose process and name begin with its value, such as `worker scrape`.
const STAGES: &str = "COREXDP_FAULTS_IN";

fn stages() -> Vec<Box<dyn Stage>> {
    let mut stages: Vec<Box<dyn Stage>> = vec![
        Box::new(Start::Plain),
        Box::new(Start::Hold),
        Box::new(Start::Adopt),
        Box::new(Start::Replace),
        Box::new(KeeperStart),
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
    // Written to standard error directly, since cargo shows no captured output of tests that pass.
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
