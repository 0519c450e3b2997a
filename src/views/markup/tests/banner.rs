//! Tests of the banners.

use super::*;
use crate::base::rate::Rate;

#[test]
fn each_banner_has_its_class_and_its_reason() {
    let names = ("eth<0>", "acl");
    for (banner, class, words) in [
        (
            written(|text| unattached(text, "eth<0>", Some("<gone>"))),
            "unattached",
            "<strong>eth&lt;0&gt; is NOT filtered</strong>: &lt;gone&gt;</div>",
        ),
        (
            written(|text| unattached(text, "eth0", None)),
            "unattached",
            "<strong>eth0 is NOT filtered</strong>: the log says why</div>",
        ),
        (
            written(|text| aborts(text, names, 1234, Some(Rate::new(3000, 2000)))),
            "aborts",
            "<strong>acl at eth&lt;0&gt; aborts</strong>: 1<i>500</i> packets/s, 1<i>234</i> in total. The program ",
        ),
        (
            written(|text| aborts(text, names, 1, None)),
            "aborts",
            "<strong>acl at eth&lt;0&gt; aborts</strong>: 1 in total. The program ",
        ),
        (
            written(|text| pending(text, 42, None)),
            "pending",
            "<strong>Not confirmed</strong>: run <code>corexdp confirm</code> within <b id=\"left\" role=\"timer\">42</b> s, before <time>20",
        ),
        (
            written(|text| pending(text, 42, Some("/etc/<new>"))),
            "pending",
            "<strong>Not confirmed</strong>: /etc/&lt;new&gt; is on trial: run <code>corexdp confirm</code> within ",
        ),
        (
            written(|text| fallback(text, "/etc/<old>")),
            "refused",
            "<strong>The fallback /etc/&lt;old&gt; runs</strong>: the Corefile was refused; correct it, then run ",
        ),
        (
            written(|text| reload_failed(text, Utc(2), "Corefile:1: a\nCorefile:2: <b>")),
            "refused",
            "<strong>The last reload failed</strong> at <time>1970-01-01T00:00:02Z</time>; the previous configuration still runs<pre>Corefile:1: a\nCorefile:2: &lt;b&gt;</pre></div>",
        ),
        (
            written(|text| reload_unconfirmed(text, Utc(3), "rolled back; <restore>")),
            "refused",
            "<strong>The last reload was not confirmed</strong> and rolled back, at <time>1970-01-01T00:00:03Z</time>; &lt;restore&gt;</div>",
        ),
        (
            written(|text| unserved(text, "control", "/run/a<b>", "No such file")),
            "unserved",
            "<strong>control at /run/a&lt;b&gt; is NOT served</strong>: No such file</div>",
        ),
    ] {
        let expected = format!("<div class=\"banner {class}\">{words}");
        assert!(banner.starts_with(&expected), "{banner}");
        assert!(banner.ends_with("</div>\n"), "{banner}");
    }
}

#[test]
fn banners_are_above_the_filters() {
    let page = page(1, 0, "");
    let (top, _) = page.split_once("<section").unwrap();
    assert!(top.contains("The last reload was not confirmed"), "{top}");
    assert!(page.contains("3 done, 4 failed, 6 not confirmed"), "{page}");
}
