use super::*;

const REFUSED: Result<(), Refusal> = Err(Refusal::Misdirected);
const MALFORMED: Result<(), Refusal> = Err(Refusal::Malformed);

/// The result for a request line and header lines. Two names are vouched for by the list.
fn checked(service: Service, request: &str) -> Result<(), Refusal> {
    let names = Names::from_bytes(b"box.example.org edge.example.net ");
    check(format!("{request}\r\n\r\n").as_bytes(), service, &names)
}

fn of_page(request: &str) -> Result<(), Refusal> {
    checked(Service::Metrics, request)
}

const VOUCHED_HOSTS: [&str; 17] = [
    "127.0.0.1",
    "127.0.0.1:9153",
    "[::1]:9153",
    "[2001:db8::1]",
    "[fe80::1%25eth0]:9153",
    "localhost",
    "localhost:9153",
    "router",
    "router.",
    "router.local:80",
    "ROUTER.LOCAL",
    "a.localhost",
    "a.b.internal.",
    "a.home.arpa",
    "box.example.org",
    "Box.Example.ORG.:9153",
    "edge.example.net",
];
const OTHER_HOSTS: [&str; 12] = [
    "evil.test",
    "evil.test:9153",
    "x.box.example.org",
    "example.org",
    "evil.test.localhost.example",
    "notlocal.notinternal",
    "127.0.0.1.nip.io",
    "1.2.3.4.5",
    "",
    ".",
    "..",
    ":9153",
];
const MALFORMED_HOSTS: [&str; 11] = [
    "a b",
    "a/b",
    "user@127.0.0.1",
    "127.0.0.1:http",
    "::1",
    "[::1",
    "[evil.test]",
    "[127.0.0.1]",
    "[::1]evil.test",
    "[::1]1",
    "a?b",
];

#[test]
fn page_is_served_only_by_vouched_names() {
    let vouched = VOUCHED_HOSTS.map(|host| (host, Ok(())));
    let others = OTHER_HOSTS.map(|host| (host, REFUSED));
    let malformed = MALFORMED_HOSTS.map(|host| (host, MALFORMED));
    let cases = vouched.into_iter().chain(others).chain(malformed);
    for (host, expected) in cases {
        for path in ["/", "/status", "/nowhere", "/?/metrics", "/status?x"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}");
            assert_eq!(of_page(&request), expected, "{path} {host:?}");
        }
        for (service, path) in [(Service::Health, "/health"), (Service::Ready, "/ready")] {
            let result = checked(service, &format!("GET {path} HTTP/1.1\r\nHost: {host}"));
            let well_formed = expected != MALFORMED;
            assert_eq!(result.is_ok(), well_formed, "{path} {host:?}");
        }
    }
}

#[test]
fn metrics_refuse_an_unknown_name_to_browsers_only() {
    for (header, is_browser) in [
        ("User-Agent: Prometheus/3.5.0", false),
        ("User-Agent: curl/8.14.1", false),
        ("Accept: */*", false),
        ("Second: 1", false),
        ("User-Agent: not Mozilla/5.0", false),
        ("X-Prometheus-Scrape-Timeout-Seconds: 10", false),
        ("User-Agent: Mozilla/5.0 (X11)", true),
        ("user-agent:mozilla/5.0", true),
        ("Accept-Language: en", true),
        ("accept-language:", true),
        ("Origin: null", true),
        ("Referer: http://evil.test/", true),
        ("Cookie: a=b", true),
        ("Sec-Fetch-Site: same-origin", true),
        ("SEC-GPC: 1", true),
        (" Cookie: a=b", true),
    ] {
        let strange = "GET /metrics HTTP/1.1\r\nHost: box.example.com";
        let expected = if is_browser { REFUSED } else { Ok(()) };
        assert_eq!(of_page(&format!("{strange}\r\n{header}")), expected);
        let query = strange.replace("/metrics", "/metrics?name[]=a");
        assert_eq!(of_page(&format!("{query}\r\n{header}")), expected);
        let vouched = "GET /metrics HTTP/1.1\r\nHost: box.example.org";
        assert_eq!(of_page(&format!("{vouched}\r\n{header}")), Ok(()));
    }
}

