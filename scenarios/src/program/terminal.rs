//! Colour on a terminal, plain in a pipe.

use std::{
    fmt,
    io::{ErrorKind, IsTerminal, Write, stderr, stdout},
    process,
};

use comfy_table::Table;
use owo_colors::OwoColorize;
use seaworthy_sim::story::Style;

/// Prints a line to standard output, as [`fn@print`] does.
macro_rules! say {
    () => { $crate::program::terminal::print(format_args!("\n")) };
    ($($text:tt)+) => { $crate::program::terminal::print(format_args!("{}\n", format_args!($($text)+))) };
}

/// Prints to standard output without ending the line, as [`fn@print`] does.
macro_rules! say_part {
    ($($text:tt)+) => { $crate::program::terminal::print(format_args!($($text)+)) };
}

/// Prints to standard output. A reader that has seen enough, as `head` has, is no error: the work goes on, and the exit
/// code says how it ended. Where nothing can be printed for another reason, as on a full disk, the program ends.
pub(super) fn print(text: fmt::Arguments<'_>) {
    let Err(cause) = stdout().write_fmt(text) else { return };
    if cause.kind() != ErrorKind::BrokenPipe {
        // Standard error may be gone as well.
        let _ = writeln!(stderr(), "{} can't print: {cause}", error("error:"));
        process::exit(2);
    }
}

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

/// Whether standard error takes colours.
pub(super) fn is_error_coloured() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// What is wrong, on standard error.
pub(super) fn error(text: &str) -> String {
    if is_error_coloured() { text.red().bold().to_string() } else { text.to_owned() }
}
