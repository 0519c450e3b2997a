//! An HTTP client of one request.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::Namespace;
use crate::wait::PATIENCE;

/// An HTTP response.
#[derive(Debug)]
pub struct Response {
    pub version: String,
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Response {
    /// Sends `METHOD PATH VERSION` to `address` inside the namespace and reads until the server closes.
    pub fn to(namespace: &Namespace, address: &str, request: &str) -> Self {
        namespace.enter(|| Self::here(address, request))
    }

    /// Sends `METHOD PATH VERSION` to `address` and reads until the server closes.
    pub fn here(address: &str, request: &str) -> Self {
        let address: SocketAddr = address.parse().unwrap();
        let request = format!("{request}\r\nHost: edge\r\nConnection: close\r\n\r\n");
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        Self::parse(&answer)
    }

    /// Parses a complete response.
    pub fn parse(answer: &str) -> Self {
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no head: {answer:?}"));
        let mut lines = head.split("\r\n");
        let mut status = lines.next().unwrap().splitn(3, ' ');
        let headers = lines.map(|line| {
            let (name, value) = line
                .split_once(':')
                .unwrap_or_else(|| panic!("no header: {line:?}"));
            (name.to_lowercase(), value.trim().to_owned())
        });
        let response = Self {
            version: status.next().unwrap().to_owned(),
            status: status.next().unwrap().parse().unwrap(),
            headers: headers.collect(),
            body: body.to_owned(),
        };
        assert_eq!(
            response.header("transfer-encoding"),
            None,
            "a page is sent with a Content-Length"
        );
        response
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a sample on the page; see [`sample`].
    pub fn metric(&self, name: &str) -> Option<&str> {
        sample(&self.body, name)
    }
}

/// The value of a sample on a page of metrics. With labels in `name`, `x{a="1"}`, the sample has these and perhaps more,
/// so a new label breaks no test.
pub fn sample<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let (name, wanted) = labels(name);
    let mut values = page.lines().filter_map(|line| {
        let (sample, value) = line.rsplit_once(' ')?;
        let (found, labels) = labels(sample);
        let has_labels = wanted.is_empty() == labels.is_empty()
            && wanted.iter().all(|label| labels.contains(label));
        (found == name && has_labels).then_some(value)
    });
    let value = values.next();
    let others = values.count();
    assert_eq!(others, 0, "other samples have the labels of {name}: {page}");
    value
}

/// The name of a sample, and its labels.
fn labels(sample: &str) -> (&str, Vec<&str>) {
    let Some((name, labels)) = sample.split_once('{') else {
        return (sample, Vec::new());
    };
    let labels = labels.trim_end_matches('}').split("\",");
    let labels = labels.map(|label| label.trim_end_matches('"'));
    (name, labels.collect())
}