#[test]
fn http_1_1_has_one_host() {
    for (request, expected) in [
        ("GET / HTTP/1.1", MALFORMED),
        ("GET /metrics HTTP/1.1\r\nHos: a", MALFORMED),
        ("GET http://a/ HTTP/1.1", MALFORMED),
        ("GET / HTTP/1.0", Ok(())),
        ("GET / HTTP/1.0\r\nHost: evil.test", REFUSED),
        ("GET / HTTP/1.1\r\nHost: a\r\nhost: a", MALFORMED),
        ("GET / HTTP/1.0\r\nHost: a\r\n\tHOST: b", MALFORMED),
        ("GET / HTTP/1.1\r\nhOST:a", Ok(())),
        // The responder refuses these.
        ("nonsense", Ok(())),
        ("GET /", Ok(())),
    ] {
        for service in [Service::Metrics, Service::Health] {
            let expected = expected.or_else(|refusal| match (service, refusal) {
                (Service::Health, Refusal::Misdirected) => Ok(()),
                _ => Err(refusal),
            });
            assert_eq!(checked(service, request), expected, "{request}");
        }
    }
}

#[test]
fn authority_of_the_target_precedes_the_header() {
    for (target, host, expected) in [
        ("http://192.0.2.1:9153/metrics", "evil.test", Ok(())),
        ("HTTP://192.0.2.1", "evil.test", Ok(())),
        ("http://[::1]?x", "evil.test", Ok(())),
        ("http://evil.test/", "127.0.0.1", REFUSED),
        ("http://evil.test/metrics", "127.0.0.1", Ok(())),
        ("http://evil.test?/metrics", "127.0.0.1", REFUSED),
        ("http://evil.test#/metrics", "127.0.0.1", REFUSED),
        ("http://evil.test", "127.0.0.1", REFUSED),
        ("http:///", "a", MALFORMED),
        ("http://", "a", MALFORMED),
        ("http://user@a/", "a", MALFORMED),
        ("http://user:word@a/", "a", MALFORMED),
        ("http://a/", "a b", MALFORMED),
        ("https://127.0.0.1/", "127.0.0.1", REFUSED),
        ("HTTPS://127.0.0.1/metrics", "127.0.0.1", REFUSED),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}");
        assert_eq!(of_page(&request), expected, "{target}");
    }
    assert_eq!(
        of_page("OPTIONS * HTTP/1.1\r\nHost: a"),
        Err(Refusal::Method)
    );
    assert_eq!(of_page("GET * HTTP/1.1\r\nHost: a"), Ok(()));
}

#[test]
fn path_is_read_from_origin_form_and_absolute_form() {
    for (target, expected) in [
        ("/metrics", "/metrics"),
        ("/metrics?a=http://b", "/metrics"),
        ("http://a/metrics?b", "/metrics"),
        ("HTTP://a:1/", "/"),
        ("http://a", "/"),
        ("http://a?b/c", "/"),
        ("http://a#b", "#b"),
        ("//metrics", "//metrics"),
        ("/http://a/metrics", "/http://a/metrics"),
        ("http:/metrics", "http:/metrics"),
        ("", ""),
        ("?", ""),
        ("*", "*"),
    ] {
        assert_eq!(path_of(target), expected, "{target}");
    }
}

#[test]
fn names_include_the_host_name_of_the_box() {
    let mut hosts = Hosts::new();
    hosts.push("a.example".try_into().unwrap()).unwrap();
    let names = Names::from_bytes(Names::new(&hosts).as_bytes());
    assert!(names.contains(b"A.example"));
    let system = uname().unwrap();
    assert!(names.contains(system.nodename().as_encoded_bytes()));
    assert!(!names.contains(b"b.example"));
    assert!(Names::new(&hosts).as_bytes().len() <= Names::MAX);
}
