//! Names as text, in the form that they have on the wire.

use super::{Reason, punycode};

/// Maximum length of a label in bytes (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;
/// Maximum length of a name on the wire in bytes, without the empty label at its end.
const MAX_WIRE: usize = 254;
/// Beginning of a label in Punycode.
const ACE: &[u8] = b"xn--";

/// A name on the wire, without the empty label at its end.
pub(super) struct Wire {
    bytes: [u8; MAX_WIRE],
    length: usize,
}

impl Wire {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) -> Result<(), Reason> {
        let slot = self.bytes.get_mut(self.length).ok_or(Reason::NotName)?;
        *slot = byte;
        self.length += 1;
        Ok(())
    }
}

/// The name `text` on the wire: in lower case, and labels outside ASCII in Punycode. A final dot has no meaning.
///
/// # Errors
/// [`Reason::NotName`] for a text that is not the name of a host or domain. An address is not a name.
pub(super) fn parse(text: &str) -> Result<Wire, Reason> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let mut wire = Wire {
        bytes: [0; MAX_WIRE],
        length: 0,
    };
    let mut has_letter = false;
    for label in text.split('.') {
        let start = wire.length;
        wire.push(0)?;
        has_letter = push_label(&mut wire, label)?;
        let length = wire.length - start - 1;
        let slot = wire.bytes.get_mut(start);
        if let (1..=MAX_LABEL, Some(slot), Ok(length)) = (length, slot, u8::try_from(length)) {
            *slot = length;
        } else {
            return Err(Reason::NotName);
        }
    }
    // No top-level domain is a number (RFC 1123, section 2.1): the text is an address.
    if has_letter {
        Ok(wire)
    } else {
        Err(Reason::NotName)
    }
}

/// Appends a label without its length. Returns true if it has a letter.
fn push_label(wire: &mut Wire, label: &str) -> Result<bool, Reason> {
    if !label.is_ascii() {
        let mut letters = [char::MIN; MAX_LABEL];
        let mut count = 0;
        for letter in label.chars() {
            let slot = letters.get_mut(count).ok_or(Reason::NotName)?;
            *slot = Some(lower_case(letter))
                .filter(|letter| is_letter(*letter))
                .ok_or(Reason::NotName)?;
            count += 1;
        }
        for byte in ACE {
            wire.push(*byte)?;
        }
        let letters = letters.get(..count).unwrap_or_default();
        punycode::encode(letters, &mut |byte| wire.push(byte))?;
        return Ok(true);
    }
    let mut has_letter = false;
    for byte in label.bytes() {
        if !is_letter(char::from(byte)) {
            return Err(Reason::NotName);
        }
        has_letter |= byte.is_ascii_alphabetic();
        wire.push(byte.to_ascii_lowercase())?;
    }
    Ok(has_letter)
}

/// True for a character that labels of hosts and domains have. Outside ASCII these are all but controls, separators,
/// marks that Unicode's normal form (NFC) joins with the letter before them, and signs such as of Kelvin, for which it has a
/// letter.
fn is_letter(letter: char) -> bool {
    match letter {
        '\0'..='\x7f' => letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'),
        '\u{80}'..='\u{b6}'
        | '\u{b8}'..='\u{bf}'
        | '\u{d7}'
        | '\u{f7}'
        | '\u{300}'..='\u{36f}'
        | '\u{2000}'..='\u{206f}'
        | '\u{2126}'..='\u{212b}'
        | '\u{3000}'..='\u{3004}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{fe00}'..='\u{feff}'
        | '\u{ff00}'..='\u{ffff}' => false,
        _ => true,
    }
}

