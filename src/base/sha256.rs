//! SHA-256 (FIPS 180-4), as `sha256sum` prints it.

/// Bytes of a block.
const BLOCK: usize = 64;

/// The first 32 bits of the fractional parts of the square roots of the first 8 primes.
const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
const ROUNDS: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

/// The hash of `content`, as eight words in big-endian order.
pub fn of(content: &[u8]) -> [u32; 8] {
    let mut state = START;
    let (blocks, rest) = content.as_chunks();
    for block in blocks {
        compress(&mut state, block);
    }
    // The rest, a bit, zeros, and the number of bits fill one block or two.
    let mut padded = [[0; BLOCK]; 2];
    let bytes = padded.as_flattened_mut().iter_mut();
    for (to, from) in bytes.zip(rest.iter().chain([&0x80])) {
        *to = *from;
    }
    let used = if rest.len() < BLOCK - 8 { 1 } else { 2 };
    let bits = (content.len() as u64).wrapping_mul(8).to_be_bytes();
    for (number, block) in (1..=used).zip(&mut padded) {
        if number == used
            && let Some(end) = block.last_chunk_mut()
        {
            *end = bits;
        }
        compress(&mut state, block);
    }
    state
}

#[expect(clippy::many_single_char_names, reason = "the names of the standard")]
fn compress(state: &mut [u32; 8], block: &[u8; BLOCK]) {
    // The next 16 words of the message schedule.
    let mut words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    let turned = |x: u32, by: [u32; 3]| {
        by.map(|by| x.rotate_right(by))
            .into_iter()
            .fold(0, |x, y| x ^ y)
    };
    for constant in ROUNDS {
        let word = words[0];
        let first = h
            .wrapping_add(turned(e, [6, 11, 25]))
            .wrapping_add(e & f ^ !e & g)
            .wrapping_add(constant)
            .wrapping_add(word);
        let second = turned(a, [2, 13, 22]).wrapping_add(a & b ^ a & c ^ b & c);
        (h, g, f, e) = (g, f, e, d.wrapping_add(first));
        (d, c, b, a) = (c, b, a, first.wrapping_add(second));
        let (early, late) = (words[1], words[14]);
        let next = word
            .wrapping_add(early.rotate_right(7) ^ early.rotate_right(18) ^ early >> 3)
            .wrapping_add(words[9])
            .wrapping_add(late.rotate_right(17) ^ late.rotate_right(19) ^ late >> 10);
        words.rotate_left(1);
        words[15] = next;
    }
    for (sum, word) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *sum = sum.wrapping_add(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    fn hex(content: &[u8]) -> String {
        of(content).map(|word| format!("{word:08x}")).concat()
    }

    #[test]
    fn published_examples() {
        for (content, hash) in [
            (
                "",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                "abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ] {
            assert_eq!(hex(content.as_bytes()), hash);
        }
    }

    #[test]
    fn each_length_hashes_as_sha256sum_does() {
        for length in [1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000] {
            let content: Vec<u8> = (0..length)
                .map(|number: u32| number.to_le_bytes()[0])
                .collect();
            let mut sum = Command::new("sha256sum")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            sum.stdin.take().unwrap().write_all(&content).unwrap();
            let output = sum.wait_with_output().unwrap().stdout;
            let expected = String::from_utf8(output).unwrap();
            assert!(expected.starts_with(&hex(&content)), "{length}");
        }
    }
}
