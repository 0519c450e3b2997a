//! Runs the command of the arguments and returns its exit code. Errors are printed here, once.

#![warn(clippy::use_debug)]

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use corexdp::base::diagnostic::Diagnostic;
use corexdp::base::escape::OneLine;
use corexdp::base::exit::{self, code};
use corexdp::base::files;
use corexdp::commands::cli::{self, Command, LogTarget};
use corexdp::commands::{
    capture, check_json, confirm, decide, dump, inspect, running_map, status, test, top,
};
use corexdp::control::{Request, client};
use corexdp::kernel::limits;
use corexdp::log::Log;
use corexdp::plan::sources::Sources;
use corexdp::plan::{Plan, Source};
use corexdp::{daemon, http, plan};
use nix::errno::Errno;

#[cfg(feature = "faults")]
#[global_allocator]
static ALLOCATOR: corexdp::kernel::allocations::Counted = corexdp::kernel::allocations::Counted;

fn main() -> ExitCode {
    // Limits are raised first, because a low stack limit could end any later step.
    let raised = limits::raise();
    match cli::parse(std::env::args_os().skip(1)) {
        Ok(command) => match raised {
            Err(too_low) if matches!(command, Command::Run { .. }) => {
                print_stderr(&too_low);
                ExitCode::from(exit::SYSTEM)
            }
            _ => ExitCode::from(execute(command)),
        },
        Err(usage) => {
            print_stderr(&usage);
            ExitCode::from(exit::USAGE)
        }
    }
}

fn execute(command: Command) -> u8 {
    match command {
        Command::Help => print(&mut |out| out.write_all(cli::HELP.as_bytes())),
        Command::Version => {
            print(&mut |out| writeln!(out, "corexdp {}", env!("CARGO_PKG_VERSION")))
        }
        Command::Expand { source } => match plan::read(
            &source.unwrap_or_else(Source::default_corefile),
            &mut Sources::default(),
        ) {
            Ok(corefile) => print(&mut |out| check_json::expand(out, &corefile)),
            Err(error) => print_errors(&[error]),
        },
        Command::Inspect { program, json } => inspect(&program, json),
        Command::Check { source, json } => {
            check(&source.unwrap_or_else(Source::default_corefile), json)
        }
        Command::Run {
            source,
            fallback,
            log,
            pidfile,
            control,
            state,
            confirm,
        } => {
            let source = source.unwrap_or_else(Source::default_corefile);
            let log = open_log(log);
            run(&daemon::Options {
                source,
                fallback: fallback.map(Source::File),
                log,
                pidfile,
                control,
                state,
                confirm,
            })
        }
        Command::Send { control, request } => send(&control, &request),
        Command::Try {
            control,
            file,
            time,
        } => match std::path::absolute(&file) {
            Ok(file) => send(&control, &Request::Try(time, &file)),
            Err(error) => {
                print_stderr(&format_args!("corexdp: {}: {error}", file.display()));
                exit::NO_INPUT
            }
        },
        Command::Confirm { control } => confirm::run(&control, &mut |line| {
            print_stderr(&format_args!("corexdp: {line}"));
        }),
        Command::Status {
            control,
            json,
            measure,
        } => status(&control, json, measure),
        Command::Dump { control, json } => dump(&control, json),
        Command::Decide(options) => decide(&options),
        Command::Test(options) => test(&options),
        Command::Capture(options) => capture(&options),
        Command::Top(options) => top(&options),
        Command::Keeper => http::keeper::process::run().map_or(exit::USAGE, |()| 0),
    }
}

fn open_log(target: Option<LogTarget>) -> Log {
    match target {
        None => Log::detect(),
        Some(LogTarget::Stderr) => Log::stderr(),
        Some(LogTarget::Syslog) => Log::syslog(),
        Some(LogTarget::Quiet) => Log::quiet(),
    }
}

fn run(options: &daemon::Options) -> u8 {
    let Err(error) = daemon::run(options) else {
        return 0;
    };
    // The daemon blocks signals, so that a write that blocks could not be interrupted. `Log` never blocks for long.
    let stderr = (!options.log.is_stderr()).then(Log::stderr);
    for line in error.chain().lines() {
        for log in stderr.iter().chain([&options.log]) {
            log.error(OneLine(line));
        }
    }
    code(daemon::fault(&error))
}

/// Sends a request whose response is only a result, such as `reload`.
fn send(control: &Path, request: &Request<'_>) -> u8 {
    // The daemon answers these requests without descriptors.
    let answer = client::ask(control, request, &mut |_, _| Err(Errno::EBADMSG));
    answer.unwrap_or_else(|error| {
        print_stderr(&format_args!("corexdp: {error}"));
        error.code()
    })
}