/// The lower case of a letter of the Latin, Greek, Cyrillic or Armenian alphabet, as in IDNA's mapping (UTS 46).
/// Unicode's whole table would take 11 KB.
fn lower_case(letter: char) -> char {
    let code = u32::from(letter);
    let is_even = code.is_multiple_of(2);
    let lower = match code {
        0x41..=0x5a | 0xc0..=0xd6 | 0xd8..=0xde | 0x391..=0x3a1 | 0x3a3..=0x3ab | 0x410..=0x42f => {
            code + 0x20
        }
        0x386 => 0x3ac,
        0x388..=0x38a => code + 0x25,
        0x38c => 0x3cc,
        0x38e | 0x38f => code + 0x3f,
        0x400..=0x40f => code + 0x50,
        0x531..=0x556 => code + 0x30,
        0x178 => 0xff,
        0x100..=0x12f
        | 0x132..=0x137
        | 0x14a..=0x177
        | 0x1a0..=0x1a5
        | 0x1de..=0x1ef
        | 0x218..=0x21f
        | 0x460..=0x481
        | 0x48a..=0x4bf
        | 0x4d0..=0x52f
        | 0x1e00..=0x1e95
        | 0x1ea0..=0x1eff
            if is_even =>
        {
            code + 1
        }
        0x139..=0x148 | 0x179..=0x17e | 0x1af | 0x1cd..=0x1dc | 0x4c1..=0x4ce if !is_even => {
            code + 1
        }
        _ => code,
    };
    char::from_u32(lower).unwrap_or(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(wire: &[u8]) -> String {
        let mut out = String::new();
        let mut rest = wire;
        while let [length, tail @ ..] = rest {
            let (label, tail) = tail.split_at(usize::from(*length));
            out.push_str(std::str::from_utf8(label).unwrap());
            out.push('.');
            rest = tail;
        }
        out
    }

    #[test]
    fn names_are_in_lower_case_and_punycode() {
        for (name, expected) in [
            ("ads.example", "ads.example."),
            ("ADS.Example.", "ads.example."),
            ("_dmarc.a-b.example", "_dmarc.a-b.example."),
            ("bücher.example", "xn--bcher-kva.example."),
            ("BÜCHER.example", "xn--bcher-kva.example."),
            ("xn--BCHER-kva.example", "xn--bcher-kva.example."),
            ("пример.рф", "xn--e1afmkfd.xn--p1ai."),
            ("ПРИМЕР.РФ", "xn--e1afmkfd.xn--p1ai."),
            ("ΕΛΛΆΔΑ.example", "xn--hxakic4aa.example."),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah."),
            ("straße.example", "xn--strae-oqa.example."),
            ("ŻÓŁĆ.pl", "xn--kda4b0koi.pl."),
            ("zip", "zip."),
        ] {
            let wire = parse(name).ok().unwrap();
            assert_eq!(text(wire.as_slice()), expected, "{name}");
        }
    }

    #[test]
    fn other_texts_are_not_names() {
        let label = "a".repeat(64);
        for name in [
            "",
            ".",
            "a..b",
            ".a",
            "a b",
            "192.0.2.1",
            "1.2",
            "a/b",
            "a:1",
            "*.a",
            "a*",
            &label,
            "a\u{301}.example",
            "a\u{200d}.example",
            "\u{212a}elvin.example",
            "a。b",
            "a@b.c",
            "a\\.b",
        ] {
            assert_eq!(parse(name).err(), Some(Reason::NotName), "{name:?}");
        }
        let longest = [&label[1..]; 4].join(".");
        assert!(parse(&longest[..253]).is_ok());
        assert!(parse(&longest[..254]).is_err());
        assert!(parse(&"ü".repeat(55)).is_ok());
        assert!(parse(&"üя".repeat(31)).is_err());
    }

    #[test]
    fn lower_case_agrees_with_unicode() {
        for letter in ('\u{80}'..='\u{ffff}').filter(|letter| letter.is_alphabetic()) {
            let mut expected = letter.to_lowercase();
            let lower = lower_case(letter);
            // Each mapping is right; rare letters have none.
            if lower != letter {
                assert_eq!(expected.next(), Some(lower), "{letter}");
            }
        }
        let common = ('\u{c0}'..='\u{12f}')
            .chain('\u{386}'..='\u{3ab}')
            .chain('\u{400}'..='\u{4bf}');
        let missing =
            common.filter(|letter| letter.is_uppercase() && lower_case(*letter) == *letter);
        assert_eq!(missing.collect::<String>(), "");
    }
}
