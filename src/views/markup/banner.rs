//! Banners above the filters: states that need a person. Each kind has its own class, and so its colour.

use std::fmt::{self, Write as _};

use super::digits::Digits;
use super::escape::Html;
use crate::base::rate::Rate;
use crate::base::text::Text;
use crate::base::utc::Utc;

/// Begins the banners. A screen reader announces a banner that is added, but not its changing numbers.
pub(in crate::views) fn begin_banners(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("<div aria-live=\"polite\" aria-relevant=\"additions\">\n")
}

/// Ends the banners.
pub(in crate::views) fn end_banners(text: &mut Text<'_>) -> fmt::Result {
    text.write_str("</div>\n")
}

/// Writes a banner of this class. `message` is HTML.
fn banner(text: &mut Text<'_>, class: &str, message: fmt::Arguments<'_>) -> fmt::Result {
    writeln!(text, "<div class=\"banner {class}\">{message}</div>")
}

/// Writes the reason why the filter of an interface is not attached.
pub(in crate::views) fn unattached(
    text: &mut Text<'_>,
    interface: &str,
    obstacle: Option<&str>,
) -> fmt::Result {
    let (interface, obstacle) = (
        Html(interface),
        Html(obstacle.unwrap_or("the log says why")),
    );
    banner(
        text,
        "unattached",
        format_args!("<strong>{interface} is NOT filtered</strong>: {obstacle}"),
    )
}

/// Writes that a program aborts packets: `total` so far, and `rate` now.
pub(in crate::views) fn aborts(
    text: &mut Text<'_>,
    (interface, object): (&str, &str),
    total: u64,
    rate: Option<Rate>,
) -> fmt::Result {
    let (interface, object, total) = (Html(interface), Html(object), Digits(total));
    let now = fmt::from_fn(|f| match rate {
        Some(rate) => write!(f, "{} packets/s, ", Digits(rate)),
        None => Ok(()),
    });
    banner(
        text,
        "aborts",
        format_args!(
            "<strong>{object} at {interface} aborts</strong>: {now}{total} in total. The program fails for these packets, \
             and the kernel drops them. Restore the object or Corefile that worked, then run <code>corexdp reload</code>."
        ),
    )
}

/// Writes the seconds left for the confirmation, and their end; and the file on trial, if there is one. The script counts
/// the seconds down.
pub(in crate::views) fn pending(
    text: &mut Text<'_>,
    seconds: u64,
    trial: Option<&str>,
) -> fmt::Result {
    let trial = fmt::from_fn(|f| match trial {
        Some(file) => write!(f, "{} is on trial: ", Html(file)),
        None => Ok(()),
    });
    let end = Utc(Utc::now().0.saturating_add(seconds));
    banner(
        text,
        "pending",
        format_args!(
            "<strong>Not confirmed</strong>: {trial}run <code>corexdp confirm</code> within <b id=\"left\" role=\"timer\">{seconds}</b> s, \
             before <time>{end}</time>, or the old state is restored"
        ),
    )
}

/// Writes that the fallback runs.
pub(in crate::views) fn fallback(text: &mut Text<'_>, file: &str) -> fmt::Result {
    let file = Html(file);
    banner(
        text,
        "refused",
        format_args!(
            "<strong>The fallback {file} runs</strong>: the Corefile was refused; correct it, then run <code>corexdp reload</code>"
        ),
    )
}

/// Writes that the last reload changed nothing, with its errors.
pub(in crate::views) fn reload_failed(text: &mut Text<'_>, at: Utc, error: &str) -> fmt::Result {
    let error = Html(error);
    banner(
        text,
        "refused",
        format_args!(
            "<strong>The last reload failed</strong> at <time>{at}</time>; the previous configuration still runs<pre>{error}</pre>"
        ),
    )
}

/// Writes that the last reload was rolled back, with the second part of its message.
pub(in crate::views) fn reload_unconfirmed(
    text: &mut Text<'_>,
    at: Utc,
    error: &str,
) -> fmt::Result {
    let remedy = Html(error.split_once("; ").map_or(error, |(_, remedy)| remedy));
    banner(
        text,
        "refused",
        format_args!(
            "<strong>The last reload was not confirmed</strong> and rolled back, at <time>{at}</time>; {remedy}"
        ),
    )
}

/// Writes a service that is not served at its address.
pub(in crate::views) fn unserved(
    text: &mut Text<'_>,
    service: &str,
    address: &str,
    error: impl fmt::Display,
) -> fmt::Result {
    let address = Html(address);
    banner(
        text,
        "unserved",
        format_args!("<strong>{service} at {address} is NOT served</strong>: {error}"),
    )
}
