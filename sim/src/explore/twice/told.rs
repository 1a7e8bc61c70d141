use std::fmt::Write;

use super::{Difference, DifferenceCause, Source, texts::differing};
use crate::{
    trace::{Event, Renderer, interleave},
    world::RunReport,
};

/// Lines of both runs, with what the processes told, that lead up to the difference.
const BEFORE: usize = 12;
/// Words that are named where two events differ in them.
const WORDS: usize = 3;

/// Tells where two runs part. The third one kept what the processes told `tracing`.
pub(super) fn tell(source: Source, runs: [&RunReport; 3], at: usize, cause: DifferenceCause) -> Difference {
    let [first, second, spans] = runs;
    let mut story = format!(
        "two runs of one plan differ at event {at} ({source})\n\
         the code under test takes something from outside its ports, so nothing that it shows can be replayed\n\n"
    );
    let trace = |run: &RunReport| run.trace.clone().unwrap_or_default();
    let (one, other) = (trace(first), trace(second));
    let common = &one[..at.min(one.len()).min(other.len())];
    for line in leading_up(first, spans, common) {
        let _ = writeln!(story, "           {line}");
    }
    for (name, events) in [("first run", &one), ("second run", &other)] {
        let _ = writeln!(story, "{name:<10} {}", say(first, events, at));
    }
    if let (Some(one), Some(other)) = (one.get(at), other.get(at)) {
        for pair in differing(&format!("{:?}", one.what), &format!("{:?}", other.what)).iter().take(WORDS) {
            let _ = writeln!(story, "           {:?} and {:?}", pair.one, pair.other);
        }
    }
    if first.held() != second.held() {
        let verdict = |run: &RunReport| run.violations.first().map_or("held".to_owned(), |v| v.sentence.clone());
        let _ = writeln!(story, "           the first {}; the second {}", verdict(first), verdict(second));
    }
    let _ = write!(story, "\nlikely cause: {cause}");
    Difference { source, at: at as u64, cause, story }
}

/// Tells of a run that did not come again, such as one that failed, while all the others agree.
pub(super) fn of_the_lost(source: Source, which: &str, lost: u64, now: &RunReport) -> Difference {
    let cause = DifferenceCause::Survivor;
    let story = format!(
        "{which} does not come again ({source})\n\
         it had fingerprint {lost:#018x}; each run of the same plan now has {:#018x}, and they agree with each other\n\n\
         likely cause: {cause}",
        now.fingerprint,
    );
    Difference { source, at: now.events, cause, story }
}

/// The last lines before the difference, with spans where a run of the same beginning kept them.
fn leading_up(first: &RunReport, spans: &RunReport, common: &[Event]) -> Vec<String> {
    let begins_alike = spans.trace.as_deref().is_some_and(|trace| trace.starts_with(common));
    let told = spans.spans.as_deref().filter(|_| begins_alike).unwrap_or_default();
    // What was told before the event that differs belongs to it.
    let until = told.partition_point(|told| told.before <= common.len() as u64);
    let mut lines = interleave(&first.processes, common, &told[..until]);
    lines.split_off(lines.len().saturating_sub(BEFORE))
}

fn say(run: &RunReport, events: &[Event], at: usize) -> String {
    let mut renderer = Renderer::new(&run.processes);
    // All before it: they give the names.
    let mut lines = events.iter().take(at + 1).map(|event| renderer.line(event));
    lines.nth(at).unwrap_or_else(|| "(ends here)".to_owned())
}
