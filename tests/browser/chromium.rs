//! A headless Chromium, controlled by chromedriver: `WebDriver` over HTTP, and the Chrome `DevTools` Protocol (`CDP`)
//! through it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use support::net::{Namespace, Response, Site};
use support::wait::{PATIENCE, wait_until};

/// Address of chromedriver, inside the network namespace of the test.
const DRIVER: &str = "127.0.0.1:9515";
/// A foreign host name that resolves to the box.
pub(crate) const FOREIGN_HOST: &str = "evil.test";
/// `WebDriver`'s code of the key.
pub(crate) const TAB: char = '\u{e004}';
pub(crate) const RETURN: char = '\u{e007}';
const ARGUMENTS: [&str; 11] = [
    "--hide-scrollbars",
    "--host-resolver-rules=MAP evil.test 127.0.0.1",
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser with one window. Dropping it ends all its processes.
pub(crate) struct Chromium<'a> {
    site: &'a Site,
    driver: Child,
    session: String,
}

impl<'a> Chromium<'a> {
    /// Starts a browser in the network namespace of the daemon. Its files go to the site's folder.
    pub(crate) fn start(site: &'a Site) -> Self {
        let mut command = Command::new("unshare");
        // A PID namespace, whose processes end with its first process.
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.args(["chromedriver", "--port=9515"]);
        command.env("TMPDIR", site.folder.path());
        command.env("HOME", site.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null());
        let driver = site.server.enter(|| command.spawn());
        let driver = driver.expect("unshare runs; install util-linux");
        let mut browser = Self {
            site,
            driver,
            session: String::new(),
        };
        wait_until("chromedriver listens; install chromium-driver", || {
            let sockets = site.server.run("ss -Htln");
            if sockets.contains(DRIVER) {
                Ok(())
            } else {
                Err(sockets)
            }
        });
        let profile = site.folder.file("profile").display().to_string();
        let mut arguments = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={profile}"));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let session = browser.post("/session", &wanted);
        browser.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        browser
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Value {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let answer = exchange(&self.site.server, &request);
        let mut reply: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer.status, 200, "{path}: {reply:#}");
        reply["value"].take()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.send("POST", path, &body.to_string())
    }

    /// Sends a command of the session.
    fn session_command(&self, name: &str, body: &Value) -> Value {
        self.post(&format!("{}/{name}", self.session), body)
    }

    /// Sends a CDP command.
    pub(crate) fn command(&self, name: &str, parameters: &Value) -> Value {
        let body = json!({"cmd": name, "params": parameters});
        self.session_command("goog/cdp/execute", &body)
    }

    /// Opens the daemon's page.
    pub(crate) fn open(&self) {
        self.open_by("127.0.0.1", "/");
    }

    /// Opens a path of the daemon's page under this host name.
    pub(crate) fn open_by(&self, host: &str, path: &str) {
        let url = format!("http://{host}:9153{path}");
        self.session_command("url", &json!({"url": url}));
    }

    /// The value of a JavaScript expression in the page.
    pub(crate) fn value(&self, expression: &str) -> Value {
        self.execute(&format!("return {expression};"))
    }

    /// Runs a script in the page, and returns its value.
    pub(crate) fn execute(&self, script: &str) -> Value {
        self.session_command("execute/sync", &json!({"script": script, "args": []}))
    }

    /// The value of an expression that is a string.
    pub(crate) fn text(&self, expression: &str) -> String {
        let value = self.value(expression);
        let text = value.as_str();
        text.unwrap_or_else(|| panic!("{expression}: {value}"))
            .to_owned()
    }

    /// Waits until an expression is true.
    pub(crate) fn becomes(&self, expression: &str) {
        wait_until(expression, || {
            let value = self.value(expression);
            if value == true { Ok(()) } else { Err(value) }
        });
    }

    /// Records each string value of an expression from now on, since a value may be shown for two seconds only.
    pub(crate) fn keep(&self, expression: &str) {
        self.value(&format!(
            "(() => {{ const look = () => {{ const text = {expression}; \
             if (window.kept.at(-1) !== text) window.kept.push(text); }}; \
             window.kept = []; look(); new MutationObserver(look).observe(document.body, \
             {{subtree: true, childList: true, characterData: true, attributes: true}}); }})()"
        ));
    }

