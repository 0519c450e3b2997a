//! Corefiles that exceed a capacity of the build.

use std::fmt::Write as _;

use support::net::Corexdp;

use super::{CONFIG, block, refuses, site};

/// Each line exceeds a capacity by one.
#[test]
fn exceeded_capacities_are_refused() {
    let site = site();
    let filter = |options: &str| block(&["elf example.o", "if edge0", options]);
    let entries = "map 0A0B0000.FFFF0000.00000000\n".repeat(17);
    let metrics = (0..257).fold(String::new(), |mut text, number| {
        writeln!(text, "metric packets{number} 00000000 8 4 \"Packets.\"").unwrap();
        text
    });
    for (options, line) in [
        (
            entries,
            "Corefile:21: map: index 16 is past the end of xdp_map; the last is 15",
        ),
        (
            metrics,
            "Corefile:261: metric: more than 256 metrics; build with a larger COREXDP_MAX_METRICS",
        ),
        (
            format!("map {}", "00".repeat(1025)),
            "Corefile:5: map: VALUE is longer than 1024 bytes; build with a larger COREXDP_MAX_VALUE",
        ),
        (
            format!("map {} 00", "00".repeat(257)),
            "Corefile:5: map: KEY is longer than 256 bytes; build with a larger COREXDP_MAX_KEY",
        ),
    ] {
        refuses(&site, &filter(&options), CONFIG, &[line]);
    }
}

/// A Corefile with 256 metrics, the most, whose HELP texts have `filler` `helps` times in total.
fn long_helps(filler: &str, helps: usize) -> String {
    let (count, prefix) = (256, "x".repeat(100));
    let mut text = ". {\n  prometheus\n  ebpf {\n    elf example.o\n    if edge0\n".to_owned();
    for number in 0..count {
        let length = helps / count + usize::from(number < helps % count);
        let help = filler.repeat(length);
        writeln!(
            text,
            "    metric {prefix}{number:03} 00000000 8 4 \"{help}.\""
        )
        .unwrap();
    }
    text + "  }\n}\n"
}

/// Each filler takes the most bytes in one of the page's formats. The longest page that `check` accepts must be served.
#[test]
fn pages_that_may_exceed_their_buffer_are_refused() {
    let site = site();
    let check = |filler: &str, helps: usize| {
        site.folder.write("Corefile", &long_helps(filler, helps));
        let mut check = Corexdp::command(site.folder.path(), &["check", "-conf", "Corefile"]);
        site.finish(&mut check)
    };
    for (filler, room) in [("x", 1), ("\\\"", 6), ("&", 5), ("\u{202e}", 9), ("\\", 2)] {
        // Upper bound: a page with nothing but HELP texts.
        let (mut fits, mut exceeds) = (0usize, (256 << 10) / room);
        while exceeds - fits > 1 {
            let middle = fits.midpoint(exceeds);
            match check(filler, middle).code {
                Some(0) => fits = middle,
                _ => exceeds = middle,
            }
        }
        assert!(fits * room > 64 << 10, "{fits}");
        let refused = check(filler, exceeds);
        let line = "Corefile:261: metric: a page can have ";
        refused.refuses(CONFIG, &[
 line, " bytes up to this line, more than 262144; shorten names and HELP texts, or build with a larger COREXDP_MAX_PAGE"]);
        let daemon = site.run(&long_helps(filler, fits)).attached(1);
        for path in ["/metrics", "/status", "/"] {
            assert_eq!(site.get(path).status, 200, "{path} of {filler:?}");
        }
        site.ask(&["status", "--json"]).expect(0, &[]);
        daemon.stop();
    }
}

/// Comments count toward the limit of 4 MiB.
#[test]
fn oversized_corefiles_are_refused() {
    let site = site();
    let limit = 4 << 20;
    let long = format!(
        "{}#{}\n",
        block(&["elf example.o", "if edge0"]),
        " ".repeat(limit)
    );
    let line = "Corefile: larger than 4194304 bytes; build with a larger COREXDP_MAX_COREFILE";
    refuses(&site, &long, CONFIG, &[line]);
    // The limit includes imported files.
    site.folder
        .write("half.conf", &format!("#{}\n", " ".repeat(limit / 2)));
    let line = "Corefile:3: import: the Corefile and all it imports exceed COREXDP_MAX_COREFILE (4194304 bytes); shorten them, or build with a larger COREXDP_MAX_COREFILE";
    refuses(
        &site,
        ". {\n  import half.conf\n  import half.conf\n}\n",
        CONFIG,
        &[line],
    );
}
