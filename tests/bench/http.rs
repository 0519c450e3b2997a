//! A scraper with one keep-alive connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use support::wait::PATIENCE;

/// A connection to a page, and the body of the last response.
pub(crate) struct Scraper {
    stream: BufReader<TcpStream>,
    body: Vec<u8>,
}

impl Scraper {
    pub(crate) fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream: BufReader::with_capacity(64 * 1024, stream),
            body: Vec::new(),
        }
    }

    /// Scrapes once. Returns the time from the request to the last byte of the response.
    pub(crate) fn scrape(&mut self) -> Duration {
        let start = Instant::now();
        let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n";
        self.stream.get_mut().write_all(request).unwrap();
        let status = self.line();
        assert!(status.starts_with("HTTP/1.1 200 "), "{status}");
        let mut length = None;
        loop {
            let line = self.line().to_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = Some(value.trim().parse().unwrap());
            }
        }
        self.body.clear();
        match length {
            Some(length) => self.take(length),
            None => self.take_chunks(),
        }
        start.elapsed()
    }

    /// The number of series on the page last scraped.
    pub(crate) fn series(&self) -> usize {
        let text = std::str::from_utf8(&self.body).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).count()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let text = line.strip_suffix("\r\n");
        text.unwrap_or_else(|| panic!("truncated: {line:?}"))
            .to_owned()
    }

    fn take(&mut self, length: usize) {
        let from = self.body.len();
        self.body.resize(from + length, 0);
        self.stream.read_exact(&mut self.body[from..]).unwrap();
    }

    fn take_chunks(&mut self) {
        loop {
            let length = usize::from_str_radix(&self.line(), 16).unwrap();
            self.take(length);
            assert_eq!(self.line(), "");
            if length == 0 {
                return;
            }
        }
    }
}
