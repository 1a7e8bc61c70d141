//! Progress bars, on standard error and only on a terminal.

use std::{
    io::{IsTerminal, Write, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    catalogue::{Case, Entry},
    explore::{ExhaustOptions, FailedRun, Progress, Seeds, ShrinkProgress, SweepOptions},
    plan::{Profile, counted},
    teller::found,
};

/// The bar of a sweep over so many seeds, or for so long.
pub(super) fn of_sweep(duration: Option<Duration>) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Some(duration) = duration {
        bar.set_length(millis(duration));
    }
    let style =
        ProgressStyle::with_template("{spinner} {bar:30} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar
}

/// Says on standard error what is about to be run, where no bar shows it: a run over a file of orders takes a minute, and
/// its plan is run more than once before anything else is told.
pub(super) fn announce(entries: &[Entry], groups: &[Vec<Profile>], options: &SweepOptions) {
    let many = entries.len() * groups.len();
    let of = match (entries, groups) {
        ([entry], [profiles]) => {
            let profiles = profiles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            format!("{} under {profiles}", entry.name())
        }
        _ => counted(many as u64, "campaigns"),
    };
    let each = if many > 1 { " each" } else { "" };
    let until = &options.search.until;
    let how_long = match (&options.seeds, until.time, until.runs) {
        (Seeds::Explicit(seeds), ..) => format!("{}{each}", counted(seeds.len() as u64, "seeds")),
        (_, Some(time), _) => format!("{} s{each}", time.as_secs_f64()),
        (_, None, Some(runs)) => format!("{}{each}", counted(runs, "seeds")),
        (_, None, None) => "until it is stopped".to_owned(),
    };
    let twice = match options.search.run_twice {
        0 => String::new(),
        share => format!("; the first plans, and one in {share}, run twice, and their traces are compared"),
    };
    say(&format!("running {of}: {how_long}{twice}"));
}

/// Says which plans are about to be tried, as [`announce`] does.
pub(super) fn announce_plans(entry: &Entry, options: &ExhaustOptions) {
    let (items, what) =
        (counted(options.items as u64, entry.noun()), if options.k > 1 { " and every pair" } else { "" });
    say(&format!("trying every fault{what} for {items} of {}", entry.name()));
}

/// Says that one plan of a file of items is about to be run, which takes as long as there are items.
pub(super) fn announce_replay(case: &dyn Case) {
    let (scenario, items) = (case.scenario(), counted(case.items() as u64, case.noun()));
    say(&format!("running {scenario} with {items} more than once, and comparing the whole traces"));
}

fn say(line: &str) {
    if !stderr().is_terminal() {
        // Whoever hears nothing of it misses nothing else.
        let _ = writeln!(stderr(), "{line}");
    }
}

/// The bar of a search whose plans are counted.
pub(super) fn of_search() -> ProgressBar {
    of_sweep(None)
}

/// Moves it on.
pub(super) fn show_plans(bar: &ProgressBar, progress: &Progress) {
    if let Some(total) = progress.total {
        bar.set_length(total);
    }
    bar.set_position(progress.runs);
    let rate = progress.runs as f64 / progress.elapsed.as_secs_f64().max(1e-3);
    let total = progress.total.unwrap_or(progress.runs);
    bar.set_message(format!("{} of {total} plans, {rate:.0}/s, {} failed", progress.runs, progress.failed));
}

/// Moves it on. `of` says what is swept, where there are several sweeps.
pub(super) fn show_sweep(bar: &ProgressBar, of: &str, duration: Option<Duration>, progress: &Progress) {
    match (duration, progress.total) {
        (Some(duration), _) => bar.set_position(millis(progress.elapsed.min(duration))),
        (None, Some(total)) => {
            bar.set_length(total);
            bar.set_position(progress.runs);
        }
        (None, None) => {}
    }
    let rate = progress.runs as f64 / progress.elapsed.as_secs_f64().max(1e-3);
    let failed = match progress.failed {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    bar.set_message(format!("{of}{} seeds, {rate:.0}/s{failed}", progress.runs));
}

/// The spinner of a shrinking plan.
pub(super) fn of_shrinking() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.set_message("shrinking");
    bar
}

/// Says what was found before its plan is shrunk: above the bar, or on a line of standard error where none is shown.
pub(super) fn announce_shrinking(bar: &ProgressBar, failure: &FailedRun) {
    let line = found(failure);
    bar.println(&line);
    say(&line);
}

/// Moves it on.
pub(super) fn show_shrinking(bar: &ProgressBar, progress: &ShrinkProgress, noun: &str) {
    let (faults, items) = (counted(progress.faults as u64, "faults"), counted(progress.items as u64, noun));
    bar.set_message(format!("shrinking: {faults} and {items} after {} runs", progress.runs));
    bar.tick();
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
