//! Punycode (RFC 3492), which names outside ASCII have on the wire.

use super::Reason;

/// Parameters of section 5 of the RFC.
const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const INITIAL_BIAS: u32 = 72;
const INITIAL_N: u32 = 128;

/// Appends the Punycode of the letters in `label` through `push`, without `xn--`. Takes at most the letters of a label.
///
/// # Errors
/// [`Reason::NotName`] on overflow, and the errors of `push`.
pub(super) fn encode(
    label: &[char],
    push: &mut dyn FnMut(u8) -> Result<(), Reason>,
) -> Result<(), Reason> {
    let mut handled = 0u32;
    for letter in label.iter().filter(|letter| letter.is_ascii()) {
        push(*letter as u8)?;
        handled += 1;
    }
    let basic = handled;
    if basic > 0 {
        push(b'-')?;
    }
    let (mut n, mut delta, mut bias) = (INITIAL_N, 0u32, INITIAL_BIAS);
    let codes = || label.iter().map(|letter| u32::from(*letter));
    while let Some(next) = codes().filter(|code| *code >= n).min() {
        let step = (next - n).checked_mul(handled + 1);
        delta = step
            .and_then(|step| delta.checked_add(step))
            .ok_or(Reason::NotName)?;
        n = next;
        for code in codes() {
            if code < n {
                delta = delta.checked_add(1).ok_or(Reason::NotName)?;
            }
            if code == n {
                push_number(delta, bias, push)?;
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta += 1;
        n += 1;
    }
    Ok(())
}

/// Appends a generalised variable-length integer (section 3.3).
fn push_number(
    mut number: u32,
    bias: u32,
    push: &mut dyn FnMut(u8) -> Result<(), Reason>,
) -> Result<(), Reason> {
    let mut k = BASE;
    loop {
        let t = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if number < t {
            return push(digit(number));
        }
        push(digit(t + (number - t) % (BASE - t)))?;
        number = (number - t) / (BASE - t);
        k += BASE;
    }
}

/// The character of a digit below 36.
fn digit(number: u32) -> u8 {
    let number = u8::try_from(number).unwrap_or_default();
    match number {
        0..26 => b'a' + number,
        _ => b'0' + (number - 26),
    }
}

/// Section 6.1.
fn adapt(delta: u32, handled: u32, is_first: bool) -> u32 {
    let mut delta = delta / if is_first { DAMP } else { 2 };
    delta += delta / handled;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_the_rfc() {
        // Section 7.1, in lower case.
        for (text, expected) in [
            ("ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn"),
            ("他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"),
            ("他們爲什麽不說中文", "ihqwctvzc91f659drss3x8bo0yb"),
            ("pročprostěnemluvíčesky", "proprostnemluvesky-uyb24dma41a"),
            ("למההםפשוטלאמדבריםעברית", "4dbcagdahymbxekheh6e0a7fei0b"),
            (
                "यहलोगहिन्दीक्योंनहींबोलसकतेहैं",
                "i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd",
            ),
            (
                "なぜみんな日本語を話してくれないのか",
                "n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa",
            ),
            (
                "почемужеонинеговорятпорусски",
                "b1abfaaepdrnnbgefbadotcwatmq2g4l",
            ),
            (
                "porquénopuedensimplementehablarenespañol",
                "porqunopuedensimplementehablarenespaol-fmd56a",
            ),
            (
                "tạisaohọkhôngthểchỉnóitiếngviệt",
                "tisaohkhngthchnitingvit-kjcr8268qyxafd2f1b9g",
            ),
            ("3年b組金八先生", "3b-ww4c5e180e575a65lsy2b"),
            ("ひとつ屋根の下2", "2-u9tlzr9756bt3uc0v"),
            ("そのスピードで", "d9juau41awczczp"),
            ("bücher", "bcher-kva"),
        ] {
            let letters: Vec<char> = text.chars().collect();
            let mut out = Vec::new();
            encode(&letters, &mut |byte| {
                out.push(byte);
                Ok(())
            })
            .unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{text}");
        }
    }
}
