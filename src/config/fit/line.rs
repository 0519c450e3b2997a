//! The bytes of a line.

use crate::base::hex;
use crate::config::entries::{Entry, Value};
use crate::corefile::{Corefile, Token};
use crate::encode::{Encoder, FieldError};

/// The key of a line, written to `out`; how many bytes it has. Without KEY it is the line's index as a `u32` in host
/// order.
///
/// # Errors
/// When KEY is none, in words. That of a `map` line is, by [`Config::read`](crate::config::Config::read).
pub fn key(
    corefile: &Corefile,
    entry: &Entry<'_>,
    encoder: &Encoder<'_>,
    out: &mut [u8],
) -> Result<usize, String> {
    match (entry.key, entry.value) {
        (Some(token), Value::Words(_)) => encoder.key(corefile.text(token), out),
        (Some(token), Value::Bytes { .. }) => {
            let decoded = hex::decode(corefile.text(token), None, out);
            decoded.map_err(|_| "KEY is no hexadecimal text".into())
        }
        (None, _) => {
            let index = u32::try_from(entry.index).ok();
            let place = out.first_chunk_mut().zip(index);
            place
                .map(|(key, index)| *key = index.to_ne_bytes())
                .map(|()| size_of::<u32>())
                .ok_or_else(|| "there is no KEY for so many lines".into())
        }
    }
}

/// The value of a line, written to `out`; how many bytes it has.
///
/// # Errors
/// The word that is wrong, and why. That of a `map` line is right, by [`Config::read`](crate::config::Config::read).
pub fn value(
    corefile: &Corefile,
    entry: &Entry<'_>,
    encoder: &mut Encoder<'_>,
    out: &mut [u8],
) -> Result<usize, (Option<Token>, String)> {
    match entry.value {
        Value::Words(words) => {
            let texts = words.iter().map(|&word| corefile.text(word));
            let wrong = |error: FieldError| (words.get(error.field).copied(), error.message);
            encoder.value(texts, out).map_err(wrong)
        }
        Value::Bytes { word, .. } => {
            let decoded = hex::decode(corefile.text(word), Some(b'.'), out);
            decoded.map_err(|_| (Some(word), "VALUE is no hexadecimal text".into()))
        }
    }
}
