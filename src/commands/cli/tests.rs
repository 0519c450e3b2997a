//! Tests of command lines and their commands or errors.

use std::time::Duration;

use super::*;

fn parsed(line: &str) -> Result<Command, String> {
    parse(line.split_whitespace().map(OsString::from)).map_err(|usage| usage.0)
}

fn file(name: &str) -> Source {
    Source::File(name.into())
}

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn options_of_run_are_parsed() {
    let run = |source, log, pidfile: Option<&str>| Command::Run {
        source,
        fallback: None,
        log,
        pidfile: pidfile.map(PathBuf::from),
        control: None,
        state: STATE_FOLDER.into(),
        confirm: None,
    };
    for (line, expected) in [
        ("", run(None, None, None)),
        ("run", run(None, None, None)),
        ("-conf C", run(Some(file("C")), None, None)),
        ("--conf=C run", run(Some(file("C")), None, None)),
        ("run --conf stdin", run(Some(Source::Stdin), None, None)),
        (
            "-pidfile P --log syslog",
            run(None, Some(LogTarget::Syslog), Some("P")),
        ),
        ("run --log=stderr", run(None, Some(LogTarget::Stderr), None)),
        ("-quiet", run(None, Some(LogTarget::Quiet), None)),
        (
            "run --control S --confirm 1m --state D --fallback B",
            Command::Run {
                source: None,
                fallback: Some("B".into()),
                log: None,
                pidfile: None,
                control: Some("S".into()),
                state: "D".into(),
                confirm: Some(MINUTE),
            },
        ),
    ] {
        assert_eq!(parsed(line), Ok(expected), "{line}");
    }
}

#[test]
fn commands_without_a_daemon_are_parsed() {
    for (line, expected) in [
        (
            "check",
            Command::Check {
                source: None,
                json: false,
            },
        ),
        (
            "check --json -conf C",
            Command::Check {
                source: Some(file("C")),
                json: true,
            },
        ),
        (
            "inspect --json a.o",
            Command::Inspect {
                program: "a.o".into(),
                json: true,
            },
        ),
        (
            "expand -conf C",
            Command::Expand {
                source: Some(file("C")),
            },
        ),
        ("-version", Command::Version),
        ("run --help", Command::Help),
        ("page-keeper", Command::Keeper),
    ] {
        assert_eq!(parsed(line), Ok(expected), "{line}");
    }
}

#[test]
fn decisions_are_parsed() {
    let decide = |state: &str, interface: Option<&str>, input| {
        Command::Decide(decide::Options {
            control: "/run/corexdp.sock".into(),
            state: state.into(),
            interface: interface.map(|name| InterfaceName::try_from(name).unwrap()),
            input,
        })
    };
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for (line, expected) in [
        (
            "add @nets 192.0.2.7 action=ACL_DROP for 10m",
            decide(
                STATE_FOLDER,
                None,
                decide::Input::Add(words("@nets 192.0.2.7 action=ACL_DROP for 10m")),
            ),
        ),
        (
            "add -i eth0 --state D -",
            decide("D", Some("eth0"), decide::Input::Batch),
        ),
        (
            "delete 192.0.2.7",
            decide(
                STATE_FOLDER,
                None,
                decide::Input::Delete(words("192.0.2.7")),
            ),
        ),
        (
            "test -i eth0 @nets 192.0.2.7",
            Command::Test(test::Options {
                control: "/run/corexdp.sock".into(),
                interface: InterfaceName::try_from("eth0").ok(),
                words: words("@nets 192.0.2.7"),
            }),
        ),
        (
            "delete -",
            decide(STATE_FOLDER, None, decide::Input::Delete(words("-"))),
        ),
    ] {
        assert_eq!(parsed(line), Ok(expected), "{line}");
    }
}

#[test]
fn requests_to_the_daemon_are_parsed() {
    let ask = |control: &str, request| Command::Send {
        control: control.into(),
        request,
    };
    let status = |json, measure| Command::Status {
        control: "/run/corexdp.sock".into(),
        json,
        measure,
    };
    for (line, expected) in [
        ("reload", ask("/run/corexdp.sock", Request::Reload(None))),
        (
            "reload --confirm 60s --control S",
            ask("S", Request::Reload(Some(MINUTE))),
        ),
        ("status", status(false, None)),
        ("status --json --measure 1m", status(true, Some(MINUTE))),
        (
            "dump --control S",
            Command::Dump {
                control: "S".into(),
                json: false,
            },
        ),
        (
            "reload -conf C --confirm 60s",
            Command::Try {
                control: "/run/corexdp.sock".into(),
                file: "C".into(),
                time: MINUTE,
            },
        ),
        (
            "confirm --control=S",
            Command::Confirm {
                control: "S".into(),
            },
        ),
    ] {
        assert_eq!(parsed(line), Ok(expected), "{line}");
    }
}

#[test]
fn options_of_top_are_parsed() {
    let default = || top::Options {
        control: "/run/corexdp.sock".into(),
        interface: None,
        by: None,
        count: None,
        time: None,
        json: false,
    };
    for (line, expected) in [
        ("top", default()),
        (
            "top -i eth0 --by network -n 5 --for 1m --json --control S",
            top::Options {
                control: "S".into(),
                interface: Some("eth0".try_into().unwrap()),
                by: Some(top::By::Network),
                count: Some(5),
                time: Some(MINUTE),
                json: true,
            },
        ),
    ] {
        assert_eq!(parsed(line), Ok(Command::Top(expected)), "{line}");
    }
    for by in top::By::ALL {
        let line = format!("top --by={}", by.word());
        let by = Some(by);
        let expected = top::Options { by, ..default() };
        assert_eq!(parsed(&line), Ok(Command::Top(expected)));
    }
}

