//! Output of the program: with colours on a terminal, plain in a pipe. For commands of your own, so that they look like
//! the others.

use std::{
    fmt,
    io::{ErrorKind, IsTerminal, Write, stderr, stdout},
    process,
};

use anstyle::{AnsiColor, Style as Paint};
use comfy_table::{Attribute, Cell, CellAlignment, Table, presets};

use crate::story::Style;

/// Prints to standard output. A reader that has seen enough, as `head` has, is no error: the work goes on, and the exit
/// code says how it ended. Where nothing can be printed for another reason, as on a full disk, the program ends.
pub fn print(text: fmt::Arguments<'_>) {
    let Err(cause) = stdout().write_fmt(text) else { return };
    if cause.kind() != ErrorKind::BrokenPipe {
        // Standard error may be gone as well.
        let _ = writeln!(stderr(), "{} can't print: {cause}", error("error:"));
        process::exit(2);
    }
}

/// Returns `true` if standard output takes colours. `NO_COLOR` says no.
pub fn is_coloured() -> bool {
    stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Returns the style in which stories are printed here.
pub(super) fn style(width: Option<usize>) -> Style {
    let terminal = Table::new().width().map(usize::from);
    Style { color: is_coloured(), ..Style::default() }.fitting(width, terminal)
}

fn paint(is_coloured: bool, paint: Paint, text: &str) -> String {
    if is_coloured { format!("{paint}{text}{paint:#}") } else { text.to_owned() }
}

/// Formats text about what is wrong.
pub fn bad(text: &str) -> String {
    paint(is_coloured(), AnsiColor::Red.on_default().bold(), text)
}

/// Formats text about what is right.
pub fn good(text: &str) -> String {
    paint(is_coloured(), AnsiColor::Green.on_default().bold(), text)
}

/// Formats text that counts.
pub fn strong(text: &str) -> String {
    paint(is_coloured(), Paint::new().bold(), text)
}

/// Returns `true` if standard error takes colours.
pub fn is_error_coloured() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Formats text about what is wrong, on standard error.
pub fn error(text: &str) -> String {
    paint(is_error_coloured(), AnsiColor::Red.on_default().bold(), text)
}

/// Returns a table of names on the left and numbers in every other column.
pub fn numbers<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    if !is_coloured() {
        table.force_no_tty();
    }
    table.set_header(header.into_iter().map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
