//! Colours of the text.

/// Style of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    /// With escape sequences for colours (ECMA-48).
    Coloured,
}

/// Terminal colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// For a good state.
    Green,
    /// For a bad state.
    Red,
    /// For a warning.
    Yellow,
}

impl Colour {
    /// The text in this colour, or unchanged in the plain style.
    pub(super) fn paint(self, text: &str, style: Style) -> String {
        let code = match self {
            Self::Green => "32",
            Self::Red => "1;31",
            Self::Yellow => "33",
        };
        match style {
            Style::Coloured => format!("\x1b[{code}m{text}\x1b[0m"),
            Style::Plain => text.into(),
        }
    }
}
