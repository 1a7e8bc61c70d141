//! Growth: the middle of the worker's last life against its end.

use std::collections::BTreeSet;

use serde::Serialize;

use super::figures::Figures;

/// Parts of the last life, in hundredths, that are compared. The first quarter is left out: caches fill, and what was kept
/// by a wrong clock is sorted out.
const MIDDLE: std::ops::Range<u64> = 25..60;
const END: std::ops::Range<u64> = 75..100;

/// Number of looks in each part below which nothing is said.
const LOOKS_MIN: usize = 3;

/// Growth beyond which a figure is not flat: a share of the figure in hundredths, and so much more for small ones.
const PERCENT: u64 = 20;
const MEMORY_KIB: u64 = 6 * 1_024;
const FILES_KIB: u64 = 2 * 1_024;
const ROWS: u64 = 150;

/// A figure in the middle and at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Trend {
    /// Name of that which was measured.
    pub(super) of: String,
    /// The unit, where it is not rows.
    pub(super) unit: &'static str,
    pub(super) middle: u64,
    pub(super) end: u64,
    /// Largest value at the end that counts as flat.
    pub(super) at_most: u64,
}

impl Trend {
    fn new(of: impl Into<String>, unit: &'static str, (middle, end): (u64, u64), more: u64) -> Self {
        Self { of: of.into(), unit, middle, end, at_most: middle + middle * PERCENT / 100 + more }
    }

    /// Returns `true` if the figure stays as it is.
    pub(super) fn is_flat(&self) -> bool {
        self.end <= self.at_most
    }
}

/// Tables with a row for each order, which stay as long as the orders do: the business key of a checkout stays taken.
const KEPT_WITH_ORDERS: [&str; 2] = ["sagas", "operations"];

/// Returns how each figure went on; nothing where the last life was too short to say.
pub(super) fn trends(figures: &[Figures]) -> Vec<Trend> {
    let Some(last) = figures.last() else { return Vec::new() };
    let life: Vec<&Figures> = figures.iter().filter(|figures| figures.life == last.life).collect();
    let (from, span) = (life[0].at_ms, last.at_ms - life[0].at_ms);
    let part = |part: &std::ops::Range<u64>| -> Vec<&Figures> {
        let within = |at: u64| (at - from) * 100 >= part.start * span && (at - from) * 100 <= part.end * span;
        life.iter().copied().filter(|figures| within(figures.at_ms)).collect()
    };
    let (middle, end) = (part(&MIDDLE), part(&END));
    if middle.len() < LOOKS_MIN || end.len() < LOOKS_MIN {
        return Vec::new();
    }
    let both = |figure: &dyn Fn(&Figures) -> Option<u64>| Some((median(&middle, figure)?, median(&end, figure)?));
    let mut trends = Vec::new();
    let memory = both(&|figures| figures.memory_kib);
    trends.extend(memory.map(|both| Trend::new("memory", "KiB", both, MEMORY_KIB)));
    trends.extend(both(&|figures| Some(figures.files_kib)).map(|both| Trend::new("files", "KiB", both, FILES_KIB)));
    let tables: BTreeSet<&String> = life.iter().flat_map(|figures| figures.rows.keys()).collect();
    for table in tables.into_iter().filter(|table| !KEPT_WITH_ORDERS.contains(&table.as_str())) {
        let rows = both(&|figures| figures.rows.get(table).copied());
        trends.extend(rows.map(|both| Trend::new(format!("rows of {table}"), "", both, ROWS)));
    }
    trends
}

fn median(of: &[&Figures], figure: &dyn Fn(&Figures) -> Option<u64>) -> Option<u64> {
    let mut values: Vec<u64> = of.iter().filter_map(|figures| figure(figures)).collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}
