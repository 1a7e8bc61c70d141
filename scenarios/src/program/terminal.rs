//! Colour on a terminal, plain in a pipe.

use std::io::{IsTerminal, stderr, stdout};

use comfy_table::Table;
use owo_colors::OwoColorize;
use seaworthy_sim::story::Style;

/// Whether standard output takes colours. `NO_COLOR` says no.
pub(super) fn is_coloured() -> bool {
    stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// How stories are printed here.
pub(super) fn style() -> Style {
    let width = Table::new().width().map_or(Style::default().width, usize::from);
    Style { color: is_coloured(), width }
}

/// What is wrong.
pub(super) fn bad(text: &str) -> String {
    if is_coloured() { text.red().bold().to_string() } else { text.to_owned() }
}

/// What is right.
pub(super) fn good(text: &str) -> String {
    if is_coloured() { text.green().bold().to_string() } else { text.to_owned() }
}

/// What counts.
pub(super) fn strong(text: &str) -> String {
    if is_coloured() { text.bold().to_string() } else { text.to_owned() }
}

/// What is wrong, on standard error.
pub(super) fn error(text: &str) -> String {
    let coloured = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if coloured { text.red().bold().to_string() } else { text.to_owned() }
}
