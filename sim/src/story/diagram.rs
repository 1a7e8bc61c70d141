//! A sequence diagram in the terminal: a lane for each process, the broker and each external service; an event a row.

use std::fmt::Write;

use super::{Style, lanes::Lanes};
use crate::trace::{Event, Renderer, millis, width::wrap};

/// Columns that words should have, so that lanes have to be narrower.
const WORDS: usize = 36;
/// Columns that they have at least, however wide the lanes are.
const WORDS_MIN: usize = 16;
/// Columns between them: the mark, and two on either side of the lanes.
const MARGINS: usize = 5;

/// Draws `events`, which are some of `trace`. Those in `shown` are marked: they show the violation.
pub(super) fn draw(trace: &[Event], events: &[&Event], shown: &[u64], renderer: &mut Renderer, style: Style) -> String {
    let time = events.iter().map(|event| millis(event.at).len()).max().unwrap_or(0).max("ms".len());
    let lanes = Lanes::of(events, renderer, style.width.saturating_sub(time + MARGINS + WORDS));
    let words = style.width.saturating_sub(time + MARGINS + lanes.columns()).max(WORDS_MIN);
    let mut text = format!("  {:>time$}  {}\n", "ms", style.faint(lanes.head().trim_end()));
    let mut chosen = events.iter().peekable();
    for event in trace {
        // Every event is rendered, because it may be the first to name something.
        let what = renderer.text(event);
        if chosen.next_if(|next| next.number == event.number).is_none() {
            continue;
        }
        let is_shown = shown.contains(&event.number);
        let mark = if is_shown { style.bad(">") } else { " ".to_owned() };
        let mut lines = wrap(&what, words).into_iter().map(|line| if is_shown { style.bad(&line) } else { line });
        let first = lines.next().unwrap_or_default();
        let _ = writeln!(text, "{mark} {:>time$}  {} {first}", millis(event.at), lanes.row(event));
        for line in lines {
            let _ = writeln!(text, "  {:>time$}  {} {line}", "", style.faint(&lanes.blank()));
        }
    }
    text
}
