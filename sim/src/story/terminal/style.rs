use anstyle::AnsiColor;

/// Style in which a story is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Style {
    /// `true` to colour it: on a terminal, not in a pipe.
    pub color: bool,
    /// Columns to fill. Nothing is ever cut: what is longer goes on in the next line, under its row.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        // Fits a log of a CI run and a terminal beside an editor.
        Self { color: false, width: 120 }
    }
}

impl Style {
    /// In narrower ones a diagram has no room for words.
    pub(crate) const WIDTH_MIN: usize = 40;

    /// Colours it, or not.
    #[must_use]
    pub fn color(mut self, color: bool) -> Self {
        self.color = color;
        self
    }

    /// Sets the columns to fill.
    #[must_use]
    pub fn width(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    /// With the width that somebody asks for by an option, else by the environment variable `COLUMNS`, else that of the
    /// terminal, if it is one; in a pipe it is that of [`Style::default`].
    ///
    /// ```
    /// use seaworthy_sim::story::Style;
    ///
    /// assert_eq!(Style::default().fitting(Some(100), Some(80)).width, 100, "an option is honoured before all else");
    /// ```
    #[must_use]
    pub fn fitting(self, asked: Option<usize>, terminal: Option<usize>) -> Self {
        self.fitting_by(asked, std::env::var("COLUMNS").ok().as_deref(), terminal)
    }

    fn fitting_by(self, asked: Option<usize>, columns: Option<&str>, terminal: Option<usize>) -> Self {
        let columns = columns.and_then(|columns| columns.trim().parse().ok()).filter(|columns| *columns > 0);
        let width = asked.or(columns).or(terminal).unwrap_or(self.width);
        Self { width: width.max(Self::WIDTH_MIN), ..self }
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    pub(super) fn strong(self, text: &str) -> String {
        self.paint(anstyle::Style::new().bold(), text)
    }

    pub(super) fn faint(self, text: &str) -> String {
        self.paint(anstyle::Style::new().dimmed(), text)
    }

    fn paint(self, style: anstyle::Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_width_is_asked_for_or_the_environments_or_the_terminals() {
        let width = |asked, columns, terminal| Style::default().fitting_by(asked, columns, terminal).width;
        assert_eq!(width(Some(90), Some("70"), Some(60)), 90);
        assert_eq!(width(None, Some("70"), Some(60)), 70);
        assert_eq!(width(None, None, Some(60)), 60);
        assert_eq!(width(None, None, None), 120);
        for nonsense in ["", "0", "wide", "-3"] {
            assert_eq!(width(None, Some(nonsense), Some(60)), 60, "{nonsense:?}");
        }
        assert_eq!(width(Some(3), None, None), 40, "there has to be room for words");
    }
}
