//! Output of the verbs: a table for people, one JSON document for programs.

use std::{fmt::Write as _, time::Duration};

use comfy_table::{ContentArrangement, Table, presets};
use seaworthy_core::ports::Timestamp;
use seaworthy_sim::cli::terminal;
use serde_json::Value;

/// Answer of a verb.
#[derive(Default)]
pub(super) struct Shown {
    /// The document for programs.
    pub(super) json: Value,
    /// Sentences above the table.
    pub(super) above: Vec<String>,
    pub(super) table: Option<Table>,
    /// Sentences below it.
    pub(super) below: Vec<String>,
}

impl Shown {
    pub(super) fn print(&self, as_json: bool) {
        let mut text = String::new();
        if as_json {
            let _ = writeln!(text, "{:#}", self.json);
        } else {
            for line in &self.above {
                let _ = writeln!(text, "{line}");
            }
            if let Some(table) = self.table.as_ref().filter(|table| !table.is_empty()) {
                let _ = writeln!(text, "{}", table.trim_fmt());
            }
            for line in &self.below {
                let _ = writeln!(text, "{line}");
            }
        }
        terminal::print(format_args!("{text}"));
    }
}

/// A table without lines, with these titles.
pub(super) fn table(titles: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(titles);
    if !terminal::is_coloured() {
        table.force_no_tty();
    }
    table
}

/// A moment for people and programs: `2026-11-29T20:15:00Z`.
pub(super) fn moment(at: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(at.as_micros()) {
        Ok(moment) => format!("{moment:.0}"),
        Err(_) => at.to_string(),
    }
}

/// An age in its two largest units: `3d 4h`.
pub(super) fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let units = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(units.len() - 1);
    let told =
        units[first..].iter().take(2).filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}"));
    let told: Vec<String> = told.collect();
    if told.is_empty() { "0s".to_owned() } else { told.join(" ") }
}

/// A count of things, by their noun: `1 saga`, `3 sagas`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// The line that says where the next page begins.
pub(super) fn more(after: impl std::fmt::Display) -> String {
    format!("there may be more: --after {after}")
}

/// The line that ends a dry run.
pub(super) const NOTHING_CHANGED: &str = "nothing is changed: say --yes to do it";