    /// The recorded strings in order. A string that returned is contained again.
    pub(crate) fn kept(&self) -> Vec<String> {
        let kept = self.value("window.kept");
        let texts = kept.as_array().unwrap().iter();
        texts
            .map(|text| text.as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Presses and releases a key.
    pub(crate) fn press(&self, key: char) {
        let key = key.to_string();
        let keys = [
            json!({"type": "keyDown", "value": key}),
            json!({"type": "keyUp", "value": key}),
        ];
        let body = json!({"actions": [{"type": "key", "id": "keys", "actions": keys}]});
        self.session_command("actions", &body);
    }

    /// Messages of the console since the last call: errors, warnings, and CSP violations. Messages about the browser's
    /// start page are left out.
    pub(crate) fn console(&self) -> Vec<String> {
        let messages = self.session_command("se/log", &json!({"type": "browser"}));
        let lines = messages.as_array().unwrap().iter();
        let lines = lines.map(|line| line["message"].as_str().unwrap().to_owned());
        lines
            .filter(|line| !line.starts_with("chrome://"))
            .collect()
    }

    /// The roles and names in the accessibility tree.
    pub(crate) fn accessible_parts(&self) -> Vec<(String, String)> {
        let tree = self.command("Accessibility.getFullAXTree", &json!({}));
        let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
        let nodes = tree["nodes"].as_array().unwrap().iter();
        let nodes = nodes.filter(|node| node["ignored"] == false);
        nodes
            .map(|node| (text(&node["role"]), text(&node["name"])))
            .collect()
    }

    /// Sets the size of the window.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let phone = width < 600;
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        self.command("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Sets the preferred colour scheme, `dark` or `light`.
    pub(crate) fn prefer(&self, scheme: &str) {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        self.command(
            "Emulation.setEmulatedMedia",
            &json!({"features": [feature]}),
        );
    }

    /// Reports the page as hidden, like a background tab, or as visible.
    pub(crate) fn hide(&self, hidden: bool) {
        self.value(&format!("Object.defineProperty(document, 'hidden', {{value: {hidden}, configurable: true}}) && document.dispatchEvent(new Event('visibilitychange'))"));
    }

    /// Writes a screenshot of the whole page to `target/screenshots/NAME.png`.
    pub(crate) fn picture(&self, name: &str) {
        let whole = json!({"format": "png", "captureBeyondViewport": true});
        let picture = self.command("Page.captureScreenshot", &whole);
        let bytes = base64(picture["data"].as_str().unwrap());
        assert_eq!(bytes.get(..4), Some(&b"\x89PNG"[..]));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../screenshots");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name).with_extension("png"), bytes).unwrap();
    }
}

impl Drop for Chromium<'_> {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Sends a request to chromedriver and reads the response up to its length, since chromedriver leaves the connection
/// open.
fn exchange(namespace: &Namespace, request: &str) -> Response {
    let answer = namespace.enter(|| {
        let mut stream = TcpStream::connect(DRIVER).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let (mut answer, mut more) = (Vec::new(), vec![0; 64 << 10]);
        while !is_whole(&answer) {
            let length = stream.read(&mut more).unwrap();
            assert_ne!(length, 0, "chromedriver closes before its answer ends");
            answer.extend_from_slice(&more[..length]);
        }
        answer
    });
    Response::parse(&String::from_utf8(answer).unwrap())
}

/// True once the whole response has arrived.
fn is_whole(answer: &[u8]) -> bool {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(head) = head else {
        return false;
    };
    let lines = String::from_utf8_lossy(&answer[..head]).to_lowercase();
    let mut lines = lines.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let length: usize = length.expect("chromedriver sends a Content-Length");
    answer.len() >= head + 4 + length
}

fn base64(text: &str) -> Vec<u8> {
    let digits = text.bytes().filter_map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    });
    let digits: Vec<u8> = digits.collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let place = |(at, digit): (usize, &u8)| u32::from(*digit) << (18 - 6 * at);
        let bits: u32 = four.iter().enumerate().map(place).sum();
        let [_, bytes @ ..] = bits.to_be_bytes();
        bytes.into_iter().take(four.len() - 1)
    });
    bytes.collect()
}

#[test]
fn base64_is_decoded() {
    for (text, bytes) in [
        ("", &b""[..]),
        ("AA==", b"\0"),
        ("+/8=", b"\xfb\xff"),
        ("aGFsbG8h", b"hallo!"),
    ] {
        assert_eq!(base64(text), bytes, "{text}");
    }
}
