//! Key and value bytes of a `map` or `entry` line.

use crate::base::hex;
use crate::config::entries::{Entry, Value};
use crate::corefile::{Corefile, Token};
use crate::encode::{Encoder, FieldError};

/// Writes the key of a line to `out` and returns its size in bytes. The key of a line without KEY is the line's index, a
/// `u32` in host byte order. The host bits of a trie's key are cleared.
///
/// # Errors
/// A message about an invalid KEY. The KEY of a `map` line was checked by [`Config::read`](crate::config::Config::read).
pub fn key(
    corefile: &Corefile,
    entry: &Entry<'_>,
    encoder: &Encoder<'_>,
    out: &mut [u8],
) -> Result<usize, String> {
    let size = match (entry.key, entry.value) {
        (Some(token), Value::Words(_)) => encoder.key(corefile.text(token), out)?,
        (Some(token), Value::Bytes { .. }) => {
            let decoded = hex::decode(corefile.text(token), None, out);
            decoded.map_err(|_| "KEY is not hexadecimal")?
        }
        (None, _) => {
            let index = u32::try_from(entry.index).ok();
            let key = out.first_chunk_mut().zip(index);
            key.map(|(key, index)| *key = index.to_ne_bytes())
                .map(|()| size_of::<u32>())
                .ok_or("too many lines without KEY")?
        }
    };
    encoder.clear_host_bits(out.get_mut(..size).unwrap_or_default());
    Ok(size)
}

/// Writes the value of a line to `out` and returns its size in bytes.
///
/// # Errors
/// The invalid word, and a message. The VALUE of a `map` line was checked by [`Config::read`](crate::config::Config::read).
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
            decoded.map_err(|_| (Some(word), "VALUE is not hexadecimal".into()))
        }
    }
}
