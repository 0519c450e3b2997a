//! Reads JSON of unknown members.

/// Lists and objects within each other that are read.
const DEEPEST: usize = 16;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`, and what is not there.
    Nothing,
    /// `true` or `false`.
    Truth(bool),
    /// A number, as it is written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object's members, in order.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// Reads a whole text; `None` when it is not JSON, or too deep.
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let value = reader.value(DEEPEST)?;
        reader.rest.trim_ascii_start().is_empty().then_some(value)
    }

    /// The member of this name; nothing when there is none.
    pub fn get(&self, name: &str) -> &Self {
        let members = match self {
            Self::Object(members) => members.as_slice(),
            _ => &[],
        };
        let found = members.iter().find(|(other, _)| other == name);
        found.map_or(&Self::Nothing, |(_, value)| value)
    }

    /// The member of a member, by the names with dots between; nothing when there is none.
    pub fn at(&self, path: &str) -> &Self {
        path.split('.').fold(self, Self::get)
    }

    /// The elements of a list; none for anything else.
    pub fn list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// A text as it is, or a number's digits; `None` for anything else.
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Text(word) | Self::Number(word) => Some(word),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Takes `word` if it comes next.
    fn take(&mut self, word: &str) -> bool {
        let after = self.rest.trim_ascii_start().strip_prefix(word);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn value(&mut self, deeper: usize) -> Option<Value> {
        let deeper = deeper.checked_sub(1)?;
        for (word, value) in [
            ("null", Value::Nothing),
            ("true", Value::Truth(true)),
            ("false", Value::Truth(false)),
        ] {
            if self.take(word) {
                return Some(value);
            }
        }
        if self.take("[") {
            let mut list = Vec::new();
            self.each("]", &mut |reader| {
                list.push(reader.value(deeper)?);
                Some(())
            })?;
            return Some(Value::List(list));
        }
        if self.take("{") {
            let mut members = Vec::new();
            self.each("}", &mut |reader| {
                let name = reader.text()?;
                let value = reader.take(":").then(|| reader.value(deeper))??;
                members.push((name, value));
                Some(())
            })?;
            return Some(Value::Object(members));
        }
        self.text().map(Value::Text).or_else(|| self.number())
    }

    /// Reads elements by commas, up to `end`.
    fn each(&mut self, end: &str, read: &mut dyn FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if self.take(end) {
            return Some(());
        }
        loop {
            read(self)?;
            if !self.take(",") {
                return self.take(end).then_some(());
            }
        }
    }

    fn number(&mut self) -> Option<Value> {
        let text = self.rest.trim_ascii_start();
        let digit = |letter: char| letter.is_ascii_digit() || "+-.eE".contains(letter);
        let end = text.find(|letter| !digit(letter)).unwrap_or(text.len());
        let (number, rest) = text.split_at_checked(end)?;
        self.rest = rest;
        (!number.is_empty()).then(|| Value::Number(number.into()))
    }

    /// A text; `None` when none comes next, and nothing is taken then.
    fn text(&mut self) -> Option<String> {
        if !self.take("\"") {
            return None;
        }
        let mut text = String::new();
        let mut letters = self.rest.chars();
        loop {
            match letters.next()? {
                '"' => break,
                '\\' => text.push(escaped(&mut letters)?),
                letter => text.push(letter),
            }
        }
        self.rest = letters.as_str();
        Some(text)
    }
}

/// What stands behind a backslash. Letters beyond the first 65536 are written as they are.
fn escaped(letters: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match letters.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let (digits, rest) = letters.as_str().split_at_checked(4)?;
            *letters = rest.chars();
            char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
        }
        letter => letter,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let text = r#" {"a":[1,-2,18446744073709551615],"b":{"c":null,"d":true},"e":"\"\\\n\u001bé","f":[],"g":{}} "#;
        let value = Value::read(text).unwrap();
        let numbers = value.get("a").list().iter();
        let words: Vec<_> = numbers.filter_map(Value::word).collect();
        assert_eq!(words, ["1", "-2", "18446744073709551615"]);
        assert_eq!(value.get("a").list()[2].number(), Some(u64::MAX));
        assert_eq!(value.get("a").list()[1].number(), None);
        assert_eq!(value.get("b").get("c"), &Value::Nothing);
        assert_eq!(value.at("b.d"), &Value::Truth(true));
        assert_eq!(value.get("b").get("d"), &Value::Truth(true));
        assert_eq!(value.get("e").word(), Some("\"\\\n\u{1b}é"));
        assert_eq!(value.get("f").list(), []);
        assert_eq!(value.get("missing").get("c"), &Value::Nothing);
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in [
            "",
            "{",
            "[1",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "\"a",
            "1 2",
            "nul",
            "\"\\u12\"",
            "\"\\ud800\"",
        ] {
            assert_eq!(Value::read(text), None, "{text}");
        }
        assert_eq!(Value::read(&"[".repeat(100_000)), None);
    }
}
