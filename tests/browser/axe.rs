//! Rules of accessibility: axe-core, of which `tests/setup.sh` installs a package with its script.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::chromium::Chromium;

/// The script of axe-core.
fn script() -> String {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/lib");
    let versions = fs::read_dir(&packages).expect("run tests/setup.sh test");
    let mut scripts = versions.map(|version| {
        let packages = version.unwrap().path().join("site-packages");
        packages.join("axe_playwright_python/axe.min.js")
    });
    let script = scripts.find(|script| script.exists());
    fs::read_to_string(script.expect("axe is installed; run tests/setup.sh test")).unwrap()
}

/// Fails unless the page in its present state follows all rules of axe, and each target is large enough for a finger.
pub(crate) fn is_accessible(browser: &Chromium<'_>) {
    if browser.value("window.axe === undefined") == true {
        browser.execute(&script());
    }
    browser.value(
        "window.violations = undefined, axe.run().then((result) => { window.violations = result.violations.map(\
         (rule) => [rule.id, rule.help, ...rule.nodes.map((node) => node.html + node.failureSummary)]); }) && null",
    );
    browser.becomes("window.violations !== undefined");
    let violations = browser.value("window.violations");
    assert_eq!(violations, Value::Array(vec![]), "{violations:#}");
    let small = browser.value(
        "[...document.querySelectorAll('a, button, summary')].filter((target) => target.checkVisibility())\
         .map((target) => [target.textContent, target.getBoundingClientRect()])\
         .filter(([, box]) => box.width < 44 || box.height < 44)",
    );
    assert_eq!(small, Value::Array(vec![]), "{small:#}");
    // The page must not need horizontal scrolling.
    let width = "document.documentElement.scrollWidth <= window.innerWidth";
    assert_eq!(browser.value(width), true, "the page is too wide");
}
