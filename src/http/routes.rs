//! Paths of each service.

use super::Content;
use crate::config::Service;

/// Content type of `/`.
pub(super) const HTML: &str = "text/html; charset=utf-8";
/// Content type of `/health`, `/ready` and errors.
pub(super) const PLAIN: &str = "text/plain; charset=utf-8";

/// Content of a path of this service, and its content type.
///
/// # Errors
/// The text of status 404, which lists the paths of the service.
pub(super) fn content_of(
    service: Service,
    path: &str,
) -> Result<(Content, &'static str), &'static str> {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    match (service, path) {
        (Service::Metrics, "/metrics") => {
            Ok((Content::Metrics, "text/plain; version=0.0.4; charset=utf-8"))
        }
        (Service::Metrics, "/") => Ok((Content::Html, HTML)),
        (Service::Metrics, "/status") => Ok((Content::Status, "application/json")),
        (Service::Metrics, _) => Err("not found; there are /, /metrics and /status\n"),
        (Service::Health, "/health") => Ok((Content::Health, PLAIN)),
        (Service::Health, _) => Err("not found; there is /health\n"),
        (Service::Ready, "/ready") => Ok((Content::Ready, PLAIN)),
        (Service::Ready, _) => Err("not found; there is /ready\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_only_its_own_paths() {
        for (path, expected) in [
            ("/metrics", Some((Service::Metrics, Content::Metrics))),
            ("/metrics?x=1", Some((Service::Metrics, Content::Metrics))),
            ("/", Some((Service::Metrics, Content::Html))),
            ("/?", Some((Service::Metrics, Content::Html))),
            ("/status", Some((Service::Metrics, Content::Status))),
            ("/health", Some((Service::Health, Content::Health))),
            ("/ready?", Some((Service::Ready, Content::Ready))),
            ("/status/", None),
            ("/metrics/", None),
            ("/Metrics", None),
            ("/healthy", None),
            ("", None),
            ("*", None),
        ] {
            for service in Service::ALL {
                let expected = expected.filter(|(owner, _)| *owner == service);
                let content = content_of(service, path).ok().map(|(content, _)| content);
                let expected = expected.map(|(_, content)| content);
                assert_eq!(content, expected, "{path} at {service:?}");
            }
        }
    }

    #[test]
    fn a_wrong_path_is_answered_with_the_right_ones() {
        for (service, expected) in [
            (
                Service::Metrics,
                "not found; there are /, /metrics and /status\n",
            ),
            (Service::Health, "not found; there is /health\n"),
            (Service::Ready, "not found; there is /ready\n"),
        ] {
            assert_eq!(content_of(service, "/nowhere"), Err(expected));
        }
    }
}
