//! The events of a long run that a page has room for.

use std::collections::BTreeSet;

use crate::trace::Event;

/// A page of more events is slow to open.
pub(super) const EVENTS_MAX: usize = 5_000;
/// Of those, how many may come after the last one of the story: what followed is rarely asked for.
const AFTER: usize = 500;

/// The events that are shown of a trace: all of them where there are no more than `max`, else those of the story and what
/// lies before and around the last of it. Without a story it is the beginning.
pub(super) fn cut<'a>(trace: &'a [Event], story: &BTreeSet<u64>, max: usize) -> Vec<&'a Event> {
    if trace.len() <= max {
        return trace.iter().collect();
    }
    let is_told = |event: &Event| story.contains(&event.number);
    let end = match trace.iter().rposition(is_told) {
        Some(last) => (last + 1 + AFTER.min(max / 10)).clamp(max, trace.len()),
        None => max,
    };
    let beyond = trace[..end].iter().filter(|event| is_told(event)).count();
    let begin = end - max.saturating_sub(beyond);
    let (before, around) = trace[..end].split_at(begin);
    before.iter().filter(|event| is_told(event)).chain(around).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{What, script::Script};

    fn run(events: u64) -> Vec<Event> {
        let mut script = Script::new();
        let process = script.process("orders-1");
        for request in 0..events {
            script.event(process, What::Request { request, operation: "place".into() });
        }
        script.events()
    }

    fn shown(events: u64, story: &[u64], max: usize) -> Vec<u64> {
        cut(&run(events), &story.iter().copied().collect(), max).iter().map(|event| event.number).collect()
    }

    #[test]
    fn a_short_run_is_shown_whole() {
        assert_eq!(shown(5, &[3], 5), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn of_a_long_run_the_story_is_shown_and_what_lies_around_its_end() {
        let shown = shown(1_000, &[3, 7, 500], 100);
        assert_eq!(shown[..2], [3, 7]);
        assert!(shown.len() <= 100, "{}", shown.len());
        assert!(shown.windows(2).all(|pair| pair[0] < pair[1]), "{shown:?}");
        assert!(shown.contains(&500) && shown.contains(&450), "{shown:?}");
        assert_eq!(shown.last(), Some(&510), "and a little of what came after");
    }

    #[test]
    fn a_story_at_the_very_end_or_at_the_beginning_leaves_no_room_unused() {
        assert_eq!(shown(1_000, &[999], 100), (901..1_000).collect::<Vec<_>>());
        assert_eq!(shown(1_000, &[1], 100), (1..100).collect::<Vec<_>>());
        assert_eq!(shown(1_000, &[], 100), (0..100).collect::<Vec<_>>());
    }
}