#[test]
fn options_of_capture_are_parsed() {
    let request = || SampleRequest {
        interface: None,
        verdicts: 0b11_1111,
        one_in: 1,
        rate: 1000,
    };
    let default = || capture::Options {
        control: "/run/corexdp.sock".into(),
        request: request(),
        count: None,
        time: None,
        file: None,
    };
    for (line, expected) in [
        ("capture", default()),
        (
            "capture -i eth0 -c 5 --for 1m -w - --control S",
            capture::Options {
                control: "S".into(),
                request: SampleRequest {
                    interface: Some("eth0".try_into().unwrap()),
                    ..request()
                },
                count: Some(5),
                time: Some(MINUTE),
                file: Some("-".into()),
            },
        ),
        (
            "capture --verdict=drop,aborted --one-in 100 --rate 20",
            capture::Options {
                request: SampleRequest {
                    verdicts: 0b10_0011,
                    one_in: 100,
                    rate: 20,
                    ..request()
                },
                ..default()
            },
        ),
    ] {
        assert_eq!(parsed(line), Ok(Command::Capture(expected)), "{line}");
    }
    let long = format!("capture -i {}", "a".repeat(128));
    assert!(parsed(&long).unwrap_err().contains("is longer than any"));
}

#[test]
fn unknown_words_and_options_are_refused() {
    for (line, expected) in [
        ("fly", "unknown command \"fly\""),
        ("relod", "unknown command \"relod\"; did you mean reload?"),
        ("stauts", "unknown command \"stauts\"; did you mean status?"),
        ("page-keepr", "unknown command \"page-keepr\""),
        (
            "status --controll S",
            "unknown option \"--controll\"; did you mean --control?",
        ),
        (
            "-conff C",
            "unknown option \"-conff\"; did you mean --conf?",
        ),
        ("--fly", "unknown option \"--fly\""),
        ("run away", "unexpected \"away\""),
        ("inspect", "inspect needs an object file"),
        ("inspect a.o b.o", "unexpected \"b.o\""),
        ("confirm me", "unexpected \"me\""),
        ("status me", "unexpected \"me\""),
        ("run --json", "run has no option --json"),
        ("check --log stderr", "check has no option --log"),
        ("expand --json", "expand has no option --json"),
        (
            "reload -conf C",
            "reload -conf tries a file, and needs --confirm DURATION, after which the old filters return",
        ),
        (
            "reload -conf stdin --confirm 1s",
            "reload -conf needs a file",
        ),
        ("inspect a.o -conf C", "inspect has no option --conf"),
        ("confirm --confirm 1s", "confirm has no option --confirm"),
        ("reload --json", "reload has no option --json"),
        ("status -i eth0", "status has no option -i"),
        (
            "test --state S 192.0.2.7",
            "test has no option --state, since the daemon answers; --control names its socket",
        ),
        ("check --fallback B", "check has no option --fallback"),
        ("check --state S", "check has no option --state"),
        ("capture -x", "unknown option \"-x\""),
    ] {
        assert_eq!(parsed(line), Err(expected.into()), "{line}");
    }
}

#[test]
fn missing_and_invalid_values_are_refused() {
    for (line, expected) in [
        (
            "reload --confirm --control S",
            "--confirm needs a DURATION, for example 60s",
        ),
        (
            "reload --confirm",
            "--confirm needs a DURATION, for example 60s",
        ),
        (
            "status --measure --json",
            "--measure needs a DURATION, for example 60s",
        ),
        (
            "run --fallback stdin",
            "--fallback needs a file, with a path of at most 1024 bytes",
        ),
        ("run --log -quiet", "--log needs a value: stderr or syslog"),
        ("run -conf --control=S", "--conf needs a value"),
        ("-conf", "--conf needs a value"),
        ("-conf=", "--conf needs a value"),
        ("-conf A -conf B", "--conf is given twice"),
        ("--json=1 check", "--json takes no value"),
        (
            "reload --confirm 0",
            "--confirm \"0\" is not a duration such as 60s or 2m",
        ),
        (
            "status --measure 5",
            "--measure \"5\" is not a duration such as 60s or 2m",
        ),
        (
            "reload --confirm 60",
            "--confirm \"60\" is not a duration such as 60s or 2m",
        ),
        ("capture -w", "-w needs a value"),
        ("capture -c 1 -c 2", "-c is given twice"),
        (
            "capture -c 0",
            "-c \"0\" is not a number from 1 to 4294967295",
        ),
        (
            "capture --rate many",
            "--rate \"many\" is not a number from 1 to 4294967295",
        ),
        (
            "capture --verdict drop,pas",
            "--verdict \"pas\": use pass, drop, tx, redirect or aborted",
        ),
        (
            "top --by colour",
            "--by \"colour\": use source, network, name, suffix, type or verdict",
        ),
        ("top --by sources", "--by \"sources\": did you mean source?"),
        ("top -n 0", "-n \"0\" is not a number from 1 to 4294967295"),
        ("--log paper", "--log \"paper\": use stderr or syslog"),
    ] {
        assert_eq!(parsed(line), Err(expected.into()), "{line}");
    }
}

#[test]
fn usage_is_mentioned_unless_a_name_is_suggested() {
    for (line, expected) in [
        (
            "fly",
            "corexdp: unknown command \"fly\"; see corexdp --help",
        ),
        (
            "chek",
            "corexdp: unknown command \"chek\"; did you mean check?",
        ),
    ] {
        let usage = parse([OsString::from(line)]).unwrap_err();
        assert_eq!(usage.to_string(), expected);
    }
}
