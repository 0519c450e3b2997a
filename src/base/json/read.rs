//! Reads JSON without a schema.

/// Maximum depth of nested lists and objects.
const MAX_DEPTH: usize = 16;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`, or a missing member.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as written.
    Number(String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// The members of an object, in order.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// Parses a whole text; `None` for text that is not JSON or nested too deeply.
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let value = reader.value(MAX_DEPTH)?;
        reader.rest.trim_ascii_start().is_empty().then_some(value)
    }

    /// The member of this name; `Null` if there is none.
    pub fn get(&self, name: &str) -> &Self {
        let members = match self {
            Self::Object(members) => members.as_slice(),
            _ => &[],
        };
        let found = members.iter().find(|(other, _)| other == name);
        found.map_or(&Self::Null, |(_, value)| value)
    }

    /// The nested member at a path of names with dots between; `Null` if there is none.
    pub fn at(&self, path: &str) -> &Self {
        path.split('.').fold(self, Self::get)
    }

    /// The elements of a list; empty for any other value.
    pub fn list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// The string, or the digits of a number; `None` for any other value.
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Text(word) | Self::Number(word) => Some(word),
            _ => None,
        }
    }

    /// A non-negative integer; `None` for any other value.
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
    /// Consumes `word` if the input begins with it, after white space.
    fn take(&mut self, word: &str) -> bool {
        let after = self.rest.trim_ascii_start().strip_prefix(word);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
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
                list.push(reader.value(depth)?);
                Some(())
            })?;
            return Some(Value::List(list));
        }
        if self.take("{") {
            let mut members = Vec::new();
            self.each("}", &mut |reader| {
                let name = reader.text()?;
                let value = reader.take(":").then(|| reader.value(depth))??;
                members.push((name, value));
                Some(())
            })?;
            return Some(Value::Object(members));
        }
        self.text().map(Value::Text).or_else(|| self.number())
    }

    /// Reads elements separated by commas, up to `end`.
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

    /// Reads a string; without a quote next, returns `None` and consumes nothing.
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

/// Reads an escape after its backslash. `None` for a surrogate: the daemon does not escape letters above U+FFFF.
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
    fn values_of_each_kind_are_read() {
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
    fn text_that_is_not_json_is_none() {
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
