//! Reader of JSON into a tree of values, for the daemon's responses.

/// Maximum depth of nested lists and objects.
const MAX_DEPTH: usize = 16;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`, or a missing member.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// The text of a number.
    Number(String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Members of an object, in order.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// Parses a document; `None` for invalid JSON, and for more than 16 nested values.
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let value = reader.value(MAX_DEPTH)?;
        reader.rest.trim_ascii_start().is_empty().then_some(value)
    }

    /// The member of this name, or `Null`.
    pub fn get(&self, name: &str) -> &Self {
        let members = match self {
            Self::Object(members) => members.as_slice(),
            _ => &[],
        };
        let found = members.iter().find(|(other, _)| other == name);
        found.map_or(&Self::Null, |(_, value)| value)
    }

    /// The member at a path of names separated by dots, or `Null`.
    pub fn at(&self, path: &str) -> &Self {
        path.split('.').fold(self, Self::get)
    }

    /// Elements of a list; empty for any other value.
    pub fn list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// Text of a string or number; `None` for any other value.
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Text(word) | Self::Number(word) => Some(word),
            _ => None,
        }
    }

    /// An unsigned integer; `None` for any other value.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }
}

struct Reader<'a> {
    /// Text after the last consumed word.
    rest: &'a str,
}

impl Reader<'_> {
    /// Consumes `word` if the rest begins with it.
    fn take(&mut self, word: &str) -> bool {
        let after = self.rest.trim_ascii_start().strip_prefix(word);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn value(&mut self, depth_left: usize) -> Option<Value> {
        let depth_left = depth_left.checked_sub(1)?;
        for (word, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
        ] {
            if self.take(word) {
                return Some(value);
            }
        }
        if self.take("[") {
            let mut list = Vec::new();
            self.each("]", &mut |reader| {
                list.push(reader.value(depth_left)?);
                Some(())
            })?;
            return Some(Value::List(list));
        }
        if self.take("{") {
            let mut members = Vec::new();
            self.each("}", &mut |reader| {
                let name = reader.text()?;
                let value = reader.take(":").then(|| reader.value(depth_left))??;
                members.push((name, value));
                Some(())
            })?;
            return Some(Value::Object(members));
        }
        self.text().map(Value::Text).or_else(|| self.number())
    }

    /// Calls `read` for each element of a list separated by commas, and consumes `end`.
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

    /// Reads a string. If the rest begins with another value, consumes nothing and returns `None`.
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

/// The character of an escape sequence, after its backslash. Surrogate pairs are refused: corexdp writes none.
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
    fn values_are_read_by_path() {
        let text = r#" {"a":[1,-2,18446744073709551615],"b":{"c":null,"d":true},"e":"\"\\\n\u001bé","f":[],"g":{}} "#;
        let value = Value::read(text).unwrap();
        let numbers = value.get("a").list().iter();
        let words: Vec<_> = numbers.filter_map(Value::word).collect();
        assert_eq!(words, ["1", "-2", "18446744073709551615"]);
        assert_eq!(value.get("a").list()[2].number(), Some(u64::MAX));
        assert_eq!(value.get("a").list()[1].number(), None);
        assert_eq!(value.get("b").get("c"), &Value::Null);
        assert_eq!(value.at("b.d"), &Value::Bool(true));
        assert_eq!(value.get("b").get("d"), &Value::Bool(true));
        assert_eq!(value.get("e").word(), Some("\"\\\n\u{1b}é"));
        assert_eq!(value.get("f").list(), []);
        assert_eq!(value.get("missing").get("c"), &Value::Null);
    }

    #[test]
    fn invalid_json_is_refused() {
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