fn status(control: &Path, json: bool, measure: Option<Duration>) -> u8 {
    match status::show(control, json, measure) {
        Ok(text) => print(&mut |out| out.write_all(text.as_bytes())),
        Err(error) => {
            if !error.is_reported() {
                print_stderr(&format_args!("corexdp: {error}"));
            }
            error.code()
        }
    }
}

fn dump(control: &Path, json: bool) -> u8 {
    let maps = match running_map::fetch(control, &Request::Dump) {
        Ok(maps) => maps,
        Err(error) => {
            if !error.is_reported() {
                print_stderr(&format_args!("corexdp: {error}"));
            }
            return error.code();
        }
    };
    let mut complete = true;
    let printed = print(&mut |out| {
        let mut sink = dump::Sink {
            out,
            report: &mut |message| print_stderr(&format_args!("corexdp: {message}")),
        };
        complete = dump::write(&maps, json, &mut sink)?;
        Ok(())
    });
    if complete { printed } else { exit::SYSTEM }
}

fn decide(options: &decide::Options) -> u8 {
    let done = decide::run(options);
    let _ = io::stderr().write_all(done.errors.as_bytes());
    let printed = print(&mut |out| out.write_all(done.lines.as_bytes()));
    if done.code == 0 { printed } else { done.code }
}

fn test(options: &test::Options) -> u8 {
    let mut report = |line: &dyn std::fmt::Display| print_stderr(&format_args!("corexdp: {line}"));
    let mut lines = String::new();
    match test::run(options, &mut lines, &mut report) {
        Ok(code) => match print(&mut |out| out.write_all(lines.as_bytes())) {
            0 => code,
            failed => failed,
        },
        Err(error) => {
            if !error.is_reported() {
                report(&error);
            }
            error.code()
        }
    }
}

fn capture(options: &capture::Options) -> u8 {
    let mut report = |line: &dyn std::fmt::Display| print_stderr(&format_args!("corexdp: {line}"));
    let Err(error) = capture::run(options, &mut report) else {
        return 0;
    };
    if !error.is_reported() {
        report(&error);
    }
    error.code()
}

fn top(options: &top::Options) -> u8 {
    let Err(error) = top::run(options) else {
        return 0;
    };
    if !error.is_reported() {
        print_stderr(&format_args!("corexdp: {error}"));
    }
    error.code()
}

fn check(source: &Source, json: bool) -> u8 {
    let result = Plan::make(source, &mut Sources::default());
    if let Ok(plan) = &result {
        plan.warn(&mut |warning| print_stderr(&format_args!("warning: {warning}")));
        if plan.filters.is_empty() {
            print_stderr(&format_args!("warning: {}", plan::NO_FILTER));
        }
    }
    if json {
        let printed = print(&mut |out| check_json::check(out, &result));
        return result
            .as_ref()
            .map_or_else(|errors| code(daemon::worst(errors)), |_| printed);
    }
    match &result {
        Ok(plan) => print_lists(plan),
        Err(errors) => print_errors(errors),
    }
}

/// Prints a line about each list.
fn print_lists(plan: &Plan) -> u8 {
    print(&mut |out| {
        let mut printed = Ok(());
        plan.announce_lists(&mut |line| {
            if printed.is_ok() {
                printed = writeln!(out, "{}", OneLine(line));
            }
        });
        printed
    })
}

fn inspect(program: &Path, json: bool) -> u8 {
    match inspect::read(program) {
        Ok(survey) if json => print(&mut |out| inspect::json(out, program, &survey)),
        Ok(survey) => print(&mut |out| out.write_all(inspect::text(program, &survey).as_bytes())),
        Err(error) => print_errors(&[error]),
    }
}

/// Prints errors of a Corefile or an object, and returns the exit code.
fn print_errors(errors: &[Diagnostic]) -> u8 {
    for error in errors {
        print_stderr(error);
    }
    code(daemon::worst(errors))
}

/// Writes one line to standard error. A closed standard error is ignored.
fn print_stderr(line: &dyn std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{}", OneLine(line));
}

/// Writes to standard output and returns the exit code. A reader that stops early (`| head`) is not an error.
fn print(write: &mut dyn FnMut(&mut BufWriter<File>) -> io::Result<()>) -> u8 {
    let printed = files::stdout().and_then(|mut out| {
        write(&mut out)?;
        out.flush()
    });
    match printed {
        Ok(()) => 0,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            print_stderr(&format_args!("corexdp: standard output: {error}"));
            exit::SYSTEM
        }
    }
}
