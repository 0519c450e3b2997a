//! The line that `dump` writes for an entry encodes to the same entry in a Corefile.

use corexdp::base::capacity::{MAX_KEY, MAX_VALUE};
use corexdp::base::hex;
use corexdp::corefile::{Corefile, Directive};
use corexdp::encode::Encoder;
use corexdp::object::MapKind;

use super::types;
use super::world::World;

/// Maximum bytes of a Corefile with one line.
const LIMIT: usize = 1 << 12;

/// Checks the bytes as a key and a value, padded with zeros.
pub fn run(input: &[u8]) {
    let btf = types::types();
    for (kind, name) in [(MapKind::HASH, "xdp_map"), (MapKind::LPM_TRIE, "other")] {
        let map = types::map(name, kind);
        let mut bytes = input.to_vec();
        bytes.resize((map.key_size + map.value_size) as usize, 0);
        let (key, value) = bytes.split_at(map.key_size as usize);
        let mut encoder = Encoder::new(&map, Some(&btf));
        let mut line = String::new();
        encoder.line(name, key, value, &mut line);
        let words = words(&line);
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        if kind == MapKind::LPM_TRIE {
            assert_eq!(words.remove(1), "@other", "{line:?}");
        }
        assert_eq!(
            encoded(&mut encoder, &words),
            (key.to_vec(), value.to_vec()),
            "{line:?}"
        );
        // A value is written as bytes only if words cannot express it, or its key: a trie may have one that is no prefix.
        let has_words = kind == MapKind::HASH
            && value[65] == 0
            && value[9..12] == [0; 3]
            && value[68..] == [0; 4];
        if words[0] == "map" && has_words && value[28..36] == [0; 8] {
            assert!(
                value[41..44] != [0; 3] || value[49..56] != [0; 7] || value[64] > 1,
                "{line:?}"
            );
        }
    }
}

/// The words of a line, as the Corefile parser splits it.
fn words(line: &str) -> Vec<String> {
    let mut world = World::of(b"");
    let text = format!(". {{\n{line}\n}}\n").into_bytes();
    let corefile = Corefile::parse("Corefile", "/etc", text, LIMIT, &mut world);
    let corefile = corefile.unwrap_or_else(|error| panic!("{line:?}: {error}"));
    let directives: Vec<&Directive> = corefile
        .blocks()
        .iter()
        .flat_map(|block| &block.directives)
        .collect();
    assert_eq!(directives.len(), 1, "{line:?}");
    let words = directives[0]
        .tokens
        .iter()
        .map(|&token| corefile.text(token).to_owned());
    words.collect()
}

/// Encodes the words of a line to key and value.
fn encoded(encoder: &mut Encoder<'_>, words: &[&str]) -> (Vec<u8>, Vec<u8>) {
    let (mut key, mut value) = ([0; MAX_KEY], [0; MAX_VALUE]);
    let (key_size, value_size) = if words[0] == "entry" {
        let value_size = encoder.value(words[2..].iter().copied(), &mut value);
        (
            encoder.key(words[1], &mut key).unwrap(),
            value_size.unwrap(),
        )
    } else {
        assert_eq!((words[0], words.len()), ("map", 3));
        let value_size = hex::decode(words[2], Some(b'.'), &mut value);
        (
            hex::decode(words[1], None, &mut key).unwrap(),
            value_size.unwrap(),
        )
    };
    (key[..key_size].to_vec(), value[..value_size].to_vec())
}
