//! `check` and `check --json`: filters and errors.

use serde_json::json;

use support::net::Folder;

use super::{parse, run};

const GOOD: &str = ". {
  prometheus
  ebpf {
    elf example.o
    if edge0
    map 0A0B0000.FFFF0000.00000000
    map 0A0C0000.FFFF0000.00000000
    metric first_packets 00000000 8 4 \"Packets from the first network.\"
    metric second_packets 01000000 8 4 \"Packets from the second network.\"
  }
}
";

#[test]
fn check_prints_nothing_for_a_good_corefile() {
    let folder = Folder::new();
    folder.fixture("example");
    folder.write("Corefile", GOOD);
    let outcome = run(&folder, "check", &[]);
    outcome.expect(0, &[]);
}

#[test]
fn check_json_lists_the_filters() {
    let folder = Folder::new();
    folder.fixture("example");
    folder.write("Corefile", GOOD);
    let outcome = run(&folder, "check", &["--json"]);
    outcome.expect(0, &[]);
    let found = parse(&outcome);
    assert_eq!(found["ok"], json!(true));
    assert_eq!(found["errors"], json!([]));
    let [filter] = &found["filters"].as_array().unwrap()[..] else {
        panic!("{found}");
    };
    assert_eq!(filter["interface"], "edge0");
    assert!(
        filter["elf"].as_str().unwrap().ends_with("example.o"),
        "{filter}"
    );
    let map = json!({ "type": "array", "key_size": 4, "value_size": 12, "max_entries": 16 });
    assert_eq!(filter["map"], map);
    assert_eq!(filter["entries"], 2);
    let metrics = filter["metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), 2, "{filter}");
    for (metric, name) in metrics.iter().zip(["first_packets", "second_packets"]) {
        assert!(metric.to_string().contains(name), "{metric}");
    }
}

#[test]
fn check_json_names_the_type_of_a_table() {
    let folder = Folder::new();
    folder.shipped("acl");
    let corefile = ". {\n  prometheus\n  ebpf {\n    elf acl.o\n    if edge0\n  }\n}\n";
    folder.write("Corefile", corefile);
    let outcome = run(&folder, "check", &["--json"]);
    outcome.expect(0, &[]);
    let map = &parse(&outcome)["filters"][0]["map"];
    assert_eq!(
        (&map["type"], &map["key_size"]),
        (&json!("prefix_table"), &json!(20))
    );
}

#[test]
fn check_json_lists_the_errors() {
    let folder = Folder::new();
    folder.fixture("example");
    folder.write(
        "Corefile",
        &GOOD.replace("metric second_packets 01", "metric first_packets 1"),
    );
    let outcome = run(&folder, "check", &["--json"]);
    assert_eq!(outcome.code, Some(78), "{outcome:#?}");
    let found = parse(&outcome);
    assert_eq!(found["ok"], json!(false));
    let errors = found["errors"].as_array().unwrap();
    assert!(!errors.is_empty(), "{found}");
    for error in errors {
        assert_eq!(error["file"], "Corefile", "{error}");
        assert_eq!(error["line"], 9, "{error}");
        assert_eq!(error["directive"], "metric", "{error}");
        assert!(!error["message"].as_str().unwrap().is_empty(), "{error}");
    }
}

#[test]
fn first_20_errors_are_listed_and_the_others_counted() {
    let folder = Folder::new();
    folder.fixture("example");
    let lines = "    map 0200\n".repeat(50_000);
    folder.write(
        "Corefile",
        &format!(". {{\n  ebpf {{\n    elf example.o\n    if edge0\n{lines}  }}\n}}\n"),
    );
    let outcome = run(&folder, "check", &[]);
    assert_eq!(outcome.code, Some(78), "{outcome:#?}");
    let stderr = outcome.stderr.lines().collect::<Vec<_>>();
    assert_eq!(stderr.len(), 21, "{stderr:#?}");
    assert!(stderr[0].starts_with("Corefile:5: map: "), "{stderr:#?}");
    let last = stderr[20];
    assert!(last.starts_with("Corefile: "), "{last}");
    assert!(
        last.contains(" more errors; correct the first 20"),
        "{last}"
    );
    let found = parse(&run(&folder, "check", &["--json"]));
    assert_eq!(found["errors"].as_array().unwrap().len(), 21);
}
