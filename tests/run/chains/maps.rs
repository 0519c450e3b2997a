//! `dump`, `debug` and warnings name the stage: stages may have maps of the same name.

use super::{Stage, corefile, object, send, site};
use crate::dump::{as_json, dump};
use support::net::{Daemon, Site};
use support::objects::compile::compile_with;

/// Starts two stages of one object with `debug`.
fn start(site: &Site, stages: &[Stage]) -> Daemon {
    let text = corefile(stages, "").replacen("prometheus", "debug\nprometheus", 1);
    site.run(&text).attached(1)
}

#[test]
fn dump_names_the_stage_of_each_map() {
    let site = site(&["a"]);
    let daemon = start(&site, &[("a", 1), ("a", 2)]);
    dump(&site, &[]).expect(0, &[]);
    assert_eq!(
        dump(&site, &[]).stdout,
        "# edge0/a xdp_map array 1 of 1\n\
         entry 0 drops=1\n\
         # edge0/a#2 xdp_map array 1 of 1\n\
         entry 0 drops=2\n"
    );
    let maps = as_json(&site);
    let names = maps.as_array().unwrap().iter();
    let names: Vec<_> = names
        .map(|map| {
            ["interface", "object", "map"].map(|name| map[name].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(
        names,
        [["edge0", "a", "xdp_map"], ["edge0", "a#2", "xdp_map"]]
    );
    daemon.stop();
}

#[test]
fn dump_of_a_lone_program_names_no_stage() {
    let site = site(&["a"]);
    let daemon = start(&site, &[("a", 1)]);
    assert_eq!(
        dump(&site, &[]).stdout,
        "# edge0 xdp_map array 1 of 1\nentry 0 drops=1\n"
    );
    assert_eq!(as_json(&site)[0].get("object"), None);
    daemon.stop();
}

#[test]
fn debug_names_the_stage_of_each_change() {
    let site = site(&["a"]);
    object(&site, "b c", &[]);
    let stages = [("a", 1), ("a", 2), ("b c", 3)];
    let text = corefile(&stages, "").replace("elf b c.o", "elf \"b c.o\"");
    let text = text.replace("met_b c", "met_c");
    let text = text.replacen("prometheus", "debug\nprometheus", 1);
    let daemon = site.run(&text).attached(1);
    send(&site, 3, 1);
    for (stage, drops) in [("a", 1), ("a#2", 2), ("b c", 3)] {
        let (_, line) = daemon.line(&format!("edge0/{stage}: map"));
        let change = format!("map xdp_map: key=00000000 value=0{drops}00000001000000");
        assert_eq!(line, format!("edge0/{stage}: {change}"));
    }
    daemon.stop();
}

/// The verifier refuses the frame of the last stage, which therefore runs without counters.
#[test]
fn warnings_name_the_stage() {
    let site = site(&["a"]);
    let options = ["-DBYTES=480", "-DCALLEE_BYTES=32"];
    let path = compile_with("verdicts", site.folder.path(), &options);
    std::fs::rename(path, site.folder.file("deep.o")).unwrap();
    let text = corefile(&[("a", 1)], "");
    let text = text.strip_suffix("}\n").unwrap();
    let text = format!("{text}ebpf {{\nif edge0\nelf deep.o\n}}\n}}\n");
    let daemon = site.run(&text).attached(1);
    daemon.line("warning: edge0/deep: verdicts are not counted: the verifier refuses the program");
    let status = site.ask(&["status"]).stdout;
    let line = "\nedge0/deep: verdicts are not counted; the log says why\n";
    assert!(status.contains(line), "{status}");
    daemon.stop();
}
