//! Paths of each service.

use super::Content;
use super::host::path_of;
use crate::config::Service;

/// Content type of `/`.
pub(super) const HTML: &str = "text/html; charset=utf-8";
/// Content type of `/health`, `/ready` and errors.
pub(super) const PLAIN: &str = "text/plain; charset=utf-8";

/// Content and content type for a request's target at this service.
///
/// # Errors
/// The text of status 404, which lists the paths of the service.
pub(super) fn content_of(
    service: Service,
    target: &str,
) -> Result<(Content, &'static str), &'static str> {
    match (service, path_of(target)) {
        (Service::Metrics, "/metrics") => {
            Ok((Content::Metrics, "text/plain; version=0.0.4; charset=utf-8"))
        }
        (Service::Metrics, "/") => Ok((Content::Html, HTML)),
        (Service::Metrics, "/status") => Ok((Content::Status, "application/json")),
        (Service::Metrics, _) => Err("not found; this address serves /, /metrics and /status\n"),
        (Service::Health, "/health") => Ok((Content::Health, PLAIN)),
        (Service::Health, _) => Err("not found; this address serves /health\n"),
        (Service::Ready, "/ready") => Ok((Content::Ready, PLAIN)),
        (Service::Ready, _) => Err("not found; this address serves /ready\n"),
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
            ("http://a", Some((Service::Metrics, Content::Html))),
            ("http://a/ready", Some((Service::Ready, Content::Ready))),
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
    fn not_found_names_the_paths_of_the_service() {
        for (service, paths) in [
            (Service::Metrics, "/, /metrics and /status"),
            (Service::Health, "/health"),
            (Service::Ready, "/ready"),
        ] {
            let expected = format!("not found; this address serves {paths}\n");
            assert_eq!(content_of(service, "/x"), Err(expected.as_str()));
        }
    }
}
