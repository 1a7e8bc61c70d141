//! Progress bars, on standard error and only on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    explore::{Progress, ShrinkProgress},
    plan::counted,
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

/// Moves it on.
pub(super) fn show_shrinking(bar: &ProgressBar, progress: &ShrinkProgress, noun: &str) {
    let (faults, items) = (counted(progress.faults as u64, "faults"), counted(progress.items as u64, noun));
    bar.set_message(format!("shrinking: {faults} and {items} after {} runs", progress.runs));
    bar.tick();
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
